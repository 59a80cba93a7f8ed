"""Which shops' webhooks are in step with which version of the app, and which of them are due to be looked at."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.shops.tables import installations

LOOK_AGAIN = timedelta(days=1)
"""So often a Saleor is asked which version it has become."""
TRY_AGAIN = timedelta(minutes=10)
"""After a look that failed; also how long a claim holds."""
FRESH = timedelta(minutes=2)
"""For so long after its registration a shop is left alone: Saleor is still at the install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsTaken:
    """What was done for a shop before."""

    saleor_api_url: str
    fingerprint: str | None
    """Of the webhooks that its Saleor was given; None: of none yet."""


class InStep:
    """Keeps it, for all processes together; a process of an older version leaves newer ones' work alone."""

    def __init__(self, database: Database, clock: Clock, *, app_version: str) -> None:
        self._database = database
        self._clock = clock
        self._app_version = app_version

    async def claim_due(self, limit: int, *, except_shops: Collection[str]) -> list[StepsTaken]:
        """Take shops that this version has not looked at yet, or not for a day; each goes to one process."""
        now = self._clock.now()
        columns = installations.c
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(columns.saleor_api_url, columns.in_step_version, columns.in_step_print, columns.in_step_due_at)
                .where(columns.registered_at <= now - FRESH, columns.saleor_api_url.not_in(except_shops))
                .order_by(columns.in_step_due_at)
            )
            due = [row for row in rows if self._is_due(row, now)][:limit]
        return [
            StepsTaken(saleor_api_url=row.saleor_api_url, fingerprint=row.in_step_print)
            for row in due
            if await self._claim(row, now)
        ]

    async def give_back(self, saleor_api_url: str) -> None:
        """Make a shop due at once that this process has taken."""
        async with self._database.write() as connection:
            await connection.execute(
                update(installations)
                .where(
                    installations.c.saleor_api_url == saleor_api_url,
                    installations.c.in_step_version == self._app_version,
                )
                .values(in_step_due_at=self._clock.now())
            )

    async def done(self, saleor_api_url: str, fingerprint: str) -> None:
        """Note that a shop is in step, and look again in a day."""
        values = {"in_step_print": fingerprint, "in_step_due_at": self._clock.now() + LOOK_AGAIN}
        async with self._database.write() as connection:
            await connection.execute(
                update(installations).where(installations.c.saleor_api_url == saleor_api_url).values(**values)
            )

    def _is_due(self, row: Any, now: datetime) -> bool:
        """Say whether this version must look; a newer one's work only where no process of it has looked for a day."""
        if row.in_step_version is None or row.in_step_due_at is None:
            return True
        ours, theirs = _numbers(self._app_version), _numbers(row.in_step_version)
        if theirs == ours:
            return bool(row.in_step_due_at <= now)
        return theirs < ours or bool(row.in_step_due_at + LOOK_AGAIN <= now)

    async def _claim(self, row: Any, now: datetime) -> bool:
        columns = installations.c
        async with self._database.write() as connection:
            claimed = await connection.execute(
                update(installations)
                .where(
                    columns.saleor_api_url == row.saleor_api_url,
                    columns.in_step_version.is_not_distinct_from(row.in_step_version),
                    columns.in_step_due_at.is_not_distinct_from(row.in_step_due_at),
                )
                .values(in_step_version=self._app_version, in_step_due_at=now + TRY_AGAIN)
            )
        return bool(claimed.rowcount)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
