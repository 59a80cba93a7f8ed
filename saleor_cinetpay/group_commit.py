"""SQLite's one writer: a thread that commits together whatever is waiting, so that one wait for the disk serves all.

A unit of work is written as an `async` function, because on PostgreSQL its statements are awaited. Here every
statement is answered at once, so the function runs to its end in one go, in a thread, without the loop.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_TOGETHER = 64

Outcome = TypeVar("Outcome")
Work = Callable[[AsyncConnection], Awaitable[Outcome]]
"""A unit of work: awaits its statements and nothing else, and may be carried out again where it was rolled back."""


def carried_out(work: Work[Outcome], connection: Connection) -> Outcome:
    """Carry a unit of work out over a connection that answers at once.

    Raises:
        RuntimeError: where it waits for anything but its statements.
    """
    coroutine = cast(Any, work(cast(AsyncConnection, _Statements(connection))))
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast(Outcome, end.value)
    coroutine.close()
    raise RuntimeError("a unit of work waits for something else than the database")


class GroupCommit:
    """Carries units of work out one after the other, in as few transactions as it can."""

    def __init__(self, engine: Engine, turn: asyncio.Lock) -> None:
        """`turn` is held while the writer writes: whoever else writes in this process takes it as well."""
        self._engine = engine
        self._turn = turn
        self._thread = _thread()
        self._waiting: list[_Unit[Any]] = []
        self._committing: asyncio.Task[None] | None = None

    async def change(self, work: Work[Outcome], *, within_s: float) -> Outcome:
        """Return what the work returned, once that is committed; one that was not begun in time never is.

        Raises:
            TimeoutError: where it could not be finished in time.
            Exception: the work's own; then nothing of it is written. Or what beginning or committing met.
        """
        unit = _Unit(work=work, done=asyncio.get_running_loop().create_future())
        self._waiting.append(unit)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_what_waits())
        async with asyncio.timeout(within_s):
            outcome: Outcome = await unit.done
        return outcome

    async def close(self) -> None:
        """Finish what is waiting, and end the thread; what is asked for later starts another."""
        if self._committing is not None:
            await self._committing
        self._thread.shutdown()
        self._thread = _thread()

    async def _commit_what_waits(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            async with self._turn:
                batch = [unit for unit in self._waiting[:MOST_TOGETHER] if not unit.done.done()]
                del self._waiting[:MOST_TOGETHER]
                await loop.run_in_executor(self._thread, self._carry_out, batch)
            for unit in batch:
                unit.tell()

    def _carry_out(self, batch: "Sequence[_Unit[Any]]") -> None:
        """Commit all together; where one of them fails, each by itself, so that it takes none with it."""
        try:
            self._commit(batch)
        except _UnitFailed:
            if len(batch) > 1:
                self._carry_out_singly(batch)

    def _carry_out_singly(self, batch: "Sequence[_Unit[Any]]") -> None:
        for number, unit in enumerate(batch):
            try:
                self._commit([unit])
            except _UnitFailed:
                continue
            if unit.error is not None:  # the database itself: it would keep each of the others waiting as long
                _fail(batch[number:], unit.error)
                return

    def _commit(self, batch: "Sequence[_Unit[Any]]") -> None:
        try:
            with self._engine.connect() as connection, connection.begin():
                for unit in batch:
                    unit.carry_out(connection)
                if not cast(sqlite3.Connection, connection.connection.dbapi_connection).in_transaction:
                    raise sqlite3.OperationalError("the transaction was rolled back")
        except _UnitFailed:
            raise
        except (SQLAlchemyError, sqlite3.Error) as error:  # beginning or committing failed, for all alike
            _fail(batch, error)


@dataclass(kw_only=True)
class _Unit(Generic[Outcome]):
    work: Work[Outcome]
    done: "asyncio.Future[Outcome]"
    context: Context = field(default_factory=copy_context)
    outcome: Outcome | None = None
    error: Exception | None = None

    def carry_out(self, connection: Connection) -> None:
        self.error = None
        try:
            self.outcome = self.context.run(carried_out, self.work, connection)
        except Exception as error:  # goes to whoever waits for this unit, and to nobody else
            self.error = error
            raise _UnitFailed from error

    def tell(self) -> None:
        if self.done.done():
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(cast(Outcome, self.outcome))


class _UnitFailed(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Statements:
    """A connection as units of work know it; every statement is answered before it is awaited."""

    connection: Connection

    async def execute(self, statement: Any, parameters: Any = None) -> CursorResult[Any]:
        return self.connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> CursorResult[Any]:
        return self.connection.exec_driver_sql(statement, parameters)

    async def run_sync(self, ask: Callable[[Connection], Outcome]) -> Outcome:
        return ask(self.connection)

    @property
    def dialect(self) -> Any:
        return self.connection.dialect


def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="writer")


def _fail(batch: "Sequence[_Unit[Any]]", error: Exception) -> None:
    for unit in batch:
        unit.error = error
