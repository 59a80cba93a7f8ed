"""What is signed, and the form that carries it."""

import re
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from saleor_cinetpay.cinetpay import (
    PaymentFields,
    PhoneNumber,
    PhoneNumberInvalid,
    fold_designation,
    parse_phone,
    payment_form,
    signature_request,
    trans_date,
)
from saleor_cinetpay.cinetpay.form import XOF_PREFIXES
from saleor_cinetpay.money import CinetPayAmount

KEY = SecretStr("21585943f75164bbc2.38014630")
FIELDS = PaymentFields(
    amount=CinetPayAmount(12500),
    currency="CFA",
    site_id="296911",
    trans_id="01JD9Z5V7Q8W3K2M4N6P8R0T1X",
    trans_date="20170906124338",
    language="fr",
    designation="Commande 42",
    custom="a&b+c%d é",
    phone=PhoneNumber("225", "0707080910"),
)
URLS = {
    "notify_url": "https://app.example/notify",
    "return_url": "https://app.example/return?a=1&b='2'",
    "cancel_url": "https://app.example/cancel",
}


def test_the_signature_request_has_these_very_fields() -> None:
    """A signature request holds the guide's table, in its order, and nothing else."""
    assert {
        "cpm_amount": "12500",
        "cpm_currency": "CFA",
        "cpm_site_id": "296911",
        "cpm_trans_id": "01JD9Z5V7Q8W3K2M4N6P8R0T1X",
        "cpm_trans_date": "20170906124338",
        "cpm_payment_config": "SINGLE",
        "cpm_page_action": "PAYMENT",
        "cpm_version": "V1",
        "cpm_language": "fr",
        "cpm_designation": "Commande 42",
        "cpm_custom": "a&b+c%d é",
        "apikey": "21585943f75164bbc2.38014630",
        "cel_phone_num": "0707080910",
        "cpm_phone_prefixe": "225",
    } == signature_request(FIELDS, KEY)


@pytest.mark.parametrize("custom", ["", "a&b+c%d é"])
@pytest.mark.parametrize("phone", [None, PhoneNumber("225", "0707080910")])
def test_the_form_carries_the_very_bytes_that_were_signed(custom: str, phone: PhoneNumber | None) -> None:
    """The form is the signature request, the signature and the three URLs; it never asks for debug."""
    fields = PaymentFields(
        amount=CinetPayAmount(5),
        currency="XOF",
        site_id="296911",
        trans_id="T1",
        trans_date="20170906124338",
        language="en",
        designation="Order",
        custom=custom,
        phone=phone,
    )
    signed = signature_request(fields, KEY)

    form = payment_form(fields, KEY, SecretStr("95db7a68"), **URLS)

    assert signed | URLS | {"signature": "95db7a68"} == form
    assert urlencode(signed) == urlencode({name: form[name] for name in signed})
    assert "debug" not in form
    assert bool(custom) == ("cpm_custom" in form)
    assert bool(phone) == ("cel_phone_num" in form) == ("cpm_phone_prefixe" in form)


def test_the_transaction_date_is_utc_whatever_the_zone() -> None:
    """A transaction's date is written in UTC as YmdHis."""
    lagos = timezone(timedelta(hours=1))

    assert "20170906124338" == trans_date(datetime(2017, 9, 6, 13, 43, 38, tzinfo=lagos))
    assert "20170906124338" == trans_date(datetime(2017, 9, 6, 12, 43, 38, 999, tzinfo=UTC))


def test_a_phone_number_does_not_show_itself() -> None:
    """The repr of a payment's fields leaves the buyer's number out."""
    assert "0707080910" not in repr(FIELDS)


@pytest.mark.parametrize(
    ("folded", "written"),
    [
        ("Creme brulee, 2 pieces", "Crème brûlée, 2 pièces"),
        ("oeuf, OEuvre, AEgir, strasse", "œuf, OEuvre, Ægir, straße"),
        ("L atelier d Ama - Abidjan", "L’atelier  d'Ama – Abidjan"),
        ("Commande 42 : 3 articles 15", "Commande (42)\n: 3 articles\t15 €"),
        ("A B C D E", "A & B # C/D$E_"),
        ("Order 7", "🛒 Order ⑦"),
        ("default", ""),
        ("default", " ... - "),
        ("default", "السلة"),
    ],
)
def test_a_designation_folds_to_what_cinetpay_takes(folded: str, written: str) -> None:
    """Accents fall to letters, other signs to spaces; where nothing is left the default stands."""
    assert folded == fold_designation(written, "default")


