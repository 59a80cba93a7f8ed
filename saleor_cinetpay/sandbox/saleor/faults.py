"""Saleor having a bad day, on demand: down, cutting connections, or losing an answer after the work was done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import httpx2 as httpx
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_PATHS = ("/graphql/", "/.well-known/jwks.json")


class FaultKind(StrEnum):
    """What goes wrong."""

    UNAVAILABLE = "unavailable"
    """503 instead of an answer; nothing is done."""
    DROP = "drop"
    """The connection is cut before anything is done."""
    LOST_ANSWER = "lost_answer"
    """The work is done and booked, then the connection is cut."""


class ConnectionCut(httpx.RemoteProtocolError):
    """The caller's connection is cut. In the same process, httpx's ASGI transport raises it where a socket would."""


@dataclass(slots=True)
class _Fault:
    kind: FaultKind
    calls_left: int | None
    until: datetime | None


class Faults:
    """The fault in force, if any. It ends after a number of calls, or after some seconds, or when it is lifted."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._fault: _Fault | None = None

    def set(self, kind: FaultKind, *, calls: int | None = None, seconds: float | None = None) -> None:
        """Let the API go wrong from now on."""
        until = self._now() + timedelta(seconds=seconds) if seconds is not None else None
        self._fault = _Fault(kind, calls, until)

    def lift(self) -> None:
        """Let everything go right again."""
        self._fault = None

    def strike(self) -> FaultKind | None:
        """Return what goes wrong with the call at hand, and count it."""
        fault = self._fault
        if fault is None or fault.calls_left == 0 or (fault.until is not None and self._now() >= fault.until):
            self._fault = None
            return None
        if fault.calls_left is not None:
            fault.calls_left -= 1
        return fault.kind


class FaultMiddleware:
    """Makes calls to Saleor's API go wrong as the faults say; pages and the control API are spared."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or fail to."""
        if scope["type"] != "http" or scope["path"] not in API_PATHS:
            await self.app(scope, receive, send)
            return
        match self.faults.strike():
            case FaultKind.UNAVAILABLE:
                await PlainTextResponse("Service Unavailable", 503)(scope, receive, send)
            case FaultKind.DROP:
                await _cut(send)
            case FaultKind.LOST_ANSWER:
                await self.app(scope, receive, _swallow)
                await _cut(send)
            case None:
                await self.app(scope, receive, send)


async def _swallow(_message: Message) -> None:
    """Take an answer and keep it."""


async def _cut(send: Send) -> None:
    """Promise a body and break off: a server can do no more than that to cut a connection."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    raise ConnectionCut("the sandbox cut the connection")
