"""Money too much: accepted payments of one checkout or order that together pay more than it costs.

What was paid back no longer counts. All of it runs in a transaction of the caller's.
"""

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
_KEPT = select(payments.c.trans_id, (_CHARGED - _PAID_BACK).label("kept")).where(
    or_(payments.c.trans_id == bindparam("of"), payments.c.source_id == bindparam("source")),
    payments.c.saleor_api_url == bindparam("shop"),
    payments.c.state == PaymentState.ACCEPTED,
)


async def paid_besides(connection: AsyncConnection, payment: Payment) -> list[str]:
    """Return the other payments of the same checkout or order, if all together keep more than it costs."""
    if payment.source_id is None:
        return []
    kept = await _kept(connection, payment)
    others = [trans_id for trans_id, amount in kept.items() if amount and trans_id != payment.trans_id]
    return others if _too_much(kept, payment) else []


async def settle_surplus(connection: AsyncConnection, payment: Payment, problems: Problems, now: datetime) -> None:
    """Solve what says that money is to be given back, once nothing of it is left."""
    kept = await _kept(connection, payment)
    if not kept.get(payment.trans_id):
        await problems.solve_in(connection, ProblemKind.PAID_AFTER_CANCELATION, payment.trans_id, now)
    if not _too_much(kept, payment):
        for trans_id in kept:
            await problems.solve_in(connection, ProblemKind.DOUBLE_PAYMENT, trans_id, now)


def _too_much(kept: dict[str, int], payment: Payment) -> bool:
    if payment.source_total is None:
        return len([amount for amount in kept.values() if amount]) > 1
    return len(kept) > 1 and sum(kept.values()) > payment.source_total


async def _kept(connection: AsyncConnection, payment: Payment) -> dict[str, int]:
    """Return what is left of each accepted payment of the same checkout or order, by its trans id."""
    if connection.dialect.name != "sqlite":  # SQLite has one writer; here two of them must not pass each other by
        await connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtext(payment.source_id or payment.trans_id)))
        )
    rows = await connection.execute(
        _KEPT, {"of": payment.trans_id, "source": payment.source_id, "shop": payment.saleor_api_url}
    )
    return {row.trans_id: int(row.kept) for row in rows}
