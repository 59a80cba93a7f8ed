"""The ledger's migrations: expand first, contract in a later version, so that old and new can run side by side."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from saleor_cinetpay.database import Database

HERE = Path(__file__).parent
LOCK = 4_617_352_017
"""An arbitrary number of our own: whoever holds PostgreSQL's advisory lock of that number migrates."""


def head() -> str:
    """Return the revision of this version's tables."""
    newest = ScriptDirectory(str(HERE)).get_current_head()
    assert newest is not None  # noqa: S101  there is a first one
    return newest


async def revision_of(database: Database) -> str | None:
    """Return the revision of a database's tables, None where it has none."""
    async with database.read() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def migrate(database: Database) -> None:
    """Bring the database to this version's tables, once, however many processes start together.

    Tables of a newer version are left as they are: migrations only expand, so this version runs beside it, and an
    upgrade can be taken back.

    Raises:
        LedgerUnavailable: where the database does not answer, or a migration fails.
    """
    async with database.rebuild() as connection:
        if not database.is_sqlite:
            await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        await connection.run_sync(_upgrade)


async def missing_revisions(database: Database) -> list[str]:
    """Return the migrations of this version that the database lacks; one that is newer than we are lacks none.

    Raises:
        LedgerUnavailable: where the database does not answer.
    """
    async with database.read() as connection:
        applied = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    known = _revisions()
    reached = max((known.index(revision) + 1 for revision in applied if revision in known), default=0)
    newer = any(revision not in known for revision in applied)
    return [] if newer else known[reached:]


@cache
def _revisions() -> list[str]:
    """Return this version's migrations, the first one first."""
    scripts = ScriptDirectory(str(HERE))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    held = MigrationContext.configure(connection).get_current_revision()
    if held is None or held in known:
        command.upgrade(config, "head")
