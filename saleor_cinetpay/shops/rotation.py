"""Key rotation: everything sealed is sealed anew with the first key of SECRET_KEY, while the app goes on working.

The columns are found in the tables themselves, so that a new one can't be forgotten. Nothing is remembered: a
rotation that was broken off is begun again and passes over what is done.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, Table, select, tuple_, update

from saleor_cinetpay.database import Database, metadata
from saleor_cinetpay.shops.secrets import SecretBox, Unsealable, place_in

SEALED = "sealed_"
BATCH = 100
"""Rows that are read, and then written in one transaction: a few milliseconds for others to wait."""
PASSES = 3
"""A process that still has the old key first may seal with it behind our back; it is met again in the next pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """How far one column is, or how it ended."""

    column: str
    """`payments.sealed_form`"""
    seen: int = 0
    """The rows of the pass that is under way, or was the last."""
    renewed: int = 0
    """What was sealed anew, in all passes."""
    remaining: int = 0
    """What was met sealed with an older key even in the last pass: somebody still seals with it."""
    unreadable: tuple[str, ...] = ()
    """The places of what no key of SECRET_KEY opens, as of the last pass."""

    @property
    def done(self) -> bool:
        """Whether all of the column is sealed with the first key."""
        return not self.remaining and not self.unreadable


def sealed_columns() -> Iterator[Column[Any]]:
    """Yield every column that holds sealed texts, of all tables."""
    for table in metadata.sorted_tables:
        yield from (column for column in table.columns if column.name.startswith(SEALED))


async def rotate(
    database: Database, secrets: SecretBox, told: Callable[[Rotated], None] = lambda rotated: None
) -> list[Rotated]:
    """Seal everything with the first key, and return how each column ended; `told` hears of every batch.

    Raises:
        LedgerUnavailable: where the database does not answer; what was done until then stays.
    """
    ends: list[Rotated] = []
    for column in sealed_columns():
        end = Rotated(column=f"{_table_of(column).name}.{column.name}")
        for _ in range(PASSES):
            end = await _pass_over(database, secrets, column, end, told)
            if not end.remaining:
                break
        ends.append(end)
    return ends


async def _pass_over(
    database: Database, secrets: SecretBox, column: Column[Any], so_far: Rotated, told: Callable[[Rotated], None]
) -> Rotated:
    end = replace(so_far, seen=0, remaining=0, unreadable=())
    after: Sequence[Any] | None = None
    while rows := await _read(database, column, after):
        after = rows[-1][:-1]
        end = await _renew(database, secrets, column, rows, end)
        told(end)
    return end


async def _read(database: Database, column: Column[Any], after: Sequence[Any] | None) -> Sequence[Any]:
    """Read the next rows in the order of the primary key: the key's values, then the sealed text."""
    key = _key_of(column)
    batch = select(*key, column).where(column.is_not(None)).order_by(*key).limit(BATCH)
    if after is not None:
        batch = batch.where(tuple_(*key) > tuple_(*after))
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(batch)]


async def _renew(
    database: Database, secrets: SecretBox, column: Column[Any], rows: Sequence[Any], so_far: Rotated
) -> Rotated:
    """Write what another key has sealed, each only where it still stands as it was read: newer values stay."""
    key = _key_of(column)
    stale: list[tuple[list[Any], str]] = []
    unreadable: list[str] = []
    for *values, sealed in rows:
        place = place_in(column, **{part.name: value for part, value in zip(key, values, strict=True)})
        try:
            fresh = secrets.renew(sealed, place=place)
        except Unsealable:
            unreadable.append(place)
            continue
        if fresh is not None:
            as_read = [part == value for part, value in zip((*key, column), (*values, sealed), strict=True)]
            stale.append((as_read, fresh))
    renewed = 0
    if stale:
        async with database.write() as connection:
            for as_read, fresh in stale:
                written = await connection.execute(
                    update(_table_of(column)).where(*as_read).values({column.name: fresh})
                )
                renewed += written.rowcount
    return replace(
        so_far,
        seen=so_far.seen + len(rows),
        renewed=so_far.renewed + renewed,
        remaining=so_far.remaining + len(stale),
        unreadable=(*so_far.unreadable, *unreadable),
    )


def _table_of(column: Column[Any]) -> Table:
    table = column.table
    assert isinstance(table, Table)  # noqa: S101  metadata holds nothing else
    return table


def _key_of(column: Column[Any]) -> list[Column[Any]]:
    return list(_table_of(column).primary_key.columns)
