"""Claiming and marking a batch of due payments costs the same, however many payments the ledger holds.

`make bench-claims` fills two ledgers on each engine: one holds nothing but the payments that are due, the other many
more, with the due ones scattered among them. Then it claims and marks batches in both, turn by turn, so that whatever
else the machine does falls on both. It prints medians, their ratio and the plans of the claims; above `LIMIT` it fails.
"""

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from payments_kit import SECRETS, SHOP, a_payment
from plans_kit import plan, statements
from postgresql_kit import running_postgresql
from sqlalchemy import case, func, insert, literal, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.chance import SystemChance
from saleor_cinetpay.clock import SystemClock
from saleor_cinetpay.database import Database, Moment
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.conclusion import Conclusion
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.rows import row_of
from saleor_cinetpay.payments.tables import payment_events, payments
from saleor_cinetpay.payments.worker import BATCH

LIMIT = 2.0
NEXT_LOOK = timedelta(minutes=5)
CHUNKS = 50
"""In how many places of the table the due payments stand."""
WAITING_OF = 10
"""Of so many payments that are not due one waits for its next look; the others are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """What a batch costs in both ledgers, in seconds."""

    small_s: float
    large_s: float

    @property
    def ratio(self) -> float:
        """How many times as much it costs in the large one."""
        return self.large_s / self.small_s


async def fill(database: Database, *, total: int, due: int, saleor_api_url: str = SHOP) -> None:
    """Write so many payments of a shop with one event each, of which so many are due."""
    numbers = iter(Random(due).sample(range(1, 1 << 40), due))
    now = datetime.now(UTC)
    for _ in range(CHUNKS):
        async with database.rebuild() as connection:
            rows = [_due_row(next(numbers), now, saleor_api_url) for _ in range(due // CHUNKS)]
            events = [{"trans_id": row["trans_id"], "at": now, "kind": "opened", "detail": {}} for row in rows]
            await connection.execute(insert(payments), rows)
            await connection.execute(insert(payment_events), events)
            await _copy(connection, rows[0]["trans_id"], (total - due) // CHUNKS, now)
    async with database.rebuild() as connection:
        if not database.is_sqlite:  # which nobody tells what its tables hold; PostgreSQL finds out before long
            await connection.execute(text("ANALYZE"))


async def race(small: Database, large: Database, *, rounds: int) -> Race:
    """Claim and mark one batch in each, turn by turn."""
    ledgers = [_ledger(small), _ledger(large)]
    costs_s: list[list[float]] = [[], []]
    for _ in range(rounds):
        for ledger, cost_s in zip(ledgers, costs_s, strict=True):
            cost_s.append(await _claim_and_mark(ledger))
    return Race(small_s=median(costs_s[0]), large_s=median(costs_s[1]))


async def statements_of_batch(database: Database) -> list[str]:
    """Return what the engine is sent for one batch, from the claim to the last mark."""
    with statements() as seen:
        await _claim_and_mark(_ledger(database))
    return [statement for statement, _ in seen]


async def plan_of_claim(database: Database) -> list[str]:
    """Return how the engine carries out the very statement with which the worker claims."""
    with statements() as seen:
        await _ledger(database).claim_due(BATCH)
    (claim,) = [asked for asked in seen if asked[0].startswith(("WITH", "UPDATE"))]
    return await plan(database, claim)


@asynccontextmanager
async def opened(url: str, *, total: int, due: int) -> AsyncIterator[Database]:
    """Open a new ledger of that size."""
    database = Database(url)
    try:
        await migrate(database)
        await fill(database, total=total, due=due)
        yield database
    finally:
        await database.close()


def _due_row(number: int, now: datetime, saleor_api_url: str) -> dict[str, Any]:
    due_at = now - timedelta(milliseconds=number % 3_600_000)
    due = replace(a_payment(number), saleor_api_url=saleor_api_url, due_at=due_at, source_id=uuid.UUID(int=number).hex)
    return row_of(due, SECRETS)


async def _copy(connection: AsyncConnection, trans_id: str, times: int, now: datetime) -> None:
    """Write that payment so many times more under other trans ids, over or due later; nobody will open their forms."""
    last = (await connection.execute(select(func.max(payment_events.c.id)))).scalar_one()
    numbers = select(literal(1).label("n")).where(literal(times) > 0).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < times))
    name = text("hex(randomblob(13))" if connection.dialect.name == "sqlite" else "left(md5(random()::text), 26)")
    of_each = select(name, literal(now, Moment), literal("opened"), text("'{}'")).select_from(numbers)
    await connection.execute(insert(payment_events).from_select(["trans_id", "at", "kind", "detail"], of_each))
    waits = payment_events.c.id % WAITING_OF == 0
    changes: dict[str, Any] = {
        "trans_id": payment_events.c.trans_id,
        "source_id": payment_events.c.trans_id,
        "state": case((waits, literal(PaymentState.PENDING.value)), else_=literal(PaymentState.ACCEPTED.value)),
        "due_at": case((waits, literal(now + timedelta(days=1), Moment))),
    }
    copies = (
        select(*(changes.get(c.name, c) for c in payments.c))
        .select_from(payments.join(payment_events, true()))
        .where(payments.c.trans_id == trans_id, payment_events.c.id > last)
    )
    await connection.execute(insert(payments).from_select(list(payments.c.keys()), copies))


async def _claim_and_mark(ledger: Ledger) -> float:
    """Do what the worker does with a batch, but for the look at CinetPay; return how long it takes, in seconds."""
    began_at = time.perf_counter()
    claimed = await ledger.claim_due(BATCH)
    if len(claimed) != BATCH:
        raise ValueError(f"only {len(claimed)} payments were due: fewer rounds, or more that are due")
    for payment in claimed:
        await ledger.save(payment, _due_later, lambda _before, _after: Event(kind="looked_up"))
    return time.perf_counter() - began_at


def _due_later(payment: Payment) -> Conclusion:
    return Conclusion(payment=replace(payment, due_at=datetime.now(UTC) + NEXT_LOOK))


def _ledger(database: Database) -> Ledger:
    return Ledger(database, SECRETS, SystemClock(), SystemChance())


async def _main(total: int, due: int, rounds: int) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-claims-") as folder, running_postgresql(Path(folder)) as server:
        addresses = {
            "SQLite": (f"sqlite:///{folder}/small.db", f"sqlite:///{folder}/large.db"),
            "PostgreSQL": (await server.create("small"), await server.create("large")),
        }
        return max(
            [await _compare(name, *urls, total=total, due=due, rounds=rounds) for name, urls in addresses.items()]
        )


async def _compare(engine: str, small_url: str, large_url: str, *, total: int, due: int, rounds: int) -> int:
    began_at = time.perf_counter()
    async with opened(small_url, total=due, due=due) as small, opened(large_url, total=total, due=due) as large:
        print(f"{engine}: filled in {time.perf_counter() - began_at:.0f} s")
        plan = await plan_of_claim(large)
        cost = await race(small, large, rounds=rounds)
    print(f"  a batch of {BATCH}, median of {rounds} rounds")
    print(f"  {due:>9,} payments, all due: {cost.small_s * 1000:6.2f} ms")
    print(f"  {total:>9,} payments, {due:,} due: {cost.large_s * 1000:6.2f} ms, {cost.ratio:.2f} times as much")
    print("\n".join(f"    {line}" for line in plan))
    return int(cost.ratio > LIMIT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=1_000_000, help="in the large ledger")
    parser.add_argument("--due", type=int, default=10_000, help="of them, and all that the small ledger has")
    parser.add_argument("--rounds", type=int, default=200)
    asked = parser.parse_args()
    sys.exit(asyncio.run(_main(asked.payments, asked.due, asked.rounds)))
