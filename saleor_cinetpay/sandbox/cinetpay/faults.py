"""Ways in which CinetPay's API can fail, switched on for some calls or for some time."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from saleor_cinetpay.sandbox.cinetpay.codes import message_of
from saleor_cinetpay.sandbox.cinetpay.config import Clock

BEFORE = ("down", "error_500", "html", "empty_list", "redirect")
"""Modes that answer in CinetPay's place: nothing is carried out."""
AFTER = ("slow", "truncated", "drop")
"""Modes that carry out what was asked, and then spoil the answer."""
CODE = re.compile(r"code:(\d{2,3})", re.ASCII)
HTML = "<!doctype html><title>{0}</title><h1>{0}</h1>"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One way to fail, until its time or its number of calls is used up."""

    mode: str
    method: str | None = None
    """The API method that fails; None: all of them."""
    until: datetime | None = None
    times: int | None = None
    delay_s: float = 10.0
    """How long `slow` takes."""
    body: str = ""
    """What mode `body` answers, with status 200."""


@dataclass(slots=True)
class Faults:
    """The faults that are switched on; of several that fit a call the newest acts."""

    clock: Clock
    active: list[Fault] = field(default_factory=list)

    def set(self, fault: Fault) -> None:
        """Switch a fault on, in place of an earlier one for the same method."""
        self.clear(fault.method)
        self.active.append(fault)

    def clear(self, method: str | None = None) -> None:
        """Switch the faults of a method off, or all of them."""
        self.active = [fault for fault in self.active if method is not None and fault.method != method]

    def take(self, method: str) -> Fault | None:
        """Return the fault that this call meets, and count the call."""
        now = self.clock.now()
        self.active = [f for f in self.active if f.times != 0 and (f.until is None or now < f.until)]
        for fault in reversed(self.active):
            if fault.method in (None, method):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


def fault_until(clock: Clock, seconds: float | None) -> datetime | None:
    """Return when a fault of that many seconds ends."""
    return None if seconds is None else clock.now() + timedelta(seconds=seconds)


def is_mode(mode: str) -> bool:
    """Say whether a fault can have this mode."""
    return mode in BEFORE or mode in AFTER or mode == "body" or CODE.fullmatch(mode) is not None


def answer_instead(fault: Fault) -> Response | dict[str, object] | None:
    """Return what CinetPay says without doing anything; None where it does what was asked."""
    if code := CODE.fullmatch(fault.mode):
        return {"status": {"code": code[1], "message": message_of(code[1])}}
    match fault.mode:
        case "down":
            return Response(HTML.format("503 Service Unavailable"), 503, media_type="text/html")
        case "error_500":
            return Response(HTML.format("500 Internal Server Error"), 500, media_type="text/html")
        case "html":
            return Response(HTML.format("CinetPay - maintenance"), media_type="text/html")
        case "empty_list":
            return Response("[]", media_type="text/html")
        case "redirect":
            return Response(status_code=302, headers={"location": "/v1/elsewhere"})
        case "body":
            return Response(fault.body, media_type="text/html")
        case _:
            return None


class LostAnswer(Response):
    """Cuts the connection in place of the answer, which is never seen."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce a body, and send none."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
