"""The night's work, once a night, by whichever process claims it; what a dead process left is done anew."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import structlog
from sqlalchemy import update

from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.inserting import insert_unless_there
from saleor_cinetpay.payments.purge import Purge, Purged
from saleor_cinetpay.payments.reconciliation import Reconciliation, last_two_days
from saleor_cinetpay.payments.tables import chores

CHORE = "reconciliation"
AT = time(2)
SPREAD_S = 30 * 60.0
"""Within this time after two o'clock (UTC) the night's work begins, so that not all shops ask CinetPay at once."""
LEASE = timedelta(hours=1)
"""Renewed with each day of a site that has been compared; far longer than that takes."""
ASK_EVERY = timedelta(minutes=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyPurge:
    """The operator's wish that what is older goes every night."""

    purge: Purge
    older_than: timedelta


class Nightly:
    """Reconciles the last two days every night, and purges what is older than the operator wants it kept."""

    def __init__(
        self,
        *,
        database: Database,
        reconciliation: Reconciliation,
        clock: Clock,
        chance: Chance,
        purge: NightlyPurge | None = None,
    ) -> None:
        self._database = database
        self._reconciliation = reconciliation
        self._clock = clock
        self._chance = chance
        self._purge = purge
        self._asked_at: datetime | None = None

    async def claim_due(self, *, under_way: bool = False) -> list[str]:
        """Take the lease of this night's work, if it is due and nobody has it; asks the database once a minute."""
        now = self._clock.now()
        if under_way or (self._asked_at is not None and now - self._asked_at < ASK_EVERY):
            return []
        self._asked_at = now
        lease = self._chance.token()
        first = {"name": CHORE, "due_at": self._next_night(now)}
        async with self._database.write() as connection:
            await connection.execute(insert_unless_there(connection, chores), first)
            claimed = await connection.execute(
                update(chores)
                .where(chores.c.name == CHORE, chores.c.due_at <= now)
                .values(due_at=now + LEASE, lease=lease)
            )
        return [lease] if claimed.rowcount else []

    async def reconcile(self, lease: str) -> None:
        """Do the night's work; breaks off where the lease was lost.

        What could not be asked is left to the next nights: each day is compared in three of them.
        """
        plan = await self._reconciliation.plan(last_two_days(self._clock.now()))
        findings = failures = unopened = 0
        async for comparison in self._reconciliation.run(plan):
            for found in comparison.findings:
                log.warning("reconciliation_found", kind=found.kind, remedy=found.remedy, trans_id=found.trans_id)
            for failure in comparison.failures:
                log.warning("reconciliation_failed", site_id=failure.site_id, whom=failure.whom, reason=failure.reason)
            findings += len(comparison.findings)
            failures += len(comparison.failures)
            unopened += comparison.unopened
            if not await self._put_off(lease, self._clock.now() + LEASE):
                return
        if not await self._purged(lease):
            return
        await self._put_off(lease, self._next_night(self._clock.now()), release=True)
        log.info("reconciled", comparisons=len(plan), findings=findings, failures=failures, unopened=unopened)

    async def _purged(self, lease: str) -> bool:
        """Purge what is due for it; say whether the lease was ours to the end."""
        if self._purge is None:
            return True
        gone = Purged()
        async for so_far in self._purge.purge.run(self._purge.older_than):
            if not await self._put_off(lease, self._clock.now() + LEASE):
                return False
            gone = so_far
        log.info("purged", payments=gone.payments, events=gone.events, unreadable=gone.unreadable)
        return True

    async def _put_off(self, lease: str, until: datetime, *, release: bool = False) -> bool:
        """Move the chore on while the lease is ours; say whether it was."""
        async with self._database.write() as connection:
            kept = await connection.execute(
                update(chores)
                .where(chores.c.name == CHORE, chores.c.lease == lease)
                .values(due_at=until, lease=None if release else lease)
            )
        return bool(kept.rowcount)

    def _next_night(self, now: datetime) -> datetime:
        tonight = datetime.combine(now.astimezone(UTC).date(), AT, UTC)
        begins = tonight if tonight > now else tonight + timedelta(days=1)
        return begins + timedelta(seconds=SPREAD_S * self._chance.fraction())
