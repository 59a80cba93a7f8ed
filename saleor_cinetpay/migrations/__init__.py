"""The ledger's migrations: expand first, contract in a later version, so that old and new can run side by side.

Alembic is large, and a process that finds the tables of its version needs nothing of it: which those are, and which
the database has, is told without it. Only where they differ is it imported (`upgrading.py`).
"""

from functools import cache
from pathlib import Path

from sqlalchemy import column, func, inspect, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.database import Database

HERE = Path(__file__).parent
LOCK = 4_617_352_017
"""An arbitrary number of our own: whoever holds PostgreSQL's advisory lock of that number migrates."""

_alembics = table("alembic_version", column("version_num"))


def head() -> str:
    """Return the revision of this version's tables."""
    return revisions()[-1]


async def revision_of(database: Database) -> str | None:
    """Return the revision of a database's tables, None where it has none."""
    return max(await _applied(database), default=None)


async def is_up_to_date(database: Database) -> bool:
    """Say whether the database has this version's tables, and none of a newer one.

    Raises:
        LedgerUnavailable: where the database does not answer.
    """
    return await _applied(database) == [head()]


async def migrate(database: Database) -> None:
    """Bring the database to this version's tables, once, however many processes start together.

    Tables of a newer version are left as they are: migrations only expand, so this version runs beside it, and an
    upgrade can be taken back.

    Raises:
        LedgerUnavailable: where the database does not answer, or a migration fails.
    """
    if await is_up_to_date(database):
        return
    from saleor_cinetpay.migrations.upgrading import upgrade

    async with database.rebuild() as connection:
        if not database.is_sqlite:
            await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        await connection.run_sync(upgrade)


async def missing_revisions(database: Database) -> list[str]:
    """Return the migrations of this version that the database lacks; one that is newer than we are lacks none.

    Raises:
        LedgerUnavailable: where the database does not answer.
    """
    applied, known = await _applied(database), revisions()
    reached = max((known.index(revision) + 1 for revision in applied if revision in known), default=0)
    newer = any(revision not in known for revision in applied)
    return [] if newer else known[reached:]


@cache
def revisions() -> list[str]:
    """Return this version's migrations, the first one first: the numbers with which their files begin."""
    return sorted(path.stem.partition("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))


async def _applied(database: Database) -> list[str]:
    """Return what Alembic has written down in the database; nothing where it has never been at work there."""
    return await database.query(_read_applied)


async def _read_applied(connection: AsyncConnection) -> list[str]:
    if not await connection.run_sync(lambda sync: inspect(sync).has_table(_alembics.name)):
        return []
    return list((await connection.execute(select(_alembics.c.version_num))).scalars())
