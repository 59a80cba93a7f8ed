"""Which order a payment pays: a checkout has no number, so it is learned from Saleor once the checkout is an order."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorError
from saleor_cinetpay.payments.delivery import InstallationsByUrl
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import ProblemKind, Problems
from saleor_cinetpay.payments.surplus import raise_surplus
from saleor_cinetpay.payments.tables import among_the_shops, payments
from saleor_cinetpay.payments.trans_id import TransactionId
from saleor_cinetpay.saleor.types import SaleorTransaction
from saleor_cinetpay.shops.installations import Installation

_LOCKED = select(payments.c.trans_id).order_by(payments.c.trans_id).with_for_update()
_NOTED = (
    payments.c.trans_id,
    payments.c.saleor_api_url,
    payments.c.source_id,
    payments.c.order_id,
    payments.c.state,
)

log = structlog.get_logger(__name__)


class Transactions(Protocol):
    """Reads transactions of Saleor."""

    async def read_transaction(
        self, installation: Installation, transaction_id: TransactionId, *, timeout_s: float
    ) -> SaleorTransaction | None:
        """Return the transaction, or None.

        Raises:
            SaleorError: where Saleor can't be asked.
        """
        ...


class Orders:
    """Learns the orders of payments, and remembers them."""

    def __init__(
        self, *, database: Database, transactions: Transactions, installations: InstallationsByUrl, clock: Clock
    ) -> None:
        self._database = database
        self._problems = Problems(database)
        self._clock = clock
        self._transactions = transactions
        self._installations = installations

    async def learn(self, trans_id: str, *, timeout_s: float) -> bool:
        """Ask Saleor which order a payment pays, where that is not known; return whether it has been learned now.

        Saleor not answering is no matter: the next occasion asks again.
        """
        columns = (payments.c.saleor_api_url, payments.c.transaction_id, payments.c.order_id)
        async with self._database.read() as connection:
            row = (await connection.execute(select(*columns).where(payments.c.trans_id == trans_id))).one_or_none()
        if row is None or row.order_id is not None:
            return False
        installation = await self._installations.find(row.saleor_api_url)
        if installation is None:
            return False
        try:
            transaction = await self._transactions.read_transaction(
                installation, TransactionId(row.transaction_id), timeout_s=timeout_s
            )
        except SaleorError as error:
            log.info("order_not_learned", trans_id=trans_id, reason=str(error))
            return False
        if transaction is None or transaction.order is None:
            return False
        order = transaction.order
        await self.note(row.saleor_api_url, [trans_id], order_id=order.id, order_number=order.number)
        return True

    async def note(self, saleor_api_url: str, trans_ids: Sequence[str], *, order_id: str, order_number: str) -> None:
        """Remember the order that a shop's payments pay, and with them all others of their checkouts.

        Saleor too moves every transaction of a checkout to its order. That there was no order for them is told no
        more; that they are money too much, beside what was paid for the order, may be.
        """
        of_these = (payments.c.saleor_api_url == saleor_api_url, payments.c.trans_id.in_(trans_ids))
        async with self._database.read() as connection:
            rows = await connection.execute(select(payments.c.trans_id, payments.c.source_id).where(*of_these))
            checkouts = {row.source_id or row.trans_id: row for row in rows}
        learned = {"order_id": order_id, "order_number": order_number[:64]}
        for row in checkouts.values():
            of_checkout = [among_the_shops(payments, saleor_api_url), payments.c.source_id == row.source_id]
            of_it = of_checkout if row.source_id else [payments.c.trans_id == row.trans_id]
            async with self._database.write() as connection:
                await self._note_in(connection, of_it, learned)

    async def _note_in(
        self, connection: AsyncConnection, of_checkout: Sequence[ColumnElement[bool]], learned: Mapping[str, str]
    ) -> None:
        """Write down which order the payments of one checkout pay, and judge what was paid for it in all."""
        now = self._clock.now()
        lacking = (*of_checkout, payments.c.order_id.is_(None))
        # Row by row as whoever else writes several payments at once does, so that two never wait for each other.
        await connection.execute(_LOCKED.where(*lacking))
        noted = (await connection.execute(update(payments).where(*lacking).values(learned).returning(*_NOTED))).all()
        for row in noted:
            if row.state == PaymentState.ACCEPTED:
                await self._problems.solve_in(connection, ProblemKind.NOT_COMPLETED, row.trans_id, now)
        if noted:
            await raise_surplus(connection, noted[0], self._problems, now)
