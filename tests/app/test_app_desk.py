"""Who may see the desk, and what they see who may not."""

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from app_kit import World, running
from desk_kit import DASHBOARD, Staff, heading
from sqlalchemy import update

from saleor_cinetpay import __version__
from saleor_cinetpay.sandbox.saleor.signing import SigningKey
from saleor_cinetpay.shops.tables import installations

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAYMENTS = "/payments"


async def _dashboard_url(world: World) -> str | None:
    installation = await world.house.installations.find(world.saleor.config.api_url)
    assert installation is not None
    return installation.dashboard_url


@pytest.mark.parametrize("path", ["", "/", "/payments", "/beside/order?orderId=T3JkZXI6MQ==", "/no/such/page"])
async def test_without_a_token_a_page_holds_nothing(world: World, path: str) -> None:
    """Whatever page is opened, without a token the same shell comes, with no data, and it says where to open it."""
    _, trans_id = await world.at_cinetpay()
    reply = await world.http.get(f"{world.app}/dashboard{path}", headers={"Accept-Language": "en"})
    assert 200 == reply.status_code
    assert "Open this page from your Saleor Dashboard" in reply.text
    assert trans_id not in reply.text
    assert "no-store" == reply.headers["cache-control"]
    assert "unsafe" not in reply.headers["content-security-policy"]


async def test_opened_outside_the_dashboard(world: World) -> None:
    """A page that a browser opens by itself says at once where to open it, and loads no script."""
    headers = {"Sec-Fetch-Dest": "document", "Accept-Language": "fr-CI,fr;q=0.9"}
    reply = await world.http.get(f"{world.app}/dashboard/payments", headers=headers)
    assert "Ouvrez cette page depuis votre Dashboard Saleor" == heading(reply)
    assert "<script" not in reply.text


async def test_staff_see_their_payments(world: World) -> None:
    """With the Dashboard's token the page shows the shop's payments."""
    _, trans_id = await world.at_cinetpay()
    reply = await Staff(world=world).gets(PAYMENTS)
    assert (200, "Payments", True) == (reply.status_code, heading(reply), trans_id in reply.text)


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"exp": int(time.time()) - 60}, 401, "Your session has expired"),
    ({"exp": None}, 401, "The app does not know this Dashboard"),
    ({"iss": "https://other.example/graphql/"}, 401, "The app does not know this Dashboard"),
    ({"app": "QXBwOjk5"}, 401, "The app does not know this Dashboard"),
    ({"type": "access"}, 401, "The app does not know this Dashboard"),
    ({"user_permissions": None}, 401, "The app does not know this Dashboard"),
    ({"user_permissions": []}, 403, "You may not see payments"),
    ({"user_permissions": ["MANAGE_ORDERS"], "permissions": ["HANDLE_PAYMENTS"]}, 403, "You may not see payments"),
]


@pytest.mark.parametrize(("changes", "status", "title"), REFUSED, ids=str)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_that_does_not_do(
    world: World, changes: dict[str, Any], status: int, title: str, method: str
) -> None:
    """An expired token, one of another shop, app or purpose, and a person without the permission: a page says so."""
    _, trans_id = await world.at_cinetpay()
    staff = Staff(world=world, changes=changes)
    reply = await (staff.gets(PAYMENTS) if method == "GET" else staff.posts(PAYMENTS))
    assert (status, title) == (reply.status_code, heading(reply))
    assert trans_id not in reply.text


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", f"Bearer {'x' * 40_000}"], ids=len
)
async def test_no_token_at_all(world: World, authorization: str) -> None:
    """What is no token of a Saleor is refused."""
    headers = {"Authorization": authorization, "Accept-Language": "en"}
    reply = await world.http.get(f"{world.app}/dashboard/payments", headers=headers)
    assert 401 == reply.status_code
    assert "<h1" in reply.text


async def test_a_form_without_a_token(world: World) -> None:
    """A form that is sent without a token is refused, and says where to open the page."""
    reply = await world.http.post(f"{world.app}/dashboard/payments", headers={"Accept-Language": "en"})
    assert (401, "Open this page from your Saleor Dashboard") == (reply.status_code, heading(reply))


async def test_a_token_of_another_key(world: World) -> None:
    """A token that the shop's keys did not sign is refused."""
    staff = Staff(world=world)
    forged = SigningKey.generate().sign_token({"iss": world.saleor.config.api_url})
    reply = await staff.gets(PAYMENTS, Authorization=f"Bearer {forged}")
    assert 401 == reply.status_code


async def test_a_token_presented_for_another_shop(world: World) -> None:
    """The shop that a request names must be the one whose token it brings."""
    reply = await Staff(world=world).gets(PAYMENTS, Saleor_Api_Url="https://other.example/graphql/")
    assert 401 == reply.status_code


async def test_a_token_says_its_shop(world: World) -> None:
    """A request that names no shop is for the one whose token it brings."""
    headers = Staff(world=world).headers()
    del headers["Saleor-Api-Url"]
    reply = await world.http.get(f"{world.app}/dashboard/payments", headers=headers)
    assert 200 == reply.status_code


