"""What the app declares to Saleor: manifest.json, and what is filled in when it is served."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from saleor_cinetpay import __version__

OLDEST_SCHEMA = (3, 20)
LOGO_PATH = "/static/logo.png"
APP_PATH = "/dashboard"
TOKEN_TARGET_PATH = "/api/register"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeclaration:
    """One kind of call that Saleor is to make to the app."""

    name: str
    """For staff."""
    query: str
    """The subscription that says what Saleor puts into the body."""
    sync_events: tuple[str, ...] = ()
    """Saleor's names, such as `TRANSACTION_INITIALIZE_SESSION`; the first of all events names the address too."""
    async_events: tuple[str, ...] = ()
    since: tuple[int, int] = OLDEST_SCHEMA
    """The first Saleor whose schema knows all of this; older ones would refuse the whole install."""

    @property
    def path(self) -> str:
        """Where the app takes the call."""
        return f"/api/webhooks/{(*self.sync_events, *self.async_events)[0].lower().replace('_', '-')}"


def build_manifest(
    *, base_url: str, app_id: str, schema_version: str | None, webhooks: Sequence[WebhookDeclaration]
) -> dict[str, Any]:
    """Return the manifest for one Saleor.

    `schema_version` is what that Saleor says of itself (`3.23`); unsaid or unreadable, it counts as the oldest.
    """
    base = base_url.rstrip("/")
    asking = _schema(schema_version)
    return {
        "id": app_id,
        "version": __version__,
        **_static_manifest(),
        "appUrl": f"{base}{APP_PATH}",
        "tokenTargetUrl": f"{base}{TOKEN_TARGET_PATH}",
        "brand": {"logo": {"default": f"{base}{LOGO_PATH}"}},
        "extensions": [
            _extension(declared, f"{base}{APP_PATH}")
            for declared in _static_manifest()["extensions"]
            if _schema(declared.get("since")) <= asking
        ],
        "webhooks": [
            {
                "name": webhook.name,
                "targetUrl": f"{base}{webhook.path}",
                "query": webhook.query,
                **({"syncEvents": list(webhook.sync_events)} if webhook.sync_events else {}),
                **({"asyncEvents": list(webhook.async_events)} if webhook.async_events else {}),
            }
            for webhook in webhooks
            if webhook.since <= asking
        ],
    }


def _extension(declared: Mapping[str, Any], app_url: str) -> dict[str, Any]:
    """Return what the Dashboard is to show beside an order, at its full address, as a widget's must be."""
    kept = {name: value for name, value in declared.items() if name not in {"path", "since"}}
    return kept | {"url": f"{app_url}{declared['path']}"}


@cache
def declared_webhooks() -> tuple[WebhookDeclaration, ...]:
    """Return the webhooks of manifest.json, each with the subscription that stands beside its door."""
    return tuple(_declared(entry) for entry in _static_manifest()["webhooks"])


def _declared(entry: dict[str, Any]) -> WebhookDeclaration:
    """Read one entry of manifest.json; `since` is ours, and names the first Saleor that is told of it."""
    sync_events, async_events = tuple(entry.get("syncEvents", ())), tuple(entry.get("asyncEvents", ()))
    document = f"{(*sync_events, *async_events)[0].lower()}.graphql"
    return WebhookDeclaration(
        name=entry["name"],
        sync_events=sync_events,
        async_events=async_events,
        query=(files("webhooks") / document).read_text("utf-8"),
        since=_schema(entry.get("since")),
    )


@cache
def _static_manifest() -> dict[str, Any]:
    """Read manifest.json: inside the package where it is installed, at the root of a checkout."""
    package = Path(__file__).parents[1]
    places = (package / "manifest.json", package.parent / "manifest.json")
    static: dict[str, Any] = json.loads(next(place for place in places if place.exists()).read_text("utf-8"))
    return static


def _schema(version: str | None) -> tuple[int, int]:
    major, _, minor = (version or "").partition(".")
    try:
        return int(major), int(minor.partition(".")[0])
    except ValueError:
        return OLDEST_SCHEMA
