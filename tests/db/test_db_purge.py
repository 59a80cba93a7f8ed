"""What tells of buyers leaves closed payments, and nothing that anybody still waits for does."""

from datetime import datetime, timedelta

import pytest
from payments_kit import SECRETS, SHOP, Heart, trans_id, transaction_id
from sqlalchemy import select, update

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.purge import Purge, Purged, personal_columns
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.payments.tables import completions, payment_events, payments, problems, refunds, reports

YEAR = timedelta(days=400)
NUMBER = {
    "phoneNumber": "0707080910",
    "phonePrefix": "225",
    "returnUrl": "https://shop.example/thanks?mail=a@b.example",
}


async def a_paid_one(heart: Heart, number: int = 1) -> None:
    """Open a payment with a phone number, pay it, and tell Saleor."""
    await heart.open(number, data=NUMBER)
    heart.world.cinetpay.pays(trans_id(number))
    await heart.ledger.nudge(trans_id(number))
    await heart.work_off()


async def a_refused_one(heart: Heart, number: int = 1) -> None:
    """Open a payment and have it refused for good; its watch goes on."""
    await heart.open(number, data=NUMBER)
    heart.world.cinetpay.refuses(trans_id(number))
    await heart.ledger.nudge(trans_id(number), buyer_back=True)
    await heart.work_off()


async def grown_old(heart: Heart, days: float = 401) -> None:
    """Let time pass: the watch of what is unpaid ends on the way."""
    heart.world.clock.turn(timedelta(days=8).total_seconds())
    await heart.work_off()
    heart.world.clock.turn(timedelta(days=days).total_seconds())


async def purged(heart: Heart, database: Database, older_than: timedelta = YEAR) -> Purged:
    """Purge, and return what has gone."""
    gone = Purged()
    async for so_far in Purge(database, SECRETS, heart.world.clock).run(older_than):
        gone = so_far
    return gone


async def test_what_tells_of_the_buyer_goes_and_the_books_stay(heart: Heart, database: Database) -> None:
    """Number, return address, API key and story of an old paid payment go; amount, state, times and report stay."""
    await a_paid_one(heart)
    before = await heart.held()
    events = len(await heart.kinds())
    await grown_old(heart)

    assert Purged(payments=1, events=events) == await purged(heart, database)

    after = await heart.held()
    assert (None, None, None) == (after.fields.phone, after.return_url, after.api_key)
    assert ["purged"] == await heart.kinds()
    kept = ("state", "amount", "payid", "operator", "success_time", "opened_at", "signature", "transaction_id")
    assert [getattr(before, name) for name in kept] == [getattr(after, name) for name in kept]
    assert [ReportType.CHARGE_SUCCESS] == [report.type for report, _ in await heart.ledger.reports_of(trans_id())]


async def test_a_second_purge_finds_nothing(heart: Heart, database: Database) -> None:
    """What has been purged is not touched again."""
    await a_paid_one(heart)
    await grown_old(heart)
    await purged(heart, database)
    assert Purged() == await purged(heart, database)


async def test_a_dry_run_counts_what_a_purge_takes(heart: Heart, database: Database) -> None:
    """The count is the number of payments that go, and counting changes nothing."""
    await a_paid_one(heart, 1)
    await a_refused_one(heart, 2)
    await grown_old(heart)
    await a_paid_one(heart, 3)
    assert 2 == await Purge(database, SECRETS, heart.world.clock).count(YEAR)
    assert 2 == (await purged(heart, database)).payments
    assert (await heart.held(3)).fields.phone is not None


async def test_a_late_acceptance_still_counts(heart: Heart, database: Database) -> None:
    """A refused payment that was purged is accepted when CinetPay says so, for its own amount and signature."""
    await a_refused_one(heart)
    await grown_old(heart)
    assert 1 == (await purged(heart, database)).payments
    assert PaymentState.REFUSED == (await heart.held()).state
    heart.world.cinetpay.pays(trans_id())
    await heart.ledger.nudge(trans_id())
    await heart.work_off()
    assert (PaymentState.ACCEPTED, 5000) == ((await heart.held()).state, heart.world.saleor.charged(transaction_id()))


async def test_what_is_learned_after_a_purge_is_purged_too(heart: Heart, database: Database) -> None:
    """A payment that came to life again is purged once more when it is old again."""
    await a_refused_one(heart)
    await grown_old(heart)
    await purged(heart, database)
    heart.world.cinetpay.pays(trans_id())
    await heart.ledger.nudge(trans_id())
    await heart.work_off()
    assert Purged() == await purged(heart, database)
    await grown_old(heart)
    assert 1 == (await purged(heart, database)).payments


async def test_a_buyer_who_comes_back_starts_again(heart: Heart, database: Database) -> None:
    """A purged payment hands out no form any more."""
    await heart.open(data=NUMBER)
    await grown_old(heart)
    assert 1 == (await purged(heart, database)).payments
    assert not (await heart.held()).open_to_pay


