"""The network guard connects to checked addresses only."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
import pytest
from certificates_kit import self_signed, server_with

from saleor_cinetpay.errors import AddressForbidden
from saleor_cinetpay.exchange import Answer, NotExchanged, exchange
from saleor_cinetpay.saleor.outbound import is_public, public_http

PUBLIC = "93.184.215.14"


@dataclass
class Server:
    """A loopback server that answers one thing, and counts who connects."""

    answer: bytes
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@dataclass
class Dns:
    """A resolver whose answers can change from one question to the next."""

    answers: list[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


async def get(http: httpx.AsyncBaseTransport, url: str, *, timeout_s: float = 5) -> Answer:
    """Ask as the app does; a failure is raised as the transport told it."""
    try:
        return await exchange(http, httpx.Request("GET", url), limit_bytes=1000, timeout_s=timeout_s)
    except NotExchanged as error:
        raise (error.__cause__ or error) from error


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    served = Server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: who=you; path=/\r\n\r\nok")
    listening = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.port = listening.sockets[0].getsockname()[1]
    yield served
    listening.close()
    await listening.wait_closed()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "233.252.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.215.14",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "4000::1",
        "no address",
    ],
)
def test_not_public(address: str) -> None:
    """Loopback, private, link-local, shared, reserved, multicast and embedded addresses are not public."""
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4007::1"])
def test_public(address: str) -> None:
    """Ordinary addresses of the internet are public."""
    assert is_public(address)


@pytest.mark.parametrize("answers", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::ffff:127.0.0.1"]])
async def test_forbidden_before_any_connection(server: Server, answers: list[str]) -> None:
    """One address that is not public among those of a name forbids the name, and nothing is connected."""
    async with public_http(development=False, resolve=Dns([answers]).resolve) as http:
        with pytest.raises(AddressForbidden):
            await get(http, f"http://shop.example:{server.port}/")

    assert 0 == server.connections


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
async def test_address_written_as_such_is_checked_too(server: Server, host: str) -> None:
    """An address in any way of writing it is resolved and checked like a name."""
    async with public_http(development=False) as http:
        with pytest.raises(AddressForbidden):
            await get(http, f"http://{host}:{server.port}/")

    assert 0 == server.connections


async def test_connects_to_the_very_address_that_was_checked(server: Server) -> None:
    """A name is resolved once for each connection, so that a second answer can't lead elsewhere."""
    dns = Dns([["127.0.0.1"], ["192.0.2.1"]])
    async with public_http(development=True, resolve=dns.resolve) as http:
        answer = await get(http, f"http://shop.example:{server.port}/graphql/")

    assert b"ok" == answer.body
    assert ["shop.example"] == dns.asked
    assert f"host: shop.example:{server.port}".encode() in server.requests[0].lower()


async def test_next_address_is_tried(server: Server) -> None:
    """Where the first address does not answer, the next one is tried."""
    dns = Dns([["127.0.0.2", "127.0.0.1"]])
    async with public_http(development=True, resolve=dns.resolve) as http:
        assert 200 == (await get(http, f"http://shop.example:{server.port}/")).status


async def test_one_pool_for_all_calls(server: Server) -> None:
    """Calls share a connection, and no cookie is carried from one to the next."""
    async with public_http(development=True) as http:
        for _ in range(3):
            await get(http, f"http://127.0.0.1:{server.port}/")

    assert 1 == server.connections
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_redirect_is_not_followed(server: Server) -> None:
    """A redirect comes back as it is."""
    server.answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with public_http(development=True) as http:
        assert 302 == (await get(http, f"http://127.0.0.1:{server.port}/")).status


async def test_proxy_of_the_environment_is_ignored(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable can't send calls past the guard."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
    async with public_http(development=False, resolve=Dns([["10.0.0.1"]]).resolve) as http:
        with pytest.raises(AddressForbidden):
            await get(http, "http://shop.example/")

    assert 0 == server.connections


async def test_unknown_name_is_a_connect_error() -> None:
    """A name that leads nowhere is an ordinary connection error, not a forbidden address."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    async with public_http(development=False, resolve=resolve) as http:
        with pytest.raises(httpx.ConnectError, match=r"shop\.example can't be resolved"):
            await get(http, "https://shop.example/")


async def test_name_without_address_is_a_connect_error() -> None:
    """A name that exists but has no address is an ordinary connection error."""
    async with public_http(development=False, resolve=Dns([[]]).resolve) as http:
        with pytest.raises(httpx.ConnectError, match="has no address"):
            await get(http, "https://shop.example/")


async def test_slow_resolver_counts_as_connecting() -> None:
    """The time that a name takes to resolve is part of the time to connect."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(5)
        return [PUBLIC]

    async with public_http(development=False, resolve=resolve) as http:
        with pytest.raises(httpx.ConnectTimeout, match=r"no connection to shop\.example within 0\.03 s"):
            await get(http, "https://shop.example/", timeout_s=0.04)


async def test_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    """The TLS handshake asks for the name, and a certificate that nobody vouches for is refused."""
    names: list[str | None] = []
    context = server_with(self_signed(tmp_path, "shop.example"))
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    served = Server(b"")
    listening = await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    async with public_http(development=True, resolve=Dns([["127.0.0.1"]]).resolve) as http:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await get(http, f"https://shop.example:{port}/")
    listening.close()

    assert ["shop.example"] == names
    assert [] == served.requests
