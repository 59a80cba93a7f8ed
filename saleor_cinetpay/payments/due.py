"""What is due in a table, claimed by lease: the one statement with which all workers take their work.

It is spelled once for each table: building it takes SQLAlchemy longer than the database takes to find nothing. What is
due is chosen in a common table expression: as a plain subquery, PostgreSQL may run it once for each row and
claim far more than the limit.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Exists, Table, and_, bindparam, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.database import Database


class Due:
    """Claims the rows of a table that are due, the longest due first."""

    def __init__(
        self,
        table: Table,
        *,
        whose: ColumnElement[Any],
        only: ColumnElement[bool] | None = None,
        one_by_one: Column[Any] | None = None,
        **also: Any,
    ) -> None:
        """`whose` is the column of those of whom some may be left out; `also` is set beside the lease.

        With `only`, what does not meet that is left alone: a newer version of the app knows what it is.
        Of the rows that are the same in `one_by_one`, one at a time is taken, the oldest first.
        """
        (key,) = table.primary_key
        due = select(key).where(table.c.due_at <= bindparam("at"))
        if only is not None:
            due = due.where(only)
        if one_by_one is not None:
            due = due.where(~_another_goes_first(table, one_by_one))
        of_others = due.where(whose.not_in(bindparam("busy", expanding=True)))
        self._of_all, self._of_others = (
            update(table)
            .where(
                key.in_(
                    select(
                        one.order_by(table.c.due_at).limit(bindparam("most")).with_for_update(skip_locked=True).cte()
                    )
                )
            )
            .values(due_at=bindparam("until"), lease=bindparam("held"), **also)
            .returning(table)
            for one in (due, of_others)
        )

    async def claim(
        self, database: Database, limit: int, *, now: datetime, until: datetime, lease: str, busy: Collection[str]
    ) -> list[Any]:
        """Take the leases of at most so many rows, none of them of the busy, and return them."""
        claim = self._of_others if busy else self._of_all
        values = {"at": now, "most": limit, "until": until, "held": lease} | ({"busy": list(busy)} if busy else {})

        async def work(connection: AsyncConnection) -> list[Any]:
            return list(await connection.execute(claim, values))

        return await database.change(work)


async def give_back(
    database: Database, row: ColumnElement[bool], table: Table, *, lease: str | None, now: datetime
) -> None:
    """Give a lease back, so that the row is due at once; one that has been lost stays with whoever holds it now."""
    given = update(table).where(row, table.c.lease == lease).values(due_at=now, lease=None)

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(given)

    await database.change(work)


def _another_goes_first(table: Table, same: Column[Any]) -> Exists:
    """Tell whether of the same there is an older row that is due, or one that is leased."""
    other = table.alias("other")
    (key,) = table.primary_key
    older = and_(other.c.due_at <= bindparam("at"), other.c[key.name] < key)
    leased = and_(other.c.due_at > bindparam("at"), other.c.lease.is_not(None))
    return exists().where(other.c[same.name] == same, or_(older, leased))
