"""The ledger's tables. Secrets stand in columns whose names begin with `sealed_`, and say what they are bound to."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from saleor_cinetpay.database import PERSONAL, Moment, metadata
from saleor_cinetpay.shops.secrets import sealed_for

# SQLite numbers rows by itself only where the key is spelled INTEGER.
_row_number = BigInteger().with_variant(Integer, "sqlite")

payments = Table(
    "payments",
    metadata,
    Column("trans_id", String(26), primary_key=True),
    Column("transaction_id", String(128), nullable=False),
    Column("saleor_api_url", String(512), nullable=False),
    Column("account_key", String(64), nullable=False),
    Column("site_id", String(64), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("sealed_form", Text, nullable=False, info=sealed_for("payments/{trans_id}/form")),
    Column("environment", String(8), nullable=False),
    Column("language", String(2), nullable=False),
    Column("merchant_language", String(2), nullable=False),
    Column("app_base_url", String(512), nullable=False),
    Column("return_url", Text, info=PERSONAL),
    Column("cancel_url", Text, info=PERSONAL),
    Column("opened_at", Moment, nullable=False),
    Column("watch_until", Moment, nullable=False),
    Column("source_id", String(128)),
    Column("source_total", BigInteger),
    Column("channel", String(255)),
    Column("buyer_email", String(254), info=PERSONAL),
    Column("order_id", String(128)),
    Column("order_number", String(64)),
    Column("state", String(16), nullable=False),
    Column("code", String(16)),
    Column("code_message", String(200), nullable=False),
    Column("operator", String(32)),
    Column("payid", String(64)),
    Column("suspicion", String(32)),
    Column("held_amount", BigInteger),
    Column("sealed_payer", Text, info=sealed_for("payments/{trans_id}/payer")),
    Column("phone_tail", String(4), info=PERSONAL),
    Column("decided_by", String(255)),
    Column("refusal_seen_at", Moment),
    Column("unclear_since", Moment),
    Column("failing_since", Moment),
    Column("buyer_back_at", Moment),
    Column("failure_told_at", Moment),
    Column("cancelled_at", Moment),
    Column("success_time", Moment),
    Column("looked_at", Moment),
    Column("due_at", Moment),
    Column("quiet_until", Moment),
    Column("hints", Integer, nullable=False),
    Column("notified_at", Moment),
    Column("lease", String(32)),
    Column("purged_at", Moment),
    Index(None, "due_at"),
    Index(None, "source_id"),
    Index(None, "success_time"),
    # A shop's figures are counted in this index alone, however many payments others have.
    Index("ix_payments_figures", "saleor_api_url", "opened_at", "environment", "state", "operator", "amount"),
    Index(None, "payid"),
    Index(None, "phone_tail"),
    Index(None, "order_id"),
    # The list of payments is found in this index alone, whatever it is narrowed by.
    Index("ix_payments_list", "saleor_api_url", "opened_at", "trans_id", "state", "operator", "channel"),
    Index(None, "saleor_api_url", "channel"),
    Index(None, "saleor_api_url", "order_number"),
    Index(None, "saleor_api_url", "buyer_email"),
)


def among_the_shops(table: FromClause, saleor_api_url: object) -> ColumnElement[bool]:
    """Say that a payment is that shop's where another condition finds the few that are meant.

    It is written so that no index is taken for it. SQLite, whom nobody tells what its tables hold, may else go through
    all that a shop has.
    """
    return table.c.saleor_api_url.concat("") == saleor_api_url


payment_events = Table(
    "payment_events",
    metadata,
    Column("id", _row_number, primary_key=True, autoincrement=True),
    Column("trans_id", String(26), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("detail", JSON, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    Column("id", _row_number, primary_key=True, autoincrement=True),
    Column("trans_id", String(26), nullable=False),
    Column("transaction_id", String(128), nullable=False),
    Column("saleor_api_url", String(512), nullable=False),
    Column("type", String(32), nullable=False),
    Column("psp_reference", String(128), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("time", Moment, nullable=False),
    Column("message", Text, nullable=False),
    Column("operator", String(32)),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("delivered_at", Moment),
    Column("due_at", Moment),
    Column("lease", String(32)),
    UniqueConstraint("trans_id", "psp_reference", "type"),
    Index(None, "due_at"),
)

refunds = Table(
    "refunds",
    metadata,
    Column("reference", String(64), primary_key=True),
    Column("trans_id", String(26), nullable=False, index=True),
    Column("transaction_id", String(128), nullable=False),
    Column("saleor_api_url", String(512), nullable=False),
    Column("request_key", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reason", Text, info=PERSONAL),
    Column("asked_by", String(255)),
    Column("asked_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("note", Text, info=PERSONAL),
    Column("decided_by", String(255)),
    Column("decided_at", Moment),
    Index(None, "saleor_api_url", "state", "asked_at"),
)

completions = Table(
    "completions",
    metadata,
    Column("trans_id", String(26), primary_key=True),
    Column("saleor_api_url", String(512), nullable=False),
    Column("checkout_id", String(128), nullable=False),
    Column("accepted_at", Moment, nullable=False),
    Column("outcome", String(32)),
    Column("due_at", Moment, index=True),
    Column("lease", String(32)),
)

problems = Table(
    "problems",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("saleor_api_url", String(512), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("trans_id", String(26)),
    Column("detail", JSON, nullable=False),
    Column("raised_at", Moment, nullable=False),
    Column("solved_at", Moment),
    Column("changed_at", Moment),
    Column("dismissed_at", Moment),
    Column("dismissed_by", String(255)),
    Column("told_at", Moment),
    Column("due_at", Moment, index=True),
    Column("lease", String(32)),
)

balances = Table(
    "balances",
    metadata,
    Column("account_key", String(64), primary_key=True),
    Column("asked_at", Moment, nullable=False),
    Column("read_at", Moment),
    Column("figures", JSON),
    Column("failed_at", Moment),
    Column("failure", String(64)),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("version", String(32), nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("beat_at", Moment, nullable=False),
)

chores = Table(
    "chores",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("due_at", Moment, nullable=False),
    Column("lease", String(32)),
)
