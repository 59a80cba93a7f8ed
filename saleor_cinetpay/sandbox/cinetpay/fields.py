"""The fields that a shop sends, and the guide's check of every one of them (2.2, annex I)."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from saleor_cinetpay.sandbox.cinetpay.codes import INCORRECT_SETTINGS, Refusal
from saleor_cinetpay.sandbox.cinetpay.config import Merchant

MAX_BODY_BYTES = 64 * 1024
REQUIRED = (
    "cpm_amount",
    "cpm_currency",
    "cpm_site_id",
    "cpm_trans_id",
    "cpm_trans_date",
    "cpm_payment_config",
    "cpm_page_action",
    "cpm_version",
    "cpm_language",
    "cpm_designation",
)
SIGNED = (*REQUIRED, "cpm_custom", "cel_phone_num", "cpm_phone_prefixe")
MISSING, UNKNOWN_KEY, UNKNOWN_SITE, WRONG_DATE = "608", "609", "613", "614"
MINIMUM_AMOUNT = 5
DATE_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S")
DATE_SHAPES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d{14}", re.ASCII)
DIGITS = re.compile(r"\d+", re.ASCII)


async def read_form(request: Request) -> dict[str, str]:
    """Read an urlencoded or a multipart body; of a field that comes twice the last counts, as PHP has it.

    Raises:
        HTTPException: 413 where the body is larger than 64 KiB.
    """
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=0, max_fields=100, max_part_size=MAX_BODY_BYTES) as form:
            return {name: value for name, value in form.multi_items() if isinstance(value, str)}
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def demand(form: Mapping[str, str], *names: str) -> None:
    """Refuse with 608 where one of these fields is missing or empty."""
    if not all(form.get(name, "").strip() for name in names):
        raise Refusal(MISSING)


def merchant_of(form: Mapping[str, str], merchants: Iterable[Merchant]) -> Merchant:
    """Find whose key and site these are.

    Raises:
        Refusal: 608, 609 or 613.
    """
    demand(form, "apikey", "cpm_site_id")
    of_key = [merchant for merchant in merchants if merchant.api_key == form["apikey"]]
    if not of_key:
        raise Refusal(UNKNOWN_KEY)
    for merchant in of_key:
        if merchant.site_id == form["cpm_site_id"]:
            return merchant
    raise Refusal(UNKNOWN_SITE)


def check_payment(form: Mapping[str, str], merchants: Iterable[Merchant]) -> tuple[Merchant, dict[str, str]]:
    """Check every field of a payment, and return its merchant and the fields that a signature covers.

    An empty optional field is the same as a missing one; `cpm_phone_prefix`, the table's spelling, counts as
    `cpm_phone_prefixe`, the form's.

    Raises:
        Refusal: with the code of the first check that fails, in the order of annex I.
    """
    demand(form, *REQUIRED, "apikey")
    merchant = merchant_of(form, merchants)
    prefix = form.get("cpm_phone_prefixe") or form.get("cpm_phone_prefix", "")
    fields = {name: form.get(name, "") for name in SIGNED} | {"cpm_phone_prefixe": prefix}
    for name, is_right, code in _CHECKS:
        if not is_right(fields[name]):
            raise Refusal(code)
    number = fields["cel_phone_num"]
    if merchant.phone_required and not number:
        raise Refusal(MISSING)
    if bool(number) != bool(prefix) or not all(DIGITS.fullmatch(part) for part in (number, prefix) if part):
        raise Refusal(INCORRECT_SETTINGS)
    return merchant, fields


def parse_trans_date(written: str) -> datetime | None:
    """Read a `cpm_trans_date`: the text's `2017-04-09 15:45:22` or the example's `20170906124338`, both UTC."""
    if not DATE_SHAPES.fullmatch(written):
        return None
    for shape in DATE_FORMATS:
        try:
            return datetime.strptime(written, shape).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _is_amount(written: str) -> bool:
    return bool(DIGITS.fullmatch(written)) and len(written) <= 12 and int(written) >= MINIMUM_AMOUNT


_CHECKS: tuple[tuple[str, Callable[[str], bool], str], ...] = (
    ("cpm_amount", _is_amount, "611"),
    ("cpm_currency", {"CFA", "XOF"}.__contains__, "612"),
    ("cpm_trans_date", lambda written: parse_trans_date(written) is not None, WRONG_DATE),
    ("cpm_language", {"fr", "en"}.__contains__, "615"),
    ("cpm_page_action", {"PAYMENT"}.__contains__, "616"),
    ("cpm_payment_config", {"SINGLE"}.__contains__, "617"),
    ("cpm_version", {"V1", "V2"}.__contains__, "618"),
)
