"""The ledger's migrations: expand first, contract in a later version, so that old and new can run side by side."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select

from saleor_cinetpay.database import Database

HERE = Path(__file__).parent
LOCK = 4_617_352_017
"""An arbitrary number of our own: whoever holds PostgreSQL's advisory lock of that number migrates."""


async def migrate(database: Database) -> None:
    """Bring the database to this version's tables, once, however many processes start together.

    Raises:
        LedgerUnavailable: where the database does not answer, or a migration fails.
    """
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
