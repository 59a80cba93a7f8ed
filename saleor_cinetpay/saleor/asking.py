"""Asking a Saleor over HTTP: who we are, which trace it belongs to, and its failures as Saleor's."""

from collections.abc import Mapping

import httpx2 as httpx

from saleor_cinetpay import __version__
from saleor_cinetpay.errors import SaleorUnavailable
from saleor_cinetpay.exchange import PLAIN, Answer, NotExchanged, exchange
from saleor_cinetpay.tracing import traceparent

HEADERS = {"user-agent": f"saleor-cinetpay/{__version__}", "accept": "application/json", **PLAIN}
TO_POST = {"content-type": "application/json"}


async def get(http: httpx.AsyncBaseTransport, url: httpx.URL, *, limit_bytes: int, timeout_s: float) -> Answer:
    """Get what stands at an address.

    Raises:
        SaleorUnavailable: where no whole answer came within the limits.
        AddressForbidden: from the network guard, before any connection.
    """
    return await _ask(http, httpx.Request("GET", url, headers=HEADERS | traceparent()), limit_bytes, timeout_s)


async def post_json(
    http: httpx.AsyncBaseTransport,
    url: str,
    content: str,
    *,
    headers: Mapping[str, str] | None = None,
    limit_bytes: int,
    timeout_s: float,
) -> Answer:
    """Post JSON to an address; raises as `get`."""
    sent = {**HEADERS, **TO_POST, **(headers or {}), **traceparent()}
    return await _ask(http, httpx.Request("POST", url, headers=sent, content=content.encode()), limit_bytes, timeout_s)


async def _ask(http: httpx.AsyncBaseTransport, request: httpx.Request, limit_bytes: int, timeout_s: float) -> Answer:
    try:
        return await exchange(http, request, limit_bytes=limit_bytes, timeout_s=timeout_s)
    except NotExchanged as error:
        log = f"{request.url.host}: {error}"
        raise SaleorUnavailable(log, maybe_carried_out=error.maybe_carried_out) from error
