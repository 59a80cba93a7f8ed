"""What a shop chooses for itself, beside its accounts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import ChangedMeanwhile
from saleor_cinetpay.recent import Recent
from saleor_cinetpay.shops.channels import make_row_in
from saleor_cinetpay.shops.tables import shop_settings

COMPLETE_AFTER = timedelta(minutes=10)
NEVER_S = -1
"""How "never" is stored; nothing stored means the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopChoices:
    """A shop's choices; these are the defaults."""

    storefront_origins: frozenset[str] = frozenset()
    """Origins (`https://shop.example`) that a buyer may be redirected to."""
    complete_after: timedelta | None = COMPLETE_AFTER
    """How long after the acceptance the app completes a paid checkout that nobody completed; None: never."""
    version: int = 0
    """Goes up with each change."""


class ShopSettings:
    """Keeps the choices of each shop, by its Saleor API URL."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._recent = Recent(self.of, clock)

    async def of(self, saleor_api_url: str) -> ShopChoices:
        """Return what a shop has chosen."""
        wanted = select(shop_settings).where(shop_settings.c.saleor_api_url == saleor_api_url)

        async def work(connection: AsyncConnection) -> Any:
            return (await connection.execute(wanted)).one_or_none()

        row = await self._database.query(work)
        if row is None:
            return ShopChoices()
        return ShopChoices(
            storefront_origins=frozenset(row.storefront_origins),
            complete_after=_complete_after(row.complete_after_s),
            version=row.version,
        )

    async def recent(self, saleor_api_url: str) -> ShopChoices:
        """Return what a shop had chosen a second ago at most; `of` knows what another process has done since."""
        return await self._recent.of(saleor_api_url) or ShopChoices()

    async def choose(self, saleor_api_url: str, choices: ShopChoices) -> None:
        """Replace a shop's choices; their version is the one that was seen.

        Raises:
            ChangedMeanwhile: where somebody has saved since.
        """
        after = choices.complete_after
        chosen = (
            update(shop_settings)
            .where(shop_settings.c.saleor_api_url == saleor_api_url, shop_settings.c.version == choices.version)
            .values(
                storefront_origins=sorted(choices.storefront_origins),
                complete_after_s=NEVER_S if after is None else int(after.total_seconds()),
                version=choices.version + 1,
            )
        )
        async with self._database.write() as connection:
            await make_row_in(connection, saleor_api_url)
            if (await connection.execute(chosen)).rowcount != 1:
                raise ChangedMeanwhile(
                    f"the settings of {saleor_api_url} are not at version {choices.version} any more"
                )
        self._recent.forget()

    async def storefront_origins(self, saleor_api_url: str) -> frozenset[str]:
        """Return the origins that a buyer may be redirected to."""
        return (await self.of(saleor_api_url)).storefront_origins

    async def set_storefront_origins(self, saleor_api_url: str, origins: Sequence[str]) -> None:
        """Replace the shop's storefront origins."""
        choices = await self.of(saleor_api_url)
        await self.choose(saleor_api_url, replace(choices, storefront_origins=frozenset(origins)))


def _complete_after(stored_s: int | None) -> timedelta | None:
    if stored_s is None:
        return COMPLETE_AFTER
    return None if stored_s == NEVER_S else timedelta(seconds=stored_s)
