"""A world with a wall before the app, for the doctor: what an operator can put there, and clocks that are wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
from app_kit import World
from certificates_kit import self_signed, server_with
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from saleor_cinetpay.clock import SystemClock
from saleor_cinetpay.doctor.means import Means


class Ahead(SystemClock):
    """A clock that is wrong."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


class Wall:
    """What an operator can put before the app: it passes calls on, unless it is told otherwise."""

    def __init__(self, app: str) -> None:
        self.app = app
        self.redirect_to: str | None = None
        self.status: int | None = None
        self.methods: tuple[str, ...] = ("GET", "HEAD", "POST")
        self.adds: dict[str, str] = {}
        self.answers: bytes | None = None
        self.empties = False

    def asgi(self) -> Starlette:
        return Starlette(routes=[Route("/{rest:path}", self._answer, methods=["GET", "HEAD", "POST"])])

    async def _answer(self, request: Request) -> Response:
        if request.method in self.methods:
            if self.redirect_to:
                return RedirectResponse(self.redirect_to, 301)
            if self.status:
                return Response(status_code=self.status)
            if self.answers is not None:
                return Response(self.answers)
        async with httpx.AsyncClient() as http:
            body = b"" if self.empties else await request.body()
            kind = request.headers.get("content-type", "")
            reply = await http.request(
                request.method, f"{self.app}{request.url.path}", content=body, headers={"content-type": kind}
            )
        kept = {name: value for name, value in reply.headers.items() if name.startswith(("saleor", "content-type"))}
        return Response(reply.content, reply.status_code, headers=kept | self.adds)


@asynccontextmanager
async def self_signed_server(folder: Path) -> AsyncIterator[str]:
    """Answer TLS with a certificate of our own making."""
    context = server_with(await asyncio.to_thread(self_signed, folder, "localhost"))
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


@dataclass(kw_only=True)
class Ward:
    """A world that is well, with a wall before the app, and what the doctor works with there."""

    world: World
    means: Means
    wall: Wall
    wall_url: str
    guarded: httpx.AsyncBaseTransport
    """The client that a production has: it goes to no private address."""
    self_signed: str
    """An address that answers with a certificate that nobody knows."""

    def set(self, **settings: Any) -> Means:
        """Return the means with other settings."""
        changed = self.means.settings.model_copy(update=settings)
        changed.__dict__.pop("secret_keys", None)  # computed from SECRET_KEY, and copied with it
        return replace(self.means, settings=changed)

    def behind_the_wall(self) -> Means:
        """Return the means as if the wall were the public address."""
        return self.set(app_api_base_url=self.wall_url)
