"""A payment: one Saleor transaction paid through CinetPay, with one signed form and one amount, for ever.

opening ──signed──> pending ──────────────> accepted   closed for good
   │                  │  │ ▲                   ▲ ▲
   │                  │  │ └── a new attempt   │ │
   │                  │  └──────> refused ─────┘ │     still watched: a late acceptance counts
   │                  └─────────> suspect ───────┘     still watched: a person decides, or CinetPay says it right
   └── never signed: the first fields are tried again
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pydantic import SecretStr

from saleor_cinetpay.cinetpay import PaymentFields, PhoneNumber
from saleor_cinetpay.locale import Language
from saleor_cinetpay.money import XOF, CinetPayAmount, Money
from saleor_cinetpay.payments.trans_id import TransactionId, TransId
from saleor_cinetpay.shops.accounts import Environment
from saleor_cinetpay.stored import StoredWord


class PaymentState(StoredWord):
    """Where a payment stands."""

    OPENING = "opening"
    """Written down; CinetPay has not signed it yet, so nobody can pay it."""
    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    SUSPECT = "suspect"
    UNKNOWN = "unknown"
    """What a newer version has written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment, as the ledger holds it. What a look may change stands below the form."""

    transaction_id: TransactionId
    saleor_api_url: str
    account_key: str
    fields: PaymentFields
    """What CinetPay was, or will be, asked to sign. Frozen."""
    environment: Environment
    language: Language
    """The buyer's."""
    merchant_language: Language
    app_base_url: str
    """Where CinetPay and the buyer reach us for this payment, without a slash at the end."""
    return_url: str | None
    cancel_url: str | None
    opened_at: datetime
    watch_until: datetime
    source_id: str | None = None
    """The GraphQL id of the checkout or the order that is paid."""
    source_total: CinetPayAmount | None = None
    """What all of it costs, in whole francs, where it is so much."""
    channel: str | None = None
    """The slug of the channel that it is sold in."""
    buyer_email: str | None = None
    """What the buyer gave the shop, in lower case, so that staff find the payment by it."""
    order_id: str | None = None
    """The GraphQL id of the order, once it is known which one the payment pays."""
    order_number: str | None = None
    """The order's number, as staff know it."""
    signature: SecretStr | None = None
    """CinetPay's signature of the fields. Frozen; None until signed."""
    api_key: SecretStr | None = None
    """The API key that the fields were signed with. Frozen; None until signed, and for an adopted payment."""

    state: PaymentState = PaymentState.OPENING
    code: str | None = None
    """CinetPay's code of the last attempt that we know of, normalised."""
    code_message: str = ""
    operator: str | None = None
    """CinetPay's `payment_method`: OM, MOMO, FLOOZ, WAVE ..."""
    payid: str | None = None
    suspicion: str | None = None
    """Why the payment is suspect: a stable word, such as `amount` or `signature`."""
    held_amount: CinetPayAmount | None = None
    """What CinetPay says was paid, where the payment is suspect although CinetPay accepted something."""
    payer: PhoneNumber | None = None
    """The number that CinetPay says was paid from."""
    decided_by: str | None = None
    """The person who decided on the suspicion."""
    refusal_seen_at: datetime | None = None
    """When the refusal that stands was first seen."""
    unclear_since: datetime | None = None
    """Since when CinetPay has only answered codes that nobody knows."""
    failing_since: datetime | None = None
    """Since when every look has failed."""
    buyer_back_at: datetime | None = None
    """When the buyer came back from the payment page, if they have not gone there again."""
    cancelled_at: datetime | None = None
    """When staff cancelled it: handed out no more, but watched, as the form may be out there."""
    failure_told_at: datetime | None = None
    """The `time` of the latest failure that Saleor was told for this payment."""
    success_time: datetime | None = None
    """The frozen `time` of the success."""
    looked_at: datetime | None = None
    """When the latest look began, answered or not."""
    due_at: datetime | None = None
    """When the next look is due; the end of the lease while somebody looks."""
    quiet_until: datetime | None = None
    """Until when a notification or a return waits, so that many of them cost one look."""
    hints: int = 0
    """How many notifications, returns and the like have come since the latest look began."""
    notified_at: datetime | None = None
    """When the first notification came since the latest look began."""
    lease: str | None = None
    """Held by whoever is looking, or signing."""

    @property
    def trans_id(self) -> TransId:
        """CinetPay's id of the payment, and our `pspReference`."""
        return TransId(self.fields.trans_id)

    @property
    def amount(self) -> CinetPayAmount:
        """Whole francs."""
        return self.fields.amount

    @property
    def money(self) -> Money:
        """The amount as Saleor counts it."""
        return Money(amount=Decimal(self.amount), currency=XOF)

    @property
    def charged(self) -> Money:
        """What Saleor is told as charged once the payment is accepted: its amount, or what a person accepted."""
        if self.decided_by is None or self.held_amount is None:
            return self.money
        return Money(amount=Decimal(self.held_amount), currency=XOF)

    @property
    def signed(self) -> bool:
        """Whether CinetPay has signed the payment, so that it can be looked up and judged."""
        return self.signature is not None

    @property
    def open_to_pay(self) -> bool:
        """Whether the buyer can still be handed over with the form: pending, not cancelled, and the form is known."""
        if self.state is not PaymentState.PENDING or self.cancelled_at is not None:
            return False
        return self.signature is not None and self.api_key is not None

    @property
    def phone(self) -> PhoneNumber | None:
        """The buyer's number: the one that paid, else the one that the storefront gave, where there is any."""
        return self.payer or self.fields.phone

    @property
    def of_a_checkout(self) -> bool:
        """Whether a checkout is paid, which somebody must complete into an order."""
        if self.source_id is None:
            return False
        try:
            return base64.b64decode(self.source_id).startswith(b"Checkout:")
        except ValueError:
            return False

    def watched(self, now: datetime) -> bool:
        """Say whether the clock still looks after this payment."""
        return self.state is not PaymentState.ACCEPTED and now < self.watch_until
