"""What the small Saleor sells, and where: channel, products, lines of carts and orders."""

from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from saleor_cinetpay.sandbox.saleor.ids import global_id
from saleor_cinetpay.sandbox.saleor.money import Money, TaxedMoney


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A country, by its ISO code."""

    NAMES: ClassVar[dict[str, str]] = {
        "BF": "Burkina Faso",
        "BJ": "Benin",
        "CI": "Côte d'Ivoire",
        "GW": "Guinea-Bissau",
        "ML": "Mali",
        "NE": "Niger",
        "SN": "Senegal",
        "TG": "Togo",
    }

    code: str

    @property
    def country(self) -> str:
        """Its name in English."""
        return self.NAMES[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A sales channel with one currency."""

    pk: int
    slug: str
    name: str
    currency_code: str = "XOF"
    default_country: Country = field(default_factory=lambda: Country(code="CI"))
    default_transaction_flow_strategy: str = "CHARGE"
    allow_unpaid_orders: bool = False
    """Whether `checkoutComplete` also takes what is not paid in full."""
    is_active: bool = True

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("Channel", self.pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture of a product."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something to buy, in one variant."""

    pk: int
    slug: str
    name: str
    name_en: str
    sku: str
    price: Money
    picture_url: str

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("Product", self.pk)

    def translation(self, _info: object, language_code: str) -> dict[str, str] | None:
        """Return the product's name in English; French is what the shop is written in."""
        return {"id": self.id, "name": self.name_en} if language_code.startswith("EN") else None

    def name_in(self, language_code: str) -> str:
        """Return the name as a buyer of that language reads it."""
        return self.name_en if language_code.startswith("EN") else self.name

    def thumbnail(self, _info: object, size: int | None = None) -> Image:
        """Return the picture, which has one size for all."""
        return Image(url=self.picture_url, alt=self.name)

    @property
    def variants(self) -> list["Variant"]:
        """The one variant."""
        return [self.default_variant]

    @property
    def default_variant(self) -> "Variant":
        """The one variant."""
        return Variant(product=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What is put into a cart."""

    product: Product

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("ProductVariant", self.product.pk)

    @property
    def name(self) -> str:
        """Without choices, a variant is called by its stock-keeping unit."""
        return self.product.sku

    @property
    def sku(self) -> str:
        """The stock-keeping unit."""
        return self.product.sku

    @property
    def pricing(self) -> dict[str, TaxedMoney]:
        """What it costs."""
        return {"price": TaxedMoney(gross=self.product.price)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Some of one product, in a checkout or an order."""

    key: UUID
    product: Product
    quantity: int

    @property
    def variant(self) -> Variant:
        """What was put into the cart."""
        return self.product.default_variant

    @property
    def unit_price(self) -> TaxedMoney:
        """The price of one."""
        return TaxedMoney(gross=self.product.price)

    @property
    def total_price(self) -> TaxedMoney:
        """The price of all of them."""
        price = self.product.price
        return TaxedMoney(gross=Money(amount=price.amount * self.quantity, currency=price.currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutLine(Line):
    """A line of a checkout."""

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("CheckoutLine", self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine(Line):
    """A line of an order."""

    translated_product_name: str
    """The product as it was called in the buyer's language."""

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("OrderLine", self.key)

    @property
    def product_name(self) -> str:
        """The product as it was called when it was bought."""
        return self.product.name

    @property
    def variant_name(self) -> str:
        """Nothing, as there are no choices."""
        return ""

    @property
    def product_sku(self) -> str:
        """The stock-keeping unit."""
        return self.product.sku


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a buyer lives."""

    key: UUID
    first_name: str = ""
    last_name: str = ""
    street_address_1: str = ""
    city: str = ""
    country: Country = field(default_factory=lambda: Country(code="CI"))
    phone: str | None = None

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("Address", self.key)
