"""Whose `X-Forwarded-For`, `-Proto`, `-Host` and `-Port` count: those of FORWARDED_ALLOW_IPS, and nobody else's.

Each proxy on the way adds to the end of `X-Forwarded-For`, so it is read from there: the caller is the first address
that is not a trusted proxy's. Whatever stands further left, the caller may have made up. The other headers are read
at the same place of their lists. The server (uvicorn) knows only `-For` and `-Proto`, so it is told to leave them.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

HOST = re.compile(rb"([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
"""What may stand as a host: a name or an address, and a port."""
LONGEST_HOST = 260
MOST_HOPS = 50
DEFAULT_PORTS = {"http": "80", "https": "443"}

Header = tuple[bytes, bytes]


class Trusted:
    """The proxies that are believed: addresses, networks (`10.0.0.0/8`), or `*` for whoever connects.

    Raises:
        ValueError: where a part is none of these.
    """

    def __init__(self, written: str) -> None:
        parts = [part.strip() for part in written.split(",") if part.strip()]
        self._everybody = "*" in parts
        self._networks: list[IPv4Network | IPv6Network] = []
        for part in parts:
            if part == "*":
                continue
            try:
                self._networks.append(ip_network(part, strict=False))
            except ValueError:
                raise ValueError(f"{part!r} is no address and no network (10.0.0.0/8)") from None

    def __contains__(self, address: str) -> bool:
        if self._everybody:
            return True
        ip = _ip(address)
        return ip is not None and any(ip in network for network in self._networks)


@lru_cache(maxsize=10_000)
def _ip(address: str) -> IPv4Address | IPv6Address | None:
    """Read an address, one of IPv4 also where it is written as one of IPv6; None where it is none."""
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


class Proxies:
    """Puts what trusted proxies say in the place of what the socket says."""

    def __init__(self, app: ASGIApp, *, trusted: Trusted) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as it was asked of the first trusted proxy."""
        if scope["type"] == "http" and (client := scope.get("client")) and client[0] in self._trusted:
            scope = self._believed(scope)
        await self._app(scope, receive, send)

    def _believed(self, scope: Scope) -> Scope:
        headers: list[Header] = scope["headers"]
        forwarded = {name: value for name, value in _lists(headers).items() if value}
        hops = forwarded.get(b"x-forwarded-for")
        believed = dict(scope)
        passed = None
        if hops is not None:
            passed = self._passed(hops)
            believed["client"] = (_address(hops[-1 - passed]), 0)
        if (scheme := _at(forwarded.get(b"x-forwarded-proto"), passed)) and scheme.lower() in DEFAULT_PORTS:
            believed["scheme"] = scheme.lower()
        host, port = _at(forwarded.get(b"x-forwarded-host"), passed), _at(forwarded.get(b"x-forwarded-port"), passed)
        if host and is_host(host.encode("latin-1")):
            believed["headers"] = _with_host(headers, _with_port(host, port, believed["scheme"]))
        return believed

    def _passed(self, hops: Sequence[str]) -> int:
        """Return how many of the last hops are trusted proxies; at least one hop is left, which is the caller."""
        passed = 0
        while passed < len(hops) - 1 and _address(hops[-1 - passed]) in self._trusted:
            passed += 1
        return passed


def is_host(host: bytes) -> bool:
    """Say whether a `Host` header can be one."""
    return len(host) <= LONGEST_HOST and HOST.fullmatch(host) is not None


def _lists(headers: Sequence[Header]) -> dict[bytes, list[str]]:
    """Return the values of the forwarding headers, those of repeated headers in a row."""
    lists: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name.startswith(b"x-forwarded-"):
            parts = [part.strip() for part in value.decode("latin-1").split(",")]
            lists.setdefault(name, []).extend(part for part in parts if part)
    return {name: parts[-MOST_HOPS:] for name, parts in lists.items()}


def _at(values: Sequence[str] | None, passed: int | None) -> str | None:
    """Return the value that belongs to the hop where the caller came in; the first where that is not known."""
    if not values:
        return None
    return values[0] if passed is None else values[max(len(values) - 1 - passed, 0)]


def _address(hop: str) -> str:
    """Return the address of `192.0.2.1:4711`, `[2001:db8::1]:4711` or an address alone."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _with_port(host: str, port: str | None, scheme: str) -> str:
    has_port = host.rpartition("]")[2].count(":") == 1
    if has_port or not port or not re.fullmatch(r"[0-9]{1,5}", port) or port == DEFAULT_PORTS.get(scheme):
        return host
    return f"{host}:{port}"


def _with_host(headers: Sequence[Header], host: str) -> list[Header]:
    return [(b"host", host.encode("latin-1")), *(header for header in headers if header[0] != b"host")]
