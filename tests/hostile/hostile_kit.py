"""The app without a network around it: requests go in as a server would hand them in, and answers are judged."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from app_kit import API_KEY, World, running
from hostile_inputs import SEED, Call
from pydantic import SecretStr
from starlette.applications import Starlette

from saleor_cinetpay.app import build_app

AT_ONCE = 40
NO_HANG_S = 30.0
HANDS_OVER = "/api/webhooks/transaction-initialize-session"
METRICS_TOKEN = "a token for metrics"
ALWAYS = {b"content-security-policy", b"x-content-type-options", b"referrer-policy", b"permissions-policy"}
SHOWS_A_TRACE = (b"Traceback", b'File "/', b"sqlalchemy", b"pydantic")


@dataclass
class Judge:
    """Looks at every answer, and remembers what was wrong with which input."""

    secrets: tuple[bytes, ...]
    statuses: Counter[int] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def hear(self, where: str, call: Call, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        self.statuses[status] += 1
        if status == 200 and call.path == HANDS_OVER:  # v1 wants the key in the form
            body = body.replace(API_KEY.encode(), b"")
        wrong = []
        if (status >= 500 and not named(call, status, body)) or not status:
            wrong.append(f"status {status}: {body[:200]!r}")
        if missing := ALWAYS - set(headers):
            wrong.append(f"without {missing}")
        everything = body + b"\n".join(headers.values())
        wrong += [f"shows {mark!r}" for mark in SHOWS_A_TRACE if mark in everything]
        wrong += ["shows a secret" for secret in self.secrets if secret in everything]
        if wrong:
            self.complaints.append(f"{where}: {'; '.join(wrong)}")


def named(call: Call, status: int, body: bytes) -> bool:
    """Say whether the contract names that failure: a database too slow just now, where an answer may say so."""
    says_so = (b"try again later", b"the database can't be used", b"dans une minute", b"in a minute")
    may_say_so = call.path.startswith(("/cinetpay/", "/pay/", "/dashboard")) or call.path == "/health/ready"
    return status == 503 and may_say_so and any(mark in body for mark in says_so)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """A world with a payment in it, and its app to be driven directly."""

    world: World
    app: Starlette
    judge: Judge

    async def drive(self, calls: Iterator[tuple[str, Call]]) -> None:
        """Put calls to the app, many at once; each must be answered in time."""
        queue = iter(calls)

        async def one_after_the_other(name: int) -> None:
            for where, call in queue:
                try:
                    async with asyncio.timeout(NO_HANG_S):
                        status, headers, body = await self.put(call, Random(f"{where}/{name}"))
                except TimeoutError:
                    self.judge.complaints.append(f"{where}: hangs")
                else:
                    self.judge.hear(where, call, status, headers, body)

        await asyncio.gather(*(one_after_the_other(name) for name in range(AT_ONCE)))

    async def put(self, call: Call, random: Random) -> tuple[int, dict[bytes, bytes], bytes]:
        """Put one call to the app, from an address of its own; return status, headers and body."""
        size = len(call.body) // call.chunks + 1
        chunks = [call.body[start : start + size] for start in range(0, len(call.body), size)] or [b""]
        sent: list[Any] = []

        async def receive() -> Any:
            if not chunks:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            sent.append(message)

        address = ".".join(str(random.randrange(1, 224)) for _ in range(4))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": call.method,
            "scheme": "http",
            "path": call.path,
            "raw_path": call.path.encode("utf-8", "replace"),
            "root_path": "",
            "query_string": call.query,
            "headers": call.headers,
            "client": (random.choice((address, "127.0.0.1")), 1),
            "server": ("app", 80),
            "state": {},
        }
        await self.app(scope, receive, send)
        return (
            sent[0]["status"] if sent else 0,
            dict(sent[0]["headers"]) if sent else {},
            b"".join(message.get("body", b"") for message in sent[1:]),
        )

    def verdict(self) -> str:
        """Say what was wrong, and how to see it again."""
        return (
            "\n".join(self.judge.complaints[:20])
            + f"\nReplay one: HOSTILE_SEED={SEED} HOSTILE_FIRST=<its number> HOSTILE_ONLY=1 pytest <this test>"
        )


@asynccontextmanager
async def hostile_world(folder: Path, **settings: Any) -> AsyncIterator[Hostile]:
    """Run a world whose app is also driven directly; its worker does not run."""
    given = {"metrics_token": SecretStr(METRICS_TOKEN)} | settings
    async with running(folder, with_worker=False, **given) as world:
        installation = await world.house.installations.find(world.saleor.config.api_url)
        assert installation is not None
        secrets = (API_KEY, installation.token.get_secret_value(), METRICS_TOKEN, "a key for tests, not secret")
        yield Hostile(
            world=world,
            app=build_app(world.settings, house=world.house, with_worker=False),
            judge=Judge(secrets=tuple(secret.encode() for secret in secrets)),
        )
