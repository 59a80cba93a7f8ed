"""The worker does what is due, for everybody, whoever hangs and whatever dies."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from fakes import Killed
from payments_kit import SHOP, Heart, World, build_heart, trans_id, transaction_id
from sqlalchemy import Engine, event, text

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorUnavailable
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.payments.worker import PLACES_EACH, Worker

Logs = list[MutableMapping[str, Any]]

MANY = 2 * PLACES_EACH + 1
"""More than the places that anybody can have."""
HANGS_S = 60
"""Only a test that would never end is ended by this."""
HANGING = "https://hanging.example/graphql/"


@contextlib.asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """Let a worker run, and stop it in the end."""
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await task


@pytest.fixture
def claims() -> Iterator[Counter[str]]:
    """Count the claims of what is due, by table."""
    counts: Counter[str] = Counter()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        for table in ("payments", "reports", "completions"):
            if f"UPDATE {table} SET" in statement and "LIMIT" in statement:
                counts[table] += 1

    event.listen(Engine, "before_cursor_execute", note)
    yield counts
    event.remove(Engine, "before_cursor_execute", note)


def events(logs: Logs) -> list[str]:
    """Return the names of what was logged."""
    return [entry["event"] for entry in logs]


async def charged(heart: Heart, number: int) -> None:
    """Wait until Saleor shows a transaction as charged."""
    async with asyncio.timeout(HANGS_S):
        while not heart.world.saleor.charged(transaction_id(number)):  # noqa: ASYNC110  Saleor tells nobody
            await asyncio.sleep(0.002)


async def paid(heart: Heart, number: int, saleor_api_url: str = SHOP) -> str:
    """Open a payment, let the buyer pay and CinetPay notify; return its account key."""
    payment = await heart.open(number, saleor_api_url=saleor_api_url)
    heart.world.cinetpay.pays(trans_id(number))
    await heart.ledger.nudge(trans_id(number))
    return payment.account_key


async def test_a_worker_settles_and_reports_what_is_due(heart: Heart) -> None:
    """From the notification to Saleor's charge nothing else is needed, and a wake is heard at once."""
    worker = heart.worker()
    async with running(worker):
        await asyncio.sleep(0.02)
        await paid(heart, 1)
        worker.wake()
        await charged(heart, 1)
    assert PaymentState.ACCEPTED is (await heart.held()).state


async def test_between_its_rounds_it_asks_only_for_what_may_be_due(heart: Heart, claims: Counter[str]) -> None:
    """A wake asks for payments and reports, a settled payment for its report; the rest waits for the next round."""
    await heart.open(99)
    async with running(heart.worker()) as worker:
        for number in range(1, MANY + 1):
            await paid(heart, number)
            worker.wake()
            await charged(heart, number)
    assert claims["reports"] - claims["completions"] > 1.5 * MANY, claims


async def test_a_place_that_is_free_again_is_taken_at_once(heart: Heart, claims: Counter[str]) -> None:
    """With more due than there are places for it, an account does not wait for the next round."""
    for number in range(1, 3 * MANY + 1):
        await paid(heart, number)
    async with running(heart.worker()):
        for number in range(1, 3 * MANY + 1):
            await charged(heart, number)
    assert claims["payments"] - 2 * claims["completions"] >= 3, claims


async def test_a_worker_finds_by_itself_what_nobody_woke_it_for(heart: Heart) -> None:
    """What another process made due is found within moments."""
    async with running(heart.worker()):
        await asyncio.sleep(0.02)
        await paid(heart, 1)
        await charged(heart, 1)


async def test_a_stopped_worker_finishes_what_it_has_begun(heart: Heart) -> None:
    """What is under way at the stop is written down; nothing new is taken."""
    account_key = await paid(heart, 1)
    cinetpay = heart.world.cinetpay
    cinetpay.gates.close(account_key)
    worker = heart.worker()
    task = asyncio.create_task(worker.run())
    await cinetpay.gates.someone_waits(account_key)
    worker.stop()
    with cinetpay.gates.bypassed(account_key):
        await paid(heart, 2)
    cinetpay.gates.open(account_key)
    await task
    assert [PaymentState.ACCEPTED, PaymentState.PENDING] == [(await heart.held(number)).state for number in (1, 2)]


async def test_an_account_that_hangs_holds_nobody_up(heart: Heart) -> None:
    """With more of its payments due than it may have places, another shop's payment is settled all the same."""
    await heart.install(HANGING)
    hanging = {await paid(heart, number, HANGING) for number in range(1, MANY + 1)}
    (account_key,) = hanging
    heart.world.cinetpay.gates.close(account_key)
    heart.world.clock.turn(1)
    await paid(heart, 100)
    async with running(heart.worker()):
        await charged(heart, 100)
        await heart.world.cinetpay.gates.someone_waits(account_key, so_many=PLACES_EACH)
        waiting = heart.world.cinetpay.gates.waiting[account_key]
        heart.world.cinetpay.gates.open(account_key)
        await charged(heart, MANY)
    assert PLACES_EACH <= waiting < 2 * PLACES_EACH


