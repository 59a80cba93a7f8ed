"""What the desk reads of a shop's payments: light rows, without the sealed forms."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.tables import payments

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPayment:
    """A line of the list."""

    trans_id: str
    opened_at: datetime
    amount: int
    state: PaymentState
    operator: str | None


class DeskPayments:
    """Reads payments for the desk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, saleor_api_url: str) -> list[ListedPayment]:
        """Return the shop's newest payments."""
        columns = (payments.c.trans_id, payments.c.opened_at, payments.c.amount, payments.c.state, payments.c.operator)
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(*columns)
                .where(payments.c.saleor_api_url == saleor_api_url)
                .order_by(payments.c.opened_at.desc())
                .limit(PAGE)
            )
            return [ListedPayment(**dict(row._mapping) | {"state": PaymentState(row.state)}) for row in rows]
