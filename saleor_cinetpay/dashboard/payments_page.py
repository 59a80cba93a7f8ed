"""Payments: the list."""

from collections.abc import Sequence

from saleor_cinetpay.dashboard.answers import Answer, Page, PageRoute, Section, Visit
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.desk_payments import DeskPayments
from saleor_cinetpay.payments.payment import PaymentState

STATES: dict[PaymentState, tuple[Text, str]] = {
    PaymentState.OPENING: (text("Being opened"), "plain"),
    PaymentState.PENDING: (text("Waiting for the buyer"), "wait"),
    PaymentState.ACCEPTED: (text("Paid"), "good"),
    PaymentState.REFUSED: (text("Refused"), "bad"),
    PaymentState.SUSPECT: (text("To be checked"), "review"),
}
"""How a payment stands, in words, and the colour of it."""


class PaymentsPages:
    """The shop's payments."""

    section = Section(path="/payments", title=text("Payments"), order=20)

    def __init__(self, payments: DeskPayments) -> None:
        self._payments = payments

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [PageRoute("/payments", self.show)]

    async def show(self, visit: Visit) -> Answer:
        """Show the newest payments."""
        newest = await self._payments.newest(visit.visitor.saleor_api_url)
        return Page("payments.html", text("Payments"), {"payments": newest, "states": STATES})
