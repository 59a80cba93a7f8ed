"""Which Saleors may install the app: one spelling for each address, and the operator's patterns."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NewType

import httpx2 as httpx

from saleor_cinetpay.errors import AddressForbidden

SaleorApiUrl = NewType("SaleorApiUrl", str)
"""The address of one Saleor's GraphQL API in its one spelling: `https://shop.example/graphql/`."""

MAX_LENGTH = 500
SPELLINGS_KEPT = 1000
DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_PATTERN = re.compile(r"(?P<scheme>[^:/]+)://(?P<host>\[[^\]]+\]|[^:/@?#]+)(:(?P<port>[0-9*]+))?(?P<path>/[^?#]*)?")
_WILDCARD = "[^/:@?#]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRules:
    """Says which Saleor API URLs the operator admits.

    Raises:
        ValueError: where one of the patterns can't be read.
    """

    allowed: tuple[str, ...] = ()
    """Patterns of ALLOWED_SALEOR_URLS; none admits every address."""
    development: bool = False
    """Whether http counts too. Where an address leads is the network guard's business (outbound.py)."""
    _patterns: tuple[re.Pattern[str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_patterns", tuple(compile_pattern(written) for written in self.allowed))

    def admit(self, raw: str) -> SaleorApiUrl:
        """Return the address in its one spelling. Connects to nothing.

        Raises:
            AddressForbidden: where the operator does not admit it.
        """
        address = normalised(raw)
        if not self.development and not address.startswith("https://"):
            raise AddressForbidden(f"{address} is not https")
        if self._patterns and not any(pattern.fullmatch(address) for pattern in self._patterns):
            raise AddressForbidden(f"{address} is none of the ALLOWED_SALEOR_URLS")
        return address


@lru_cache(maxsize=SPELLINGS_KEPT)
def normalised(raw: str) -> SaleorApiUrl:
    """Return the one spelling of an address: lower case, IDNA, no default port, no trailing dot.

    The parser is the one that connects, so that the two never mean different hosts. Each webhook names its shop's.

    Raises:
        AddressForbidden: where it is no plain http(s) address, or carries userinfo, a query or a fragment.
    """
    if len(raw) > MAX_LENGTH or any(character in raw for character in "\\@?#"):
        raise AddressForbidden(f"{raw[:MAX_LENGTH]!r} is no plain web address")
    try:
        url = httpx.URL(raw)
    except httpx.InvalidURL as error:
        raise AddressForbidden(f"{raw!r} is no web address") from error
    host = url.raw_host.decode("ascii").lower().removesuffix(".")
    host = f"[{host}]" if ":" in host else host
    if url.scheme not in DEFAULT_PORTS or not _HOST.fullmatch(host):
        raise AddressForbidden(f"{raw!r} is no web address of a host")
    if url.port is not None and not 0 < url.port < 65536:
        raise AddressForbidden(f"{raw!r} has a port that can't be")
    port = "" if url.port in (None, DEFAULT_PORTS[url.scheme]) else f":{url.port}"
    return SaleorApiUrl(f"{url.scheme}://{host}{port}{url.raw_path.decode('ascii')}")


def compile_pattern(written: str) -> re.Pattern[str]:
    """Read a pattern of addresses, to be matched whole; `*` is one or more characters other than `/ : @ ? #`.

    Raises:
        ValueError: where it has no scheme and host, or more than scheme, host, port and path, or no scheme of the web.
    """
    parts = _parts_of(written)
    scheme, port = parts["scheme"].lower(), parts["port"]
    if not any(_with_wildcards(scheme).fullmatch(one) for one in DEFAULT_PORTS):
        raise ValueError(f"{written!r} can match no web address: write it like https://*.example.com/graphql/")
    host = ".".join(_ascii_label(label) for label in parts["host"].lower().removesuffix(".").split("."))
    kept_port = "" if port in (None, str(DEFAULT_PORTS.get(scheme))) else f":{port}"
    whole = f"{scheme}://{host}{kept_port}{parts['path'] or '/'}"
    return _with_wildcards(whole)


def better_pattern(written: str, *, development: bool) -> str | None:
    """Return what to write for a pattern that can be read and yet matches no Saleor's API URL; None where it may.

    Saleor's API URLs end in `/graphql/`, and in production http is never admitted. As `*` does not span a slash, what
    stands between a pattern's last two must match `graphql`.
    """
    parts = _parts_of(written)
    schemes = DEFAULT_PORTS if development else ("https",)
    last, behind = ["", *str(parts["path"] or "/").split("/")][-2:]
    scheme_counts = any(_with_wildcards(parts["scheme"].lower()).fullmatch(one) for one in schemes)
    path_counts = not behind and _with_wildcards(last).fullmatch("graphql") is not None
    if scheme_counts and path_counts:
        return None
    scheme = parts["scheme"] if scheme_counts else "https"
    port = f":{parts['port']}" if parts["port"] else ""
    return f"{scheme}://{parts['host']}{port}{parts['path'] if path_counts else '/graphql/'}"


def _parts_of(written: str) -> re.Match[str]:
    parts = _PATTERN.fullmatch(written.strip())
    if parts is None:
        raise ValueError(f"{written!r} is no pattern of addresses: write it like https://*.example.com/graphql/")
    return parts


def _with_wildcards(written: str) -> re.Pattern[str]:
    return re.compile(_WILDCARD.join(re.escape(piece) for piece in written.split("*")))


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    try:
        return httpx.URL(f"https://{label}").raw_host.decode("ascii")
    except httpx.InvalidURL as error:
        raise ValueError(f"{label!r} can't be part of a host name") from error
