"""What stands in the database: payments by state, what is due and for how long, open problems, living workers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.heartbeats import Heartbeats
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.payments.report import ReportState
from saleor_cinetpay.payments.tables import completions, payments, problems, reports
from saleor_cinetpay.stored import Word

COUNTED_FOR = timedelta(seconds=30)
"""Counting all payments reads the whole table, so it is done at most so often."""
KINDS: Mapping[str, Table] = {"payment": payments, "report": reports, "completion": completions}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A number of things, and since when the oldest of them has been waiting."""

    count: int
    oldest: datetime | None

    def age_s(self, now: datetime) -> float:
        """Return for how long the oldest has been waiting."""
        return max((now - self.oldest).total_seconds(), 0.0) if self.oldest else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits to be done."""

    due: Mapping[str, Waiting]
    """By kind: what is due now and that nobody works on."""
    undelivered: Waiting
    """Reports that Saleor does not have yet, due or not."""
    workers: int
    heard_of: datetime | None
    """When a worker was heard of last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What there is, all in all."""

    payments: Mapping[PaymentState, int]
    problems: Mapping[ProblemKind, int]


class Reading:
    """Reads the numbers that an operator wants."""

    def __init__(self, database: Database, heartbeats: Heartbeats, clock: Clock) -> None:
        self._database = database
        self._heartbeats = heartbeats
        self._clock = clock
        self._counted: tuple[datetime, Totals] | None = None

    async def backlog(self) -> Backlog:
        """Return what waits; indexed reads only.

        Raises:
            LedgerUnavailable: where the database does not answer.
        """
        now = self._clock.now()
        workers, heard_of = await self._heartbeats.living()
        async with self._database.read() as connection:
            due = {
                kind: await _waiting(connection, table, table.c.due_at, table.c.due_at <= now)
                for kind, table in KINDS.items()
            }
            waits = (reports.c.due_at.is_not(None), reports.c.state == ReportState.DUE)
            undelivered = await _waiting(connection, reports, reports.c.created_at, *waits)
        return Backlog(due=due, undelivered=undelivered, workers=workers, heard_of=heard_of)

    async def totals(self) -> Totals:
        """Return how many payments and problems there are; up to half a minute old.

        Raises:
            LedgerUnavailable: where the database does not answer.
        """
        now = self._clock.now()
        if self._counted is None or now - self._counted[0] >= COUNTED_FOR:
            self._counted = (now, await self._count())
        return self._counted[1]

    async def _count(self) -> Totals:
        async with self._database.read() as connection:
            states = await connection.execute(select(payments.c.state, func.count()).group_by(payments.c.state))
            kinds = await connection.execute(
                select(problems.c.kind, func.count()).where(problems.c.solved_at.is_(None)).group_by(problems.c.kind)
            )
            return Totals(payments=_counted(PaymentState, states), problems=_counted(ProblemKind, kinds))


def _counted(words: type[Word], rows: Iterable[Any]) -> Mapping[Word, int]:
    """Count by each word, those that stand nowhere too; what newer versions have written is counted together."""
    counted = dict.fromkeys(words, 0)
    for word, count in rows:
        counted[words(word)] += count
    return counted


async def _waiting(
    connection: AsyncConnection, table: Table, since: ColumnElement[datetime], *which: ColumnElement[bool]
) -> Waiting:
    row = (await connection.execute(select(func.count(), func.min(since)).select_from(table).where(*which))).one()
    return Waiting(count=row[0], oldest=row[1])
