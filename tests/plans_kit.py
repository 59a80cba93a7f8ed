"""What a database is asked, and how it finds it."""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from saleor_cinetpay.database import Database

Statement = tuple[str, Any]
"""What is sent, and its parameters."""


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Collect what is sent to databases while the block runs."""
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def plan(database: Database, asked: Statement, *, by_index: bool = False) -> list[str]:
    """Return the steps of a statement; `by_index`: PostgreSQL, which reads small tables from end to end, shall not."""
    statement, parameters = asked
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    async with database.read() as connection:
        if by_index and not database.is_sqlite:
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            await connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        rows = await connection.exec_driver_sql(f"{explain} {statement}", parameters)
        return [str(row[-1]).strip() for row in rows]


async def plan_of(database: Database, asking: Awaitable[object], *, marked: str = "") -> str:
    """Return the plan of the one SELECT that is asked, among those that have this mark."""
    with statements() as seen:
        await asking
    (asked,) = [one for one in seen if one[0].startswith("SELECT") and marked in one[0]]
    return "\n".join(await plan(database, asked, by_index=True))
