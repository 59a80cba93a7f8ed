"""HTTP/1.1 as bare as it gets, so that what measures and what stands in for others is never the bottleneck."""

import asyncio
from collections.abc import Callable
from typing import Self, cast

END_OF_HEAD = b"\r\n\r\n"

Handler = Callable[[str, bytes], "bytes | asyncio.Future[bytes]"]
"""Takes the path with its query and the body; gives the JSON to answer, now or later."""


class Connection:
    """One kept-open connection, with one request on its way at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request, and return the answer's status and body."""
        self._writer.write(request)
        head = await self._reader.readuntil(END_OF_HEAD)
        return int(head[9:12]), await self._reader.readexactly(length_of(head))

    def close(self) -> None:
        """Close it."""
        self._writer.close()


class Server(asyncio.Protocol):
    """Answers every request of a connection with JSON."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._received = b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self._received += data
        while (head_ends := self._received.find(END_OF_HEAD)) >= 0:
            head = self._received[: head_ends + 4]
            ends = len(head) + length_of(head)
            if len(self._received) < ends:
                return
            body, self._received = self._received[len(head) : ends], self._received[ends:]
            answer = self._handle(head.split(b" ", 2)[1].decode(), body)
            if isinstance(answer, bytes):
                self._write(answer)
            else:
                answer.add_done_callback(lambda done: self._write(done.result()))

    def _write(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Write a request; `Saleor_Event` is the header `Saleor-Event`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + END_OF_HEAD + body


def length_of(head: bytes) -> int:
    """Return how long the body is that follows these headers."""
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if rest else 0
