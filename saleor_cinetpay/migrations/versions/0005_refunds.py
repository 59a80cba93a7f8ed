"""Refund requests, and the number that a payment was paid from."""

import sqlalchemy as sa
from alembic import op

from saleor_cinetpay.database import Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what is new; nothing that is there changes."""
    op.add_column("payments", sa.Column("sealed_payer", sa.Text(), nullable=True))
    op.add_column("payments", sa.Column("phone_tail", sa.String(length=4), nullable=True))
    op.create_index(op.f("ix_payments_phone_tail"), "payments", ["phone_tail"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("trans_id", sa.String(length=26), nullable=False),
        sa.Column("transaction_id", sa.String(length=128), nullable=False),
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.String(length=255), nullable=True),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(length=255), nullable=True),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_refunds")),
    )
    op.create_index(op.f("ix_refunds_trans_id"), "refunds", ["trans_id"], unique=False)
    op.create_index(
        op.f("ix_refunds_saleor_api_url_state_asked_at"),
        "refunds",
        ["saleor_api_url", "state", "asked_at"],
        unique=False,
    )
