"""Asks CinetPay: the four methods of the v1 API, each one POST, none of which moves money.

Each call is one exchange: tried once, with one limit of time over all that it does, and one of size.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx2 as httpx
from pydantic import SecretStr

from saleor_cinetpay import __version__, metrics
from saleor_cinetpay.cinetpay.form import PaymentFields, signature_request
from saleor_cinetpay.cinetpay.wire import (
    CinetPayBalance,
    CinetPayTransaction,
    History,
    decode_reply,
    read_balance,
    read_history,
    read_signature,
    read_transaction,
)
from saleor_cinetpay.errors import CinetPayUnavailable
from saleor_cinetpay.exchange import PLAIN, Answer, NotExchanged, exchange
from saleor_cinetpay.tracing import traceparent

METHODS = ("getSignatureByPost", "checkPayStatus", "getTransHistory", "getCompteStatus")
HEADERS = {"User-Agent": f"saleor-cinetpay/{__version__}", "Accept": "application/json", **PLAIN}
REPLY_LIMIT_BYTES = 64 * 1024
HISTORY_LIMIT_BYTES = 8 * 1024 * 1024
Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What CinetPay knows a shop's site by."""

    site_id: str
    api_key: SecretStr


class CinetPayClient:
    """CinetPay's v1 API at one address.

    Every method raises `CinetPayRefused`, `CinetPayUnavailable` or `CinetPayUnintelligible` and nothing else. Its
    `timeout_s` can only shorten the client's.
    """

    def __init__(self, http: httpx.AsyncBaseTransport, *, api_url: str, timeout_s: float) -> None:
        self._http = http
        self._addresses = {method: httpx.URL(api_url).copy_merge_params({"method": method}) for method in METHODS}
        self._timeout_s = timeout_s

    async def get_signature(
        self, fields: PaymentFields, api_key: SecretStr, *, timeout_s: float | None = None
    ) -> SecretStr:
        """Have a payment signed (`getSignatureByPost`, guide 2.2). Opens nothing: the buyer's form does."""
        return await self._ask("getSignatureByPost", signature_request(fields, api_key), read_signature, timeout_s)

    async def check_pay_status(
        self, credentials: Credentials, trans_id: str, *, timeout_s: float | None = None
    ) -> CinetPayTransaction | None:
        """Look one payment up (`checkPayStatus`, guide 3.2); None where CinetPay answers without a transaction.

        Whether the answer is about this payment, and true, is for the verdict to judge.
        """
        form = _identified(credentials) | {"cpm_trans_id": trans_id}
        return await self._ask("checkPayStatus", form, read_transaction, timeout_s)

    async def get_trans_history(
        self,
        credentials: Credentials,
        *,
        date_from: date | None = None,
        date_to: date | None = None,
        payid: str | None = None,
        phone_number: str | None = None,
        trans_id: str | None = None,
        timeout_s: float | None = None,
    ) -> History:
        """List a site's transactions (`getTransHistory`, guide 3.3), both days included.

        A server may ignore filters, so they are applied again here; a row without a readable date stays.
        """
        wanted = {
            "date_debut": date_from and f"{date_from:%d-%m-%Y}",
            "date_fin": date_to and f"{date_to:%d-%m-%Y}",
            "cpm_payid": payid,
            "cel_phone_num": phone_number,
            "cpm_trans_id": trans_id,
        }
        form = _identified(credentials) | {name: value for name, value in wanted.items() if value}
        history = await self._ask("getTransHistory", form, read_history, timeout_s, limit_bytes=HISTORY_LIMIT_BYTES)

        def is_wanted(row: CinetPayTransaction) -> bool:
            return (
                row.cpm_site_id in ("", credentials.site_id)
                and _within(row, date_from, date_to)
                and (not payid or row.cpm_payid == payid)
                and (not phone_number or _digits(row.cel_phone_num.get_secret_value()) == _digits(phone_number))
                and (not trans_id or row.cpm_trans_id == trans_id)
            )

        return History(
            transactions=tuple(row for row in history.transactions if is_wanted(row)), unreadable=history.unreadable
        )

    async def get_compte_status(self, credentials: Credentials, *, timeout_s: float | None = None) -> CinetPayBalance:
        """Ask for the balances of the merchant and of the site (`getCompteStatus`, guide 3.4)."""
        return await self._ask("getCompteStatus", _identified(credentials), read_balance, timeout_s)

    async def _ask(
        self,
        method: str,
        form: Mapping[str, str],
        read: Callable[[object], Reply],
        timeout_s: float | None,
        *,
        limit_bytes: int = REPLY_LIMIT_BYTES,
    ) -> Reply:
        budget_s = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        with metrics.cinetpay_call(method):
            if budget_s <= 0:
                raise CinetPayUnavailable(f"{method}: no time left to ask", maybe_carried_out=False)
            request = httpx.Request("POST", self._addresses[method], data=form, headers=HEADERS | traceparent())
            try:
                answer = await exchange(self._http, request, limit_bytes=limit_bytes, timeout_s=budget_s)
            except NotExchanged as error:
                raise CinetPayUnavailable(f"{method}: {error}", maybe_carried_out=error.maybe_carried_out) from error
            return decode_reply(answer.status, answer.body, read, retry_after_s=_retry_after_s(answer))


def _identified(credentials: Credentials) -> dict[str, str]:
    return {"apikey": credentials.api_key.get_secret_value(), "cpm_site_id": credentials.site_id}


def _retry_after_s(answer: Answer) -> float | None:
    """Read `Retry-After`: seconds, or a date, which is compared with the server's own `Date`."""
    written = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", written):
        return float(written)
    until, now = _http_date(written), _http_date(answer.headers.get("Date", ""))
    return max((until - now).total_seconds(), 0.0) if until and now else None


def _http_date(written: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else None


def _within(row: CinetPayTransaction, date_from: date | None, date_to: date | None) -> bool:
    """Tell whether a row was begun or paid in these days; the guide does not say which of the two counts."""
    days = [moment.date() for moment in (row.began_at, row.paid_at) if moment]
    return not days or any((date_from or day) <= day <= (date_to or day) for day in days)


def _digits(written: str) -> str:
    return re.sub(r"[^0-9]", "", written)
