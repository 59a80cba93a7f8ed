"""Alembic at work: imported only where there is something to migrate."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from saleor_cinetpay.migrations import HERE


def upgrade(connection: Connection) -> None:
    """Bring the tables to this version's inside the connection's transaction; a newer version's are left alone."""
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    held = MigrationContext.configure(connection).get_current_revision()
    if held is None or held in known:
        command.upgrade(config, "head")
