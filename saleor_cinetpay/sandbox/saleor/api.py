"""The GraphQL API: what each operation does, and who may ask for it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from graphql import GraphQLError, GraphQLResolveInfo

from saleor_cinetpay.sandbox.saleor.app_webhooks import AppWebhooks
from saleor_cinetpay.sandbox.saleor.booking import EventType
from saleor_cinetpay.sandbox.saleor.books import Refusal, Report, Reported
from saleor_cinetpay.sandbox.saleor.catalogue import Channel
from saleor_cinetpay.sandbox.saleor.checkouts import CheckoutCompleted, CheckoutCreated
from saleor_cinetpay.sandbox.saleor.execution import read_member
from saleor_cinetpay.sandbox.saleor.ids import read_id
from saleor_cinetpay.sandbox.saleor.payments import GatewayConfig, Session
from saleor_cinetpay.sandbox.saleor.records import App, Checkout, Order, PaymentMethod, Transaction

HANDLE_PAYMENTS = "HANDLE_PAYMENTS"
GUARDED = {
    "Query.transaction": HANDLE_PAYMENTS,
    "Mutation.transactionEventReport": HANDLE_PAYMENTS,
    "Mutation.transactionRequestAction": HANDLE_PAYMENTS,
    "Checkout.transactions": HANDLE_PAYMENTS,
    "Order.transactions": HANDLE_PAYMENTS,
    "Query.channels": None,
    "Mutation.appProblemCreate": None,
    "Mutation.appProblemDismiss": None,
    "Mutation.webhookCreate": None,
    "Mutation.webhookUpdate": None,
    "Mutation.webhookDelete": None,
}
"""The permission that a field wants; `None` wants any app."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an app, by its token, or anybody."""

    app: App | None
    ip: str | None


Info = GraphQLResolveInfo[Caller]


class PermissionDenied(GraphQLError):
    """The caller may not see or do this."""

    def __init__(self, permission: str | None) -> None:
        super().__init__(
            "To access this path, you need one of the following permissions: " + (permission or "AUTHENTICATED_APP"),
            extensions={"exception": {"code": "PermissionDenied"}},
        )


def read_guarded(source: Any, info: Info, **arguments: Any) -> Any:
    """Read a field if the caller may."""
    path = f"{info.parent_type.name}.{info.field_name}"
    if path in GUARDED:
        app, permission = info.context.app, GUARDED[path]
        if app is None or (permission and permission not in app.permission_codes):
            raise PermissionDenied(permission)
    return read_member(source, info, **arguments)


