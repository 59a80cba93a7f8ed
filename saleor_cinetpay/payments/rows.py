"""Payments and reports as rows of the ledger, and back."""

import json
from dataclasses import asdict
from typing import Any

from pydantic import SecretStr
from sqlalchemy import and_, bindparam

from saleor_cinetpay.cinetpay import PaymentFields, PhoneNumber
from saleor_cinetpay.locale import Language, language_of
from saleor_cinetpay.money import CinetPayAmount
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.report import DueReport, Report, ReportType
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.payments.trans_id import TransactionId, TransId
from saleor_cinetpay.shops.accounts import Environment
from saleor_cinetpay.shops.secrets import SecretBox, place_in
from saleor_cinetpay.stored import known

PHONE_TAIL = 4
"""How many of a phone number's last digits stand in plain, so that a payment can be found by them."""

_FROZEN = (
    "transaction_id",
    "saleor_api_url",
    "account_key",
    "app_base_url",
    "return_url",
    "cancel_url",
    "source_id",
    "source_total",
    "channel",
    "buyer_email",
)
_WATCHED = (
    "opened_at",
    "watch_until",
    "code",
    "code_message",
    "operator",
    "payid",
    "suspicion",
    "held_amount",
    "decided_by",
    "refusal_seen_at",
    "unclear_since",
    "failing_since",
    "failure_told_at",
    "success_time",
    "looked_at",
    "due_at",
    "quiet_until",
    "lease",
)
_NUDGED = ("buyer_back_at", "cancelled_at", "hints", "notified_at")
_LEARNED = ("order_id", "order_number")

_CHANGED_BY_OTHERS = ("hints", "buyer_back_at", "cancelled_at", "failure_told_at", *_LEARNED)
"""What changes while somebody holds the lease: at least one of these (a purge aside, which comes after the watch)."""
UNCHANGED = and_(*(payments.c[name].is_not_distinct_from(bindparam(f"held_{name}")) for name in _CHANGED_BY_OTHERS))
"""Whether a row still says what the `as_held` payment says."""

_SIGNED = ("fields", "signature", "api_key")
"""The members that are sealed together."""

_PLAIN = (*_FROZEN, *_WATCHED, *_NUDGED, *_LEARNED)
"""The columns that hold a payment's members as they are."""


def row_of(payment: Payment, secrets: SecretBox) -> dict[str, Any]:
    """Return a payment as a row, its form sealed."""
    return {
        **{name: getattr(payment, name) for name in _PLAIN},
        "trans_id": payment.trans_id,
        "site_id": payment.fields.site_id,
        "amount": payment.amount,
        "environment": payment.environment,
        "language": payment.language,
        "merchant_language": payment.merchant_language,
        "state": payment.state,
        "sealed_form": seal_form(payment, secrets),
        "sealed_payer": _sealed_payer(payment, secrets),
        "phone_tail": _phone_tail(payment),
    }


def changes_of(before: Payment, after: Payment, secrets: SecretBox) -> dict[str, Any]:
    """Return which of the columns that a holder of the lease writes change; others write `_NUDGED` and `_LEARNED`."""

    def differ(*names: str) -> bool:
        return any(getattr(before, name) != getattr(after, name) for name in names)

    row = {name: getattr(after, name) for name in ("state", *_WATCHED) if differ(name)}
    if differ(*_SIGNED):
        row["sealed_form"] = seal_form(after, secrets)
    if differ(*_SIGNED, "payer"):
        row["sealed_payer"] = _sealed_payer(after, secrets)
        row["phone_tail"] = _phone_tail(after)
    return row


def as_held(payment: Payment) -> dict[str, Any]:
    """Return what `UNCHANGED` compares with."""
    return {f"held_{name}": getattr(payment, name) for name in _CHANGED_BY_OTHERS}


def seal_form(payment: Payment, secrets: SecretBox) -> str:
    """Return what is signed, and what signed it, as it is stored."""
    form = {
        "fields": asdict(payment.fields),
        "signature": None if payment.signature is None else payment.signature.get_secret_value(),
        "api_key": None if payment.api_key is None else payment.api_key.get_secret_value(),
    }
    return secrets.seal(json.dumps(form), place=_form_place(payment.trans_id))


def payment_of(row: Any, secrets: SecretBox) -> Payment:
    """Read a payment from its row.

    Raises:
        Unreadable: where no key opens it, or a newer version has written what this one does not know.
    """
    state, environment = known(PaymentState, row.state), known(Environment, row.environment)
    held = dict(zip(row._fields, row, strict=True))
    form = json.loads(secrets.open(row.sealed_form, place=_form_place(row.trans_id)))
    payer = row.sealed_payer and json.loads(secrets.open(row.sealed_payer, place=_payer_place(row.trans_id)))
    phone = form["fields"].pop("phone")
    return Payment(
        **{name: held[name] for name in _PLAIN},
        fields=PaymentFields(**form["fields"], phone=PhoneNumber(**phone) if phone else None),
        signature=None if form["signature"] is None else SecretStr(form["signature"]),
        api_key=None if form["api_key"] is None else SecretStr(form["api_key"]),
        payer=PhoneNumber(**payer) if payer else None,
        environment=environment,
        language=language_of(row.language, Language.FRENCH),
        merchant_language=language_of(row.merchant_language, Language.FRENCH),
        state=state,
    )


def report_of_row(row: Any) -> DueReport:
    """Read a report from its row."""
    return DueReport(
        id=row.id,
        report=Report(
            trans_id=TransId(row.trans_id),
            transaction_id=TransactionId(row.transaction_id),
            saleor_api_url=row.saleor_api_url,
            type=ReportType(row.type),
            psp_reference=row.psp_reference,
            amount=CinetPayAmount(row.amount),
            currency=row.currency,
            time=row.time,
            message=row.message,
            operator=row.operator,
        ),
        created_at=row.created_at,
        attempts=row.attempts,
        lease=row.lease or "",
    )


def _sealed_payer(payment: Payment, secrets: SecretBox) -> str | None:
    if payment.payer is None:
        return None
    return secrets.seal(json.dumps(asdict(payment.payer)), place=_payer_place(payment.trans_id))


def _phone_tail(payment: Payment) -> str | None:
    return None if payment.phone is None else payment.phone.number[-PHONE_TAIL:]


def _form_place(trans_id: str) -> str:
    return place_in(payments.c.sealed_form, trans_id=trans_id)


def _payer_place(trans_id: str) -> str:
    return place_in(payments.c.sealed_payer, trans_id=trans_id)
