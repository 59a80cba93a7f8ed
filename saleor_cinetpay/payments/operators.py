"""What CinetPay calls `payment_method`: the operators' names, for people and for Saleor's Dashboard."""

from collections.abc import Mapping

OPERATORS: Mapping[str, str] = {
    "OM": "Orange Money",
    "MOMO": "MTN MoMo",
    "FLOOZ": "Moov Money (Flooz)",
    "WAVE": "Wave",
    "AIRTEL": "Airtel Money",
    "TMONEY": "T-Money",
    "VISAM": "Visa / Mastercard",
}
"""CinetPay's word for an operator, and the name that people know. Names are not translated."""

LOGOS: Mapping[str, str] = {
    "OM": "orangemobilemoney",
    "MOMO": "mtn_mobile_money",
    "FLOOZ": "moov",
    "AIRTEL": "airtel_money",
}
"""The names by which Saleor's Dashboard shows an operator's logo; any other name it shows as it is written."""

TOLD_SINCE = (3, 22)

_SAME = {"MTN": "MOMO", "MOMOPAY": "MOMO", "MOOV": "FLOOZ", "CARD": "VISAM", "VISA": "VISAM"}


def operator_name(operator: str | None) -> str:
    """Return an operator's name as people know it; the operator's own word where we don't know it."""
    return OPERATORS.get(_known(operator or ""), operator or "–")


def means_of_payment(operator: str | None, saleor: tuple[int, int]) -> str | None:
    """Return what a Saleor of that version is told of an operator: the logo's name, else as people know it.

    None where there is no operator, and before Saleor could be told.
    """
    if not operator or saleor < TOLD_SINCE:
        return None
    return LOGOS.get(_known(operator), operator_name(operator))


def _known(operator: str) -> str:
    word = operator.upper()
    return _SAME.get(word, word)
