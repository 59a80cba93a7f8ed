"""What every command reads before anything else: the environment, and in words what is wrong with it."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from saleor_cinetpay.dashboard.gate import Dashboards
from saleor_cinetpay.edge.proxies import Trusted
from saleor_cinetpay.saleor.address import AddressRules
from saleor_cinetpay.settings import Settings

DEVELOPMENT_KEY = Path("data/development-secret-key")

SAID = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number that ends somewhere",
    "greater_than": "must be more than {gt:.12g}",
    "greater_than_equal": "must be at least {ge:.12g}",
    "less_than_equal": "must be at most {le:.12g}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "string_too_long": "must have at most {max_length} characters",
}
"""What pydantic finds in an operator's words; whatever else it finds is said in its own."""

READERS: Mapping[str, Callable[[Settings], object]] = {
    "ALLOWED_SALEOR_URLS": lambda settings: AddressRules(allowed=settings.allowed_saleor_urls),
    "DASHBOARD_URLS": lambda settings: Dashboards(settings.dashboard_urls, development=not settings.production),
    "FORWARDED_ALLOW_IPS": lambda settings: Trusted(settings.forwarded_allow_ips),
}
"""The settings that only the part that uses them can read; it says what it can't."""


class SettingsUnreadable(ValueError):
    """The environment can't be read as settings; each complaint names its variable."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def read_settings() -> Settings:
    """Read the environment; in development a key that is not set is made, and kept in this folder.

    Raises:
        SettingsUnreadable: with everything that is wrong with it.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsUnreadable([_complaint(found) for found in error.errors()]) from None
    if unreadable := list(_unreadable(settings)):
        raise SettingsUnreadable(unreadable)
    if not settings.secret_keys:
        os.environ["SECRET_KEY"] = _development_key()
        settings = Settings()
    return settings


def _unreadable(settings: Settings) -> Iterator[str]:
    for name, read in READERS.items():
        try:
            read(settings)
        except ValueError as error:
            yield f"{name}: {error}"


def _complaint(found: ErrorDetails) -> str:
    said = SAID.get(found["type"])
    words = said.format_map(found.get("ctx", {})) if said else found["msg"]
    words = words.removeprefix("Value error, ")
    return f"{str(found['loc'][0]).upper()}: {words}" if found["loc"] else words


def _development_key() -> str:
    """Return the key of this folder's development database, generated at the first start."""
    DEVELOPMENT_KEY.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(DEVELOPMENT_KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return DEVELOPMENT_KEY.read_text()
    key = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
    return key
