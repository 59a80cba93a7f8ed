"""The small Saleor's memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from uuid import UUID, uuid4

from saleor_cinetpay.sandbox.saleor.catalogue import Channel, Product
from saleor_cinetpay.sandbox.saleor.ids import read_id
from saleor_cinetpay.sandbox.saleor.records import App, Checkout, Order, Transaction


@dataclass(slots=True, kw_only=True, eq=False)
class Store:
    """Everything that one Saleor holds. `reset` forgets all but the catalogue, the channels and the apps."""

    channel: Channel
    products: tuple[Product, ...]
    now: Callable[[], datetime]
    other_channels: list[Channel] = field(default_factory=list)
    apps: dict[str, App] = field(default_factory=dict)
    checkouts: dict[UUID, Checkout] = field(default_factory=dict)
    orders: dict[UUID, Order] = field(default_factory=dict)
    transactions: dict[UUID, Transaction] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _order_numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def channels(self) -> list[Channel]:
        """Every channel; the storefront's is the first."""
        return [self.channel, *self.other_channels]

    def channel_of(self, slug: str | None) -> Channel | None:
        """Find a channel by its slug; without one, the storefront's."""
        return next((channel for channel in self.channels if slug in (None, channel.slug)), None)

    def next_pk(self) -> int:
        """Return a number that no other record has."""
        return next(self._numbers)

    def next_order_number(self) -> str:
        """Return the number of a new order, as staff and buyers read it."""
        return str(next(self._order_numbers))

    def new_key(self) -> UUID:
        """Return an id that no other record has."""
        return uuid4()

    def source(self, written_id: str) -> Checkout | Order | None:
        """Find a checkout or an order by its id."""
        type_name, key = read_id(written_id)
        if type_name == "Checkout":
            return self.checkouts.get(read_uuid(key))
        return self.orders.get(read_uuid(key)) if type_name == "Order" else None

    def transaction(self, written_id: str | None, token: UUID | None = None) -> Transaction | None:
        """Find a transaction by its id or its token."""
        if token is None:
            type_name, key = read_id(written_id or "")
            token = read_uuid(key) if type_name == "TransactionItem" else None
        return self.transactions.get(token) if token else None

    def order_of(self, checkout_token: UUID) -> Order | None:
        """Find the order that a checkout became."""
        return next((order for order in self.orders.values() if order.checkout_token == checkout_token), None)

    def app_of(self, token: str) -> App | None:
        """Find the app whose token this is."""
        return next((app for app in self.apps.values() if app.auth_token == token), None)

    def reset(self) -> None:
        """Forget every purchase and payment."""
        for shelf in (self.checkouts, self.orders, self.transactions):
            shelf.clear()


def read_uuid(key: str) -> UUID:
    """Read the key of an id; what is none becomes one that no record has."""
    try:
        return UUID(key)
    except ValueError:
        return UUID(int=0)
