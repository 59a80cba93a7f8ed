"""Testing an account's credentials with a real call, before they are kept.

`getCompteStatus` (guide 3.4) takes just site id and API key, answers for that very site, and leaves nothing behind at
CinetPay: no money moves, and unlike a signature it uses up no trans id.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

import structlog

from saleor_cinetpay.cinetpay import CinetPayBalance, CodeClass, describe
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import CinetPayError, CinetPayNotOffered, CinetPayRefused, CinetPayUnintelligible
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.problems import Configurations, Problems
from saleor_cinetpay.payments.verdict import ACCEPTED_CODE
from saleor_cinetpay.shops.account_book import Check
from saleor_cinetpay.shops.accounts import Account

TEST_S = 8.0
UNREACHABLE, UNINTELLIGIBLE, SITE_NOT_SHOWN = "unreachable", "unintelligible", "site_not_shown"
NOT_OFFERED = "not_offered"
"""What came of a test that got no code."""
WRONG: dict[str, Literal["api_key", "site_id"]] = {"609": "api_key", "613": "site_id", "601": "site_id"}
"""The codes that say that what was typed is wrong, and which of the two is the likelier."""

log = structlog.get_logger(__name__)


class Standing(StrEnum):
    """What a test has shown."""

    PROVED = "proved"
    """CinetPay knows site and key."""
    WRONG = "wrong"
    """CinetPay says that it does not know them: kept, they would take no payment, ever."""
    BLOCKED = "blocked"
    """CinetPay answers, and takes no payments for the account just now."""
    UNKNOWN = "unknown"
    """Nobody can tell: no answer, or none that says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of a test."""

    standing: Standing
    check: Check
    said: Text
    """For the merchant: what it means and what to do."""
    field: Literal["api_key", "site_id"] | None = None
    """Which field of the form it is about."""


class Balances(Protocol):
    """Asks for balances (`getCompteStatus`, guide 3.4). Moves no money."""

    async def get_compte_status(self, account: Account, *, timeout_s: float) -> CinetPayBalance:
        """Return the balances of the merchant and of the account's site.

        Raises:
            CinetPayError: where it refuses, or can't be asked, or can't be understood.
        """
        ...


class Credentials:
    """Tests credentials."""

    def __init__(self, balances: Balances, problems: Problems, clock: Clock) -> None:
        self._balances = balances
        self._configurations = Configurations(problems, clock)
        self._clock = clock

    async def test(self, account: Account) -> Trial:
        """Ask CinetPay whether it knows the account, which may not be kept yet."""
        try:
            balance = await self._balances.get_compte_status(account, timeout_s=TEST_S)
        except CinetPayRefused as refused:
            code, said = refused.code, refused.merchant
        except CinetPayError as error:
            log.warning("credentials_not_tested", account_key=account.account_key, error=str(error))
            code = _code_of(error)
            said = SAID[code]
        else:
            code = ACCEPTED_CODE if _shows_its_site(balance) else SITE_NOT_SHOWN
            said = SAID[code]
        return Trial(
            standing=standing_of(code),
            check=Check(code=code, at=self._clock.now()),
            said=said,
            field=WRONG.get(code),
        )

    async def note(self, account: Account, trial: Trial) -> None:
        """Raise or solve the problem of a kept account that was tested."""
        if trial.standing is Standing.PROVED:
            await self._configurations.accepted(account)
        elif trial.standing in {Standing.WRONG, Standing.BLOCKED}:
            await self._configurations.refused(account, trial.check.code)


SAID = {
    ACCEPTED_CODE: text("CinetPay knows this site id and this API key."),
    UNREACHABLE: text(
        "CinetPay did not answer, so the site id and the API key could not be tested. Test them again later."
    ),
    UNINTELLIGIBLE: text(
        "CinetPay's answer could not be understood, so nobody knows yet whether site id and API key are right."
    ),
    NOT_OFFERED: CinetPayNotOffered.merchant,
    SITE_NOT_SHOWN: text(
        "CinetPay knows the API key but shows no balance for this site id. "
        "Compare the site id with the Integration tab of CinetPay's back office."
    ),
}
"""What is said where CinetPay gave no code of its own."""


def standing_of(code: str) -> Standing:
    """Return what a test has shown, by what is kept of it."""
    if code == ACCEPTED_CODE:
        return Standing.PROVED
    if code in WRONG:
        return Standing.WRONG
    return Standing.BLOCKED if describe(code).code_class is CodeClass.CONFIGURATION else Standing.UNKNOWN


def meaning_of(code: str) -> Text:
    """Say in words what came of a test, by what is kept of it."""
    return SAID.get(code) or describe(code).merchant


def _code_of(error: CinetPayError) -> str:
    match error:
        case CinetPayUnintelligible():
            return UNINTELLIGIBLE
        case CinetPayNotOffered():
            return NOT_OFFERED
        case _:
            return UNREACHABLE


def _shows_its_site(balance: CinetPayBalance) -> bool:
    return any(figure is not None for figure in (balance.service.solde, balance.service.credit, balance.service.debit))
