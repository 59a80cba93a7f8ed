"""Reports remember the operator, so that Saleor learns the means of payment whoever tells it first."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column; older versions of the app ignore it, and what they write has none."""
    op.add_column("reports", sa.Column("operator", sa.String(length=32), nullable=True))
