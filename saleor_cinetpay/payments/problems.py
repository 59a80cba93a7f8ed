"""Problems: what a person at the shop must act on. Each is raised once, and solved when its cause has gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Insert, Update, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.tables import problems
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.shops.accounts import Account


class ProblemKind(StrEnum):
    """What can need a person."""

    SUSPECT = "suspect"
    """CinetPay says "paid", but not for what was asked."""
    DOUBLE_PAYMENT = "double_payment"
    """A second accepted payment for the same checkout or order: money to give back."""
    NOT_COMPLETED = "not_completed"
    """A paid checkout that did not become an order."""
    CONFIGURATION = "configuration"
    """CinetPay does not accept the account as it is set up."""
    MONEY_BACK = "money_back"
    """CinetPay gave the money of an accepted payment back."""
    UNKNOWN_PAYMENT = "unknown_payment"
    """CinetPay holds an accepted payment that could not be matched with Saleor's transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to act on. What it is about (`subject`: a trans id, an account key) and its kind are its key."""

    kind: ProblemKind
    saleor_api_url: str
    subject: str
    trans_id: TransId | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    """JSON, without secrets."""

    @property
    def key(self) -> str:
        """The problem's key, stable for ever."""
        return f"{self.kind}:{self.subject}"


class Problems:
    """Keeps problems. `raise_in` and `solve_in` write in a transaction of the caller's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_of(self, saleor_api_url: str) -> list[tuple[datetime, Problem]]:
        """Return what a shop must act on, oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(problems)
                .where(problems.c.saleor_api_url == saleor_api_url, problems.c.solved_at.is_(None))
                .order_by(problems.c.raised_at)
            )
        return [
            (
                row.raised_at,
                Problem(
                    kind=ProblemKind(row.kind),
                    saleor_api_url=row.saleor_api_url,
                    subject=row.key.partition(":")[2],
                    trans_id=TransId(row.trans_id) if row.trans_id else None,
                    detail=row.detail,
                ),
            )
            for row in rows
        ]

    async def raise_now(self, problem: Problem, now: datetime) -> None:
        """Raise a problem in a transaction of its own."""
        async with self._database.write() as connection:
            await self.raise_in(connection, problem, now)

    async def solve_now(self, kind: ProblemKind, subject: str, now: datetime) -> None:
        """Solve a problem in a transaction of its own; does nothing where there is none."""
        async with self._database.write() as connection:
            await self.solve_in(connection, kind, subject, now)

    async def raise_in(self, connection: AsyncConnection, problem: Problem, now: datetime) -> None:
        """Raise a problem; one that is open already keeps the time of its first raising."""
        row = {
            "key": problem.key,
            "saleor_api_url": problem.saleor_api_url,
            "kind": problem.kind,
            "trans_id": problem.trans_id,
            "detail": dict(problem.detail),
            "raised_at": now,
            "solved_at": None,
        }
        statement = (sqlite.insert if self._database.is_sqlite else postgresql.insert)(problems).values(row)
        reopened: Insert = statement.on_conflict_do_update(
            index_elements=["key"], set_=row, where=problems.c.solved_at.is_not(None)
        )
        await connection.execute(reopened)

    async def solve_in(self, connection: AsyncConnection, kind: ProblemKind, subject: str, now: datetime) -> None:
        """Solve a problem; does nothing where there is none."""
        solved: Update = (
            update(problems)
            .where(problems.c.key == f"{kind}:{subject}", problems.c.solved_at.is_(None))
            .values(solved_at=now)
        )
        await connection.execute(solved)


class Configurations:
    """Tells a person when CinetPay does not accept an account as it is set up, and takes it back when it does."""

    def __init__(self, problems: Problems, clock: Clock) -> None:
        self._problems = problems
        self._clock = clock
        self._known_good: set[str] = set()

    async def refused(self, account: Account, code: str) -> None:
        """Note a code that speaks of the account's configuration."""
        self._known_good.discard(account.account_key)
        problem = Problem(
            kind=ProblemKind.CONFIGURATION,
            saleor_api_url=account.saleor_api_url,
            subject=account.account_key,
            detail={"code": code, "site_id": account.site_id},
        )
        await self._problems.raise_now(problem, self._clock.now())

    async def accepted(self, account: Account) -> None:
        """Note an answer that only an account in order gets; writes once for each account and process."""
        if account.account_key not in self._known_good:
            await self._problems.solve_now(ProblemKind.CONFIGURATION, account.account_key, self._clock.now())
            self._known_good.add(account.account_key)
