"""CinetPay and Saleor as the simulation knows them: what they hold, what they were asked, and when."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from fakes import FakeCinetPay, TurnedClock
from payments_kit import API_KEY, SITE_ID
from pydantic import SecretStr

from saleor_cinetpay.cinetpay import CinetPayTransaction, PaymentFields
from saleor_cinetpay.errors import SaleorError, SaleorRefused
from saleor_cinetpay.payments.completion import CheckoutState
from saleor_cinetpay.payments.report import Report
from saleor_cinetpay.payments.trans_id import TransactionId, TransId
from saleor_cinetpay.sandbox.saleor.booking import Event, EventType, amounts_of, final_event, same_event
from saleor_cinetpay.sandbox.saleor.money import Money
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.installations import Installation


@dataclass(slots=True)
class Look:
    """One `checkPayStatus`, as CinetPay sees it."""

    at: datetime
    answered: bool = False
    """Whether CinetPay's word was heard: not down, and the answer not lost."""
    accepted: bool = False
    """Whether it said that everything is right and paid."""


class SimCinetPay(FakeCinetPay):
    """A CinetPay that remembers when it was asked what, and since when each payment has been rightly accepted."""

    def __init__(self, clock: TurnedClock) -> None:
        super().__init__(clock, {SITE_ID: API_KEY})
        self.looks_at: defaultdict[str, list[Look]] = defaultdict(list)
        self.signed_at: dict[str, datetime] = {}
        """When each payment was signed first."""
        self.accepted_at: dict[str, datetime] = {}

    async def get_signature(self, account: Account, fields: PaymentFields, *, timeout_s: float) -> SecretStr:
        signature = await super().get_signature(account, fields, timeout_s=timeout_s)
        self.signed_at.setdefault(fields.trans_id, self._clock.moment)
        return signature

    async def check_pay_status(
        self, account: Account, trans_id: TransId, *, timeout_s: float
    ) -> CinetPayTransaction | None:
        look = Look(self._clock.moment)
        self.looks_at[trans_id].append(look)
        shown = await super().check_pay_status(account, trans_id, timeout_s=timeout_s)
        look.answered = True
        look.accepted = trans_id in self.accepted_at
        return shown

    def pays(self, trans_id: str, phone: str = "") -> None:
        super().pays(trans_id, phone)
        self.accepted_at.setdefault(trans_id, self._clock.moment)


@dataclass
class SimSaleor:
    """A Saleor that keeps the books of its transactions by the sandbox's rules, behind `Reporter` and `Checkouts`."""

    clock: TurnedClock
    token: str
    down: SaleorError | None = None
    books: defaultdict[TransactionId, list[Event]] = field(default_factory=lambda: defaultdict(list))
    wrongs: list[tuple[TransactionId, str]] = field(default_factory=list)
    """What must never happen, seen in the moment when it happened."""
    checkouts: dict[str, tuple[int, list[TransactionId]]] = field(default_factory=dict)
    """Open checkouts by their id: what each costs, and the transactions that pay it."""
    completed: set[str] = field(default_factory=set)
    charged_at: dict[TransactionId, datetime] = field(default_factory=dict)
    """Since when each transaction has been charged."""
    _reports: dict[tuple[str, str, str], Report] = field(default_factory=dict)

    async def report(self, installation: Installation, report: Report, *, timeout_s: float) -> bool:
        self._admit(installation)
        key = (report.transaction_id, report.psp_reference, report.type)
        if self._reports.setdefault(key, report) != report:
            self.wrongs.append((report.transaction_id, f"{report.type} was reported with two contents"))
        event_type = EventType(report.type)
        known = same_event(self.books[report.transaction_id], event_type, report.psp_reference)
        if known is not None:
            if known.amount.amount != report.amount:
                raise SaleorRefused(code="INCORRECT_DETAILS", message="the event exists with another amount")
            return True
        self._book(report.transaction_id, event_type, report.amount, report.psp_reference, report.time)
        return False

    def hear(self, transaction_id: TransactionId, answer: dict[str, Any]) -> None:
        """Book the answer to one of its own calls."""
        event_type, reference = EventType(answer["result"]), answer.get("pspReference", "")
        if same_event(self.books[transaction_id], event_type, reference) is None:
            time = datetime.fromisoformat(answer["time"]) if "time" in answer else self.clock.moment
            self._book(transaction_id, event_type, answer["amount"], reference, time)

    def hear_nothing(self, transaction_id: TransactionId) -> None:
        """Book a failure of its own, as the app did not answer."""
        self._book(transaction_id, EventType.CHARGE_FAILURE, 0, "", self.clock.moment, counts=False)

    def asks_no_more(self, transaction_id: TransactionId) -> bool:
        """Say whether the app's answers are final, so that `transactionProcess` never reaches it again."""
        return final_event(self.books[transaction_id]) is not None

    def charged(self, transaction_id: TransactionId) -> int:
        """Return what was charged, whatever of it has been given back."""
        amounts = amounts_of(self.books[transaction_id])
        return int(amounts.charged + amounts.refunded)

    def refunded(self, transaction_id: TransactionId) -> int:
        return int(amounts_of(self.books[transaction_id]).refunded)

    def outcomes(self, transaction_id: TransactionId, reference: str) -> list[EventType]:
        """Return what was reported of a refund."""
        return [event.type for event in self.books[transaction_id] if event.psp_reference == reference]

    def reference(self, transaction_id: TransactionId) -> str:
        """Return the `pspReference` that the transaction has got from its events; empty before the first."""
        return next((event.psp_reference for event in self.books[transaction_id] if event.psp_reference), "")

    def successes(self, transaction_id: TransactionId) -> int:
        return sum(event.type is EventType.CHARGE_SUCCESS for event in self.books[transaction_id])

    async def state_of(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> CheckoutState:
        self._admit(installation)
        if checkout_id in self.completed:
            return CheckoutState.GONE
        return CheckoutState.CHARGED if self.is_paid(checkout_id) else CheckoutState.NOT_CHARGED

    async def complete(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> str:
        self._admit(installation)
        if not self.is_paid(checkout_id):
            self.wrongs.append((self.checkouts[checkout_id][1][0], "a checkout was completed without its money"))
        self.completed.add(checkout_id)
        return f"order of {checkout_id}"

    def is_paid(self, checkout_id: str) -> bool:
        total, transactions = self.checkouts[checkout_id]
        return sum(self.charged(transaction_id) for transaction_id in transactions) >= total

    def _book(
        self,
        transaction_id: TransactionId,
        event_type: EventType,
        amount: int,
        reference: str,
        time: datetime,
        *,
        counts: bool = True,
    ) -> None:
        before = self.charged(transaction_id)
        book = self.books[transaction_id]
        money = Money(amount=Decimal(amount), currency="XOF")
        book.append(
            Event(pk=len(book), type=event_type, amount=money, created_at=time, psp_reference=reference, counts=counts)
        )
        after = self.charged(transaction_id)
        if after > 0:
            self.charged_at.setdefault(transaction_id, self.clock.moment)
        if after < before:
            self.wrongs.append((transaction_id, f"{event_type} un-paid a charge"))

    def _admit(self, installation: Installation) -> None:
        if self.down is not None:
            raise self.down
        if installation.token.get_secret_value() != self.token:
            raise SaleorRefused(code="PERMISSION_DENIED", message="the token is not known here")
