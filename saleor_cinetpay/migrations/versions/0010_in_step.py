"""Installations remember with which version of the app their webhooks are in step."""

import sqlalchemy as sa
from alembic import op

from saleor_cinetpay.database import Moment

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns; older versions of the app ignore them."""
    op.add_column("installations", sa.Column("in_step_version", sa.String(length=32), nullable=True))
    op.add_column("installations", sa.Column("in_step_print", sa.String(length=64), nullable=True))
    op.add_column("installations", sa.Column("in_step_due_at", Moment(), nullable=True))
