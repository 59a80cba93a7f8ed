"""Payments through apps, as storefronts open and follow them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from saleor_cinetpay.sandbox.saleor.booking import Event, EventType, final_event
from saleor_cinetpay.sandbox.saleor.books import REQUESTS, Books, Refusal
from saleor_cinetpay.sandbox.saleor.records import App, Checkout, Order, Transaction
from saleor_cinetpay.sandbox.saleor.store import Store
from saleor_cinetpay.sandbox.saleor.webhooks import (
    Action,
    Happening,
    PaymentGatewayInitializeSession,
    Reply,
    Sender,
    TransactionInitializeSession,
    TransactionProcessSession,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What initialize and process give the storefront."""

    transaction: Transaction | None = None
    transaction_event: Event | None = None
    data: Any = None
    errors: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """What an app says about itself before a payment."""

    id: str
    data: Any = None
    errors: tuple[Refusal, ...] = ()


class Payments:
    """What storefronts do: they open payments through apps, and follow them."""

    def __init__(self, store: Store, books: Books, sender: Sender) -> None:
        self._store = store
        self._books = books
        self._sender = sender

    async def gateway_initialize(
        self, source: Checkout | Order, app: App, data: object, amount: Decimal
    ) -> GatewayConfig:
        """Ask an app what a storefront needs to begin."""
        reply = await self._call(
            app,
            "PAYMENT_GATEWAY_INITIALIZE_SESSION",
            PaymentGatewayInitializeSession(**self._sender.stamp(app), source_object=source, data=data, amount=amount),
        )
        answer = reply.json if reply and reply.delivered else None
        if answer is None:
            return GatewayConfig(id=app.identifier, errors=(_invalid("Unable to process a payment gateway response."),))
        if answer and (not isinstance(answer, dict) or "data" not in answer):
            return GatewayConfig(id=app.identifier, errors=(_invalid("Missing value for field: data."),))
        return GatewayConfig(id=app.identifier, data=answer["data"] if answer else None)

    async def initialize(
        self, source: Checkout | Order, app: App, data: object, amount: Decimal, strategy: str, key: str, ip: str | None
    ) -> Session:
        """Open a payment, or with a key that was used before, ask the app again about the same one."""
        opened = self._open(source, app, amount, strategy, key)
        if opened is None:
            message = "Different transaction with provided idempotency key already exists."
            return Session(errors=(Refusal(code="UNIQUE", message=message, field="idempotencyKey"),))
        transaction, request = opened
        happening = TransactionInitializeSession(
            **self._sender.stamp(app),
            transaction=transaction,
            source_object=source,
            data=data,
            action=Action(action_type=strategy, amount=amount, currency=source.currency),
            customer_ip_address=ip,
            idempotency_key=key,
        )
        return await self._session(app, "TRANSACTION_INITIALIZE_SESSION", happening, request)

    async def process(self, transaction: Transaction, data: object, ip: str | None) -> Session:
        """Ask the app how a payment stands, unless it has said its last word already."""
        if final := final_event(transaction.events):
            return Session(transaction=transaction, transaction_event=final)
        request = next((e for e in transaction.events if e.type in REQUESTS and not e.counts), None)
        if request is None:
            message = "Missing call of `transactionInitialize` mutation."
            return Session(errors=(Refusal(code="INVALID", message=message, field="id"),))
        app = self._store.apps.get(transaction.app_identifier)
        if app is None:
            message = "Payment app attached to the transaction, doesn't exist."
            return Session(errors=(Refusal(code="MISSING_PAYMENT_APP", message=message, field="id"),))
        happening = TransactionProcessSession(
            **self._sender.stamp(app),
            transaction=transaction,
            source_object=transaction.source,
            data=data,
            action=Action(
                action_type=request.type.removesuffix("_REQUEST"),
                amount=request.amount.amount,
                currency=transaction.currency,
            ),
            customer_ip_address=ip,
        )
        return await self._session(app, "TRANSACTION_PROCESS_SESSION", happening, request)

    def _open(
        self, source: Checkout | Order, app: App, amount: Decimal, strategy: str, key: str
    ) -> tuple[Transaction, Event] | None:
        known = (t for t in self._store.transactions.values() if t.app_identifier == app.identifier)
        transaction = next((t for t in known if t.idempotency_key == key), None)
        event_type = EventType(f"{strategy}_REQUEST")
        now = self._store.now()
        if transaction is None:
            transaction = Transaction(
                token=self._store.new_key(),
                app_identifier=app.identifier,
                idempotency_key=key,
                created_at=now,
                modified_at=now,
                source=source,
            )
            self._store.transactions[transaction.token] = transaction
            source.transactions.append(transaction)
            request = self._books.new_event(transaction, event_type, amount, counts=False, idempotency_key=key)
            return transaction, request
        if transaction.source is not source:
            return None
        earlier = next((e for e in transaction.events if e.idempotency_key == key), None)
        if earlier is None or (earlier.type, earlier.amount.amount) != (event_type, amount):
            return None
        return transaction, earlier

    async def _session(self, app: App, event: str, happening: TransactionProcessSession, request: Event) -> Session:
        reply = await self._call(app, event, happening)
        answer = reply.json if reply and reply.delivered else None
        booked = self._books.book_session(happening.transaction, request, answer)
        data = answer.get("data") if isinstance(answer, dict) else None
        return Session(transaction=happening.transaction, transaction_event=booked, data=data)

    async def _call(self, app: App, event: str, happening: Happening) -> Reply | None:
        webhook = app.webhook_for(event)
        return await self._sender.send(webhook, event, happening) if webhook else None


def _invalid(message: str) -> Refusal:
    return Refusal(code="INVALID", message=message, field="id")
