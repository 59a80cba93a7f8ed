"""What the settings pages share: where a shop's settings are kept, and its channels as people know them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from saleor_cinetpay.dashboard.answers import Visitor
from saleor_cinetpay.errors import CinetPayNotOffered, SaleorError
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.money import XOF
from saleor_cinetpay.payments.credentials import Credentials, Standing, meaning_of, standing_of
from saleor_cinetpay.saleor.channel_lists import ChannelLists
from saleor_cinetpay.shops.account_book import AccountBook
from saleor_cinetpay.shops.accounts import Account, Accounts, Environment
from saleor_cinetpay.shops.channels import Channel, ChannelMap, Mapped
from saleor_cinetpay.shops.shop_settings import ShopSettings

STANDINGS: Mapping[Standing, tuple[Text, str]] = {
    Standing.PROVED: (text("Tested"), "good"),
    Standing.WRONG: (text("Refused by CinetPay"), "bad"),
    Standing.BLOCKED: (text("Blocked at CinetPay"), "bad"),
    Standing.UNKNOWN: (text("Not confirmed"), "wait"),
}
"""What the last test of an account has shown, in a word and a colour."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How an account stands, as a page shows it."""

    word: Text
    tone: str
    meaning: Text
    """What it means and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopChannel:
    """A channel as a page shows it."""

    channel: Channel
    name: str
    currency: str | None
    """None where Saleor did not say: it is away, or the channel is gone."""
    is_active: bool
    account_key: str | None
    """The account that it is mapped to."""

    @property
    def id(self) -> str:
        """Its id in Saleor."""
        return self.channel.id

    @property
    def can_be_mapped(self) -> bool:
        """Whether it sells in francs."""
        return self.currency == XOF


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The channels of a shop."""

    all: Sequence[ShopChannel]
    version: int
    """Of the map, for who saves it."""
    away: bool
    """Whether Saleor did not answer, so that only mapped channels are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopMeans:
    """What the settings pages work with."""

    accounts: Accounts
    book: AccountBook
    channel_map: ChannelMap
    lists: ChannelLists
    credentials: Credentials
    shop_settings: ShopSettings
    base_url: str | None
    """The app's public address, where the operator has set one; else each installation's own."""
    development: bool

    def base_of(self, visitor: Visitor) -> str:
        """Return the app's public address for that shop."""
        return self.base_url or visitor.installation.app_base_url

    async def channels_of(self, visitor: Visitor) -> Channels:
        """Return a shop's channels: those of its Saleor, then what is mapped but no longer there."""
        mapped = await self.channel_map.of(visitor.saleor_api_url)
        try:
            read = await self.lists.of(visitor.saleor_api_url, visitor.installation.token)
        except SaleorError as error:
            log.warning("channels_not_read", saleor_api_url=visitor.saleor_api_url, error=str(error))
            return Channels(all=_only_mapped(mapped, set()), version=mapped.version, away=True)
        known = [
            ShopChannel(
                channel=Channel(id=one.id, slug=one.slug),
                name=one.name,
                currency=one.currency,
                is_active=one.is_active,
                account_key=mapped.key_of(one.id),
            )
            for one in read
        ]
        gone = _only_mapped(mapped, {one.id for one in read})
        return Channels(all=[*known, *gone], version=mapped.version, away=False)

    async def accounts_of(self, visitor: Visitor) -> tuple[Account | None, list[Account]]:
        """Return the operator's account for a shop, and those that it has set up itself."""
        url = visitor.saleor_api_url
        return await self.accounts.from_environment(url), await self.accounts.of_shop(url)


def shown_standing(account: Account, offered: Collection[Environment]) -> Shown | None:
    """Say how an account stands, by its last test; None for one that was never tested and may well do."""
    if account.environment not in offered:
        return Shown(word=text("Out of use"), tone="bad", meaning=CinetPayNotOffered.merchant)
    if not account.check_code:
        return None
    word, tone = STANDINGS[standing_of(account.check_code)]
    return Shown(word=word, tone=tone, meaning=meaning_of(account.check_code))


def by_key(operators: Account | None, own: Sequence[Account]) -> Mapping[str, Account]:
    """Return the accounts by their keys."""
    return {account.account_key: account for account in ([operators] if operators else []) + list(own)}


def _only_mapped(mapped: Mapped, known: set[str]) -> list[ShopChannel]:
    return [
        ShopChannel(channel=channel, name=channel.slug, currency=None, is_active=False, account_key=key)
        for channel, key in mapped.keys.items()
        if channel.id not in known
    ]
