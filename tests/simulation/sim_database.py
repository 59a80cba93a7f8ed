"""The ledger's database on the loop's own thread: a real SQLite, without a thread that would run as it pleases.

The statements are the app's own. A transaction runs without a pause, which is what its isolation promises to all
others; a process may die or stall before it, between any two of its statements, and after it.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol, cast

from sqlalchemy import Connection, CursorResult, Dialect, create_engine, event, schema
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import StaticPool

from saleor_cinetpay.database import Database, metadata
from saleor_cinetpay.group_commit import Outcome, Work
from saleor_cinetpay.payments import tables as _payments_tables  # noqa: F401  makes its tables known
from saleor_cinetpay.shops import tables as _shops_tables  # noqa: F401  makes its tables known

Rewrite = Callable[[str], str]
NEXT_DUE = " UNION ALL ".join(
    f"SELECT '{table}', min(due_at) FROM {table}" for table in ("payments", "reports", "completions")
)

WAITING_FOR_A_PERSON = """
SELECT count(*) FROM completions WHERE due_at IS NOT NULL
AND trans_id IN (SELECT trans_id FROM refunds WHERE state = 'waiting')
"""


class Life(Protocol):
    """What a process of ours lives by."""

    def tick(self) -> None:
        """Take one step without a pause; raises `Killed` where it was the last."""
        ...

    async def step(self) -> None:
        """Take one step, which may last."""
        ...


@dataclass(frozen=True, slots=True)
class _Statements:
    """A connection as the app knows it: every statement is awaited."""

    connection: Connection
    life: Life

    @property
    def dialect(self) -> Dialect:
        return self.connection.dialect

    async def execute(self, statement: Any, parameters: Mapping[str, Any] | None = None) -> CursorResult[Any]:
        self.life.tick()
        return self.connection.execute(statement, parameters)


class Store:
    """One database in memory; every run begins with `empty`. A mutant changes the SQL on its way."""

    def __init__(self, mutate: Rewrite | None = None, torn_before: str | None = None) -> None:
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        self._connection = self._engine.connect()
        self._raw = cast(sqlite3.Connection, self._connection.connection.dbapi_connection)
        self._raw.execute("PRAGMA foreign_keys=ON")
        if mutate is not None or torn_before is not None:
            self._listen(cache(mutate or str), torn_before)
        for table in metadata.sorted_tables:
            ddl = [str(schema.CreateTable(table).compile(self._engine))]
            ddl += [str(schema.CreateIndex(index).compile(self._engine)) for index in table.indexes]
            for statement in ddl:
                self._raw.execute(mutate(statement) if mutate else statement)
        self._raw.commit()
        self._empty = self._raw.serialize()
        self.written: Callable[[], None] = lambda: None
        """Called after every transaction that may have written."""
        self.down = False

    def empty(self) -> None:
        """Forget everything."""
        self._raw.deserialize(self._empty)
        self.down = False

    def due_at(self) -> dict[str, datetime]:
        """Return when the next work in each table is due."""
        rows = self._raw.execute(NEXT_DUE)
        return {table: datetime.fromisoformat(due_at).replace(tzinfo=UTC) for table, due_at in rows if due_at}

    def waits_for_a_person(self) -> bool:
        """Say whether what is due are checkouts whose refunds nobody has decided on; they wait as long."""
        ((waiting,),) = self._raw.execute(WAITING_FOR_A_PERSON)
        return set(self.due_at()) == {"completions"} and bool(waiting)

    @contextmanager
    def transaction(self, life: Life) -> Iterator[_Statements]:
        if self._connection.in_transaction():
            raise RuntimeError("a transaction was left open while others ran")
        with self._connection.begin():
            yield _Statements(self._connection, life)

    def _listen(self, mutate: Rewrite, torn_before: str | None) -> None:
        @event.listens_for(self._engine, "before_cursor_execute", retval=True)
        def before(
            _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool
        ) -> tuple[str, Any]:
            if torn_before is not None and statement.startswith(torn_before):
                self._raw.commit()
            return mutate(statement), parameters


class InLoopDatabase(Database):
    """The app's database, as one process sees that store."""

    def __init__(self, store: Store, life: Life, may_fail: Callable[[], None]) -> None:
        self.is_sqlite = True
        self._store = store
        self._life = life
        self._may_fail = may_fail
        """Raises `LedgerUnavailable` where the database does not answer; also after it has done its work."""

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        await self._life.step()
        self._may_fail()
        with self._store.transaction(self._life) as statements:
            yield cast(AsyncConnection, statements)
        self._store.written()
        await self._life.step()
        self._may_fail()

    async def change(self, work: Work[Outcome]) -> Outcome:
        async with self.write() as connection:
            return await work(connection)

    async def query(self, work: Work[Outcome]) -> Outcome:
        async with self.read() as connection:
            return await work(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        await self._life.step()
        self._may_fail()
        with self._store.transaction(self._life) as statements:
            yield cast(AsyncConnection, statements)
