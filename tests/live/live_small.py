"""The small Saleor of the sandbox, behind what a real one is asked through."""

from dataclasses import replace

import httpx2 as httpx
from live_shop import Shop

from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor


class SmallShop(Shop):
    """A small Saleor in this process, asked over HTTP; what staff do to it is done directly."""

    def __init__(self, small: SmallSaleor, gateway: str, http: httpx.AsyncClient) -> None:
        super().__init__(small.config.api_url, gateway, http)
        self._small = small

    async def prepare(self) -> None:
        """Nothing is missing."""
        self.version = self._small.config.version

    async def clean_up(self) -> list[str]:
        """Nothing outlives the process."""
        return []

    async def install(self, manifest_url: str) -> None:
        """Install an app."""
        await self._small.install_app(manifest_url)

    async def uninstall(self) -> None:
        """Delete the app."""
        await self._small.delete_app(self.gateway)

    async def queries(self) -> dict[str, str]:
        """As it holds them."""
        webhooks = self._small.store.apps[self.gateway].webhooks
        return {one.target_url.rpartition("/")[2]: one.query for one in webhooks if one.is_active}

    async def spoil_webhook(self, name: str, query: str) -> None:
        """Directly."""
        for webhook in self._small.store.apps[self.gateway].webhooks:
            if webhook.target_url.endswith(name):
                webhook.query = query

    async def token(self) -> str:
        """The app's own; the small Saleor knows no staff."""
        return await self.app_token()

    async def app_token(self) -> str:
        """The app's."""
        return self._small.store.apps[self.gateway].auth_token

    def channel(self, kind: str) -> str:
        """The one channel, made fit for the kind."""
        self._small.store.channel = replace(
            self._small.store.channel,
            default_transaction_flow_strategy="AUTHORIZATION" if kind == "authorization" else "CHARGE",
            allow_unpaid_orders=kind == "unpaid",
        )
        return self._small.store.channel.slug

    def variant(self) -> str:
        """The first product's."""
        return self._small.store.products[0].default_variant.id
