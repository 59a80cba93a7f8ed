"""What staff find payments by: e-mail address, order, channel, CinetPay's payment id; and when CinetPay notified us."""

import sqlalchemy as sa
from alembic import op

from saleor_cinetpay.database import Moment

revision = "0009"
down_revision = "0008"

INDEXES = (
    ("payid",),
    ("order_id",),
    ("saleor_api_url", "channel"),
    ("saleor_api_url", "order_number"),
    ("saleor_api_url", "buyer_email"),
)


def upgrade() -> None:
    """Add columns and indexes; older versions of the app ignore them."""
    op.add_column("payments", sa.Column("buyer_email", sa.String(length=254), nullable=True))
    op.add_column("payments", sa.Column("order_id", sa.String(length=128), nullable=True))
    op.add_column("payments", sa.Column("order_number", sa.String(length=64), nullable=True))
    op.add_column("payments", sa.Column("notified_at", Moment(), nullable=True))
    listed = ["saleor_api_url", "opened_at", "trans_id", "state", "operator", "channel"]
    op.create_index("ix_payments_list", "payments", listed, unique=False)
    for columns in INDEXES:
        op.create_index(op.f(f"ix_payments_{'_'.join(columns)}"), "payments", list(columns), unique=False)
