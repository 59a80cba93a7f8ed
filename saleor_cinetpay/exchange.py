"""One HTTP exchange with somebody else: tried once, limited in time and in size, every failure on the way told alike.

It speaks over a transport and not through one of httpx's clients: no redirect is followed, which would carry an API key
elsewhere, no cookie of one shop goes with the call of another, and nothing is taken from the environment.
"""

import asyncio
from dataclasses import dataclass
from typing import cast

import httpx2 as httpx

CONNECT_SHARE = 0.75
"""A connection may take this much of the time, so that not being heard is told apart from not being answered."""
PLAIN = {"accept-encoding": "identity"}
"""The header to send: nothing is unpacked, so that a small answer can't grow."""
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""Errors with which nothing has reached the other side; with any other it may have done what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: httpx.Headers
    body: bytes


class NotExchanged(Exception):
    """No whole answer came; the text says why, in words for logs that hold nothing of what was sent."""

    def __init__(self, log: str, *, maybe_carried_out: bool) -> None:
        """`maybe_carried_out` says whether the other side may have done what was asked all the same."""
        super().__init__(log)
        self.maybe_carried_out = maybe_carried_out


async def exchange(
    http: httpx.AsyncBaseTransport, request: httpx.Request, *, limit_bytes: int, timeout_s: float
) -> Answer:
    """Send a request, and read its whole answer.

    Raises:
        NotExchanged: where none came within the limits.
        AddressForbidden: from the network guard, before any connection.
    """
    connect_s = timeout_s * CONNECT_SHARE
    request.extensions["timeout"] = {"connect": connect_s, "pool": connect_s}
    try:
        async with asyncio.timeout(timeout_s):
            response = await http.handle_async_request(request)
            try:
                body = await _body(response, limit_bytes)
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise NotExchanged(f"no answer within {timeout_s:g} s", maybe_carried_out=True) from error
    except httpx.RequestError as error:
        raise NotExchanged(type(error).__name__, maybe_carried_out=not isinstance(error, NOT_SENT)) from error
    return Answer(status=response.status_code, headers=response.headers, body=body)


async def _body(response: httpx.Response, limit_bytes: int) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise NotExchanged("it answers packed what was asked for plain", maybe_carried_out=True)
    body = bytearray()
    async for chunk in cast(httpx.AsyncByteStream, response.stream):
        body += chunk
        if len(body) > limit_bytes:
            raise NotExchanged(f"more than {limit_bytes} bytes", maybe_carried_out=True)
    return bytes(body)
