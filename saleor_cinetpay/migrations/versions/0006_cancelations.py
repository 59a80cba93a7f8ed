"""When staff cancelled a payment."""

import sqlalchemy as sa
from alembic import op

from saleor_cinetpay.database import Moment

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add what is new; nothing that is there changes."""
    op.add_column("payments", sa.Column("cancelled_at", Moment(), nullable=True))
