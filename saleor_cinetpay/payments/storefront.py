"""What a storefront may send with `transactionInitialize` (`data`), read and checked before any call out."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from saleor_cinetpay.cinetpay import PhoneNumber, PhoneNumberInvalid, parse_phone
from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.locale import Language, Text, language_of, text
from saleor_cinetpay.money import XOF, CinetPayAmount, Money, NotWhole, whole_francs
from saleor_cinetpay.shops.accounts import Account

LONGEST_URL = 2000
LONGEST_TEXT = 2000
MOST_FRANCS = 10**15
"""What counts as the maximum where an account has none: more than there is money, and less than a ledger can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorefrontData:
    """What the storefront asked for; everything is optional."""

    language: Language
    return_url: str | None = None
    cancel_url: str | None = None
    phone: PhoneNumber | None = None
    designation: str = ""


def spoken_language(data: object, default: Language) -> Language:
    """Return the language of a storefront's data, whatever else is wrong with it."""
    tag = data.get("language") if isinstance(data, dict) else None
    return language_of(tag, default) if isinstance(tag, str) else default


def read_storefront_data(data: object, account: Account) -> StorefrontData:
    """Read `data`: missing, null or an object. A null member counts as missing, an unknown one is ignored.

    Raises:
        PaymentImpossible: INVALID_DATA, PHONE_NUMBER_INVALID or PHONE_NUMBER_REQUIRED; the text names the field.
    """
    if data is not None and not isinstance(data, dict):
        raise _invalid(
            "data", text("The payment data must be an object."), text("`data` of transactionInitialize is no object.")
        )
    given: dict[str, Any] = data or {}
    phone_number = _text(given, "phoneNumber")
    phone_prefix = _text(given, "phonePrefix")
    return StorefrontData(
        language=language_of(_text(given, "language", longest=None), account.language),
        return_url=_web_address(given, "returnUrl"),
        cancel_url=_web_address(given, "cancelUrl"),
        designation=_text(given, "designation", longest=None) or "",
        phone=_phone(phone_number, phone_prefix, account),
    )


def check_amount(money: Money, account: Account) -> CinetPayAmount:
    """Return the amount as CinetPay counts it, if the account takes it.

    Raises:
        PaymentImpossible: CURRENCY_NOT_SUPPORTED, AMOUNT_NOT_WHOLE, AMOUNT_TOO_LOW, AMOUNT_TOO_HIGH or AMOUNT_OFF_STEP.
    """
    check_currency(money.currency)
    try:
        amount = whole_francs(money)
    except NotWhole:
        raise PaymentImpossible(
            "AMOUNT_NOT_WHOLE",
            buyer=text("The amount must be in whole francs. Please contact the shop."),
            merchant=text("{amount} is no whole number of francs; round the shop's prices.", amount=money),
        ) from None
    if amount < account.minimum:
        minimum = Money(amount=Decimal(account.minimum), currency=XOF)
        raise PaymentImpossible(
            "AMOUNT_TOO_LOW",
            buyer=text("The amount is too low: mobile money begins at {minimum}.", minimum=minimum),
            merchant=text("{amount} is below the account's minimum of {minimum}.", amount=money, minimum=minimum),
        )
    most = MOST_FRANCS if account.maximum is None else account.maximum
    if amount > most:
        maximum = Money(amount=Decimal(most), currency=XOF)
        raise PaymentImpossible(
            "AMOUNT_TOO_HIGH",
            buyer=text("The amount is too high: mobile money takes up to {maximum}.", maximum=maximum),
            merchant=text("{amount} is above the account's maximum of {maximum}.", amount=money, maximum=maximum),
        )
    if amount % account.step:
        raise PaymentImpossible(
            "AMOUNT_OFF_STEP",
            buyer=text("The amount must be a multiple of {step} francs. Please contact the shop.", step=account.step),
            merchant=text("{amount} is no multiple of the account's step of {step}.", amount=money, step=account.step),
        )
    return amount


def check_currency(currency: str) -> None:
    """Let only the West African franc pass.

    Raises:
        PaymentImpossible: CURRENCY_NOT_SUPPORTED.
    """
    if currency != XOF:
        raise PaymentImpossible(
            "CURRENCY_NOT_SUPPORTED",
            buyer=text("Mobile money takes CFA francs (XOF) only, not {currency}.", currency=currency),
            merchant=text("CinetPay takes XOF only; this channel sells in {currency}.", currency=currency),
        )


def _phone(number: str | None, prefix: str | None, account: Account) -> PhoneNumber | None:
    try:
        phone = parse_phone(number, prefix, account.default_prefix)
    except PhoneNumberInvalid as invalid:
        field = "phoneNumber" if invalid.field == "number" else "phonePrefix"
        raise PaymentImpossible(
            "PHONE_NUMBER_INVALID",
            buyer=text("Please check the phone number: digits only, such as 07 07 08 09 10 ({field}).", field=field),
            merchant=text("The buyer's phone number can't be one ({field}).", field=field),
        ) from None
    if phone is None and account.phone_required:
        raise PaymentImpossible(
            "PHONE_NUMBER_REQUIRED",
            buyer=text("Please enter your mobile-money phone number with its country prefix (phoneNumber)."),
            merchant=text("This account requires the buyer's phone number with its prefix (phoneNumber, phonePrefix)."),
        )
    return phone


def _text(given: dict[str, Any], field: str, *, longest: int | None = LONGEST_TEXT) -> str | None:
    value = given.get(field)
    if value is None:
        return None
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        raise _invalid(
            field,
            text("The field {field} must be a text.", field=field),
            text("`data.{field}` of transactionInitialize must be a text of at most 2,000 characters.", field=field),
        )
    return value


def _web_address(given: dict[str, Any], field: str) -> str | None:
    value = _text(given, field, longest=None)
    if value is None:
        return None
    if not _is_web_address(value):
        raise _invalid(
            field,
            text("The address in {field} can't be used.", field=field),
            text("`data.{field}` must be an http or https address of at most 2,000 characters.", field=field),
        )
    return value


def _is_web_address(value: str) -> bool:
    if len(value) > LONGEST_URL or any(character <= " " or character in "\\\x7f" for character in value):
        return False
    try:
        value.encode()  # half a surrogate pair, which JSON can spell, can't be stored or sent on
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc


def _invalid(field: str, buyer: Text, merchant: Text) -> PaymentImpossible:
    return PaymentImpossible("INVALID_DATA", buyer=buyer, merchant=merchant, log=f"INVALID_DATA {field}")
