"""A newer version of the app has written words that this one lacks: nothing fails, and it is left what is its own."""

from dataclasses import replace
from typing import Any

import pytest
from fakes import NOON, SeededChance, TurnedClock
from payments_kit import SHOP, Heart, a_payment, trans_id
from sqlalchemy import insert, update

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import OfANewerVersion
from saleor_cinetpay.insight.backlog import Reading
from saleor_cinetpay.locale import Language
from saleor_cinetpay.payments.desk_payments import DeskPayments, Filters
from saleor_cinetpay.payments.heartbeats import Heartbeats
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.payments.tables import payments, problems, reports

OF_TOMORROW = "of_tomorrow"
KEY = f"{OF_TOMORROW}:{trans_id(1)}"


async def write(database: Database, statement: Any) -> None:
    async with database.write() as connection:
        await connection.execute(statement)


async def noted_by_a_newer_version(database: Database) -> None:
    """Raise a problem of a kind that this version lacks, to be told to Saleor."""
    row = {
        "key": KEY,
        "saleor_api_url": SHOP,
        "kind": OF_TOMORROW,
        "trans_id": trans_id(1),
        "detail": {"what": 1},
        "raised_at": NOON,
        "changed_at": NOON,
        "due_at": NOON,
    }
    await write(database, insert(problems).values(row))


def reading_of(database: Database) -> Reading:
    clock = TurnedClock()
    return Reading(database, Heartbeats(database, clock, SeededChance()), clock)


async def test_a_problem_of_a_newer_version_is_listed(database: Database) -> None:
    """It stands on the list under its own key, beside those that this version knows."""
    await noted_by_a_newer_version(database)
    of_today = Problem(kind=ProblemKind.SUSPECT, saleor_api_url=SHOP, subject=trans_id(2))
    await Problems(database).raise_now(of_today, NOON)
    new, known = sorted((problem for _, problem in await Problems(database).open_of(SHOP)), key=lambda p: p.key)
    assert (ProblemKind.UNKNOWN, KEY, trans_id(1)) == (new.kind, new.key, new.trans_id)
    assert of_today == known


async def test_what_a_newer_version_has_written_is_counted(heart: Heart, database: Database) -> None:
    """The numbers show what is unknown together, and everything else as ever."""
    for number in (1, 2, 3):
        await heart.write(a_payment(number))
    for number, state in ((1, OF_TOMORROW), (2, "of_later")):
        await write(database, update(payments).where(payments.c.trans_id == trans_id(number)).values(state=state))
    await noted_by_a_newer_version(database)
    totals = await reading_of(database).totals()
    assert (2, 1) == (totals.payments[PaymentState.UNKNOWN], totals.payments[PaymentState.PENDING])
    assert {ProblemKind.UNKNOWN: 1} == {kind: count for kind, count in totals.problems.items() if count}


async def test_a_payment_of_a_newer_version_is_left_alone(heart: Heart, database: Database) -> None:
    """It is listed as unknown, never looked up or written by this version, and holds up no other."""
    for number in (1, 2):
        await heart.write(a_payment(number, due_at=NOON))
    await write(database, update(payments).where(payments.c.trans_id == trans_id(1)).values(state=OF_TOMORROW))
    listed = (await DeskPayments(database).page(SHOP, Filters())).payments
    assert {trans_id(1): PaymentState.UNKNOWN, trans_id(2): PaymentState.PENDING} == {
        one.trans_id: one.state for one in listed
    }
    assert [trans_id(2)] == [one.trans_id for one in await heart.ledger.claim_due(9)]
    with pytest.raises(OfANewerVersion, match=OF_TOMORROW):
        await heart.ledger.find(trans_id(1))


async def test_a_language_that_is_not_spoken_yet_is_french(heart: Heart, database: Database) -> None:
    """A payment of a buyer who is spoken to in another language by a newer version is looked after all the same."""
    await heart.write(a_payment())
    await write(database, update(payments).values(language="pt", merchant_language="pt"))
    assert replace(await heart.held(), language=Language.ENGLISH, merchant_language=Language.ENGLISH) == a_payment(
        language=Language.ENGLISH, merchant_language=Language.ENGLISH
    )


async def test_a_report_of_a_newer_version_is_left_to_it(heart: Heart, database: Database) -> None:
    """This version does not take what it can't tell; the story shows that there is something."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    await heart.settlement.settle(trans_id(), trigger="test", wait_s=8)
    await write(database, update(reports).values(type=OF_TOMORROW))
    assert [] == await heart.ledger.claim_due_reports(9)
    assert [ReportType.UNKNOWN] == [one.type for one in await DeskPayments(database).reports_of(trans_id())]
    await write(database, update(reports).values(type=ReportType.CHARGE_SUCCESS))
    assert [ReportType.CHARGE_SUCCESS] == [one.report.type for one in await heart.ledger.claim_due_reports(9)]
