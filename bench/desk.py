"""How long the desk's pages take with many payments in the ledger: `make bench-desk`.

One shop has so many payments (100,000 unless said otherwise), another shop as many again. Every page is asked for over
ASGI, token and rendering included, several times; the median counts. Above `LIMIT_MS` it fails, and prints the plans.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import httpx2 as httpx
from payments_kit import SECRETS, a_payment, trans_id
from plans_kit import Statement, plan, statements
from postgresql_kit import running_postgresql
from pydantic import SecretStr
from sqlalchemy import insert, text

from saleor_cinetpay.app import build_app, build_house
from saleor_cinetpay.database import Database
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.rows import row_of
from saleor_cinetpay.payments.tables import payment_events, payments
from saleor_cinetpay.sandbox.saleor.signing import KeyRing
from saleor_cinetpay.settings import AppEnv, Settings
from saleor_cinetpay.shops.installations import Installation

LIMIT_MS = 200.0
ROUNDS = 7
CHUNK = 2000
SHOPS = ("https://shop.example/graphql/", "https://other.example/graphql/")
STATES = [PaymentState.ACCEPTED] * 6 + [PaymentState.REFUSED] * 3 + [PaymentState.PENDING]
OPERATORS = ["OM"] * 5 + ["MOMO"] * 3 + ["FLOOZ"]
NOW = datetime.now(UTC).replace(microsecond=0)
RARE = 5000
"""Of so many payments one was paid with Wave, one is suspect and one was sold in a channel that is hardly used."""


async def fill(database: Database, *, total: int) -> None:
    """Write so many payments for each shop, one every five minutes until now."""
    draw, pattern = Random(7), row_of(a_payment(1), SECRETS)
    for shop in SHOPS:
        for start in range(0, total, CHUNK):
            rows = [_row(pattern, shop, number, total, draw) for number in range(start, min(start + CHUNK, total))]
            if start + CHUNK >= total:
                rows[-1]["sealed_form"] = _form_of(rows[-1]["trans_id"], pattern)
            async with database.write() as connection:
                await connection.execute(insert(payments), rows)
    async with database.write() as connection:
        for minute in range(60):
            detail = {"trigger": "clock", "verdict": "pending", "code": "623", "hints": 0}
            at = NOW - timedelta(minutes=60 - minute)
            entry = {"trans_id": _trans_id(SHOPS[0], total - 1), "at": at, "kind": "looked_up", "detail": detail}
            await connection.execute(insert(payment_events), entry)
        if not database.is_sqlite:  # which nobody tells what its tables hold
            await connection.execute(text("ANALYZE"))


def _row(pattern: dict[str, Any], shop: str, number: int, total: int, draw: Random) -> dict[str, Any]:
    rare = number % RARE == 1
    return pattern | {
        "trans_id": _trans_id(shop, number),
        "saleor_api_url": shop,
        "opened_at": NOW - timedelta(minutes=5 * (total - number)),
        "watch_until": NOW,
        "state": PaymentState.SUSPECT if rare else draw.choice(STATES),
        "operator": "WAVE" if rare else draw.choice(OPERATORS),
        "channel": "pop-up" if rare else draw.choice(["abidjan", "dakar"]),
        "payid": f"MP{number}",
        "order_number": str(number),
        "order_id": f"T3JkZXI6{number}",
        "buyer_email": f"buyer{number}@example.com",
        "phone_tail": f"{draw.randrange(10_000):04}",
        "source_id": f"{shop}{number}",
        "due_at": None,
    }


def _form_of(last: str, pattern: dict[str, Any]) -> str:
    """Seal the form for the one payment whose page is looked at; the others only take up as much room."""
    form = SECRETS.open(pattern["sealed_form"], place=f"payments/{pattern['trans_id']}/form")
    return SECRETS.seal(form, place=f"payments/{last}/form")


def _trans_id(shop: str, number: int) -> str:
    return trans_id(Random(f"{shop}{number}").getrandbits(128))  # the places of real ones are as random


def pages(total: int) -> dict[str, str]:
    """Return what is asked for."""
    middle, long_ago = total // 2, f"{NOW - timedelta(days=300):%Y-%m-%d}"
    return {
        "the first page": "",
        "the list": "/payments",
        "paid ones": "/payments?state=accepted",
        "ones to check (rare)": "/payments?state=suspect",
        "Wave (rare)": "/payments?operator=WAVE",
        "a channel (rare)": "/payments?channel=pop-up",
        "what there is none of": "/payments?operator=AIRTEL&channel=dakar&state=opening",
        "a day long ago": f"/payments?from={long_ago}&to={long_ago}",
        "a trans id": f"/payments?q={_trans_id(SHOPS[0], middle)}",
        "its beginning": f"/payments?q={_trans_id(SHOPS[0], middle)[:9]}",
        "a payid": f"/payments?q=MP{middle}",
        "an order": f"/payments?q={middle}",
        "an e-mail address": f"/payments?q=buyer{middle}%40example.com",
        "the end of a number": "/payments?q=0042",
        "what is not there": "/payments?q=nobody%40example.com",
        "one payment": f"/payments/{_trans_id(SHOPS[0], total - 1)}",
    }


async def measure(url: str, *, total: int) -> list[tuple[str, float, list[str]]]:
    """Fill a new ledger and return what each page takes, with the plans of what it asks the database."""
    settings = Settings(
        app_env=AppEnv.DEVELOPMENT, secret_key=SecretStr("a key for tests"), database_url=SecretStr(url)
    )
    house = build_house(settings)
    await migrate(house.database)
    await fill(house.database, total=total)
    keys = KeyRing()
    await house.installations.register(
        Installation(
            saleor_api_url=SHOPS[0],
            app_id="QXBwOjE=",
            token=SecretStr("token"),
            key_set=json.dumps(keys.jwks()),
            saleor_version="3.23.28",
            app_base_url="https://app.example",
        )
    )
    claims = {"iss": SHOPS[0], "type": "thirdparty", "app": "QXBwOjE=", "exp": time.time() + 3600}
    token = keys.current.sign_token(claims | {"email": "awa@example.com", "user_permissions": ["HANDLE_PAYMENTS"]})
    transport = httpx.ASGITransport(app=build_app(settings, house=house, with_worker=False))
    headers = {"Authorization": f"Bearer {token}"}
    measured = []
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example", headers=headers) as http:
        for name, path in pages(total).items():
            with statements() as asked:
                first = await http.get(f"/dashboard{path}")
                assert first.status_code == 200, (name, first.status_code)
            costs = [await _cost_ms(http, path) for _ in range(ROUNDS)]
            measured.append((name, median(costs), await _plans(house.database, asked)))
        began = time.perf_counter()
        size = len((await http.get("/dashboard/payments.csv")).content)
        print(f"  the whole file: {size / 1e6:.1f} MB in {time.perf_counter() - began:.1f} s (streamed)")
    await house.close()
    return measured


async def _cost_ms(http: httpx.AsyncClient, path: str) -> float:
    began = time.perf_counter()
    await http.get(f"/dashboard{path}")
    return (time.perf_counter() - began) * 1000


async def _plans(database: Database, asked: list[Statement]) -> list[str]:
    of_payments = [one for one in asked if one[0].startswith(("SELECT", "WITH")) and "payments" in one[0]]
    return [step for one in of_payments for step in await plan(database, one)]


async def run(total: int, *, plans: bool, engines: list[tuple[str, str]]) -> bool:
    """Measure on each engine; say whether every page is fast enough."""
    well = True
    for engine, url in engines:
        print(f"{engine}, {total:,} payments of each of {len(SHOPS)} shops:")
        for name, cost_ms, how in await measure(url, total=total):
            slow = cost_ms > LIMIT_MS
            well = well and not slow
            print(f"  {name:<24} {cost_ms:7.1f} ms{'   TOO SLOW' if slow else ''}")
            if slow or plans:
                print("\n".join(f"      {line}" for line in how))
    return well


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, default=100_000)
    parser.add_argument("--plans", action="store_true", help="print how the database finds things, also what is fast")
    asked = parser.parse_args()
    return asyncio.run(_main(asked.payments, plans=asked.plans))


async def _main(total: int, *, plans: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-desk-") as folder, running_postgresql(Path(folder)) as server:
        engines = [("SQLite", f"sqlite:///{folder}/desk.db"), ("PostgreSQL", await server.create("desk"))]
        return 0 if await run(total, plans=plans, engines=engines) else 1


if __name__ == "__main__":
    sys.exit(main())
