"""TLS to PostgreSQL: a server proves itself by the certificate that DATABASE_URL names, or is told nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from certificates_kit import self_signed, server_with

from saleor_cinetpay.database import Database, prove_alive
from saleor_cinetpay.errors import LedgerUnavailable

WANTS_TLS_BYTES = 8
YES = b"S"


@asynccontextmanager
async def server(certificate: Path) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Speak PostgreSQL until the client has begun to talk in TLS; give the port, and what it has said."""
    said: list[bytes] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(WANTS_TLS_BYTES)
            writer.write(YES)
            await writer.start_tls(server_with(certificate))
            said.append(await reader.read(1000))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client did not want to
        finally:
            writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1], said


@pytest.mark.parametrize("trusted", ["localhost", "another"])
async def test_only_a_server_that_is_proved_is_spoken_to(tmp_path: Path, trusted: str) -> None:
    """With `sslrootcert` the certificates of that file count, and who may read is told to no other server."""
    certificates = {name: self_signed(tmp_path, name) for name in ("localhost", "another")}
    async with server(certificates["localhost"]) as (port, said):
        tls = f"sslmode=verify-full&sslrootcert={certificates[trusted]}&channel_binding=prefer"
        database = Database(f"postgresql://awa:secret@localhost:{port}/ledger?{tls}")
        with pytest.raises(LedgerUnavailable):
            await prove_alive(database, within_s=5)
        await database.close()
    assert [trusted == "localhost"] == [b"user\0awa\0database\0ledger\0" in one for one in said or [b""]]
