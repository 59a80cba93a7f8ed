"""Installations remember where their Dashboard is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; older versions of the app ignore it."""
    op.add_column("installations", sa.Column("dashboard_url", sa.String(length=512), nullable=True))
