"""Connections that leave us: over asyncio's transports and uvloop's, in clear and secured, to their end."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpcore2 as httpcore
import httpx2 as httpx
import pytest
from certificates_kit import self_signed, server_with

from saleor_cinetpay.exchange import NotExchanged, exchange
from saleor_cinetpay.network import Connection, Resolve, pooled_http

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HOST = "shop.example"
LARGE = 32 * 1024 * 1024
PIECE = 64 * 1024
SOON_S = 5.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on a port of this machine; what a connection meets there ends with it."""

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def a_pool(tls: ssl.SSLContext | None = None, resolve: Resolve = loopback) -> httpx.AsyncBaseTransport:
    return pooled_http(tls or ssl.create_default_context(), most=4, most_idle=4, idle_s=60, resolve=resolve)


async def get(http: httpx.AsyncBaseTransport, port: int, *, scheme: str = "http", timeout_s: float = SOON_S) -> bytes:
    request = httpx.Request("GET", f"{scheme}://{HOST}:{port}/")
    return (await exchange(http, request, limit_bytes=1000, timeout_s=timeout_s)).body


async def connected(port: int) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


async def happens(true: Callable[[], bool]) -> None:
    """Wait until it is true."""
    for _ in range(int(SOON_S / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


def tls_of(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the two sides' contexts: a server that is the shop, and a client that believes nobody else."""
    certificate = self_signed(folder, HOST)
    return server_with(certificate), ssl.create_default_context(cafile=str(certificate))


@pytest.mark.parametrize("secured", [False, True], ids=["clear", "tls"])
async def test_a_connection_serves_call_after_call(tmp_path: Path, secured: bool) -> None:
    """Calls one after the other share one connection, which ends with the pool; over TLS too, to that very name."""
    ended: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)
        finally:
            ended.append("one")

    server_tls, client_tls = tls_of(tmp_path) if secured else (None, None)
    async with serving(serve, server_tls) as port:
        async with a_pool(client_tls) as http:
            answers = [await get(http, port, scheme="https" if secured else "http") for _ in range(3)]
            before = list(ended)
        await happens(lambda: bool(ended))

    assert ([b"ok"] * 3, [], ["one"]) == (answers, before, ended)


@pytest.mark.parametrize("speaks", [False, True], ids=["ends", "speaks"])
async def test_an_idle_connection_that_ended_or_spoke_is_not_used_again(speaks: bool) -> None:
    """What the other side says unasked, or its end, is never taken for the answer to the next call."""
    said = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        if said.is_set():
            await reader.read()
            return
        await writer.drain()
        await asyncio.sleep(0.01)  # so that it does not come in one piece with the answer
        if speaks:
            writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 7\r\n\r\ntoolate")
        else:
            writer.write_eof()
        said.set()
        await reader.read()

    async with serving(serve) as port, a_pool() as http:
        first = await get(http, port)
        await said.wait()
        await asyncio.sleep(0.01)  # it is on its way to us through the system
        second = await get(http, port)

    assert (b"ok", b"ok") == (first, second)


async def test_a_connection_that_breaks_is_told_as_such() -> None:
    """A reset in the middle of an answer is a failure of reading; the other side may have done what was asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-1])
        await writer.drain()
        writer.transport.get_extra_info("socket").setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")  # SO_LINGER of 0: a reset
        writer.transport.abort()

    async with serving(serve) as port, a_pool() as http:
        with pytest.raises(NotExchanged) as failed:
            await get(http, port)

    assert ("ReadError", True) == (str(failed.value), failed.value.maybe_carried_out)


async def test_a_question_that_breaks_off_does_not_hang() -> None:
    """Whoever waits to send learns that the other side is gone; the next who sends is told at once."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with serving(serve) as port:
        connection = await connected(port)
        async with asyncio.timeout(SOON_S):
            await connection.write(b"x" * LARGE)
        with pytest.raises(httpcore.WriteError):
            await connection.write(b"x")


async def test_who_closes_without_an_answer_is_told_as_such() -> None:
    """The end of a connection before any answer is no empty answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with serving(serve) as port, a_pool() as http:
        with pytest.raises(NotExchanged, match=r"^RemoteProtocolError$"):
            await get(http, port)


async def test_a_large_answer_waits_outside_and_comes_whole() -> None:
    """The other side is made to wait while nobody reads, and nothing of what it says is lost."""
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < LARGE:
            writer.write(b"x" * PIECE)
            await writer.drain()
            sent += PIECE

    async with serving(serve) as port:
        connection = await connected(port)
        before = -1
        while before < sent:
            before = sent
            await asyncio.sleep(0.1)
        read = 0
        while data := await connection.read(PIECE):
            read += len(data)
        await connection.aclose()

    assert before < LARGE
    assert LARGE == read


async def test_a_large_question_waits_for_the_other_side() -> None:
    """Writing ends when the other side has taken what was sent, not before."""
    may_read = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_read.wait()
        writer.write(str(len(await reader.readexactly(LARGE))).encode())
        await writer.drain()

    async with serving(serve) as port:
        connection = await connected(port)
        writing = asyncio.create_task(connection.write(b"x" * LARGE))
        done, _ = await asyncio.wait({writing}, timeout=0.05)
        may_read.set()
        await writing
        told = await connection.read(100)
        await connection.aclose()

    assert (set(), str(LARGE).encode()) == (done, told)


async def test_what_was_said_in_clear_is_not_taken_for_secured(tmp_path: Path) -> None:
    """Who speaks before the handshake is not believed after it: nobody knows who that was."""
    server_tls, client_tls = tls_of(tmp_path)

    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        try:
            await writer.start_tls(server_tls)
            await reader.read()
        finally:
            closed.set()

    async with serving(serve) as port:
        connection = await connected(port)
        assert OK[:1] == await connection.read(1)  # the rest has come, too
        with pytest.raises(httpcore.ConnectError, match="spoke before the handshake"):
            await connection.start_tls(client_tls, HOST, 4)
        await happens(closed.is_set)


async def test_a_handshake_that_is_given_up_leaves_no_connection(tmp_path: Path) -> None:
    """Where the other side never answers the handshake, the connection is closed when the time is over."""
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            closed.set()

    _, client_tls = tls_of(tmp_path)
    async with serving(serve) as port, a_pool(client_tls) as http:
        request = httpx.Request("GET", f"https://{HOST}:{port}/")
        with pytest.raises(NotExchanged) as failed:
            await exchange(http, request, limit_bytes=1000, timeout_s=0.1)
        await happens(closed.is_set)

    assert ("ConnectTimeout", False) == (str(failed.value), failed.value.maybe_carried_out)


async def test_an_address_that_does_not_answer_takes_only_its_share() -> None:
    """Where a name has two addresses, the second is tried in time although the first is silent."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with serving(answering) as port:
        with silent("127.0.0.2", port):
            async with pooled_http(
                ssl.create_default_context(), most=1, most_idle=1, idle_s=60, resolve=resolve
            ) as http:
                assert b"ok" == await get(http, port, timeout_s=2)


@contextmanager
def silent(address: str, port: int) -> Iterator[None]:
    """Listen, and let nobody in: the queue is full."""
    with socket.socket() as listening, ExitStack() as queue:
        listening.bind((address, port))
        listening.listen(0)
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


async def test_only_the_first_addresses_are_tried() -> None:
    """A name with very many addresses can't make us connect to all of them."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.1"]

    async with serving(answering) as port, a_pool(resolve=resolve) as http:
        with pytest.raises(NotExchanged, match=r"^ConnectError$"):
            await get(http, port)


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
