"""The storefront's pages: in the buyer's language, with a strict policy, and nothing from elsewhere."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.applications import Starlette

from saleor_cinetpay.sandbox.shop import pages
from saleor_cinetpay.sandbox.shop.pages import LANGUAGES, shop_routes, texts_in

SHOP = Path(pages.__file__).parent
PAGES = ("/", "/checkout", "/return", "/live", "/demo")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    asgi = Starlette(routes=shop_routes(gateway_id="an.app", payment_origins=["https://pay.example"]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=asgi), base_url="http://shop.test") as http:
        yield http


@pytest.mark.parametrize("path", PAGES)
async def test_pages_have_a_strict_policy(http: httpx.AsyncClient, path: str) -> None:
    """No page allows inline code or styles, or uses any; forms may go to the payment page."""
    response = await http.get(path)
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "form-action 'self' https://pay.example" in policy
    assert [] == re.findall(r"<script(?![^>]*(?:src=|application/json))|<style|\sstyle=|\son\w+=", response.text)


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [("", "", "fr"), ("", "en-GB,en;q=0.9", "en"), ("?lang=fr", "en", "fr"), ("?lang=de", "de, en;q=0.5", "en")],
)
async def test_the_language(http: httpx.AsyncClient, asked: str, header: str, language: str) -> None:
    """The page speaks as asked, else as the browser likes, else French."""
    response = await http.get(f"/{asked}", headers={"accept-language": header})
    assert f'<html lang="{language}"' in response.text


async def test_the_language_is_remembered(http: httpx.AsyncClient) -> None:
    """Once chosen, a language stays; its link keeps the rest of the address."""
    response = await http.get("/return?transaction=T&lang=en")
    assert "/return?transaction=T&amp;lang=fr" in response.text
    assert '<html lang="en"' in (await http.get("/")).text


def test_both_languages_say_the_same() -> None:
    """Every text is there in each language, with the same places to fill."""
    french, english = (texts_in(language) for language in LANGUAGES)
    assert french.keys() == english.keys()
    places = re.compile(r"\{\w+\}")
    differing = [name for name in french if set(places.findall(french[name])) != set(places.findall(english[name]))]
    assert [] == differing


def test_every_text_that_the_modules_name_is_there() -> None:
    """No module asks for a text that nobody wrote."""
    named = {
        name
        for module in (SHOP / "static").glob("*.js")
        for name in re.findall(r'\b(?:text|button|link)\("(\w+)"', module.read_text("utf-8"))
    }
    assert len(named) > 20
    assert set() == named - texts_in("fr").keys()


def test_nothing_comes_from_elsewhere() -> None:
    """Templates, styles and modules name no other host than the one of the SVG language."""
    found = {
        address
        for file in SHOP.rglob("*")
        if file.suffix in {".html", ".css", ".js", ".svg"}
        for address in re.findall(r"https?://[\w./-]+", file.read_text("utf-8"))
    }
    assert {"http://www.w3.org/2000/svg"} == found


async def test_the_context_can_not_end_its_script(http: httpx.AsyncClient) -> None:
    """The JSON in a page holds no `<`, and reads back whole."""
    html = (await http.get("/")).text
    written = html.split('id="context">')[1].split("</script>")[0]
    assert "<" not in written
    assert ("fr", "an.app") == (json.loads(written)["language"], json.loads(written)["gatewayId"])