async def test_keys_that_have_changed(tmp_path: Path) -> None:
    """A token of a key that is new to us makes us fetch the shop's keys once, and is then believed."""
    async with running(tmp_path) as world:
        world.saleor.rotate_keys()
        first = await Staff(world=world).gets(PAYMENTS)
        world.saleor.rotate_keys()
        second = await Staff(world=world).gets(PAYMENTS)
    assert (200, 401) == (first.status_code, second.status_code)


@pytest.mark.parametrize(
    ("locale", "title"),
    [("fr", "Paiements"), ("fr-CA", "Paiements"), ("en-GB", "Payments"), ("de", "Payments"), ("", "Paiements")],
)
async def test_the_dashboards_language(world: World, locale: str, title: str) -> None:
    """Pages speak the Dashboard's language: French, or English where it has one that we don't speak."""
    assert title == heading(await Staff(world=world, language=locale).gets(PAYMENTS))


async def test_nothing_there(world: World) -> None:
    """An address that leads nowhere is a page that says so, with the way back."""
    reply = await Staff(world=world).gets("/no/such/page")
    assert (404, "There is nothing here", True) == (
        reply.status_code,
        heading(reply),
        'href="/dashboard/payments"' in reply.text,
    )


async def test_the_dashboard_is_remembered(world: World) -> None:
    """The Dashboard that brought a valid token is remembered, with its path once that is known; others are not."""
    await Staff(world=world).gets(PAYMENTS, Dashboard_Url=DASHBOARD)
    assert DASHBOARD == await _dashboard_url(world)
    await Staff(world=world).gets(PAYMENTS, Dashboard_Url=f"{DASHBOARD}/dashboard/")
    await Staff(world=world).gets(PAYMENTS, Dashboard_Url=DASHBOARD)
    await Staff(world=world, permissions=()).gets(PAYMENTS, Dashboard_Url="https://evil.example")
    await Staff(world=world).gets(PAYMENTS, Dashboard_Url="javascript:alert(1)")
    assert f"{DASHBOARD}/dashboard" == await _dashboard_url(world)


async def test_who_may_frame_the_pages(tmp_path: Path) -> None:
    """DASHBOARD_URLS says which Dashboards may frame the pages, and be remembered; without it any https page may."""
    patterns = ("https://dash.example/dashboard/", "https://*.shops.example", "https://shop-*.example")
    async with running(tmp_path, dashboard_urls=patterns) as world:
        address = f"{world.app}/dashboard"
        plain = await world.http.get(address)
        asked = await world.http.get(address, headers={"Referer": "https://shop-1.example/x"})
        await Staff(world=world).gets(PAYMENTS, Dashboard_Url="https://evil.example")
        assert None is await _dashboard_url(world)
        await Staff(world=world).gets(PAYMENTS, Dashboard_Url="https://a.shops.example")
        assert "https://a.shops.example" == await _dashboard_url(world)
    policies = [reply.headers["content-security-policy"].rpartition("frame-ancestors ")[2] for reply in (plain, asked)]
    assert [
        "https://dash.example https://*.shops.example",
        "https://dash.example https://*.shops.example https://shop-1.example",
    ] == policies


async def test_payments_lead_to_their_page(world: World) -> None:
    """Once a Dashboard is known, answers and reports lead to the payment's page there, by the path of its version."""
    async with world.house.database.write() as connection:
        await connection.execute(update(installations).values(dashboard_url=None))
    session = await world.opened()
    assert session.transaction is not None
    assert "" == session.transaction.events[-1].external_url
    await Staff(world=world).gets(PAYMENTS, Dashboard_Url=f"{DASHBOARD}/dashboard/")
    transaction, trans_id = await world.at_cinetpay()
    app_id = world.saleor.store.apps[world.settings.manifest_app_id].id
    page = f"{DASHBOARD}/dashboard/extensions/app/{quote(app_id, safe='')}/payments/{trans_id}"
    assert page == transaction.events[-1].external_url
    await world.cinetpay.settle(trans_id, notify="once")
    (success,) = await world.reported(transaction, "CHARGE_SUCCESS")
    assert page == success.external_url
    await world.as_version("3.21.5")
    older, trans_id = await world.at_cinetpay()
    await world.as_version("3.23.28")
    expected = f"{DASHBOARD}/dashboard/apps/{quote(app_id, safe='')}/app/payments/{trans_id}"
    assert expected == older.events[-1].external_url


async def test_a_new_version_brings_its_own_script(world: World) -> None:
    """Script, what it imports and styles stand below the version, so that a browser never mixes those of two."""
    shell = (await world.http.get(f"{world.app}/dashboard")).text
    (script,) = re.findall(r'<script type="module" src="([^"]+)"', shell)
    code = (await world.http.get(f"{world.app}{script}")).text
    imported = re.findall(r'from "\./([^"]+)"', code)
    replies = [await world.http.get(f"{world.app}{script.rpartition('/')[0]}/{name}") for name in imported]
    assert f"/static/v-{__version__}/desk/desk.js" == script
    assert (["bridge.js", "parts.js"], [200, 200]) == (imported, [reply.status_code for reply in replies])
    outside = await world.http.get(f"{world.app}/static/v-1/%2e%2e/%2e%2e/app.py")
    assert 404 == outside.status_code
