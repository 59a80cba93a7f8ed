"""The ledger loses nothing, writes nothing twice, and gives a payment to one worker at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes import NOON
from payments_kit import (
    SHOP,
    Heart,
    World,
    a_payment,
    an_opening_payment,
    build_heart,
    trans_id,
)
from pydantic import SecretStr
from sqlalchemy import text, update

from saleor_cinetpay.cinetpay import PhoneNumber
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.payments.conclusion import Conclusion, report_of
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.ledger import LEASE
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind
from saleor_cinetpay.payments.report import FAILURE_WAITS, DueReport, ReportState, ReportType
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.shops.secrets import SecretBox, Unsealable

SECOND = timedelta(seconds=1)
DUE = a_payment(due_at=NOON)


def accept(payment: Payment) -> Conclusion:
    """Decide as a look does that saw everything right."""
    accepted = replace(payment, state=PaymentState.ACCEPTED, success_time=NOON, due_at=None)
    return Conclusion(payment=accepted, report=report_of(accepted, ReportType.CHARGE_SUCCESS, NOON))


def wait(payment: Payment) -> Conclusion:
    """Decide as a look does that saw nothing."""
    return Conclusion(payment=replace(payment, due_at=NOON + timedelta(minutes=5)))


def noted(before: Payment, after: Payment) -> Event:
    """Note a look."""
    return Event(kind="looked_up", detail={"from": before.state, "to": after.state})


async def claimed(heart: Heart, number: int = 1) -> Payment:
    """Take the lease of a payment, which must be free."""
    payment = await heart.ledger.claim(trans_id(number))
    assert payment is not None
    return payment


async def test_a_payment_reads_back_as_it_was_written(heart: Heart) -> None:
    """Every attribute comes back, the sealed ones and the moments among them."""
    names = ("refusal_seen_at", "unclear_since", "failing_since", "buyer_back_at", "failure_told_at", "success_time")
    moments: dict[str, Any] = {
        name: NOON + timedelta(microseconds=number)
        for number, name in enumerate((*names, "looked_at", "due_at", "quiet_until"))
    }
    written = a_payment(
        fields=replace(a_payment().fields, phone=PhoneNumber("225", "0707080910"), custom="c"),
        return_url="https://shop.example/é",
        cancel_url="https://shop.example/cart",
        code="604",
        code_message="OTP_CODE_ERROR",
        operator="OM",
        payid="P1",
        suspicion="amount",
        hints=3,
        lease="lease",
        **moments,
    )
    await heart.write(written)
    assert written == await heart.held()
    assert NOON.tzinfo == (await heart.held()).opened_at.tzinfo


@pytest.mark.parametrize("signature", [None, ""])
async def test_an_unsigned_payment_is_not_one_with_an_empty_signature(heart: Heart, signature: str | None) -> None:
    """What an adopted payment's reply left empty is kept as it was, so that it stays watched."""
    await heart.write(an_opening_payment(signature=None if signature is None else SecretStr(signature)))
    assert (signature is not None) is (await heart.held()).signed


async def test_a_payment_is_opened_once(heart: Heart) -> None:
    """Opened again under its trans id, the payment that stands there is returned and nothing is written."""
    first = await heart.write(an_opening_payment())
    again = await heart.write(an_opening_payment(saleor_api_url="https://other.example/graphql/"))
    assert first == again == await heart.held()
    assert ["opened"] == await heart.kinds()


async def test_a_payment_is_opened_once_by_many(heart: Heart, other_heart: Heart) -> None:
    """However many open a payment at once, in two processes, it is written once."""
    opened = await asyncio.gather(*(h.write(an_opening_payment()) for h in [heart, other_heart] * 10))
    assert [opened[0]] * 20 == opened
    assert ["opened"] == await heart.kinds()


async def test_what_is_not_there_is_not_found(heart: Heart) -> None:
    """An unknown trans id is no payment, has no lease, no history and no reports."""
    assert await heart.ledger.find(trans_id()) is None
    assert await heart.ledger.claim(trans_id()) is None
    assert await heart.ledger.nudge(trans_id()) is None
    assert ([], []) == (await heart.ledger.history(trans_id()), await heart.ledger.reports_of(trans_id()))


