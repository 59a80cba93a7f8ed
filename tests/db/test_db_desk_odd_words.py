"""Whatever staff type or follow, the desk has an answer to it on both engines: never that the database is away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from app_kit import World, running
from desk_kit import Staff, heading
from pydantic import SecretStr

NUL = "%00"
LARGE = "9" * 40
GONE = "There is nothing here"
FORM = {
    "label": "Dakar",
    "currency": "CFA",
    "minimum": "100",
    "step": "5",
    "default_prefix": "221",
    "language": "fr",
    "version": LARGE,
}


@pytest_asyncio.fixture
async def desk(empty_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Run the app on that engine."""
    async with running(tmp_path, database_url=SecretStr(empty_url), with_worker=False) as world:
        yield world


ODD = {
    f"/payments?q={NUL}": (200, "Payments"),
    f"/payments?channel=a{NUL}": (200, "Payments"),
    f"/payments?operator={NUL}": (200, "Payments"),
    f"/payments?at={NUL}": (200, "Payments"),
    "/payments?from=0001-01-01&to=9999-12-31": (422, "Payments"),
    "/payments?from=2026-03-02&to=2026-03-01": (422, "Payments"),
    f"/payments/x{NUL}": (404, GONE),
    f"/refunds/x{NUL}": (404, GONE),
    f"/settings/accounts/x{NUL}": (404, GONE),
    "/refunds?before=0001-01-01T00:00:00%2B14:00": (200, "Refunds"),
    "/refunds?before=9999-12-31T23:59:59-14:00": (200, "Refunds"),
    f"/beside/order?orderId={NUL}": (200, "Payments through CinetPay"),
    f"/history?from={NUL}&to=9999-12-31": (422, "History"),
}


async def test_odd_addresses_get_their_pages(desk: World) -> None:
    """A character that no database takes, and days that no calendar has, are answered like other nonsense."""
    staff = Staff(world=desk)
    replies = {path: await staff.gets(path) for path in ODD}
    assert {path: (reply.status_code, heading(reply)) for path, reply in replies.items()} == ODD


async def test_a_version_that_can_not_be_is_an_old_one(desk: World) -> None:
    """A form whose version is larger than any number that is kept has been overtaken, and changes nothing."""
    staff, url = Staff(world=desk), desk.saleor.config.api_url
    entered = FORM | {"site_id": desk.settings.cinetpay_site_id, "api_key": "key"}
    entered["api_key"] = desk.settings.cinetpay_api_key.get_secret_value() if desk.settings.cinetpay_api_key else ""
    assert 200 == (await staff.posts("/settings/accounts/new", entered)).status_code
    (kept,) = await desk.house.accounts.of_shop(url)
    address = f"/settings/accounts/{kept.account_key}"
    asked = {path: await staff.posts(f"{address}{path}", FORM) for path in ("", "/archive", "/put-back", "/delete")}
    assert [409, 200, 200, 200] == [reply.status_code for reply in asked.values()]
    assert ["warning"] * 3 == [reply.json()["notice"]["status"] for path, reply in asked.items() if path]
    assert [409, 409] == [
        (await staff.posts(path, {"version": LARGE, "completion": "never"})).status_code
        for path in ("/settings/channels", "/settings/storefront")
    ]
    assert [kept] == await desk.house.accounts.of_shop(url)
