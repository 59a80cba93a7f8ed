"""The gate: whoever comes too often, with too much, or in an odd way is told so before any door is asked.

A refusal costs no more than its answer. Its shape is the lane's: JSON for programs, a page for people.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saleor_cinetpay import metrics
from saleor_cinetpay.edge.lanes import LIMITS, Lane, Limits, lane_of
from saleor_cinetpay.edge.proxies import is_host
from saleor_cinetpay.edge.rates import Rates, caller_of

BODY_S = 5.0
"""The longest that a body which the gate reads may take to arrive."""
BUSY_S = 2
"""When to come again where too many calls are under way."""
MOST_HEADERS = 100
HEADERS_BYTES = 64 * 1024
PATH_BYTES = 2048
QUERY_BYTES = 8192
ONLY_ONCE = frozenset(
    {
        b"authorization",
        b"content-length",
        b"host",
        b"saleor-api-url",
        b"saleor-signature",
        b"transfer-encoding",
        b"x-saleor-api-url",
        b"x-saleor-signature",
    }
)
"""Headers that would mean two things if there were two of them."""


class Refusal(StrEnum):
    """Why the gate turns a call away."""

    TOO_MANY = "TOO_MANY_REQUESTS"
    TOO_BUSY = "TOO_BUSY"
    TOO_LARGE = "BODY_TOO_LARGE"
    TOO_SLOW = "BODY_TOO_SLOW"
    TOO_LONG = "ADDRESS_TOO_LONG"
    ODD_HEADERS = "HEADERS_UNREADABLE"
    LARGE_HEADERS = "HEADERS_TOO_LARGE"


STATUS: Mapping[Refusal, int] = {
    Refusal.TOO_MANY: 429,
    Refusal.TOO_BUSY: 503,
    Refusal.TOO_LARGE: 413,
    Refusal.TOO_SLOW: 408,
    Refusal.TOO_LONG: 414,
    Refusal.ODD_HEADERS: 400,
    Refusal.LARGE_HEADERS: 431,
}
TEXTS: Mapping[Refusal, str] = {
    Refusal.TOO_MANY: "too many requests from this address: come again later",
    Refusal.TOO_BUSY: "too much is under way just now: come again later",
    Refusal.TOO_LARGE: "the body is too large",
    Refusal.TOO_SLOW: "the body did not arrive in time",
    Refusal.TOO_LONG: "the address is too long",
    Refusal.ODD_HEADERS: "the headers can't be read, or mean two things",
    Refusal.LARGE_HEADERS: "the headers are too large",
}

Page = Callable[[Request, int], Response]
"""Makes a page for people, with that status."""


class Gate:
    """Lets calls through to the app, each lane for itself."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        page: Page,
        limits: Mapping[Lane, Limits] = LIMITS,
        monotonic: Callable[[], float] = time.monotonic,
        body_s: float = BODY_S,
    ) -> None:
        self._app = app
        self._body_s = body_s
        self._page = page
        self._limits = limits
        self._rates = {
            lane: Rates(per_s=limit.per_s, burst=limit.burst, monotonic=monotonic)
            for lane, limit in limits.items()
            if limit.per_s is not None
        }
        self._under_way: Counter[Lane] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call through, or turn it away."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        lane = lane_of(scope["path"])
        limits = self._limits[lane]
        if (odd := _odd(scope)) is not None:
            await self._refuse(odd, lane, scope, receive, send)
        elif lane in self._rates and (wait_s := self._rates[lane].take(_caller(scope))):
            await self._refuse(Refusal.TOO_MANY, lane, scope, receive, send, wait_s=math.ceil(wait_s))
        elif limits.at_once is not None and self._under_way[lane] >= limits.at_once:
            await self._refuse(Refusal.TOO_BUSY, lane, scope, receive, send, wait_s=BUSY_S)
        else:
            self._under_way[lane] += 1
            try:
                await self._let_through(lane, limits, scope, receive, send)
            finally:
                self._under_way[lane] -= 1

    async def _let_through(self, lane: Lane, limits: Limits, scope: Scope, receive: Receive, send: Send) -> None:
        if limits.body_bytes is None or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._body_s):
                body = await _body(receive, limits.body_bytes)
        except TimeoutError:
            await self._refuse(Refusal.TOO_SLOW, lane, scope, receive, send)
            return
        if body is None and lane is not Lane.NOTIFICATION:
            await self._refuse(Refusal.TOO_LARGE, lane, scope, receive, send)
            return
        # A notification is answered 200, whatever it says; what is too large to be one says nothing.
        await self._app(scope, _Read(body or b"", receive), send)

    async def _refuse(
        self, why: Refusal, lane: Lane, scope: Scope, receive: Receive, send: Send, *, wait_s: int | None = None
    ) -> None:
        metrics.refused(lane, why).inc()
        response = self._answer(why, lane, Request(scope))
        if wait_s is not None:
            response.headers["retry-after"] = str(max(wait_s, 1))
        if why in {Refusal.TOO_LARGE, Refusal.TOO_SLOW}:
            response.headers["connection"] = "close"
        await response(scope, receive, send)

    def _answer(self, why: Refusal, lane: Lane, request: Request) -> Response:
        status, text = STATUS[why], TEXTS[why]
        match lane:
            case Lane.BUYER | Lane.DASHBOARD:
                return self._page(request, status)
            case Lane.REGISTRATION:
                return JSONResponse({"success": False, "error": {"code": why, "message": text}}, status_code=status)
            case Lane.NOTIFICATION:
                return PlainTextResponse(f"{text}\n", status_code=status)
            case _:
                return JSONResponse({"message": text}, status_code=status)


class _Read:
    """Gives the app a body that has been read already, and then what the server says."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _body(receive: Receive, limit_bytes: int) -> bytes | None:
    """Read a body; None where it is larger than that."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _odd(scope: Scope) -> Refusal | None:
    """Say what is wrong with the head of a request."""
    if len(scope["path"]) > PATH_BYTES or len(scope["query_string"]) > QUERY_BYTES:
        return Refusal.TOO_LONG
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS or sum(len(name) + len(value) for name, value in headers) > HEADERS_BYTES:
        return Refusal.LARGE_HEADERS
    seen: set[bytes] = set()
    for name, value in headers:
        if name in ONLY_ONCE:
            if name in seen or (name == b"host" and not is_host(value)):
                return Refusal.ODD_HEADERS
            seen.add(name)
    if b"content-length" in seen and b"transfer-encoding" in seen:
        return Refusal.ODD_HEADERS
    return None


def _caller(scope: Scope) -> str:
    client = scope.get("client")
    return caller_of(client[0] if client else None)
