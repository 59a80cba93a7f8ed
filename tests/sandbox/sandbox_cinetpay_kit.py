"""What the tests of the CinetPay sandbox share: a clock to turn, a shop to notify, and a client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from saleor_cinetpay.sandbox.cinetpay import SandboxConfig, build_sandbox

NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
KEY = "sandbox-api-key-not-secret"
ACCOUNT = {"apikey": KEY, "cpm_site_id": "445160"}
FIELDS = ACCOUNT | {
    "cpm_amount": "12500",
    "cpm_currency": "CFA",
    "cpm_trans_id": "T1",
    "cpm_trans_date": "20260304115900",
    "cpm_payment_config": "SINGLE",
    "cpm_page_action": "PAYMENT",
    "cpm_version": "V1",
    "cpm_language": "fr",
    "cpm_designation": "Pagne wax",
}


class TurnedClock:
    """A clock that stands still until a test turns it."""

    def __init__(self) -> None:
        self._now = NOON
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            woken = asyncio.get_running_loop().create_future()
            self._sleepers.append((self._now + timedelta(seconds=seconds), woken))
            await woken

    def turn(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self._now]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper not in due]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)


@dataclass
class Shop:
    """A merchant's server: answers its notification URL, and keeps what arrived."""

    url: str = ""
    status: int = 200
    calls: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    together: int = 0
    """How many POSTs wait for each other before any is answered."""
    _waiting: int = 0
    _all_here: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/notify", self._notified, methods=["GET", "POST"])])

    async def _notified(self, request: Request) -> Response:
        self.calls.append(request.method)
        if request.method == "POST":
            async with request.form() as form:
                self.forms.append({name: str(value) for name, value in form.items()})
            self._waiting += 1
            if self._waiting >= self.together:
                self._all_here.set()
            await asyncio.wait_for(self._all_here.wait(), 5)
        return Response(status_code=self.status)

    async def heard(self, posts: int) -> list[dict[str, str]]:
        """Wait until that many notifications have come."""
        await eventually(lambda: len(self.forms) >= posts)
        return self.forms


@dataclass
class Box:
    """A running sandbox, seen as its callers see it."""

    http: httpx.AsyncClient
    clock: TurnedClock

    async def ask(self, method: str, **fields: str) -> Any:
        """Call the API with the account's key and site, unless they are given."""
        reply = await self.http.post("/v1/", params={"method": method}, data=ACCOUNT | fields)
        assert 200 == reply.status_code
        return reply.json()

    async def form(self, trans_id: str = "T1", **fields: str) -> dict[str, str]:
        """Have a payment signed, and return its form."""
        signed = FIELDS | {"cpm_trans_id": trans_id} | fields
        return signed | {"signature": await self.ask("getSignatureByPost", **signed)}

    async def page(self, trans_id: str = "T1", **fields: str) -> str:
        """Send a buyer with a payment's form, and return the path of the page they land on."""
        urls = {name: fields.pop(name) for name in ("notify_url", "return_url", "cancel_url") if name in fields}
        reply = await self.http.post("/", data=await self.form(trans_id, **fields) | urls)
        assert 303 == reply.status_code
        return str(reply.headers["location"])

    async def pay(self, page: str, **choices: str) -> httpx.Response:
        """Press Pay on a page."""
        return await self.http.post(page, data={"operator": "OM", "cel_phone_num": "0708091011", "pay": "1"} | choices)

    async def control(self, path: str, **body: Any) -> Any:
        """Call the control API by POST; its HTTP status comes as `_status`."""
        reply = await self.http.post(f"/_sandbox{path}", json=body)
        return reply.json() | {"_status": reply.status_code}

    async def settled(self, code: str, trans_id: str = "T1", **body: Any) -> Any:
        """Sign, open and settle a payment without a browser."""
        await self.form(trans_id)
        await self.control(f"/payments/{trans_id}/open")
        return await self.control(f"/payments/{trans_id}/settle", code=code, **body)

    async def status(self, trans_id: str = "T1") -> Any:
        return (await self.ask("checkPayStatus", cpm_trans_id=trans_id))["transaction"]

    async def until(self, code: str, trans_id: str = "T1") -> Any:
        """Wait until checkPayStatus says that code."""
        async with asyncio.timeout(5):
            while (shown := await self.status(trans_id))["cpm_result"] != code:
                pass
        return shown

    async def messages(self, *, after: int = 0, about: str = "", at_least: int = 0) -> list[dict[str, Any]]:
        """Read the log, once it holds that many messages whose title begins so."""
        async with asyncio.timeout(5):
            while len(found := await self._messages(after, about)) < at_least:
                pass
        return found

    async def _messages(self, after: int, about: str) -> list[dict[str, Any]]:
        reply = await self.http.get("/_sandbox/messages", params={"after": after})
        return [message for message in reply.json()["messages"] if message["title"].startswith(about)]


async def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, at most five seconds."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110  servers tell nobody when they are ready
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Serve an app on loopback, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none"))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def a_sandbox(**config: Any) -> AsyncIterator[Box]:
    """Run a sandbox whose time stands still."""
    clock = TurnedClock()
    async with (
        serving(build_sandbox(SandboxConfig(clock=clock, **config))) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as http,
    ):
        yield Box(http, clock)


@asynccontextmanager
async def a_shop(**how: Any) -> AsyncIterator[Shop]:
    """Run a shop that takes notifications."""
    shop = Shop(**how)
    async with serving(shop.app()) as url:
        shop.url = f"{url}/notify"
        yield shop
