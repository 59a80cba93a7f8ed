"""What a payment costs the database: statements, and commits, each of which is a wait for the disk.

Time can't be tested, counts can: a slower way shows here as another number. Who changes one on purpose says why.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from meter_kit import Meter, metered
from payments_kit import SHOP, Heart, trans_id

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.nudges import Nudge, Nudges

PAYMENTS = 8


@pytest.fixture
def meter() -> Iterator[Meter]:
    """Measure all engines."""
    with metered() as meter:
        yield meter


@pytest.fixture
async def warm(heart: Heart) -> Heart:
    """A heart that has had a payment already: its shop has an account, which is known to be in order."""
    await heart.open(99)
    await heart.process(99)
    return heart


async def test_opening_a_payment(warm: Heart, meter: Meter) -> None:
    """It is written down with its lease in one transaction, and with its signature in another."""
    assert {"writes": 4, "commits": 2} == await meter.of(warm.open(1))
    assert 2 == len(warm.world.cinetpay.asked_to_sign)


async def test_opening_a_payment_again(warm: Heart, meter: Meter) -> None:
    """The form that stands there is handed out; nothing is written, CinetPay is not asked."""
    await warm.open(1)
    assert {"reads": 1, "writes": 1, "commits": 1} == await meter.of(warm.open(1))
    assert 2 == len(warm.world.cinetpay.asked_to_sign)


async def test_processing_an_open_payment(warm: Heart, meter: Meter) -> None:
    """One transaction takes the lease, one writes what CinetPay says."""
    await warm.open(1)
    assert {"writes": 3, "commits": 2} == await meter.of(warm.process(1))
    assert 2 == len(warm.world.cinetpay.looks)


async def test_processing_a_payment_that_is_accepted(warm: Heart, meter: Meter) -> None:
    """It is answered from the ledger."""
    await warm.open(1)
    warm.world.cinetpay.pays(trans_id(1))
    await warm.process(1)
    assert {"reads": 1, "writes": 1, "commits": 1} == await meter.of(warm.process(1))
    assert 2 == len(warm.world.cinetpay.looks)


async def test_from_a_notification_to_saleor(warm: Heart, database: Database, meter: Meter) -> None:
    """The hint, the look with its report, and the delivery: each written before the next begins."""
    payment = await warm.open(1)
    warm.world.cinetpay.pays(trans_id(1))
    nudges = Nudges(database, warm.world.clock)
    hint = Nudge(payment.trans_id, payment.account_key)
    assert {"reads": 1, "writes": 1, "commits": 1} == await meter.of(nudges.take([hint]))
    (claimed,) = await warm.ledger.claim_due(8)
    lock = 0 if database.is_sqlite else 1  # so that two acceptances of one checkout don't pass each other by
    look = await meter.of(warm.settlement.look(claimed, trigger="nudge"))
    assert {"reads": 2 + lock, "writes": 6, "commits": 1} == look
    (due,) = await warm.ledger.claim_due_reports(8)
    assert {"reads": 1, "writes": 2, "commits": 1} == await meter.of(warm.delivery.deliver(due))


async def test_many_notifications_at_once(warm: Heart, database: Database, meter: Meter) -> None:
    """However many come, one read and one transaction take them all."""
    hints = []
    for number in range(1, 9):
        payment = await warm.open(number)
        hints.append(Nudge(payment.trans_id, payment.account_key))
    assert {"reads": 1, "writes": 1, "commits": 1} == await meter.of(Nudges(database, warm.world.clock).take(hints))


async def test_claiming_what_is_due(warm: Heart, meter: Meter) -> None:
    """A claim is one statement, whatever it finds."""
    assert {"writes": 1, "commits": 1} == await meter.of(warm.ledger.claim_due(8))
    assert {"writes": 1, "commits": 1} == await meter.of(warm.ledger.claim_due(8, except_accounts=["busy"]))
    assert {"writes": 1, "commits": 1} == await meter.of(warm.ledger.claim_due_reports(8, except_shops=[SHOP]))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_bytes_written(warm: Heart, database: Database) -> None:
    """SQLite writes whole pages to its log: what opening a payment, and asking about it, adds stays bounded."""
    before = log_size(database)
    for number in range(1, PAYMENTS + 1):
        await warm.open(number)
    opened = log_size(database)
    for number in range(1, PAYMENTS + 1):
        await warm.process(number)
    processed = log_size(database)
    opening_kib, processing_kib = ((opened - before) // PAYMENTS // 1024, (processed - opened) // PAYMENTS // 1024)
    assert (True, True) == (0 < opening_kib <= 110, 0 < processing_kib <= 30), (opening_kib, processing_kib)


def log_size(database: Database) -> int:
    """Return the size of SQLite's write-ahead log."""
    return Path(f"{database.url.database}-wal").stat().st_size
