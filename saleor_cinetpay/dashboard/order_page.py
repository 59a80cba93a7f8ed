"""Beside an order: how its payments through CinetPay stand. Shown in the Dashboard's widget and in its popup."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from saleor_cinetpay.dashboard.answers import Alert, Answer, Page, PageRoute, Tone, Visit, Visitor
from saleor_cinetpay.dashboard.words import STATES, last_attempt
from saleor_cinetpay.errors import SaleorError
from saleor_cinetpay.locale import text
from saleor_cinetpay.payments.desk_payments import DeskPayments, ListedPayment
from saleor_cinetpay.payments.operators import operator_name
from saleor_cinetpay.payments.orders import Orders
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.saleor.types import SaleorOrder
from saleor_cinetpay.shops.installations import Installation

ASK_S = 3.0
LONGEST_ID = 128

log = structlog.get_logger(__name__)


class OrdersOfSaleor(Protocol):
    """Reads orders of Saleor."""

    async def read_order(self, installation: Installation, order_id: str, *, timeout_s: float) -> SaleorOrder | None:
        """Return the order with its transactions, or None.

        Raises:
            SaleorError: where Saleor can't tell.
        """
        ...


class OrderPage:
    """The payments of one order."""

    section = None

    def __init__(self, *, payments: DeskPayments, orders: Orders, saleor: OrdersOfSaleor) -> None:
        self._payments = payments
        self._orders = orders
        self._saleor = saleor

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [PageRoute("/beside/order", self.show)]

    async def show(self, visit: Visit) -> Answer:
        """Show the order's payments; Saleor is asked which they are, as an order can get new ones at any time."""
        visitor, order_id = visit.visitor, visit.asked("orderId")[:LONGEST_ID]
        alert = None
        known = await self._payments.of_order(visitor.saleor_api_url, order_id)
        try:
            known = await self._asked(visitor, order_id, known)
        except SaleorError as error:
            log.warning("order_not_read", order_id=order_id, reason=str(error))
            alert = Alert(text("Saleor did not say which payments this order has; there may be more."), Tone.WARNING)
        values = {
            "payments": known,
            "order_id": order_id,
            "states": STATES,
            "operator_name": operator_name,
            "last_attempt": last_attempt,
            "app_path": visitor.installation.app_path,
        }
        return Page("order.html", text("Payments through CinetPay"), values, alert=alert)

    async def _asked(self, visitor: Visitor, order_id: str, known: list[ListedPayment]) -> list[ListedPayment]:
        order = await self._saleor.read_order(visitor.installation, order_id, timeout_s=ASK_S) if order_id else None
        if order is None:
            return known
        trans_ids = [trans_id_of(TransactionId(transaction_id)) for transaction_id in order.transaction_ids]
        found = await self._payments.among(visitor.saleor_api_url, trans_ids)
        unknown = [payment.trans_id for payment in found if payment.order_id is None]
        if unknown:
            await self._orders.note(visitor.saleor_api_url, unknown, order_id=order_id, order_number=order.number)
        return found
