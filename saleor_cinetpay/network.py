"""Every connection that leaves us: a name is resolved once, and its addresses are tried one after the other.

httpcore speaks HTTP over it, through httpx's transport. Its own streams go through anyio, which costs a third of what a
call costs; these are asyncio's transports as they are.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ssl import SSLContext
from typing import Any, cast

import httpcore2 as httpcore
import httpx2 as httpx

CONNECT_TIMEOUT_S = 4.0
MAX_ADDRESSES_TRIED = 4
READ_AHEAD_BYTES = 256 * 1024
"""What may wait to be read before the other side is made to wait."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Turns a host name and a port into the IP addresses behind it."""
Check = Callable[[str, Sequence[str]], None]
"""Looks at the addresses behind a host name before any is connected to, and raises where one is forbidden."""


def pooled_http(
    tls: SSLContext,
    *,
    most: int,
    most_idle: int,
    idle_s: float,
    resolve: Resolve | None = None,
    check: Check | None = None,
) -> httpx.AsyncBaseTransport:
    """Return a transport over one pool of at most so many connections, and without proxies.

    Its calls raise whatever `check` raises, before any connection.
    """
    pool = httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=most,
        max_keepalive_connections=most_idle,
        keepalive_expiry=idle_s,
        network_backend=_Network(resolve or resolve_by_system, check),
    )
    return _Transport(pool)


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the machine's resolver."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


class _Transport(httpx.AsyncHTTPTransport):
    """The ordinary transport over a pool that has our network, for which httpx offers no parameter.

    It leaves the parent's constructor out: should a later httpx keep its pool under another name, calls fail instead
    of going unchecked.
    """

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool


class _Network(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, resolve: Resolve, check: Check | None) -> None:
        self._resolve = resolve
        self._check = check

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the interface's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve once, check every address, connect to the first that answers."""
        timeout_s = CONNECT_TIMEOUT_S if timeout is None else min(timeout, CONNECT_TIMEOUT_S)
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self._addresses(host, port)
                return await _connected(addresses[:MAX_ADDRESSES_TRIED], port, timeout_s)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection to {host} within {timeout_s:g} s") from error
        except OSError as error:
            raise httpcore.ConnectError(f"no connection to {host}: {error}") from error

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} can't be resolved") from error
        if self._check is not None:
            self._check(host, addresses)
        if not addresses:
            raise httpcore.ConnectError(f"the name {host} has no address")
        return addresses


async def _connected(addresses: Sequence[str], port: int, timeout_s: float) -> "Connection":
    *others, last = addresses
    for address in others:
        try:
            async with asyncio.timeout(timeout_s / len(addresses)):
                return await _connect(address, port)
        except OSError:  # TimeoutError is one
            continue
    return await _connect(last, port)


async def _connect(address: str, port: int) -> "Connection":
    _, connection = await asyncio.get_running_loop().create_connection(Connection, address, port)
    return connection


class Connection(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection: what asyncio hands over is kept until httpcore reads it."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()
        self._over = False
        self._error: Exception | None = None
        self._news = asyncio.Event()
        """Something was received, or it is over."""
        self._writable = asyncio.Event()
        self._writable.set()

    # -- what asyncio says ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Keep what came in; too much of it stops the other side."""
        self._received += data
        self._news.set()
        if len(self._received) > READ_AHEAD_BYTES:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Note that the other side has ended; ours ends too."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it is over."""
        self._error = exc
        self._end()

    def pause_writing(self) -> None:
        """Hold writers up until the other side has taken what is on its way."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._writable.set()

    def _end(self) -> None:
        self._over = True
        self._news.set()
        self._writable.set()

    # -- what httpcore asks --------------------------------------------------------------------------------------

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """Return what has come in, waiting for it; nothing where the other side has ended."""
        if not self._received and not self._over:
            self._news.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._news.wait()
            except TimeoutError as error:
                raise httpcore.ReadTimeout from error
        if not self._received and self._error is not None:
            raise httpcore.ReadError(str(self._error)) from self._error
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if not self._over and len(self._received) <= READ_AHEAD_BYTES:
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send, waiting where the other side does not keep up."""
        if self._over:
            raise httpcore.WriteError("the other side has ended the connection")
        if not buffer:
            return
        self._transport.write(buffer)
        if not self._writable.is_set():
            try:
                async with asyncio.timeout(timeout):
                    await self._writable.wait()
            except TimeoutError as error:
                raise httpcore.WriteTimeout from error

    async def aclose(self) -> None:
        """End it, without waiting for the other side."""
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Secure it. What was said before that came from nobody knows whom, so it ends the connection."""
        try:
            async with asyncio.timeout(timeout):
                await self._shake_hands(ssl_context, server_hostname)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("no handshake in time") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return self

    async def _shake_hands(self, ssl_context: SSLContext, server_hostname: str | None) -> None:
        raw = self._transport
        try:
            loop = asyncio.get_running_loop()
            secured = await loop.start_tls(raw, self, ssl_context, server_hostname=server_hostname)
            if self._received:
                raise ConnectionError("the other side spoke before the handshake")
            self._transport = cast(asyncio.Transport, secured)
        finally:
            if self._transport is raw:
                raw.abort()

    def get_extra_info(self, info: str) -> Any:
        """Tell what httpcore wants to know; readable while idle means that it can't be used again."""
        if info == "is_readable":
            return bool(self._received) or self._over
        return self._transport.get_extra_info(info)
