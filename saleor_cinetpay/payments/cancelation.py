"""Cancelation: staff ask that a payment come to nothing. CinetPay can't take a form back, so it is only let go of.

One look, within the time of the answer: what is paid, suspect or unknown can't be cancelled. Anything else is marked:
it is handed out no more, but stays watched, as the form may be out there, and an acceptance still counts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

import structlog
from sqlalchemy import func, update

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import Unreadable
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.history import Event, record
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.opening import TO_WRITE_S
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelationRequest:
    """What Saleor asks for with TRANSACTION_CANCELATION_REQUESTED."""

    saleor_api_url: str
    transaction_id: TransactionId
    deadline: datetime
    """When the answer must be ready."""


class Cancelled(StrEnum):
    """What came of a request."""

    DONE = "done"
    PAID = "paid"
    SUSPECT = "suspect"
    NO_ANSWER = "no_answer"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


TEXTS: dict[Cancelled, Text] = {
    Cancelled.DONE: text(
        "Cancelled: the payment is handed out no more. Should it be paid all the same, the CinetPay app will say so."
    ),
    Cancelled.PAID: text("The payment has been paid, so it can't be cancelled; refund it instead."),
    Cancelled.SUSPECT: text("CinetPay's answer does not match this payment; decide on it in the CinetPay app first."),
    Cancelled.NO_ANSWER: text("CinetPay does not say whether this was paid. Please try again in a few minutes."),
    Cancelled.UNKNOWN: text("The payment app holds no payment of this transaction."),
    Cancelled.UNREADABLE: Unreadable.merchant,
}
"""What staff are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelationAnswer:
    """What came of a request, and the payment where there is one."""

    outcome: Cancelled
    payment: Payment | None


class Cancelation:
    """Lets go of payments. Moves no money."""

    def __init__(self, *, database: Database, ledger: Ledger, settlement: Settlement, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._settlement = settlement
        self._clock = clock

    async def cancel(self, request: CancelationRequest) -> CancelationAnswer:
        """Look once, and cancel what is not paid; asked again, look and answer again."""
        trans_id = trans_id_of(request.transaction_id)
        try:
            payment = await self._ledger.find(trans_id)
        except Unreadable as error:
            log.error("payment_unreadable", trans_id=trans_id, error=str(error))
            return CancelationAnswer(outcome=Cancelled.UNREADABLE, payment=None)
        if payment is None or payment.saleor_api_url != request.saleor_api_url:
            return CancelationAnswer(outcome=Cancelled.UNKNOWN, payment=None)
        asked_at = self._clock.now()
        if payment.signed:
            left_s = (request.deadline - asked_at).total_seconds() - TO_WRITE_S
            payment = await self._settlement.settle(trans_id, trigger="cancelation", wait_s=left_s) or payment
        outcome = _judge(payment, asked_at)
        if outcome is Cancelled.DONE:
            outcome = await self._mark(payment)
        log.info("payment_cancelation", trans_id=trans_id, outcome=outcome)
        return CancelationAnswer(outcome=outcome, payment=payment)

    async def _mark(self, payment: Payment) -> Cancelled:
        """Mark a payment as cancelled, unless somebody has seen it paid since."""
        now = self._clock.now()
        async with self._database.write() as connection:
            marked = await connection.execute(
                update(payments)
                .where(
                    payments.c.trans_id == payment.trans_id,
                    payments.c.state.not_in([PaymentState.ACCEPTED, PaymentState.SUSPECT]),
                )
                .values(cancelled_at=func.coalesce(payments.c.cancelled_at, now))
            )
            if marked.rowcount != 1:
                return Cancelled.PAID
            if payment.cancelled_at is None:
                await record(connection, payment.trans_id, now, Event(kind="cancelled"))
        return Cancelled.DONE


def _judge(payment: Payment, asked_at: datetime) -> Cancelled:
    match payment.state:
        case PaymentState.ACCEPTED:
            return Cancelled.PAID
        case PaymentState.SUSPECT:
            return Cancelled.SUSPECT
        case PaymentState.OPENING:  # nobody can pay what CinetPay has not signed
            return Cancelled.DONE
        case PaymentState.PENDING | PaymentState.REFUSED:
            looked = payment.looked_at is not None and payment.looked_at >= asked_at
            return Cancelled.DONE if looked and payment.failing_since is None else Cancelled.NO_ANSWER
        case PaymentState.UNKNOWN:
            return Cancelled.UNREADABLE
        case other:
            assert_never(other)
