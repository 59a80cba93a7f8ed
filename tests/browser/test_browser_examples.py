"""The storefronts of examples/, run against the demo: they are whole, and they take payments."""

import hashlib
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser_kit import CHANNEL, GATEWAY, INDIGO_CLOTH, PHONE, Demo, eventually, finals
from playwright._impl._driver import compute_driver_executable
from playwright.async_api import Browser, Page, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
HARNESS = Path(__file__).parent / "nextjs"
PACKAGES = ROOT / "test-results" / "nextjs"
NODE = compute_driver_executable()[0]
START_S = 30
PAGE = '<!doctype html><meta charset="utf-8"><title>x</title><div id="root"></div><script src="page.js"></script>'


def in_docs(language: str) -> list[str]:
    """Return the blocks of docs/storefront.md in one language."""
    page = (ROOT / "docs" / "storefront.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


async def test_the_examples_module_is_the_pages() -> None:
    """What the examples use is what docs/storefront.md shows, to the letter."""
    folder = EXAMPLES / "storefront"
    _, _, module = (folder / "cinetpay.ts").read_text("utf-8").partition("\n")
    assert "\n".join(in_docs("ts")) == module
    _, _, operations = (folder / "operations.ts").read_text("utf-8").partition("\n")
    names = [re.findall(r"\w+ (\w+)", block)[0] for block in in_docs("graphql")]
    written = [
        f"export const {name} = `{block.rstrip()}`;\n" for name, block in zip(names, in_docs("graphql"), strict=True)
    ]
    assert "\n".join(written) == operations


@pytest.mark.parametrize("code", ["00", "604"])
async def test_the_plain_storefront(demo: Demo, browser: Browser, tmp_path: Path, code: str) -> None:
    """From the cart over CinetPay's page to the order, or to the offer to try again; Saleor holds the same."""
    folder = tmp_path / "storefront"
    shutil.copytree(EXAMPLES / "storefront", folder)
    config = {"apiUrl": f"{demo.at.shop}/graphql/", "channel": CHANNEL, "gateway": GATEWAY}
    (folder / "config.ts").write_text("\n".join(f"export const {k} = {json.dumps(v)};" for k, v in config.items()))
    with serving(folder / "serve.mjs") as url:
        async with window(browser) as page:
            await page.goto(url)
            await page.get_by_role("button", name="Payer par mobile money").click()
            transaction = await pays(demo, page, code)
            if code == "00":
                await expect(page.get_by_role("status")).to_contain_text("Paiement reçu, merci ! Commande n°")
                assert [("FULL", INDIGO_CLOTH)] == await demo.orders(transaction)
            else:
                await expect(page.get_by_role("link", name="Réessayer")).to_be_visible()
                assert [] == await demo.orders(transaction)
            expected = "CHARGE_SUCCESS" if code == "00" else "CHARGE_FAILURE"
            assert [(expected, INDIGO_CLOTH)] == finals(await demo.transaction(transaction))


async def test_who_comes_back_early_can_go_on(demo: Demo, browser: Browser, tmp_path: Path) -> None:
    """Back without having paid, the buyer is offered the open payment, not a second one; paid meanwhile, the order."""
    folder = tmp_path / "storefront"
    shutil.copytree(EXAMPLES / "storefront", folder)
    config = {"apiUrl": f"{demo.at.shop}/graphql/", "channel": CHANNEL, "gateway": GATEWAY}
    (folder / "config.ts").write_text("\n".join(f"export const {k} = {json.dumps(v)};" for k, v in config.items()))
    with serving(folder / "serve.mjs") as url:
        async with window(browser) as page:
            await page.goto(url)
            await page.get_by_role("button", name="Payer par mobile money").click()
            await expect(page.locator("select#outcome")).to_be_visible()
            at_cinetpay = page.url
            await page.goto(f"{url}return.html?status=cancelled")
            await expect(page.get_by_role("status")).to_have_text("Vous avez annulé le paiement.")
            await page.get_by_role("link", name="Revenir à la page de paiement").click()
            await page.get_by_role("button", name="Payer par mobile money").click()
            await expect(page.locator("select#outcome")).to_be_visible()
            assert at_cinetpay == page.url
            await page.locator("#pay").click()
            await expect(page.locator("#return")).to_be_visible()
            await page.goto(f"{url}shop.css")
            transaction = await page.evaluate("localStorage.getItem('transaction')")
            await eventually([("CHARGE_SUCCESS", INDIGO_CLOTH)], lambda: told(demo, transaction))
            await page.goto(url)
            await expect(page.get_by_role("status")).to_contain_text("Paiement reçu, merci ! Commande n°")


async def test_the_next_js_components(demo: Demo, browser: Browser, tmp_path: Path) -> None:
    """A buyer pays with the payment component, comes back to the return component, and the order is made."""
    created = await demo.checkout()
    given = {"checkoutId": created, "settings": {"apiUrl": f"{demo.at.shop}/graphql/", "gateway": GATEWAY}}
    with serving(bundled(tmp_path, given)) as url:
        async with window(browser) as page:
            await page.goto(url)
            await page.get_by_label("Téléphone").fill("+225 07 07 08 09 10")
            await page.get_by_role("button", name="Payer par mobile money").click()
            transaction = await pays(demo, page, "00")
            await expect(page.locator("[data-order]")).to_be_visible()
            await expect(page.get_by_role("status")).to_have_attribute("data-outcome", "paid")
    assert [("FULL", INDIGO_CLOTH)] == await demo.orders(transaction)
    await eventually([("CHARGE_SUCCESS", INDIGO_CLOTH)], lambda: told(demo, transaction))


async def told(demo: Demo, transaction: str) -> list[tuple[str, str]]:
    """Return how the charge has ended, as Saleor holds it."""
    return finals(await demo.transaction(transaction))


async def pays(demo: Demo, page: Page, code: str) -> str:
    """Pay at CinetPay, and come back to the shop by the app's result page; return Saleor's transaction."""
    await page.locator("select#outcome").select_option(code)
    await page.locator("#pay").click()
    await page.locator("#return").click()
    await expect(page).to_have_url(re.compile(re.escape(demo.at.app)))
    await page.get_by_role("link").first.click()
    await expect(page).to_have_url(re.compile("transaction="))
    transaction: str = await page.evaluate("new URLSearchParams(location.search).get('transaction')")
    return transaction


@asynccontextmanager
async def window(browser: Browser) -> AsyncIterator[Page]:
    """Open a phone-sized window; no script in it may fail."""
    context = await browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}, locale="fr-CI")
    failures: list[str] = []
    context.on("weberror", lambda error: failures.append(str(error.error)))
    try:
        yield await context.new_page()
    finally:
        await context.close()
    assert [] == failures


