"""The manifest says what Saleor needs, at the addresses that this Saleor can reach."""

import json
import re
import struct
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from saleor_cinetpay import __version__
from saleor_cinetpay.saleor.manifest import LOGO_PATH, WebhookDeclaration, build_manifest, declared_webhooks

ROOT = Path(__file__).parents[2]
LATER = WebhookDeclaration(name="later", sync_events=("A_LATER_EVENT",), query="subscription { event }", since=(3, 23))


def test_manifest() -> None:
    """Static parts come from manifest.json; id, version, addresses and subscriptions are filled in."""
    static = json.loads((ROOT / "manifest.json").read_text("utf-8"))
    manifest = build_manifest(
        base_url="https://app.example/base/", app_id="our.app", schema_version="3.23", webhooks=declared_webhooks()
    )

    webhooks = manifest.pop("webhooks")
    assert {
        "id": "our.app",
        "version": __version__,
        "name": static["name"],
        "about": static["about"],
        "author": static["author"],
        "permissions": ["HANDLE_PAYMENTS"],
        "requiredSaleorVersion": ">=3.20 <4",
        "appUrl": "https://app.example/base/dashboard",
        "tokenTargetUrl": "https://app.example/base/api/register",
        "brand": {"logo": {"default": "https://app.example/base/static/logo.png"}},
        "extensions": [
            {
                "label": "CinetPay",
                "mount": "ORDER_DETAILS_MORE_ACTIONS",
                "target": "POPUP",
                "permissions": ["HANDLE_PAYMENTS"],
                "url": "https://app.example/base/dashboard/beside/order",
            },
            {
                "label": "CinetPay",
                "mount": "ORDER_DETAILS_WIDGETS",
                "target": "WIDGET",
                "permissions": ["HANDLE_PAYMENTS"],
                "options": {"widgetTarget": {"method": "GET"}},
                "url": "https://app.example/base/dashboard/beside/order",
            },
        ],
    } == manifest
    assert [{name: value for name, value in entry.items() if name != "since"} for entry in static["webhooks"]] == [
        {name: value for name, value in webhook.items() if name not in {"targetUrl", "query"}} for webhook in webhooks
    ]


def test_webhooks_have_their_door_and_their_subscription() -> None:
    """Each webhook leads to the door of its event, with the subscription that stands beside that door."""
    manifest = build_manifest(
        base_url="https://app.example", app_id="our.app", schema_version="3.23", webhooks=declared_webhooks()
    )

    events = [(*webhook.get("syncEvents", []), *webhook.get("asyncEvents", [])) for webhook in manifest["webhooks"]]
    assert [
        ("PAYMENT_GATEWAY_INITIALIZE_SESSION",),
        ("TRANSACTION_INITIALIZE_SESSION",),
        ("TRANSACTION_PROCESS_SESSION",),
        ("TRANSACTION_REFUND_REQUESTED",),
        ("TRANSACTION_CANCELATION_REQUESTED",),
        ("APP_DELETED",),
    ] == events
    for webhook, (event,) in zip(manifest["webhooks"], events, strict=True):
        assert f"https://app.example/api/webhooks/{event.lower().replace('_', '-')}" == webhook["targetUrl"]
        assert (ROOT / "webhooks" / f"{event.lower()}.graphql").read_text("utf-8") == webhook["query"]


def test_manifest_is_made_for_the_version_that_asks() -> None:
    """What an older Saleor's schema lacks is left out for it, as one unknown field would fail the install."""

    def webhooks(schema_version: str | None) -> int:
        manifest = build_manifest(
            base_url="https://app.example", app_id="our.app", schema_version=schema_version, webhooks=[LATER]
        )
        return len(manifest["webhooks"])

    expected = {"3.20": 0, "3.22": 0, "3.23": 1, "3.23.28": 1, "4.0": 1, None: 0, "": 0, "new": 0}
    assert expected == {version: webhooks(version) for version in expected}


def test_deletion_is_declared_where_saleor_tells_of_it() -> None:
    """Before 3.23 an app that may only handle payments would never be told of its deletion, so it does not ask."""

    def asks(schema_version: str) -> bool:
        manifest = build_manifest(
            base_url="https://app.example",
            app_id="our.app",
            schema_version=schema_version,
            webhooks=declared_webhooks(),
        )
        return ["APP_DELETED"] in [webhook.get("asyncEvents") for webhook in manifest["webhooks"]]

    assert {"3.20": False, "3.21": False, "3.22": False, "3.23": True} == {
        version: asks(version) for version in ("3.20", "3.21", "3.22", "3.23")
    }


@pytest.mark.parametrize(
    ("version", "targets"), [("3.21", ["POPUP"]), (None, ["POPUP"]), ("3.22", ["POPUP", "WIDGET"])]
)
def test_extensions_are_those_that_the_dashboard_knows(version: str | None, targets: list[str]) -> None:
    """Before 3.22 the Dashboard has no widget beside an order; its menu entry is there in any version."""
    manifest = build_manifest(
        base_url="https://app.example", app_id="our.app", schema_version=version, webhooks=declared_webhooks()
    )
    assert targets == [extension["target"] for extension in manifest["extensions"]]


def test_manifest_json_has_no_address() -> None:
    """What is filled in when the manifest is served does not stand in the file."""
    assert not re.search(r"https?://|targetUrl|tokenTargetUrl", (ROOT / "manifest.json").read_text("utf-8"))


async def test_logo_is_what_saleor_takes() -> None:
    """The logo is served as exactly image/png, square and at least 256 pixels wide; else Saleor drops it."""
    static = StaticFiles(directory=ROOT / "saleor_cinetpay" / "static")
    app = httpx.ASGITransport(app=Starlette(routes=[Mount("/static", static)]))
    async with httpx.AsyncClient(transport=app, base_url="https://app.example") as http:
        logo = await http.get(LOGO_PATH)

    width, height = struct.unpack(">II", logo.content[16:24])
    assert (200, "image/png") == (logo.status_code, logo.headers["content-type"])
    assert b"\x89PNG\r\n\x1a\n" == logo.content[:8]
    assert width == height
    assert width >= 256
