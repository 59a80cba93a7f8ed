"""How a database finds what it is asked for."""

from collections.abc import Awaitable
from typing import Any

from sqlalchemy import Engine, event

from saleor_cinetpay.database import Database


async def plan_of(database: Database, asking: Awaitable[object], *, marked: str = "") -> str:
    """Return the plan of the one SELECT that is asked, among those that have this mark."""
    seen: list[tuple[str, Any]] = []

    def see(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT") and marked in statement:
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", see)
    try:
        await asking
    finally:
        event.remove(Engine, "before_cursor_execute", see)
    ((statement, parameters),) = seen
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    async with database.read() as connection:
        if not database.is_sqlite:  # which reads a table of no size from end to end unless told not to
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            await connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        return "\n".join(str(row[-1]) for row in await connection.exec_driver_sql(f"{explain} {statement}", parameters))
