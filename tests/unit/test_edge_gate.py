"""The gate turns away what is too often, too much or odd, each lane for itself."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fakes import SeededChance
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from saleor_cinetpay.edge.border import NO_POWERS, Border
from saleor_cinetpay.edge.gate import Gate
from saleor_cinetpay.edge.lanes import LIMITS, Lane, Limits, lane_of

NOTIFY, WEBHOOK, REGISTER, PAY = "/cinetpay/notify/k", "/api/webhooks/x", "/api/register", "/pay/T"
ONE = {lane: replace(limits, per_s=1.0 if limits.per_s else None, burst=1) for lane, limits in LIMITS.items()}


@dataclass
class Inside:
    """What stands behind the gate: counts who comes through, and can keep them."""

    came: list[tuple[str, bytes]] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.open.wait()
        body = await Request(scope, receive).body()
        self.came.append((scope["path"], body))
        await PlainTextResponse("inside")(scope, receive, send)


def page(_request: Request, status: int) -> Response:
    """Stand in for the pages that people see."""
    return HTMLResponse("<p>wait</p>", status_code=status)


def gate(inside: ASGIApp, limits: dict[Lane, Limits] | None = None) -> Gate:
    """Put a gate before it, whose clock stands still."""
    return Gate(inside, page=page, limits=limits or LIMITS, monotonic=lambda: 1000.0)


async def ask(
    app: ASGIApp,
    path: str,
    *chunks: bytes,
    method: str = "POST",
    headers: Sequence[tuple[bytes, bytes]] = ((b"host", b"app"),),
    peer: str = "203.0.113.7",
    query: bytes = b"",
    stalls: bool = False,
    scheme: str = "http",
) -> tuple[int, dict[str, str], bytes]:
    """Ask, and return status, headers and body; a body that stalls never ends."""
    waiting = list(chunks) or [b""]
    sent: list[Any] = []

    async def receive() -> Any:
        if not waiting:
            await asyncio.Event().wait()
        chunk = waiting.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting) or stalls}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": list(headers),
        "client": (peer, 1),
        "scheme": scheme,
    }
    await app(scope, receive, send)
    return (
        sent[0]["status"],
        {name.decode(): value.decode() for name, value in sent[0]["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )


@pytest.mark.parametrize(
    ("path", "lane"),
    [
        ("/api/webhooks/transaction-initialize-session", Lane.WEBHOOK),
        ("/cinetpay/notify/abc", Lane.NOTIFICATION),
        ("/cinetpay/return/T", Lane.BUYER),
        ("/cinetpay/cancel/T", Lane.BUYER),
        ("/pay/T", Lane.BUYER),
        ("/api/register", Lane.REGISTRATION),
        ("/api/manifest", Lane.MANIFEST),
        ("/dashboard/payments", Lane.DASHBOARD),
        ("/static/logo.png", Lane.STATIC),
        ("/health/live", Lane.OPERATOR),
        ("/metrics", Lane.OPERATOR),
        ("/", Lane.OTHER),
        ("/api/webhooks", Lane.OTHER),
    ],
)
def test_lanes(path: str, lane: Lane) -> None:
    """Each address has its lane."""
    assert lane is lane_of(path)


async def test_too_often() -> None:
    """One call too many is a 429 that says when to come again, in the shape of its lane; others pass on."""
    inside = Inside()
    app = gate(inside, ONE)
    assert 200 == (await ask(app, REGISTER))[0]
    status, headers, body = await ask(app, REGISTER)
    assert (429, "1") == (status, headers["retry-after"])
    assert {
        "success": False,
        "error": {
            "code": "TOO_MANY_REQUESTS",
            "message": "too many requests from this address: come again later",
        },
    } == json.loads(body)
    assert [200, 200, 200] == [(await ask(app, path))[0] for path in (NOTIFY, PAY, "/nowhere")]
    assert b"too many requests" in (await ask(app, NOTIFY))[2]
    assert b"<p>wait</p>" == (await ask(app, PAY))[2]
    assert {"message"} == set(json.loads((await ask(app, "/nowhere"))[2]))
    assert 200 == (await ask(app, REGISTER, peer="203.0.113.8"))[0]
    assert 5 == len(inside.came)


async def test_webhooks_are_never_too_often() -> None:
    """Saleor's webhooks all come from one address, so none is one too many."""
    app = gate(Inside(), ONE)
    assert {200} == {(await ask(app, WEBHOOK))[0] for _ in range(3000)}


