"""The tables of the shops. Secrets stand in columns `sealed_...`, which say what their texts are bound to."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, String, Table, Text, UniqueConstraint

from saleor_cinetpay.database import Moment, metadata
from saleor_cinetpay.shops.secrets import sealed_for

installations = Table(
    "installations",
    metadata,
    Column("saleor_api_url", String(512), primary_key=True),
    Column("app_id", String(128), nullable=False),
    Column("sealed_token", Text, nullable=False, info=sealed_for("installations/{saleor_api_url}/token")),
    Column("key_set", Text, nullable=False),
    Column("key_set_fetched_at", Moment, nullable=False),
    Column("saleor_version", String(32), nullable=False),
    Column("app_base_url", String(512), nullable=False),
    Column("registered_at", Moment, nullable=False),
    Column("dashboard_url", String(512)),
    Column("in_step_version", String(32)),
    Column("in_step_print", String(64)),
    Column("in_step_due_at", Moment),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_key", String(64), primary_key=True),
    Column("saleor_api_url", String(512), nullable=False, index=True),
    Column("origin", String(16), nullable=False),
    Column("label", String(128), nullable=False),
    Column("site_id", String(64), nullable=False),
    Column("sealed_api_key", Text, nullable=False, info=sealed_for("accounts/{account_key}/api_key")),
    Column("currency", String(3), nullable=False),
    Column("minimum", BigInteger, nullable=False),
    Column("maximum", BigInteger, nullable=True),
    Column("step", BigInteger, nullable=False),
    Column("phone_required", Boolean, nullable=False),
    Column("default_prefix", String(4), nullable=True),
    Column("language", String(2), nullable=False),
    Column("environment", String(8), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("archived_at", Moment),
    Column("checked_at", Moment),
    Column("check_code", String(16)),
    UniqueConstraint("saleor_api_url", "origin", "environment", "site_id"),
)

channels = Table(
    "channels",
    metadata,
    Column("saleor_api_url", String(512), primary_key=True),
    Column("channel_id", String(128), primary_key=True),
    Column("slug", String(255), nullable=False),
    Column("account_key", String(64), nullable=False),
    Column("mapped_at", Moment, nullable=False),
)

shop_settings = Table(
    "shop_settings",
    metadata,
    Column("saleor_api_url", String(512), primary_key=True),
    Column("storefront_origins", JSON, nullable=False),
    Column("complete_after_s", BigInteger),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("channels_version", Integer, nullable=False, server_default="0"),
)
