"""Telling Saleor of a shop's problems, so that its Dashboard shows them where staff look, and taking them back.

A problem that has changed is due, as a report is (decision 2): whoever claims it tells Saleor, again and again.
Nothing here is waited for by a payment. A Saleor that can't show problems is left alone, and asked again a day later.

Saleor keeps a hundred problems of an app and drops the oldest, told or taken back. So a problem that stays open is
looked for once a day, and told again where Saleor has dropped it; one that staff dismissed over there stays dismissed.
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import select, update

from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorError, SaleorRefused, Unreadable
from saleor_cinetpay.locale import Language, language_of
from saleor_cinetpay.payments.delivery import InstallationsByUrl
from saleor_cinetpay.payments.due import Due
from saleor_cinetpay.payments.ledger import LEASE
from saleor_cinetpay.payments.problem_words import words_of
from saleor_cinetpay.payments.problems import Problem, ProblemKind, problem_of
from saleor_cinetpay.payments.settlement import AccountsByKey
from saleor_cinetpay.payments.tables import payments, problems
from saleor_cinetpay.schedule import JITTER, retry_delay_s
from saleor_cinetpay.shops.installations import Installation
from saleor_cinetpay.stored import known_words

SINCE = (3, 22, 36)
"""The first Saleor that shows problems of apps."""
CALL_S = 8.0
LOOK_AGAIN = timedelta(days=1)
ROOM = 90
"""With so many open problems in a Saleor, none that it has dropped is told again: it would only drop another."""
LONGEST_KEY = 128
LONGEST_MESSAGE = 1000
"""Saleor takes twice as much; people don't."""
NOT_ITS_WORDS = "GRAPHQL_ERROR"
"""What a Saleor says whose schema does not know what it is asked."""

_DUE = Due(problems, whose=problems.c.saleor_api_url, only=known_words(problems.c.kind, ProblemKind))

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A problem as Saleor's Dashboard shows it."""

    key: str
    message: str
    critical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What a Saleor holds of the app's problems."""

    open: frozenset[str]
    """Keys."""
    dismissed: frozenset[str]


class Boards(Protocol):
    """Shows problems in the Dashboards of Saleors. Every method raises SaleorError where it can't."""

    async def put_up(self, installation: Installation, notice: Notice, *, timeout_s: float) -> None:
        """Show a problem; one that is shown under that key already is renewed."""
        ...

    async def take_down(self, installation: Installation, key: str, *, timeout_s: float) -> None:
        """Show a problem no longer; does nothing where it is not shown."""
        ...

    async def read(self, installation: Installation, *, timeout_s: float) -> Board:
        """Return what is there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DueProblem:
    """A problem that somebody has claimed to tell."""

    problem: Problem
    stands: bool
    """Whether it is to be shown: neither solved nor dismissed."""
    changed_at: datetime
    told: bool
    """Whether Saleor was told since it changed."""
    lease: str


class Announcing:
    """Tells claimed problems."""

    def __init__(
        self,
        *,
        database: Database,
        boards: Boards,
        installations: InstallationsByUrl,
        accounts: AccountsByKey,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._database = database
        self._boards = boards
        self._installations = installations
        self._accounts = accounts
        self._clock = clock
        self._chance = chance

    async def claim_due(self, limit: int, *, except_shops: Collection[str] = ()) -> list[DueProblem]:
        """Take the leases of problems that are due, the longest due first."""
        now, lease = self._clock.now(), self._chance.token()
        until = now + LEASE
        rows = await _DUE.claim(self._database, limit, now=now, until=until, lease=lease, busy=except_shops)
        return [
            DueProblem(
                problem=problem_of(row),
                stands=row.solved_at is None and row.dismissed_at is None,
                changed_at=row.changed_at or row.raised_at,
                told=row.told_at is not None and row.told_at >= (row.changed_at or row.raised_at),
                lease=lease,
            )
            for row in rows
        ]

    async def announce(self, due: DueProblem) -> None:
        """Tell Saleor of one problem, or that it is none any more; what fails comes back by itself."""
        now = self._clock.now()
        installation = await self._installations.find(due.problem.saleor_api_url)
        if installation is None:
            return await self._later(due, "the app is not installed there now")
        if not knows_problems(installation.saleor_version):
            return await self._finish(due, told=False)
        try:
            await self._tell(installation, due)
        except SaleorRefused as refused:
            if refused.code != NOT_ITS_WORDS:
                return await self._later(due, str(refused))
            log.info("problems_not_shown", saleor_api_url=installation.saleor_api_url, reason=str(refused))
            return await self._finish(due, told=False)
        except SaleorError as error:
            return await self._later(due, str(error))
        log.info("problem_told", key=due.problem.key, stands=due.stands, again=due.told)
        await self._finish(due, told=True, at=now)

    async def _tell(self, installation: Installation, due: DueProblem) -> None:
        key = key_at_saleor(due.problem)
        if not due.stands:
            return await self._boards.take_down(installation, key, timeout_s=CALL_S)
        if due.told:
            board = await self._boards.read(installation, timeout_s=CALL_S)
            if key in board.open | board.dismissed or len(board.open) >= ROOM:
                return None
        words, language = words_of(due.problem), await self._language(due.problem)
        said = " ".join(part.say(language) for part in (words.happened, words.to_do))
        message = f"{words.title.say(language)}. {said}"
        notice = Notice(key=key, message=message[:LONGEST_MESSAGE], critical=words.critical)
        return await self._boards.put_up(installation, notice, timeout_s=CALL_S)

    async def _language(self, problem: Problem) -> Language:
        """Return the language of those at the shop: their payment's, or their account's."""
        if problem.trans_id is not None:
            async with self._database.read() as connection:
                spoken = await connection.execute(
                    select(payments.c.merchant_language).where(payments.c.trans_id == problem.trans_id)
                )
            if (language := spoken.scalar_one_or_none()) is not None:
                return language_of(language, Language.FRENCH)
        try:
            account = await self._accounts.by_key(problem.subject)
        except Unreadable:
            account = None
        return Language.FRENCH if account is None else account.language

    async def _later(self, due: DueProblem, reason: str) -> None:
        now = self._clock.now()
        delay_s = retry_delay_s(now - due.changed_at) * (1 - JITTER * self._chance.fraction())
        log.info("problem_not_told", key=due.problem.key, reason=reason, again_s=delay_s)
        await self._release(due, due_at=now + timedelta(seconds=delay_s))

    async def _finish(self, due: DueProblem, *, told: bool, at: datetime | None = None) -> None:
        again_at = self._clock.now() + LOOK_AGAIN if due.stands else None
        await self._release(due, due_at=again_at, told_at=at if told else None)

    async def _release(self, due: DueProblem, **values: datetime | None) -> None:
        async with self._database.write() as connection:
            await connection.execute(
                update(problems)
                .where(problems.c.key == due.problem.key, problems.c.lease == due.lease)
                .values(lease=None, **values)
            )


def knows_problems(saleor_version: str) -> bool:
    """Say whether a Saleor of that version shows problems of apps; one that can't be read is asked."""
    written = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", saleor_version)
    return written is None or tuple(int(part or 0) for part in written.groups()) >= SINCE


def key_at_saleor(problem: Problem) -> str:
    """Return the key by which Saleor knows a problem, at most 128 characters."""
    if len(problem.key) <= LONGEST_KEY:
        return problem.key
    return f"{problem.key[:90]}:{hashlib.sha256(problem.key.encode()).hexdigest()[:32]}"
