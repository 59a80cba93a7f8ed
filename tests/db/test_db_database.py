"""The database: what it loses, nothing; what goes wrong, one error."""

import asyncio
import os
import stat
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import asyncpg
import pytest
from fakes import NOON
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.database import Database, prove_alive
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.payments.tables import payment_events

PRAGMAS = ("journal_mode", "synchronous", "foreign_keys")
EVENT = {"trans_id": "T", "at": NOON, "kind": "opened", "detail": {}}


async def moments(database: Database) -> list[datetime]:
    async with database.read() as connection:
        return list((await connection.execute(select(payment_events.c.at).order_by(payment_events.c.id))).scalars())


async def test_moments_come_back_as_utc_whatever_zone_they_had(database: Database) -> None:
    """A moment is written in any zone and read in UTC, to the microsecond; SQLite compares them as text."""
    exact = NOON + timedelta(microseconds=1)
    abroad = exact.astimezone(timezone(timedelta(hours=5, minutes=30)))
    async with database.write() as connection:
        await connection.execute(insert(payment_events), [EVENT | {"at": at} for at in (abroad, NOON)])
        first = select(payment_events.c.id).where(payment_events.c.at > NOON)
        assert 1 == len((await connection.execute(first)).all())
    assert [exact, NOON] == await moments(database)
    assert {UTC} == {at.tzinfo for at in await moments(database)}


async def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    """Nobody knows when that is, so it is not written."""
    with pytest.raises(LedgerUnavailable):
        async with database.write() as connection:
            await connection.execute(insert(payment_events).values(EVENT | {"at": datetime(2026, 1, 1)}))  # noqa: DTZ001
    assert [] == await moments(database)


async def test_a_block_that_raises_writes_nothing(database: Database) -> None:
    """What a block wrote before it raised is rolled back, and its error comes out as it was."""

    async def write_and_fail() -> None:
        async with database.write() as connection:
            await connection.execute(insert(payment_events).values(EVENT))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write_and_fail()
    assert [] == await moments(database)


async def test_a_cancelled_block_writes_nothing_and_holds_nobody_up(database: Database) -> None:
    """A request that runs out of time in the midst of a transaction leaves the database free."""

    async def write_and_wait() -> None:
        async with database.write() as connection:
            await connection.execute(insert(payment_events).values(EVENT))
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(write_and_wait(), 0.1)
    async with database.write() as connection:
        await connection.execute(insert(payment_events).values(EVENT))
    assert [NOON] == await moments(database)


async def test_a_violated_key_stays_an_answer(database: Database) -> None:
    """A unique key that is violated is no failure of the database."""
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await connection.execute(insert(payment_events), [EVENT | {"id": 1}] * 2)


async def test_a_broken_statement_is_the_ledgers_failure(database: Database) -> None:
    """Whatever the database refuses becomes the one error that callers know, without the statement in it."""
    for connect in (database.read, database.write):
        with pytest.raises(LedgerUnavailable) as raised:
            async with connect() as connection:
                await connection.execute(text("SELECT secret FROM nowhere"))
        assert "secret" not in str(raised.value)


async def test_many_writers_wait_for_each_other(database: Database, other_database: Database) -> None:
    """Two processes that write at once both succeed, and nobody's transaction sees half of another's."""

    async def write(number: int) -> None:
        async with (database, other_database)[number % 2].write() as connection:
            await connection.execute(insert(payment_events).values(EVENT | {"kind": str(number)}))

    await asyncio.gather(*(write(number) for number in range(60)))
    assert 60 == len(await moments(database))


async def test_a_living_database_proves_it(database: Database) -> None:
    """A database that answers passes."""
    await prove_alive(database, within_s=5)


@pytest.mark.parametrize("url", ["sqlite:////proc/x.db", "postgresql://nobody:none@127.0.0.1:1/x"])
async def test_a_database_that_is_not_there_is_unavailable(url: str) -> None:
    """Nobody listening, or no place for the file, is the ledger's failure and nothing else."""

    async def look() -> None:
        database = Database(url)
        try:
            await prove_alive(database, within_s=5)
        finally:
            await database.close()

    with pytest.raises(LedgerUnavailable):
        await look()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_database_that_does_not_answer_is_unavailable(database: Database) -> None:
    """Where every connection is taken the proof fails within its time."""
    held = [database.read() for _ in range(4)]
    for connection in held:
        await connection.__aenter__()
    with pytest.raises(LedgerUnavailable, match="no answer"):
        await prove_alive(database, within_s=0.05)
    for connection in held:
        await connection.__aexit__(None, None, None)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sqlite_survives_a_power_cut(database: Database) -> None:
    """Both kinds of connections keep a write-ahead log that is synced at every commit."""
    for connect in (database.read, database.write):
        async with connect() as connection:
            pragmas = [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one() for name in PRAGMAS]
        assert ["wal", 2, 1] == pragmas


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sqlites_connections_keep_little(database: Database) -> None:
    """Each kind of connection keeps 512 KB of the file in memory, however large the file and however many they are."""

    async def kept(connection: AsyncConnection) -> int:
        return int((await connection.exec_driver_sql("PRAGMA cache_size")).scalar_one())

    async with database.read() as reading, database.write() as writing:
        blocks = [await kept(reading), await kept(writing)]
    assert [-512] * 4 == [*blocks, await database.query(kept), await database.change(kept)]


