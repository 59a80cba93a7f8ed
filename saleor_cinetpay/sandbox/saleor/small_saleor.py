"""One small Saleor: what staff, buyers and tests can do with it from Python. Over HTTP, `app.py` serves the same."""

import json
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

import httpx2 as httpx

from saleor_cinetpay.sandbox.saleor.actions import StaffActions
from saleor_cinetpay.sandbox.saleor.booking import Event
from saleor_cinetpay.sandbox.saleor.books import Books, Refusal
from saleor_cinetpay.sandbox.saleor.checkouts import CheckoutCompleted, Checkouts, small_catalogue, small_channel
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.faults import Faults
from saleor_cinetpay.sandbox.saleor.graphql_schema import load_schema
from saleor_cinetpay.sandbox.saleor.ids import global_id
from saleor_cinetpay.sandbox.saleor.installing import Installer
from saleor_cinetpay.sandbox.saleor.messages import MessageLog
from saleor_cinetpay.sandbox.saleor.money import quantized
from saleor_cinetpay.sandbox.saleor.payments import GatewayConfig, Payments, Session
from saleor_cinetpay.sandbox.saleor.problems import Problems
from saleor_cinetpay.sandbox.saleor.records import App, Checkout, Order, Transaction
from saleor_cinetpay.sandbox.saleor.signing import KeyRing, SigningKey
from saleor_cinetpay.sandbox.saleor.store import Store
from saleor_cinetpay.sandbox.saleor.webhooks import (
    Action,
    AppDeleted,
    Happening,
    PaymentGatewayInitializeSession,
    Reply,
    Sender,
    TransactionActionRequested,
    TransactionCancelationRequested,
    TransactionChargeRequested,
    TransactionInitializeSession,
    TransactionProcessSession,
    TransactionRefundRequested,
)


class Signature(StrEnum):
    """How a chosen webhook is signed."""

    GENUINE = "genuine"
    MISSING = "missing"
    FOREIGN = "foreign"
    """By a key that is not this Saleor's."""


