"""Carts become checkouts, and paid checkouts become orders."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from saleor_cinetpay.sandbox.saleor.books import Refusal
from saleor_cinetpay.sandbox.saleor.catalogue import Address, Channel, CheckoutLine, Country, OrderLine, Product
from saleor_cinetpay.sandbox.saleor.ids import read_id
from saleor_cinetpay.sandbox.saleor.money import Money
from saleor_cinetpay.sandbox.saleor.records import Checkout, Order
from saleor_cinetpay.sandbox.saleor.store import Store, read_uuid

XOF = "XOF"


def small_channel(*, flow_strategy: str, allow_unpaid_orders: bool) -> Channel:
    """Return the storefront's channel: a shop in Côte d'Ivoire that sells in CFA francs."""
    return Channel(
        pk=1,
        slug="default-channel",
        name="Côte d'Ivoire",
        currency_code=XOF,
        default_transaction_flow_strategy=flow_strategy,
        allow_unpaid_orders=allow_unpaid_orders,
    )


def small_catalogue(pictures_url: str) -> tuple[Product, ...]:
    """Return the two products of the shop."""
    return (
        Product(
            pk=1,
            slug="pagne-indigo",
            name="Pagne tissé indigo",
            name_en="Woven indigo cloth",
            sku="PAGNE-01",
            price=Money(amount=Decimal(12500), currency=XOF),
            picture_url=f"{pictures_url}/pagne-indigo.svg",
        ),
        Product(
            pk=2,
            slug="beurre-de-karite",
            name="Beurre de karité",
            name_en="Shea butter",
            sku="KARITE-01",
            price=Money(amount=Decimal(3500), currency=XOF),
            picture_url=f"{pictures_url}/beurre-de-karite.svg",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutCreated:
    """What a new cart gives the storefront."""

    checkout: Checkout | None = None
    errors: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutCompleted:
    """What completing gives: the order, every time anew."""

    order: Order | None = None
    errors: tuple[Refusal, ...] = ()
    confirmation_needed: bool = False


class Checkouts:
    """The checkouts and orders of one Saleor."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self,
        lines: list[tuple[str, int]],
        *,
        email: str | None = None,
        language_code: str = "FR",
        billing_address: dict[str, Any] | None = None,
        channel: str | None = None,
    ) -> CheckoutCreated:
        """Make a checkout of variant ids and quantities."""
        sold_in = self._store.channel_of(channel)
        if sold_in is None:
            return CheckoutCreated(errors=(Refusal(code="NOT_FOUND", message="Channel not found.", field="channel"),))
        variants = {product.default_variant.id: product for product in self._store.products}
        if unknown := [variant_id for variant_id, _ in lines if variant_id not in variants]:
            message = f"Couldn't resolve to a node: {unknown[0]}"
            return CheckoutCreated(errors=(Refusal(code="NOT_FOUND", message=message, field="variantId"),))
        if any(quantity < 1 for _, quantity in lines):
            message = "The quantity should be higher than zero."
            return CheckoutCreated(errors=(Refusal(code="ZERO_QUANTITY", message=message, field="quantity"),))
        now = self._store.now()
        checkout = Checkout(
            token=self._store.new_key(),
            channel=sold_in,
            created=now,
            updated_at=now,
            email=email,
            language_code=language_code,
            lines=[
                CheckoutLine(key=self._store.new_key(), product=variants[variant_id], quantity=quantity)
                for variant_id, quantity in lines
            ],
            billing_address=self._address(billing_address) if billing_address else None,
        )
        self._store.checkouts[checkout.token] = checkout
        return CheckoutCreated(checkout=checkout)

    def complete(self, written_id: str | None, token: UUID | None = None) -> CheckoutCompleted:
        """Turn a checkout into an order if it is covered; one that did before gives the same order again."""
        found = self._store.source(written_id) if written_id else self._store.checkouts.get(token or UUID(int=0))
        if not isinstance(found, Checkout):
            order = self._store.order_of(token or _checkout_token(written_id or ""))
            if order:
                return CheckoutCompleted(order=order)
            return _not_completed("NOT_FOUND", f"Couldn't resolve to a node: {written_id}", "id")
        if not found.email:
            return _not_completed("EMAIL_NOT_SET", "Checkout email must be set.", "email")
        if not found.lines:
            return _not_completed("NO_LINES", "Cannot complete checkout without lines.", "lines")
        if found.authorize_status != "FULL" and not found.channel.allow_unpaid_orders:
            message = "The authorized amount doesn't cover the checkout's total amount."
            return _not_completed("CHECKOUT_NOT_FULLY_PAID", message, "id")
        return CheckoutCompleted(order=self._become_order(found))

    def _become_order(self, checkout: Checkout) -> Order:
        """The checkout is gone afterwards, and its transactions belong to the order."""
        now = self._store.now()
        order = Order(
            token=self._store.new_key(),
            number=self._store.next_order_number(),
            checkout_token=checkout.token,
            channel=checkout.channel,
            created=now,
            updated_at=now,
            email=checkout.email,
            language_code=checkout.language_code,
            lines=[
                OrderLine(
                    key=self._store.new_key(),
                    product=line.product,
                    quantity=line.quantity,
                    translated_product_name=line.product.name_in(checkout.language_code),
                )
                for line in checkout.lines
            ],
            billing_address=checkout.billing_address,
            transactions=checkout.transactions,
        )
        for transaction in order.transactions:
            transaction.source = order
        self._store.orders[order.token] = order
        del self._store.checkouts[checkout.token]
        return order

    def _address(self, written: dict[str, Any]) -> Address:
        country = Country(code=written.get("country") or self._store.channel.default_country.code)
        rest = {name: value for name, value in written.items() if name != "country" and value is not None}
        return Address(key=self._store.new_key(), country=country, **rest)


def _not_completed(code: str, message: str, field: str) -> CheckoutCompleted:
    return CheckoutCompleted(errors=(Refusal(code=code, message=message, field=field),))


def _checkout_token(written_id: str) -> UUID:
    type_name, key = read_id(written_id)
    return read_uuid(key if type_name == "Checkout" else "")
