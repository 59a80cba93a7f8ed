"""Migrations make the very tables that the code knows, once, however many begin together."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select, text

import saleor_cinetpay.payments.tables
import saleor_cinetpay.shops.tables  # noqa: F401  both fill the metadata
from saleor_cinetpay.database import STATEMENT_WAIT_S, Database, metadata
from saleor_cinetpay.migrations import HERE, migrate, revisions
from saleor_cinetpay.shops.tables import shop_settings

TEN_PROCESSES = """
import asyncio, os, sys, traceback
from saleor_cinetpay.database import Database
from saleor_cinetpay.migrations import migrate

async def main():
    database = Database(sys.argv[1])
    await migrate(database)
    await database.close()

asked, gate = os.pipe()
children = []
for _ in range(10):
    child = os.fork()
    if not child:
        os.close(gate)
        os.read(asked, 1)
        try:
            asyncio.run(main())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children.append(child)
os.close(gate)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""
"""Forks ten processes that begin together, when the gate is closed, and exits with the number of those that failed."""


def differences(connection: Connection) -> list[Any]:
    """Return everything in which the database differs from the code's tables."""
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def tables_of(url: str) -> set[str]:
    """Return the tables in a database, Alembic's own aside."""
    database = Database(url)
    async with database.read() as connection:
        names = await connection.run_sync(lambda sync: set(sync.dialect.get_table_names(sync)))
    await database.close()
    return names - {"alembic_version"}


@pytest.fixture
async def migrated(empty_url: str) -> AsyncIterator[Database]:
    """Migrate an empty database."""
    database = Database(empty_url)
    await migrate(database)
    yield database
    await database.close()


async def test_the_migrated_database_is_what_the_code_knows(migrated: Database) -> None:
    """Alembic finds no difference between the migrations and the tables of the code."""
    async with migrated.read() as connection:
        assert [] == await connection.run_sync(differences)


async def test_a_missing_column_would_be_noticed(migrated: Database) -> None:
    """The comparison above sees a column that a migration forgot."""
    async with migrated.write() as connection:
        await connection.execute(text("ALTER TABLE payments DROP COLUMN suspicion"))
    async with migrated.read() as connection:
        assert 1 == len(await connection.run_sync(differences))


async def test_migrating_again_changes_nothing(migrated: Database) -> None:
    """A migrated database, with what is in it, is migrated again without a change."""
    async with migrated.write() as connection:
        await connection.execute(insert(shop_settings).values(saleor_api_url="s", storefront_origins=[]))
    await migrate(migrated)
    async with migrated.read() as connection:
        assert [] == await connection.run_sync(differences)
        assert 1 == len((await connection.execute(select(shop_settings))).all())
        assert 1 == len((await connection.execute(text("SELECT * FROM alembic_version"))).all())


async def test_a_database_without_a_revision_is_migrated(empty_url: str) -> None:
    """Alembic's table alone, with nothing in it, does not count as migrated; whoever began there may have failed."""
    database = Database(empty_url)
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    await migrate(database)
    await database.close()
    assert set(metadata.tables) == await tables_of(empty_url)


def test_the_files_are_named_by_their_revisions() -> None:
    """What is told from the files' names, without Alembic, is what Alembic reads in them: the same line of versions."""
    scripts = list(ScriptDirectory(str(HERE)).walk_revisions())
    assert [script.revision for script in reversed(scripts)] == revisions()
    assert [None, *revisions()[:-1]] == [script.down_revision for script in reversed(scripts)]


async def test_ten_processes_migrate_at_once(empty_url: str) -> None:
    """Processes that begin in the same moment on an empty database all succeed."""
    command = [sys.executable, "-c", TEN_PROCESSES, empty_url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)
    assert (0, "") == (done.returncode, done.stderr)
    assert set(metadata.tables) == await tables_of(empty_url)


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
async def test_a_migration_waits_for_another(empty_url: str) -> None:
    """Whoever starts while another process changes the tables of a SQLite file waits longer than a payment would."""
    database, other = Database(empty_url), Database(empty_url)
    async with asyncio.TaskGroup() as both, other.rebuild():
        waiting = both.create_task(migrate(database))
        await asyncio.sleep(STATEMENT_WAIT_S + 0.5)
        assert not waiting.done()
    assert set(metadata.tables) == await tables_of(empty_url)
    await database.close()
    await other.close()


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)  # SQLite has no such limit
async def test_a_migration_may_take_longer_than_a_payment(empty_url: str) -> None:
    """Changing the tables is not cut off by the short time that other statements have; an index can take minutes."""
    database = Database(empty_url)
    async with database.rebuild() as connection:
        await connection.execute(text("SELECT pg_sleep(:slept_s)"), {"slept_s": STATEMENT_WAIT_S + 0.5})
    await database.close()
