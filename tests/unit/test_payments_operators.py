"""Operators by the names that people know, and by those that Saleor's Dashboard has logos for."""

import pytest

from saleor_cinetpay.payments.operators import means_of_payment, operator_name


@pytest.mark.parametrize(
    ("operator", "name", "told"),
    [
        ("OM", "Orange Money", "orangemobilemoney"),
        ("om", "Orange Money", "orangemobilemoney"),
        ("MOMO", "MTN MoMo", "mtn_mobile_money"),
        ("MOMOPAY", "MTN MoMo", "mtn_mobile_money"),
        ("MOOV", "Moov Money (Flooz)", "moov"),
        ("AIRTEL", "Airtel Money", "airtel_money"),
        ("WAVE", "Wave", "Wave"),
        ("CARD", "Visa / Mastercard", "Visa / Mastercard"),
        ("Zamani", "Zamani", "Zamani"),
        ("", "–", None),
        (None, "–", None),
    ],
)
def test_an_operator_has_two_names(operator: str | None, name: str, told: str | None) -> None:
    """People read its name; Saleor gets the logo's where the Dashboard has one, and what people read elsewhere."""
    assert name == operator_name(operator)
    assert told == means_of_payment(operator, (3, 22))


def test_an_older_saleor_is_told_none() -> None:
    """Before 3.22 Saleor has no place for it."""
    assert means_of_payment("OM", (3, 21)) is None
