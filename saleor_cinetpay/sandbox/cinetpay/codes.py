"""CinetPay's answer codes: annex I of the guide, then the later ones that are known."""

from collections.abc import Mapping

ACCEPTED = "00"
INCORRECT_SETTINGS = "606"
PENDING = "607"
WAITING = "623"
CANCELED = "627"
CLOSED = "605"
DOUBLE_PAYMENT = "620"
SIGNATURE_DONT_MATCH = "619"
MONEY_BACK = frozenset({"660", "661"})
ON_PHONE = frozenset({"607", "638", "662", "663", "664", "803"})
"""Codes under which the buyer can still approve on the phone."""

MESSAGES: Mapping[str, str] = {
    "00": "SUCCES",
    "600": "PAYMENT_FAILED",
    "601": "MERCHANT_NOT_FOUND",
    "602": "INSUFFICIENT_BALANCE",
    "603": "SERVICE_UNAVAILABLE",
    "604": "OTP_CODE_ERROR",
    "605": "TRANSACTION_CLOSED",
    "606": "INCORRECT_SETTINGS",
    "607": "PENDING",
    "608": "MINIMUM_REQUIRED_FIELDS",
    "609": "AUTH_NOT_FOUND",
    "610": "ERROR_PAYMETHOD_NOTFOUND",
    "611": "ERROR_AMOUNT_TYPE",
    "612": "ERROR_CURRENCY_NOTVALID",
    "613": "ERROR_SITE_ID_NOTVALID",
    "614": "ERROR_FORMAT_TRANSACTION_DATE",
    "615": "ERROR_LANGUAGE_NOTVALID",
    "616": "ERROR_PAGE_ACTION_NOTVALID",
    "617": "ERROR_PAYMENT_CONFIG_NOTVALID",
    "618": "ERROR_API_VERSION_NOTVALID",
    "619": "ERROR_SIGNATURE_DONT_MATCHED",
    "620": "ERROR_DOUBLE_PAYEMNT",
    "621": "ERROR_OMPAY_UNAVAILABLE",
    "622": "ERROR_MOMOPAY_UNAVAILABLE",
    "623": "WAITING_CUSTOMER_TO_VALIDATE",
    "624": "UNKNOWN_ERROR",
    "625": "ABONNEMENT_OR_TRANSACTIONS_EXPIRED",
    "626": "ERROR_FLOOZPAY_UNAVAILABLE",
    "627": "TRANSACTION_CANCEL",
    "628": "INTERNAL_ERROR",
    "629": "GENERAL_FAILURE",
    "630": "INVALID_AMOUNT_FORMAT",
    "631": "DAILY_LIMIT_HAS_BEEN_EXCEEDED",
    "632": "SOURCE_ACCOUNT_NOT_ACTIVE",
    "633": "MOBILE_ACCOUNT_NUMBER_IS_NOT_ACTIVE",
    "634": "INVALID_MSISDN",
    "635": "ERROR_PHONE_NUMBER_NOT_FOUND",
    "636": "ERROR_PHONE_NUMBER_NOT_SUPPORTED",
    "637": "ERROR_PHONE_PREFIX_NOT_SUPPORTED",
    "638": "SECURE_PAYMENT_WAITING_CONFIRMATION",
    "639": "ERROR_VISA_UNAVAILABLE",
    "640": "ERROR_YUP_UNAVAILABLE",
    "641": "ERROR_AMOUNT_TOO_LOW",
    "642": "ERROR_AMOUNT_TOO_HIGH",
    "660": "REFUNDED",
    "661": "REFUNDING_IN_PROCESS",
    "662": "WAITING_CUSTOMER_PAYMENT",
    "663": "WAITING_CUSTOMER_OTP_CODE",
    "664": "WAITING_CUSTOMER_PAYMENT_AT_OPERATOR_SIDE",
    "800": "ACCESS_RESTRICTED",
    "801": "QUOTA_REACHED",
    "802": "PAYMENT_METHOD_DISABLED",
    "803": "OTP_VALIDATION",
    "804": "OPERATOR_UNAVAILABLE",
    **dict.fromkeys(("807", "808", "809", "810", "811", "812"), "ACCOUNT_LIMIT_REACHED"),
}
"""The word for each code. `00` is SUCCESS in annex I and `SUCCES` in every reply that was seen."""

STATUSES: Mapping[str, str] = {
    ACCEPTED: "ACCEPTED",
    PENDING: "PENDING",
    CANCELED: "CANCELED",
    **dict.fromkeys(("623", "638", "803"), "WAITING_FOR_CUSTOMER"),
    "662": "WAITING_CUSTOMER_PAYMENT",
    "663": "WAITING_CUSTOMER_OTP_CODE",
    "664": "WAITING_CUSTOMER_PAYMENT_AT_OPERATOR_SIDE",
    **dict.fromkeys(MONEY_BACK, "REFUNDED"),
}
"""`cpm_trans_status` for a code; every other code refuses."""


class Refusal(Exception):
    """CinetPay's `{"status": {"code", "message"}}` in place of what was asked for."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code} {message_of(code)}")
        self.code = code


def message_of(code: str) -> str:
    """Return the word for a code; a code that nobody knows is an unknown error."""
    return MESSAGES.get(code, "UNKNOWN_ERROR")


def status_of(code: str) -> str:
    """Return the `cpm_trans_status` that goes with a code."""
    return STATUSES.get(code, "REFUSED")
