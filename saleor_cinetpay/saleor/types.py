"""What is said to Saleor and what it answers: plain data, named as Saleor names it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NewType, Self

from pydantic import AliasPath, AwareDatetime, BeforeValidator, Field

from saleor_cinetpay.money import Money

SaleorAppId = NewType("SaleorAppId", str)
"""The app's GraphQL id at one Saleor; a re-install after a deletion brings another."""
SaleorTransactionId = NewType("SaleorTransactionId", str)
"""base64 of `TransactionItem:<uuid>`."""
SaleorCheckoutId = NewType("SaleorCheckoutId", str)
SaleorOrderId = NewType("SaleorOrderId", str)
SaleorWebhookId = NewType("SaleorWebhookId", str)


class _SaleorEnum(StrEnum):
    """An enum of Saleor's schema; a value of a later Saleor, or none, reads as UNKNOWN."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls("UNKNOWN")


class TransactionEventType(_SaleorEnum):
    """Saleor's TransactionEventTypeEnum."""

    AUTHORIZATION_SUCCESS = "AUTHORIZATION_SUCCESS"
    AUTHORIZATION_FAILURE = "AUTHORIZATION_FAILURE"
    AUTHORIZATION_ADJUSTMENT = "AUTHORIZATION_ADJUSTMENT"
    AUTHORIZATION_REQUEST = "AUTHORIZATION_REQUEST"
    AUTHORIZATION_ACTION_REQUIRED = "AUTHORIZATION_ACTION_REQUIRED"
    CHARGE_ACTION_REQUIRED = "CHARGE_ACTION_REQUIRED"
    CHARGE_SUCCESS = "CHARGE_SUCCESS"
    CHARGE_FAILURE = "CHARGE_FAILURE"
    CHARGE_BACK = "CHARGE_BACK"
    CHARGE_REQUEST = "CHARGE_REQUEST"
    REFUND_SUCCESS = "REFUND_SUCCESS"
    REFUND_FAILURE = "REFUND_FAILURE"
    REFUND_REVERSE = "REFUND_REVERSE"
    REFUND_REQUEST = "REFUND_REQUEST"
    CANCEL_SUCCESS = "CANCEL_SUCCESS"
    CANCEL_FAILURE = "CANCEL_FAILURE"
    CANCEL_REQUEST = "CANCEL_REQUEST"
    INFO = "INFO"
    UNKNOWN = "UNKNOWN"


class TransactionAction(StrEnum):
    """Saleor's TransactionActionEnum: what staff may ask for."""

    CHARGE = "CHARGE"
    REFUND = "REFUND"
    CANCEL = "CANCEL"


class ChargeStatus(_SaleorEnum):
    """How much of a checkout or an order is charged."""

    NONE = "NONE"
    PARTIAL = "PARTIAL"
    FULL = "FULL"
    OVERCHARGED = "OVERCHARGED"
    UNKNOWN = "UNKNOWN"


class AuthorizeStatus(_SaleorEnum):
    """How much of a checkout is authorized or charged."""

    NONE = "NONE"
    PARTIAL = "PARTIAL"
    FULL = "FULL"
    UNKNOWN = "UNKNOWN"


def _codes(granted: object) -> object:
    """Take `[{"code": "HANDLE_PAYMENTS"}]` as its codes; Saleor says null where there are none."""
    if not isinstance(granted, list):
        return granted or ()
    return [permission.get("code") if isinstance(permission, dict) else permission for permission in granted]


def _event_types(events: object) -> object:
    """Take `[{"eventType": "APP_DELETED"}]` as its types."""
    return [event.get("eventType") for event in events if isinstance(event, dict)] if isinstance(events, list) else ()


