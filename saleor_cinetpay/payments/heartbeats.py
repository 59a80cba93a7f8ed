"""Heartbeats: each worker says in the database that it lives, so that any process can tell when none does."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from saleor_cinetpay import __version__
from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.inserting import insert_or_replace
from saleor_cinetpay.payments.tables import heartbeats

BEAT_EVERY = timedelta(seconds=10)
MISSED_AFTER = timedelta(seconds=60)
"""A worker that has not been heard of for so long is counted as gone."""
FORGOTTEN_AFTER = timedelta(days=1)


class Heartbeats:
    """Writes one worker's heartbeat, and reads everybody's."""

    def __init__(self, database: Database, clock: Clock, chance: Chance) -> None:
        self._database = database
        self._clock = clock
        self._chance = chance
        self._name: str | None = None
        self._began_at: datetime | None = None
        self._beat_at: datetime | None = None

    async def beat(self) -> None:
        """Say that this worker lives; writes once in ten seconds."""
        now = self._clock.now()
        if self._beat_at is not None and now - self._beat_at < BEAT_EVERY:
            return
        first = self._name is None
        self._name = self._name or self._chance.token()
        self._began_at = self._began_at or now
        row = {"name": self._name, "version": __version__, "began_at": self._began_at, "beat_at": now}
        async with self._database.write() as connection:
            await connection.execute(insert_or_replace(connection, heartbeats, row))
            if first:
                await connection.execute(delete(heartbeats).where(heartbeats.c.beat_at < now - FORGOTTEN_AFTER))
        self._beat_at = now

    async def end(self) -> None:
        """Say that this worker has ended in good order."""
        if self._name is not None:
            async with self._database.write() as connection:
                await connection.execute(delete(heartbeats).where(heartbeats.c.name == self._name))
            self._name = self._beat_at = None

    async def living(self) -> tuple[int, datetime | None]:
        """Return how many workers live, and when one was heard of last."""
        async with self._database.read() as connection:
            newest = (await connection.execute(select(func.max(heartbeats.c.beat_at)))).scalar_one_or_none()
            count = await connection.execute(
                select(func.count()).where(heartbeats.c.beat_at > self._clock.now() - MISSED_AFTER)
            )
            return count.scalar_one(), newest