async def test_a_lane_that_is_full_does_not_fill_another() -> None:
    """Beyond so many calls under way there is a 503 that says when to come again; other lanes go on."""
    inside = Inside()
    inside.open.clear()
    app = gate(inside, {lane: replace(limits, at_once=limits.at_once and 2) for lane, limits in LIMITS.items()})
    kept = [asyncio.create_task(ask(app, path)) for path in (NOTIFY, NOTIFY, WEBHOOK, WEBHOOK, WEBHOOK)]
    await asyncio.sleep(0.01)
    status, headers, _ = await ask(app, NOTIFY)
    assert (503, "2") == (status, headers["retry-after"])
    inside.open.set()
    assert [200] * 5 == [(await task)[0] for task in kept]
    assert [200, 200] == [(await ask(app, path))[0] for path in (NOTIFY, PAY)]


async def test_too_large() -> None:
    """A body beyond the limit is a 413, however it comes; a notification is 200 all the same, and says nothing."""
    inside = Inside()
    app = gate(inside)
    status, headers, _ = await ask(app, REGISTER, *[b"x" * 1024] * 65)
    assert (413, "close") == (status, headers["connection"])
    assert 200 == (await ask(app, NOTIFY, *[b"x" * 1024] * 65))[0]
    assert [(NOTIFY, b"")] == inside.came
    assert 200 == (await ask(app, REGISTER, *[b"x" * 1024] * 64))[0]
    assert (REGISTER, b"x" * 65536) == inside.came[-1]


async def test_too_slow() -> None:
    """A body that does not end in time is a 408."""
    inside = Inside()
    app = Gate(inside, page=page, body_s=0.01)
    assert [408, 408] == [(await ask(app, path, b"a=", stalls=True))[0] for path in (NOTIFY, REGISTER)]
    assert [] == inside.came


HOST = (b"host", b"app")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([HOST, HOST], 400),
        ([(b"host", b"a/b")], 400),
        ([(b"host", b"a@b")], 400),
        ([(b"host", b"a b")], 400),
        ([(b"host", b"")], 400),
        ([HOST, (b"content-length", b"1"), (b"content-length", b"2")], 400),
        ([HOST, (b"content-length", b"1"), (b"transfer-encoding", b"chunked")], 400),
        ([HOST, (b"authorization", b"a"), (b"authorization", b"b")], 400),
        ([HOST, (b"saleor-signature", b"a"), (b"saleor-signature", b"b")], 400),
        ([HOST, (b"saleor-api-url", b"a"), (b"saleor-api-url", b"b")], 400),
        ([HOST, *[(b"x", b"y")] * 100], 431),
        ([HOST, (b"x", b"y" * 66_000)], 431),
        ([HOST, (b"x", b"a"), (b"x", b"b")], 200),
        ([], 200),
    ],
)
async def test_odd_headers(headers: list[tuple[bytes, bytes]], status: int) -> None:
    """What means two things, or is far too much, is refused in every lane."""
    app = gate(Inside())
    assert {status} == {(await ask(app, path, headers=headers))[0] for path in (WEBHOOK, NOTIFY, PAY, "/")}


async def test_endless_addresses() -> None:
    """An address that is far too long is a 414."""
    app = gate(Inside())
    assert 414 == (await ask(app, "/pay/" + "x" * 3000, method="GET"))[0]
    assert 414 == (await ask(app, PAY, method="GET", query=b"s" * 9000))[0]


async def test_refusals_have_the_headers_of_every_answer() -> None:
    """What the gate answers is as guarded as a page."""
    app = Border(gate(Inside(), ONE), chance=SeededChance(1))
    await ask(app, PAY)
    status, headers, _ = await ask(app, PAY, scheme="https")
    assert 429 == status
    assert {
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "permissions-policy": NO_POWERS,
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=31536000",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    } == {
        name: value for name, value in headers.items() if name not in {"content-length", "content-type", "retry-after"}
    }


async def test_what_breaks_ends_at_the_border() -> None:
    """A mistake of ours is a JSON 500 without a word of what it was, and the server goes on."""

    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a secret")

    status, headers, body = await ask(Border(broken, chance=SeededChance(1)), PAY)
    assert (500, {"message": "something went wrong on our side"}) == (status, json.loads(body))
    assert "no-store" == headers["cache-control"]


async def test_no_hsts_over_http() -> None:
    """Over http nothing is said of https; what an answer says itself is left as it is."""

    async def own(scope: Scope, receive: Receive, send: Send) -> None:
        policy = "default-src 'self'; frame-ancestors https:"
        await PlainTextResponse("x", headers={"content-security-policy": policy})(scope, receive, send)

    _, headers, _ = await ask(Border(own, chance=SeededChance(1)), PAY)
    assert "strict-transport-security" not in headers
    assert "x-frame-options" not in headers
    assert "default-src 'self'; frame-ancestors https:" == headers["content-security-policy"]
