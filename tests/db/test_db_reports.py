"""A report is kept, and tried, until Saleor has it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import NOON
from payments_kit import SHOP, Heart, trans_id, transaction_id
from sqlalchemy import insert, select

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorError, SaleorRefused, SaleorUnavailable
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.report import DueReport, ReportState, ReportType
from saleor_cinetpay.payments.tables import reports

SECOND = timedelta(seconds=1)
DOWN = SaleorUnavailable("nobody there", maybe_carried_out=False)


async def paid(heart: Heart, number: int = 1, saleor_api_url: str = SHOP) -> None:
    """Open a payment, let the buyer pay, and look."""
    await heart.open(number, saleor_api_url=saleor_api_url)
    heart.world.cinetpay.pays(trans_id(number))
    await heart.settlement.settle(trans_id(number), trigger="test", wait_s=8)


async def due(heart: Heart) -> DueReport:
    """Claim the one report that is due."""
    (report,) = await heart.ledger.claim_due_reports(9)
    return report


async def when_due(heart: Heart, database: Database) -> DueReport:
    """Let time pass until the report is due, and claim it."""
    async with database.read() as connection:
        due_at = (await connection.execute(select(reports.c.due_at))).scalar_one()
    heart.world.clock.turn((due_at - heart.world.clock.moment).total_seconds())
    return await due(heart)


async def state_of(heart: Heart, number: int = 1) -> list[ReportState]:
    return [state for _, state in await heart.ledger.reports_of(trans_id(number))]


async def test_a_report_is_due_at_once_and_claimed_once(heart: Heart, other_heart: Heart) -> None:
    """One of many claimants, in two processes, gets it, with a lease of thirty seconds."""
    await paid(heart)
    claims = await asyncio.gather(*(h.ledger.claim_due_reports(9) for h in [heart, other_heart] * 5))
    (claimed,) = [report for reports in claims for report in reports]
    assert (1, NOON) == (claimed.attempts, claimed.created_at)
    heart.world.clock.turn(29.9)
    assert [] == await other_heart.ledger.claim_due_reports(9)
    heart.world.clock.turn(0.1)
    assert 2 == (await due(other_heart)).attempts


async def test_two_reports_of_one_payment_go_one_after_the_other(
    heart: Heart, other_heart: Heart, database: Database
) -> None:
    """Saleor may lose the sums of two that come at once: the second is due once the first is there, in any process."""
    await paid(heart)
    await paid(heart, 2)
    await second_report(database)
    claims = await asyncio.gather(*(h.ledger.claim_due_reports(9) for h in [heart, other_heart] * 5))
    first = [one for claimed in claims for one in claimed]
    assert [trans_id(1), trans_id(2)] == sorted(one.report.trans_id for one in first)
    assert {ReportType.CHARGE_SUCCESS} == {one.report.type for one in first}
    assert [] == await other_heart.ledger.claim_due_reports(9)
    for one in first:
        await heart.ledger.report_delivered(one, already_processed=False)
    assert ReportType.REFUND_SUCCESS == (await due(other_heart)).report.type


async def test_a_report_that_waits_for_its_retry_holds_nobody_up(heart: Heart, database: Database) -> None:
    """Where the first of two failed, the second is tried meanwhile."""
    await paid(heart)
    await second_report(database)
    later = heart.world.clock.moment + SECOND
    await heart.ledger.report_failed(await due(heart), reason="away", retry_at=later)
    assert ReportType.REFUND_SUCCESS == (await due(heart)).report.type


async def second_report(database: Database) -> None:
    """Let the first payment have another event to tell."""
    async with database.write() as connection:
        row = (await connection.execute(select(reports).where(reports.c.trans_id == trans_id(1)))).one()._mapping
        other = {"id": None, "type": ReportType.REFUND_SUCCESS, "psp_reference": "a refund"}
        values = {name: value for name, value in (dict(row) | other).items() if name != "id"}
        await connection.execute(insert(reports).values(**values))


async def test_the_reports_of_busy_shops_wait(heart: Heart) -> None:
    """Reports are claimed in the order in which they became due, busy shops' left out, up to the limit."""
    other = "https://other.example/graphql/"
    for number, shop in ((1, SHOP), (2, other), (3, other), (4, other)):
        heart.world.clock.turn(1)
        await paid(heart, number, shop)
    first = await heart.ledger.claim_due_reports(2, except_shops=[SHOP])
    rest = await heart.ledger.claim_due_reports(9)
    assert {trans_id(2), trans_id(3)} == {one.report.trans_id for one in first}
    assert {trans_id(1), trans_id(4)} == {one.report.trans_id for one in rest}


