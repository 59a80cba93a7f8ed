"""Channels are read from Saleor once in half a minute, and told in an order that people find them in."""

from collections.abc import Sequence

import pytest
from fakes import TurnedClock
from pydantic import SecretStr

from saleor_cinetpay.errors import SaleorUnavailable
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.channel_lists import FRESH_FOR, ChannelLists
from saleor_cinetpay.saleor.types import SaleorChannel

SHOP = SaleorApiUrl("https://shop.example/graphql/")
OTHER_SHOP = SaleorApiUrl("https://other.example/graphql/")
TOKEN = SecretStr("token")


def channel(name: str, *, is_active: bool = True) -> SaleorChannel:
    return SaleorChannel(id=name, slug=name.lower(), name=name, currency="XOF", is_active=is_active)


class Shops:
    """Saleors that answer with their channels, and count how often they are asked."""

    def __init__(self, *found: SaleorChannel) -> None:
        self.found = found
        self.asked: list[str] = []
        self.away = False

    async def read_channels(
        self, saleor_api_url: SaleorApiUrl, token: SecretStr, *, timeout_s: float | None = None
    ) -> tuple[SaleorChannel, ...]:
        self.asked.append(saleor_api_url)
        if self.away:
            raise SaleorUnavailable("away", maybe_carried_out=False)
        return self.found


async def names(lists: ChannelLists, shop: str = SHOP) -> Sequence[str]:
    return [one.name for one in await lists.of(shop, TOKEN)]


async def test_channels_that_sell_come_first() -> None:
    """Active ones by name, then the others by name."""
    shops = Shops(channel("dakar"), channel("Zinder", is_active=False), channel("Abidjan"), channel("Bamako"))
    assert ["Abidjan", "Bamako", "dakar", "Zinder"] == await names(ChannelLists(shops, TurnedClock()))


async def test_each_shop_is_asked_once_in_half_a_minute() -> None:
    """Until then what was read counts, for that shop alone; what could not be read is not remembered."""
    shops, clock = Shops(channel("Abidjan")), TurnedClock()
    lists = ChannelLists(shops, clock)
    for shop in (SHOP, SHOP, OTHER_SHOP):
        await names(lists, shop)
    clock.turn(FRESH_FOR.total_seconds())
    shops.away = True
    for _ in range(2):
        with pytest.raises(SaleorUnavailable):
            await names(lists)
    assert [SHOP, OTHER_SHOP, SHOP, SHOP] == shops.asked
