"""What storefronts send is read as the contract says, and refused before any call out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments_kit import an_account, xof

from saleor_cinetpay.cinetpay import PhoneNumber
from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.locale import Language
from saleor_cinetpay.money import Money
from saleor_cinetpay.payments.storefront import (
    StorefrontData,
    check_amount,
    check_currency,
    read_storefront_data,
    spoken_language,
)
from saleor_cinetpay.shops.accounts import Account

ACCOUNT = an_account()
AMOUNT = xof().amount
NOTHING = StorefrontData(language=Language.FRENCH)
FIELDS = ["returnUrl", "cancelUrl", "phoneNumber", "phonePrefix", "language", "designation"]
NO_TEXTS = ["1", "-1.5", "1e400", "NaN", "true", "false", "[]", '["fr"]', "{}", '{"fr": "fr"}']
IVORIAN = PhoneNumber("225", "0707080910")


def refused(data: object, account: Account = ACCOUNT) -> tuple[str, str, str]:
    """Return the code of the refusal, and its texts for the buyer and for the merchant."""
    with pytest.raises(PaymentImpossible) as raised:
        read_storefront_data(data, account)
    return (
        raised.value.code,
        raised.value.buyer.say(Language.ENGLISH),
        raised.value.merchant.say(Language.ENGLISH),
    )


def test_everything_that_a_storefront_may_send() -> None:
    """All six fields are read; a field that the contract doesn't know is ignored, whatever it holds."""
    data = {
        "returnUrl": "https://shop.example/back?a=1&b=é#done",
        "cancelUrl": "http://localhost:3000/cart",
        "phoneNumber": "07 07 08 09 10",
        "phonePrefix": "+225",
        "language": "en",
        "designation": "Crème brûlée & thé",
        "amount": {"cpm_amount": [1]},
    }
    assert read_storefront_data(data, ACCOUNT) == StorefrontData(
        language=Language.ENGLISH,
        return_url="https://shop.example/back?a=1&b=é#done",
        cancel_url="http://localhost:3000/cart",
        phone=IVORIAN,
        designation="Crème brûlée & thé",
    )


@pytest.mark.parametrize("data", [None, {}, dict.fromkeys(FIELDS), {"other": 1}])
def test_everything_is_optional(data: object) -> None:
    """Missing, null, empty, and an object of nulls are all nothing."""
    assert NOTHING == read_storefront_data(data, ACCOUNT)


@pytest.mark.parametrize("written", [*(text for text in NO_TEXTS if not text.startswith("{")), '"text"', '""', '"{}"'])
def test_data_of_another_json_type_is_refused(written: str) -> None:
    """`data` is an object; every other JSON type is INVALID_DATA and the text names `data`."""
    code, _, merchant = refused(json.loads(written))
    assert ("INVALID_DATA", True) == (code, "`data`" in merchant)


@pytest.mark.parametrize("written", NO_TEXTS)
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_another_json_type_is_refused(field: str, written: str) -> None:
    """Each field is a text; every other JSON type is INVALID_DATA and both texts name the field."""
    code, buyer, merchant = refused({field: json.loads(written)})
    assert ("INVALID_DATA", True, True) == (code, field in buyer, field in merchant)


@pytest.mark.parametrize("field", ["returnUrl", "cancelUrl", "phoneNumber", "phonePrefix"])
def test_addresses_and_numbers_are_not_endless(field: str) -> None:
    """A text of more than 2,000 characters is INVALID_DATA, save where it is folded anyway."""
    assert "INVALID_DATA" == refused({field: "https://shop.example/" + "1" * 1980})[0]


