"""Counts what a database is sent."""

from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from saleor_cinetpay.database import Database

BOUNDS = ("BEGIN", ";", "SELECT 1")
"""What begins a transaction or only knocks at the door."""


class Meter:
    """Counts what engines are sent."""

    def __init__(self, database: Database | None = None) -> None:
        """With a database only what that one is sent counts: other apps may run in the same process."""
        self._url = None if database is None else database.url
        self.counts: Counter[str] = Counter()

    def note(self, connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if self._counts(connection) and not statement.startswith(BOUNDS):
            self.counts["reads" if statement.startswith("SELECT") else "writes"] += 1

    def commit(self, connection: Connection) -> None:
        if self._counts(connection):
            self.counts["commits"] += 1

    async def of(self, doing: Awaitable[Any]) -> dict[str, int]:
        """Return what one thing costs."""
        self.counts.clear()
        await doing
        return dict(self.counts)

    def _counts(self, connection: Connection) -> bool:
        return self._url is None or connection.engine.url.database == self._url.database


@contextmanager
def metered(database: Database | None = None) -> Iterator[Meter]:
    """Measure what is sent to all databases, or to one."""
    meter = Meter(database)
    event.listen(Engine, "before_cursor_execute", meter.note)
    event.listen(Engine, "commit", meter.commit)
    yield meter
    event.remove(Engine, "before_cursor_execute", meter.note)
    event.remove(Engine, "commit", meter.commit)
