"""What is signed, and what the buyer's browser posts to the payment page (guide 2.2).

Both are built from the same frozen `PaymentFields`, so the form carries the very bytes that were signed.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pydantic import SecretStr

from saleor_cinetpay.money import CinetPayAmount

LONGEST_DESIGNATION = 100
LAST_RESORT_DESIGNATION = "Paiement"
FEWEST_PHONE_DIGITS, MOST_PHONE_DIGITS = 6, 15

XOF_PREFIXES = ("225", "221", "223", "226", "227", "228", "229", "245")
"""Ivory Coast, Senegal, Mali, Burkina Faso, Niger, Togo, Benin and Guinea-Bissau. None begins another."""

_SPELLED_OUT = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
    | dict.fromkeys("‐‑‒–—―−", "-")
)
_BETWEEN_DIGITS = re.compile(r"[\s.()\[\]‐‑‒–—\u200e\u200f\u202a-\u202e-]")
"""Spaces, dots, dashes, brackets, and the invisible marks that come along when a contact's number is copied."""


class PhoneNumberInvalid(ValueError):
    """A phone number or a prefix that can't be one; `field` says which of the two. Its text holds no digits."""

    def __init__(self, field: Literal["number", "prefix"]) -> None:
        super().__init__(f"the phone {field} can't be one")
        self.field = field


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A buyer's phone number, digits only. The number is personal: it is left out of `repr`."""

    prefix: str
    """The country's, 1 to 4 digits: `225`."""
    number: str = field(repr=False)
    """Without the prefix: `0707080910`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFields:
    """What a payment is, for CinetPay. Frozen from the first signature request on."""

    amount: CinetPayAmount
    currency: Literal["CFA", "XOF"]
    site_id: str
    trans_id: str
    trans_date: str
    """UTC `YmdHis`, computed once by `trans_date(now)` and stored."""
    language: str
    designation: str
    """Already folded by `fold_designation`."""
    custom: str = ""
    phone: PhoneNumber | None = None


def trans_date(now: datetime) -> str:
    """Write a moment as `cpm_trans_date`: UTC `YmdHis`, `20170906124338`."""
    return now.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def signature_request(fields: PaymentFields, api_key: SecretStr) -> dict[str, str]:
    """Return the fields of `getSignatureByPost`, in the guide's order. They hold the API key."""
    signed = {
        "cpm_amount": str(fields.amount),
        "cpm_currency": fields.currency,
        "cpm_site_id": fields.site_id,
        "cpm_trans_id": fields.trans_id,
        "cpm_trans_date": fields.trans_date,
        "cpm_payment_config": "SINGLE",
        "cpm_page_action": "PAYMENT",
        "cpm_version": "V1",
        "cpm_language": fields.language,
        "cpm_designation": fields.designation,
    }
    if fields.custom:
        signed["cpm_custom"] = fields.custom
    signed["apikey"] = api_key.get_secret_value()
    if fields.phone:
        # The guide's table of signed fields says `cpm_phone_prefix`; its form and all that is in use say `prefixe`.
        signed |= {"cel_phone_num": fields.phone.number, "cpm_phone_prefixe": fields.phone.prefix}
    return signed


def payment_form(
    fields: PaymentFields,
    api_key: SecretStr,
    signature: SecretStr,
    *,
    notify_url: str,
    return_url: str,
    cancel_url: str,
) -> dict[str, str]:
    """Return the fields that the buyer's browser posts to the payment page: what was signed, the signature, the URLs.

    v1 demands the API key, the signature and the number here, so whoever gets the form sees them.
    """
    return signature_request(fields, api_key) | {
        "signature": signature.get_secret_value(),
        "notify_url": notify_url,
        "return_url": return_url,
        "cancel_url": cancel_url,
    }


def fold_designation(written: str, default: str) -> str:
    """Fold a purchase's description to ASCII letters, digits, space and `.,:-`, at most 100 characters, never empty.

    Accents fall to their letters (`Crème brûlée` becomes `Creme brulee`), other signs to a space. Where no letter
    or digit is left the default takes its place, folded likewise.
    """
    return _folded(written) or _folded(default) or LAST_RESORT_DESIGNATION


def _folded(written: str) -> str:
    decomposed = unicodedata.normalize("NFKD", written.translate(_SPELLED_OUT))
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    folded = " ".join(re.sub(r"[^A-Za-z0-9.,:-]", " ", letters).split())[:LONGEST_DESIGNATION].rstrip()
    return folded if re.search(r"[A-Za-z0-9]", folded) else ""


def parse_phone(number: str | None, prefix: str | None, default_prefix: str | None) -> PhoneNumber | None:
    """Read a phone number as people write it; None where there is no number, or no prefix to go with it.

    The number may carry its prefix (`+225 07 ...`, `00225 07 ...`), which then counts; else the given prefix goes
    with it, else the default. Spaces, dots, dashes and brackets are tolerated.

    Raises:
        PhoneNumberInvalid: where number or prefix can't be one, or an international number's country can't be told.
    """
    if not (number or "").strip():
        return None
    digits = _compact(number)
    known_prefix = _prefix(prefix) or _prefix(default_prefix)
    if digits.startswith("+"):
        carried = digits.removeprefix("+")
        known_prefix = next((p for p in (*XOF_PREFIXES, known_prefix) if p and carried.startswith(p)), None)
        if known_prefix is None:
            raise PhoneNumberInvalid("number")
        digits = carried.removeprefix(known_prefix)
    if not re.fullmatch(rf"[0-9]{{{FEWEST_PHONE_DIGITS},{MOST_PHONE_DIGITS}}}", digits):
        raise PhoneNumberInvalid("number")
    return PhoneNumber(known_prefix, digits) if known_prefix else None


def read_phone(number: str, prefix: str) -> PhoneNumber | None:
    """Read a number as CinetPay shows it; None where it can't be one. Its prefix is empty where none is shown."""
    try:
        phone = parse_phone(number, prefix, None)
    except PhoneNumberInvalid:
        phone = None
    digits = _compact(number).removeprefix("+")
    if phone is not None or not re.fullmatch(rf"[0-9]{{{FEWEST_PHONE_DIGITS},{MOST_PHONE_DIGITS}}}", digits):
        return phone
    return PhoneNumber("", digits)


def _prefix(written: str | None) -> str | None:
    if not (written or "").strip():
        return None
    digits = _compact(written).removeprefix("+")
    if not re.fullmatch(r"[1-9][0-9]{0,3}", digits):
        raise PhoneNumberInvalid("prefix")
    return digits


def _compact(written: str | None) -> str:
    """Drop what people write between digits, and turn a leading `00` into the `+` that it stands for."""
    compact = _BETWEEN_DIGITS.sub("", written or "")
    return f"+{compact[2:]}" if compact.startswith("00") else compact
