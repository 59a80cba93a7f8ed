"""Money too much: accepted payments of one checkout or order that together pay more than it costs.

A checkout and the order that it became are one, once one payment of the checkout knows that order. What was paid back
no longer counts. All of it runs in a transaction of the caller's, who has written there what has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import and_, bindparam, case, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.money import XOF
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.refund import RefundState
from saleor_cinetpay.payments.tables import among_the_shops, payments, problems, refunds
from saleor_cinetpay.payments.trans_id import TransId

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

_other = payments.alias("other")
_OF_SHOP = among_the_shops(_other, bindparam("shop"))
_SOURCE = _other.c.source_id.in_((bindparam("source"), bindparam("order")))  # NULL equals nothing
_ORDER = _other.c.order_id.in_((bindparam("source"), bindparam("order")))
_payment_there = payments.alias("payment_there")
# Each part has an index. An OR of them has none on PostgreSQL, as one asks a subquery.
_RELATED = union_all(
    select(_other.c.trans_id).where(_other.c.trans_id == bindparam("of")),
    select(_other.c.trans_id).where(_OF_SHOP, _SOURCE),
    select(_other.c.trans_id).where(_OF_SHOP, _ORDER),
    select(_payment_there.c.trans_id)
    .join(_other, _payment_there.c.source_id == _other.c.source_id)
    .where(_OF_SHOP, _ORDER, among_the_shops(_payment_there, bindparam("shop"))),
)
"""The payments of a checkout and of its order; of its checkout too those that do not know the order themselves."""
_LEARNED = (
    select(_other.c.order_id)
    .where(_OF_SHOP, or_(_other.c.trans_id == bindparam("of"), _SOURCE), _other.c.order_id.is_not(None))
    .limit(1)
    .scalar_subquery()
)
"""The order of a checkout, as any of its payments knows it."""
_KEPT = select(
    payments.c.trans_id,
    payments.c.source_id,
    payments.c.opened_at,
    payments.c.source_total,
    func.coalesce(payments.c.success_time, payments.c.opened_at).label("paid_at"),
    _CHARGED.label("charged"),
    (_CHARGED - _PAID_BACK).label("kept"),
    _LEARNED.label("learned"),
).where(payments.c.trans_id.in_(_RELATED), payments.c.state == PaymentState.ACCEPTED)
_LOCK = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("key"))))
_STANDING = select(problems.c.trans_id, problems.c.detail).where(
    problems.c.key.in_(bindparam("keys", expanding=True)), problems.c.solved_at.is_(None)
)


class Paying(Protocol):
    """A payment, and what it knows of what it pays."""

    @property
    def trans_id(self) -> str:
        """Its own id."""
        ...

    @property
    def saleor_api_url(self) -> str:
        """The shop."""
        ...

    @property
    def source_id(self) -> str | None:
        """The checkout or the order that it was opened for."""
        ...

    @property
    def order_id(self) -> str | None:
        """The order, where it knows it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """What is left of one accepted payment."""

    trans_id: str
    source_id: str | None
    charged: int
    kept: int
    """0 where all was paid back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is left of the accepted payments of one checkout or order."""

    shares: Sequence[_Share]
    """In the order in which they were paid."""
    total: int | None
    """What it costs, as the payment says that was opened last of those that know; None where none knows."""

    @property
    def left(self) -> list[_Share]:
        """Those that were not paid back, or not wholly."""
        return [share for share in self.shares if share.kept]

    @property
    def too_much(self) -> bool:
        """Whether more than one paid, and together more than it costs."""
        if self.total is None:
            return len(self.left) > 1
        return len(self.shares) > 1 and sum(share.kept for share in self.shares) > self.total


async def raise_surplus(connection: AsyncConnection, payment: Paying, raising: Problems, now: datetime) -> None:
    """Have a person told where a payment and the others of its checkout or order keep more than it costs.

    To be asked when a payment is accepted, and when its order is learned: either may bring payments together. What a
    person has been told of already, dismissed or not, stays as it is.
    """
    if payment.source_id is None and payment.order_id is None:
        return
    kept = await _kept(connection, payment)
    if not kept.too_much or len(kept.left) < 2 or await _told(connection, kept):
        return
    *earlier, last = kept.left
    problem = Problem(
        kind=ProblemKind.DOUBLE_PAYMENT,
        saleor_api_url=payment.saleor_api_url,
        subject=last.trans_id,
        trans_id=TransId(last.trans_id),
        detail={
            "others": [share.trans_id for share in earlier],
            "source_id": last.source_id,
            "amount": f"{last.charged} {XOF}",
        },
    )
    await raising.raise_in(connection, problem, now)


async def settle_surplus(connection: AsyncConnection, payment: Paying, problems: Problems, now: datetime) -> None:
    """Solve what says that money is to be given back, once nothing of it is left."""
    kept = await _kept(connection, payment)
    if payment.trans_id not in {share.trans_id for share in kept.left}:
        await problems.solve_in(connection, ProblemKind.PAID_AFTER_CANCELATION, payment.trans_id, now)
    if not kept.too_much:
        for share in kept.shares:
            await problems.solve_in(connection, ProblemKind.DOUBLE_PAYMENT, share.trans_id, now)


async def _kept(connection: AsyncConnection, payment: Paying) -> _Kept:
    """Return what is left of each accepted payment of the same checkout or order."""
    order_id = payment.order_id
    await _lock(connection, payment, order_id)
    rows = await _rows(connection, payment, order_id)
    if order_id is None and rows and rows[0].learned is not None:  # by another payment of the checkout
        order_id = rows[0].learned
        await _lock(connection, payment, order_id)
        rows = await _rows(connection, payment, order_id)
    priced = [row for row in rows if row.source_total is not None]
    newest = max(priced, key=lambda row: (row.opened_at, row.trans_id == payment.trans_id), default=None)
    paid = sorted(rows, key=lambda row: (row.paid_at, row.trans_id == payment.trans_id, row.trans_id))
    return _Kept(
        shares=[
            _Share(trans_id=row.trans_id, source_id=row.source_id, charged=int(row.charged), kept=int(row.kept))
            for row in paid
        ],
        total=None if newest is None else newest.source_total,
    )


async def _lock(connection: AsyncConnection, payment: Paying, order_id: str | None) -> None:
    """Let nobody pass by who judges the same checkout or order: who comes second sees what the first has written.

    The checkout comes before its order, so that two who need both never wait for each other.
    """
    if connection.dialect.name == "sqlite":  # it has one writer anyhow
        return
    for key in dict.fromkeys(known for known in (payment.source_id, order_id) if known) or (payment.trans_id,):
        await connection.execute(_LOCK, {"key": key})


async def _rows(connection: AsyncConnection, payment: Paying, order_id: str | None) -> Sequence[Any]:
    of = {
        "of": payment.trans_id,
        "source": payment.source_id,
        "order": order_id,
        "shop": payment.saleor_api_url,
    }
    return (await connection.execute(_KEPT, of)).all()


async def _told(connection: AsyncConnection, kept: _Kept) -> bool:
    """Say whether a problem stands that names all of which something is left."""
    keys = [f"{ProblemKind.DOUBLE_PAYMENT}:{share.trans_id}" for share in kept.shares]
    left = {share.trans_id for share in kept.left}
    return any(
        left <= {row.trans_id, *row.detail["others"]} for row in await connection.execute(_STANDING, {"keys": keys})
    )