async def test_a_saleor_that_hangs_holds_nobody_up(heart: Heart) -> None:
    """Reports to a Saleor that does not answer wait; another's are delivered."""
    await heart.install(HANGING)
    heart.world.saleor.gates.close(HANGING)
    for number in range(1, MANY + 1):
        await paid(heart, number, HANGING)
    heart.world.clock.turn(1)
    await paid(heart, 100)
    async with running(heart.worker()):
        await charged(heart, 100)
        await heart.world.saleor.gates.someone_waits(HANGING)
        waiting = heart.world.saleor.gates.waiting[HANGING]
        heart.world.saleor.gates.open(HANGING)
        await charged(heart, MANY)
    assert 0 < waiting < 2 * PLACES_EACH


async def test_a_worker_survives_a_database_that_is_away(heart: Heart, other_database: Database, logs: Logs) -> None:
    """While the ledger can't be read the worker waits; once it can, everything that is due is done."""
    await paid(heart, 1)
    await rename(other_database, "payments", "gone")
    async with running(heart.worker()):
        while "worker_waits" not in events(logs):  # noqa: ASYNC110  nor does a log
            await asyncio.sleep(0.002)
        await rename(other_database, "gone", "payments")
        await heart.world.clock.turn_until(charged(heart, 1))


async def rename(database: Database, table: str, name: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


async def in_the_midst_of_a_look(heart: Heart) -> tuple[Worker, str]:
    """Let a worker ask CinetPay, who does not answer before the gate of the account is opened."""
    account_key = await paid(heart, 1)
    heart.world.cinetpay.gates.close(account_key)
    worker = heart.worker()
    assert await worker.take_due()
    await heart.world.cinetpay.gates.someone_waits(account_key)
    return worker, account_key


async def test_work_that_the_database_holds_up_is_no_mistake_of_ours(
    heart: Heart, other_database: Database, logs: Logs
) -> None:
    """A look that can't be written down is put off, in one line without a trace, and comes back."""
    worker, account_key = await in_the_midst_of_a_look(heart)
    await rename(other_database, "payments", "gone")
    heart.world.cinetpay.gates.open(account_key)
    worker.stop()
    await worker.run()
    await rename(other_database, "gone", "payments")
    told = next(entry for entry in logs if entry["event"] == "work_put_off")
    assert ("warning", account_key, False) == (told["log_level"], told["of"], "exc_info" in told)
    heart.world.clock.turn(31)
    await heart.work_off()
    await charged(heart, 1)


async def test_work_that_was_interrupted_is_told_and_comes_back(heart: Heart, other_heart: Heart, logs: Logs) -> None:
    """What dies in the midst of a look is logged, frees its place, and is done by another after its lease."""
    worker, account_key = await in_the_midst_of_a_look(heart)
    heart.world.doom.await_at(1)
    heart.world.cinetpay.gates.open(account_key)
    worker.stop()
    await worker.run()
    assert ("work_interrupted", account_key) == (events(logs)[-1], logs[-1]["of"])
    heart.world.doom.lift()
    await other_heart.work_off()
    assert 0 == heart.world.saleor.charged(transaction_id())
    heart.world.clock.turn(31)
    await other_heart.work_off()
    assert 5000 == heart.world.saleor.charged(transaction_id())


async def test_delivery_goes_on_when_saleor_is_back(heart: Heart) -> None:
    """A charge that Saleor could not take is charged later, once."""
    await paid(heart, 1)
    heart.world.saleor.down = SaleorUnavailable("nobody there", maybe_carried_out=True)
    await heart.work_off()
    heart.world.saleor.down = None
    heart.world.clock.turn(30)
    await heart.work_off()
    assert ([ReportType.CHARGE_SUCCESS], 2) == (
        heart.world.saleor.events(transaction_id()),
        heart.world.saleor.calls,
    )


async def live(heart: Heart, number: int) -> None:
    """Live through a whole payment, as one process: opened, notified of, settled, reported."""
    await heart.open(number)
    heart.world.cinetpay.pays(trans_id(number))
    await heart.ledger.nudge(trans_id(number))
    await heart.work_off()


async def test_wherever_a_process_dies_the_payment_is_charged_once(
    database: Database, other_database: Database, world: World
) -> None:
    """Killed at any step from the opening to Saleor's answer, another process ends with exactly one CHARGE_SUCCESS."""
    mortal, heir = build_heart(database, world), build_heart(other_database, world, seed=1)
    await mortal.install()
    for step in itertools.count(1):
        world.doom.await_at(step)
        with contextlib.suppress(Killed):
            await live(mortal, step)
        survived = world.doom.taken < step
        world.doom.lift()
        await heir.work_off()
        if survived:
            break
    assert step > 20
    world.clock.turn(31)
    for number in range(1, step):
        payment = await heir.open(number)
        if payment.open_to_pay:
            world.cinetpay.pays(trans_id(number))
    for _ in range(2):
        world.clock.turn(31)
        await heir.work_off()
    for number in range(1, step + 1):
        events, charged = world.saleor.events(transaction_id(number)), world.saleor.charged(transaction_id(number))
        assert (number, [ReportType.CHARGE_SUCCESS], 5000) == (number, events, charged)
