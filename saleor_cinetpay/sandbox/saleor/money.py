"""Money as Saleor counts it."""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)
DIGITS = {"XOF": 0, "XAF": 0, "GNF": 0}
"""How many decimals a currency has, where it is not two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in one currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxedMoney:
    """A price without tax, as small shops here sell."""

    gross: Money

    @property
    def currency(self) -> str:
        """The currency of the price."""
        return self.gross.currency

    @property
    def net(self) -> Money:
        """The same as gross."""
        return self.gross

    @property
    def tax(self) -> Money:
        """Nothing."""
        return Money(amount=ZERO, currency=self.currency)


def quantized(amount: Decimal, currency: str) -> Decimal:
    """Round to what the currency can say, as Saleor does: `12.5 XOF` becomes 12."""
    return amount.quantize(Decimal(1).scaleb(-DIGITS.get(currency, 2)))