async def test_a_delivered_report_is_closed(heart: Heart) -> None:
    """It is due no more, and the history says how often it was tried and whether Saleor had it."""
    await paid(heart)
    await heart.ledger.report_delivered(await due(heart), already_processed=True)
    heart.world.clock.turn(86400)
    assert ([], [ReportState.DELIVERED]) == (await heart.ledger.claim_due_reports(9), await state_of(heart))
    detail = {"type": "CHARGE_SUCCESS", "attempts": 1, "already_processed": True}
    assert Event(kind="report_delivered", detail=detail) == (await heart.ledger.history(trans_id()))[-1][1]


async def test_a_failed_report_comes_back_when_it_was_told_to(heart: Heart) -> None:
    """It is due again at its moment, unchanged."""
    await paid(heart)
    first = await due(heart)
    await heart.ledger.report_failed(first, reason="r" * 999, retry_at=NOON + 7 * SECOND)
    heart.world.clock.turn(6.9)
    assert [] == await heart.ledger.claim_due_reports(9)
    heart.world.clock.turn(0.1)
    second = await due(heart)
    assert replace(first, attempts=2, lease=second.lease) == second
    detail = {"type": "CHARGE_SUCCESS", "attempts": 1, "reason": "r" * 300}
    assert Event(kind="report_failed", detail=detail) == (await heart.ledger.history(trans_id()))[-1][1]


async def test_who_lost_a_reports_lease_finishes_nothing(heart: Heart, other_heart: Heart) -> None:
    """A late delivery of a dead process leaves the heir's lease, and notes nothing."""
    await paid(heart)
    late = await due(heart)
    heart.world.clock.turn(30)
    heir = await due(other_heart)
    before = await heart.kinds()
    await heart.ledger.report_failed(late, reason="late", retry_at=NOON)
    await heart.ledger.report_delivered(late, already_processed=False)
    assert ([ReportState.DUE], before) == (await state_of(heart), await heart.kinds())
    await other_heart.ledger.report_delivered(heir, already_processed=False)
    assert [ReportState.DELIVERED] == await state_of(heart)


async def test_saleor_gets_the_report_as_it_was_frozen(heart: Heart) -> None:
    """However late it is delivered, its amount and time are those of the acceptance."""
    await paid(heart)
    heart.world.clock.turn(86400)
    assert await heart.delivery.deliver(await due(heart))
    assert ([ReportType.CHARGE_SUCCESS], 5000) == (
        heart.world.saleor.events(transaction_id()),
        heart.world.saleor.charged(transaction_id()),
    )
    ((report, _),) = await heart.ledger.reports_of(trans_id())
    assert NOON == report.time


async def test_a_repeat_is_harmless(heart: Heart) -> None:
    """Where Saleor has the event but we did not hear of it, the next try closes the report."""
    await paid(heart)
    report = await due(heart)
    installation = await heart.installations.find(SHOP)
    assert installation is not None
    await heart.world.saleor.report(installation, report.report, timeout_s=8)
    assert await heart.delivery.deliver(report)
    assert [ReportType.CHARGE_SUCCESS] == heart.world.saleor.events(transaction_id())
    assert (await heart.ledger.history(trans_id()))[-1][1].detail["already_processed"]


@pytest.mark.parametrize("down", [DOWN, SaleorRefused(code="NOT_FOUND", message="no such transaction")])
async def test_a_report_survives_a_saleor_that_is_down_for_an_hour(
    heart: Heart, database: Database, down: SaleorError
) -> None:
    """Whatever the failure, the report is tried within 30 s for ten minutes, then more slowly, until Saleor has it."""
    await paid(heart)
    heart.world.saleor.down = down
    report, waits = await due(heart), []
    while heart.world.clock.moment < NOON + timedelta(hours=1):
        failed_at = heart.world.clock.moment
        assert not await heart.delivery.deliver(report)
        report = await when_due(heart, database)
        waits.append((failed_at - NOON, (heart.world.clock.moment - failed_at).total_seconds()))
    assert max(wait for since, wait in waits if since <= timedelta(minutes=10)) <= 30
    assert 120 < waits[-1][1] < 190
    heart.world.saleor.down = None
    assert await heart.delivery.deliver(report)
    assert 5000 == heart.world.saleor.charged(transaction_id())


