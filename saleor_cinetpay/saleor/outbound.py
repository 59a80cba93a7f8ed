"""The network guard: every call to a Saleor goes to a checked, public address, and to no other.

A host is resolved once. If any of its addresses is not globally routable, nothing is connected; else the
connection goes to exactly those addresses, so that a name can't lead elsewhere a moment later. The TLS
certificate is still checked against the name.
"""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from ssl import SSLContext

import httpx2 as httpx

from saleor_cinetpay.errors import AddressForbidden
from saleor_cinetpay.network import Resolve, pooled_http

MAX_CONNECTIONS = 200
MAX_IDLE_CONNECTIONS = 50
IDLE_EXPIRY_S = 30.0

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
    return pooled_http(
        tls or httpx.create_ssl_context(trust_env=False),
        most=MAX_CONNECTIONS,
        most_idle=MAX_IDLE_CONNECTIONS,
        idle_s=IDLE_EXPIRY_S,
        resolve=resolve,
        check=None if development else _only_public,
    )


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


def _only_public(host: str, addresses: Sequence[str]) -> None:
    for address in addresses:
        if not is_public(address):
            raise AddressForbidden(f"{host} leads to {address}, which is no public address")
