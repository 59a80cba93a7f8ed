"""Numbers and days read as Babel writes them, which knows what is usual in each language."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from saleor_cinetpay.locale import Language
from saleor_cinetpay.locale.formats import day, number, whole_day

A_LEAP_YEAR = [date(2028, 1, 1) + timedelta(days=number) for number in range(366)]


@given(
    value=st.one_of(st.integers(-(10**12), 10**12), st.decimals(0, 10**9, places=2)),
    language=st.sampled_from(Language),
)
def test_numbers_are_as_babel_writes_them(value: int | Decimal, language: Language) -> None:
    """Groups of three and the decimal sign are each language's own; zeros at the end are left out."""
    assert format_decimal(value, locale=language) == number(value, language)


@pytest.mark.parametrize("language", Language)
def test_days_are_as_babel_writes_them(language: Language) -> None:
    """Every day of a year, short and in full; the first of a month is `1er` in French, which Babel leaves out."""
    expected = [(format_date(of, "d MMM", language), format_date(of, "full", language)) for of in A_LEAP_YEAR]
    if language is Language.FRENCH:
        expected = [
            (short.replace("1 ", "1er "), full.replace(" 1 ", " 1er ")) if of.day == 1 else (short, full)
            for of, (short, full) in zip(A_LEAP_YEAR, expected, strict=True)
        ]
    assert expected == [(day(of, language), whole_day(of, language)) for of in A_LEAP_YEAR]


def test_an_amount_is_written_as_west_africans_do() -> None:
    """A narrow space that does not break stands between the thousands."""
    assert "12\u202f500" == number(Decimal("12500.00"), Language.FRENCH)