_EventTypes = Annotated[frozenset[str], BeforeValidator(_event_types)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorIdentity:
    """Who a token makes us, and at which Saleor."""

    app_id: Annotated[SaleorAppId, Field(validation_alias=AliasPath("app", "id"))]
    identifier: Annotated[str | None, Field(validation_alias=AliasPath("app", "identifier"))] = None
    """The `id` of the manifest that it was installed from; Saleor makes one up for an app that staff made by hand."""
    permissions: Annotated[
        frozenset[str],
        Field(validation_alias=AliasPath("app", "permissions")),
        BeforeValidator(_codes),
    ]
    version: Annotated[str, Field(validation_alias=AliasPath("shop", "version"))]
    """The whole version, such as `3.23.28`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorChannel:
    """A channel that the shop sells in."""

    id: str
    slug: str
    name: str
    currency: Annotated[str, Field(validation_alias="currencyCode")]
    is_active: Annotated[bool, Field(validation_alias="isActive")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionEvent:
    """An event that Saleor is to book. Moves money in Saleor's books."""

    transaction_id: SaleorTransactionId
    type: TransactionEventType
    psp_reference: str
    """At most 512 characters; Saleor takes transaction, reference and type together as the event's identity."""
    amount: Decimal
    currency: str
    """The transaction's; Saleor is not told, as a transaction has but one."""
    time: datetime
    """Saleor orders success and failure by it, and lets failure win a tie."""
    message: str
    """For staff; Saleor cuts it at 512 characters."""
    available_actions: tuple[TransactionAction, ...] | None = None
    """What staff may ask for from now on; none given leaves it as it is."""
    external_url: str | None = None
    payment_method: str | None = None
    """The name of the means of payment; only for a Saleor from 3.22 on, an older one knows no such field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReported:
    """Saleor has the event."""

    already_processed: bool
    """Whether it had it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorTransactionEvent:
    """One entry of a transaction's history."""

    type: TransactionEventType
    psp_reference: Annotated[str, Field(validation_alias="pspReference")]
    amount: Money
    time: Annotated[AwareDatetime, Field(validation_alias="createdAt")]
    message: str
    idempotency_key: Annotated[str | None, Field(validation_alias="idempotencyKey")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorTransactionCheckout:
    """The checkout that a transaction pays for."""

    id: SaleorCheckoutId
    token: str
    charge_status: Annotated[ChargeStatus, Field(validation_alias="chargeStatus")]
    channel: Annotated[str, Field(validation_alias=AliasPath("channel", "slug"))]
    """The channel's slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorTransactionOrder:
    """The order that a transaction pays for."""

    id: SaleorOrderId
    number: str
    charge_status: Annotated[ChargeStatus, Field(validation_alias="chargeStatus")]
    channel: Annotated[str, Field(validation_alias=AliasPath("channel", "slug"))]
    """The channel's slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorTransaction:
    """A transaction as Saleor's books have it."""

    id: SaleorTransactionId
    token: str
    """Its UUID."""
    psp_reference: Annotated[str, Field(validation_alias="pspReference")]
    charged: Annotated[Money, Field(validation_alias="chargedAmount")]
    charge_pending: Annotated[Money, Field(validation_alias="chargePendingAmount")]
    events: tuple[SaleorTransactionEvent, ...]
    """The latest first, by their times, as Saleor gives them."""
    checkout: SaleorTransactionCheckout | None
    order: SaleorTransactionOrder | None


def _ids(listed: object) -> object:
    """Take `[{"id": "..."}]` as its ids."""
    return [one.get("id") if isinstance(one, dict) else one for one in listed] if isinstance(listed, list) else listed


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorOrder:
    """An order, as far as finding its payments needs it."""

    id: SaleorOrderId
    number: str
    transaction_ids: Annotated[
        tuple[SaleorTransactionId, ...], Field(validation_alias="transactions"), BeforeValidator(_ids)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorCheckout:
    """A checkout, as far as deciding on its completion needs it."""

    id: SaleorCheckoutId
    token: str
    charge_status: Annotated[ChargeStatus, Field(validation_alias="chargeStatus")]
    authorize_status: Annotated[AuthorizeStatus, Field(validation_alias="authorizeStatus")]
    total: Annotated[Money, Field(validation_alias=AliasPath("totalPrice", "gross"))]
    channel: Annotated[str, Field(validation_alias=AliasPath("channel", "slug"))]
    """The channel's slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorWebhook:
    """One webhook that a Saleor holds for the app."""

    id: SaleorWebhookId
    name: str | None
    target_url: Annotated[str, Field(validation_alias="targetUrl")]
    is_active: Annotated[bool, Field(validation_alias="isActive")]
    query: Annotated[str | None, Field(validation_alias="subscriptionQuery")]
    sync_events: Annotated[_EventTypes, Field(validation_alias="syncEvents")]
    async_events: Annotated[_EventTypes, Field(validation_alias="asyncEvents")]


class DismissedBy(_SaleorEnum):
    """Who dismissed a problem of the app."""

    APP = "APP"
    USER = "USER"
    UNKNOWN = "UNKNOWN"


def _dismisser(dismissed: object) -> object:
    return dismissed.get("by") if isinstance(dismissed, dict) else dismissed


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorAppProblem:
    """A problem of the app that Saleor keeps."""

    key: str
    dismissed_by: Annotated[DismissedBy | None, Field(validation_alias="dismissed"), BeforeValidator(_dismisser)] = None
