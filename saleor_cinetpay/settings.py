"""The environment, read once into frozen settings; names and defaults are public (docs/configuration.md)."""

import re
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from saleor_cinetpay.database_url import async_url
from saleor_cinetpay.logs import LogLevel
from saleor_cinetpay.schedule import parse_delays_s

CommaSeparated = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(lambda v: tuple(p.strip() for p in v.split(",") if p.strip()) if isinstance(v, str) else v),
]

_READABLE = re.compile("[^\ud800-\udfff]*")
_TOKEN = re.compile(r"[ -~]+")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#@\\]+(/[^\s?#\\]*)?")


class AppEnv(StrEnum):
    """Where the app runs. `development` allows http, loopback and private addresses, and a generated key."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


class Settings(BaseSettings):
    """What the operator sets. Frozen; built from the environment once, at start."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    secret_key: SecretStr | None = None
    database_url: SecretStr = SecretStr("sqlite:///data/saleor_cinetpay.db")
    app_api_base_url: str | None = None
    forwarded_allow_ips: str = "127.0.0.1"
    app_env: AppEnv = AppEnv.PRODUCTION
    allowed_saleor_urls: CommaSeparated = ()
    cinetpay_api_url: str = "https://api.cinetpay.com/v1/"
    cinetpay_checkout_url: str = "https://secure.cinetpay.com"
    cinetpay_test_api_url: str | None = None
    cinetpay_test_checkout_url: str | None = None
    cinetpay_site_id: str | None = None
    cinetpay_api_key: SecretStr | None = None
    cinetpay_currency: Literal["CFA", "XOF"] = "CFA"
    cinetpay_timeout_s: float = Field(default=8.0, gt=0, le=60, allow_inf_nan=False)
    check_delays_s: str = "5,10,15,30,60,300*12,1800*46,21600"
    refusal_grace_s: float = Field(default=180.0, ge=0, le=366 * 86400, allow_inf_nan=False)
    watch_days: float = Field(default=7.0, gt=0, le=366, allow_inf_nan=False)
    purge_after_days: float | None = Field(default=None, ge=30, le=36500, allow_inf_nan=False)
    dashboard_urls: CommaSeparated = ()
    metrics_token: SecretStr | None = None
    manifest_app_id: str = Field(default="saleor.app.payment.cinetpay", min_length=1, max_length=60)
    host: str = "0.0.0.0"  # noqa: S104  containers are reached from outside
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    log_level: LogLevel = LogLevel.INFO
    log_format: Literal["json", "console"] = "json"

    @field_validator("log_level", "log_format", "app_env", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("cinetpay_currency", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _trimmed(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not _READABLE.fullmatch(value):
            raise ValueError("is no text in UTF-8")
        return value.strip()

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr) -> SecretStr:
        async_url(value.get_secret_value())
        return value

    @field_validator("metrics_token")
    @classmethod
    def _header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("must be of ASCII characters: it comes in a header")
        return value

    @field_validator("check_delays_s")
    @classmethod
    def _delays(cls, value: str) -> str:
        parse_delays_s(value)
        return value

    @field_validator(
        "app_api_base_url",
        "cinetpay_api_url",
        "cinetpay_checkout_url",
        "cinetpay_test_api_url",
        "cinetpay_test_checkout_url",
    )
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("must be a web address that starts with https:// (or http:// in development)")
        if value is not None and not _is_web_address(value):
            raise ValueError("must be a web address of host and path, such as https://pay.example.com")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if not self.secret_keys and self.production:
            raise ValueError("SECRET_KEY is required: set a long random text, or APP_ENV=development for a trial")
        if (self.cinetpay_site_id is None) != (self.cinetpay_api_key is None):
            raise ValueError("CINETPAY_SITE_ID and CINETPAY_API_KEY go together: set both or neither")
        if (self.cinetpay_test_api_url is None) != (self.cinetpay_test_checkout_url is None):
            raise ValueError("CINETPAY_TEST_API_URL and CINETPAY_TEST_CHECKOUT_URL go together: set both or neither")
        if self.production and self.cinetpay_site_id is not None and not self.allowed_saleor_urls:
            raise ValueError(
                "CINETPAY_SITE_ID gives every shop that installs the app this account, "
                "so ALLOWED_SALEOR_URLS must say which shops may"
            )
        if self.production:
            for name in ("app_api_base_url", "cinetpay_api_url", "cinetpay_checkout_url"):
                value = getattr(self, name)
                if value is not None and not value.startswith("https://"):
                    raise ValueError(f"{name.upper()} must start with https:// (http is for APP_ENV=development)")
        return self

    @property
    def production(self) -> bool:
        """Whether only https and public addresses count."""
        return self.app_env is AppEnv.PRODUCTION

    @cached_property
    def secret_keys(self) -> tuple[str, ...]:
        """The keys of SECRET_KEY: the first encrypts, all decrypt. Empty where development left it unset."""
        raw = self.secret_key.get_secret_value() if self.secret_key else ""
        return tuple(part.strip() for part in raw.split(",") if part.strip())


def _is_web_address(written: str) -> bool:
    try:
        parts = urlsplit(written)
        return _WEB_ADDRESS.fullmatch(written) is not None and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that can't be
        return False