def test_a_default_that_folds_to_nothing_is_replaced_too() -> None:
    """A designation is never empty, even when the default has no letter either."""
    assert "Paiement" == fold_designation("", "***")


@given(st.text(max_size=300), st.text(max_size=20))
def test_any_designation_is_fit_to_send(written: str, default: str) -> None:
    """Whatever is written, the folded text fits the alphabet and the length, and folding it again changes nothing."""
    folded = fold_designation(written, default)

    assert re.fullmatch(r"[A-Za-z0-9.,:-]([A-Za-z0-9 .,:-]{0,98}[A-Za-z0-9.,:-])?", folded)
    assert "  " not in folded
    assert folded == fold_designation(folded, "")


@pytest.mark.parametrize(
    ("phone", "written"),
    [
        (PhoneNumber("225", "0707080910"), ("07 07 08 09 10", "225", None)),
        (PhoneNumber("225", "0707080910"), ("07.07-08(09)[10]", "+225", "221")),
        (PhoneNumber("225", "0707080910"), ("0707080910", None, "225")),
        (PhoneNumber("225", "0707080910"), ("0707080910", " ", "00225")),
        (PhoneNumber("225", "0707080910"), ("+225 07 07 08 09 10", None, None)),
        (PhoneNumber("225", "0707080910"), ("\u202a+225\u00a007\u202f07 08 09 10\u202c", None, None)),
        (PhoneNumber("225", "0707080910"), ("+(225) 0707080910", "221", "221")),
        (PhoneNumber("225", "0707080910"), ("00225 0707080910", None, None)),
        (PhoneNumber("33", "612345678"), ("+33 612345678", "33", "225")),
        (PhoneNumber("33", "612345678"), ("+33 612345678", None, "33")),
        (PhoneNumber("225", "2250707080910"), ("225 0707080910", None, "225")),
        (None, ("0707080910", None, None)),
        (None, (None, "225", "225")),
        (None, ("  ", "no prefix", None)),
    ],
)
def test_a_phone_number_is_read_as_people_write_it(
    phone: PhoneNumber | None, written: tuple[str | None, str | None, str | None]
) -> None:
    """A carried prefix counts, else the given, else the default; without number or prefix there is nothing."""
    assert phone == parse_phone(*written)


@pytest.mark.parametrize("prefix", XOF_PREFIXES)
def test_the_countries_of_the_franc_are_known(prefix: str) -> None:
    """An international number of a country that pays in XOF needs no other prefix."""
    assert PhoneNumber(prefix, "90123456") == parse_phone(f"+{prefix} 90 12 34 56", None, None)


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("number", ("07 07 AB 09 10", "225", None)),
        ("number", ("12345", "225", None)),
        ("number", ("1234567890123456", "225", None)),
        ("number", ("12345", None, None)),
        ("number", ("()", "225", None)),
        ("number", ("+", "225", None)),
        ("number", ("+225 12", None, None)),
        ("number", ("+33 612345678", None, "225")),
        ("number", ("00+225 0707080910", None, None)),
        ("number", ("٠٧٠٧٠٨٠٩١٠", "225", None)),
        ("prefix", ("0707080910", "12345", None)),
        ("prefix", ("0707080910", "CI", None)),
        ("prefix", ("0707080910", "0225", None)),
        ("prefix", ("0707080910", "+", None)),
    ],
)
def test_a_phone_number_that_cannot_be_is_refused(
    field: str, written: tuple[str | None, str | None, str | None]
) -> None:
    """What can't be a number or a prefix is named, and not repeated in the error."""
    with pytest.raises(PhoneNumberInvalid) as refused:
        parse_phone(*written)

    assert field == refused.value.field
    assert f"the phone {field} can't be one" == str(refused.value)


@given(*[st.none() | st.text(alphabet="0123456789+ .-()a\u0660", max_size=20) | st.text(max_size=8)] * 3)
def test_any_phone_number_is_read_or_refused(number: str | None, prefix: str | None, default: str | None) -> None:
    """Whatever is written, there is a number of plain digits, nothing, or PhoneNumberInvalid."""
    try:
        phone = parse_phone(number, prefix, default)
    except PhoneNumberInvalid:
        return
    if phone:
        assert re.fullmatch(r"[1-9][0-9]{0,3}", phone.prefix)
        assert re.fullmatch(r"[0-9]{6,15}", phone.number)
