"""An old version and a new one work on one database: migrations only expand, and neither minds the other."""

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from payments_kit import Heart, World, build_heart, trans_id, transaction_id
from sqlalchemy import Connection, MetaData, inspect, text

from saleor_cinetpay.database import Database
from saleor_cinetpay.migrations import HERE, head, migrate, revision_of

SCRIPTS = ScriptDirectory(str(HERE))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]


def upgrade_to(connection: Connection, revision: str) -> None:
    """Bring the tables to an older version's, as that version did."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def pictured(connection: Connection) -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """Return each table's columns: type, whether NULL may stand there, and whether it fills itself."""
    inspector = inspect(connection)
    return {
        table: {
            column["name"]: (
                str(column["type"]),
                bool(column["nullable"]),
                column.get("default") is not None or bool(column.get("autoincrement") not in (False, "auto", None)),
            )
            for column in inspector.get_columns(table)
        }
        for table in inspector.get_table_names()
    }


@pytest.mark.parametrize("older", REVISIONS[:-1])
async def test_a_migration_only_expands(empty_url: str, older: str) -> None:
    """Whatever an older version reads and writes is there afterwards, and what is new it need not know."""
    database = Database(empty_url)
    try:
        async with database.write() as connection:
            await connection.run_sync(upgrade_to, older)
        async with database.read() as connection:
            before = await connection.run_sync(pictured)
        await migrate(database)
        async with database.read() as connection:
            after = await connection.run_sync(pictured)
    finally:
        await database.close()
    lost = [
        f"{table}.{name}" for table, columns in before.items() for name in columns if name not in after.get(table, {})
    ]
    changed = [
        f"{table}.{name}"
        for table, columns in before.items()
        for name, (kind, nullable, _) in columns.items()
        if name in after.get(table, {}) and (kind, nullable) != after[table][name][:2] and not after[table][name][1]
    ]
    demanded = [
        f"{table}.{name}"
        for table, columns in before.items()
        for name, (_, nullable, fills_itself) in after.get(table, {}).items()
        if name not in columns and not nullable and not fills_itself
    ]
    assert ([], [], []) == (lost, changed, demanded)


async def test_rows_of_an_older_version_are_taken_up(empty_url: str) -> None:
    """What the first version wrote, and goes on writing after the upgrade, this version reads and settles."""
    database = Database(empty_url)
    try:
        async with database.write() as connection:
            await connection.run_sync(upgrade_to, REVISIONS[0])
            columns = await connection.run_sync(lambda sync: _columns_of(sync, "payments"))
        await migrate(database)
        heart = build_heart(database, World())
        await heart.install()
        await heart.open(1)
        await _written_again_by_the_old(database, columns, heart)
        heart.world.cinetpay.pays(trans_id(1))
        await heart.ledger.nudge(trans_id(1))
        await heart.work_off()
        assert 5000 == heart.world.saleor.charged(transaction_id(1))
    finally:
        await database.close()


async def test_tables_of_a_newer_version_are_left_alone(empty_url: str) -> None:
    """An old process that starts again after the upgrade, or takes its place back, changes nothing and works."""
    database = Database(empty_url)
    try:
        await migrate(database)
        async with database.write() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await migrate(database)
        assert ("9999", True) == (await revision_of(database), head() < "9999")
    finally:
        await database.close()


def _columns_of(connection: Connection, table: str) -> list[str]:
    held = MetaData()
    held.reflect(connection, only=[table])
    return [column.name for column in held.tables[table].columns]


async def _written_again_by_the_old(database: Database, columns: list[str], heart: Heart) -> None:
    """Write the payment once more with an older version's columns only, as its INSERT does."""
    named = ", ".join(columns)
    async with database.write() as connection:
        await connection.execute(text(f"CREATE TEMPORARY TABLE old_payments AS SELECT {named} FROM payments"))
        await connection.execute(text("DELETE FROM payments"))
        await connection.execute(text(f"INSERT INTO payments ({named}) SELECT {named} FROM old_payments"))
    assert (await heart.held(1)).signature is not None
