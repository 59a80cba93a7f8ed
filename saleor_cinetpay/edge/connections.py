"""Sockets: how many there are, and how long and how large a request may be before and while it is read.

The server (uvicorn) waits for ever for the head of a request, of any size, and for a client that does not read its
answer. This protocol does not. It is named to the server by its import path (`cli.py`).
"""

import asyncio
from collections import Counter
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PROTOCOL = f"{__name__}:GuardedProtocol"

HEAD_S = 10.0
"""The longest that a request's line and headers may take to arrive."""
REQUEST_S = 30.0
"""The longest that a whole request may take to arrive; the doors are stricter."""
UNREAD_S = 30.0
"""The longest that a client may leave an answer unread."""
HEAD_BYTES = 64 * 1024
"""A Dashboard's token may take half of it."""
MOST_CONNECTIONS = 2000
MOST_OF_ONE_PEER = 300
"""From one address of the internet; proxies stand at private addresses, and have no such limit."""


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with limits."""

    most_connections: ClassVar[int] = MOST_CONNECTIONS
    most_of_one_peer: ClassVar[int] = MOST_OF_ONE_PEER
    head_s: ClassVar[float] = HEAD_S
    request_s: ClassVar[float] = REQUEST_S
    unread_s: ClassVar[float] = UNREAD_S
    _peers: ClassVar[Counter[str]] = Counter()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._awaited: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._peer: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if there is room for one more."""
        super().connection_made(transport)
        self._expect(self.head_s)
        if self.client is not None and _of_the_internet(self.client[0]):
            self._peer = self.client[0]
            self._peers[self._peer] += 1
            if self._peers[self._peer] > self.most_of_one_peer:
                self._refuse("503 Service Unavailable")
                return
        if len(self.connections) > self.most_connections and not self._make_room():
            self._refuse("503 Service Unavailable")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of what the connection held."""
        self._expect(None)
        self.resume_writing()
        if self._peer is not None:
            self._peers[self._peer] -= 1
            if not self._peers[self._peer]:
                del self._peers[self._peer]
            self._peer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as far as a request's head may go."""
        if self.transport.is_closing():
            return
        before = self.cycle
        try:
            super().data_received(data)
        except (httptools.HttpParserError, UnicodeError):  # a path or an address that the parser lets through
            self._refuse("400 Bad Request")
            return
        if self.cycle is not before or not self._idle:
            self._head_bytes = 0
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._refuse("431 Request Header Fields Too Large")
        elif self._awaited is None:
            self._expect(self.head_s)

    def on_message_begin(self) -> None:
        """Begin to wait for a request's head."""
        super().on_message_begin()
        if self._idle:
            self._expect(self.head_s)

    def on_headers_complete(self) -> None:
        """Begin to wait for a request's body."""
        self._expect(self.request_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait no more: the request has arrived."""
        self._expect(None)
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Give the client a while to read its answer."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the client reads on."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _expect(self, within_s: float | None) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
        self._awaited = None if within_s is None else self.loop.call_later(within_s, self._too_slow)

    def _too_slow(self) -> None:
        self._awaited = None
        if self._idle:
            self._refuse("408 Request Timeout")
        else:
            self.transport.close()

    def _make_room(self) -> bool:
        """Close the connection that has been without a request for longest, if there is one."""
        for connection in list(self.connections):
            if isinstance(connection, GuardedProtocol) and connection is not self and connection._idle:
                connection.transport.close()
                return True
        return False

    def _refuse(self, status: str) -> None:
        if not self.transport.is_closing():
            if self._idle:
                self.transport.write(f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
            self.transport.close()


@lru_cache(maxsize=10_000)
def _of_the_internet(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False