@contextmanager
def serving(script: Path) -> Iterator[str]:
    """Run an example's own server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([NODE, str(script)], env={"PORT": str(port)}, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        said = server.stdout.readline().decode().strip()
        assert f"http://127.0.0.1:{port}/" == said
        yield said
    finally:
        server.kill()
        server.communicate()


def bundled(folder: Path, given: Mapping[str, Any]) -> Path:
    """Bundle the components with React as a shop's build does; return the server of the page."""
    for example in (*(EXAMPLES / "nextjs").glob("*.tsx"), HARNESS / "page.tsx", EXAMPLES / "storefront" / "serve.mjs"):
        shutil.copy(example, folder)
    for module in ("cinetpay.ts", "operations.ts"):
        text = (EXAMPLES / "storefront" / module).read_text("utf-8")
        (folder / module).write_text(text.replace('"./operations.ts"', '"./operations"'), "utf-8")
    exported = [f"export const {name} = {json.dumps(value)};" for name, value in given.items()]
    (folder / "given.ts").write_text("\n".join(exported), "utf-8")
    (folder / "index.html").write_text(PAGE, "utf-8")
    (folder / "node_modules").symlink_to(packages())
    bundle = ["--bundle", "--jsx=automatic", "--define:process.env.NODE_ENV='\"production\"'", "--outfile=page.js"]
    esbuild = folder / "node_modules" / "esbuild" / "bin" / "esbuild"
    subprocess.run([esbuild, "page.tsx", *bundle, "--log-level=error"], cwd=folder, check=True, timeout=START_S)
    return folder / "serve.mjs"


def packages() -> Path:
    """Install React and a bundler once for this lock, by npm."""
    lock = (HARNESS / "package-lock.json").read_bytes()
    stamp = PACKAGES / hashlib.sha256(lock).hexdigest()
    if not stamp.exists():
        shutil.rmtree(PACKAGES, ignore_errors=True)
        PACKAGES.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HARNESS / name, PACKAGES)
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("there is no npm on this machine: apt-get install npm")
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([npm, "ci", *quiet], cwd=PACKAGES, check=True, timeout=110, stdout=sys.stderr)
        stamp.touch()
    return PACKAGES / "node_modules"
