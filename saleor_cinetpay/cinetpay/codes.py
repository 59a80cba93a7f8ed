"""CinetPay's answer codes: Annex I of the guide, and the later ones.

A code alone never ends a payment: the verdict is the payments' business. Here stands only its class, its
name for the log, and a text for the buyer and for the merchant.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from saleor_cinetpay.cinetpay.texts import ToBuyer, ToMerchant
from saleor_cinetpay.locale import Text

SUCCESS = "00"
LONGEST_CODE = 8
LONGEST_NAME = 60


class CodeClass(StrEnum):
    """What a code means for a payment."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REFUSED = "refused"
    OPERATOR_UNAVAILABLE = "operator_unavailable"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    CONFIGURATION = "configuration"
    MONEY_BACK = "money_back"
    FRAUD = "fraud"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One answer code and its three texts."""

    code: str
    name: str
    """CinetPay's own name, for the log."""
    code_class: CodeClass
    buyer: Text
    merchant: Text


def normalise_code(raw: object) -> str:
    """Return the one spelling of a code that arrives as `"609"`, `609`, `" 609 "`, `"00"` or `0`.

    What can't be a code is empty: nothing, a truth value, and anything longer than eight characters, so that
    whatever a stranger writes in a code's place (a key, a page) stays out of logs.
    """
    if isinstance(raw, bool) or not isinstance(raw, str | int | Decimal):
        return ""
    code = str(raw).strip()
    if len(code) > LONGEST_CODE:
        return ""
    return SUCCESS if code == "0" else code


def describe(code: str, message: str = "") -> Code:
    """Return what is known of a normalised code; `message` is what CinetPay wrote beside it (`cpm_error_message`).

    Two sources disagree about 664, so its message decides between fraud and waiting.
    """
    if code == "664" and "FRAUD" in message.upper():
        return _FRAUD
    return CODES.get(code) or Code(
        code=code,
        name=_harmless(message) or "UNKNOWN",
        code_class=CodeClass.UNKNOWN,
        buyer=ToBuyer.NOT_KNOWN_YET,
        merchant=ToMerchant.unknown(code),
    )


def _harmless(message: str) -> str:
    """Keep a message that reads like CinetPay's own names; digits and anything else could be a key or a number."""
    return message if len(message) <= LONGEST_NAME and re.fullmatch(r"[A-Z][A-Z_ ]*", message) else ""


_FRAUD = Code(
    code="664",
    name="FRAUD_DETECTED",
    code_class=CodeClass.FRAUD,
    buyer=ToBuyer.CHECKED_BY_HAND,
    merchant=ToMerchant.FRAUD,
)

