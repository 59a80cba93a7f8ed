"""What reconciliation asks of the database, on both engines."""

import asyncio
from datetime import UTC, datetime, timedelta

from fakes import SeededChance
from payments_kit import SECRETS, Heart, World, trans_id
from reconciliation_kit import an_office_on

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.books import Books, Held
from saleor_cinetpay.payments.nightly import Nightly
from saleor_cinetpay.payments.report import ReportState

TONIGHT = datetime(2026, 3, 5, 2, tzinfo=UTC)


async def paid(heart: Heart, number: int) -> None:
    """Have the n-th payment accepted, its report not yet delivered."""
    await heart.open(number)
    heart.world.cinetpay.pays(trans_id(number))
    await heart.settlement.settle(trans_id(number), trigger="test", wait_s=5)


async def test_payments_are_read_with_their_reports(database: Database, heart: Heart) -> None:
    """Many payments are found by name, each with the state of the report of its success."""
    books = Books(database, SECRETS, heart.world.clock)
    await heart.open(1)
    await paid(heart, 2)
    wanted = [trans_id(number) for number in range(1, 1200)]
    held = await books.among(wanted)
    assert {
        trans_id(1): Held(payment=await heart.held(1), report=None, report_written_at=None),
        trans_id(2): Held(
            payment=await heart.held(2), report=ReportState.DUE, report_written_at=heart.world.clock.moment
        ),
    } == held


async def test_a_day_has_the_successes_of_that_day(database: Database, heart: Heart) -> None:
    """From midnight to midnight, of these accounts, and only what is accepted."""
    books, keys = Books(database, SECRETS, heart.world.clock), [await heart.account_key()]
    today = heart.world.clock.moment.date()
    await heart.open(1)
    await paid(heart, 2)
    heart.world.clock.turn(86400)
    await paid(heart, 3)
    assert [trans_id(2)] == list(await books.accepted_on(today, keys))
    assert [trans_id(3)] == list(await books.accepted_on(today + timedelta(days=1), keys))
    assert {} == await books.accepted_on(today, ["another"])


async def test_a_delivered_report_becomes_due_again(database: Database, heart: Heart) -> None:
    """Only one that was delivered; the same report goes out, and Saleor recognises it."""
    books = Books(database, SECRETS, heart.world.clock)
    await paid(heart, 1)
    assert not await books.report_again(trans_id(1))
    await heart.work_off()
    assert await books.report_again(trans_id(1))
    await heart.work_off()
    ((_, state),) = await heart.ledger.reports_of(trans_id(1))
    assert ReportState.DELIVERED is state
    assert 5000 == heart.world.saleor.charged((await heart.held(1)).transaction_id)
    assert ["reported_again", "report_delivered"] == (await heart.kinds(1))[-2:]


async def test_one_of_many_processes_gets_the_night(database: Database, other_database: Database, world: World) -> None:
    """Of ten that ask at the same moment, on two connections, one gets the lease."""
    nights = [
        Nightly(
            database=one,
            reconciliation=an_office_on(one, world).reconciliation,
            clock=world.clock,
            chance=SeededChance(seed),
        )
        for seed, one in enumerate([database, other_database] * 5)
    ]
    assert [[]] * 10 == await asyncio.gather(*(nightly.claim_due() for nightly in nights))
    world.clock.turn((TONIGHT - world.clock.moment).total_seconds() + 30 * 60)
    claimed = await asyncio.gather(*(nightly.claim_due() for nightly in nights))
    assert 1 == len([lease for leases in claimed for lease in leases])
