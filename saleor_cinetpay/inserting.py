"""Inserts that may meet a row which is there already: each database has a way of its own to say what happens then."""

from collections.abc import Mapping
from functools import cache

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Insert = sqlite.Insert | postgresql.Insert


def insert_unless_there(connection: AsyncConnection, table: Table) -> Insert:
    """Return what writes rows down, and leaves those alone that are there already: `rowcount` does not count them."""
    return _unless_there(connection.dialect.name, table)


def insert_or_replace(connection: AsyncConnection, table: Table, row: Mapping[str, object]) -> Insert:
    """Return what writes a row down, over the one of the same primary key if there is one; what it lacks stays."""
    key = [column.name for column in table.primary_key]
    return _insert(connection.dialect.name, table).values(row).on_conflict_do_update(index_elements=key, set_=row)


@cache
def _unless_there(dialect: str, table: Table) -> Insert:
    """Return the same statement for the same table: SQLAlchemy knows it again, and it is used for every payment."""
    return _insert(dialect, table).on_conflict_do_nothing()


def _insert(dialect: str, table: Table) -> Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
