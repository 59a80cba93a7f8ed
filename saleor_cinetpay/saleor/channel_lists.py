"""The channels of each shop, read from its Saleor and kept for a moment, as pages ask for them again and again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import SecretStr

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.types import SaleorChannel

FRESH_FOR = timedelta(seconds=30)
READ_S = 4.0
MOST_SHOPS = 1000


class Channels(Protocol):
    """Reads channels from Saleor."""

    async def read_channels(
        self, saleor_api_url: SaleorApiUrl, token: SecretStr, *, timeout_s: float | None = None
    ) -> tuple[SaleorChannel, ...]:
        """Return every channel of the shop.

        Raises:
            SaleorError: where Saleor refuses, or can't be reached, or can't be understood.
        """
        ...


class ChannelLists:
    """Remembers the channels of shops for half a minute."""

    def __init__(self, saleor: Channels, clock: Clock) -> None:
        self._saleor = saleor
        self._clock = clock
        self._read: dict[str, tuple[datetime, Sequence[SaleorChannel]]] = {}

    async def of(self, saleor_api_url: str, token: SecretStr) -> Sequence[SaleorChannel]:
        """Return every channel of the shop; those that sell come first, by name.

        Raises:
            SaleorError: where Saleor refuses, or can't be reached, or can't be understood.
        """
        now = self._clock.now()
        known = self._read.get(saleor_api_url)
        if known is not None and now - known[0] < FRESH_FOR:
            return known[1]
        found = await self._saleor.read_channels(SaleorApiUrl(saleor_api_url), token, timeout_s=READ_S)
        ordered = sorted(found, key=lambda channel: (not channel.is_active, channel.name.casefold()))
        if len(self._read) >= MOST_SHOPS:
            self._read.clear()
        self._read[saleor_api_url] = (now, ordered)
        return ordered
