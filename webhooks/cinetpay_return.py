"""The buyer comes back from the payment page: after paying, after a refusal, or by its cancel link.

What arrives: the buyer's browser, by GET or by a cross-site POST of about 23 fields without our cookies. What it does
not tell: the truth; every field can be forged, so none is read, save for the trans id where the address has none. The
trans id makes the payment due, one look is waited for, and the buyer is led on. A repeat costs nothing beyond that
shared look.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import LedgerUnavailable, Unreadable
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.outcome import Status, outcome_of
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.trans_id import TransId, transaction_id_of
from webhooks.cinetpay_fields import read_fields

WAIT_S = 3.0

log = structlog.get_logger(__name__)


class Way(StrEnum):
    """By which of the two addresses the buyer came back."""

    RETURN = "return"
    CANCEL = "cancel"


class StorefrontOrigins(Protocol):
    """Knows the origins that a shop's buyers may be redirected to."""

    async def storefront_origins(self, saleor_api_url: str) -> frozenset[str]:
        """Return origins such as `https://shop.example`."""
        ...


class BuyerPages(Protocol):
    """The pages of our own that buyers see."""

    def result(self, request: Request, payment: Payment, *, onward: str | None) -> Response:
        """Return the page that tells how a payment stands, with a link that shows where it leads."""
        ...

    def not_found(self, request: Request) -> Response:
        """Return the page for a payment that we don't know."""
        ...

    def try_later(self, request: Request) -> Response:
        """Return the page for when we can't look anything up."""
        ...


class ReturnDoor:
    """Takes buyers back and leads them on."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        settlement: Settlement,
        origins: StorefrontOrigins,
        pages: BuyerPages,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._settlement = settlement
        self._origins = origins
        self._pages = pages
        self._clock = clock
        self._wake = wake

    def routes(self) -> list[Route]:
        """Return the routes of both ways, each for a payment, and to be entered in CinetPay's back office for all."""
        methods = ["GET", "POST"]
        return [
            *(Route(f"/cinetpay/{way}/{{trans_id}}", self._endpoint(way), methods=methods) for way in Way),
            *(Route(f"/cinetpay/{way}", self._finder(way), methods=methods) for way in Way),
        ]

    def _finder(self, way: Way) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            """Lead on to the payment's own address. Only its trans id is read, and believed no more than there."""
            fields = await read_fields(request) if request.method == "POST" else request.query_params
            trans_id = fields.get("cpm_trans_id", "").strip()
            if transaction_id_of(trans_id) is None:
                return self._pages.not_found(request)
            return RedirectResponse(f"/cinetpay/{way}/{trans_id}", status_code=303)

        return endpoint

    def _endpoint(self, way: Way) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await self._take(way, request)
            except (LedgerUnavailable, Unreadable) as error:
                log.error("return_not_taken", error=str(error))
                return self._pages.try_later(request)

        return endpoint

    async def _take(self, way: Way, request: Request) -> Response:
        trans_id = TransId(request.path_params["trans_id"])
        payment = await self._ledger.find(trans_id) if transaction_id_of(trans_id) else None
        if payment is None or not payment.signed:
            return self._pages.not_found(request)
        if payment.state is not PaymentState.ACCEPTED:
            await self._ledger.nudge(trans_id, buyer_back=True)
            self._wake()
            payment = await self._settlement.settle(trans_id, trigger=way, wait_s=WAIT_S, due_only=True) or payment
        wanted = payment.return_url if way is Way.RETURN else payment.cancel_url or payment.return_url
        onward = self._onward(wanted, payment, way) if wanted else None
        if wanted and onward and _origin(wanted) in await self._origins.storefront_origins(payment.saleor_api_url):
            return RedirectResponse(onward, status_code=303)
        if request.method == "POST":
            return RedirectResponse(f"/cinetpay/{way}/{trans_id}", status_code=303)
        return self._pages.result(request, payment, onward=onward)

    def _onward(self, wanted: str, payment: Payment, way: Way) -> str:
        """Add the transaction and its status to the storefront's address; an earlier attempt's give way."""
        status: str = outcome_of(payment, self._clock.now()).status
        if way is Way.CANCEL and status in {Status.PENDING, Status.REFUSED}:
            status = "cancelled"
        parts = urlsplit(wanted)
        told = {"transaction": payment.transaction_id, "status": status}
        query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in told]
        return urlunsplit(parts._replace(query=urlencode([*query, *told.items()])))


def _origin(address: str) -> str:
    """Return scheme, host and port as a browser compares them."""
    parts = urlsplit(address)
    default = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{(parts.hostname or '').lower()}{port}"
