"""What the desk reads of a shop's refunds: those that wait, those that are decided, and one with its payment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.payment import Payment
from saleor_cinetpay.payments.refund import Refund, RefundState, refund_of_row
from saleor_cinetpay.payments.rows import payment_of
from saleor_cinetpay.payments.tables import payments, refunds
from saleor_cinetpay.shops.secrets import SecretBox

PAGE = 50
MOST_WAITING = 200
"""How many waiting refunds a page shows; the oldest come first, so that none is passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRefund:
    """A line of the list, without the buyer's number."""

    refund: Refund
    phone_tail: str | None
    """The last digits of the number to pay back to."""
    operator: str | None
    order_number: str | None
    """What the payment paid, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPage:
    """A page of the history, the newest decision first."""

    lines: Sequence[ListedRefund]
    older: datetime | None
    """Where the next page begins, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFile:
    """A refund with its payment, and what else was asked of the same payment."""

    refund: Refund
    payment: Payment
    others: Sequence[Refund]
    """The newest first; rejected ones are left out."""


class DeskRefunds:
    """Reads refunds for the desk."""

    def __init__(self, database: Database, secrets: SecretBox) -> None:
        self._database = database
        self._secrets = secrets

    async def count_waiting(self, saleor_api_url: str) -> int:
        """Return how many refunds of a shop wait for a person."""
        async with self._database.read() as connection:
            counted = select(func.count()).select_from(refunds).where(*_waiting(saleor_api_url))
            return int((await connection.execute(counted)).scalar_one())

    async def waiting(self, saleor_api_url: str) -> list[ListedRefund]:
        """Return what waits, the longest first."""
        lines = _LINES.where(*_waiting(saleor_api_url)).order_by(refunds.c.asked_at).limit(MOST_WAITING)
        async with self._database.read() as connection:
            return [_listed(row) for row in await connection.execute(lines)]

    async def decided(self, saleor_api_url: str, before: datetime | None) -> RefundPage:
        """Return what was paid back, declined or rejected (before that moment), the newest first."""
        conditions = [
            refunds.c.saleor_api_url == saleor_api_url,
            refunds.c.state != RefundState.WAITING,
            *([refunds.c.decided_at < before] if before else []),
        ]
        lines = _LINES.where(*conditions).order_by(refunds.c.decided_at.desc()).limit(PAGE + 1)
        async with self._database.read() as connection:
            found = [_listed(row) for row in await connection.execute(lines)]
        older = found[PAGE - 1].refund.decided_at if len(found) > PAGE else None
        return RefundPage(lines=found[:PAGE], older=older)

    async def one(self, saleor_api_url: str, reference: str) -> RefundFile | None:
        """Return one refund of a shop with its payment, or None where the shop has none of that reference."""
        async with self._database.read() as connection:
            row = (
                await connection.execute(
                    select(refunds).where(refunds.c.reference == reference, refunds.c.saleor_api_url == saleor_api_url)
                )
            ).one_or_none()
            if row is None:
                return None
            refund = refund_of_row(row)
            of_it = (await connection.execute(select(payments).where(payments.c.trans_id == refund.trans_id))).one()
            others = await connection.execute(
                select(refunds)
                .where(
                    refunds.c.trans_id == refund.trans_id,
                    refunds.c.reference != reference,
                    refunds.c.state != RefundState.REJECTED,
                )
                .order_by(refunds.c.asked_at.desc())
            )
            return RefundFile(
                refund=refund,
                payment=payment_of(of_it, self._secrets),
                others=[refund_of_row(other) for other in others],
            )


_LINES = select(refunds, payments.c.phone_tail, payments.c.operator, payments.c.order_number).join(
    payments, payments.c.trans_id == refunds.c.trans_id
)


def _waiting(saleor_api_url: str) -> tuple[ColumnElement[bool], ...]:
    return (refunds.c.saleor_api_url == saleor_api_url, refunds.c.state == RefundState.WAITING)


def _listed(row: Any) -> ListedRefund:
    return ListedRefund(
        refund=refund_of_row(row), phone_tail=row.phone_tail, operator=row.operator, order_number=row.order_number
    )
