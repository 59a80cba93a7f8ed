"""Whose `X-Forwarded-*` count."""

import asyncio
from typing import Any

import pytest

from saleor_cinetpay.edge.proxies import Proxies, Trusted

PROXY, CDN, CALLER = "10.0.0.1", "10.9.9.9", "203.0.113.7"


def seen(peer: str | None, trusted: str, *headers: tuple[str, str]) -> tuple[str | None, str, str]:
    """Return the caller's address, the scheme and the host that the app sees behind a peer."""
    scopes: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        scopes.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is received or sent")

    scope = {
        "type": "http",
        "client": (peer, 5000) if peer else None,
        "scheme": "http",
        "headers": [(b"host", b"inside:8000"), *((n.encode(), v.encode("latin-1")) for n, v in headers)],
    }
    asyncio.run(Proxies(app, trusted=Trusted(trusted))(scope, nothing, nothing))
    client = scopes[0]["client"]
    hosts = [value.decode("latin-1") for name, value in scopes[0]["headers"] if name == b"host"]
    assert 1 == len(hosts)
    return client and client[0], scopes[0]["scheme"], hosts[0]


FORWARDED = (
    ("x-forwarded-for", CALLER),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "pay.example"),
)


@pytest.mark.parametrize("trusted", [PROXY, f"127.0.0.1, {PROXY}", "10.0.0.0/8", "*"])
def test_a_trusted_proxy_is_believed(trusted: str) -> None:
    """An address, a list, a network and `*` each name the proxy: the app sees what the proxy was asked."""
    assert (CALLER, "https", "pay.example") == seen(PROXY, trusted, *FORWARDED)


@pytest.mark.parametrize("trusted", ["127.0.0.1", "10.0.0.2", "192.168.0.0/16", ""])
@pytest.mark.parametrize("peer", [PROXY, None])
def test_nobody_else_is_believed(trusted: str, peer: str | None) -> None:
    """What anybody else says changes nothing."""
    assert (peer, "http", "inside:8000") == seen(peer, trusted, *FORWARDED)


def test_a_caller_can_not_choose_an_address() -> None:
    """What stands left of the first address that is no proxy's, the caller may have written."""
    hops = ("x-forwarded-for", f"1.2.3.4, {CALLER}, {CDN}")
    assert CALLER == seen(PROXY, "10.0.0.0/8", hops)[0]
    assert CALLER == seen(PROXY, "10.0.0.0/8", ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", CALLER))[0]


def test_the_other_headers_are_read_at_the_same_place() -> None:
    """Scheme and host belong to the hop where the caller came in, whatever the caller put before them."""
    lists = (
        ("x-forwarded-for", f"1.2.3.4, {CALLER}, {CDN}"),
        ("x-forwarded-proto", "http, https, http"),
        ("x-forwarded-host", "evil.example, pay.example, inner.example"),
    )
    assert (CALLER, "https", "pay.example") == seen(PROXY, "10.0.0.0/8", *lists)


def test_a_proxy_that_names_no_caller() -> None:
    """Without `X-Forwarded-For` the first of each list counts, and the caller is the proxy."""
    lists = (("x-forwarded-proto", "https, http"), ("x-forwarded-host", "pay.example, inner.example"))
    assert (PROXY, "https", "pay.example") == seen(PROXY, PROXY, *lists)


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("pay.example", "8443", "pay.example:8443"),
        ("pay.example", "443", "pay.example"),
        ("pay.example:9000", "8443", "pay.example:9000"),
        ("[2001:db8::1]", "8443", "[2001:db8::1]:8443"),
        ("pay.example", "x", "pay.example"),
    ],
)
def test_the_port(host: str, port: str, expected: str) -> None:
    """A port is added where the host brings none, and it is not the scheme's own."""
    said = (("x-forwarded-proto", "https"), ("x-forwarded-host", host), ("x-forwarded-port", port))
    assert expected == seen(PROXY, PROXY, *said)[2]


@pytest.mark.parametrize("host", ["evil/path", "a b", "user@evil.example", "x?y", "é.example", "a" * 300, "[::1", ""])
def test_a_host_that_is_none(host: str) -> None:
    """What can't be a host is not taken."""
    assert "inside:8000" == seen(PROXY, PROXY, ("x-forwarded-host", host))[2]


@pytest.mark.parametrize("hop", [f"{CALLER}:4711", CALLER])
def test_ports_of_callers(hop: str) -> None:
    """Some proxies write a port behind the address."""
    assert CALLER == seen(PROXY, PROXY, ("x-forwarded-for", hop))[0]
    assert "2001:db8::9" == seen(PROXY, PROXY, ("x-forwarded-for", "[2001:db8::9]:4711"))[0]


def test_a_scheme_that_is_none() -> None:
    """Only http and https are schemes."""
    assert "http" == seen(PROXY, PROXY, ("x-forwarded-proto", "javascript"))[1]


def test_mapped_peers() -> None:
    """A proxy that a dual socket shows as a mapped address is the same proxy."""
    assert CALLER == seen(f"::ffff:{PROXY}", "10.0.0.0/8", *FORWARDED)[0]


def test_unreadable_setting() -> None:
    """A part that is no address stops the start."""
    with pytest.raises(ValueError, match=r"'proxy' is no address and no network"):
        Trusted("127.0.0.1, proxy")
