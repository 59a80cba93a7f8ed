"""Which order a payment pays: a checkout has no number, so it is learned from Saleor once the checkout is an order."""

from typing import Protocol

import structlog
from sqlalchemy import select, update

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorError
from saleor_cinetpay.payments.delivery import InstallationsByUrl
from saleor_cinetpay.payments.problems import ProblemKind, Problems
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.payments.trans_id import TransactionId
from saleor_cinetpay.saleor.types import SaleorTransaction
from saleor_cinetpay.shops.installations import Installation

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
        await self.note([trans_id], order_id=transaction.order.id, order_number=transaction.order.number)
        return True

    async def note(self, trans_ids: list[str], *, order_id: str, order_number: str) -> None:
        """Remember the order that payments pay: that there was none for them is told no more."""
        now = self._clock.now()
        async with self._database.write() as connection:
            await connection.execute(
                update(payments)
                .where(payments.c.trans_id.in_(trans_ids), payments.c.order_id.is_(None))
                .values(order_id=order_id, order_number=order_number[:64])
            )
            for trans_id in trans_ids:
                await self._problems.solve_in(connection, ProblemKind.NOT_COMPLETED, trans_id, now)
