"""What the tests of the small Saleor share: a clock to turn, and a tiny payment app that answers as it is told."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor

NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
APP_URL = "http://app.test"
MANIFEST_URL = f"{APP_URL}/manifest"
GATEWAY = "saleor.app.payment.cinetpay"

SESSION = """{ __typename issuedAt version recipient { id identifier } data
  action { amount currency actionType }
  transaction { id token pspReference chargedAmount { amount } events { type amount { amount } } }
  sourceObject { __typename ... on Checkout { id email languageCode channel { slug } totalPrice { gross { amount } } }
    ... on Order { id number } } }"""
QUERIES = {
    "PAYMENT_GATEWAY_INITIALIZE_SESSION": "subscription { event { ... on PaymentGatewayInitializeSession "
    "{ __typename recipient { id } amount data sourceObject { ... on Checkout { id } } } } }",
    "TRANSACTION_INITIALIZE_SESSION": "subscription { event { ... on TransactionInitializeSession "
    + SESSION.replace("data\n", "data idempotencyKey merchantReference customerIpAddress\n")
    + "} }",
    "TRANSACTION_PROCESS_SESSION": f"subscription {{ event {{ ... on TransactionProcessSession {SESSION} }} }}",
    "TRANSACTION_REFUND_REQUESTED": "subscription { event { ... on TransactionRefundRequested { __typename issuedAt "
    "recipient { id } action { actionType amount } transaction { id events { type idempotencyKey message } } } } }",
    "TRANSACTION_CANCELATION_REQUESTED": "subscription { event { ... on TransactionCancelationRequested "
    "{ __typename action { actionType amount } transaction { id } } } }",
}


class TurnedClock:
    """A clock that stands still until a test turns it; who sleeps on it turns it too."""

    def __init__(self) -> None:
        self.time = NOON
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def turn(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.turn(seconds)


@dataclass(slots=True)
class Call:
    """One webhook as it arrived."""

    event: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.raw)
        return read


Said = Callable[[Call], Response] | Response


@dataclass(slots=True)
class TinyApp:
    """A payment app that says what a test has put into `answers`; an event without an answer fails the test."""

    answers: dict[str, Said | dict[str, Any]] = field(default_factory=dict)
    url: str = APP_URL
    queries: dict[str, str] = field(default_factory=lambda: dict(QUERIES))
    registration: Response = field(default_factory=lambda: JSONResponse({"success": True}))
    manifest: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    registered_with: dict[str, str] = field(default_factory=dict)
    asked_for_version: str | None = None

    def asgi(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/manifest", self.show_manifest),
                Route("/register", self.register, methods=["POST"]),
                Route("/hook/{event}", self.hear, methods=["POST"]),
            ]
        )

    async def show_manifest(self, request: Request) -> Response:
        self.asked_for_version = request.headers.get("saleor-schema-version")
        manifest = {
            "id": GATEWAY,
            "name": "Tiny",
            "version": "1.0.0",
            "permissions": ["HANDLE_PAYMENTS"],
            "tokenTargetUrl": f"{self.url}/register",
            "webhooks": [
                {"name": event, "targetUrl": f"{self.url}/hook/{event}", "query": query, "syncEvents": [event]}
                for event, query in self.queries.items()
            ],
        }
        return JSONResponse(manifest | self.manifest)

    async def register(self, request: Request) -> Response:
        self.registered_with = dict(request.headers)
        self.tokens.append((await request.json())["auth_token"])
        return self.registration

    async def hear(self, request: Request) -> Response:
        event = request.path_params["event"]
        call = Call(event, dict(request.headers), await request.body())
        self.calls.append(call)
        said = self.answers[event]
        if isinstance(said, dict):
            return JSONResponse(said)
        return said if isinstance(said, Response) else said(call)


@asynccontextmanager
async def saleor_with(app: TinyApp, clock: TurnedClock, **config: Any) -> AsyncIterator[SmallSaleor]:
    """Run a small Saleor in which the app is installed."""
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app.asgi()))
    saleor = SmallSaleor(SaleorConfig(now=clock.now, sleep=clock.sleep, **config), http)
    await saleor.install_app(MANIFEST_URL)
    try:
        yield saleor
    finally:
        await saleor.close()