class SmallSaleor:
    """A Saleor in memory.

    Its methods do what staff and storefronts do; `store` shows what it holds, `log` what was said, `faults` makes its
    API go wrong. Amounts default to what is still to pay, as in Saleor.
    """

    def __init__(self, config: SaleorConfig | None = None, http: httpx.AsyncClient | None = None) -> None:
        self.config = config or SaleorConfig()
        self.schema = load_schema(self.config.schema_version)
        self.keys = KeyRing()
        self.log = MessageLog(self.config.now)
        self.faults = Faults(self.config.now)
        channel = small_channel(
            flow_strategy=self.config.flow_strategy, allow_unpaid_orders=self.config.allow_unpaid_orders
        )
        products = small_catalogue(f"{self.config.url}/shop/static/products")
        self.store = Store(
            channel=channel,
            products=products,
            now=self.config.now,
            other_channels=list(self.config.other_channels),
        )
        self.books = Books(self.store, self.config.schema_version)
        self._http = http or httpx.AsyncClient(follow_redirects=False)
        self._sender = Sender(self.config, self._http, self.schema, self.keys, self.log)
        self._installer = Installer(self.config, self.store, self._http, self.schema, self.log)
        self._payments = Payments(self.store, self.books, self._sender)
        self.actions = StaffActions(self.config, self.store, self.books, self._sender)
        self.checkouts = Checkouts(self.store)
        self.problems = Problems(self.config.now, self.store.next_pk)

    async def close(self) -> None:
        """Stop the worker and close the connections."""
        self.actions.stop()
        await self._http.aclose()

    # Staff

    async def install_app(self, manifest_url: str) -> App:
        """Install an app from its manifest.

        Raises:
            InstallationFailed: with the reason that staff see.
        """
        return await self._installer.install(manifest_url)

    def complaint_about(self, query: str) -> str | None:
        """Say what this version of Saleor does not understand in a subscription."""
        return self._installer.complaint_about(query)

    async def delete_app(self, identifier: str) -> None:
        """Delete an app: its token is dead, and it is told if it asked to be."""
        app = self.store.apps.pop(identifier)
        if webhook := app.webhook_for("APP_DELETED"):
            await self._sender.send(webhook, "APP_DELETED", AppDeleted(**self._sender.stamp(app)))

    async def request_action(
        self, transaction: Transaction, action: str, amount: Decimal | int | None = None, reason: str = ""
    ) -> Refusal | None:
        """Ask for CHARGE, REFUND or CANCEL as staff do, and wait until the worker is done, retries included."""
        refusal = self.actions.request(transaction, action, None if amount is None else Decimal(amount), reason)
        await self.actions.idle()
        return refusal

    def dashboard_token(
        self,
        app: App,
        permissions: tuple[str, ...] = ("HANDLE_PAYMENTS",),
        lifetime_s: int = 300,
        *,
        email: str = "awa@example.com",
        changes: Mapping[str, object] | None = None,
    ) -> str:
        """Make the token that the Dashboard hands to an app's page; `changes` replace claims, None takes one away."""
        issued_at = int(self.config.now().timestamp())
        claims: dict[str, object] = {
            "iat": issued_at,
            "owner": "saleor",
            "iss": self.config.api_url,
            "exp": issued_at + lifetime_s,
            "token": "aB3dE6gH9jK2",
            "email": email,
            "type": "thirdparty",
            "user_id": global_id("User", 1),
            "is_staff": True,
            "app": app.id,
            "permissions": sorted({*permissions} & {*app.permission_codes}),
            "user_permissions": list(permissions),
        }
        changed = claims | dict(changes or {})
        return self.keys.current.sign_token({name: value for name, value in changed.items() if value is not None})

    # Buyers

    def create_checkout(
        self,
        *quantities: int,
        email: str | None = "buyer@example.com",
        language: str = "FR",
        channel: str | None = None,
    ) -> Checkout:
        """Make a checkout with so many of each product, in the order of the catalogue; by default one of the first."""
        lines = [
            (product.default_variant.id, quantity)
            for product, quantity in zip(self.store.products, quantities or (1,), strict=False)
            if quantity
        ]
        created = self.checkouts.create(lines, email=email, language_code=language, channel=channel)
        assert created.checkout is not None  # noqa: S101  the lines are our own
        return created.checkout

    def complete_checkout(self, checkout: Checkout) -> CheckoutCompleted:
        """Turn a covered checkout into an order; again and again the same one."""
        return self.checkouts.complete(checkout.id)

    async def gateway_initialize(
        self, source: Checkout | Order, *, amount: Decimal | int | None = None, data: object = None, gateway: str = ""
    ) -> GatewayConfig:
        """Ask the app what a storefront needs to begin."""
        app = self.store.apps.get(gateway or self.config.gateway_id)
        if app is None or app.webhook_for("PAYMENT_GATEWAY_INITIALIZE_SESSION") is None:
            message = "Active app with `HANDLE_PAYMENT` permissions or app webhook not found."
            return GatewayConfig(
                id=gateway or self.config.gateway_id,
                errors=(Refusal(code="NOT_FOUND", message=message, field="id"),),
            )
        return await self._payments.gateway_initialize(source, app, data, self._amount(source, amount))

    async def initialize(
        self,
        source: Checkout | Order,
        *,
        amount: Decimal | int | None = None,
        data: object = None,
        idempotency_key: str | None = None,
        action: str | None = None,
        gateway: str = "",
        ip: str | None = "127.0.0.1",
    ) -> Session:
        """Open a payment; the amount is the buyer's choice. A key that was used before asks about the same payment."""
        if idempotency_key == "":
            message = "Cannot be provided as an empty string."
            return Session(errors=(Refusal(code="INVALID", message=message, field="idempotencyKey"),))
        app = self.store.apps.get(gateway or self.config.gateway_id)
        if app is None:
            message = "App with provided identifier not found."
            return Session(errors=(Refusal(code="NOT_FOUND", message=message, field="paymentGateway"),))
        return await self._payments.initialize(
            source,
            app,
            data,
            self._amount(source, amount),
            action or source.channel.default_transaction_flow_strategy,
            idempotency_key or str(self.store.new_key()),
            ip,
        )

    async def process(self, transaction: Transaction, *, data: object = None, ip: str | None = "127.0.0.1") -> Session:
        """Ask how a payment stands; after the app's last word, Saleor answers by itself."""
        return await self._payments.process(transaction, data, ip)

    # Tests

    def events_of(self, transaction: Transaction) -> list[Event]:
        """Return what stands in a transaction's books, as it came."""
        return list(transaction.events)

    @property
    def transactions(self) -> list[Transaction]:
        """All transactions, oldest first."""
        return list(self.store.transactions.values())

    def rotate_keys(self) -> None:
        """Sign with a new key from now on."""
        self.keys.rotate()

    def reset(self) -> None:
        """Forget purchases, payments, messages and faults; the apps stay."""
        self.actions.stop()
        self.store.reset()
        self.log.clear()
        self.faults.lift()

    def webhook_body(self, event: str, transaction: Transaction) -> bytes:
        """Make the genuine body of a webhook about a transaction, without sending it."""
        app = self.store.apps[transaction.app_identifier]
        webhook = app.webhook_for(event)
        assert webhook is not None, f"the app has no webhook for {event}"  # noqa: S101  a test asks for it
        return self._sender.body(webhook, self._happening(event, app, transaction))

    async def send_webhook(
        self,
        event: str,
        transaction: Transaction,
        *,
        changes: Mapping[str, object] | None = None,
        body: bytes | None = None,
        signature: Signature | str = Signature.GENUINE,
        headers: Mapping[str, str | None] | None = None,
        to: str = "",
    ) -> Reply:
        """Send a webhook as it may be, or as it may not.

        `changes` replace members of the genuine body, `body` replaces it; `signature` can also be any text; `headers`
        replace headers, `None` takes one away; `to` is another event, to whose address it goes. Nothing is booked.
        """
        webhook = self.store.apps[transaction.app_identifier].webhook_for(to or event)
        assert webhook is not None, f"the app has no webhook for {to or event}"  # noqa: S101  a test asks for it
        if body is None:
            genuine = self.webhook_body(event, transaction)
            body = json.dumps(json.loads(genuine) | dict(changes)).encode() if changes else genuine
        sent = self._sender.headers(event, self._signature(signature, body)) | dict(headers or {})
        return await self._sender.post(
            webhook.target_url, event, body, {name: value for name, value in sent.items() if value is not None}
        )

    def _signature(self, wanted: Signature | str, body: bytes) -> str | None:
        match wanted:
            case Signature.GENUINE:
                return self.keys.current.sign_detached(body)
            case Signature.FOREIGN:
                return SigningKey.generate().sign_detached(body)
            case Signature.MISSING:
                return None
            case _:
                return wanted

    def _happening(self, event: str, app: App, transaction: Transaction) -> Happening:
        stamp: dict[str, Any] = self._sender.stamp(app)
        first = transaction.events[0]
        amount, currency = first.amount.amount, transaction.currency
        if event == "PAYMENT_GATEWAY_INITIALIZE_SESSION":
            return PaymentGatewayInitializeSession(**stamp, source_object=transaction.source, data=None, amount=amount)
        if event in ("TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION"):
            strategy = first.type.removesuffix("_REQUEST")
            session: dict[str, Any] = stamp | {
                "transaction": transaction,
                "source_object": transaction.source,
                "data": None,
                "action": Action(action_type=strategy, amount=amount, currency=currency),
            }
            if event == "TRANSACTION_PROCESS_SESSION":
                return TransactionProcessSession(**session)
            return TransactionInitializeSession(**session, idempotency_key=transaction.idempotency_key)
        requested: dict[str, tuple[str, type[TransactionActionRequested]]] = {
            "TRANSACTION_CHARGE_REQUESTED": ("CHARGE", TransactionChargeRequested),
            "TRANSACTION_REFUND_REQUESTED": ("REFUND", TransactionRefundRequested),
            "TRANSACTION_CANCELATION_REQUESTED": ("CANCEL", TransactionCancelationRequested),
        }
        action, kind = requested[event]
        asked = Action(action_type=action, amount=amount, currency=currency)
        return kind(**stamp, transaction=transaction, action=asked)

    def _amount(self, source: Checkout | Order, chosen: Decimal | int | None) -> Decimal:
        return quantized(source.still_to_pay if chosen is None else Decimal(chosen), source.currency)