REFUSED = SaleorRefused(code="NOT_FOUND", message="no such transaction")


async def told(heart: Heart) -> list[tuple[str, str, object]]:
    """Return what a person is told."""
    return [(one.kind, one.subject, one.detail["code"]) for _, one in await heart.ledger.problems.open_of(SHOP)]


async def test_a_person_is_told_of_a_report_that_saleor_refuses_for_an_hour(heart: Heart, database: Database) -> None:
    """Not before; once; the report is tried on, and the problem goes when Saleor takes it."""
    await paid(heart)
    heart.world.saleor.down = REFUSED
    report = await due(heart)
    heart.world.clock.turn(29)
    await heart.delivery.deliver(report)
    assert [] == await told(heart)
    heart.world.clock.turn(3600)
    for claim in (due(heart), when_due(heart, database)):
        await heart.delivery.deliver(await claim)
        assert [("report_refused", f"{trans_id()}:CHARGE_SUCCESS", "NOT_FOUND")] == await told(heart)
    heart.world.saleor.down = None
    assert await heart.delivery.deliver(await when_due(heart, database))
    assert [] == await told(heart)
    assert 5000 == heart.world.saleor.charged(transaction_id())


async def test_a_person_is_told_at_the_first_refusal_of_an_old_report(heart: Heart) -> None:
    """A Saleor that was away for an hour before it refuses does not get readier for what it asked about itself."""
    await paid(heart)
    heart.world.saleor.down = DOWN
    await heart.delivery.deliver(await due(heart))
    heart.world.clock.turn(3600)
    heart.world.saleor.down = REFUSED
    await heart.delivery.deliver(await due(heart))
    assert [("report_refused", f"{trans_id()}:CHARGE_SUCCESS", "NOT_FOUND")] == await told(heart)


@pytest.mark.parametrize("failure", [DOWN, SaleorRefused(code="PERMISSION_DENIED", message="who are you?")])
async def test_nobody_is_told_of_a_saleor_that_is_away_or_has_deleted_the_app(
    heart: Heart, failure: SaleorError
) -> None:
    """That changes by itself, or with the next registration."""
    await paid(heart)
    heart.world.saleor.down = failure
    heart.world.clock.turn(7200)
    assert not await heart.delivery.deliver(await due(heart))
    assert [] == await told(heart)


async def test_a_refused_failure_that_an_acceptance_withdraws_is_no_problem_any_more(heart: Heart) -> None:
    """Saleor is never told of it, so nobody has to act on it."""
    await heart.open()
    heart.world.cinetpay.refuses(trans_id())
    await heart.ledger.nudge(trans_id(), buyer_back=True)
    await heart.settlement.settle(trans_id(), trigger="test", wait_s=8)
    heart.world.saleor.down = REFUSED
    heart.world.clock.turn(7200)
    await heart.delivery.deliver(await due(heart))
    assert [("report_refused", f"{trans_id()}:CHARGE_FAILURE", "NOT_FOUND")] == await told(heart)
    heart.world.cinetpay.pays(trans_id())
    await heart.settlement.settle(trans_id(), trigger="test", wait_s=8)
    assert [] == await told(heart)
    assert [ReportState.SUPERSEDED, ReportState.DUE] == await state_of(heart)


async def test_a_report_waits_for_a_shop_that_has_deleted_the_app(heart: Heart) -> None:
    """Without an installation nothing is sent; the next registration from that URL gets the report."""
    other = "https://later.example/graphql/"
    await paid(heart, saleor_api_url=other)
    assert not await heart.delivery.deliver(await due(heart))
    assert 0 == heart.world.saleor.calls
    await heart.install(other)
    heart.world.clock.turn(30)
    assert await heart.delivery.deliver(await due(heart))
    assert 5000 == heart.world.saleor.charged(transaction_id())