class Api(AppWebhooks):
    """The root of every query and mutation; arguments come by their Python names."""

    # Queries

    def app(self, info: Info, id: str | None = None) -> App | None:
        """Return the app that asks."""
        app = info.context.app
        return app if app and id in (None, app.id) else None

    def channels(self, _info: object) -> list[Channel]:
        """Return every channel."""
        return self._store.channels

    def checkout(self, _info: object, id: str | None = None, token: UUID | None = None) -> Checkout | None:
        """Return a checkout that is no order yet."""
        found = self._store.source(id) if id else self._store.checkouts.get(token or UUID(int=0))
        return found if isinstance(found, Checkout) else None

    def order(self, _info: object, id: str | None = None) -> Order | None:
        """Return an order."""
        found = self._store.source(id or "")
        return found if isinstance(found, Order) else None

    def products(self, _info: object, channel: str | None = None, first: int = 100) -> dict[str, Any]:
        """Return what the shop sells."""
        products = self._store.products[:first] if self._store.channel_of(channel) else ()
        return {"edges": [{"node": product} for product in products], "totalCount": len(products)}

    def shop(self, _info: object) -> dict[str, str]:
        """Return the shop."""
        version = self._saleor.config.version
        major_minor = ".".join(map(str, self._saleor.config.schema_version))
        return {"name": "Lagune & Karité", "version": version, "schemaVersion": major_minor}

    def transaction(self, _info: object, id: str | None = None, token: UUID | None = None) -> Transaction | None:
        """Return a transaction."""
        return self._store.transaction(id, token)

    # Storefront

    def checkout_create(self, _info: object, input: dict[str, Any]) -> CheckoutCreated:
        """Make a checkout."""
        return self._saleor.checkouts.create(
            [(line["variant_id"], line["quantity"]) for line in input["lines"]],
            email=input.get("email"),
            language_code=input.get("language_code") or "FR",
            billing_address=input.get("billing_address"),
            channel=input.get("channel"),
        )

    def checkout_complete(self, _info: object, id: str | None = None, token: UUID | None = None) -> CheckoutCompleted:
        """Turn a covered checkout into an order."""
        return self._saleor.checkouts.complete(id, token)

    async def payment_gateway_initialize(
        self,
        _info: object,
        id: str,
        amount: Decimal | None = None,
        payment_gateways: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Ask apps what a storefront needs to begin."""
        source = self._store.source(id)
        if source is None:
            return {"errors": [_no_source()]}
        gateways = payment_gateways or [{"id": identifier} for identifier in self._store.apps]
        configs: list[GatewayConfig] = [
            await self._saleor.gateway_initialize(source, amount=amount, data=g.get("data"), gateway=g["id"])
            for g in gateways
        ]
        return {"gatewayConfigs": configs, "errors": []}

    async def transaction_initialize(
        self,
        info: Info,
        id: str,
        payment_gateway: dict[str, Any],
        amount: Decimal | None = None,
        action: str | None = None,
        customer_ip_address: str | None = None,
        idempotency_key: str | None = None,
    ) -> Session:
        """Open a payment."""
        source = self._store.source(id)
        if source is None:
            return Session(errors=(_no_source(),))
        if action or customer_ip_address:
            _only_with_payments(info)
        return await self._saleor.initialize(
            source,
            amount=amount,
            data=payment_gateway.get("data"),
            idempotency_key=idempotency_key,
            action=action,
            gateway=payment_gateway["id"],
            ip=customer_ip_address or info.context.ip,
        )

    async def transaction_process(
        self,
        info: Info,
        id: str | None = None,
        token: UUID | None = None,
        data: object = None,
        customer_ip_address: str | None = None,
    ) -> Session:
        """Ask how a payment stands."""
        transaction = self._store.transaction(id, token)
        if transaction is None:
            return Session(errors=(_no_node(id),))
        if customer_ip_address:
            _only_with_payments(info)
        return await self._saleor.process(transaction, data=data, ip=customer_ip_address or info.context.ip)

    # Apps and staff

    def transaction_event_report(
        self,
        info: Info,
        type: str,
        psp_reference: str,
        id: str | None = None,
        token: UUID | None = None,
        amount: Decimal | None = None,
        time: datetime | None = None,
        message: str | None = None,
        external_url: str | None = None,
        available_actions: list[str] | None = None,
        payment_method_details: dict[str, Any] | None = None,
    ) -> Reported:
        """Book what an app reports."""
        report = Report(
            type=EventType(type),
            psp_reference=psp_reference,
            amount=amount,
            time=time,
            message=message or "",
            external_url=external_url or "",
            available_actions=available_actions,
            payment_method=_payment_method(payment_method_details),
        )
        try:
            return self._saleor.books.report(_app(info), id, token, report)
        except PermissionError:
            raise PermissionDenied(f"OWNER, {HANDLE_PAYMENTS}") from None

    def transaction_request_action(
        self,
        _info: object,
        action_type: str,
        id: str | None = None,
        token: UUID | None = None,
        amount: Decimal | None = None,
        refund_reason: str | None = None,
    ) -> dict[str, Any]:
        """Ask the app for money to be moved; the worker carries it there later."""
        transaction = self._store.transaction(id, token)
        if transaction is None:
            return {"transaction": None, "errors": [_no_node(id)]}
        if refund_reason and action_type != "REFUND":
            message = "Reason can be set only for REFUND action."
            return {"transaction": None, "errors": [Refusal(code="INVALID", message=message, field="refundReason")]}
        refusal = self._saleor.actions.request(transaction, action_type, amount, refund_reason or "")
        return {"transaction": None if refusal else transaction, "errors": [refusal] if refusal else []}

    def app_problem_create(self, info: Info, input: dict[str, Any]) -> dict[str, Any]:
        """Show a problem of the app in the Dashboard."""
        created = self._saleor.problems.create(
            _app(info),
            input["key"],
            input["message"],
            critical_threshold=input.get("critical_threshold"),
            aggregation_min=60 if (period := input.get("aggregation_period")) is None else period,
        )
        if isinstance(created, Refusal):
            return {"appProblem": None, "errors": [created]}
        return {"appProblem": created, "errors": []}

    def app_problem_dismiss(self, info: Info, input: dict[str, Any]) -> dict[str, Any]:
        """Take the app's own problems away, by key or by id."""
        by_app = input.get("by_app") or {}
        refusal = self._saleor.problems.dismiss(_app(info), by_app.get("keys") or [], by_app.get("ids") or [], by="APP")
        return {"errors": [refusal] if refusal else []}


def _app(info: Info) -> App:
    if info.context.app is None:
        raise PermissionDenied(None)
    return info.context.app


def _only_with_payments(info: Info) -> None:
    app = info.context.app
    if app is None or HANDLE_PAYMENTS not in app.permission_codes:
        raise PermissionDenied(HANDLE_PAYMENTS)


def _payment_method(written: dict[str, Any] | None) -> PaymentMethod | None:
    for kind in ("card", "other"):
        if details := (written or {}).get(kind):
            return PaymentMethod(kind=kind.upper(), name=details["name"], brand=details.get("brand"))
    return None


def _no_source() -> Refusal:
    return Refusal(code="NOT_FOUND", message="`Order` or `Checkout` not found.", field="id")


def _no_node(written_id: str | None) -> Refusal:
    type_name, _ = read_id(written_id or "")
    message = f"Couldn't resolve to a node: {written_id}"
    return Refusal(code="NOT_FOUND" if type_name else "GRAPHQL_ERROR", message=message, field="id")
