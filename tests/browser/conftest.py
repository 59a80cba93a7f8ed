"""The demo as its command runs it, Debian's Chromium or Playwright's own, and buyers with windows."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2 as httpx
import pytest
import pytest_asyncio
from browser_kit import DESKTOP, PHONE, WORDS, Buyer, Demo, NewBuyer
from clerk_kit import Clerk, NewClerk
from playwright.async_api import Browser, async_playwright, expect

from saleor_cinetpay.demo import DemoAddresses

COMMAND = Path(sys.executable).with_name("saleor-cinetpay")
FREE_PORTS = ("--app-port", "0", "--cinetpay-port", "0", "--shop-port", "0")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_S = 10
START_S = 30


@pytest.fixture(scope="package")
def demo_addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoAddresses]:
    """Run `saleor-cinetpay demo` on free ports; Ctrl+C must end it well."""
    said = tmp_path_factory.mktemp("demo") / "output"
    with said.open("wb") as output:
        process = subprocess.Popen([COMMAND, "demo", *FREE_PORTS], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_S
        while "Ctrl+C" not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
        yield DemoAddresses(
            app=_address("App's manifest", said), cinetpay=_address("CinetPay", said), shop=_address("Shop alone", said)
        )
        process.send_signal(signal.SIGINT)
        assert 0 == process.wait(PATIENCE_S), said.read_text()
    finally:
        process.kill()
        process.wait()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def demo(demo_addresses: DemoAddresses) -> AsyncIterator[Demo]:
    """The running demo, asked over HTTP."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        yield Demo(at=demo_addresses, http=http)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; each buyer has a profile of their own in it."""
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which(playwright.chromium.executable_path)
        if chromium is None:
            pytest.skip("there is no Chromium on this machine: apt-get install chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        expect.set_options(timeout=PATIENCE_S * 1000)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_buyer(browser: Browser, demo: Demo) -> AsyncIterator[NewBuyer]:
    """Give buyers windows; in the end nobody may have met an error, a broken policy or a request to elsewhere."""
    buyers: list[Buyer] = []
    async with AsyncExitStack() as windows:

        async def new(language: str = "fr", window: tuple[int, int] = PHONE, *, scripts: bool = True) -> Buyer:
            context = await browser.new_context(
                viewport={"width": window[0], "height": window[1]},
                locale={"fr": "fr-CI", "en": "en-GB"}[language],
                java_script_enabled=scripts,
            )
            windows.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_S * 1000)
            buyer = Buyer(demo=demo, context=context, page=await context.new_page(), words=WORDS[language])
            buyer.watch()
            buyers.append(buyer)
            return buyer

        yield new
    assert [] == [complaint for buyer in buyers for complaint in buyer.complaints]


@pytest_asyncio.fixture(loop_scope="session")
async def new_clerk(browser: Browser, demo: Demo) -> AsyncIterator[NewClerk]:
    """Give people of the staff windows; in the end nobody may have met a broken script or policy."""
    clerks: list[Clerk] = []
    async with AsyncExitStack() as windows:

        async def new(
            language: str = "fr",
            window: tuple[int, int] = DESKTOP,
            *,
            theme: str = "light",
            user: str = "awa@example.com",
        ) -> Clerk:
            context = await browser.new_context(
                viewport={"width": window[0], "height": window[1]}, locale="fr-CI", accept_downloads=True
            )
            windows.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_S * 1000)
            page = await context.new_page()
            clerk = Clerk(demo=demo, context=context, page=page, language=language, theme=theme, user=user)
            clerk.watch()
            clerks.append(clerk)
            return clerk

        yield new
    assert [] == [complaint for clerk in clerks for complaint in clerk.complaints]


def _address(label: str, said: Path) -> str:
    """Find the origin that the command has printed beside that label."""
    found = re.search(rf"{label} +(http://[^/ ]+)/", said.read_text())
    assert found is not None, said.read_text()
    return found[1]
