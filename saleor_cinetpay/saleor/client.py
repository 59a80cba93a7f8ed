"""Saleor's GraphQL API: one method for each thing that the app asks of it.

All calls go through the one HTTP client that is handed in, so that its connections and its network guard hold
for every shop. The documents stand in `documents/` and are valid on every Saleor from 3.20 on,
or from the version that the method names.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any, TypeVar

import httpx2 as httpx
from gql import Client, GraphQLRequest, gql
from pydantic import SecretStr, TypeAdapter, ValidationError

from saleor_cinetpay import metrics
from saleor_cinetpay.errors import SaleorRefused, SaleorUnavailable, SaleorUnintelligible
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.asking import get
from saleor_cinetpay.saleor.graphql_transport import MESSAGE_LIMIT, SharedTransport
from saleor_cinetpay.saleor.types import (
    EventReported,
    SaleorAppProblem,
    SaleorChannel,
    SaleorCheckout,
    SaleorCheckoutId,
    SaleorIdentity,
    SaleorOrder,
    SaleorOrderId,
    SaleorTransaction,
    SaleorTransactionId,
    SaleorWebhook,
    SaleorWebhookId,
    TransactionEvent,
)

DEFAULT_TIMEOUT_S = 8.0
NOT_UNDERSTOOD = "GRAPHQL_ERROR"
"""The code of a refusal where Saleor can't read the document itself."""
KEY_SET_LIMIT_BYTES = 64 * 1024

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")

_IDENTITY = TypeAdapter(SaleorIdentity)
_TRANSACTION = TypeAdapter(SaleorTransaction | None)
_CHECKOUT = TypeAdapter(SaleorCheckout | None)
_ORDER = TypeAdapter(SaleorOrder | None)
_WEBHOOKS = TypeAdapter(tuple[SaleorWebhook, ...])
_APP_PROBLEMS = TypeAdapter(tuple[SaleorAppProblem, ...])
_CHANNELS = TypeAdapter(tuple[SaleorChannel, ...])

_Parsed = TypeVar("_Parsed")


def _document(name: str) -> GraphQLRequest:
    return gql((files(__package__) / "documents" / f"{name}.graphql").read_text("utf-8"))


IDENTIFY = _document("identify")
TRANSACTION_EVENT_REPORT = _document("transaction_event_report")
TRANSACTION_EVENT_REPORT_WITH_METHOD = _document("transaction_event_report_with_method")
READ_TRANSACTION = _document("transaction")
READ_CHECKOUT = _document("checkout")
READ_ORDER = _document("order")
CHECKOUT_COMPLETE = _document("checkout_complete")
READ_WEBHOOKS = _document("webhooks")
WEBHOOK_CREATE = _document("webhook_create")
WEBHOOK_UPDATE = _document("webhook_update")
WEBHOOK_DELETE = _document("webhook_delete")
APP_PROBLEM_CREATE = _document("app_problem_create")
APP_PROBLEM_DISMISS = _document("app_problem_dismiss")
APP_PROBLEMS = _document("app_problems")

ONE_YEAR_MIN = 366 * 24 * 60
"""How long Saleor takes a problem that is told again for the same one."""
READ_CHANNELS = _document("channels")


