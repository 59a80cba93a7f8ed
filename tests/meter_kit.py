"""Counts what a database is sent."""

from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

BOUNDS = ("BEGIN", ";", "SELECT 1")
"""What begins a transaction or only knocks at the door."""


class Meter:
    """Counts what engines are sent."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def note(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(BOUNDS):
            self.counts["reads" if statement.startswith("SELECT") else "writes"] += 1

    def commit(self, _connection: object) -> None:
        self.counts["commits"] += 1

    async def of(self, doing: Awaitable[Any]) -> dict[str, int]:
        """Return what one thing costs."""
        self.counts.clear()
        await doing
        return dict(self.counts)


@contextmanager
def metered() -> Iterator[Meter]:
    """Measure all engines."""
    meter = Meter()
    event.listen(Engine, "before_cursor_execute", meter.note)
    event.listen(Engine, "commit", meter.commit)
    yield meter
    event.remove(Engine, "before_cursor_execute", meter.note)
    event.remove(Engine, "commit", meter.commit)