def test_an_address_that_is_too_long_is_called_an_address() -> None:
    """The texts speak of what is wrong with it; it is a text."""
    _, buyer, merchant = refused({"returnUrl": "https://shop.example/" + "a" * 1980})
    assert ("address" in buyer, "2,000 characters" in merchant) == (True, True)


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example",
        "HTTPS://SHOP.EXAMPLE/",
        "http://127.0.0.1:8080/x",
        "https://[::1]/",
        "https://boutique-été.example/",
        "https://shop.example/" + "a" * 1979,
        "https://shop.example/?next=https://x@y/",
    ],
)
def test_an_address_that_can_be(address: str) -> None:
    """http and https addresses with a host pass as they are, up to 2,000 characters."""
    data = read_storefront_data({"returnUrl": address, "cancelUrl": address}, ACCOUNT)
    assert (address, address) == (data.return_url, data.cancel_url)


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "shop.example/back",
        "/back",
        "//shop.example/back",
        "https:shop.example",
        "https:/shop.example",
        "https://",
        "https:///back",
        "https://:443/",
        "https://?a",
        "javascript:alert(1)",
        "javascript://shop.example/%0aalert(1)",
        "data:text/html,x",
        "ftp://shop.example/",
        "https://shop.example@evil.example/",
        "https://user:password@shop.example/",
        "https://shop.example\\@evil.example/",
        "https:\\\\shop.example/",
        "https://shop.example/a b",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "https://shop.example/\x00",
        "https://shop.example/\x7f",
        "\thttps://shop.example/",
        " https://shop.example/",
        "https://shop.example:99999/",
        "https://shop.example:port/",
        "https://[::1/",
        "https://shop.example/\ud800",
        "https://shop.example/" + "a" * 1980,
    ],
)
@pytest.mark.parametrize("field", ["returnUrl", "cancelUrl"])
def test_an_address_that_can_not_be(field: str, address: str) -> None:
    """Everything that is no http(s) address, or that hides where it leads, is INVALID_DATA and names the field."""
    code, buyer, merchant = refused({field: address})
    assert ("INVALID_DATA", True, True) == (code, field in buyer, field in merchant)


@pytest.mark.parametrize(
    ("number", "prefix", "default", "expected"),
    [
        ("0707080910", "225", None, IVORIAN),
        ("07.07-08 09(10)", "+225", None, IVORIAN),
        ("+225 07 07 08 09 10", None, None, IVORIAN),
        ("00225 0707080910", None, None, IVORIAN),
        ("+2250707080910", "221", "223", IVORIAN),
        ("0707080910", None, "225", IVORIAN),
        ("0707080910", "225", "221", IVORIAN),
        ("0707080910", None, None, None),
        (None, "225", None, None),
        ("", "225", "225", None),
        ("  ", None, "225", None),
        (None, None, "225", None),
    ],
)
def test_phone_numbers(
    number: str | None, prefix: str | None, default: str | None, expected: PhoneNumber | None
) -> None:
    """A number goes with its own prefix, the given or the account's; without a prefix both are left out."""
    data = read_storefront_data({"phoneNumber": number, "phonePrefix": prefix}, an_account(default_prefix=default))
    assert expected == data.phone


@pytest.mark.parametrize(
    ("number", "prefix", "field"),
    [
        ("12345", "225", "phoneNumber"),
        ("1" * 16, "225", "phoneNumber"),
        ("mon numéro", "225", "phoneNumber"),
        ("٠٧٠٧٠٨٠٩١٠", "225", "phoneNumber"),
        ("+999 0707080910", None, "phoneNumber"),
        ("0707080910", "CI", "phonePrefix"),
        ("0707080910", "22555", "phonePrefix"),
        ("0707080910", "0", "phonePrefix"),
    ],
)
def test_a_phone_number_that_can_not_be(number: str, prefix: str | None, field: str) -> None:
    """It is PHONE_NUMBER_INVALID; the texts name the field and hold no digit of the number."""
    code, buyer, merchant = refused({"phoneNumber": number, "phonePrefix": prefix})
    assert ("PHONE_NUMBER_INVALID", True, True) == (code, field in buyer, field in merchant)
    assert number not in buyer + merchant


