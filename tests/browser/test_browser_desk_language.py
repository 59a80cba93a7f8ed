"""The desk in a Dashboard's frame, as far as the real Dashboard once did otherwise than expected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from browser_kit import Demo
from playwright.async_api import Browser, Route, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route as Address

from saleor_cinetpay.demo import address_of, listening, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

DASHBOARD = """<!doctype html><title>Dashboard</title><link rel="icon" href="data:,">
<iframe src="%s/dashboard"></iframe>
<script>
  const desk = document.querySelector("iframe");
  const say = (type, payload) => desk.contentWindow.postMessage({ type, payload }, "*");
  addEventListener("load", () => {
    say("handshake", { token: "no token", version: 1 });
    say("localeChanged", { locale: "en" });
  });
</script>"""


async def test_the_dashboards_language_counts_though_it_comes_late(demo: Demo, browser: Browser) -> None:
    """The Dashboard says its language only after the first page is asked for; that page is asked for anew in it."""
    context = await browser.new_context(locale="fr-CI")
    page = await context.new_page()
    asked: list[str] = []

    async def slowly(route: Route) -> None:
        if route.request.resource_type == "fetch":
            asked.append(route.request.headers["accept-language"][:2])
            await asyncio.sleep(0.3)
        await route.continue_()

    await page.route(f"{demo.at.app}/dashboard", slowly)
    async with dashboard(demo) as url:
        await page.goto(url)
        await expect(page.frame_locator("iframe").locator("html")).to_have_attribute("lang", "en")
        assert ["fr", "en"] == asked
        await context.close()


@asynccontextmanager
async def dashboard(demo: Demo) -> AsyncIterator[str]:
    """Serve a page that frames the desk and says what the Dashboard says, with a token that is none."""

    async def answer(_request: Request) -> Response:
        return HTMLResponse(DASHBOARD % demo.at.app)

    listener = listening(0)
    async with serving(Starlette(routes=[Address("/", answer)]), listener):
        yield address_of(listener)
