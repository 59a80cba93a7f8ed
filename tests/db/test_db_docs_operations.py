"""The SQL of docs/operations.md, run on both engines."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from saleor_cinetpay.database import Database

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
STATEMENTS = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


async def run(database: Database, statement: str) -> None:
    """Run one statement of the page as it stands there."""
    async with database.write() as connection:
        await connection.execute(text(re.sub(r"(\w):(\w|/)", r"\1\:\2", statement)))


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: " ".join(statement.split()[:6]))
async def test_the_statements_run(database: Database, statement: str) -> None:
    """Every statement that operators are told to run is one that the database takes."""
    await run(database, statement)
