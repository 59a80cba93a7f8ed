"""What Saleor's webhooks bring, as the subscriptions beside this file select it; numbers are Decimals."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from saleor_cinetpay.money import Money
from saleor_cinetpay.payments.opening import Source
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of

MOST_DIGITS = 1000
"""Of an amount; a float has 309 at most. One such as `1e999999999` would take minutes to write out."""


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


def _storable(value: object) -> object:
    """Drop what JSON can spell and nobody can store or send on: NUL, and half a surrogate pair."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode() if isinstance(value, str) else value


Storable = Annotated[str, BeforeValidator(_storable)]
"""Every text that Saleor brings; the storefront's `data` alone is read elsewhere."""
StorableOrEmpty = Annotated[Storable, BeforeValidator(lambda value: "" if value is None else value)]


def _a_transaction(written: str) -> TransactionId:
    transaction_id = TransactionId(written)
    trans_id_of(transaction_id)
    return transaction_id


Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=MOST_DIGITS)]


class SaleorMoney(_Wire):
    """Saleor's Money."""

    amount: Amount
    currency: Storable

    @property
    def money(self) -> Money:
        """The same as our own type."""
        return Money(amount=self.amount, currency=self.currency)


class SaleorRecipient(_Wire):
    """The app that Saleor means; one that it does not name is none."""

    id: StorableOrEmpty = ""


class SaleorChannel(_Wire):
    """The channel that is sold in."""

    id: Storable
    slug: Storable
    currency_code: Storable


class SaleorTotal(_Wire):
    """A total with its taxes."""

    gross: SaleorMoney


class SaleorSourceObject(_Wire):
    """The Checkout or the Order that is paid."""

    typename: Annotated[Literal["Checkout", "Order"], Field(alias="__typename")]
    id: Storable
    number: Storable | None = None
    channel: SaleorChannel
    email: Storable | None = None
    user_email: Storable | None = None
    total: SaleorTotal | None = None
    total_price: SaleorTotal | None = None

    @property
    def source(self) -> Source:
        """The same as the heart knows it."""
        total = self.total or self.total_price
        return Source(
            id=self.id,
            number=self.number,
            channel=self.channel.slug,
            channel_id=self.channel.id,
            total=total.gross.money if total else None,
            email=self.email or self.user_email,
        )


class SaleorAction(_Wire):
    """What Saleor wants charged."""

    amount: Amount
    currency: Storable

    @property
    def money(self) -> Money:
        """The same as our own type."""
        return Money(amount=self.amount, currency=self.currency)


class SaleorCancelAction(_Wire):
    """What Saleor wants cancelled; nothing of ours is ever authorized, so it is 0, and null before 3.21."""

    amount: Annotated[Amount, BeforeValidator(lambda value: value or 0)] = Decimal(0)


class SaleorPastEvent(_Wire):
    """One entry of the transaction's history, as far as it tells of a failure."""

    type: str | None = None
    created_at: AwareDatetime | None = None
    """What Saleor compares: the `time` that was reported."""


class SaleorTransactionItem(_Wire):
    """The Saleor transaction."""

    id: Annotated[str, AfterValidator(_a_transaction)]
    psp_reference: str = ""
    charged_amount: SaleorMoney
    events: Annotated[tuple[SaleorPastEvent, ...], BeforeValidator(lambda value: value or ())] = ()

    @property
    def failed_at(self) -> datetime | None:
        """When it failed last; a success must come after that."""
        failures = [event.created_at for event in self.events if event.type == "CHARGE_FAILURE" and event.created_at]
        return max(failures, default=None)

    @property
    def transaction_id(self) -> TransactionId:
        """The GraphQL id, known to be a transaction's."""
        return TransactionId(self.id)


class SaleorRequestEvent(_Wire):
    """One entry of the transaction's history, as far as it tells a request's own key."""

    id: Storable
    type: str | None = None
    psp_reference: str | None = None
    amount: SaleorMoney
    created_at: AwareDatetime
    message: StorableOrEmpty = ""
    idempotency_key: Storable | None = None

    @property
    def key(self) -> str:
        """What Saleor knows the request by; the entry's own id where an older one gives no key."""
        return self.idempotency_key or self.id


class SaleorActedTransaction(_Wire):
    """The Saleor transaction that staff act on."""

    id: Annotated[str, AfterValidator(_a_transaction)]
    events: tuple[SaleorRequestEvent, ...] = ()

    @property
    def transaction_id(self) -> TransactionId:
        """The GraphQL id, known to be a transaction's."""
        return TransactionId(self.id)

    def request(self, kind: str, amount: Decimal) -> SaleorRequestEvent | None:
        """Return the request that this call is about: the newest that Saleor has no reference for yet.

        Two may be on their way at once, so one of the very amount comes first.
        """
        open_ones = [event for event in self.events if event.type == kind and not event.psp_reference]
        fitting = [event for event in open_ones if event.amount.amount == amount] or open_ones
        newest = max((event.created_at for event in fitting), default=None)
        return next((event for event in reversed(fitting) if event.created_at == newest), None)


class SaleorPrincipal(_Wire):
    """Who asked: a user or an app. Saleor may leave it out."""

    name: Annotated[StorableOrEmpty, Field(validation_alias=AliasChoices("email", "name"))] = ""


class SaleorCall(_Wire):
    """What every event carries, so that it can be checked under the signature."""

    typename: Annotated[str, Field(alias="__typename")]
    issued_at: AwareDatetime
    recipient: Annotated[SaleorRecipient, BeforeValidator(lambda value: value or {})] = SaleorRecipient()


class PaymentGatewayInitializeSession(SaleorCall):
    """PAYMENT_GATEWAY_INITIALIZE_SESSION."""

    data: Any = None
    amount: Amount | None = None
    source_object: SaleorSourceObject


class TransactionInitializeSession(SaleorCall):
    """TRANSACTION_INITIALIZE_SESSION."""

    data: Any = None
    action: SaleorAction
    transaction: SaleorTransactionItem
    source_object: SaleorSourceObject


class TransactionProcessSession(SaleorCall):
    """TRANSACTION_PROCESS_SESSION."""

    action: SaleorAction
    transaction: SaleorTransactionItem
    source_object: SaleorSourceObject


class TransactionRefundRequested(SaleorCall):
    """TRANSACTION_REFUND_REQUESTED."""

    issuing_principal: SaleorPrincipal | None = None
    action: SaleorAction
    transaction: SaleorActedTransaction


class TransactionCancelationRequested(SaleorCall):
    """TRANSACTION_CANCELATION_REQUESTED."""

    action: SaleorCancelAction
    transaction: SaleorActedTransaction


class AppDeleted(SaleorCall):
    """APP_DELETED."""

    app: SaleorRecipient


def read_json(body: bytes) -> object:
    """Decode a body, its numbers as Decimals.

    Raises:
        ValueError: where it is no JSON.
    """
    try:
        return json.loads(body, parse_float=Decimal)
    except RecursionError:
        raise ValueError("nested too deeply") from None
