"""How a payment stands, in the words of the storefront contract and of the buyer."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from saleor_cinetpay.cinetpay import describe
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.payment import Payment, PaymentState


class Status(StrEnum):
    """`status` of the storefront contract."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REFUSED = "refused"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a storefront, or the buyer on our own pages, is told."""

    status: Status
    code: str | None
    """CinetPay's, of the last attempt."""
    message: Text
    can_retry: bool
    """Whether a new `transactionInitialize` makes sense."""
    cancelled: bool = False
    """Whether staff have cancelled it, so that nobody is led to the payment page any more."""


ACCEPTED = text("Your payment has been received. Thank you!")
PENDING = text("Your payment is being confirmed. This can take a few minutes; you need not pay again.")
REVIEW = text("Your payment is being checked by hand. Please do not pay again; the shop will contact you.")
CANCELLED = text(
    "The shop has cancelled this payment. Please do not pay it any more; to buy, start the payment again in the shop."
)
ENDED = text("This payment was not completed in time. Please start the payment again.")


def outcome_of(payment: Payment, now: datetime) -> Outcome:
    """Tell how a payment stands."""
    match payment.state:
        case PaymentState.ACCEPTED:
            return Outcome(status=Status.ACCEPTED, code=payment.code, message=ACCEPTED, can_retry=False)
        case PaymentState.SUSPECT:
            return Outcome(status=Status.REVIEW, code=payment.code, message=REVIEW, can_retry=False)
        case PaymentState.REFUSED:
            return Outcome(status=Status.REFUSED, code=payment.code, message=_attempt(payment), can_retry=True)
        case PaymentState.PENDING | PaymentState.OPENING | PaymentState.UNKNOWN:
            return _pending(payment, now)
        case other:
            assert_never(other)


def _pending(payment: Payment, now: datetime) -> Outcome:
    if payment.cancelled_at is not None:
        return Outcome(status=Status.PENDING, code=payment.code, message=CANCELLED, can_retry=True, cancelled=True)
    if now >= payment.watch_until:
        return Outcome(status=Status.PENDING, code=payment.code, message=ENDED, can_retry=True)
    if payment.refusal_seen_at is None:
        return Outcome(status=Status.PENDING, code=payment.code, message=PENDING, can_retry=False)
    message = text("{attempt} You can try again on the payment page.", attempt=_attempt(payment))
    return Outcome(status=Status.PENDING, code=payment.code, message=message, can_retry=False)


def _attempt(payment: Payment) -> Text:
    return describe(payment.code or "", payment.code_message).buyer