async def test_one_of_many_claimants_gets_the_lease(heart: Heart, other_heart: Heart) -> None:
    """A due payment is claimed once, by trans id or by being due, however many try in two processes."""
    await heart.write(DUE)
    claims = [h.ledger.claim(trans_id()) for h in (heart, other_heart) for _ in range(5)]
    lists = [h.ledger.claim_due(8) for h in (heart, other_heart) for _ in range(5)]
    ones, many = await asyncio.gather(asyncio.gather(*claims), asyncio.gather(*lists))
    winners = [payment for payment in ones if payment] + [payment for list_ in many for payment in list_]
    assert 1 == len(winners)
    assert winners[0] == await heart.held()


async def test_many_due_payments_are_shared_out(heart: Heart, other_heart: Heart) -> None:
    """Concurrent claims never overlap, and together take everything."""
    for number in range(1, 31):
        await heart.write(a_payment(number, due_at=NOON))
    lists = await asyncio.gather(*(h.ledger.claim_due(4) for h in [heart, other_heart] * 8))
    taken = [payment.trans_id for list_ in lists for payment in list_]
    rest = [payment.trans_id for payment in await heart.ledger.claim_due(30)]
    assert sorted(trans_id(number) for number in range(1, 31)) == sorted(taken + rest)
    assert max(map(len, lists)) <= 4


async def test_the_longest_due_come_first(heart: Heart) -> None:
    """A claim takes no more than its limit, the longest due first, nothing that is due later, and no busy account's."""
    for number, due_s in ((1, 0), (2, -5), (3, -1), (4, 1), (5, -9)):
        busy = "busy" if number == 5 else "account-key"
        await heart.write(a_payment(number, due_at=NOON + due_s * SECOND, account_key=busy))
    first = await heart.ledger.claim_due(2, except_accounts=["busy"])
    rest = await heart.ledger.claim_due(9, except_accounts=["busy"])
    assert {trans_id(2), trans_id(3)} == {payment.trans_id for payment in first}
    assert [trans_id(1)] == [payment.trans_id for payment in rest]
    assert [trans_id(5)] == [payment.trans_id for payment in await heart.ledger.claim_due(9)]


async def test_a_limit_holds_whatever_the_plan(database_url: str, database: Database, world: World) -> None:
    """Also where PostgreSQL can only choose among its worst plans, a claim takes no more than its limit."""
    if not database.is_sqlite:
        async with database.write() as connection:
            for kind in ("hashjoin", "hashagg", "sort", "mergejoin", "material"):
                await connection.execute(text(f"ALTER DATABASE postgres SET enable_{kind} = off"))
    planning_badly = Database(database_url)
    heart = build_heart(planning_badly, world)
    for number in range(1, 11):
        await heart.write(replace(DUE, fields=a_payment(number).fields))
        await heart.ledger.save(await claimed(heart, number), refuse_at_once, noted)
    async with planning_badly.write() as connection:
        await connection.execute(text("ANALYZE"))
    assert [2, 3] == [len(await heart.ledger.claim_due(limit)) for limit in (2, 3)]
    world.clock.turn(FAILURE_WAITS.total_seconds())
    assert [2, 3] == [len(await heart.ledger.claim_due_reports(limit)) for limit in (2, 3)]
    await planning_badly.close()


async def test_a_lease_ends_after_thirty_seconds(heart: Heart, other_heart: Heart) -> None:
    """What a dead process had claimed becomes due by itself, and whoever claims it then holds a lease of their own."""
    await heart.write(DUE)
    (dead,) = await heart.ledger.claim_due(1)
    assert NOON + LEASE == dead.due_at == NOON + timedelta(seconds=30)
    heart.world.clock.turn(29.9)
    assert ([], None) == (await other_heart.ledger.claim_due(1), await other_heart.ledger.claim(trans_id()))
    heart.world.clock.turn(0.1)
    (heir,) = await other_heart.ledger.claim_due(1)
    assert dead.lease != heir.lease


