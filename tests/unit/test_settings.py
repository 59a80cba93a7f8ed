"""The environment, as the contract gives it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from saleor_cinetpay.settings import AppEnv, Settings

Read = Callable[..., Settings]

KEY = "a long random text"
API_KEY = "12912847765bc0db748fdd44.40081707"
ACCOUNT = {"CINETPAY_SITE_ID": "445160", "CINETPAY_API_KEY": API_KEY}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read the settings from an environment that holds what is given, and no other setting."""

    def read_from(**environment: str) -> Settings:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return Settings()

    return read_from


def test_a_key_is_enough(read: Read) -> None:
    """With a key and nothing else the app runs as the contract says."""
    assert read(SECRET_KEY=KEY).model_dump() == {
        "secret_key": SecretStr(KEY),
        "database_url": SecretStr("sqlite:///data/saleor_cinetpay.db"),
        "app_api_base_url": None,
        "forwarded_allow_ips": "127.0.0.1",
        "app_env": AppEnv.PRODUCTION,
        "allowed_saleor_urls": (),
        "cinetpay_api_url": "https://api.cinetpay.com/v1/",
        "cinetpay_checkout_url": "https://secure.cinetpay.com",
        "cinetpay_test_api_url": None,
        "cinetpay_test_checkout_url": None,
        "cinetpay_site_id": None,
        "cinetpay_api_key": None,
        "cinetpay_currency": "CFA",
        "cinetpay_timeout_s": 8.0,
        "check_delays_s": "5,10,15,30,60,300*12,1800*46,21600",
        "refusal_grace_s": 180.0,
        "watch_days": 7.0,
        "purge_after_days": None,
        "dashboard_urls": (),
        "metrics_token": None,
        "manifest_app_id": "saleor.app.payment.cinetpay",
        "host": "0.0.0.0",
        "port": 8000,
        "workers": 1,
        "log_level": "info",
        "log_format": "json",
    }


def test_every_variable_is_read(read: Read) -> None:
    """Each setting takes the value of the variable of its name."""
    environment = {
        "SECRET_KEY": KEY,
        "DATABASE_URL": "postgresql://app:word@db/app",
        "APP_API_BASE_URL": "https://pay.example",
        "FORWARDED_ALLOW_IPS": "10.0.0.1",
        "APP_ENV": "development",
        "ALLOWED_SALEOR_URLS": "https://shop.example/graphql/",
        "CINETPAY_API_URL": "https://api.example/v1/",
        "CINETPAY_CHECKOUT_URL": "https://checkout.example",
        "CINETPAY_TEST_API_URL": "https://test-api.example/v1/",
        "CINETPAY_TEST_CHECKOUT_URL": "https://test-checkout.example",
        **ACCOUNT,
        "CINETPAY_CURRENCY": "XOF",
        "CINETPAY_TIMEOUT_S": "3.5",
        "CHECK_DELAYS_S": "1,2*3",
        "REFUSAL_GRACE_S": "0",
        "WATCH_DAYS": "0.5",
        "PURGE_AFTER_DAYS": "400",
        "DASHBOARD_URLS": "https://*.example",
        "METRICS_TOKEN": "metrics",
        "MANIFEST_APP_ID": "my.app",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "WORKERS": "4",
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "console",
    }
    assert {name.upper() for name in Settings.model_fields} == set(environment)
    settings = read(**environment)
    for name, written in environment.items():
        value = getattr(settings, name.lower())
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        assert (type(plain)(written) if not isinstance(plain, tuple) else (written,)) == plain, name


def test_an_empty_variable_is_unset(read: Read) -> None:
    """A variable that is set to nothing counts as not set."""
    assert read(SECRET_KEY=KEY) == read(SECRET_KEY=KEY, PORT="", METRICS_TOKEN="", ALLOWED_SALEOR_URLS="", APP_ENV="")


def test_lists_are_written_with_commas(read: Read) -> None:
    """A list's parts are trimmed, and empty parts left out."""
    settings = read(SECRET_KEY=KEY, ALLOWED_SALEOR_URLS=" https://a.example/*, ,https://b.example/graphql/,")
    assert ("https://a.example/*", "https://b.example/graphql/") == settings.allowed_saleor_urls


def test_case_and_blanks_of_words_do_not_matter(read: Read) -> None:
    """Words that stand for a choice are taken however they are spelled."""
    settings = read(APP_ENV=" Development ", LOG_LEVEL="INFO", LOG_FORMAT="Console", CINETPAY_CURRENCY=" cfa ")
    chosen = (settings.app_env, settings.log_level, settings.log_format, settings.cinetpay_currency)
    assert (AppEnv.DEVELOPMENT, "info", "console", "CFA") == chosen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "staging"),
        ("CINETPAY_CURRENCY", "EUR"),
        ("CINETPAY_TIMEOUT_S", "0"),
        ("CINETPAY_TIMEOUT_S", "61"),
        ("CHECK_DELAYS_S", "5,soon"),
        ("REFUSAL_GRACE_S", "-1"),
        ("WATCH_DAYS", "0"),
        ("WATCH_DAYS", "nan"),
        ("MANIFEST_APP_ID", "x" * 61),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("WORKERS", "0"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("APP_API_BASE_URL", "pay.example"),
        ("CINETPAY_API_URL", "ftp://api.example"),
        ("CINETPAY_CHECKOUT_URL", "//checkout.example"),
        ("CINETPAY_TEST_API_URL", "javascript:alert(1)"),
        ("CINETPAY_TEST_CHECKOUT_URL", "checkout"),
    ],
)
def test_a_wrong_value_is_refused_by_name(read: Read, name: str, value: str) -> None:
    """A value that can't be stops the start, and the error names the variable."""
    with pytest.raises(ValidationError) as refused:
        read(**{"SECRET_KEY": KEY, name: value})
    assert [(name.lower(),)] == [error["loc"] for error in refused.value.errors()]


