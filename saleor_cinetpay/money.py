"""Money, and the one crossing from Saleor's decimals to CinetPay's whole francs."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NewType

CinetPayAmount = NewType("CinetPayAmount", int)
"""Whole CFA francs, as CinetPay counts them (`cpm_amount`, guide 2.2)."""

XOF = "XOF"
"""The West African CFA franc, ISO 4217; CinetPay's own name for it is `CFA`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in one currency."""

    amount: Decimal
    currency: str
    """ISO 4217, as Saleor spells it: `XOF`."""

    def __str__(self) -> str:
        """Read as people do: `12500 XOF`."""
        return f"{self.amount.normalize():f} {self.currency}"


class NotWhole(ValueError):
    """An amount that has a fraction of a franc, is not finite, or is negative."""


def whole_francs(money: Money) -> CinetPayAmount:
    """Cross over to CinetPay's integer; `12500.000` passes, `12500.5` is refused and never rounded.

    Raises:
        NotWhole: where whole francs can't say it.
    """
    if not money.amount.is_finite() or money.amount < 0 or money.amount != money.amount.to_integral_value():
        raise NotWhole(f"{money.amount} is no whole, positive amount")
    return CinetPayAmount(int(money.amount))
