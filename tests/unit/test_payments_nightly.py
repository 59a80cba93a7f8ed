"""Once a night one process reconciles; what a dead one left is begun anew."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import SeededChance
from payments_kit import SECRETS, SHOP, lose_ledger, trans_id
from reconciliation_kit import Office, an_office
from sqlalchemy import update
from structlog.testing import capture_logs

from saleor_cinetpay.payments.nightly import LEASE, Nightly, NightlyPurge
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.purge import Purge
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.payments.worker import Worker
from saleor_cinetpay.shops.secrets import SecretBox

TONIGHT = datetime(2026, 3, 5, 2, tzinfo=UTC)
HALF_AN_HOUR_S = 30 * 60


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """One shop with its CinetPay and its Saleor, on the day before the night."""
    async with an_office(tmp_path) as office:
        yield office


def a_nightly(office: Office, seed: int = 0) -> Nightly:
    """Return the nightly work of one more process."""
    return Nightly(
        database=office.database, reconciliation=office.reconciliation, clock=office.clock, chance=SeededChance(seed)
    )


class Punctual(SeededChance):
    """Draws that let the night begin at two o'clock."""

    def fraction(self) -> float:
        return 0.0


def until(office: Office, moment: datetime) -> float:
    """Return the seconds until then."""
    return (moment - office.clock.now()).total_seconds()


async def test_the_night_begins_between_two_and_half_past(office: Office) -> None:
    """Nothing is due before two o'clock, and everything by half past."""
    nightly = a_nightly(office)
    assert [] == await nightly.claim_due()
    office.clock.turn(until(office, TONIGHT) - 1)
    assert [] == await nightly.claim_due()
    office.clock.turn(1 + HALF_AN_HOUR_S)
    assert 1 == len(await nightly.claim_due())


async def test_one_process_does_the_nights_work(office: Office) -> None:
    """Of two processes that ask, one gets the lease; done, the work is due again the next night."""
    ours, theirs = a_nightly(office), a_nightly(office, seed=1)
    await ours.claim_due()
    office.clock.turn(until(office, TONIGHT) + HALF_AN_HOUR_S)
    (lease,) = await ours.claim_due()
    assert [] == await theirs.claim_due()
    await ours.reconcile(lease)
    office.clock.turn(23 * 3600)
    assert [[], []] == [await ours.claim_due(), await theirs.claim_due()]
    office.clock.turn(3600 + HALF_AN_HOUR_S)
    assert 1 == len(await theirs.claim_due())


async def test_a_payment_that_no_key_opens_stops_no_night(office: Office) -> None:
    """The night settles the others, counts what it left out in its log, and is done."""
    nightly = a_nightly(office)
    await nightly.claim_due()
    await office.paid(1)
    await office.paid(2)
    sealed = SecretBox(["another key"]).seal("{}", place="elsewhere")
    async with office.database.write() as connection:
        await connection.execute(update(payments).where(payments.c.trans_id == trans_id(1)).values(sealed_form=sealed))
    office.clock.turn(until(office, TONIGHT) + HALF_AN_HOUR_S)
    (lease,) = await nightly.claim_due()
    with capture_logs() as logs:
        await nightly.reconcile(lease)
    assert [(1, 0, 1)] == [
        (line["findings"], line["failures"], line["unopened"]) for line in logs if line["event"] == "reconciled"
    ]
    assert PaymentState.ACCEPTED is (await office.heart.held(2)).state
    assert [] == await office.told(SHOP)


async def test_the_night_settles_and_takes_up(office: Office) -> None:
    """A lost and a missed payment of the day before are accepted by the night's work."""
    nightly = a_nightly(office)
    await nightly.claim_due()
    await office.paid(1)
    await lose_ledger(office.database)
    office.saleor.opened(SHOP, 1)
    await office.paid(2)
    office.clock.turn(until(office, TONIGHT) + HALF_AN_HOUR_S)
    (lease,) = await nightly.claim_due()
    await nightly.reconcile(lease)
    assert ["accepted", "accepted"] == [(await office.heart.held(number)).state for number in (1, 2)]