class SaleorClient:
    """Talks to any number of Saleors.

    Every method raises SaleorUnavailable, SaleorUnintelligible, SaleorRefused or AddressForbidden, and takes a
    `timeout_s` that can only shorten the client's own.
    """

    def __init__(self, http: httpx.AsyncBaseTransport, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._http = http
        self._timeout_s = timeout_s

    async def identify(
        self, saleor_api_url: SaleorApiUrl, token: SecretStr, *, timeout_s: float | None = None
    ) -> SaleorIdentity:
        """Ask who the token makes us. Does not move money.

        Raises:
            SaleorRefused: `UNAUTHENTICATED` where the token is no app's.
        """
        data = await self._execute(IDENTIFY, saleor_api_url, token, {}, timeout_s)
        if data.get("app") is None:
            raise SaleorRefused(code="UNAUTHENTICATED", message="the token is no app's")
        return _parsed(_IDENTITY, data)

    async def fetch_key_set(self, saleor_api_url: SaleorApiUrl, *, timeout_s: float | None = None) -> str:
        """Return the JSON text of the keys with which that Saleor signs, for `KeySet.parse`."""
        url = httpx.URL(saleor_api_url).join("/.well-known/jwks.json")
        with metrics.saleor_call("keySet"):
            answer = await get(self._http, url, limit_bytes=KEY_SET_LIMIT_BYTES, timeout_s=self._shortened(timeout_s))
            if answer.status != 200:
                raise SaleorUnavailable(f"{url.host} answers {answer.status} for its keys", maybe_carried_out=False)
        return answer.body.decode("utf-8", errors="replace")

    async def report_transaction_event(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        event: TransactionEvent,
        *,
        timeout_s: float | None = None,
    ) -> EventReported:
        """Have Saleor book an event. Moves money in Saleor's books; a repeat of the same event is harmless.

        Raises:
            SaleorRefused: `NOT_FOUND`, `INVALID`, `INCORRECT_DETAILS`, `ALREADY_EXISTS` or `REQUIRED`.
        """
        try:
            data = await self._reported(event, saleor_api_url, token, timeout_s)
        except SaleorRefused as refusal:
            if event.payment_method is None or refusal.code != NOT_UNDERSTOOD:
                raise
            # An older Saleor than we believed. The means of payment is nice to know; the money has to be booked.
            data = await self._reported(replace(event, payment_method=None), saleor_api_url, token, timeout_s)
        payload = _payload(data, "transactionEventReport")
        return EventReported(already_processed=payload.get("alreadyProcessed") is True)

    async def _reported(
        self, event: TransactionEvent, saleor_api_url: SaleorApiUrl, token: SecretStr, timeout_s: float | None
    ) -> dict[str, Any]:
        document = TRANSACTION_EVENT_REPORT if event.payment_method is None else TRANSACTION_EVENT_REPORT_WITH_METHOD
        return await self._execute(document, saleor_api_url, token, _event_variables(event), timeout_s)

    async def read_transaction(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        transaction_id: SaleorTransactionId,
        *,
        timeout_s: float | None = None,
    ) -> SaleorTransaction | None:
        """Read a transaction from Saleor's books, None where Saleor has none of that id. Does not move money."""
        data = await self._execute(READ_TRANSACTION, saleor_api_url, token, {"id": transaction_id}, timeout_s)
        return _parsed(_TRANSACTION, data.get("transaction"))

    async def read_checkout(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        checkout_id: SaleorCheckoutId,
        *,
        timeout_s: float | None = None,
    ) -> SaleorCheckout | None:
        """Read a checkout, None where it is gone (completed, for one). Does not move money."""
        data = await self._execute(READ_CHECKOUT, saleor_api_url, token, {"id": checkout_id}, timeout_s)
        return _parsed(_CHECKOUT, data.get("checkout"))

    async def read_channels(
        self, saleor_api_url: SaleorApiUrl, token: SecretStr, *, timeout_s: float | None = None
    ) -> tuple[SaleorChannel, ...]:
        """Read every channel of the shop. Does not move money."""
        data = await self._execute(READ_CHANNELS, saleor_api_url, token, {}, timeout_s)
        return _parsed(_CHANNELS, data.get("channels") or ())

    async def read_order(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        order_id: SaleorOrderId,
        *,
        timeout_s: float | None = None,
    ) -> SaleorOrder | None:
        """Read which transactions pay an order, None where Saleor has none of that id. Does not move money."""
        data = await self._execute(READ_ORDER, saleor_api_url, token, {"id": order_id}, timeout_s)
        return _parsed(_ORDER, data.get("order"))

    async def complete_checkout(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        checkout_id: SaleorCheckoutId,
        *,
        timeout_s: float | None = None,
    ) -> SaleorOrderId:
        """Turn a checkout into its order; asked again, Saleor gives the same order.

        Saleor also completes what is not fully paid where the channel allows it: read the charge status first.

        Raises:
            SaleorRefused: with Saleor's CheckoutErrorCode.
        """
        data = await self._execute(CHECKOUT_COMPLETE, saleor_api_url, token, {"id": checkout_id}, timeout_s)
        match _payload(data, "checkoutComplete"):
            case {"order": {"id": str() as order_id}}:
                return SaleorOrderId(order_id)
            case _:
                raise SaleorRefused(code="CONFIRMATION_NEEDED", message="Saleor made no order of the checkout")

    async def read_webhooks(
        self, saleor_api_url: SaleorApiUrl, token: SecretStr, *, timeout_s: float | None = None
    ) -> tuple[SaleorWebhook, ...]:
        """Read the webhooks that Saleor holds for the app; an app sees its own without any permission."""
        data = await self._execute(READ_WEBHOOKS, saleor_api_url, token, {}, timeout_s)
        app = data.get("app")
        if not isinstance(app, dict):
            raise SaleorRefused(code="UNAUTHENTICATED", message="the token is no app's")
        return _parsed(_WEBHOOKS, app.get("webhooks") or ())

    async def create_webhook(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        webhook: Mapping[str, object],
        *,
        timeout_s: float | None = None,
    ) -> None:
        """Add a webhook of the app's (a WebhookCreateInput); a repeat adds another."""
        data = await self._execute(WEBHOOK_CREATE, saleor_api_url, token, {"input": dict(webhook)}, timeout_s)
        _payload(data, "webhookCreate")

    async def update_webhook(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        webhook_id: SaleorWebhookId,
        webhook: Mapping[str, object],
        *,
        timeout_s: float | None = None,
    ) -> None:
        """Change a webhook of the app's (a WebhookUpdateInput); a repeat changes nothing more."""
        variables = {"id": webhook_id, "input": dict(webhook)}
        _payload(await self._execute(WEBHOOK_UPDATE, saleor_api_url, token, variables, timeout_s), "webhookUpdate")

    async def delete_webhook(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        webhook_id: SaleorWebhookId,
        *,
        timeout_s: float | None = None,
    ) -> None:
        """Take a webhook of the app's away."""
        data = await self._execute(WEBHOOK_DELETE, saleor_api_url, token, {"id": webhook_id}, timeout_s)
        _payload(data, "webhookDelete")

    async def create_app_problem(
        self,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        *,
        key: str,
        message: str,
        critical: bool,
        timeout_s: float | None = None,
    ) -> None:
        """Show a problem of the app in the Dashboard; told again, it is renewed and counted.

        Saleor knows this from 3.22.36 on; 3 to 128 characters of key, 3 to 2,048 of message.
        """
        variables = {
            "key": key,
            "message": message,
            "criticalThreshold": 1 if critical else None,
            "aggregationPeriod": ONE_YEAR_MIN,
        }
        data = await self._execute(APP_PROBLEM_CREATE, saleor_api_url, token, variables, timeout_s)
        _payload(data, "appProblemCreate")

    async def dismiss_app_problem(
        self, saleor_api_url: SaleorApiUrl, token: SecretStr, key: str, *, timeout_s: float | None = None
    ) -> None:
        """Show a problem no longer; does nothing where it is not shown. From 3.22.36 on."""
        data = await self._execute(APP_PROBLEM_DISMISS, saleor_api_url, token, {"keys": [key]}, timeout_s)
        _payload(data, "appProblemDismiss")

    async def read_app_problems(
        self, saleor_api_url: SaleorApiUrl, token: SecretStr, *, timeout_s: float | None = None
    ) -> tuple[SaleorAppProblem, ...]:
        """Return the app's problems that Saleor keeps, dismissed ones too. From 3.22.36 on."""
        data = await self._execute(APP_PROBLEMS, saleor_api_url, token, {}, timeout_s)
        return _parsed(_APP_PROBLEMS, (data.get("app") or {}).get("problems") or ())

    async def _execute(
        self,
        document: GraphQLRequest,
        saleor_api_url: SaleorApiUrl,
        token: SecretStr,
        variables: Mapping[str, object],
        timeout_s: float | None,
    ) -> dict[str, Any]:
        if not _TOKEN.fullmatch(token.get_secret_value()):
            raise SaleorRefused(code="UNAUTHENTICATED", message="what we hold can't be a token")
        transport = SharedTransport(self._http, saleor_api_url, token, self._shortened(timeout_s))
        request = GraphQLRequest(document, variable_values=dict(variables))
        with metrics.saleor_call(_operation(document)):
            return await Client(transport=transport, execute_timeout=None).execute_async(request)

    def _shortened(self, timeout_s: float | None) -> float:
        return self._timeout_s if timeout_s is None else min(self._timeout_s, timeout_s)


def _operation(document: GraphQLRequest) -> str:
    """Return the name of a document's operation, such as `transactionEventReport`."""
    name = getattr(document.document.definitions[0], "name", None)
    return name.value if name is not None else "unnamed"


def _event_variables(event: TransactionEvent) -> dict[str, object]:
    variables: dict[str, object] = {
        "id": event.transaction_id,
        "type": event.type,
        "pspReference": event.psp_reference,
        "amount": event.amount,
        "time": event.time.isoformat(),
        "message": event.message,
    }
    if event.available_actions is not None:
        variables["availableActions"] = event.available_actions
    if event.external_url is not None:
        variables["externalUrl"] = event.external_url
    if event.payment_method is not None:
        variables["paymentMethodDetails"] = {"other": {"name": event.payment_method}}
    return variables


def _payload(data: dict[str, Any], mutation: str) -> dict[object, object]:
    """Return a mutation's payload where it has no errors."""
    payload: object = data.get(mutation)
    match payload:
        case {"errors": [], **answer}:
            return answer
        case {"errors": [{"code": str() as code, **detail}, *_]}:
            message = f"{detail.get('field')}: {detail.get('message')}"
            raise SaleorRefused(code=code, message=message[:MESSAGE_LIMIT])
        case _:
            raise SaleorUnintelligible(f"Saleor's {mutation} is not of its schema", maybe_carried_out=True)


def _parsed(adapter: TypeAdapter[_Parsed], data: object) -> _Parsed:
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False))
        raise SaleorUnintelligible(
            f"Saleor's answer is not of its schema at {places}", maybe_carried_out=True
        ) from None
