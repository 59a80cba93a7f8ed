"""The same tests on both engines: SQLite in a file, and a real PostgreSQL that lives as long as the session.

PostgreSQL's one database is emptied, and its tables made anew, before each test: that is a tenth of what a database
for each test would cost. That the tables are those of the migrations is a test of its own.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from payments_kit import Heart, World, build_heart
from postgresql_kit import running_postgresql
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.schema import CreateIndex, CreateTable

import saleor_cinetpay.payments.tables
import saleor_cinetpay.shops.tables  # noqa: F401  both fill the metadata
from saleor_cinetpay.database import Database, metadata
from saleor_cinetpay.migrations import migrate

ENGINES = ["sqlite", "postgresql"]
NOTHING = "ALTER DATABASE postgres RESET ALL; DROP SCHEMA public CASCADE; CREATE SCHEMA public"
POSTGRESQL: Dialect = asyncpg_dialect()  # type: ignore[no-untyped-call]
TABLES = ";".join(
    str(CreateTable(table).compile(dialect=POSTGRESQL))
    + "".join(f";{CreateIndex(index).compile(dialect=POSTGRESQL)}" for index in table.indexes)
    for table in metadata.sorted_tables
)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[str], str]]:
    """Start a PostgreSQL, and return what gives the address of a database in it."""
    # Not among pytest's folders, of which other sessions remove the older ones.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, running_postgresql(Path(folder)) as server:
        yield server.url


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """Keep what is logged instead of printing it."""
    with structlog.testing.capture_logs() as logs:
        yield logs


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file, which tests copy."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(params=ENGINES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("postgresql")("postgres")
    asyncio.run(_carry_out(url, NOTHING))
    return url


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a database with all tables and nothing in them."""
    if request.param == "sqlite":
        file = tmp_path / "ledger.db"
        shutil.copy(request.getfixturevalue("migrated_file"), file)
        return f"sqlite:///{file}"
    url: str = request.getfixturevalue("postgresql")("postgres")
    asyncio.run(_carry_out(url, f"{NOTHING};{TABLES}"))
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Open that database, as one process would."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def other_database(database_url: str) -> AsyncIterator[Database]:
    """Open the same database once more, as another process would."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def world() -> World:
    """Make a world with a clock, a CinetPay and a Saleor."""
    return World()


@pytest.fixture
async def heart(database: Database, world: World) -> Heart:
    """Wire a heart, and let one shop install the app."""
    heart = build_heart(database, world)
    await heart.install()
    return heart


@pytest.fixture
async def other_heart(other_database: Database, world: World, heart: Heart) -> Heart:
    """Wire the heart of another process on the same database."""
    return build_heart(other_database, world, seed=1)


async def _carry_out(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await migrate(database)
    finally:
        await database.close()
