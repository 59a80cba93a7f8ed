"""Accounts that shops set up themselves, which channels use them, and who saved last."""

import sqlalchemy as sa
from alembic import op

from saleor_cinetpay.database import Moment

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add columns, let a site id stand once in live and once in test, and make the map of channels."""
    with op.batch_alter_table("accounts") as accounts:
        accounts.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        accounts.add_column(sa.Column("archived_at", Moment(), nullable=True))
        accounts.add_column(sa.Column("checked_at", Moment(), nullable=True))
        accounts.add_column(sa.Column("check_code", sa.String(length=16), nullable=True))
        accounts.drop_constraint(op.f("uq_accounts_saleor_api_url_origin_site_id"), type_="unique")
        accounts.create_unique_constraint(
            op.f("uq_accounts_saleor_api_url_origin_environment_site_id"),
            ["saleor_api_url", "origin", "environment", "site_id"],
        )
    op.add_column("shop_settings", sa.Column("version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("shop_settings", sa.Column("channels_version", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "channels",
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("channel_id", sa.String(length=128), nullable=False),
        sa.Column("slug", sa.String(length=255), nullable=False),
        sa.Column("account_key", sa.String(length=64), nullable=False),
        sa.Column("mapped_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("saleor_api_url", "channel_id", name=op.f("pk_channels")),
    )
