"""What a command says of an environment that it can't work with: one sentence for each variable, and no traceback."""

import sys
from collections.abc import Callable

import pytest

from saleor_cinetpay import cli
from saleor_cinetpay.environment import SettingsUnreadable, read_settings
from saleor_cinetpay.settings import Settings

Set = Callable[..., None]

ADDRESS = "must be a web address of host and path, such as https://pay.example.com"
MEMORY = "names no file: what is kept in memory is lost when the app stops, so write sqlite:///file"
PATTERN = "'shop' is no pattern of addresses: write it like https://*.example.com/graphql/"

COMPLAINTS = [
    ("SECRET_KEY", "\udcff", "is no text in UTF-8"),
    ("DATABASE_URL", "sqlite:///:memory:", MEMORY),
    ("APP_API_BASE_URL", "pay.example", "must be a web address that starts with https:// (or http:// in development)"),
    ("APP_API_BASE_URL", "https://", ADDRESS),
    ("APP_API_BASE_URL", "https://pay.example:port", ADDRESS),
    ("APP_API_BASE_URL", "https://pay example", ADDRESS),
    ("CINETPAY_API_URL", "https://user:word@api.example/v1/", ADDRESS),
    ("CINETPAY_CHECKOUT_URL", "https://checkout.example:99999", ADDRESS),
    ("CINETPAY_TEST_API_URL", "https://[::1", ADDRESS),
    ("FORWARDED_ALLOW_IPS", "proxy", "'proxy' is no address and no network (10.0.0.0/8)"),
    ("APP_ENV", "staging", "must be 'production' or 'development'"),
    ("ALLOWED_SALEOR_URLS", "shop", PATTERN),
    ("DASHBOARD_URLS", "shop", PATTERN),
    ("CINETPAY_CURRENCY", "EUR", "must be 'CFA' or 'XOF'"),
    ("CINETPAY_TIMEOUT_S", "soon", "must be a number"),
    ("CINETPAY_TIMEOUT_S", "nan", "must be a number that ends somewhere"),
    ("CHECK_DELAYS_S", "5,soon", "'soon' is no delay: write seconds, or seconds*times"),
    ("CHECK_DELAYS_S", "0", "'0' is no delay: both numbers must be above 0 and sensible"),
    ("REFUSAL_GRACE_S", "1e300", "must be at most 31622400"),
    ("WATCH_DAYS", "0", "must be more than 0"),
    ("PURGE_AFTER_DAYS", "1", "must be at least 30"),
    ("METRICS_TOKEN", "jeton secrété", "must be of ASCII characters: it comes in a header"),
    ("MANIFEST_APP_ID", "x" * 61, "must have at most 60 characters"),
    ("PORT", "many", "must be a whole number"),
    ("PORT", "65536", "must be at most 65535"),
    ("WORKERS", "0", "must be at least 1"),
    ("LOG_LEVEL", "loud", "must be 'debug', 'info', 'warning' or 'error'"),
    ("LOG_FORMAT", "xml", "must be 'json' or 'console'"),
]
ANYTHING_GOES = {"HOST", "CINETPAY_SITE_ID", "CINETPAY_TEST_CHECKOUT_URL", "CINETPAY_API_KEY"}
"""A host is the system's to judge, an account CinetPay's; the other address is judged like the first."""

COMMANDS = {
    "serve": [],
    "worker": [],
    "migrate": [],
    "reconcile": [],
    "doctor": [],
    "rotate-keys": [],
    "purge": ["--older-than", "400d"],
    "manifest": [],
}
WITHOUT_SETTINGS = {"demo", "sandbox"}


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Put variables into an environment that holds a key and no other setting."""

    def put(**environment: str) -> None:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in ({"SECRET_KEY": "a long random text"} | environment).items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize(
    ("name", "value", "said"), COMPLAINTS, ids=[f"{name}={value}" for name, value, _ in COMPLAINTS]
)
def test_what_can_not_be_is_said_in_words(put: Set, name: str, value: str, said: str) -> None:
    """The sentence begins with the variable and says what it must be."""
    put(**{name: value})
    with pytest.raises(SettingsUnreadable) as raised:
        read_settings()
    assert [f"{name}: {said}"] == raised.value.complaints


def test_every_setting_is_judged() -> None:
    """A new setting is tried with something that can't be."""
    tried = {name for name, *_ in COMPLAINTS}
    assert {name.upper() for name in Settings.model_fields} == tried | ANYTHING_GOES


def test_all_that_is_wrong_is_said_at_once(put: Set) -> None:
    """Nobody starts the app three times to hear of three mistakes."""
    put(PORT="many", WORKERS="0", LOG_LEVEL="loud")
    with pytest.raises(SettingsUnreadable) as raised:
        read_settings()
    assert ["PORT", "WORKERS", "LOG_LEVEL"] == [said.partition(":")[0] for said in raised.value.complaints]


def test_blanks_around_a_value_do_not_count(put: Set) -> None:
    """A value that was pasted with a blank or a line break at its end is taken without."""
    put(APP_API_BASE_URL=" https://pay.example\n", CINETPAY_CURRENCY=" xof ", METRICS_TOKEN="token ")
    settings = read_settings()
    assert settings.metrics_token is not None
    assert ("https://pay.example", "XOF", "token") == (
        settings.app_api_base_url,
        settings.cinetpay_currency,
        settings.metrics_token.get_secret_value(),
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_it_and_ends(
    put: Set, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """It ends with 1 and a line that names the variable, before it touches anything."""
    put(DATABASE_URL="sqlite:///:memory:")
    monkeypatch.setattr(sys, "argv", ["saleor-cinetpay", command, *COMMANDS[command]])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    said = printed.out.splitlines()[0] if command == "doctor" else printed.err
    mark = "FAILURE settings" if command == "doctor" else "saleor-cinetpay"
    assert (1, f"{mark}: DATABASE_URL: {MEMORY}") == (ended.value.code, said.strip())


def test_every_command_is_tried() -> None:
    """A new command is among those above, or reads no settings."""
    assert cli.app.commands.keys() == COMMANDS.keys() | WITHOUT_SETTINGS
