"""The control API for automated testers, under `/_sandbox/`: JSON in, JSON out (docs/sandbox.md)."""

import json
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay.sandbox.cinetpay.codes import Refusal
from saleor_cinetpay.sandbox.cinetpay.desk import Attempt, Desk
from saleor_cinetpay.sandbox.cinetpay.faults import Fault, Faults, fault_until, is_mode
from saleor_cinetpay.sandbox.cinetpay.fields import DIGITS
from saleor_cinetpay.sandbox.cinetpay.payments import OPERATORS, Payment
from saleor_cinetpay.sandbox.defaults import NotifyMode

MAX_BODY_BYTES = 64 * 1024
T = TypeVar("T")


class Wrong(Exception):
    """A request to the control API that can't be carried out, with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """What a script needs in place of a buyer and a browser."""

    def __init__(self, desk: Desk, faults: Faults) -> None:
        self._desk = desk
        self._faults = faults

    def routes(self) -> list[Route]:
        """Return the routes of the control API."""
        payment = "/payments/{trans_id:path}"
        return [
            Route("/payments", self.list_payments, methods=["GET"]),
            Route(f"{payment}/open", self.open, methods=["POST"]),
            Route(f"{payment}/settle", self.settle, methods=["POST"]),
            Route(f"{payment}/show", self.show, methods=["POST"]),
            Route(payment, self.get_payment, methods=["GET"]),
            Route("/faults", self.list_faults, methods=["GET"]),
            Route("/faults", self.set_fault, methods=["POST"]),
            Route("/messages", self.messages, methods=["GET"]),
            Route("/reset", self.reset, methods=["POST"]),
        ]

    async def list_payments(self, request: Request) -> Response:
        """List all payments, newest first."""
        return JSONResponse({"payments": [self._shape(payment) for payment in self._desk.store.payments()]})

    async def get_payment(self, request: Request) -> Response:
        """Show one payment."""
        return JSONResponse(self._shape(self._payment(request)))

    async def open(self, request: Request) -> Response:
        """Open a signed payment as the buyer's form would; the body holds its addresses."""
        payment, body = self._payment(request), await _body(request)
        addresses = {name: _text(body, name) for name in ("notify_url", "return_url", "cancel_url")}
        return self._done(lambda: self._desk.open_signed(payment, addresses))

    async def settle(self, request: Request) -> Response:
        """Make the buyer's attempt end with a code."""
        payment, body = self._payment(request), await _body(request)
        if payment.opened_at is None:
            raise Wrong(409, "the buyer has not opened this payment: post its form, or POST .../open, first")
        attempt = Attempt(
            code=_code(_text(body, "code", "00")),
            status=_text(body, "status"),
            message=_text(body, "message"),
            operator=_one_of(_text(body, "operator"), ("", *OPERATORS), "operator"),
            prefix=_text(body, "prefix"),
            phone=_text(body, "phone"),
            notify=NotifyMode(_one_of(_text(body, "notify", self._desk.config.notify), list(NotifyMode), "notify")),
            late_s=_number(body, "late_s", self._desk.config.late_s),
            delay_s=_number(body, "delay_s", 0.0),
        )
        return self._done(lambda: self._desk.attempt(payment, attempt))

    async def show(self, request: Request) -> Response:
        """Have checkPayStatus show other values than the truth; null leaves a field out, `{}` shows the truth again."""
        payment, body = self._payment(request), await _body(request)
        if unknown := set(body) - set(payment.transaction()):
            raise Wrong(400, f"checkPayStatus has no field {', '.join(sorted(unknown))}")
        shown = {name: None if value is None else str(value) for name, value in body.items()}
        return self._done(lambda: self._desk.disguise(payment, shown))

    async def list_faults(self, request: Request) -> Response:
        """List the faults that are switched on."""
        return JSONResponse({"faults": [_fault_shape(fault) for fault in self._faults.active]})

    async def set_fault(self, request: Request) -> Response:
        """Switch a fault on, or with mode null off."""
        body = await _body(request)
        method = _text(body, "method") or None
        if body.get("mode") is None:
            self._faults.clear(method)
        elif not is_mode(mode := _text(body, "mode")):
            raise Wrong(400, f"there is no mode {mode!r}")
        else:
            times, seconds = _number(body, "times", None), _number(body, "seconds", None)
            fault = Fault(
                mode=mode,
                method=method,
                until=fault_until(self._desk.config.clock, seconds),
                times=None if times is None else int(times),
                body=_text(body, "body"),
            )
            fault.delay_s = _number(body, "delay_s", fault.delay_s)
            self._faults.set(fault)
        return await self.list_faults(request)

    async def messages(self, request: Request) -> Response:
        """List the messages to and fro whose id is above `after`."""
        after = request.query_params.get("after", "0")
        if not DIGITS.fullmatch(after):
            raise Wrong(400, "after must be the id of a message")
        return JSONResponse({"messages": self._desk.store.messages(int(after[:18]))})

    async def reset(self, request: Request) -> Response:
        """Forget every payment, message, fault and thing to do."""
        await self._desk.reset()
        self._faults.clear()
        return JSONResponse({"payments": []})

    def _payment(self, request: Request) -> Payment:
        trans_id, site_id = request.path_params["trans_id"], request.query_params.get("site_id")
        store = self._desk.store
        payment = store.payment(site_id, trans_id) if site_id else store.payment_by_trans_id(trans_id)
        if payment is None:
            raise Wrong(404, "no payment of that id was ever signed")
        return payment

    def _done(self, do: Callable[[], Payment]) -> Response:
        try:
            return JSONResponse(self._shape(do()))
        except Refusal as refusal:
            raise Wrong(409, str(refusal)) from refusal

    def _shape(self, payment: Payment) -> dict[str, Any]:
        return {
            "site_id": payment.site_id,
            "trans_id": payment.trans_id,
            "opened": payment.opened_at is not None,
            "page_url": f"{self._desk.config.public_url.rstrip('/')}/pay/{payment.token}",
            "notify_url": payment.addresses.notify_url,
            "return_url": payment.addresses.return_url,
            "cancel_url": payment.addresses.cancel_url,
            "transaction": payment.transaction(),
            "shown": payment.shown,
        }


async def answer_wrong(request: Request, error: Exception) -> Response:
    """Turn a `Wrong` into its answer."""
    return JSONResponse({"error": str(error)}, error.status if isinstance(error, Wrong) else 500)


def _fault_shape(fault: Fault) -> dict[str, Any]:
    return {
        "mode": fault.mode,
        "method": fault.method,
        "times": fault.times,
        "until": fault.until.isoformat() if fault.until else None,
    }


async def _body(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413)
    try:
        parsed = json.loads(body or b"{}", parse_float=Decimal)
    except ValueError:
        raise Wrong(400, "the body is no JSON") from None
    if not isinstance(parsed, dict):
        raise Wrong(400, "the body is no JSON object")
    return parsed


def _text(body: Mapping[str, Any], name: str, default: str = "") -> str:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Wrong(400, f"{name} must be a text")
    return value


def _number(body: Mapping[str, Any], name: str, default: T) -> float | T:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= 86_400:
        raise Wrong(400, f"{name} must be a number from 0 to 86400")
    return float(value)


def _one_of(value: str, allowed: Collection[str], name: str) -> str:
    if value not in allowed:
        raise Wrong(400, f"{name} must be one of {', '.join(filter(None, allowed))}")
    return value


def _code(code: str) -> str:
    if not (DIGITS.fullmatch(code) and 2 <= len(code) <= 3):
        raise Wrong(400, 'code must be two or three digits in quotes, such as "00" or "604"')
    return code