async def test_a_lease_can_be_asked_for_only_when_due(heart: Heart) -> None:
    """With `due_only` a payment that is due later is left alone; without, it is claimed at any time."""
    await heart.write(a_payment(due_at=NOON + SECOND))
    assert await heart.ledger.claim(trans_id(), due_only=True) is None
    assert await heart.ledger.claim(trans_id()) is not None
    await heart.write(a_payment(2))
    assert await heart.ledger.claim(trans_id(2), due_only=True) is None


async def test_an_accepted_payment_is_never_claimed(heart: Heart) -> None:
    """Closed for good means that nobody looks."""
    await heart.write(a_payment(state=PaymentState.ACCEPTED))
    assert await heart.ledger.claim(trans_id()) is None


async def test_state_event_and_report_are_written_together(heart: Heart) -> None:
    """A save writes all three and gives the lease back."""
    await heart.write(DUE)
    after = await heart.ledger.save(await claimed(heart), accept, noted)
    assert after == await heart.held()
    assert (PaymentState.ACCEPTED, None, None) == (after.state, after.lease, after.due_at)
    assert [
        (NOON, Event(kind="opened", detail={})),
        (NOON, Event(kind="looked_up", detail={"from": "pending", "to": "accepted"})),
    ] == await heart.ledger.history(trans_id())
    assert [(report_of(after, ReportType.CHARGE_SUCCESS, NOON), ReportState.DUE)] == await heart.ledger.reports_of(
        trans_id()
    )


@pytest.mark.parametrize("table", ["reports", "payment_events"])
async def test_where_one_cannot_be_written_nothing_is(heart: Heart, other_database: Database, table: str) -> None:
    """State, event and report are one transaction: without a report (or an event) there is no acceptance either."""
    await heart.write(DUE)
    lease = await claimed(heart)

    async def rename(one: str, other: str) -> None:
        async with other_database.write() as connection:
            await connection.execute(text(f"ALTER TABLE {one} RENAME TO {other}"))

    await rename(table, "gone")
    with pytest.raises(LedgerUnavailable):
        await heart.ledger.save(lease, accept, noted)
    assert lease == await heart.held()
    await rename("gone", table)
    assert (["opened"], []) == (await heart.kinds(), await heart.ledger.reports_of(trans_id()))
    after = await heart.ledger.save(lease, accept, noted)
    assert after is not None
    assert PaymentState.ACCEPTED is after.state


async def test_an_exception_while_deciding_writes_nothing(heart: Heart) -> None:
    """Where the decision itself fails, the transaction is rolled back and the lease stays."""
    await heart.write(DUE)
    lease = await claimed(heart)

    def fail(_: Payment) -> Conclusion:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await heart.ledger.save(lease, fail, noted)
    assert lease == await heart.held()


async def mark(database: Database, **columns: object) -> None:
    """Write to the payment's row as others do who hold no lease."""
    async with database.write() as connection:
        await connection.execute(update(payments).values(columns))


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param(lambda _heart, database: mark(database, hints=0), id="nothing"),
        pytest.param(lambda _heart, database: mark(database, cancelled_at=NOON), id="cancelled"),
        pytest.param(
            lambda _heart, database: mark(database, order_id="T3I6MQ==", order_number="1"), id="order learned"
        ),
        pytest.param(lambda heart, _database: heart.ledger.nudge(trans_id()), id="notified"),
        pytest.param(lambda heart, _database: heart.ledger.nudge(trans_id(), buyer_back=True), id="returned"),
        pytest.param(lambda heart, _database: heart.ledger.hand_over(a_payment()), id="handed over"),
        pytest.param(lambda heart, _database: heart.ledger.tell_failure(trans_id(), "TRY_LATER"), id="failure told"),
    ],
)
async def test_what_happens_during_a_look_is_decided_on(
    heart: Heart, database: Database, meanwhile: Callable[[Heart, Database], Awaitable[None]]
) -> None:
    """Whatever others write while somebody holds the lease is known to who decides, and stands afterwards."""
    await heart.write(replace(DUE, buyer_back_at=NOON - SECOND))
    lease = await claimed(heart)
    await meanwhile(heart, database)
    stood = await heart.held()
    decided_on: list[Payment] = []

    def decide(payment: Payment) -> Conclusion:
        decided_on.append(payment)
        return wait(payment)

    after = await heart.ledger.save(lease, decide, noted)
    assert stood == decided_on[-1]
    hinted = bool(stood.hints)
    decided = replace(wait(stood).payment, lease=None, due_at=NOON if hinted else NOON + timedelta(minutes=5))
    assert (decided, decided) == (after, await heart.held())