@pytest.mark.parametrize("name", ["APP_API_BASE_URL", "CINETPAY_API_URL", "CINETPAY_CHECKOUT_URL"])
def test_http_is_for_development(read: Read, name: str) -> None:
    """In production the app's and CinetPay's addresses are https; development takes http."""
    assert "http://localhost:9000/" == getattr(
        read(**{"APP_ENV": "development", name: "http://localhost:9000/"}), name.lower()
    )
    with pytest.raises(ValidationError, match=f"{name} must start with https://"):
        read(**{"SECRET_KEY": KEY, name: "http://localhost:9000/"})


def test_production_needs_a_key(read: Read) -> None:
    """Without a key only development starts."""
    with pytest.raises(ValidationError, match="SECRET_KEY is required"):
        read()
    assert () == read(APP_ENV="development").secret_keys


@pytest.mark.parametrize("alone", ACCOUNT)
def test_half_an_account_is_refused(read: Read, alone: str) -> None:
    """A site id without its API key, or the other way round, stops the start in every environment."""
    with pytest.raises(ValidationError, match="go together"):
        read(**{"APP_ENV": "development", alone: ACCOUNT[alone]})


@pytest.mark.parametrize("alone", ["CINETPAY_TEST_API_URL", "CINETPAY_TEST_CHECKOUT_URL"])
def test_half_a_test_environment_is_refused(read: Read, alone: str) -> None:
    """An API for tests without its payment page, or the other way round, would fail at the first payment."""
    with pytest.raises(ValidationError, match="go together"):
        read(**{"APP_ENV": "development", alone: "https://sandbox.example/"})


def test_a_shared_account_needs_allowed_shops(read: Read) -> None:
    """In production an account for every shop goes only with a list of the shops that may install."""
    with pytest.raises(ValidationError, match="ALLOWED_SALEOR_URLS must say which shops may"):
        read(SECRET_KEY=KEY, **ACCOUNT)
    assert "445160" == read(SECRET_KEY=KEY, ALLOWED_SALEOR_URLS="https://a.example/*", **ACCOUNT).cinetpay_site_id
    assert "445160" == read(APP_ENV="development", **ACCOUNT).cinetpay_site_id


@given(st.lists(st.text(st.characters(exclude_characters=",", exclude_categories=("C", "Z")), min_size=1), min_size=1))
def test_keys_keep_their_order(keys: list[str]) -> None:
    """Several keys are separated by commas, their order kept: the first encrypts."""
    settings = Settings(app_env=AppEnv.DEVELOPMENT, secret_key=SecretStr(" , ".join(keys) + ","))
    assert tuple(keys) == settings.secret_keys


def test_settings_do_not_change(read: Read) -> None:
    """Settings are frozen once they are read."""
    with pytest.raises(ValidationError, match="frozen"):
        read(SECRET_KEY=KEY).port = 1  # type: ignore[misc]


def test_settings_show_no_secret(read: Read) -> None:
    """Printing the settings shows neither keys, nor tokens, nor the database's password."""
    settings = read(
        SECRET_KEY=KEY,
        METRICS_TOKEN="tok-en",
        DATABASE_URL="postgresql://app:pass-word@db/app",
        ALLOWED_SALEOR_URLS="https://a.example/*",
        **ACCOUNT,
    )
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert [] == [secret for secret in (KEY, "tok-en", "pass-word", API_KEY) if secret in shown]


def test_errors_show_no_secret(read: Read) -> None:
    """An environment that is refused is not shown: its secrets are nowhere in the error, not even in part."""
    with pytest.raises(ValidationError) as refused:
        read(SECRET_KEY=KEY, CINETPAY_API_KEY=API_KEY)
    assert "input_value" not in str(refused.value)
    assert API_KEY[-8:] not in str(refused.value)


def test_a_key_of_nothing_is_no_key(read: Read) -> None:
    """In production a SECRET_KEY without any key in it stops the start."""
    with pytest.raises(ValidationError, match="SECRET_KEY is required"):
        read(SECRET_KEY=" , ")


@pytest.mark.parametrize("name", ["REFUSAL_GRACE_S", "WATCH_DAYS"])
def test_infinity_is_refused(read: Read, name: str) -> None:
    """A span of time has an end."""
    with pytest.raises(ValidationError):
        read(**{"SECRET_KEY": KEY, name: "inf"})