async def set_(database: Database, table: object, **values: object) -> None:
    async with database.write() as connection:
        await connection.execute(update(table).values(**values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "waiting",
    ["young", "suspect", "due", "leased", "watched", "report", "completion", "problem", "refund", "looked at"],
)
async def test_what_somebody_waits_for_stays(heart: Heart, database: Database, waiting: str) -> None:
    """A payment with work or a question open is left whole, however old it is."""
    await a_paid_one(heart)
    await grown_old(heart, days=300 if waiting == "young" else 401)
    now = heart.world.clock.now()
    match waiting:
        case "suspect":
            await set_(database, payments, state=PaymentState.SUSPECT)
        case "due":
            await set_(database, payments, due_at=now + timedelta(hours=6))
        case "leased":
            await set_(database, payments, lease="somebody")
        case "watched":
            await set_(database, payments, watch_until=now + timedelta(days=1))
        case "looked at":
            await set_(database, payments, looked_at=now - timedelta(days=3))
        case "report":
            await set_(database, reports, due_at=now + timedelta(hours=6))
        case "completion":
            async with database.write() as connection:
                await connection.execute(
                    completions.insert().values(
                        trans_id=trans_id(), saleor_api_url="x", checkout_id="x", accepted_at=now, due_at=now
                    )
                )
        case "refund":
            async with database.write() as connection:
                await connection.execute(refunds.insert().values(**a_refund(now)))
        case "problem":
            held = await heart.held()
            problem = Problem(
                kind=ProblemKind.DOUBLE_PAYMENT, saleor_api_url=held.saleor_api_url, subject="x", trans_id=held.trans_id
            )
            await Problems(database).raise_now(problem, now)
            await set_(database, problems, due_at=None)  # Saleor has been told of it
    assert Purged() == await purged(heart, database)
    assert (await heart.held()).fields.phone is not None


def a_refund(asked_at: datetime, **changes: object) -> dict[str, object]:
    """Return a refund request of the first payment as it is stored, undecided."""
    return {
        "reference": "refund-1",
        "trans_id": trans_id(),
        "transaction_id": transaction_id(),
        "saleor_api_url": SHOP,
        "request_key": "key",
        "amount": 5000,
        "reason": "Awa called from 0707080910",
        "asked_at": asked_at,
        "state": "waiting",
        "note": "",
        **changes,
    }


async def test_what_a_decided_refund_tells_goes_too(heart: Heart, database: Database) -> None:
    """Of a refund that was decided long ago the reason and the note go; amount, state and who decided stay."""
    await a_paid_one(heart)
    await grown_old(heart)
    decided = {"state": "paid_back", "decided_by": "koffi@example.com", "decided_at": heart.world.clock.now()}
    async with database.write() as connection:
        await connection.execute(refunds.insert().values(**a_refund(heart.world.clock.now(), **decided)))
    assert 1 == (await purged(heart, database)).payments
    async with database.read() as connection:
        (row,) = (await connection.execute(select(refunds))).all()
    assert (None, None, 5000, "paid_back", "koffi@example.com") == (
        row.reason,
        row.note,
        row.amount,
        row.state,
        row.decided_by,
    )


async def test_a_problem_that_a_person_has_put_aside_holds_nothing_up(heart: Heart, database: Database) -> None:
    """What staff have dismissed is decided, although nobody ever solves it."""
    await a_paid_one(heart)
    await grown_old(heart)
    now, held = heart.world.clock.now(), await heart.held()
    problem = Problem(
        kind=ProblemKind.DOUBLE_PAYMENT, saleor_api_url=held.saleor_api_url, subject="x", trans_id=held.trans_id
    )
    await Problems(database).raise_now(problem, now)
    await set_(database, problems, due_at=None, dismissed_at=now, dismissed_by="awa@example.com")
    assert 1 == (await purged(heart, database)).payments


async def test_the_number_and_its_end_go(heart: Heart, database: Database) -> None:
    """No sealed text but the stripped form is left, nor the digits by which staff search."""
    await a_paid_one(heart)
    await grown_old(heart)
    await purged(heart, database)
    async with database.read() as connection:
        (row,) = (await connection.execute(select(payments))).mappings().all()
    assert [] == [name for name in personal_columns(payments) if row[name] is not None]
    assert {"phone_tail", "return_url"} <= set(personal_columns(payments))


async def test_one_that_is_taken_up_meanwhile_stays(heart: Heart, database: Database) -> None:
    """A payment that changes between our reading and our writing is left, with its story."""
    await a_paid_one(heart, 1)
    await a_paid_one(heart, 2)
    await grown_old(heart)
    purge = Purge(database, SECRETS, heart.world.clock)
    before = heart.world.clock.now() - YEAR
    rows = await purge._read(before, "")
    async with database.write() as connection:
        await connection.execute(
            update(payments).where(payments.c.trans_id == trans_id(1)).values(due_at=heart.world.clock.now())
        )
    gone = await purge._purge(rows, before, Purged())
    assert 1 == gone.payments
    async with database.read() as connection:
        left = await connection.execute(select(payment_events.c.trans_id).distinct())
        assert {trans_id(1), trans_id(2)} == set(left.scalars())
    assert ["purged"] != await heart.kinds(1)


async def test_nothing_young_is_purged_by_mistake(heart: Heart, database: Database) -> None:
    """An age below thirty days is refused."""
    with pytest.raises(ValueError, match="nothing younger than 30 days is purged"):
        await purged(heart, database, timedelta(days=29))