async def test_an_acceptance_is_not_written_over(heart: Heart, database: Database) -> None:
    """Not even by who holds a lease of it, which nobody can."""
    await heart.write(DUE)
    lease = await claimed(heart)
    await mark(database, state=PaymentState.ACCEPTED)
    assert await heart.ledger.save(lease, wait, noted) is None
    assert (PaymentState.ACCEPTED, ["opened"]) == ((await heart.held()).state, await heart.kinds())


async def test_who_lost_the_lease_writes_nothing(heart: Heart, other_heart: Heart) -> None:
    """A process that slept through its lease neither accepts, reports nor notes anything."""
    await heart.write(DUE)
    late = await claimed(heart)
    heart.world.clock.turn(30)
    heir = await claimed(other_heart)
    assert await heart.ledger.save(late, accept, noted) is None
    assert (heir, ["opened"], []) == (
        await heart.held(),
        await heart.kinds(),
        await heart.ledger.reports_of(trans_id()),
    )
    saved = await other_heart.ledger.save(heir, wait, noted)
    assert saved is not None
    assert await heart.ledger.save(late, accept, noted) is None


async def test_a_lease_that_nobody_took_over_can_still_be_used(heart: Heart) -> None:
    """Whoever is late, but the last who looked, may write what they saw."""
    await heart.write(DUE)
    late = await claimed(heart)
    heart.world.clock.turn(300)
    assert await heart.ledger.save(late, accept, noted) is not None


async def test_the_same_report_is_kept_once(heart: Heart) -> None:
    """Trans id, reference and type are a report's key: written again, the first stands as it was frozen."""
    await heart.write(DUE)

    def refuse(payment: Payment) -> Conclusion:
        return Conclusion(
            payment=payment, report=report_of(payment, ReportType.CHARGE_FAILURE, heart.world.clock.moment)
        )

    for _ in range(2):
        await heart.ledger.save(await claimed(heart), refuse, noted)
        heart.world.clock.turn(60)
    ((report, _),) = await heart.ledger.reports_of(trans_id())
    assert (ReportType.CHARGE_FAILURE, NOON) == (report.type, report.time)


async def test_an_acceptance_supersedes_an_undelivered_failure(heart: Heart) -> None:
    """A failure that Saleor has not heard of is never sent once the payment is accepted."""
    await refuse_and_accept(heart)
    reports = [(report.type, state) for report, state in await heart.ledger.reports_of(trans_id())]
    due = await heart.ledger.claim_due_reports(9)
    assert [
        (ReportType.CHARGE_FAILURE, ReportState.SUPERSEDED),
        (ReportType.CHARGE_SUCCESS, ReportState.DUE),
    ] == reports
    assert [ReportType.CHARGE_SUCCESS] == [one.report.type for one in due]


async def on_its_way(heart: Heart) -> DueReport:
    """Have a failure that is just being delivered overtaken by an acceptance; return it."""
    await heart.write(DUE)
    await heart.ledger.save(await claimed(heart), refuse_at_once, noted)
    heart.world.clock.turn(FAILURE_WAITS.total_seconds())
    (failure,) = await heart.ledger.claim_due_reports(1)
    await heart.ledger.save(await claimed(heart), accept, noted)
    return failure


async def told(heart: Heart) -> list[tuple[ReportType, ReportState]]:
    """Return the reports of the payment and where each stands."""
    return [(report.type, state) for report, state in await heart.ledger.reports_of(trans_id())]


