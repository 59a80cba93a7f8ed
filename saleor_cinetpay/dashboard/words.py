"""Payments in words: states, codes, suspicions. What a code says to staff comes from the codes."""

from collections.abc import Mapping
from typing import Protocol

from saleor_cinetpay.cinetpay import describe
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.report import ReportState, ReportType

NEWER = (text("Known to a newer version of the app"), "plain")
"""What is said of a word that this version lacks."""

STATES: Mapping[PaymentState, tuple[Text, str]] = {
    PaymentState.OPENING: (text("Not begun"), "plain"),
    PaymentState.PENDING: (text("Waiting for the buyer"), "wait"),
    PaymentState.ACCEPTED: (text("Paid"), "good"),
    PaymentState.REFUSED: (text("Refused"), "bad"),
    PaymentState.SUSPECT: (text("To be checked"), "review"),
    PaymentState.UNKNOWN: NEWER,
}
"""How a payment stands, in words, and the colour of it."""

SUSPICIONS: Mapping[str, Text] = {
    "amount": text("CinetPay says that another amount was paid than the one that was asked for."),
    "currency": text("CinetPay says that it was paid in another currency."),
    "signature": text("CinetPay shows another signature than the one that this payment was opened with."),
    "site_id": text("CinetPay names another site than the one of this account."),
    "trans_id": text("CinetPay answers about another payment."),
    "status": text("CinetPay says in one place that the payment was accepted, and in another that it was not."),
    "result": text("CinetPay says in one place that the payment was accepted, and in another that it was not."),
    "fraud": text("CinetPay takes this payment for fraud."),
    "money_back": text("CinetPay says that the money of this payment went back to the buyer."),
    "unknown_code": text("For an hour CinetPay has answered with a code that is not documented."),
}
"""Why a payment is to be checked by a person."""

REPORTS: Mapping[ReportType, Text] = {
    ReportType.CHARGE_SUCCESS: text("Paid"),
    ReportType.CHARGE_FAILURE: text("Refused"),
    ReportType.REFUND_SUCCESS: text("Paid back"),
    ReportType.REFUND_FAILURE: text("Not paid back"),
    ReportType.UNKNOWN: NEWER[0],
}
REPORT_STATES: Mapping[ReportState, tuple[Text, str]] = {
    ReportState.DUE: (text("On its way"), "wait"),
    ReportState.DELIVERED: (text("Saleor has it"), "good"),
    ReportState.SUPERSEDED: (text("No longer needed"), "plain"),
    ReportState.UNKNOWN: NEWER,
}


class _Attempted(Protocol):
    @property
    def state(self) -> PaymentState: ...
    @property
    def code(self) -> str | None: ...
    @property
    def code_message(self) -> str: ...
    @property
    def refusal_seen_at(self) -> object: ...


def suspicion_words(suspicion: str | None) -> Text:
    """Say why a payment is to be checked."""
    return SUSPICIONS.get(suspicion or "", text("CinetPay's answer does not match this payment."))


def code_words(code: str | None, message: str = "") -> Text | None:
    """Say what a code of CinetPay's means to the shop; None for no code."""
    return describe(code, message).merchant if code else None


def last_attempt(payment: _Attempted) -> Text | None:
    """Say what the buyer's last attempt met, where that matters: a refusal, final or not."""
    refused = payment.state is PaymentState.REFUSED or payment.refusal_seen_at is not None
    return code_words(payment.code, payment.code_message) if refused else None
