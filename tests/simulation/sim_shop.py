"""The one shop of a simulated world. Its data never changes, so it is not read from the database."""

from payments_kit import APP, SHOP, TOKEN, an_account
from pydantic import SecretStr

from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.installations import Installation
from saleor_cinetpay.shops.shop_settings import ShopChoices

ACCOUNT = an_account()
CHOICES = ShopChoices()
INSTALLATION = Installation(
    saleor_api_url=SHOP,
    app_id="QXBwOjE=",
    token=SecretStr(TOKEN),
    key_set="{}",
    saleor_version="3.23.28",
    app_base_url=APP,
)


class OneShop:
    """What the heart asks about shops: accounts, choices and installations."""

    async def for_channel(self, _saleor_api_url: str, _channel_id: str) -> Account | None:
        return ACCOUNT

    async def candidates(self, _saleor_api_url: str, _channel_id: str) -> list[Account]:
        return [ACCOUNT]

    async def by_key(self, _account_key: str) -> Account | None:
        return ACCOUNT

    async def recent(self, _saleor_api_url: str) -> ShopChoices:
        return CHOICES

    async def find(self, _saleor_api_url: str) -> Installation | None:
        return INSTALLATION

    async def usable(self, account_key: str) -> Account | None:
        """Return the account."""
        return await self.by_key(account_key)
