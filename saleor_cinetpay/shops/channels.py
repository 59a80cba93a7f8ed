"""The map of channels: which account the payments of each channel of a shop go to.

A channel counts by its id, as its slug can be given to another one. The slug is remembered for people.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import ChangedMeanwhile
from saleor_cinetpay.inserting import insert_unless_there
from saleor_cinetpay.shops.tables import accounts, channels, shop_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel of a shop."""

    id: str
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """Which account each mapped channel uses, as somebody has seen it."""

    keys: Mapping[Channel, str]
    """Account keys."""
    version: int
    """Goes up with each change."""

    def key_of(self, channel_id: str) -> str | None:
        """Return the key of the account that a channel uses, or None where it is mapped to none."""
        return next((key for channel, key in self.keys.items() if channel.id == channel_id), None)


class UnknownAccountKey(ValueError):
    """A key that names no account that the shop can use for new payments."""


class ChannelMap:
    """Keeps the map of each shop."""

    def __init__(self, database: Database, clock: Clock, *, changed: Callable[[], None]) -> None:
        """`changed` is told after every change, so that nobody goes on with what was read before."""
        self._changed = changed
        self._database = database
        self._clock = clock

    async def of(self, saleor_api_url: str) -> Mapped:
        """Return a shop's map."""
        async with self._database.read() as connection:
            rows = list(
                await connection.execute(
                    select(channels).where(channels.c.saleor_api_url == saleor_api_url).order_by(channels.c.slug)
                )
            )
            version = (
                await connection.execute(
                    select(shop_settings.c.channels_version).where(shop_settings.c.saleor_api_url == saleor_api_url)
                )
            ).scalar_one_or_none()
        return Mapped(
            keys={Channel(id=row.channel_id, slug=row.slug): row.account_key for row in rows}, version=version or 0
        )

    async def save(self, saleor_api_url: str, chosen: Mapping[Channel, str | None], *, version: int) -> None:
        """Map these channels (None: to no account); others stay as they are. `version` is what was seen.

        Raises:
            ChangedMeanwhile: where the map was changed since.
            UnknownAccountKey: where a key is none of the shop's, or an archived account's.
        """
        now = self._clock.now()
        async with self._database.write() as connection:
            await self._advance(connection, saleor_api_url, version)
            await _hold_usable(connection, saleor_api_url, {key for key in chosen.values() if key is not None})
            await connection.execute(
                delete(channels).where(
                    channels.c.saleor_api_url == saleor_api_url,
                    channels.c.channel_id.in_([channel.id for channel in chosen]),
                )
            )
            rows = [_row(saleor_api_url, channel, key, now) for channel, key in chosen.items() if key is not None]
            if rows:
                await connection.execute(insert(channels), rows)
        self._changed()

    async def _advance(self, connection: AsyncConnection, saleor_api_url: str, version: int) -> None:
        await make_row_in(connection, saleor_api_url)
        advanced = await connection.execute(
            update(shop_settings)
            .where(shop_settings.c.saleor_api_url == saleor_api_url, shop_settings.c.channels_version == version)
            .values(channels_version=version + 1)
        )
        if advanced.rowcount != 1:
            raise ChangedMeanwhile(f"the channels of {saleor_api_url} are not at version {version} any more")


async def make_row_in(connection: AsyncConnection, saleor_api_url: str) -> None:
    """Make the row of a shop's settings where there is none, with every default."""
    row = {"saleor_api_url": saleor_api_url, "storefront_origins": []}
    await connection.execute(insert_unless_there(connection, shop_settings), row)


async def map_in(
    connection: AsyncConnection,
    saleor_api_url: str,
    unmapped: Sequence[Channel],
    account_key: str,
    now: datetime,
) -> None:
    """Map channels to an account in a transaction of the caller's; those that are mapped by now stay as they are."""
    if not unmapped:
        return
    await make_row_in(connection, saleor_api_url)
    await _touch(connection, saleor_api_url)
    rows = [_row(saleor_api_url, channel, account_key, now) for channel in unmapped]
    await connection.execute(insert_unless_there(connection, channels), rows)


async def unmap_in(connection: AsyncConnection, saleor_api_url: str, account_key: str) -> None:
    """Map an account's channels to none in a transaction of the caller's, which then may write the account.

    In this order, as `save` has it too: two transactions that took the two in turn would wait for each other.
    """
    await make_row_in(connection, saleor_api_url)
    await _touch(connection, saleor_api_url)
    await connection.execute(
        delete(channels).where(channels.c.saleor_api_url == saleor_api_url, channels.c.account_key == account_key)
    )


async def _touch(connection: AsyncConnection, saleor_api_url: str) -> None:
    await connection.execute(
        update(shop_settings)
        .where(shop_settings.c.saleor_api_url == saleor_api_url)
        .values(channels_version=shop_settings.c.channels_version + 1)
    )


async def _hold_usable(connection: AsyncConnection, saleor_api_url: str, keys: set[str]) -> None:
    """Hold the shop's accounts still, and see that each key is one of them that is in use."""
    usable = (
        select(accounts.c.account_key)
        .where(accounts.c.saleor_api_url == saleor_api_url, accounts.c.archived_at.is_(None))
        .with_for_update(read=True)
    )
    if unknown := keys - set((await connection.execute(usable)).scalars()):
        raise UnknownAccountKey(f"no account of {saleor_api_url} in use: {', '.join(sorted(unknown))}")


def _row(saleor_api_url: str, channel: Channel, account_key: str, now: datetime) -> dict[str, object]:
    return {
        "saleor_api_url": saleor_api_url,
        "channel_id": channel.id,
        "slug": channel.slug,
        "account_key": account_key,
        "mapped_at": now,
    }
