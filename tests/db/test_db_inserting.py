"""What becomes of a row that is written down where one of its key stands already."""

from typing import Any

from fakes import NOON
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.database import Database
from saleor_cinetpay.inserting import insert_or_replace, insert_unless_there
from saleor_cinetpay.payments.tables import chores

FIRST = {"name": "a", "due_at": NOON, "lease": "first"}
SECOND = FIRST | {"lease": "second"}
OTHER = FIRST | {"name": "b"}


async def rows(database: Database) -> list[dict[str, Any]]:
    async with database.read() as connection:
        wanted = select(chores.c.name, chores.c.due_at, chores.c.lease).order_by(chores.c.name)
        return [dict(row._mapping) for row in await connection.execute(wanted)]


async def test_what_is_there_stays(database: Database) -> None:
    """One that is there already is left alone and not counted, in a block as in a unit; the others are written."""

    async def unit(connection: AsyncConnection) -> int:
        return (await connection.execute(insert_unless_there(connection, chores), SECOND)).rowcount

    async with database.write() as connection:
        assert 1 == (await connection.execute(insert_unless_there(connection, chores), FIRST)).rowcount
        await connection.execute(insert_unless_there(connection, chores), [SECOND, OTHER])
    assert 0 == await database.change(unit)
    assert [FIRST, OTHER] == await rows(database)


async def test_what_is_there_is_replaced(database: Database) -> None:
    """One that is there already gets what the new row holds, and keeps what that lacks."""
    async with database.write() as connection:
        await connection.execute(insert_or_replace(connection, chores, FIRST))
        await connection.execute(
            insert_or_replace(connection, chores, {"name": "a", "lease": "second"} | {"due_at": NOON})
        )
    assert [SECOND] == await rows(database)
