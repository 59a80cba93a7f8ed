"""Refund requests: taken from Saleor, and kept until a person has paid back or declined.

What is open or paid back never adds up to more than was accepted: the payment's row is locked while a request is
judged, so that requests that come together wait for each other.
"""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import Unreadable
from saleor_cinetpay.locale import Language, Text, text
from saleor_cinetpay.money import XOF, Money, NotWhole, whole_francs
from saleor_cinetpay.payments.history import Event, record
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.refund import Refund, RefundReference, RefundState, reference_of, refund_of_row
from saleor_cinetpay.payments.rows import payment_of
from saleor_cinetpay.payments.tables import payments, refunds
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.shops.secrets import SecretBox

LONGEST_REASON = 2000
LONGEST_NAME = 255

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """What Saleor asks for with TRANSACTION_REFUND_REQUESTED."""

    saleor_api_url: str
    transaction_id: TransactionId
    request_key: str
    """The same whenever the same request comes again."""
    money: Money
    reason: str = ""
    asked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAnswer:
    """What Saleor is told at once."""

    reference: RefundReference
    rejection: str | None = None
    """Why there is no refund, for staff; None where it is kept, and its outcome will be reported."""


class Refunds:
    """Takes refund requests. Moves no money."""

    def __init__(self, database: Database, secrets: SecretBox, clock: Clock) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._problems = Problems(database)

    async def request(self, request: RefundRequest) -> RefundAnswer:
        """Keep a request, or reject it; asked again with the same key, answer the same."""
        reference = reference_of(trans_id_of(request.transaction_id), request.request_key)
        async with self._database.write() as connection:
            try:
                payment = await self._locked(connection, request)
            except Unreadable as error:
                log.error("payment_unreadable", trans_id=trans_id_of(request.transaction_id), error=str(error))
                return RefundAnswer(reference=reference, rejection=error.merchant.say(Language.FRENCH))
            if payment is None:
                unknown = text("The payment app holds no payment of this transaction.")
                return RefundAnswer(reference=reference, rejection=unknown.say(Language.FRENCH))
            known = (await connection.execute(select(refunds).where(refunds.c.reference == reference))).one_or_none()
            if known is not None:
                return _again(refund_of_row(known), request, payment.merchant_language)
            answer = await self._judge(connection, payment, request, reference)
        log.info("refund_asked", trans_id=payment.trans_id, reference=reference, waits=answer.rejection is None)
        return answer

    async def _locked(self, connection: AsyncConnection, request: RefundRequest) -> Payment | None:
        """Return the payment, and let no other request about it be judged before this transaction ends."""
        row = (
            await connection.execute(
                select(payments)
                .where(
                    payments.c.trans_id == trans_id_of(request.transaction_id),
                    payments.c.saleor_api_url == request.saleor_api_url,
                )
                .with_for_update()
            )
        ).one_or_none()
        return None if row is None else payment_of(row, self._secrets)

    async def _judge(
        self, connection: AsyncConnection, payment: Payment, request: RefundRequest, reference: RefundReference
    ) -> RefundAnswer:
        language = payment.merchant_language
        impossible = _impossible(request.money, payment)
        if impossible is not None:
            return RefundAnswer(reference=reference, rejection=impossible.say(language))
        rows = await connection.execute(
            select(refunds)
            .where(
                refunds.c.trans_id == payment.trans_id,
                refunds.c.state.in_([RefundState.WAITING, RefundState.PAID_BACK]),
            )
            .order_by(refunds.c.asked_at)
        )
        rejection = _too_early(payment) or _too_much(request.money, payment, [refund_of_row(row) for row in rows])
        refund = Refund(
            reference=reference,
            trans_id=payment.trans_id,
            transaction_id=payment.transaction_id,
            saleor_api_url=payment.saleor_api_url,
            request_key=request.request_key,
            amount=whole_francs(request.money),
            reason=request.reason[:LONGEST_REASON],
            asked_by=request.asked_by[:LONGEST_NAME] if request.asked_by else None,
            asked_at=self._clock.now(),
            state=RefundState.REJECTED if rejection else RefundState.WAITING,
            note=rejection.say(language) if rejection else "",
            decided_at=self._clock.now() if rejection else None,
        )
        await self._write(connection, refund)
        return RefundAnswer(reference=reference, rejection=refund.note if rejection else None)

    async def _write(self, connection: AsyncConnection, refund: Refund) -> None:
        await connection.execute(insert(refunds).values(asdict(refund)))
        waits = refund.state is RefundState.WAITING
        detail: dict[str, Any] = {"reference": refund.reference, "amount": str(refund.money), "by": refund.asked_by}
        event = Event(kind="refund_asked" if waits else "refund_rejected", detail=detail)
        await record(connection, refund.trans_id, refund.asked_at, event)
        if waits:
            await self._problems.raise_in(connection, _waits(refund), refund.asked_at)


def _again(refund: Refund, request: RefundRequest, language: Language) -> RefundAnswer:
    """Answer a repeat as the first time; whatever has become of the refund since is told by its report."""
    if refund.money != request.money:
        other = text("The same request came before with another amount, {amount}.", amount=refund.money)
        reference = reference_of(refund.trans_id, f"{request.request_key}/{request.money}")  # not that of what is kept
        return RefundAnswer(reference=reference, rejection=other.say(language))
    rejected = refund.state is RefundState.REJECTED
    return RefundAnswer(reference=refund.reference, rejection=refund.note if rejected else None)


def _impossible(money: Money, payment: Payment) -> Text | None:
    """Say why such an amount can never be paid back of this payment, whatever happens yet."""
    if money.currency != XOF:
        return text("The payment was made in XOF; {currency} can't be paid back.", currency=money.currency)
    if not money.amount.is_finite() or money.amount <= 0:
        return text("{amount} can't be paid back: the amount must be above zero.", amount=money)
    if money.amount > payment.charged.amount:
        return text("{amount} can't be paid back: the payment was {charged}.", amount=money, charged=payment.charged)
    try:
        whole_francs(money)
    except NotWhole:
        return text("{amount} can't be paid back: it is no whole number of francs.", amount=money)
    return None


def _too_early(payment: Payment) -> Text | None:
    if payment.state is PaymentState.ACCEPTED:
        return None
    return text("This payment has not been paid, so there is nothing to pay back.")


def _too_much(money: Money, payment: Payment, earlier: list[Refund]) -> Text | None:
    """Say which requests leave too little of the payment."""
    left = payment.charged.amount - sum((refund.money.amount for refund in earlier), Decimal(0))
    if money.amount <= left:
        return None
    rest = Money(amount=left, currency=XOF)
    waiting = [refund for refund in earlier if refund.state is RefundState.WAITING]
    if not waiting:
        return text("{amount} can't be paid back: of this payment only {rest} is left.", amount=money, rest=rest)
    return text(
        "A refund of {waiting} has been waiting since {since} in the CinetPay app, on its page Refunds ({reference}). "
        "Decide on it there; beside it only {rest} could be paid back.",
        waiting=waiting[-1].money,
        since=f"{waiting[-1].asked_at:%Y-%m-%d %H:%M} UTC",
        reference=waiting[-1].reference,
        rest=rest,
    )


def _waits(refund: Refund) -> Problem:
    return Problem(
        kind=ProblemKind.REFUND_WAITING,
        saleor_api_url=refund.saleor_api_url,
        subject=refund.reference,
        trans_id=refund.trans_id,
        detail={"amount": str(refund.money), "asked_at": refund.asked_at.isoformat()},
    )