async def test_an_acceptance_waits_for_the_failure_that_is_on_its_way(heart: Heart, other_heart: Heart) -> None:
    """Told both at the same instant, Saleor may lose the charge: the success is due once the failure has arrived."""
    failure = await on_its_way(heart)
    assert [] == await other_heart.ledger.claim_due_reports(9)
    await heart.ledger.report_delivered(failure, already_processed=False)
    (success,) = await other_heart.ledger.claim_due_reports(9)
    assert ReportType.CHARGE_SUCCESS is success.report.type
    assert [
        (ReportType.CHARGE_FAILURE, ReportState.DELIVERED),
        (ReportType.CHARGE_SUCCESS, ReportState.DUE),
    ] == await told(heart)


async def test_an_overtaken_failure_that_did_not_arrive_is_withdrawn(heart: Heart) -> None:
    """It is not tried again, as after the success it would take away what staff may do, and no person is told of it."""
    failure = await on_its_way(heart)
    refused = Problem(kind=ProblemKind.REPORT_REFUSED, saleor_api_url=SHOP, subject=failure.report.subject)
    await heart.ledger.report_failed(failure, reason="down", retry_at=heart.world.clock.moment, problem=refused)
    assert [] == await heart.ledger.problems.open_of(SHOP)
    (success,) = await heart.ledger.claim_due_reports(9)
    assert ReportType.CHARGE_SUCCESS is success.report.type
    assert [
        (ReportType.CHARGE_FAILURE, ReportState.SUPERSEDED),
        (ReportType.CHARGE_SUCCESS, ReportState.DUE),
    ] == await told(heart)


async def test_a_failure_goes_first_where_its_deliverer_died(heart: Heart, other_heart: Heart) -> None:
    """After the lease of a dead process the failure is told, and only then the success that overtook it."""
    await on_its_way(heart)
    heart.world.clock.turn(LEASE.total_seconds())
    (failure,) = await other_heart.ledger.claim_due_reports(9)
    assert ReportType.CHARGE_FAILURE is failure.report.type
    await other_heart.ledger.report_delivered(failure, already_processed=True)
    (success,) = await other_heart.ledger.claim_due_reports(9)
    assert ReportType.CHARGE_SUCCESS is success.report.type


async def test_a_failure_that_nobody_overtook_is_tried_again(heart: Heart) -> None:
    """Not heard, it is due again at its moment."""
    await heart.write(DUE)
    await heart.ledger.save(await claimed(heart), refuse_at_once, noted)
    heart.world.clock.turn(FAILURE_WAITS.total_seconds())
    (failure,) = await heart.ledger.claim_due_reports(1)
    await heart.ledger.report_failed(failure, reason="down", retry_at=heart.world.clock.moment)
    (again,) = await heart.ledger.claim_due_reports(9)
    assert (ReportType.CHARGE_FAILURE, 2) == (again.report.type, again.attempts)


async def test_a_superseded_failure_can_no_longer_be_finished(heart: Heart) -> None:
    """Whoever claimed the failure too long ago changes nothing any more."""
    await heart.write(DUE)
    await heart.ledger.save(await claimed(heart), refuse_at_once, noted)
    heart.world.clock.turn(FAILURE_WAITS.total_seconds())
    (failure,) = await heart.ledger.claim_due_reports(1)
    heart.world.clock.turn(LEASE.total_seconds())
    await heart.ledger.save(await claimed(heart), accept, noted)
    await heart.ledger.report_delivered(failure, already_processed=False)
    await heart.ledger.report_failed(failure, reason="late", retry_at=NOON)
    states = [state for _, state in await heart.ledger.reports_of(trans_id())]
    assert [ReportState.SUPERSEDED, ReportState.DUE] == states
    assert ["opened", "looked_up", "looked_up"] == await heart.kinds()


async def test_a_delivered_failure_stays_delivered(heart: Heart) -> None:
    """What Saleor has been told is not rewritten by the acceptance that follows."""
    await heart.write(DUE)
    await heart.ledger.save(await claimed(heart), refuse_at_once, noted)
    heart.world.clock.turn(FAILURE_WAITS.total_seconds())
    (failure,) = await heart.ledger.claim_due_reports(1)
    await heart.ledger.report_delivered(failure, already_processed=False)
    await heart.ledger.save(await claimed(heart), accept, noted)
    states = [state for _, state in await heart.ledger.reports_of(trans_id())]
    assert [ReportState.DELIVERED, ReportState.DUE] == states


