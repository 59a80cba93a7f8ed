"""Money, and the crossing to CinetPay's whole francs."""

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_cinetpay.money import XOF, Money, NotWhole, whole_francs


def francs(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency=XOF)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("12500", 12500), ("12500.000", 12500), ("1.25E+4", 12500), ("0", 0), ("-0", 0), ("0.00", 0)],
)
def test_a_whole_amount_crosses(amount: str, expected: int) -> None:
    """An amount without a fraction becomes CinetPay's integer, however it is written."""
    crossed = whole_francs(francs(amount))
    assert expected == crossed
    assert int is type(crossed)


@pytest.mark.parametrize("amount", ["12500.5", "0.001", "-1", "-0.5", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_whole_is_refused(amount: str) -> None:
    """A fraction, a negative amount and what is no number are refused, never rounded."""
    with pytest.raises(NotWhole) as refused:
        whole_francs(francs(amount))
    assert f"{amount} is no whole, positive amount" == str(refused.value)


@given(st.decimals(min_value=0, allow_nan=False, allow_infinity=False, places=3, max_value=10**12))
def test_crossing_never_changes_the_amount(amount: Decimal) -> None:
    """Whatever crosses is equal to what was given, and only fractions stay behind."""
    money = Money(amount=amount, currency=XOF)
    if amount == int(amount):
        assert amount == whole_francs(money)
    else:
        with pytest.raises(NotWhole):
            whole_francs(money)


@given(st.integers(min_value=0, max_value=10**15), st.integers(min_value=0, max_value=6))
def test_trailing_zeros_say_nothing(amount: int, zeros: int) -> None:
    """Saleor's decimals cross whatever number of zeros they end in."""
    assert amount == whole_francs(francs(f"{amount}.{'0' * zeros}" if zeros else str(amount)))


@pytest.mark.parametrize(
    ("amount", "spoken"),
    [("12500.000", "12500 XOF"), ("1E+5", "100000 XOF"), ("12.50", "12.5 XOF"), ("0.00", "0 XOF"), ("-5", "-5 XOF")],
)
def test_money_reads_as_people_write_it(amount: str, spoken: str) -> None:
    """Money is said without an exponent and without needless zeros."""
    assert spoken == str(francs(amount))


def test_equal_money_is_equal() -> None:
    """Amounts are compared as numbers, and only within one currency."""
    assert francs("5000") == francs("5000.00")
    assert francs("5000") != Money(amount=Decimal(5000), currency="XAF")
    assert 1 == len({francs("5000"), francs("5000.00")})


def test_money_does_not_change() -> None:
    """An amount can't be changed once it is there."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        francs("5").amount = Decimal(6)  # type: ignore[misc]