@pytest.mark.parametrize("data", [None, {"phonePrefix": "225"}, {"phoneNumber": ""}, {"phoneNumber": "0707080910"}])
def test_an_account_may_require_the_phone_number(data: object) -> None:
    """Where the account requires it, a number without a prefix is none."""
    code, buyer, merchant = refused(data, an_account(phone_required=True))
    assert ("PHONE_NUMBER_REQUIRED", True, True) == (code, "phoneNumber" in buyer, "phoneNumber" in merchant)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("fr", Language.FRENCH),
        ("en", Language.ENGLISH),
        ("en-GB", Language.ENGLISH),
        ("fr_CI", Language.FRENCH),
        (" EN ", Language.ENGLISH),
        ("wo", Language.ENGLISH),
        ("", Language.ENGLISH),
        ("\ud800", Language.ENGLISH),
        (None, Language.ENGLISH),
    ],
)
def test_a_language_is_taken_by_its_first_part(tag: str | None, expected: Language) -> None:
    """`en-GB` is English; one that we don't speak becomes the account's, here English."""
    english = an_account(language=Language.ENGLISH)
    assert expected == read_storefront_data({"language": tag}, english).language
    assert expected == spoken_language({"language": tag}, Language.ENGLISH)


@pytest.mark.parametrize("data", [None, [], "en", {}, {"language": ["en"]}, {"language": 1}])
def test_a_failure_is_told_in_some_language_whatever_is_wrong(data: object) -> None:
    """Where the language can't be read it is the default."""
    assert Language.FRENCH is spoken_language(data, Language.FRENCH)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=json_values | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values)))
def test_whatever_a_storefront_sends_is_read_or_refused(data: Any) -> None:
    """Any JSON at all is either read, or refused with a code of the contract."""
    try:
        outcome: str = read_storefront_data(data, ACCOUNT).language
    except PaymentImpossible as impossible:
        outcome = impossible.code
    assert outcome in {*Language, "INVALID_DATA", "PHONE_NUMBER_INVALID"}


@pytest.mark.parametrize("amount", ["5", "100", "12500.000", "1E+3", "1000"])
def test_an_amount_within_the_limits_is_taken(amount: str) -> None:
    """Whole francs pass, however many zeros are behind the point."""
    assert int(float(amount)) == check_amount(xof(amount), an_account(minimum=5, maximum=12500, step=5))


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("100.5", "AMOUNT_NOT_WHOLE"),
        ("0.001", "AMOUNT_NOT_WHOLE"),
        ("-100", "AMOUNT_NOT_WHOLE"),
        ("NaN", "AMOUNT_NOT_WHOLE"),
        ("Infinity", "AMOUNT_NOT_WHOLE"),
        ("0", "AMOUNT_TOO_LOW"),
        ("99", "AMOUNT_TOO_LOW"),
        ("1001", "AMOUNT_TOO_HIGH"),
        ("101", "AMOUNT_OFF_STEP"),
    ],
)
def test_an_amount_outside_the_limits_is_refused(amount: str, code: str) -> None:
    """Each limit has its code, and nothing is ever rounded."""
    with pytest.raises(PaymentImpossible) as raised:
        check_amount(xof(amount), an_account(minimum=100, maximum=1000, step=5))
    assert code == raised.value.code
    if code == "AMOUNT_TOO_HIGH":
        assert "1000 XOF" in raised.value.buyer.say(Language.ENGLISH)


def test_more_than_there_is_money_is_too_high() -> None:
    """Where the account has no maximum, an amount that no ledger could hold is refused with the same code."""
    assert 10**15 == check_amount(xof(10**15), an_account(maximum=None))
    with pytest.raises(PaymentImpossible) as raised:
        check_amount(xof(10**15 + 1), an_account(maximum=None))
    assert "AMOUNT_TOO_HIGH" == raised.value.code


@pytest.mark.parametrize("currency", ["XAF", "EUR", "CFA", "xof", ""])
def test_only_the_west_african_franc_is_taken(currency: str) -> None:
    """Saleor's currency must be XOF; CinetPay's own name for it is none of Saleor's."""
    for refuse in (check_currency, lambda currency: check_amount(Money(amount=AMOUNT, currency=currency), ACCOUNT)):
        with pytest.raises(PaymentImpossible) as raised:
            refuse(currency)
        assert "CURRENCY_NOT_SUPPORTED" == raised.value.code


def test_a_long_designation_and_a_long_language_are_folded() -> None:
    """However long, a designation becomes what CinetPay takes, and a language that we don't speak the account's."""
    data = read_storefront_data({"designation": "x" * 5000, "language": "y" * 5000}, an_account())
    assert ("x" * 5000, an_account().language) == (data.designation, data.language)
