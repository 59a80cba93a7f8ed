"""Testing credentials: what CinetPay says of them, what that means, and which field it is about."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes import NOON, TurnedClock, refusal
from payments_kit import SHOP, an_account

from saleor_cinetpay.cinetpay import CinetPayBalance
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import CinetPayError, CinetPayUnavailable, CinetPayUnintelligible
from saleor_cinetpay.locale import Language
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.credentials import Credentials, Standing, Trial, meaning_of, standing_of
from saleor_cinetpay.payments.problems import ProblemKind, Problems
from saleor_cinetpay.shops.account_book import Check
from saleor_cinetpay.shops.accounts import Account

PURSE = {"solde": "33.6", "credit": "35", "debit": "1.4"}
BALANCE = CinetPayBalance.model_validate({"compte": PURSE, "service": PURSE})
AWAY = CinetPayUnavailable("no answer", maybe_carried_out=False)
ODD = CinetPayUnintelligible("no balance", maybe_carried_out=True)


class Answering:
    """A CinetPay that answers every balance alike."""

    def __init__(self, answer: CinetPayBalance | CinetPayError) -> None:
        self.answer = answer

    async def get_compte_status(self, account: Account, *, timeout_s: float) -> CinetPayBalance:
        if isinstance(self.answer, CinetPayError):
            raise self.answer
        return self.answer


@pytest.fixture
async def problems(tmp_path: Path) -> AsyncIterator[Problems]:
    database = Database(f"sqlite:///{tmp_path}/ledger.db")
    await migrate(database)
    yield Problems(database)
    await database.close()


async def trial_of(answer: CinetPayBalance | CinetPayError, problems: Problems) -> Trial:
    return await Credentials(Answering(answer), problems, TurnedClock()).test(an_account())


@pytest.mark.parametrize(
    ("answer", "standing", "code", "field", "said"),
    [
        (BALANCE, Standing.PROVED, "00", None, "CinetPay knows this site id"),
        (refusal("609"), Standing.WRONG, "609", "api_key", "does not accept the API key"),
        (refusal("613"), Standing.WRONG, "613", "site_id", "does not know the site id"),
        (refusal("601"), Standing.WRONG, "601", "site_id", "does not know this merchant"),
        (refusal("625"), Standing.BLOCKED, "625", None, "subscription has expired"),
        (refusal("800"), Standing.BLOCKED, "800", None, "restricts access"),
        (refusal("801"), Standing.BLOCKED, "801", None, "quota"),
        (refusal("624"), Standing.UNKNOWN, "624", None, "can't explain"),
        (AWAY, Standing.UNKNOWN, "unreachable", None, "did not answer"),
        (ODD, Standing.UNKNOWN, "unintelligible", None, "could not be understood"),
        (
            CinetPayBalance.model_validate({"compte": PURSE, "service": {}}),
            Standing.UNKNOWN,
            "site_not_shown",
            None,
            "shows no balance for this site id",
        ),
    ],
)
async def test_what_cinetpay_says_is_told_in_words(
    problems: Problems,
    answer: CinetPayBalance | CinetPayError,
    standing: Standing,
    code: str,
    field: str | None,
    said: str,
) -> None:
    """Each answer says whether the credentials are right, which field is wrong, and what to do; also once kept."""
    found = await trial_of(answer, problems)
    assert (standing, Check(code=code, at=NOON), field) == (found.standing, found.check, found.field)
    assert said in found.said.say(Language.ENGLISH)
    assert (standing, found.said) == (standing_of(code), meaning_of(code))


async def test_a_kept_account_that_is_not_accepted_is_a_problem(problems: Problems) -> None:
    """A refused account is raised for a person, an accepted one solved; one that could not be tested is neither."""
    account = an_account()

    async def raised_after(answer: CinetPayBalance | CinetPayError) -> list[ProblemKind]:
        credentials = Credentials(Answering(answer), problems, TurnedClock())
        await credentials.note(account, await credentials.test(account))
        return [problem.kind for _, problem in await problems.open_of(SHOP)]

    assert [] == await raised_after(AWAY)
    assert [ProblemKind.CONFIGURATION] == await raised_after(refusal("625"))
    assert [ProblemKind.CONFIGURATION] == await raised_after(AWAY)
    assert [] == await raised_after(BALANCE)
