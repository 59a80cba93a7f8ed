"""One call of the doctor: what came back with its headers, or why nothing did."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

import httpx2 as httpx

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.doctor.means import CALL_S
from saleor_cinetpay.errors import AddressForbidden
from saleor_cinetpay.exchange import PLAIN, NotExchanged, exchange

LIMIT_BYTES = 1024 * 1024


class Why(StrEnum):
    """Why nothing came back."""

    NAME = "name"
    """The name can't be resolved."""
    TLS = "tls"
    """The certificate is not accepted."""
    PRIVATE = "private"
    """The name leads to an address that is not public."""
    SILENT = "silent"
    """No connection, or no answer in time."""


class NoReply(Exception):
    """Nothing came back."""

    def __init__(self, why: Why, log: str) -> None:
        super().__init__(log)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ahead: timedelta | None
    """How much our clock is ahead of the other's, by its Date header; to a second or two."""

    @property
    def redirects_to(self) -> str | None:
        """Where a redirect leads."""
        return self.headers.get("location", "?") if 300 <= self.status < 400 else None


async def call(
    http: httpx.AsyncBaseTransport, clock: Clock, method: str, url: str, *, form: Mapping[str, str] | None = None
) -> Reply:
    """Send one request and read its answer; no redirect is followed.

    Raises:
        NoReply: with the reason, where nothing came back.
    """
    try:
        request = httpx.Request(method, url, data=form, headers=PLAIN)
        began = clock.now()
        answer = await exchange(http, request, limit_bytes=LIMIT_BYTES, timeout_s=CALL_S)
        ended = clock.now()
    except AddressForbidden as error:
        raise NoReply(Why.PRIVATE, str(error)) from error
    except (NotExchanged, httpx.InvalidURL) as error:
        raise NoReply(_why(error), str(error)) from error
    return Reply(
        status=answer.status,
        headers={name.lower(): value for name, value in answer.headers.items()},
        body=answer.body,
        ahead=_ahead(answer.headers.get("date", ""), began, ended),
    )


def _why(error: BaseException) -> Why:
    """Look through the causes: the library wraps the resolver's and the TLS library's errors."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return Why.TLS
        if "can't be resolved" in str(cause) or "has no address" in str(cause):
            return Why.NAME
        cause = cause.__cause__ or cause.__context__
    return Why.SILENT


def _ahead(written: str, began: datetime, ended: datetime) -> timedelta | None:
    """Compare the middle of the exchange with the other's Date, which has whole seconds."""
    try:
        theirs = parsedate_to_datetime(written)
    except ValueError:
        return None
    if theirs.tzinfo is None:
        return None
    return began + (ended - began) / 2 - (theirs + timedelta(seconds=0.5))
