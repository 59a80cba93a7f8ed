"""A refund: one request of Saleor's to give money of an accepted payment back, which CinetPay v1 can't do by itself.

waiting ──> paid back      a person has given the money back, and says by which payment
   └──────> declined       a person will not, and says why
rejected                   turned away at once; kept, so that a repeat of the same request gets the same answer
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NewType

from saleor_cinetpay.money import XOF, CinetPayAmount, Money
from saleor_cinetpay.payments.trans_id import ALPHABET, TransactionId, TransId
from saleor_cinetpay.stored import StoredWord

RefundReference = NewType("RefundReference", str)
"""Ours, and Saleor's `pspReference` of the refund: 43 characters that begin with the payment's trans id."""

REFERENCE_DIGITS = 16


class RefundState(StoredWord):
    """Where a refund stands."""

    WAITING = "waiting"
    PAID_BACK = "paid_back"
    DECLINED = "declined"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """What a newer version has written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One refund, as the ledger holds it. What a decision writes stands below the state."""

    reference: RefundReference
    trans_id: TransId
    transaction_id: TransactionId
    saleor_api_url: str
    request_key: str
    """What Saleor knows the request by: its `idempotencyKey`."""
    amount: CinetPayAmount
    reason: str
    """What staff typed; may be empty, and goes when the payment is purged, as the note does."""
    asked_by: str | None
    """An e-mail address or an app's name, where Saleor says so."""
    asked_at: datetime
    state: RefundState = RefundState.WAITING
    note: str = ""
    """Paid back: by which payment. Declined: why. Rejected: what Saleor was told."""
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def money(self) -> Money:
        """The amount as Saleor counts it."""
        return Money(amount=Decimal(self.amount), currency=XOF)


def reference_of(trans_id: TransId, request_key: str) -> RefundReference:
    """Return the reference of a request: the same for the same key, another for any other."""
    number = int.from_bytes(hashlib.sha256(f"{trans_id}/{request_key}".encode()).digest()[:10])
    digits = (ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(REFERENCE_DIGITS)))
    return RefundReference(f"{trans_id}-{''.join(digits)}")


def refund_of_row(row: Any) -> Refund:
    """Read a refund from its row."""
    return Refund(
        reference=RefundReference(row.reference),
        trans_id=TransId(row.trans_id),
        transaction_id=TransactionId(row.transaction_id),
        saleor_api_url=row.saleor_api_url,
        request_key=row.request_key,
        amount=CinetPayAmount(row.amount),
        reason=row.reason or "",
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        state=RefundState(row.state),
        note=row.note or "",
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )
