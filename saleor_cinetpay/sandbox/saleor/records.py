"""What the small Saleor holds. Records read like the API's types, so that GraphQL can show them as they are."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from saleor_cinetpay.sandbox.saleor.booking import Amounts, Event, amounts_of
from saleor_cinetpay.sandbox.saleor.catalogue import Address, Channel, Line
from saleor_cinetpay.sandbox.saleor.ids import global_id
from saleor_cinetpay.sandbox.saleor.money import ZERO, Money, TaxedMoney


@dataclass(slots=True, kw_only=True, eq=False)
class Purchase:
    """What checkouts and orders have in common: a channel, lines, and the transactions that pay for them."""

    token: UUID
    channel: Channel
    created: datetime
    updated_at: datetime
    email: str | None
    language_code: str
    lines: list[Line]
    billing_address: Address | None
    transactions: list["Transaction"] = field(default_factory=list)
    user: None = None
    shipping_address: None = None

    @property
    def currency(self) -> str:
        """The channel's currency."""
        return self.channel.currency_code

    @property
    def total_amount(self) -> Decimal:
        """The price of all lines."""
        return sum((line.total_price.gross.amount for line in self.lines), ZERO)

    @property
    def still_to_pay(self) -> Decimal:
        """What neither transactions nor their open requests cover, at least 0."""
        covered = (t.amounts for t in self.transactions)
        paid = (max(a.authorized, a.charged) + a.authorize_pending + a.charge_pending for a in covered)
        return max(self.total_amount - sum(paid, ZERO), ZERO)

    def money(self, amount: Decimal) -> Money:
        """Return an amount in the purchase's currency."""
        return Money(amount=amount, currency=self.currency)

    def status_of(self, paid: Decimal) -> str:
        """Compare what was paid with the total, in Saleor's words."""
        if paid <= 0:
            return "NONE" if self.total_amount > 0 else "FULL"
        if paid == self.total_amount:
            return "FULL"
        return "PARTIAL" if paid < self.total_amount else "OVERCHARGED"


@dataclass(slots=True, kw_only=True, eq=False)
class Checkout(Purchase):
    """A cart on its way to become an order. What is only requested counts as paid here."""

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("Checkout", self.token)

    @property
    def total_price(self) -> TaxedMoney:
        """The price of all lines."""
        return TaxedMoney(gross=self.money(self.total_amount))

    @property
    def total_balance(self) -> Money:
        """What was charged, less what it costs: negative while something is owed."""
        return self.money(sum((t.amounts.charged for t in self.transactions), ZERO) - self.total_amount)

    @property
    def charge_status(self) -> str:
        """NONE, PARTIAL, FULL or OVERCHARGED."""
        return self.status_of(sum((t.amounts.charged + t.amounts.charge_pending for t in self.transactions), ZERO))

    @property
    def authorize_status(self) -> str:
        """NONE, PARTIAL or FULL."""
        amounts = [t.amounts for t in self.transactions]
        covered = sum((a.authorized + a.authorize_pending + a.charged + a.charge_pending for a in amounts), ZERO)
        return self.status_of(min(covered, self.total_amount))


