"""When a payment's personal data was purged."""

import sqlalchemy as sa
from alembic import op

from saleor_cinetpay.database import Moment

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("payments", sa.Column("purged_at", Moment(), nullable=True))
