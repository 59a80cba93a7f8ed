"""Somebody of the shop's staff in front of the demo's small Dashboard, with axe-core at hand."""

import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import pytest
from browser_kit import DESKTOP, Demo, eventually
from playwright.async_api import BrowserContext, Frame, Page, expect

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """(rules) => axe.run(document, { runOnly: rules })
    .then(({ violations }) => violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`))"""
NOT_OURS = "Failed to load resource"
"""What a browser says of each answer above 399; a test that provokes one expects it."""


OVERLAPS = """() => [...document.querySelectorAll("tbody tr")].flatMap((line) => {
  const words = [...line.cells].map((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return [...range.getClientRects()].filter(({ width, height }) => width > 1 && height > 1);
  });
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const others = (at) => words.filter((_, index) => index !== at).flat();
  const lies = (at) => words[at].some((a) => others(at).some((b) => meet(a, b)));
  return [...line.cells].filter((_, at) => lies(at)).map((cell) => cell.innerText);
})"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """A person with the Dashboard open."""

    demo: Demo
    context: BrowserContext
    page: Page
    language: str
    theme: str
    user: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Take note of broken scripts and policies, and of requests to elsewhere."""
        ours = (self.demo.at.shop, self.demo.at.cinetpay, self.demo.at.app, "data:", "blob:")
        self.context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        self.context.on(
            "console",
            lambda said: (
                self.complaints.append(said.text)
                if said.type in {"error", "warning"} and not said.text.startswith(NOT_OURS)
                else None
            ),
        )
        self.context.on(
            "request", lambda asked: None if asked.url.startswith(ours) else self.complaints.append(asked.url)
        )

    async def opens(self, path: str = "", **choices: object) -> Frame:
        """Open one of the app's pages in the Dashboard, and wait until it is there."""
        return await self.visits(f"/extensions/app/{quote(await self._app_id(), safe='')}{path}", **choices)

    async def visits(self, path: str, **choices: object) -> Frame:
        """Open a page of the Dashboard, and wait until the app's page in it is there."""
        chosen = {"language": self.language, "theme": self.theme, "user": self.user} | choices
        fragment = "&".join(f"{name}={value}" for name, value in chosen.items())
        await self.page.goto(f"{self.demo.at.shop}/dashboard{path}#{fragment}")
        return await self.frame()

    async def frame(self) -> Frame:
        """Return the app's frame, once its page is there."""
        await expect(self.page.frame_locator("iframe").locator("#desk[aria-busy=false] main")).to_be_visible()
        return next(frame for frame in self.page.frames if frame.url.startswith(self.demo.at.app))

    async def sideways(self) -> int:
        """Measure by how many pixels Dashboard or page are wider than the window."""
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return max([int(await frame.evaluate(wider)) for frame in self.page.frames])

    async def overlaps(self, frame: Frame) -> list[str]:
        """Return the texts of a table's line that lie on another cell's text."""
        found: list[str] = await frame.evaluate(OVERLAPS)
        return found

    async def found_by_axe(self, frame: Frame) -> list[str]:
        """Return what keeps people out of the page in the frame."""
        if not AXE.exists():
            pytest.skip("axe-core is not installed: scripts/axe, or make test")
        await frame.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[str] = await frame.evaluate(RUN_AXE, RULES)
        return found

    async def _app_id(self) -> str:
        state: dict[str, Any] = (await self.demo.http.get(f"{self.demo.at.shop}/_sandbox/state")).json()
        return str(state["apps"][0]["id"])


class NewClerk(Protocol):
    """Gives a person of the staff a window of their own."""

    async def __call__(
        self,
        language: str = "fr",
        window: tuple[int, int] = DESKTOP,
        *,
        theme: str = "light",
        user: str = "awa@example.com",
    ) -> Clerk:
        """Open the window."""
        ...


async def at_cinetpay(demo: Demo, code: str | None = None, **shown: str) -> str:
    """Bring the buyer of a new payment to CinetPay; end the attempt with a code, and have CinetPay show this of it."""
    opened = await demo.opened(phoneNumber="0700000042", phonePrefix="225")
    page = (await demo.http.get(opened.payment_url)).text
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page))
    action = re.search(r'action="([^"]+)"', page)
    assert action is not None, page
    await demo.http.post(unescape(action[1]), data={name: unescape(value) for name, value in fields.items()})
    if shown:
        await demo.show(opened.trans_id, **shown)
    if code is not None:
        await demo.settle(opened.trans_id, code)
    return opened.trans_id


async def order_of(demo: Demo, trans_id: str) -> tuple[str, str]:
    """Let the paid checkout of a payment become an order; return its id and number."""

    async def charged() -> bool:
        held = (await demo.http.get(f"{demo.at.shop}/_sandbox/state")).json()["transactions"]
        return any(one["pspReference"] == trans_id and one["charged"] != "0" for one in held)

    await eventually(True, charged)
    state = (await demo.http.get(f"{demo.at.shop}/_sandbox/state")).json()
    transaction = next(one["id"] for one in state["transactions"] if one["pspReference"] == trans_id)
    checkout = next(one["id"] for one in state["checkouts"] if transaction in one["transactions"])
    query = "mutation($id: ID!) { checkoutComplete(id: $id) { order { id number } } }"
    reply = await demo.http.post(f"{demo.at.shop}/graphql/", json={"query": query, "variables": {"id": checkout}})
    order = reply.json()["data"]["checkoutComplete"]["order"]
    return order["id"], order["number"]