async def test_a_failure_that_initialize_tells_is_noted_unless_the_payment_is_accepted(heart: Heart) -> None:
    """The time of the failure is kept for the success after it; an accepted payment tells none."""
    await heart.write(a_payment())
    heart.world.clock.turn(5)
    assert NOON + 5 * SECOND == await heart.ledger.tell_failure(trans_id(), "START_AGAIN")
    assert NOON + 5 * SECOND == (await heart.held()).failure_told_at
    assert Event(kind="failure_told", detail={"code": "START_AGAIN"}) == (await heart.ledger.history(trans_id()))[1][1]
    await heart.write(a_payment(2, state=PaymentState.ACCEPTED))
    assert await heart.ledger.tell_failure(trans_id(2), "START_AGAIN") is None
    assert (None, ["opened"]) == ((await heart.held(2)).failure_told_at, await heart.kinds(2))


async def test_handing_over_is_noted_once_for_each_time_the_buyer_goes(heart: Heart) -> None:
    """Reloading the page writes nothing; going again after coming back does, and forgets the coming back."""
    await heart.write(a_payment())
    for _ in range(3):
        await heart.ledger.hand_over(await heart.held())
    assert ["opened", "handed_over"] == await heart.kinds()
    await heart.ledger.nudge(trans_id(), buyer_back=True)
    for _ in range(3):
        await heart.ledger.hand_over(await heart.held())
    assert ["opened", "handed_over", "handed_over"] == await heart.kinds()
    assert (await heart.held()).buyer_back_at is None


async def test_a_history_is_one_payments(heart: Heart) -> None:
    """Each payment has its own entries, oldest first, with the moments at which they were written."""
    await heart.write(DUE)
    await heart.write(a_payment(2))
    heart.world.clock.turn(5)
    await heart.ledger.save(await claimed(heart), wait, noted)
    history = await heart.ledger.history(trans_id())
    assert ["opened", "looked_up"] == [event.kind for _, event in history]
    assert [NOON, NOON + 5 * SECOND] == [at for at, _ in history]
    assert ["opened"] == await heart.kinds(2)


def refuse_at_once(payment: Payment) -> Conclusion:
    refused = replace(payment, state=PaymentState.REFUSED, failure_told_at=NOON, due_at=NOON)
    return Conclusion(payment=refused, report=report_of(refused, ReportType.CHARGE_FAILURE, NOON))


async def refuse_and_accept(heart: Heart) -> None:
    await heart.write(DUE)
    await heart.ledger.save(await claimed(heart), refuse_at_once, noted)
    await heart.ledger.save(await claimed(heart), accept, noted)


async def test_a_failure_waits_before_its_first_delivery(heart: Heart) -> None:
    """The storefront that the buyer comes back to asks before Saleor has the failure; a success waits for nobody."""
    await heart.write(DUE)
    await heart.ledger.save(await claimed(heart), refuse_at_once, noted)
    heart.world.clock.turn(FAILURE_WAITS.total_seconds() - 0.1)
    assert [] == await heart.ledger.claim_due_reports(9)
    heart.world.clock.turn(0.1)
    assert [ReportType.CHARGE_FAILURE] == [one.report.type for one in await heart.ledger.claim_due_reports(9)]


async def test_a_payment_that_no_key_opens_holds_up_no_other(heart: Heart, database: Database) -> None:
    """A row sealed with a lost SECRET_KEY is passed over; the others are claimed all the same."""
    await heart.write(DUE)
    await heart.write(replace(DUE, fields=a_payment(2).fields))
    async with database.write() as connection:
        sealed_elsewhere = SecretBox(["another key"]).seal("{}", place="elsewhere")
        await connection.execute(
            update(payments).where(payments.c.trans_id == trans_id(1)).values(sealed_form=sealed_elsewhere)
        )
    assert [trans_id(2)] == [payment.trans_id for payment in await heart.ledger.claim_due(9)]
    with pytest.raises(Unsealable):
        await heart.ledger.find(trans_id(1))
