"""What CinetPay answers, read tolerantly and judged once.

Replies are JSON text whatever their content type says. Values are read as text first (a number, a missing one,
HTML entities, stray spaces), and only the properties give them a meaning.
"""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from saleor_cinetpay.cinetpay.codes import SUCCESS, describe, normalise_code
from saleor_cinetpay.cinetpay.form import PhoneNumber, read_phone
from saleor_cinetpay.errors import CinetPayRefused, CinetPayUnavailable, CinetPayUnintelligible

EARLIEST_YEAR = 2010
"""Nobody paid through CinetPay before; an earlier date is a placeholder."""

Reply = TypeVar("Reply")


class TransactionStatus(StrEnum):
    """What `cpm_trans_status` says, its spellings brought together."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    CANCELED = "CANCELED"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"


def _read_text(value: object) -> str:
    """Return a wire value as text; what is neither text nor number is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    # A NUL or half a surrogate pair, which JSON can spell, can't be stored or sent on.
    return html.unescape(str(value)).replace("\x00", "").encode("utf-8", "replace").decode().strip()


def _read_number(value: object) -> Decimal | None:
    """Return a plain decimal number (`5000.00`, ` 5000 `, `-34.6`); None for anything else."""
    written = _read_text(value)
    return Decimal(written) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", written) else None


def _read_moment(written: str) -> datetime | None:
    """Return a GMT moment written `2017-09-04 14:01:35`; None for empty, `0000-00-00` and senseless ones."""
    try:
        moment = datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if moment.year >= EARLIEST_YEAR else None


Written = Annotated[str, BeforeValidator(_read_text)]
Secret = Annotated[
    SecretStr, BeforeValidator(lambda value: value if isinstance(value, SecretStr) else _read_text(value))
]
Number = Annotated[Decimal | None, BeforeValidator(_read_number)]
Result = Annotated[str, BeforeValidator(normalise_code)]
Status = Annotated[str, BeforeValidator(lambda value: _read_text(value).upper())]


class CinetPayTransaction(BaseModel):
    """One transaction as `checkPayStatus`, the history and the notification write it (guide 3.2, 3.3).

    Every field is text and may be empty; none is trusted before it has been compared with what was stored.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    cpm_site_id: Written = ""
    signature: Secret = SecretStr("")
    cpm_amount: Written = ""
    cpm_trans_date: Written = ""
    cpm_trans_id: Written = ""
    cpm_custom: Written = ""
    cpm_currency: Written = ""
    cpm_payid: Written = ""
    cpm_payment_date: Written = ""
    cpm_payment_time: Written = ""
    cpm_error_message: Written = ""
    payment_method: Written = ""
    cpm_phone_prefixe: Written = Field("", validation_alias=AliasChoices("cpm_phone_prefixe", "cpm_phone_prefix"))
    cel_phone_num: Secret = SecretStr("")
    cpm_ipn_ack: Written = ""
    created_at: Written = ""
    updated_at: Written = ""
    cpm_result: Result = ""
    """Normalised: `00`, `609`, or empty."""
    cpm_trans_status: Status = ""
    """Upper-cased; `status` gives it a meaning."""
    cpm_designation: Written = ""
    buyer_name: Written = Field("", repr=False)

    @property
    def amount(self) -> Decimal | None:
        """The amount as a number, so that `5000.00` equals `5000`; None where it is none."""
        return _read_number(self.cpm_amount)

    @property
    def status(self) -> TransactionStatus:
        """What `cpm_trans_status` means."""
        written = self.cpm_trans_status
        if written == "CANCELLED":
            return TransactionStatus.CANCELED
        if written == "WAITING_FOR_CUSTOMER" or written.startswith("WAITING_CUSTOMER_"):
            return TransactionStatus.PENDING
        return TransactionStatus(written) if written in set(TransactionStatus) else TransactionStatus.UNKNOWN

    @property
    def phone(self) -> PhoneNumber | None:
        """The number that was paid from, where CinetPay shows one."""
        return read_phone(self.cel_phone_num.get_secret_value(), self.cpm_phone_prefixe)

    @property
    def paid_at(self) -> datetime | None:
        """When it was paid (or last tried), GMT; None where CinetPay says nothing sensible."""
        return _read_moment(f"{self.cpm_payment_date} {self.cpm_payment_time}")

    @property
    def began_at(self) -> datetime | None:
        """When the buyer began to pay, GMT; None where CinetPay says nothing sensible."""
        return _read_moment(self.created_at)


class CinetPayFigures(BaseModel):
    """The figures of one purse, in CFA francs and their fractions; None where CinetPay left one empty."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    solde: Number = None
    credit: Number = None
    debit: Number = None


