"""Money too much: accepted payments of one checkout or order that together pay more than it costs.

A checkout and the order that it became are one: payments of the checkout know that order once it has been learned. What
was paid back no longer counts. All of it runs in a transaction of the caller's.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import ProblemKind, Problems
from saleor_cinetpay.payments.refund import RefundState
from saleor_cinetpay.payments.tables import payments, refunds

_CHARGED = case(
    (and_(payments.c.decided_by.is_not(None), payments.c.held_amount.is_not(None)), payments.c.held_amount),
    else_=payments.c.amount,
)
"""What Saleor was told of an accepted payment: `Payment.charged`."""
_PAID_BACK = (
    select(func.coalesce(func.sum(refunds.c.amount), 0))
    .where(refunds.c.trans_id == payments.c.trans_id, refunds.c.state == RefundState.PAID_BACK)
    .scalar_subquery()
)
# A parameter that is NULL equals nothing. Each side of the OR has an index.
_KEPT = select(
    payments.c.trans_id, payments.c.opened_at, payments.c.source_total, (_CHARGED - _PAID_BACK).label("kept")
).where(
    or_(
        payments.c.trans_id == bindparam("of"),
        payments.c.source_id == bindparam("source"),
        payments.c.source_id == bindparam("order"),
        payments.c.order_id == bindparam("source"),
        payments.c.order_id == bindparam("order"),
    ),
    payments.c.saleor_api_url == bindparam("shop"),
    payments.c.state == PaymentState.ACCEPTED,
)


_LOCK = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("key"))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is left of the accepted payments of one checkout or order."""

    amounts: dict[str, int]
    """By trans id; 0 where all was paid back."""
    total: int | None
    """What it costs, as the payment says that was opened last; None where that is not known in whole francs."""

    @property
    def too_much(self) -> bool:
        """Whether more than one paid, and together more than it costs."""
        if self.total is None:
            return len([amount for amount in self.amounts.values() if amount]) > 1
        return len(self.amounts) > 1 and sum(self.amounts.values()) > self.total


async def paid_besides(connection: AsyncConnection, payment: Payment) -> list[str]:
    """Return the other payments of the same checkout or order, if all together keep more than it costs."""
    if payment.source_id is None and payment.order_id is None:
        return []
    kept = await _kept(connection, payment)
    others = [trans_id for trans_id, amount in kept.amounts.items() if amount and trans_id != payment.trans_id]
    return others if kept.too_much else []


async def settle_surplus(connection: AsyncConnection, payment: Payment, problems: Problems, now: datetime) -> None:
    """Solve what says that money is to be given back, once nothing of it is left."""
    kept = await _kept(connection, payment)
    if not kept.amounts.get(payment.trans_id):
        await problems.solve_in(connection, ProblemKind.PAID_AFTER_CANCELATION, payment.trans_id, now)
    if not kept.too_much:
        for trans_id in kept.amounts:
            await problems.solve_in(connection, ProblemKind.DOUBLE_PAYMENT, trans_id, now)


async def _kept(connection: AsyncConnection, payment: Payment) -> _Kept:
    """Return what is left of each accepted payment of the same checkout or order."""
    if connection.dialect.name != "sqlite":  # SQLite has one writer; here two of them must not pass each other by
        # Sorted, so that two who need the same two never wait for each other.
        for key in sorted({known for known in (payment.source_id, payment.order_id) if known} or {payment.trans_id}):
            await connection.execute(_LOCK, {"key": key})
    of = {
        "of": payment.trans_id,
        "source": payment.source_id,
        "order": payment.order_id,
        "shop": payment.saleor_api_url,
    }
    rows = (await connection.execute(_KEPT, of)).all()
    newest = max(rows, key=lambda row: (row.opened_at, row.trans_id == payment.trans_id), default=None)
    return _Kept(
        amounts={row.trans_id: int(row.kept) for row in rows}, total=None if newest is None else newest.source_total
    )