_BY_CLASS: Mapping[CodeClass, tuple[tuple[str, str, Text, Text], ...]] = {
    CodeClass.ACCEPTED: ((SUCCESS, "SUCCESS", ToBuyer.PAID, ToMerchant.PAID),),
    CodeClass.PENDING: (
        ("607", "PENDING", ToBuyer.WAIT, ToMerchant.NOTHING_TO_DO),
        ("623", "WAITING_CUSTOMER_TO_VALIDATE", ToBuyer.CONFIRM, ToMerchant.NOTHING_TO_DO),
        ("638", "SECURE_PAYMENT_WAITING_CONFIRMATION", ToBuyer.CONFIRM, ToMerchant.NOTHING_TO_DO),
        ("662", "WAITING_CUSTOMER_PAYMENT", ToBuyer.CONFIRM, ToMerchant.NOTHING_TO_DO),
        ("663", "WAITING_CUSTOMER_OTP_CODE", ToBuyer.ENTER_CODE, ToMerchant.NOTHING_TO_DO),
        ("664", "WAITING_CUSTOMER_PAYMENT_AT_OPERATOR_SIDE", ToBuyer.CONFIRM, ToMerchant.NOTHING_TO_DO),
        ("803", "OTP_VALIDATION", ToBuyer.ENTER_CODE, ToMerchant.NOTHING_TO_DO),
    ),
    CodeClass.REFUSED: (
        ("600", "PAYMENT_FAILED", ToBuyer.FAILED, ToMerchant.FAILED),
        ("602", "INSUFFICIENT_BALANCE", ToBuyer.TOP_UP, ToMerchant.BUYER_LACKS_MONEY),
        ("604", "OTP_CODE_ERROR", ToBuyer.WRONG_CODE, ToMerchant.WRONG_CODE),
        ("606", "INCORRECT_SETTINGS", ToBuyer.WRONG_DETAILS, ToMerchant.WRONG_DETAILS),
        ("630", "INVALID_AMOUNT_FORMAT", ToBuyer.AMOUNT_NOT_TAKEN, ToMerchant.CHECK_AMOUNTS),
        ("631", "DAILY_LIMIT_HAS_BEEN_EXCEEDED", ToBuyer.TODAYS_LIMIT, ToMerchant.BUYER_CAN_RETRY),
        ("632", "SOURCE_ACCOUNT_NOT_ACTIVE", ToBuyer.ACCOUNT_NOT_ACTIVE, ToMerchant.BUYER_CAN_RETRY),
        ("633", "MOBILE_ACCOUNT_NUMBER_IS_NOT_ACTIVE", ToBuyer.ACCOUNT_NOT_ACTIVE, ToMerchant.BUYER_CAN_RETRY),
        ("634", "INVALID_MSISDN", ToBuyer.WRONG_NUMBER, ToMerchant.BUYER_CAN_RETRY),
        ("635", "ERROR_PHONE_NUMBER_NOT_FOUND", ToBuyer.WRONG_NUMBER, ToMerchant.BUYER_CAN_RETRY),
        ("636", "ERROR_PHONE_NUMBER_NOT_SUPPORTED", ToBuyer.NUMBER_NOT_TAKEN, ToMerchant.ADD_OPERATOR),
        ("637", "ERROR_PHONE_PREFIX_NOT_SUPPORTED", ToBuyer.COUNTRY_NOT_TAKEN, ToMerchant.ADD_COUNTRY),
        ("641", "ERROR_AMOUNT_TOO_LOW", ToBuyer.AMOUNT_TOO_LOW, ToMerchant.RAISE_MINIMUM),
        ("642", "ERROR_AMOUNT_TOO_HIGH", ToBuyer.AMOUNT_TOO_HIGH, ToMerchant.SET_MAXIMUM),
        ("802", "PAYMENT_METHOD_DISABLED", ToBuyer.SWITCHED_OFF, ToMerchant.SWITCH_ON),
        # 807 to 812 are daily, weekly and monthly limits; which is which is not documented.
        *((str(code), "LIMIT_REACHED", ToBuyer.LIMIT, ToMerchant.BUYER_CAN_RETRY) for code in range(807, 813)),
    ),
    CodeClass.OPERATOR_UNAVAILABLE: (
        ("603", "SERVICE_UNAVAILABLE", ToBuyer.OPERATOR_AWAY, ToMerchant.OPERATOR_TROUBLE),
        ("621", "ERROR_OMPAY_UNAVAILABLE", ToBuyer.away("Orange Money"), ToMerchant.OPERATOR_TROUBLE),
        ("622", "ERROR_MOMOPAY_UNAVAILABLE", ToBuyer.away("MTN Mobile Money"), ToMerchant.OPERATOR_TROUBLE),
        ("626", "FLOOZ_UNAVAILABLE", ToBuyer.away("Moov Money (Flooz)"), ToMerchant.OPERATOR_TROUBLE),
        ("628", "INTERNAL_ERROR", ToBuyer.OPERATOR_AWAY, ToMerchant.OPERATOR_TROUBLE),
        ("629", "GENERAL_FAILURE", ToBuyer.OPERATOR_AWAY, ToMerchant.OPERATOR_TROUBLE),
        ("639", "VISA_UNAVAILABLE", ToBuyer.away("Visa"), ToMerchant.OPERATOR_TROUBLE),
        ("640", "YUP_UNAVAILABLE", ToBuyer.away("YUP"), ToMerchant.OPERATOR_TROUBLE),
        ("804", "OPERATOR_UNAVAILABLE", ToBuyer.OPERATOR_AWAY, ToMerchant.OPERATOR_TROUBLE),
    ),
    CodeClass.CANCELLED: (("627", "TRANSACTION_CANCEL", ToBuyer.CANCELLED, ToMerchant.CANCELLED),),
    CodeClass.CLOSED: (
        ("605", "TRANSACTION_CLOSED", ToBuyer.ALREADY_KNOWN, ToMerchant.LOOK_UP_FIRST),
        ("620", "ERROR_DOUBLE_PAYEMNT", ToBuyer.ALREADY_KNOWN, ToMerchant.LOOK_UP_FIRST),  # the guide's spelling
    ),
    CodeClass.CONFIGURATION: (
        ("601", "MERCHANT_NOT_FOUND", ToBuyer.SHOP_CAN_NOT, ToMerchant.MERCHANT_UNKNOWN),
        ("609", "AUTH_NOT_FOUND", ToBuyer.SHOP_CAN_NOT, ToMerchant.CHECK_API_KEY),
        ("610", "ERROR_PAYMETHOD_NOTFOUND", ToBuyer.SHOP_CAN_NOT, ToMerchant.NO_MEANS_OF_PAYMENT),
        ("611", "ERROR_AMOUNT_TYPE", ToBuyer.SHOP_CAN_NOT, ToMerchant.CHECK_AMOUNTS),
        ("612", "ERROR_CURRENCY_NOTVALID", ToBuyer.SHOP_CAN_NOT, ToMerchant.CHECK_CURRENCY),
        ("613", "ERROR_SITE_ID_NOTVALID", ToBuyer.SHOP_CAN_NOT, ToMerchant.CHECK_SITE_ID),
        ("619", "ERROR_SIGNATURE_DONT_MATCHED", ToBuyer.SHOP_CAN_NOT, ToMerchant.CHECK_FORM),
        ("625", "ABONNEMENT_OR_TRANSACTIONS_EXPIRED", ToBuyer.SHOP_CAN_NOT, ToMerchant.RENEW),
        ("800", "ACCESS_RESTRICTED", ToBuyer.SHOP_CAN_NOT, ToMerchant.RESTRICTED),
        ("801", "QUOTA_REACHED", ToBuyer.SHOP_CAN_NOT, ToMerchant.RAISE_QUOTA),
        *(
            (code, name, ToBuyer.SHOP_CAN_NOT, ToMerchant.ask_support(code, name))
            for code, name in (
                ("608", "MINIMUM_REQUIRED_FIELDS"),
                ("614", "ERROR_FORMAT_TRANSACTION_DATE"),
                ("615", "ERROR_LANGUAGE_NOTVALID"),
                ("616", "ERROR_PAGE_ACTION_NOTVALID"),
                ("617", "ERROR_PAYMENT_CONFIG_NOTVALID"),
                ("618", "ERROR_API_VERSION_NOTVALID"),
            )
        ),
    ),
    CodeClass.MONEY_BACK: (
        ("660", "REFUNDED", ToBuyer.REFUNDED, ToMerchant.REFUNDED),
        ("661", "REFUNDING_IN_PROCESS", ToBuyer.BEING_REFUNDED, ToMerchant.BEING_REFUNDED),
    ),
    CodeClass.UNKNOWN: (("624", "UNKNOWN_ERROR", ToBuyer.NOT_KNOWN_YET, ToMerchant.UNEXPLAINED),),
}

CODES: Mapping[str, Code] = MappingProxyType(
    {
        code: Code(code=code, name=name, code_class=code_class, buyer=buyer, merchant=merchant)
        for code_class, rows in _BY_CLASS.items()
        for code, name, buyer, merchant in rows
    }
)
"""Every known code by its normalised spelling."""