@dataclass(slots=True, kw_only=True, eq=False)
class Order(Purchase):
    """What a checkout became. Only what was really charged counts as paid here."""

    number: str
    checkout_token: UUID | None

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("Order", self.token)

    @property
    def checkout_id(self) -> str | None:
        """The id of the checkout that is gone."""
        return global_id("Checkout", self.checkout_token) if self.checkout_token else None

    @property
    def status(self) -> str:
        """Nothing was sent out yet."""
        return "UNFULFILLED"

    @property
    def user_email(self) -> str | None:
        """The buyer's e-mail address."""
        return self.email

    @property
    def language_code_enum(self) -> str:
        """The buyer's language."""
        return self.language_code

    @property
    def total(self) -> TaxedMoney:
        """The price of all lines."""
        return TaxedMoney(gross=self.money(self.total_amount))

    @property
    def total_charged(self) -> Money:
        """What was charged and not given back."""
        return self.money(sum((t.amounts.charged for t in self.transactions), ZERO))

    @property
    def total_refunded(self) -> Money:
        """What was given back."""
        return self.money(sum((t.amounts.refunded for t in self.transactions), ZERO))

    @property
    def total_balance(self) -> Money:
        """What was charged, less what it costs."""
        return self.money(self.total_charged.amount - self.total_amount)

    @property
    def charge_status(self) -> str:
        """NONE, PARTIAL, FULL or OVERCHARGED."""
        return self.status_of(self.total_charged.amount)

    @property
    def is_paid(self) -> bool:
        """Whether nothing is owed."""
        return self.charge_status in {"FULL", "OVERCHARGED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """How a buyer paid, as the app told."""

    kind: str
    """OTHER or CARD."""
    name: str
    brand: str | None = None


def _sum(name: str) -> property:
    def money(transaction: "Transaction") -> Money:
        return Money(amount=getattr(transaction.amounts, name), currency=transaction.currency)

    return property(money, doc=f"The sum {name}.")


@dataclass(slots=True, kw_only=True, eq=False)
class Transaction:
    """One attempt to pay for a checkout or an order through an app."""

    token: UUID
    app_identifier: str
    idempotency_key: str
    created_at: datetime
    modified_at: datetime
    source: Checkout | Order
    psp_reference: str = ""
    actions: list[str] = field(default_factory=list)
    payment_method_details: PaymentMethod | None = None
    events: list[Event] = field(default_factory=list)
    name: str = ""
    message: str = ""
    external_url: str = ""

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("TransactionItem", self.token)

    @property
    def currency(self) -> str:
        """The currency of what is paid for."""
        return self.source.currency

    @property
    def checkout(self) -> Checkout | None:
        """The checkout, until it became an order."""
        return self.source if isinstance(self.source, Checkout) else None

    @property
    def order(self) -> Order | None:
        """The order, once there is one."""
        return self.source if isinstance(self.source, Order) else None

    @property
    def amounts(self) -> Amounts:
        """What the events add up to."""
        return amounts_of(self.events)

    @property
    def shown_events(self) -> list[Event]:
        """The events as the API and webhooks show them: the latest first, by their time and not as they came."""
        return sorted(self.events, key=lambda event: event.created_at, reverse=True)

    authorized_amount = _sum("authorized")
    authorize_pending_amount = _sum("authorize_pending")
    charged_amount = _sum("charged")
    charge_pending_amount = _sum("charge_pending")
    refunded_amount = _sum("refunded")
    refund_pending_amount = _sum("refund_pending")
    canceled_amount = _sum("canceled")
    cancel_pending_amount = _sum("cancel_pending")


@dataclass(slots=True, kw_only=True, eq=False)
class Problem:
    """A problem that an app shows in the Dashboard."""

    pk: int
    key: str
    message: str
    created_at: datetime
    updated_at: datetime
    critical_threshold: int | None
    count: int = 1
    dismissed_by: str | None = None
    """APP or USER, once it was dismissed."""

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("AppProblem", self.pk)

    @property
    def dismissed(self) -> dict[str, str] | None:
        """Who dismissed it."""
        return {"by": self.dismissed_by} if self.dismissed_by else None

    @property
    def is_critical(self) -> bool:
        """Whether it happened as often as the app calls critical."""
        return self.critical_threshold is not None and self.count >= self.critical_threshold


@dataclass(slots=True, kw_only=True, eq=False)
class Webhook:
    """One address of an app, with the events that it wants and the query that makes their bodies."""

    pk: int
    name: str
    target_url: str
    sync: frozenset[str]
    asynchronous: frozenset[str]
    query: str
    is_active: bool = True

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("Webhook", self.pk)

    @property
    def events(self) -> frozenset[str]:
        """Everything that it wants to hear of."""
        return self.sync | self.asynchronous

    @property
    def subscription_query(self) -> str:
        """The query, under the name that the API has for it."""
        return self.query

    @property
    def sync_events(self) -> list[dict[str, str]]:
        """What it is asked and must answer."""
        return [{"eventType": event} for event in sorted(self.sync)]

    @property
    def async_events(self) -> list[dict[str, str]]:
        """What it is only told."""
        return [{"eventType": event} for event in sorted(self.asynchronous)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """What an app adds to a page of the Dashboard."""

    label: str
    mount: str
    target: str
    url: str
    identifier: str


@dataclass(slots=True, kw_only=True, eq=False)
class App:
    """An installed app."""

    pk: int
    identifier: str
    name: str
    version: str
    app_url: str | None
    manifest_url: str
    permission_codes: tuple[str, ...]
    webhooks: list[Webhook]
    auth_token: str
    created: datetime
    extensions: tuple[Extension, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    is_active: bool = True

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("App", self.pk)

    @property
    def permissions(self) -> list[dict[str, str]]:
        """What staff allowed the app."""
        return [{"code": code, "name": code.replace("_", " ").capitalize()} for code in self.permission_codes]

    def webhook_for(self, event: str) -> Webhook | None:
        """Find the app's webhook for an event, named in capitals."""
        return next((webhook for webhook in self.webhooks if webhook.is_active and event in webhook.events), None)
