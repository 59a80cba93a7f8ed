"""The outermost border: every answer gets one set of headers and every call one trace, and what breaks ends here.

Pages that need more than the strictest policy say so themselves: a header that an answer brings is left as it is.
"""

import time
from collections.abc import Iterable

import structlog
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from saleor_cinetpay import metrics
from saleor_cinetpay.chance import Chance
from saleor_cinetpay.edge.lanes import Lane, lane_of
from saleor_cinetpay.tracing import Trace, following, span

NO_POWERS = "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()"
STRICTEST = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
ONE_YEAR_S = 365 * 86400

log = structlog.get_logger(__name__)


class Border:
    """Wraps the whole app."""

    def __init__(self, app: ASGIApp, *, chance: Chance) -> None:
        self._app = app
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, come what may."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        lane = lane_of(scope["path"])
        trace = Trace.taken_up(_header(scope["headers"], b"traceparent")) or Trace.begun(self._chance.token())
        began_at, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), lane, https=scope["scheme"] == "https")
            await send(message)

        with following(trace), span("request", lane=lane, method=scope["method"][:10]):
            try:
                await self._app(scope, receive, answer)
            except Exception as error:  # the outer border of everything that is asked of us
                log.error("request_broke", lane=lane, method=scope["method"], exc_info=error)
                if not status:
                    response = JSONResponse({"message": "something went wrong on our side"}, status_code=500)
                    await response(scope, receive, answer)
        metrics.requests(lane, status).observe(time.perf_counter() - began_at)


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    for name, value in headers:
        if name == wanted:
            return value.decode("latin-1")
    return None


def _add_headers(headers: MutableHeaders, lane: Lane, *, https: bool) -> None:
    headers.setdefault("x-content-type-options", "nosniff")
    headers.setdefault("referrer-policy", "no-referrer")
    headers.setdefault("permissions-policy", NO_POWERS)
    headers.setdefault("cache-control", "public, max-age=3600" if lane is Lane.STATIC else "no-store")
    headers.setdefault("content-security-policy", STRICTEST)
    if "frame-ancestors 'none'" in headers["content-security-policy"]:
        headers.setdefault("x-frame-options", "DENY")
    if https:
        headers.setdefault("strict-transport-security", f"max-age={ONE_YEAR_S}")
