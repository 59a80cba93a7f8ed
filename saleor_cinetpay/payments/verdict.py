"""What an observation means for a payment. A pure function; money rests on it.

Source: the guide, section 3.2, which asks for result, amount and signature; we add site, trans id, currency
and status. Only an explicit word from CinetPay about this very payment ends it.
"""

import hmac
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from saleor_cinetpay.cinetpay import CinetPayTransaction, Code, CodeClass, TransactionStatus, describe
from saleor_cinetpay.payments.payment import Payment

ACCEPTED_CODE = "00"


@dataclass(frozen=True, slots=True)
class Found:
    """CinetPay answered with a transaction."""

    transaction: CinetPayTransaction


@dataclass(frozen=True, slots=True)
class NotStarted:
    """CinetPay answered, and holds no transaction: the buyer has not begun to pay."""


@dataclass(frozen=True, slots=True)
class OnlyStatus:
    """CinetPay answered with a code of its own and no transaction; that says nothing about the payment."""

    code: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """CinetPay could not be asked, or did not answer, or not intelligibly."""

    reason: str


Observation = Found | NotStarted | OnlyStatus | NoAnswer


class VerdictKind(StrEnum):
    """The five verdicts."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an observation means, and why."""

    kind: VerdictKind
    code: str | None = None
    reason: str
    """A stable word for logs and the ledger's history."""
    bounded: bool = False
    """Pending, but only for a bounded time, after which a person has to look."""
    silent: bool = False
    """Pending, because the answer says nothing about this payment; what was known before stands."""


REFUSING_CLASSES = frozenset({CodeClass.REFUSED, CodeClass.OPERATOR_UNAVAILABLE, CodeClass.CANCELLED})
REFUSING_STATUSES = frozenset({TransactionStatus.REFUSED, TransactionStatus.CANCELED})
SAME_CURRENCY = frozenset({"CFA", "XOF"})


def verdict(payment: Payment, observation: Observation) -> Verdict:
    """Judge what CinetPay answered about a payment, against what we stored when it was opened."""
    match observation:
        case NoAnswer(reason=reason):
            return Verdict(kind=VerdictKind.UNAVAILABLE, reason=reason)
        case NotStarted():
            return Verdict(kind=VerdictKind.PENDING, reason="not_started", silent=True)
        case OnlyStatus(code=code):
            return Verdict(kind=VerdictKind.PENDING, code=code, reason=_class_of(describe(code)), silent=True)
        case Found(transaction=transaction):
            return _judge(payment, transaction)


def _judge(payment: Payment, seen: CinetPayTransaction) -> Verdict:
    code = describe(seen.cpm_result, seen.cpm_error_message)
    differences = _differences(payment, seen)
    if code.code == ACCEPTED_CODE and seen.status is TransactionStatus.ACCEPTED and not differences:
        return Verdict(kind=VerdictKind.ACCEPTED, code=code.code, reason="accepted")
    if suspicion := _suspicion(code, seen, differences):
        return Verdict(kind=VerdictKind.SUSPECT, code=code.code or None, reason=suspicion)
    if _is_about_another(differences, seen):
        return Verdict(kind=VerdictKind.PENDING, code=None, reason="wrong_reply", silent=True)
    if seen.status in REFUSING_STATUSES and code.code_class in REFUSING_CLASSES:
        return Verdict(kind=VerdictKind.REFUSED, code=code.code, reason=_class_of(code))
    return Verdict(
        kind=VerdictKind.PENDING,
        code=code.code or None,
        reason=_class_of(code) if code.code else "no_code",
        bounded=code.code_class is CodeClass.UNKNOWN and bool(code.code or seen.status in REFUSING_STATUSES),
    )


def _suspicion(code: Code, seen: CinetPayTransaction, differences: tuple[str, ...]) -> str | None:
    """Name what is wrong where CinetPay says "paid" (or once paid, or fraud), but not everything that it must say."""
    if code.code == ACCEPTED_CODE or seen.status is TransactionStatus.ACCEPTED:
        if differences:
            return differences[0]
        return "status" if code.code == ACCEPTED_CODE else "result"
    if code.code_class in {CodeClass.FRAUD, CodeClass.MONEY_BACK}:
        return _class_of(code)
    return None


def _differences(payment: Payment, seen: CinetPayTransaction) -> tuple[str, ...]:
    """Name every field that does not equal what we stored; an empty one does not."""
    signature = payment.signature.get_secret_value() if payment.signature else ""
    equal = {
        "site_id": seen.cpm_site_id == payment.fields.site_id,
        "trans_id": seen.cpm_trans_id == payment.trans_id,
        "amount": seen.amount == Decimal(payment.amount),
        "currency": seen.cpm_currency.upper() in SAME_CURRENCY,
        "signature": bool(signature)
        and hmac.compare_digest(seen.signature.get_secret_value().encode(), signature.encode()),
    }
    return tuple(name for name, same in equal.items() if not same)


def _is_about_another(differences: tuple[str, ...], seen: CinetPayTransaction) -> bool:
    """Say whether a reply names another payment, or another form that somebody signed for our trans id.

    A refusal may leave amount, currency or signature empty; what it does say must be ours.
    """
    said = {
        "site_id": True,
        "trans_id": True,
        "amount": bool(seen.cpm_amount),
        "currency": bool(seen.cpm_currency),
        "signature": bool(seen.signature.get_secret_value()),
    }
    return any(said[name] for name in differences)


def _class_of(code: Code) -> str:
    return code.code_class.value