@pytest.mark.parametrize(("days", "purged"), [(None, False), (400, True), (800, False)])
async def test_the_night_purges_where_the_operator_wants_it(office: Office, days: int | None, purged: bool) -> None:
    """Without the setting nothing goes; with it, what is older than it says."""
    purge = None
    if days is not None:
        purge = NightlyPurge(purge=Purge(office.database, SECRETS, office.clock), older_than=timedelta(days=days))
    await office.paid(1)
    await office.heart.ledger.nudge(trans_id())
    await office.heart.work_off()
    office.clock.turn(timedelta(days=500).total_seconds())
    nightly = Nightly(
        database=office.database,
        reconciliation=office.reconciliation,
        clock=office.clock,
        chance=Punctual(),
        purge=purge,
    )
    await nightly.claim_due()
    office.clock.turn(timedelta(days=1).total_seconds())
    (lease,) = await nightly.claim_due()
    await nightly.reconcile(lease)
    assert purged == ("purged" in await office.heart.kinds())


async def test_what_a_dead_process_left_is_begun_anew(office: Office) -> None:
    """A process that dies with the lease is followed by another when the lease ends."""
    dead, other = a_nightly(office), a_nightly(office, seed=1)
    await dead.claim_due()
    office.clock.turn(until(office, TONIGHT) + HALF_AN_HOUR_S)
    await dead.claim_due()
    office.clock.turn(LEASE.total_seconds() - 1)
    assert [] == await other.claim_due()
    office.clock.turn(61)
    assert 1 == len(await other.claim_due())


async def test_who_lost_the_lease_breaks_off(office: Office) -> None:
    """A process that comes back after its lease has gone to another compares one more day, and leaves the chore."""
    slow, other = a_nightly(office), a_nightly(office, seed=1)
    await slow.claim_due()
    office.clock.turn(until(office, TONIGHT) + HALF_AN_HOUR_S)
    (lost,) = await slow.claim_due()
    office.clock.turn(LEASE.total_seconds())
    (held,) = await other.claim_due()
    await slow.reconcile(lost)
    assert 1 == len(office.cinetpay.asked_for)
    await other.reconcile(held)
    assert 4 == len(office.cinetpay.asked_for)


async def test_the_database_is_asked_once_a_minute(office: Office) -> None:
    """A worker that looks for work twice a second asks for the chore once a minute."""
    nightly = Nightly(
        database=office.database, reconciliation=office.reconciliation, clock=office.clock, chance=Punctual()
    )
    await nightly.claim_due()
    office.clock.turn(until(office, TONIGHT) - 1)
    assert [] == await nightly.claim_due()
    office.clock.turn(59)
    assert [] == await nightly.claim_due()
    office.clock.turn(1)
    assert 1 == len(await nightly.claim_due())


async def test_a_worker_does_it_beside_everything_else(office: Office) -> None:
    """The worker takes the night's work like any other."""
    heart = office.heart
    worker = Worker(
        ledger=heart.ledger,
        settlement=heart.settlement,
        delivery=heart.delivery,
        completion=heart.completion,
        leases=heart.leases,
        nightly=a_nightly(office),
        clock=office.clock,
    )
    await worker.take_due()
    await office.paid()
    await lose_ledger(office.database)
    office.saleor.opened(SHOP)
    office.clock.turn(until(office, TONIGHT) + HALF_AN_HOUR_S)
    assert await worker.take_due()
    async with asyncio.timeout(5):
        while not (held := await heart.ledger.find(trans_id())) or held.state != "accepted":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    worker.stop()
    await worker.run()


async def test_a_worker_that_stops_leaves_the_night_to_others(office: Office) -> None:
    """While CinetPay hangs, a worker that is stopped ends at once, and the lease lets another begin anew."""
    heart, ours, other = office.heart, a_nightly(office), a_nightly(office, seed=1)
    worker = Worker(
        ledger=heart.ledger,
        settlement=heart.settlement,
        delivery=heart.delivery,
        completion=heart.completion,
        leases=heart.leases,
        nightly=ours,
        clock=office.clock,
    )
    await ours.claim_due()
    office.clock.turn(until(office, TONIGHT) + HALF_AN_HOUR_S)
    key = await heart.account_key()
    office.cinetpay.gates.close(key)
    assert await worker.take_due()
    await office.cinetpay.gates.someone_waits(key)
    worker.stop()
    async with asyncio.timeout(5):
        await worker.run()
    office.clock.turn(LEASE.total_seconds())
    assert 1 == len(await other.claim_due())
