"""A real server and raw bytes: smuggling, endless and slow requests, and what a socket may not be used for."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio
import uvicorn
from app_kit import running
from starlette.applications import Starlette

from saleor_cinetpay.app import build_app
from saleor_cinetpay.demo import listening
from saleor_cinetpay.edge.connections import HEAD_BYTES, GuardedProtocol

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHORT_S = 0.5
FEW = 40


class Hasty(GuardedProtocol):
    """The protocol, with limits that a test can wait for."""

    head_s: ClassVar[float] = SHORT_S
    request_s: ClassVar[float] = SHORT_S * 4
    unread_s: ClassVar[float] = SHORT_S
    most_connections: ClassVar[int] = FEW


@asynccontextmanager
async def served(app: Starlette, protocol: type[GuardedProtocol] = GuardedProtocol) -> AsyncIterator[int]:
    """Serve an app as `saleor-cinetpay serve` does, and give its port."""
    listener = listening(0)
    config = uvicorn.Config(
        app, http=protocol, ws="none", lifespan="off", proxy_headers=False, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110  it tells nobody
        await asyncio.sleep(0.01)
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await task


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Starlette]:
    """Build the app of a shop, without its own server."""
    async with running(tmp_path_factory.mktemp("sockets"), with_worker=False) as world:
        yield build_app(world.settings, house=world.house, with_worker=False)


async def said_to(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes, with pauses between the parts, and return all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def statuses(answer: bytes) -> list[int]:
    """Return the statuses of all answers on a connection."""
    return [int(line.split()[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


HEAD = b"POST /api/register HTTP/1.1\r\nhost: app\r\n"
SECOND = b"GET /static/logo.png HTTP/1.1\r\nhost: app\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nG",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n5c\r\n" + SECOND + b"0\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        HEAD + b"content-length: 0\r\ncontent-length: 44\r\n\r\n" + SECOND,
        HEAD + b"content-length: +5\r\n\r\nhello",
        HEAD + b"content-length: 5 5\r\n\r\nhello",
        HEAD + b"content-length: 0x5\r\n\r\nhello",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length : 5\r\n\r\nhello",
        HEAD + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
        HEAD + b"x: a\x00b\r\n\r\n",
        HEAD + b"x: a\rb\r\n\r\n",
        HEAD + b" folded: x\r\n\r\n",
        b"POST /api/register HTTP/1.1\r\nhost: app\r\nhost: other\r\ncontent-length: 0\r\n\r\n",
        b"POST /api/register HTTP/1.1\r\nhost: app/other\r\ncontent-length: 0\r\n\r\n",
        b"GET http://evil.example/%00 HTTP/9.9\r\nhost: app\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\nhost: app\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=range(23),
)
async def test_nothing_is_smuggled(app: Starlette, request_: bytes) -> None:
    """What two servers could read as different requests is refused, and what follows it is not read at all."""
    async with served(app, Hasty) as port:
        answered = statuses(await said_to(port, request_ + SECOND))
    assert answered in ([], [400], [408]), answered


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET http://evil.example/api/manifest HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 200),
        (b"GET /static/../../etc/passwd HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 404),
        (b"GET /static/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 404),
        (b"GET /static/..%5c..%5capp.py HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 404),
        (b"GET /%c0%ae%c0%ae/x HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 404),
        (b"GET /cinetpay/notify/%00 HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 404),
        (b"GET /pay/%ed%a0%80 HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 404),
        (b"GET /health/live?%00 HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 200),
        (b"OPTIONS * HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n", 404),
        (b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n", 400),
        (b"GET /health/live HTTP/1.0\r\n\r\n", 200),
        (b"GET /health/live HTTP/1.1\r\nhost: app\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n", 200),
    ],
    ids=range(12),
)
async def test_tricks_with_addresses(app: Starlette, request_: bytes, status: int) -> None:
    """An address means what it says and nothing else, whatever it is dressed in; no file but ours is served."""
    async with served(app, Hasty) as port:
        answer = await said_to(port, request_)
    assert [status] == statuses(answer)
    assert b"root:" not in answer
    assert b"evil.example" not in answer


async def test_endless_heads(app: Starlette) -> None:
    """A request line or headers without end are cut off long before they fill the memory."""
    async with served(app) as port:
        for part in (b"GET /" + b"a" * 100, HEAD + b"x: " + b"a" * 100):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            sent = 0
            try:
                writer.write(part)
                while sent < 64 * HEAD_BYTES:
                    writer.write(b"a" * 4096)
                    await writer.drain()
                    sent += 4096
                    if reader.at_eof():
                        break
                    await asyncio.sleep(0)
                answer = await reader.read()
            except ConnectionError:
                answer = b""
            writer.close()
            assert statuses(answer) in ([], [431])
            assert sent < 64 * HEAD_BYTES, "it was read to the end"


async def test_slow_heads(app: Starlette) -> None:
    """A head that does not end is ended with 408, also one that goes on trickling; so is a socket that says nothing."""
    async with served(app, Hasty) as port:
        began_at = time.monotonic()
        answers = await asyncio.gather(
            said_to(port),
            said_to(port, HEAD),
            said_to(port, *(HEAD[at : at + 1] for at in range(len(HEAD))), pause_s=SHORT_S / 20),
            said_to(port, b"\r\n"),
        )
        assert time.monotonic() - began_at < SHORT_S * 8
    silent, halting, trickling, blank = (statuses(answer) for answer in answers)
    assert ([408], [408], [408]) == (silent, halting, blank)
    assert trickling in ([408], []), "whoever still writes may miss the answer"


async def test_slow_bodies(app: Starlette) -> None:
    """A body that does not end is not waited for; neither where nobody reads it."""
    async with served(app, Hasty) as port:
        for path in (b"/api/register", b"/pay/x", b"/api/webhooks/transaction-initialize-session"):
            head = b"POST " + path + b" HTTP/1.1\r\nhost: app\r\ncontent-length: 100\r\n\r\n{"
            began_at = time.monotonic()
            answer = await said_to(port, head)
            assert statuses(answer) in ([], [405], [400], [408]), path
            assert time.monotonic() - began_at < SHORT_S * 8


async def test_many_connections(app: Starlette) -> None:
    """Beyond so many connections the one that has waited longest gives way, so that whoever asks is answered."""
    async with served(app, Hasty) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(FEW * 2)]
        answer = await said_to(port, b"GET /health/live HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n")
        ends = [await reader.read() for reader, _ in idle]
        for _, writer in idle:
            writer.close()
    assert [200] == statuses(answer)
    assert FEW <= ends.count(b""), "those that gave way were closed without a word, the others for being slow"


async def test_answers_that_nobody_reads(tmp_path: Path) -> None:
    """A client that leaves a long answer unread is cut off."""
    gone = asyncio.Event()

    async def endless(_scope: object, _receive: object, send: object) -> None:
        assert callable(send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            for _ in range(2000):
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                await asyncio.sleep(0)
        finally:
            gone.set()

    async with served(endless, Hasty) as port:  # type: ignore[arg-type]
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nhost: app\r\n\r\n")
        async with asyncio.timeout(10):
            await gone.wait()
        writer.close()
