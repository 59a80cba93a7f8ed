"""Payments: the list with its filters, the export, and the page of each payment with what can be done about it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.dashboard.answers import (
    Alert,
    Answer,
    Done,
    Download,
    NotThere,
    Page,
    PageRoute,
    Section,
    Tone,
    Visit,
    Visitor,
)
from saleor_cinetpay.dashboard.export import csv_of
from saleor_cinetpay.dashboard.forms import NO_DATE, WRONG_ORDER, read_day
from saleor_cinetpay.dashboard.story import story_of
from saleor_cinetpay.dashboard.words import (
    REPORT_STATES,
    REPORTS,
    STATES,
    code_words,
    last_attempt,
    suspicion_words,
)
from saleor_cinetpay.errors import CinetPayNotOffered
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.books import OUTCOMES, Books
from saleor_cinetpay.payments.decisions import Decisions, NothingToDecide
from saleor_cinetpay.payments.desk_payments import COUNTED, Cursor, DeskPayments, Filters
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.operators import OPERATORS, operator_name
from saleor_cinetpay.payments.orders import Orders
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.shops.accounts import Environment

LOOK_S = 8.0
"""How long somebody who wants a look is made to wait for it."""
LEARN_S = 1.0
"""How long a page waits for Saleor to name the payment's order."""
WORDS: Mapping[str, Any] = {
    "states": STATES,
    "operators": OPERATORS,
    "operator_name": operator_name,
    "last_attempt": last_attempt,
    "code_words": code_words,
    "suspicion_words": suspicion_words,
    "report_types": REPORTS,
    "report_states": REPORT_STATES,
}
LOOKED: Mapping[PaymentState, tuple[Text, Tone]] = {
    PaymentState.ACCEPTED: (text("CinetPay says: paid."), Tone.GOOD),
    PaymentState.REFUSED: (text("CinetPay says: not paid."), Tone.NOTE),
    PaymentState.SUSPECT: (
        text("CinetPay's answer does not match this payment. It is for you to decide."),
        Tone.WARNING,
    ),
    PaymentState.PENDING: (text("CinetPay says: still open."), Tone.NOTE),
    PaymentState.OPENING: (text("Nobody can have paid yet: the payment was never opened at CinetPay."), Tone.NOTE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWork:
    """What the pages read and do, all of it the heart's."""

    payments: DeskPayments
    ledger: Ledger
    settlement: Settlement
    decisions: Decisions
    books: Books
    orders: Orders
    offered: Collection[Environment]
    """The environments that there is a CinetPay for."""
    clock: Clock


class PaymentsPages:
    """The shop's payments."""

    section = Section(path="/payments", title=text("Payments"), order=20)

    def __init__(self, work: PaymentWork) -> None:
        self._work = work

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [
            PageRoute("/payments", self.show),
            PageRoute("/payments.csv", self.export),
            PageRoute("/payments/{trans_id}", self.one),
            PageRoute("/payments/{trans_id}/look", self.look, method="POST"),
            PageRoute("/payments/{trans_id}/report", self.report, method="POST"),
            PageRoute("/payments/{trans_id}/accept", self.accept, method="POST"),
            PageRoute("/payments/{trans_id}/refuse", self.refuse, method="POST"),
        ]

    async def show(self, visit: Visit) -> Answer:
        """Show a page of the list."""
        filters, typed, errors = _filters(visit)
        shop, work = visit.visitor.saleor_api_url, self._work.payments
        page = await work.page(shop, filters, Cursor.parse(visit.asked("at")))
        channels = await work.channels(shop)
        values = {
            **WORDS,
            "page": page,
            "count": await work.count(shop, filters),
            "counted": COUNTED,
            "typed": typed,
            "narrowed": any(typed.values()),
            "errors": errors,
            "state_options": [
                (state.value, label.say(visit.visitor.language))
                for state, (label, _) in STATES.items()
                if state is not PaymentState.UNKNOWN
            ],
            "channel_options": [(channel, channel) for channel in channels],
        }
        return Page("payments.html", text("Payments"), values, status=422 if errors else 200)

    async def export(self, visit: Visit) -> Answer:
        """Send the list as a file, as it is filtered."""
        filters, _, _ = _filters(visit)
        name = f"cinetpay-payments-{self._work.clock.now():%Y-%m-%d}.csv"
        rows = self._work.payments.every(visit.visitor.saleor_api_url, filters)
        return Download(name, "text/csv; charset=utf-8", csv_of(rows, visit.visitor.language))

    async def one(self, visit: Visit) -> Answer:
        """Show a payment."""
        payment = await self._find(visit)
        return NotThere() if payment is None else await self._page(payment, visit.visitor)

    async def look(self, visit: Visit) -> Answer:
        """Ask CinetPay now."""
        payment = await self._find(visit)
        if payment is None:
            return NotThere()
        asked_at = self._work.clock.now()
        after = await self._work.settlement.settle(
            payment.trans_id, trigger="person", wait_s=LOOK_S, by=visit.visitor.who
        )
        back = _back(visit, payment)
        if after is None:
            return NotThere()
        if after.state is not PaymentState.ACCEPTED and after.failing_since is not None:
            return Done(back, text("CinetPay did not answer. The app asks again by itself."), Tone.WARNING)
        if after.signed and after.state is not PaymentState.ACCEPTED and not _looked_since(after, asked_at):
            return Done(back, text("CinetPay has not answered yet. Look at this page again in a moment."), Tone.NOTE)
        return Done(back, *LOOKED[after.state])

    async def report(self, visit: Visit) -> Answer:
        """Have Saleor told (again)."""
        payment = await self._find(visit)
        if payment is None:
            return NotThere()
        if await self._work.books.report_at_once(payment.trans_id, by=visit.visitor.who):
            return Done(_page_of(payment), text("Saleor is being told now."))
        return Done(_page_of(payment), text("There is nothing to tell Saleor of this payment."), Tone.NOTE)

    async def accept(self, visit: Visit) -> Answer:
        """Accept what CinetPay holds."""
        return await self._decide(visit, accept=True)

    async def refuse(self, visit: Visit) -> Answer:
        """Take the payment for not paid."""
        return await self._decide(visit, accept=False)

    async def _decide(self, visit: Visit, *, accept: bool) -> Answer:
        payment = await self._find(visit)
        if payment is None:
            return NotThere()
        form = await visit.form()
        if accept and form.text("held") != str(payment.held_amount):
            overtaken = text("CinetPay's answer has changed meanwhile. Read the page again before you decide.")
            return await self._page(payment, visit.visitor, status=409, alert=Alert(overtaken))
        decide = self._work.decisions.accept if accept else self._work.decisions.refuse
        try:
            after = await decide(payment.trans_id, by=visit.visitor.who)
        except NothingToDecide:
            now = await self._find(visit) or payment
            return await self._page(now, visit.visitor, status=409, alert=Alert(_overtaken(now)))
        if after.state is PaymentState.ACCEPTED:
            return Done(_page_of(after), text("Decided: paid. Saleor is being told."))
        return Done(_page_of(after), text("Decided: not paid. Saleor is being told."))

    async def _find(self, visit: Visit) -> Payment | None:
        payment = await self._work.ledger.find(visit.part("trans_id"))
        return payment if payment is not None and payment.saleor_api_url == visit.visitor.saleor_api_url else None

    async def _page(self, payment: Payment, visitor: Visitor, *, status: int = 200, alert: Alert | None = None) -> Page:
        work = self._work
        unknown = payment.state is PaymentState.ACCEPTED and payment.order_id is None
        if unknown and await work.orders.learn(payment.trans_id, timeout_s=LEARN_S):
            payment = await work.ledger.find(payment.trans_id) or payment
        told = await work.payments.reports_of(payment.trans_id)
        values = {
            **WORDS,
            "payment": payment,
            "entries": story_of(await work.ledger.history(payment.trans_id)),
            "reports": told,
            "can_report": payment.state in OUTCOMES and any(one.type is OUTCOMES[payment.state] for one in told),
            "out_of_use": None if payment.environment in work.offered else CinetPayNotOffered.merchant,
            "watched": payment.watched(work.clock.now()),
            "order_path": f"/orders/{quote(payment.order_id, safe='')}" if payment.order_id else None,
        }
        title = text("Order {number}", number=payment.order_number) if payment.order_number else text("Payment")
        return Page("payment.html", title, values, status=status, alert=alert)


def _filters(visit: Visit) -> tuple[Filters, dict[str, str], dict[str, Text]]:
    """Read what the list is narrowed by: as meant, as typed, and what is wrong with it."""
    typed = {name: visit.asked(name) for name in ("q", "state", "channel", "operator", "from", "to")}
    errors: dict[str, Text] = {}
    days: dict[str, date | None] = {"from": None, "to": None}
    for name in days:
        days[name] = read_day(typed[name])
        if typed[name] and days[name] is None:
            errors[name] = NO_DATE
    if days["from"] and days["to"] and days["from"] > days["to"]:
        errors["from"] = WRONG_ORDER
    filters = Filters(
        state=PaymentState(typed["state"]) if typed["state"] in set(PaymentState) else None,
        channel=typed["channel"],
        operator=typed["operator"],
        first_day=days["from"],
        last_day=days["to"],
        search=typed["q"][:200],
    )
    return filters, typed, errors


def _page_of(payment: Payment) -> str:
    return f"/payments/{payment.trans_id}"


def _back(visit: Visit, payment: Payment) -> str:
    """Return where somebody who asked for a look goes on: beside the order, if they asked there."""
    order = visit.asked("order")
    return f"/beside/order?orderId={quote(order, safe='')}" if order else _page_of(payment)


def _looked_since(payment: Payment, asked_at: Any) -> bool:
    return payment.looked_at is not None and payment.looked_at >= asked_at


def _overtaken(payment: Payment) -> Text:
    if payment.state is PaymentState.SUSPECT and payment.held_amount is None:
        return text("CinetPay does not say that this payment was paid, so it can't be accepted.")
    if payment.state is PaymentState.SUSPECT:
        return text("The payment is being looked at in this very moment. Try again in a few seconds.")
    return text("Somebody else has decided meanwhile, or CinetPay has. The page shows how the payment stands now.")
