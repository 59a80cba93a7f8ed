"""The answers to Saleor's session webhooks, as Saleor's response schemas have them. Always 200."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from saleor_cinetpay.cinetpay import describe
from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.locale import Language, text
from saleor_cinetpay.money import Money
from saleor_cinetpay.payments.conclusion import staff_message
from saleor_cinetpay.payments.operators import means_of_payment
from saleor_cinetpay.payments.outcome import Status, outcome_of
from saleor_cinetpay.payments.payment import Payment

Answer = dict[str, Any]

LONGEST_MESSAGE = 512
RESULTS = {
    Status.ACCEPTED: "CHARGE_SUCCESS",
    Status.PENDING: "CHARGE_ACTION_REQUIRED",
    Status.REFUSED: "CHARGE_FAILURE",
    Status.REVIEW: "CHARGE_ACTION_REQUIRED",
}


def standing(payment: Payment, *, now: datetime, saleor: tuple[int, int], page: str | None = None) -> Answer:
    """Answer how a payment stands, with the storefront's `data`; `page` is the payment's in the Dashboard, if known."""
    outcome = outcome_of(payment, now)
    answer: Answer = {
        "result": RESULTS[outcome.status],
        "pspReference": payment.trans_id,
        "amount": number(payment.money.amount),
        "message": staff_text(payment)[:LONGEST_MESSAGE],
        "data": {
            "status": outcome.status,
            "code": outcome.code,
            "message": outcome.message.say(payment.language),
            "canRetry": outcome.can_retry,
        },
    }
    if page is not None:
        answer["externalUrl"] = page
    if outcome.status is Status.ACCEPTED and payment.success_time is not None:
        answer |= {"time": payment.success_time.isoformat(), "actions": ["REFUND"]}
        answer["amount"] = number(payment.charged.amount)
        if name := means_of_payment(payment.operator, saleor):
            answer["paymentMethodDetails"] = {"type": "OTHER", "name": name}
    if outcome.status is Status.REFUSED and payment.failure_told_at is not None:
        answer["time"] = payment.failure_told_at.isoformat()
    return answer


def staff_text(payment: Payment) -> str:
    """Say in the merchant's language how a payment stands."""
    language = payment.merchant_language
    match outcome_of(payment, payment.opened_at).status:
        case Status.ACCEPTED | Status.REFUSED:
            return staff_message(payment, language)
        case Status.REVIEW:
            return text(
                "CinetPay's answer does not match this payment ({suspicion}). Do not deliver before it is cleared up.",
                suspicion=payment.suspicion or "?",
            ).say(language)
        case Status.PENDING:
            if payment.cancelled_at is not None:
                return text("Cancelled; the app goes on watching whether it is paid all the same.").say(language)
            if payment.refusal_seen_at is not None:
                code = describe(payment.code or "", payment.code_message)
                attempt = f"{code.code} {code.name}"
                return text("Waiting for the buyer; the last attempt met {attempt}.", attempt=attempt).say(language)
            return text("Waiting for the buyer to pay at CinetPay.").say(language)


def impossible(error: PaymentImpossible, money: Money, language: Language, merchant_language: Language) -> Answer:
    """Answer that there can be no payment; without a `pspReference`, as there is none."""
    answer: Answer = {
        "result": "CHARGE_FAILURE",
        "amount": number(money.amount),
        "message": f"{error.code}: {error.merchant.say(merchant_language)}"[:LONGEST_MESSAGE],
        "data": errors(error, language),
    }
    return answer if error.told_at is None else answer | {"time": error.told_at.isoformat()}


def errors(error: PaymentImpossible, language: Language) -> Answer:
    """Return the storefront's `data` of a payment that can't be."""
    return {"errors": [{"code": error.code, "message": error.buyer.say(language)}]}


def number(amount: Decimal) -> int | str:
    """Write an amount exactly: whole ones as a JSON number, others as the text that Saleor takes as well."""
    return int(amount) if amount == amount.to_integral_value() else f"{amount.normalize():f}"
