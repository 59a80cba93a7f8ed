"""One call of the doctor: what came back with its headers, or why nothing did."""

import asyncio
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
    http: httpx.AsyncClient, clock: Clock, method: str, url: str, *, form: Mapping[str, str] | None = None
) -> Reply:
    """Send one request and read its answer; no redirect is followed.

    Raises:
        NoReply: with the reason, where nothing came back.
    """
    try:
        request = http.build_request(method, url, data=form, headers={"accept-encoding": "identity"})
        async with asyncio.timeout(CALL_S):
            began = clock.now()
            response = await http.send(request, stream=True, follow_redirects=False)
            ended = clock.now()
            try:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LIMIT_BYTES:
                        break
            finally:
                await response.aclose()
    except AddressForbidden as error:
        raise NoReply(Why.PRIVATE, str(error)) from error
    except TimeoutError as error:
        raise NoReply(Why.SILENT, f"no answer within {CALL_S:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoReply(_why(error), type(error).__name__) from error
    return Reply(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=bytes(body),
        ahead=_ahead(response.headers.get("date", ""), began, ended),
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
