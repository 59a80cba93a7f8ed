"""One HTTP exchange with a Saleor: limited in time and size, and every failure on the way translated once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2 as httpx

from saleor_cinetpay.errors import SaleorUnavailable

MAYBE_CARRIED_OUT: Mapping[type[httpx.TransportError], bool] = {
    httpx.ConnectError: False,
    httpx.ConnectTimeout: False,
    httpx.PoolTimeout: False,
    httpx.ProxyError: False,
    httpx.UnsupportedProtocol: False,
    httpx.LocalProtocolError: False,
    httpx.CloseError: True,
    httpx.NetworkError: True,
    httpx.ProtocolError: True,
    httpx.ReadError: True,
    httpx.ReadTimeout: True,
    httpx.RemoteProtocolError: True,
    httpx.SSEError: True,
    httpx.TimeoutException: True,
    httpx.TransportError: True,
    httpx.WriteError: True,
    httpx.WriteTimeout: True,
}
"""Whether a request that met this error may have been carried out all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whole."""

    status: int
    body: bytes


async def exchange(http: httpx.AsyncClient, request: httpx.Request, *, limit_bytes: int, timeout_s: float) -> Answer:
    """Send a request and read its whole answer.

    Nothing is unpacked, so that a small answer can't grow: ask for `Accept-Encoding: identity`.

    Raises:
        SaleorUnavailable: where no whole answer came within the limits.
        AddressForbidden: from the network guard, before any connection.
    """
    host = request.url.host
    try:
        async with asyncio.timeout(timeout_s):
            response = await http.send(request, stream=True)
            try:
                return Answer(status=response.status_code, body=await _body(response, limit_bytes))
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise SaleorUnavailable(f"no answer from {host} within {timeout_s:g} s", maybe_carried_out=True) from error
    except httpx.TransportError as error:
        log = f"{type(error).__name__} on the way to {host}"
        raise SaleorUnavailable(log, maybe_carried_out=MAYBE_CARRIED_OUT.get(type(error), True)) from error


async def _body(response: httpx.Response, limit_bytes: int) -> bytes:
    host = response.request.url.host
    if response.headers.get("content-encoding", "identity") != "identity":
        raise SaleorUnavailable(f"{host} answers packed what was asked for plain", maybe_carried_out=True)
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit_bytes:
            raise SaleorUnavailable(f"{host} answers more than {limit_bytes} bytes", maybe_carried_out=True)
    return bytes(body)