async def test_a_new_file_is_for_this_user_alone(tmp_path: Path) -> None:
    """The file, its folder and the files beside it hold sealed secrets and names: nobody else can read what we make."""
    file = tmp_path / "new" / "deep" / "ledger.db"
    before = os.umask(0o022)
    try:
        made = Database(f"sqlite:///{file}")
        async with made.write() as connection:
            await connection.exec_driver_sql("CREATE TABLE t (x)")
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in file.parent.iterdir()}
        await made.close()
    finally:
        os.umask(before)
    assert {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600} == modes


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Whoever has given a file to others meant it: only `doctor` speaks of it."""
    file = tmp_path / "ledger.db"
    file.write_bytes(b"")
    file.chmod(0o640)
    Database(f"sqlite:///{file}")
    assert 0o640 == stat.S_IMODE(file.stat().st_mode)


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The operator is told which file, and why."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LedgerUnavailable) as raised:
        Database(f"sqlite:///{tmp_path}/file/ledger.db")
    assert f"the database's file {tmp_path}/file/ledger.db can't be made: File exists" == str(raised.value)


def test_a_file_that_cannot_be_opened_leaves_no_thread_behind(tmp_path: Path) -> None:
    """A command that fails ends with one line: no thread is left that would find the loop closed, and complain."""

    async def fail() -> list[threading.Thread]:
        database = Database(f"sqlite:///{tmp_path}")
        with pytest.raises(LedgerUnavailable):
            async with database.read():
                pass
        return [thread for thread in threading.enumerate() if "connection_worker" in thread.name]

    before = [thread for thread in threading.enumerate() if "connection_worker" in thread.name]
    assert before == asyncio.run(fail())


only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def driver_of(database: Database) -> asyncpg.Connection:
    """Return the one connection that a database has opened so far, and that who comes next is given."""
    async with database.read() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    return driver


async def put(connection: AsyncConnection) -> None:
    await connection.execute(insert(payment_events).values(EVENT))


async def count(connection: AsyncConnection) -> int:
    return len((await connection.execute(select(payment_events.c.id))).all())


@only_postgresql
async def test_a_unit_of_work_is_nothing_more_on_the_wire(database: Database) -> None:
    """A change is one transaction, a query none; and no connection is asked before how it is."""
    driver = await driver_of(database)
    around: list[str] = []
    driver.add_query_logger(lambda query: around.append(query.query.rstrip(";")))  # told of what is not prepared
    await database.change(put)
    assert 1 == await database.query(count)
    assert ["BEGIN", "COMMIT"] == [statement.split()[0] for statement in around]


async def end_connection(url: str, pid: int) -> None:
    """End a connection as a server that restarts does."""
    other = await asyncpg.connect(url)
    assert await other.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)  # waits until it has ended
    await other.close()


@only_postgresql
async def test_a_connection_that_the_server_has_ended_is_not_used(database: Database, database_url: str) -> None:
    """A restart between two units of work, which the driver has seen, costs neither of them."""
    trusting = Database(database_url, trusted_idle_s=3600)
    driver = await driver_of(trusting)
    await end_connection(database_url, driver.get_server_pid())
    async with asyncio.timeout(5):
        while not driver.is_closed():  # noqa: ASYNC110  the driver tells nobody
            await asyncio.sleep(0.001)
    await trusting.change(put)
    assert 1 == await trusting.query(count)
    await trusting.close()


@only_postgresql
async def test_a_connection_that_lay_idle_is_asked_first(database: Database, database_url: str) -> None:
    """One whose end nobody has seen, as where a machine on the way has forgotten it, costs no unit of work either."""
    doubting = Database(database_url, trusted_idle_s=0)
    driver = await driver_of(doubting)
    ending = threading.Thread(target=asyncio.run, args=[end_connection(database_url, driver.get_server_pid())])
    ending.start()
    ending.join()  # the loop stands still meanwhile, so that the driver sees nothing
    assert not driver.is_closed()
    await doubting.change(put)
    assert 1 == await doubting.query(count)
    await doubting.close()