Purse = Annotated[
    CinetPayFigures, BeforeValidator(lambda value: value if isinstance(value, dict | CinetPayFigures) else {})
]


class CinetPayBalance(BaseModel):
    """What `getCompteStatus` answers (guide 3.4)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    compte: Purse = CinetPayFigures()
    """The merchant's whole account."""
    service: Purse = CinetPayFigures()
    """The one site that was asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What `getTransHistory` answers."""

    transactions: tuple[CinetPayTransaction, ...]
    unreadable: int
    """How many rows are no transactions; they hide none of the others."""


def decode_reply(
    http_status: int, body: bytes, read: Callable[[object], Reply], *, retry_after_s: float | None = None
) -> Reply:
    """Decode a reply as JSON, whatever its content type, judge it, and read it with one of the readers below.

    Raises:
        CinetPayRefused: an object that holds only a `status` with a code.
        CinetPayUnavailable: HTML, empty or broken replies, 3xx, 5xx, and whatever else isn't CinetPay's word.
        CinetPayUnintelligible: JSON of none of the documented shapes.
    """
    reply = _decode(body)
    refusal = _refusal(reply) if http_status == 200 or 400 <= http_status < 500 else None
    if refusal:
        raise refusal
    if http_status != 200 or reply in (None, [], {}, ""):
        raise CinetPayUnavailable(
            f"HTTP {http_status} with {_kind(body)}", maybe_carried_out=True, retry_after_s=retry_after_s
        )
    return read(reply)


def read_signature(reply: object) -> SecretStr:
    """Read the bare JSON string that is a signature: opaque text of no fixed length, without spaces (guide 2.2)."""
    signature = _read_text(reply) if isinstance(reply, str) else ""
    if not re.fullmatch(r"[!-~]{1,255}", signature):
        raise _unintelligible("signature")
    return SecretStr(signature)


def read_transaction(reply: object) -> CinetPayTransaction | None:
    """Read `{"transaction": {...}}`; None where it is empty, which is how a payment looks that nobody has begun."""
    match reply:
        case {"transaction": None | "" | []}:
            return None
        case {"transaction": dict(transaction)}:
            return CinetPayTransaction.model_validate(transaction) if transaction else None
        case _:
            raise _unintelligible("transaction")


def read_history(reply: object) -> History:
    """Read `{"Transactions": {"transaction": [...]}}`, also where there is but one object, or nothing at all."""
    match reply:
        case {"Transactions": dict(listed)}:
            found = listed.get("transaction")
        case {"Transactions": None | "" | [] as found}:
            pass
        case _:
            raise _unintelligible("history")
    rows = found if isinstance(found, list) else [found] if found else []
    readable = [row for row in rows if isinstance(row, dict) and _read_text(row.get("cpm_trans_id"))]
    return History(
        transactions=tuple(CinetPayTransaction.model_validate(row) for row in readable),
        unreadable=len(rows) - len(readable),
    )


def read_balance(reply: object) -> CinetPayBalance:
    """Read `{"user": {"compte": {...}, "service": {...}}}`."""
    match reply:
        case {"user": {"compte": _} | {"service": _} as user}:
            return CinetPayBalance.model_validate(user)
        case _:
            raise _unintelligible("balance")


def _decode(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8-sig", "replace"),  # a stray Latin-1 byte must not make a payment unreadable
            parse_int=Decimal,
            parse_float=Decimal,
            parse_constant=lambda _: None,
        )
    except (ValueError, ArithmeticError, RecursionError):
        return None


def _refusal(reply: Any) -> CinetPayRefused | None:
    match reply:
        case {"status": {"code": raw, **rest}} if len(reply) == 1 and normalise_code(raw) not in ("", SUCCESS):
            found = describe(normalise_code(raw), _read_text(rest.get("message")))
            return CinetPayRefused(code=found.code, name=found.name, buyer=found.buyer, merchant=found.merchant)
        case _:
            return None


def _kind(body: bytes) -> str:
    """Say what a reply is without quoting it: it may repeat what we sent, and we sent the API key."""
    if not body.strip():
        return "an empty body"
    return f"{len(body)} bytes of {'HTML' if body.lstrip().startswith(b'<') else 'no use'}"


def _unintelligible(what: str) -> CinetPayUnintelligible:
    return CinetPayUnintelligible(f"CinetPay's JSON holds no {what} as documented", maybe_carried_out=True)
