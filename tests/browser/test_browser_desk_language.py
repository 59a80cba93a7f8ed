"""The desk's pages in a Dashboard's frame, as far as the real Dashboard once did otherwise than expected."""

import asyncio

import pytest
from browser_kit import DESKTOP, Demo, NewBuyer
from playwright.async_api import Route, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

DASHBOARD = """<!doctype html><title>Dashboard</title><link rel="icon" href="data:,"><iframe src="%s/dashboard"></iframe>
<script>
  const desk = document.querySelector("iframe");
  const say = (type, payload) => desk.contentWindow.postMessage({ type, payload }, "*");
  addEventListener("load", () => {
    say("handshake", { token: "no token", version: 1 });
    say("localeChanged", { locale: "en" });
  });
</script>"""


async def test_the_dashboards_language_counts_though_it_comes_late(demo: Demo, new_buyer: NewBuyer) -> None:
    """The Dashboard says its language only after the first page is asked for; that page is asked for anew in it."""
    buyer = await new_buyer("fr", DESKTOP)
    asked: list[str] = []

    async def slowly(route: Route) -> None:
        if route.request.resource_type == "fetch":
            asked.append(route.request.headers["accept-language"][:2])
            await asyncio.sleep(0.3)
        await route.continue_()

    async def framing(route: Route) -> None:
        await route.fulfill(body=DASHBOARD % demo.at.app, content_type="text/html")

    dashboard = f"{demo.at.shop}/dashboard-of-a-shop"
    await buyer.page.route(dashboard, framing)
    await buyer.page.route(f"{demo.at.app}/dashboard", slowly)
    await buyer.page.goto(dashboard)
    desk = buyer.page.frame_locator("iframe")
    await expect(desk.locator("html")).to_have_attribute("lang", "en")
    assert ["fr", "en"] == asked
