"""Problems: what a person at the shop must act on. Each is raised once, and solved when its cause has gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.inserting import insert_unless_there
from saleor_cinetpay.payments.tables import problems
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.stored import StoredWord

# The columns that are given as parameters are set.
_SOLVE = update(problems).where(problems.c.key == bindparam("of"), problems.c.solved_at.is_(None))

log = structlog.get_logger(__name__)


class ProblemKind(StoredWord):
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
    PAID_AFTER_CANCELATION = "paid_after_cancelation"
    """A payment that staff had cancelled was paid all the same: deliver, or give the money back."""
    REFUND_WAITING = "refund_waiting"
    """A refund that Saleor has asked for, to be paid back or declined."""
    UNKNOWN_PAYMENT = "unknown_payment"
    """CinetPay holds an accepted payment that could not be matched with Saleor's transaction."""
    REPORT_REFUSED = "report_refused"
    """Saleor has refused a report for long, and would do so for ever."""
    UNKNOWN = "unknown"
    """What a newer version has noted; its subject is the whole key."""


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
        return self.subject if self.kind is ProblemKind.UNKNOWN else f"{self.kind}:{self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An open problem, and who has dismissed it, if somebody has."""

    problem: Problem
    raised_at: datetime
    dismissed_by: str | None = None
    dismissed_at: datetime | None = None


class Problems:
    """Keeps problems. `raise_in` and `solve_in` write in a transaction of the caller's.

    Whatever changes is due to be told to Saleor (`announcing`), in the same transaction.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_of(self, saleor_api_url: str) -> list[tuple[datetime, Problem]]:
        """Return what a shop must act on, oldest first, dismissed or not."""
        return [(one.raised_at, one.problem) for one in await self.standing(saleor_api_url)]

    async def standing(self, saleor_api_url: str) -> list[Standing]:
        """Return a shop's open problems, oldest first, and what became of each."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(problems)
                .where(problems.c.saleor_api_url == saleor_api_url, problems.c.solved_at.is_(None))
                .order_by(problems.c.raised_at)
            )
        return [
            Standing(
                problem=problem_of(row),
                raised_at=row.raised_at,
                dismissed_by=row.dismissed_by,
                dismissed_at=row.dismissed_at,
            )
            for row in rows
        ]

    async def count(self, saleor_api_url: str) -> int:
        """Count a shop's open problems that nobody has dismissed."""
        waiting = select(func.count()).where(
            problems.c.saleor_api_url == saleor_api_url,
            problems.c.solved_at.is_(None),
            problems.c.dismissed_at.is_(None),
        )
        async with self._database.read() as connection:
            return await connection.scalar(waiting) or 0

    async def dismiss(self, saleor_api_url: str, key: str, *, by: str, now: datetime) -> bool:
        """Take an open problem of a shop off its list; say whether there was one. It comes back where it changes."""
        async with self._database.write() as connection:
            dismissed = await connection.execute(
                update(problems)
                .where(
                    problems.c.key == key,
                    problems.c.saleor_api_url == saleor_api_url,
                    problems.c.solved_at.is_(None),
                    problems.c.dismissed_at.is_(None),
                )
                .values(dismissed_at=now, dismissed_by=by[:255], **_due(now))
            )
        if dismissed.rowcount:
            log.info("problem_dismissed", key=key, by=by[:255])
        return bool(dismissed.rowcount)

    async def raise_now(self, problem: Problem, now: datetime) -> None:
        """Raise a problem in a transaction of its own."""
        async with self._database.write() as connection:
            await self.raise_in(connection, problem, now)

    async def solve_now(self, kind: ProblemKind, subject: str, now: datetime) -> None:
        """Solve a problem in a transaction of its own; does nothing where there is none."""
        await self._database.change(lambda connection: self.solve_in(connection, kind, subject, now))

    async def raise_in(self, connection: AsyncConnection, problem: Problem, now: datetime) -> bool:
        """Raise a problem; one that stands as it is already stays so, dismissed or not. Say whether it is news.

        One that stands keeps the time of its first raising, unless it was dismissed and comes back changed.
        """
        detail = dict(problem.detail)
        raised = {"raised_at": now, "solved_at": None, "dismissed_at": None, "dismissed_by": None}
        row = {
            "key": problem.key,
            "saleor_api_url": problem.saleor_api_url,
            "kind": problem.kind,
            "trans_id": problem.trans_id,
            "detail": detail,
            **raised,
            **_due(now),
        }
        if (await connection.execute(insert_unless_there(connection, problems), row)).rowcount:
            return True
        of_this = problems.c.key == problem.key
        held = (await connection.execute(select(problems).where(of_this).with_for_update())).one()
        if held.solved_at is None and held.detail == detail:
            return False
        news = raised if held.solved_at is not None or held.dismissed_at is not None else {}
        await connection.execute(update(problems).where(of_this).values(detail=detail, **news, **_due(now)))
        return True

    async def solve_in(self, connection: AsyncConnection, kind: ProblemKind, subject: str, now: datetime) -> None:
        """Solve a problem; does nothing where there is none."""
        await solve(connection, kind, subject, now)

    async def tell_again_in(self, connection: AsyncConnection, saleor_api_url: str, now: datetime) -> None:
        """Make every open problem of a shop due: an app that is installed anew has none in that Saleor."""
        await connection.execute(
            update(problems)
            .where(
                problems.c.saleor_api_url == saleor_api_url,
                problems.c.solved_at.is_(None),
                problems.c.dismissed_at.is_(None),
            )
            .values(told_at=None, **_due(now))
        )


async def solve(connection: AsyncConnection, kind: ProblemKind, subject: str, now: datetime) -> None:
    """Solve a problem in a transaction of the caller's; does nothing where there is none."""
    await connection.execute(_SOLVE, {"of": f"{kind}:{subject}", "solved_at": now, **_due(now)})


def problem_of(row: Any) -> Problem:
    """Read a problem from its row."""
    kind = ProblemKind(row.kind)
    return Problem(
        kind=kind,
        saleor_api_url=row.saleor_api_url,
        subject=row.key if kind is ProblemKind.UNKNOWN else row.key.partition(":")[2],
        trans_id=TransId(row.trans_id) if row.trans_id else None,
        detail=row.detail,
    )


def _due(now: datetime) -> dict[str, Any]:
    """Return what makes Saleor be told of a change; whoever is telling it of an earlier one loses the lease."""
    return {"changed_at": now, "due_at": now, "lease": None}


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
