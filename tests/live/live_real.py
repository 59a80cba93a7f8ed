"""A real Saleor, prepared and left through its public API alone."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
from live_shop import PRICE, Shop

SLUG = "cinetpay-live"
TOKEN_FOR_S = 200.0
"""How long a staff token is used; Saleor's last five minutes."""
INSTALLED_WITHIN_S = 60

CHANNELS: dict[str, dict[str, Any]] = {
    "xof": {},
    "authorization": {"paymentSettings": {"defaultTransactionFlowStrategy": "AUTHORIZATION"}},
    "unpaid": {"orderSettings": {"allowUnpaidOrders": True}},
    "automatic": {},
    "usd": {"currencyCode": "USD", "defaultCountry": "US"},
}
"""The kinds of channels, and what each has that the first has not."""


@dataclass(slots=True)
class _Made:
    """What was made here, to be taken away again."""

    channels: dict[str, str] = field(default_factory=dict)
    product_type: str = ""
    category: str = ""
    product: str = ""
    variant: str = ""


class RealShop(Shop):
    """A Saleor that somebody runs; a member of its staff has lent e-mail and password."""

    def __init__(self, api_url: str, gateway: str, http: httpx.AsyncClient, *, email: str, password: str) -> None:
        super().__init__(api_url, gateway, http)
        self._login = {"email": email, "password": password}
        self._token = ""
        self._token_until = 0.0
        self._made = _Made()

    async def prepare(self) -> None:
        """Make a channel of each kind, and one product that needs no shipping and no stock."""
        made, about = self._made, await self._staff_all("Shop")
        for left in await self._ours():
            await self._staff("DeleteApp", id=left["id"])
        self.version = about["shop"]["version"]
        there = {channel["slug"]: channel for channel in about["channels"]}
        for kind, settings in CHANNELS.items():
            if kind == "automatic":
                settings = {"checkoutSettings": self._automatic_completion()}
            made.channels[kind] = await self._channel_of(kind, settings, there.get(self.channel(kind)))
        mark = secrets.token_hex(4)
        made.product_type = (await self._staff("CreateProductType", name=f"{SLUG} {mark}"))["productType"]["id"]
        made.category = (await self._staff("CreateCategory", name=f"{SLUG} {mark}"))["category"]["id"]
        of = {"type": made.product_type, "category": made.category}
        product = await self._staff("CreateProduct", name=f"Pagne {mark}", **of)
        made.product = product["product"]["id"]
        variant = await self._staff("CreateVariant", product=made.product, sku=f"{SLUG}-{mark}")
        made.variant = variant["productVariant"]["id"]
        listing = {"isPublished": True, "isAvailableForPurchase": True, "visibleInListings": True}
        channels = made.channels.values()
        await self._staff("ListProduct", product=made.product, channels=[{"channelId": c} | listing for c in channels])
        prices = [{"channelId": channel, "price": PRICE} for channel in channels]
        await self._staff("PriceVariant", variant=made.variant, prices=prices)

    def _automatic_completion(self) -> dict[str, Any]:
        """At once; Saleor completes after half an hour by itself since it can be told (3.22)."""
        if self.minor < (3, 22):
            return {"automaticallyCompleteFullyPaidCheckouts": True}
        return {"automaticCompletion": {"enabled": True, "delay": 0}}

    async def _channel_of(self, kind: str, settings: dict[str, Any], there: dict[str, Any] | None) -> str:
        wanted = {"name": f"CinetPay live tests, {kind}", "defaultCountry": "CI", "isActive": True} | settings
        currency = wanted.pop("currencyCode", "XOF")
        if there is None:
            created = await self._staff(
                "CreateChannel", input={"slug": self.channel(kind), "currencyCode": currency} | wanted
            )
            return str(created["channel"]["id"])
        await self._staff("ChangeChannel", id=there["id"], input=wanted)
        return str(there["id"])

    async def clean_up(self) -> list[str]:
        """Delete app and product, close the channels; Saleor deletes none that has orders."""
        for left in await self._ours():
            await self._staff("DeleteApp", id=left["id"])
        if self._made.product_type:
            await self._staff("DeleteProductType", id=self._made.product_type)
        if self._made.category:
            await self._staff("DeleteCategory", id=self._made.category)
        for channel in self._made.channels.values():
            await self._staff("DeactivateChannel", id=channel)
        return [f"channel {self.channel(kind)}, inactive, with its orders" for kind in self._made.channels]

    async def install(self, manifest_url: str) -> None:
        """Install an app, or install it anew, and wait until it is there."""
        asked = await self._staff("Install", name=self.gateway, manifest=manifest_url)
        installation = asked["appInstallation"]["id"]
        for _ in range(INSTALLED_WITHIN_S * 4):
            running = (await self._staff_all("Installed"))["appsInstallations"]
            (mine,) = [one for one in running if one["id"] == installation] or [None]
            if mine is None:
                assert await self._installed() is not None
                return
            if mine["status"] == "FAILED":
                await self._staff("ForgetInstallation", id=installation)
                raise AssertionError(f"Saleor could not install the app: {mine['message']}")
            await asyncio.sleep(0.25)
        raise AssertionError(f"not installed within {INSTALLED_WITHIN_S} s: is Saleor's worker running?")

    async def uninstall(self) -> None:
        """Delete the app."""
        installed = await self._installed()
        assert installed is not None
        await self._staff("DeleteApp", id=installed["id"])

    async def queries(self) -> dict[str, str]:
        """As staff see them."""
        return {name: webhook["subscriptionQuery"] for name, webhook in (await self._webhooks()).items()}

    async def spoil_webhook(self, name: str, query: str) -> None:
        """As staff can do it."""
        await self._staff("ChangeWebhook", id=(await self._webhooks())[name]["id"], query=query)

    async def _webhooks(self) -> dict[str, dict[str, Any]]:
        installed = await self._installed()
        assert installed is not None
        return {one["targetUrl"].rpartition("/")[2]: one for one in installed["webhooks"] if one["isActive"]}

    async def token(self) -> str:
        """A staff member's, renewed before it ends."""
        now = asyncio.get_running_loop().time()
        if now > self._token_until:
            self._token = (await self.ask("Login", self._login))["token"]
            self._token_until = now + TOKEN_FOR_S
        return self._token

    def channel(self, kind: str) -> str:
        """Each kind has its own."""
        return f"{SLUG}-{kind}"

    def variant(self) -> str:
        """The one that was made."""
        return self._made.variant

    async def _installed(self) -> dict[str, Any] | None:
        return next((app for app in await self._apps() if app["identifier"] == self.gateway), None)

    async def _ours(self) -> list[dict[str, Any]]:
        """Every app that these tests install."""
        return [app for app in await self._apps() if (app["identifier"] or "").startswith(self.gateway)]

    async def _apps(self) -> list[dict[str, Any]]:
        return [edge["node"] for edge in (await self._staff_all("Installed"))["apps"]["edges"]]

    async def _staff(self, operation: str, **variables: object) -> Any:
        return await self.ask(operation, variables, token=await self.token())

    async def _staff_all(self, operation: str) -> dict[str, Any]:
        return await self.ask_all(operation, token=await self.token())
