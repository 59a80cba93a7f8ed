"""The network guard: every call to a Saleor goes to a checked, public address, and to no other.

A host is resolved once. If any of its addresses is not globally routable, nothing is connected; else the
connection goes to exactly those addresses, so that a name can't lead elsewhere a moment later. The TLS
certificate is still checked against the name.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address, ip_network
from ssl import SSLContext

import httpcore2 as httpcore
import httpx2 as httpx

from saleor_cinetpay.errors import AddressForbidden

CONNECT_TIMEOUT_S = 4.0
MAX_CONNECTIONS = 200
MAX_IDLE_CONNECTIONS = 50
IDLE_EXPIRY_S = 30.0
MAX_ADDRESSES_TRIED = 4

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Turns a host name and a port into the IP addresses behind it."""

# What `is_global` lets through although it leads elsewhere: special-purpose addresses (RFC 6890) and relays to
# embedded IPv4 addresses. Of IPv6 only 2000::/3 is handed out, so NAT64, mapped and local addresses never pass.
_NOT_PUBLIC = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16")))
_GLOBAL_UNICAST_IPV6 = ip_network("2000::/3")


def public_http(
    *, development: bool, resolve: Resolve | None = None, tls: SSLContext | None = None
) -> httpx.AsyncBaseTransport:
    """Return the transport that all calls to Saleor share: one pool, and no proxies.

    In development any address may be called. Its calls raise AddressForbidden before any connection. `tls` knows whose
    certificates count, where somebody has read them already: it takes 17 ms and 1 MB.
    """
    backend = _GuardedBackend(development=development, resolve=resolve or resolve_by_system)
    return _GuardedTransport(backend, tls or httpx.create_ssl_context(trust_env=False))


def is_public(address: str) -> bool:
    """Say whether an IP address is one that anybody in the world can be reached at."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    if ip.version == 6 and ip not in _GLOBAL_UNICAST_IPV6:
        return False
    return not any(ip in network for network in _NOT_PUBLIC)


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the machine's resolver."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, *, development: bool, resolve: Resolve) -> None:
        self._development = development
        self._resolve = resolve
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the interface's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve once, check every address, connect to the first that answers."""
        timeout_s = CONNECT_TIMEOUT_S if timeout is None else min(timeout, CONNECT_TIMEOUT_S)
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self._checked_addresses(host, port)
                return await self._connect_to_first(addresses[:MAX_ADDRESSES_TRIED], port, timeout_s)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection to {host} within {timeout_s:g} s") from error

    async def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} can't be resolved") from error
        forbidden = [address for address in addresses if not is_public(address)]
        if forbidden and not self._development:
            raise AddressForbidden(f"{host} leads to {forbidden[0]}, which is no public address")
        if not addresses:
            raise httpcore.ConnectError(f"the name {host} has no address")
        return addresses

    async def _connect_to_first(
        self, addresses: Sequence[str], port: int, timeout_s: float
    ) -> httpcore.AsyncNetworkStream:
        *others, last = addresses
        for address in others:
            try:
                return await self._sockets.connect_tcp(address, port, timeout=timeout_s / len(addresses))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._sockets.connect_tcp(last, port, timeout=timeout_s)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """The ordinary transport over a pool that has our backend, for which httpx offers no parameter.

    It builds the pool itself and leaves the parent's constructor out: should a later httpx keep its pool under
    another name, calls fail instead of going unguarded.
    """

    def __init__(self, backend: httpcore.AsyncNetworkBackend, tls: SSLContext) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE_CONNECTIONS,
            keepalive_expiry=IDLE_EXPIRY_S,
            network_backend=backend,
        )
