"""The first tables: shops, payments, their events and reports, and what comes after them."""

import sqlalchemy as sa
from alembic import op

from saleor_cinetpay.database import Moment

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _shops()
    _payments()
    _events_and_reports()
    _aftermath()


def _shops() -> None:
    op.create_table(
        "installations",
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("app_id", sa.String(length=128), nullable=False),
        sa.Column("sealed_token", sa.Text(), nullable=False),
        sa.Column("key_set", sa.Text(), nullable=False),
        sa.Column("key_set_fetched_at", Moment(), nullable=False),
        sa.Column("saleor_version", sa.String(length=32), nullable=False),
        sa.Column("app_base_url", sa.String(length=512), nullable=False),
        sa.Column("registered_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("saleor_api_url", name=op.f("pk_installations")),
    )
    op.create_table(
        "accounts",
        sa.Column("account_key", sa.String(length=64), nullable=False),
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=128), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("sealed_api_key", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.Column("maximum", sa.BigInteger(), nullable=True),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("phone_required", sa.Boolean(), nullable=False),
        sa.Column("default_prefix", sa.String(length=4), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("environment", sa.String(length=8), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("account_key", name=op.f("pk_accounts")),
        sa.UniqueConstraint(
            "saleor_api_url", "origin", "site_id", name=op.f("uq_accounts_saleor_api_url_origin_site_id")
        ),
    )
    op.create_index(op.f("ix_accounts_saleor_api_url"), "accounts", ["saleor_api_url"], unique=False)
    op.create_table(
        "shop_settings",
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("storefront_origins", sa.JSON(), nullable=False),
        sa.Column("complete_after_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("saleor_api_url", name=op.f("pk_shop_settings")),
    )


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("trans_id", sa.String(length=26), nullable=False),
        sa.Column("transaction_id", sa.String(length=128), nullable=False),
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("account_key", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("sealed_form", sa.Text(), nullable=False),
        sa.Column("environment", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("merchant_language", sa.String(length=2), nullable=False),
        sa.Column("app_base_url", sa.String(length=512), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=True),
        sa.Column("cancel_url", sa.Text(), nullable=True),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("watch_until", Moment(), nullable=False),
        sa.Column("source_id", sa.String(length=128), nullable=True),
        sa.Column("source_total", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(length=255), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=True),
        sa.Column("code_message", sa.String(length=200), nullable=False),
        sa.Column("operator", sa.String(length=32), nullable=True),
        sa.Column("payid", sa.String(length=64), nullable=True),
        sa.Column("suspicion", sa.String(length=32), nullable=True),
        sa.Column("held_amount", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=255), nullable=True),
        sa.Column("refusal_seen_at", Moment(), nullable=True),
        sa.Column("unclear_since", Moment(), nullable=True),
        sa.Column("failing_since", Moment(), nullable=True),
        sa.Column("buyer_back_at", Moment(), nullable=True),
        sa.Column("failure_told_at", Moment(), nullable=True),
        sa.Column("success_time", Moment(), nullable=True),
        sa.Column("looked_at", Moment(), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("quiet_until", Moment(), nullable=True),
        sa.Column("hints", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("trans_id", name=op.f("pk_payments")),
    )
    op.create_index(op.f("ix_payments_due_at"), "payments", ["due_at"], unique=False)
    op.create_index(op.f("ix_payments_source_id"), "payments", ["source_id"], unique=False)
    op.create_index(op.f("ix_payments_success_time"), "payments", ["success_time"], unique=False)


def _events_and_reports() -> None:
    op.create_table(
        "payment_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("trans_id", sa.String(length=26), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_events")),
    )
    op.create_index(op.f("ix_payment_events_trans_id"), "payment_events", ["trans_id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("trans_id", sa.String(length=26), nullable=False),
        sa.Column("transaction_id", sa.String(length=128), nullable=False),
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("psp_reference", sa.String(length=128), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("time", Moment(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("delivered_at", Moment(), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("trans_id", "psp_reference", "type", name=op.f("uq_reports_trans_id_psp_reference_type")),
    )
    op.create_index(op.f("ix_reports_due_at"), "reports", ["due_at"], unique=False)


def _aftermath() -> None:
    op.create_table(
        "completions",
        sa.Column("trans_id", sa.String(length=26), nullable=False),
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("checkout_id", sa.String(length=128), nullable=False),
        sa.Column("accepted_at", Moment(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("trans_id", name=op.f("pk_completions")),
    )
    op.create_index(op.f("ix_completions_due_at"), "completions", ["due_at"], unique=False)
    op.create_table(
        "problems",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("saleor_api_url", sa.String(length=512), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("trans_id", sa.String(length=26), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("raised_at", Moment(), nullable=False),
        sa.Column("solved_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_problems")),
    )
    op.create_index(op.f("ix_problems_saleor_api_url"), "problems", ["saleor_api_url"], unique=False)
    op.create_table(
        "chores",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chores")),
    )
