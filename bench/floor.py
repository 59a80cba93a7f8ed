"""The floor: what the same work costs with the same parts and nothing around them.

A relay that verifies the signature with PyJWT, asks CinetPay once with httpx2 and writes one row; it knows no repeats,
no leases, no sealed secrets, no limits and no budget. SQLite is `sqlite3` in one thread, as durable as the app's.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import parse_qsl

import asyncpg
import httpx2 as httpx
import jwt
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

TABLE = "CREATE TABLE IF NOT EXISTS relayed (trans_id TEXT PRIMARY KEY, state TEXT NOT NULL, body TEXT NOT NULL)"
READ = "SELECT body FROM relayed WHERE trans_id = $1"
INSERT = "INSERT INTO relayed (trans_id, state, body) VALUES ($1, $2, $3)"
UPDATE = "UPDATE relayed SET state = $2 WHERE trans_id = $1"
REPORT = """mutation R($id: ID!) {
  transactionEventReport(id: $id, type: CHARGE_SUCCESS, pspReference: "R") { alreadyProcessed errors { code } }
}"""


class Rows(Protocol):
    """A database of one table."""

    async def open(self) -> None:
        """Connect, and make the table."""

    async def run(self, statement: str, *values: str) -> Sequence[Any]:
        """Carry one statement out and commit it."""


class SQLiteRows:
    """One connection in one thread."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1)

    async def open(self) -> None:
        """Connect, and make the table."""
        await self._in_thread(self._connect)

    async def run(self, statement: str, *values: str) -> Sequence[Any]:
        """Carry one statement out; SQLite commits it by itself."""
        numbered = statement.replace("$", "?")
        rows: list[Any] = await self._in_thread(lambda: self._connection.execute(numbered, values).fetchall())
        return rows

    def _connect(self) -> None:
        self._connection = sqlite3.connect(self._file, isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", TABLE):
            self._connection.execute(statement)

    async def _in_thread(self, do: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do)


class PostgreSQLRows:
    """A pool as large as the app's."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        """Connect, and make the table."""
        self._pool = await asyncpg.create_pool(self._url, min_size=10, max_size=10)
        await self._pool.execute(TABLE)

    async def run(self, statement: str, *values: str) -> Sequence[Any]:
        """Carry one statement out; PostgreSQL commits it by itself."""
        rows: list[Any] = await self._pool.fetch(statement, *values)
        return rows


class Floor:
    """Relays."""

    def __init__(self, *, rows: Rows, cinetpay_url: str, saleor_url: str, key_set: str) -> None:
        self._rows = rows
        self._cinetpay_url = cinetpay_url
        self._saleor_url = saleor_url
        self._key = jwt.PyJWK(json.loads(key_set)["keys"][0]).key
        self._jws = jwt.PyJWS(algorithms=["RS256"])
        self._http = httpx.AsyncClient(limits=httpx.Limits(max_connections=100))

    def app(self) -> Starlette:
        """Return the ASGI app, at the app's own addresses."""
        webhooks = "/api/webhooks"
        return Starlette(
            routes=[
                Route(f"{webhooks}/payment-gateway-initialize-session", self.gateway, methods=["POST"]),
                Route(f"{webhooks}/transaction-initialize-session", self.initialize, methods=["POST"]),
                Route(f"{webhooks}/transaction-process-session", self.process, methods=["POST"]),
                Route("/cinetpay/notify/{account_key}", self.notify, methods=["POST"]),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        await self._rows.open()
        yield

    async def gateway(self, request: Request) -> Response:
        """Verify, read one row."""
        await self._verified(request)
        await self._rows.run(READ, "none")
        return JSONResponse({"data": {"available": True}})

    async def initialize(self, request: Request) -> Response:
        """Verify, ask once, insert once."""
        call = await self._verified(request)
        trans_id = call["transaction"]["id"]
        form = {
            "cpm_trans_id": trans_id,
            "cpm_amount": str(call["action"]["amount"]).removesuffix(".0"),
            "cpm_site_id": "1",
            "cpm_currency": "CFA",
            "cpm_designation": "Order",
        }
        signature = await self._ask("getSignatureByPost", form)
        await self._rows.run(INSERT, trans_id, "pending", json.dumps(form | {"signature": signature}))
        return JSONResponse({"result": "CHARGE_ACTION_REQUIRED", "pspReference": trans_id, "data": form})

    async def process(self, request: Request) -> Response:
        """Verify, ask once, update once."""
        trans_id = (await self._verified(request))["transaction"]["id"]
        answer = await self._ask("checkPayStatus", {"cpm_trans_id": trans_id})
        await self._rows.run(UPDATE, trans_id, answer["transaction"]["cpm_trans_status"])
        return JSONResponse({"result": "CHARGE_ACTION_REQUIRED", "pspReference": trans_id})

    async def notify(self, request: Request) -> Response:
        """Answer; then ask once, update, report, update."""
        trans_id = dict(parse_qsl((await request.body()).decode()))["cpm_custom"]
        return PlainTextResponse("OK\n", background=BackgroundTask(self._settle, trans_id))

    async def _settle(self, trans_id: str) -> None:
        answer = await self._ask("checkPayStatus", {"cpm_trans_id": trans_id})
        await self._rows.run(UPDATE, trans_id, answer["transaction"]["cpm_trans_status"])
        await self._http.post(self._saleor_url, json={"query": REPORT, "variables": {"id": trans_id}})
        await self._rows.run(UPDATE, trans_id, "reported")

    async def _verified(self, request: Request) -> dict[str, Any]:
        body = await request.body()
        self._jws.decode(request.headers["saleor-signature"], self._key, ["RS256"], detached_payload=body)
        call: dict[str, Any] = json.loads(body)
        return call

    async def _ask(self, method: str, form: dict[str, str]) -> Any:
        reply = await self._http.post(self._cinetpay_url, params={"method": method}, data=form)
        return reply.json()


def build() -> Starlette:
    """Build the floor from its environment, for uvicorn."""
    url = os.environ["FLOOR_DATABASE"]
    rows: Rows = SQLiteRows(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else PostgreSQLRows(url)
    return Floor(
        rows=rows,
        cinetpay_url=os.environ["FLOOR_CINETPAY"],
        saleor_url=os.environ["FLOOR_SALEOR"],
        key_set=os.environ["FLOOR_KEYS"],
    ).app()
