"""CinetPay's v1 HTTP API, as the guide (1.6.1) gives it. Knows nothing of Saleor.

`client` asks, `form` builds what is signed and what the buyer's browser posts, `wire` reads what comes
back, `codes` says what an answer code means, and to whom.
"""

from saleor_cinetpay.cinetpay.client import CinetPayClient, Credentials
from saleor_cinetpay.cinetpay.codes import CODES, Code, CodeClass, describe, normalise_code
from saleor_cinetpay.cinetpay.form import (
    PaymentFields,
    PhoneNumber,
    PhoneNumberInvalid,
    fold_designation,
    parse_phone,
    payment_form,
    signature_request,
    trans_date,
)
from saleor_cinetpay.cinetpay.wire import (
    CinetPayBalance,
    CinetPayFigures,
    CinetPayTransaction,
    History,
    TransactionStatus,
    decode_reply,
)

__all__ = [
    "CODES",
    "CinetPayBalance",
    "CinetPayClient",
    "CinetPayFigures",
    "CinetPayTransaction",
    "Code",
    "CodeClass",
    "Credentials",
    "History",
    "PaymentFields",
    "PhoneNumber",
    "PhoneNumberInvalid",
    "TransactionStatus",
    "decode_reply",
    "describe",
    "fold_designation",
    "normalise_code",
    "parse_phone",
    "payment_form",
    "signature_request",
    "trans_date",
]
