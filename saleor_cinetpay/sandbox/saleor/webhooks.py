"""Webhooks as Saleor sends them: the app's own query makes the body, a detached signature goes with the raw bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx2 as httpx
from graphql import GraphQLSchema, parse

from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.execution import execute_document
from saleor_cinetpay.sandbox.saleor.messages import MessageLog
from saleor_cinetpay.sandbox.saleor.records import App, Checkout, Order, Transaction, Webhook
from saleor_cinetpay.sandbox.saleor.signing import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What a webhook tells of; each kind has a GraphQL type of the same name."""

    issued_at: datetime
    version: str
    recipient: App
    issuing_principal: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What is asked of the app: how much, and what for."""

    action_type: str
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentGatewayInitializeSession(Happening):
    """A storefront asks what the app needs to begin."""

    source_object: Checkout | Order
    data: object
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionProcessSession(Happening):
    """A storefront asks how the payment stands."""

    transaction: Transaction
    source_object: Checkout | Order
    data: object
    action: Action
    customer_ip_address: str | None = None

    @property
    def merchant_reference(self) -> str:
        """The transaction's id."""
        return self.transaction.id


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionInitializeSession(TransactionProcessSession):
    """A storefront begins a payment."""

    idempotency_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionActionRequested(Happening):
    """Staff ask for money to be moved."""

    transaction: Transaction
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionChargeRequested(TransactionActionRequested):
    """Staff ask to charge what was authorized."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionRefundRequested(TransactionActionRequested):
    """Staff ask to give money back."""

    granted_refund: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionCancelationRequested(TransactionActionRequested):
    """Staff ask to let go of what was not charged yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDeleted(Happening):
    """Staff deleted the app."""

    @property
    def app(self) -> App:
        """The app that is gone."""
        return self.recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: no status where nothing did, `None` as JSON where it was none."""

    status: int | None
    json: Any

    @property
    def delivered(self) -> bool:
        """Whether Saleor takes the webhook as delivered."""
        return self.status is not None and 200 <= self.status < 300


def body_of(schema: GraphQLSchema, webhook: Webhook, happening: Happening) -> bytes:
    """Run the app's query on what happened: the selected fields, at top level; numbers are floats."""
    result = execute_document(schema, parse(webhook.query), {"event": happening})
    body: dict[str, Any] = (result.data or {}).get("event") or {}
    if result.errors:
        body["errors"] = [{"message": error.message} for error in result.errors]
    return json.dumps(body).encode()


class Sender:
    """Sends one Saleor's webhooks, signed with its current key, and writes down what was said."""

    def __init__(
        self, config: SaleorConfig, http: httpx.AsyncClient, schema: GraphQLSchema, keys: KeyRing, log: MessageLog
    ) -> None:
        self._config = config
        self._http = http
        self._schema = schema
        self._keys = keys
        self._log = log
        self._timeout = httpx.Timeout(config.read_timeout_s, connect=config.connect_timeout_s)

    def stamp(self, app: App) -> dict[str, Any]:
        """Return what every webhook to an app says: when, by which Saleor, to whom."""
        return {"issued_at": self._config.now(), "version": self._config.version, "recipient": app}

    def body(self, webhook: Webhook, happening: Happening) -> bytes:
        """Make the body that this webhook's query asks for."""
        return body_of(self._schema, webhook, happening)

    def headers(self, event: str, signature: str | None) -> dict[str, str]:
        """Return the headers of a webhook; the older names have an `X-` in front."""
        named = {"Saleor-Event": event.lower(), "Saleor-Domain": self._config.domain}
        if signature is not None:
            named["Saleor-Signature"] = signature
        return {
            "Content-Type": "application/json",
            **named,
            **{f"X-{name}": value for name, value in named.items()},
            "Saleor-Api-Url": self._config.api_url,
            "traceparent": f"00-{uuid4().hex}-{uuid4().hex[:16]}-01",
        }

    async def send(self, webhook: Webhook, event: str, happening: Happening) -> Reply:
        """Send one webhook."""
        return await self.send_bytes(webhook.target_url, event, self.body(webhook, happening))

    async def send_bytes(self, target_url: str, event: str, body: bytes) -> Reply:
        """Sign these bytes and send them."""
        signature = self._keys.current.sign_detached(body)
        return await self.post(target_url, event, body, self.headers(event, signature))

    async def post(self, target_url: str, event: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post these very bytes with these very headers."""
        self._log.add("saleor", "app", event, _json_or_text(body))
        try:
            response = await self._http.post(target_url, content=body, headers=dict(headers), timeout=self._timeout)
        except httpx.TransportError as error:
            self._log.add("app", "saleor", event, {"error": type(error).__name__}, ok=False)
            return Reply(status=None, json=None)
        answer = _json_or_text(response.content)
        reply = Reply(status=response.status_code, json=None if isinstance(answer, _Text) else answer)
        self._log.add("app", "saleor", event, {"status": reply.status, "answer": answer}, ok=reply.delivered)
        return reply


class _Text(str):
    """What was no JSON."""


def _json_or_text(body: bytes) -> Any:
    """Read JSON as Saleor does, floats and all: answers are handed on to storefronts as they came."""
    try:
        return json.loads(body)
    except ValueError:
        return _Text(body.decode(errors="replace"))
