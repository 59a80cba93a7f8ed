"""What a shop chooses for itself, beside its accounts."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from saleor_cinetpay.database import Database
from saleor_cinetpay.shops.tables import shop_settings


class ShopSettings:
    """Keeps the settings of each shop, by its Saleor API URL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def storefront_origins(self, saleor_api_url: str) -> frozenset[str]:
        """Return the origins (`https://shop.example`) that a buyer may be redirected to."""
        async with self._database.read() as connection:
            origins = (
                await connection.execute(
                    select(shop_settings.c.storefront_origins).where(shop_settings.c.saleor_api_url == saleor_api_url)
                )
            ).scalar_one_or_none()
        return frozenset(origins or ())

    async def set_storefront_origins(self, saleor_api_url: str, origins: Sequence[str]) -> None:
        """Replace the shop's storefront origins."""
        row = {"saleor_api_url": saleor_api_url, "storefront_origins": sorted(origins)}
        insert = (sqlite.insert if self._database.is_sqlite else postgresql.insert)(shop_settings).values(row)
        async with self._database.write() as connection:
            await connection.execute(insert.on_conflict_do_update(index_elements=["saleor_api_url"], set_=row))
