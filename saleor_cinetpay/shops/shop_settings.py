"""What a shop chooses for itself, beside its accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.database import Database
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


class ShopSettings:
    """Keeps the choices of each shop, by its Saleor API URL."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        )

    async def choose(self, saleor_api_url: str, choices: ShopChoices) -> None:
        """Replace a shop's choices."""
        after = choices.complete_after
        await self._write(
            {
                "saleor_api_url": saleor_api_url,
                "storefront_origins": sorted(choices.storefront_origins),
                "complete_after_s": NEVER_S if after is None else int(after.total_seconds()),
            }
        )

    async def storefront_origins(self, saleor_api_url: str) -> frozenset[str]:
        """Return the origins that a buyer may be redirected to."""
        return (await self.of(saleor_api_url)).storefront_origins

    async def set_storefront_origins(self, saleor_api_url: str, origins: Sequence[str]) -> None:
        """Replace the shop's storefront origins."""
        choices = await self.of(saleor_api_url)
        await self.choose(
            saleor_api_url,
            ShopChoices(storefront_origins=frozenset(origins), complete_after=choices.complete_after),
        )

    async def _write(self, row: dict[str, Any]) -> None:
        insert = (sqlite.insert if self._database.is_sqlite else postgresql.insert)(shop_settings).values(row)
        async with self._database.write() as connection:
            await connection.execute(insert.on_conflict_do_update(index_elements=["saleor_api_url"], set_=row))


def _complete_after(stored_s: int | None) -> timedelta | None:
    if stored_s is None:
        return COMPLETE_AFTER
    return None if stored_s == NEVER_S else timedelta(seconds=stored_s)
