"""A buyer with a browser in front of the demo, and what Saleor and CinetPay hold afterwards."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
from playwright.async_api import BrowserContext, FrameLocator, Page, expect

from saleor_cinetpay.demo import DemoAddresses

PHONE = (360, 740)
DESKTOP = (1280, 800)
CHANNEL = "default-channel"
GATEWAY = "saleor.app.payment.cinetpay"
INDIGO_CLOTH = "12500"
"""Its price in francs, as Saleor writes it."""

PRODUCTS = f'{{ products(first: 1, channel: "{CHANNEL}") {{ edges {{ node {{ defaultVariant {{ id }} }} }} }} }}'
CHECKOUT = """mutation ($input: CheckoutCreateInput!) {
  checkoutCreate(input: $input) { checkout { id } errors { message } }
}"""
INITIALIZE = """mutation ($id: ID!, $gateway: PaymentGatewayToInitialize!) {
  transactionInitialize(id: $id, paymentGateway: $gateway) { transaction { id } data errors { message } }
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a buyer reads in the shop, in one language."""

    add: str
    go_to_checkout: str
    email: str
    by_link: str
    pay: str
    paid: str


WORDS = {
    "fr": Words(
        add="Ajouter au panier : Pagne tissé indigo",
        go_to_checkout="Passer à la commande",
        email="Adresse e-mail",
        by_link="Lien vers la page de l’application",
        pay="Payer par mobile money",
        paid="Merci, c’est payé !",
    ),
    "en": Words(
        add="Add to cart: Woven indigo cloth",
        go_to_checkout="Go to checkout",
        email="E-mail address",
        by_link="Link to the app’s page",
        pay="Pay with mobile money",
        paid="Thank you, it’s paid!",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A payment that a storefront has opened without a browser."""

    trans_id: str
    payment_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The running demo, asked from outside."""

    at: DemoAddresses
    http: httpx.AsyncClient

    async def opened(self, **data: str) -> Opened:
        """Open a payment for one indigo cloth, with that storefront data."""
        checkout_id = await self.checkout()
        answer = await self._graphql(INITIALIZE, {"id": checkout_id, "gateway": {"id": GATEWAY, "data": data}})
        opened = answer["transactionInitialize"]["data"]
        return Opened(trans_id=opened["redirect"]["fields"]["cpm_trans_id"], payment_url=opened["paymentUrl"])

    async def checkout(self) -> str:
        """Make a checkout for one indigo cloth."""
        products = await self._graphql(PRODUCTS, {})
        variant = products["products"]["edges"][0]["node"]["defaultVariant"]["id"]
        checkout = {"channel": CHANNEL, "email": "awa@example.com", "lines": [{"variantId": variant, "quantity": 1}]}
        created = await self._graphql(CHECKOUT, {"input": checkout})
        return str(created["checkoutCreate"]["checkout"]["id"])

    async def settle(self, trans_id: str, code: str) -> None:
        """End the buyer's attempt with a code, in a payment that they have opened at CinetPay."""
        await self._cinetpay(f"payments/{trans_id}/settle", {"code": code, "notify": "never"})

    async def show(self, trans_id: str, **fields: str) -> None:
        """Have checkPayStatus show other values than the truth."""
        await self._cinetpay(f"payments/{trans_id}/show", fields)

    async def transaction(self, transaction_id: str) -> dict[str, Any]:
        """Return what Saleor holds of a transaction."""
        return next(held for held in (await self._held())["transactions"] if held["id"] == transaction_id)

    async def orders(self, transaction_id: str) -> list[tuple[str, str]]:
        """Return charge status and total of the orders that the transaction pays."""
        orders = (await self._held())["orders"]
        return [(order["chargeStatus"], order["total"]) for order in orders if transaction_id in order["transactions"]]

    async def notified(self, trans_id: str) -> int:
        """Count the notifications of a payment that the app has taken."""
        messages = (await self.http.get(f"{self.at.cinetpay}/_sandbox/messages")).json()["messages"]
        posts = [m["detail"] for m in messages if m["title"] == "notification POST" and m["ok"]]
        return len([detail for detail in posts if detail["trans_id"] == trans_id])

    async def _held(self) -> dict[str, Any]:
        state: dict[str, Any] = (await self.http.get(f"{self.at.shop}/_sandbox/state")).json()
        return state

    async def _cinetpay(self, path: str, body: dict[str, str]) -> None:
        (await self.http.post(f"{self.at.cinetpay}/_sandbox/{path}", json=body)).raise_for_status()

    async def _graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        reply = await self.http.post(f"{self.at.shop}/graphql/", json={"query": query, "variables": variables})
        data: dict[str, Any] = reply.json()["data"]
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Somebody with a browser window, who notices whatever goes wrong in it."""

    demo: Demo
    context: BrowserContext
    page: Page
    words: Words
    complaints: list[str] = field(default_factory=list)
    """Errors of scripts and policies, and requests to elsewhere. A test that leaves one here fails."""

    def watch(self) -> None:
        """Take note of whatever a buyer's browser should not meet."""
        ours = (self.demo.at.shop, self.demo.at.cinetpay, self.demo.at.app, "data:", "blob:")
        self.context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        self.context.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        self.context.on(
            "request", lambda asked: None if asked.url.startswith(ours) else self.complaints.append(asked.url)
        )

    async def goes_to_pay(self, *, by_link: bool = False, frame: FrameLocator | None = None) -> None:
        """Buy one indigo cloth, from the shop's first page to CinetPay's."""
        if frame is None:
            await self.page.goto(self.demo.at.shop)
        window = frame or self.page
        await window.get_by_role("button", name=self.words.add).click()
        await window.get_by_role("link", name=self.words.go_to_checkout).click()
        await window.get_by_label(self.words.email).fill("awa@example.com")
        if by_link:
            await window.get_by_label(self.words.by_link).check()
        await window.get_by_role("button", name=self.words.pay).click()
        await expect(window.locator("#operator-OM")).to_be_visible()

    async def pays(self, outcome: str = "00", *, notify: str = "once", frame: FrameLocator | None = None) -> None:
        """Press Pay at CinetPay; the tester's panel decides what comes of it."""
        window = frame or self.page
        await window.locator("select#outcome").select_option(outcome)
        await window.locator("#notify").select_option(notify)
        await window.locator("#pay").click()

    async def returns(self) -> None:
        """Press the button that leads back from CinetPay to the shop."""
        await self.page.locator("#return").click()

    async def sees(self, state: str) -> None:
        """Wait until the shop's return page has come to that state."""
        await expect(self.page.locator("#outcome")).to_have_attribute("data-state", state)

    async def reference(self) -> str:
        """Read CinetPay's reference of the payment, our trans id."""
        return await self.page.locator(".order dd.code").first.inner_text()

    async def sideways(self) -> int:
        """Measure by how many pixels the page is wider than a phone or a desktop, and leave the window as it was."""
        wider = 0
        before = self.page.viewport_size
        for width, height in (PHONE, DESKTOP):
            await self.page.set_viewport_size({"width": width, "height": height})
            by_px: int = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            wider = max(wider, by_px)
        if before is not None:
            await self.page.set_viewport_size(before)
        return wider

    def transaction_id(self) -> str:
        """Take Saleor's transaction from the address of the shop's return page."""
        return parse_qs(urlsplit(self.page.url).query)["transaction"][0]


class NewBuyer(Protocol):
    """Gives a buyer a window of their own."""

    async def __call__(self, language: str = "fr", window: tuple[int, int] = PHONE, *, scripts: bool = True) -> Buyer:
        """Open the window."""
        ...


def finals(held: dict[str, Any]) -> list[tuple[str, str]]:
    """Return type and amount of the events that say how a charge has ended."""
    return [(e["type"], e["amount"]) for e in held["events"] if re.fullmatch(r"CHARGE_(SUCCESS|FAILURE)", e["type"])]


async def eventually(expected: object, ask: Callable[[], Awaitable[object]], within_s: float = 10.0) -> None:
    """Ask until the answer is as expected, or fail with the last one."""
    actual = await ask()
    try:
        async with asyncio.timeout(within_s):
            while expected != actual:
                await asyncio.sleep(0.05)
                actual = await ask()
    except TimeoutError:
        assert expected == actual
