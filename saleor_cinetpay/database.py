"""The database: SQLite with one writer, or PostgreSQL. Tables stand beside the code that uses them.

What happens often is a unit of work (`change`, `query`): SQLite commits the units that are waiting together. Whatever
takes its time reads and writes in a block (`read`, `write`).

SQLite runs in WAL mode with `synchronous=FULL`: what `write()` has left without an error survives a power cut.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import aiosqlite
from sqlalchemy import DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.engine import URL, Dialect, ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.types import TypeDecorator

from saleor_cinetpay.database_url import async_url, make_file
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.group_commit import GroupCommit, Outcome, Work, carried_out

POOL_WAIT_S = 3.0
STATEMENT_WAIT_S = 3.0
REBUILD_WAIT_S = 600.0
CONNECT_WAIT_S = 30.0
"""How long a process that starts waits for a server that is busy, as where many processes start at once."""
READERS = 4
CACHE_KB = 512
"""What each of SQLite's connections keeps of the file, instead of 2 MB: ten keep the same, and the system does too."""
POSTGRESQL_CONNECTIONS = 10
TRUSTED_IDLE_S = 1.0
WRITE_OF_NOTHING = {True: "PRAGMA user_version = 1", False: "SELECT txid_current()"}
"""What makes SQLite (True) write a page, and what a PostgreSQL that only reads refuses; it means nothing to us."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

PERSONAL = {"personal": True}
"""The `info` of a column that tells who a buyer is; `saleor-cinetpay purge` empties it (payments/purge.py)."""


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; aware in Python, `timestamptz` in PostgreSQL, naive text of equal width in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments; SQLite stores the UTC reading."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """Hands out connections for reading and for writing.

    Every failure of the database itself is raised as `LedgerUnavailable`; a violated unique key stays
    SQLAlchemy's `IntegrityError`, because it is an answer.
    """

    def __init__(self, url: str, *, trusted_idle_s: float = TRUSTED_IDLE_S) -> None:
        """`trusted_idle_s` is how long a server's connection may lie unused and still be used without asking it."""
        self.url = async_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._units: _SQLiteUnits | None = None
        if self.is_sqlite:
            make_file(self.url)
            self._units = _SQLiteUnits(self.url)
            self._writer = _sqlite_engine(self.url, connections=1, begin="BEGIN IMMEDIATE")
            self._reader = _sqlite_engine(self.url, connections=READERS, begin="BEGIN")
        else:
            self._writer = self._reader = create_async_engine(
                self.url,
                pool_size=POSTGRESQL_CONNECTIONS,
                max_overflow=0,
                pool_timeout=POOL_WAIT_S,
                connect_args={"timeout": POOL_WAIT_S, "command_timeout": STATEMENT_WAIT_S},
            )
            _ask_those_that_lay_idle(self._writer.sync_engine, trusted_idle_s)
        self._asker = self._reader.execution_options(isolation_level="AUTOCOMMIT")

    async def change(self, work: Work[Outcome]) -> Outcome:
        """Carry a unit of work out in a transaction of its own, and return what it returned once that is committed.

        Where it raises, nothing of it is written. It may be carried out again, so it keeps nothing between.
        """
        async with _translated():
            if self._units is not None:
                return await self._units.change(work)
            async with self._writer.begin() as connection:
                return await work(connection)

    async def query(self, work: Work[Outcome]) -> Outcome:
        """Carry a unit of work out that only reads, and little; what is written meanwhile may show."""
        async with _translated():
            if self._units is not None:
                return await self._units.query(work)
            async with self._asker.connect() as connection:  # each statement by itself: no BEGIN, no ROLLBACK
                return await work(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that commits when the block ends, and rolls back when it raises."""
        async with _translated(), self._turn(), self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def rebuild(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction to change the tables in: making an index, or waiting for who does, may take minutes."""
        if self.is_sqlite:
            patient = _sqlite_engine(self.url, connections=1, begin="BEGIN IMMEDIATE", wait_s=REBUILD_WAIT_S)
        else:
            waits = {"timeout": CONNECT_WAIT_S, "command_timeout": REBUILD_WAIT_S}
            patient = create_async_engine(self.url, poolclass=NullPool, connect_args=waits)
        try:
            async with _translated(), patient.begin() as connection:
                yield connection
        finally:
            await patient.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction to read in."""
        async with _translated(), self._reader.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection; one that is asked for later is opened anew."""
        if self._units is not None:
            await self._units.close()
        await self._writer.dispose()
        await self._reader.dispose()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until nobody else in this process writes to SQLite, where connections wait blindly for each other."""
        if self._units is None:
            yield
            return
        async with asyncio.timeout(POOL_WAIT_S):
            await self._units.turn.acquire()
        try:
            yield
        finally:
            self._units.turn.release()


class _SQLiteUnits:
    """Carries units of work out in threads, one of which writes."""

    def __init__(self, url: URL) -> None:
        self.turn = asyncio.Lock()
        self._writer = _sqlite_unit_engine(url, connections=1, begin="BEGIN IMMEDIATE")
        self._reader = _sqlite_unit_engine(url, connections=READERS, begin=None)
        self._commits = GroupCommit(self._writer, self.turn)
        self._threads = _reading_threads()

    async def change(self, work: Work[Outcome]) -> Outcome:
        return await self._commits.change(work, within_s=POOL_WAIT_S + STATEMENT_WAIT_S)

    async def query(self, work: Work[Outcome]) -> Outcome:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    async def close(self) -> None:
        await self._commits.close()
        self._threads.shutdown()
        self._threads = _reading_threads()
        self._writer.dispose()
        self._reader.dispose()

    def _read(self, work: Work[Outcome]) -> Outcome:
        with self._reader.connect() as connection:
            return carried_out(work, connection)


def _reading_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READERS, thread_name_prefix="reader")


def _sqlite_engine(url: URL, *, connections: int, begin: str, wait_s: float = STATEMENT_WAIT_S) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        async_creator=partial(_sqlite_connection, str(url.database), wait_s),
    )
    _as_sqlite_should_be(engine.sync_engine, begin)
    return engine


def _sqlite_unit_engine(url: URL, *, connections: int, begin: str | None) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        connect_args={"timeout": STATEMENT_WAIT_S, "check_same_thread": False},
    )
    _as_sqlite_should_be(engine, begin)
    return engine


def _as_sqlite_should_be(engine: Engine, begin: str | None) -> None:
    """Set a file's connections up; without `begin` every statement is a transaction of its own."""

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        cursor.close()

    if begin is not None:

        @event.listens_for(engine, "begin")
        def start(connection: Any) -> None:
            connection.exec_driver_sql(begin)

    @event.listens_for(engine, "handle_error")
    def reopen(context: ExceptionContext) -> None:
        """Let go of a connection that can only read: it was opened so, and would stay so when the file is writable."""
        if getattr(context.original_exception, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY:
            context.is_disconnect = True


def _ask_those_that_lay_idle(engine: Engine, trusted_s: float) -> None:
    """Use no connection that the server has closed, and ask one that lay unused for a while whether it still lives.

    SQLAlchemy would ask each time, in a transaction: three round trips before every unit of work.
    """

    @event.listens_for(engine, "checkin")
    def lie_idle(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError
        if time.monotonic() - record.info.get("idle_since", math.inf) < trusted_s:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error


async def _sqlite_connection(file: str, wait_s: float) -> aiosqlite.Connection:
    """Open the file in a thread that ends with the process, or, where it can't be opened, at once.

    aiosqlite leaves such a thread to end by itself; a process that has ended its loop by then prints its traceback.
    """
    connection = aiosqlite.connect(file, timeout=wait_s)
    connection._thread.daemon = True
    try:
        return await connection
    except sqlite3.Error:
        await asyncio.to_thread(connection._thread.join)
        raise


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise LedgerUnavailable(f"the database can't be used: {_reason(error.orig or error)}") from error
    except (SQLAlchemyError, OSError, sqlite3.Error) as error:
        raise LedgerUnavailable(f"the database can't be used: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Name a failure in a word that an operator can look up (`SQLITE_FULL`), and that holds nothing of a statement."""
    return getattr(error, "sqlite_errorname", None) or type(error.__cause__ or error).__name__


async def prove_alive(database: Database, *, within_s: float) -> None:
    """Prove that the database can be read and written; a full, locked or read-only one can only be read.

    Raises:
        LedgerUnavailable: where it can't within that time.
    """
    try:
        async with asyncio.timeout(within_s):
            async with database.read() as connection:
                await connection.exec_driver_sql("SELECT 1")
            async with database.write() as connection:
                await connection.exec_driver_sql(WRITE_OF_NOTHING[database.is_sqlite])
    except TimeoutError as error:
        raise LedgerUnavailable("the database can't be used: no answer") from error
