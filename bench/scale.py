"""What a large ledger costs: the app on an empty database and on a full one, driven in turn with the same requests.

`make bench-scale` fills one database with payments (a tenth of them wait for their next look, the others are over) and
installations, and races the app on it against the app on an empty one. It prints the same table as `make bench`; what
counts is the ratio of the processor time, full to empty.
"""

import argparse
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from payments_kit import SECRETS
from postgresql_kit import running_postgresql
from sqlalchemy import insert

from bench.__main__ import ENGINES, answering, free_ports, race
from bench.claims import CHUNKS, fill
from bench.contestants import CORES, ROOT, Around, Contestant, on_cores, the_app, the_stubs
from bench.figures import as_table
from bench.scenarios import Driver
from bench.shop import Shop
from saleor_cinetpay.database import Database
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.shops.tables import installations

FULL, EMPTY = "full", "empty"


async def fill_database(url: str, *, payments: int, shops: int, saleor_api_url: str) -> None:
    """Write so many payments, all of the shop that is driven, and so many installations of others."""
    database = Database(url)
    try:
        await migrate(database)
        await fill(database, total=payments, due=CHUNKS, saleor_api_url=saleor_api_url)
        async with database.write() as connection:
            await connection.execute(insert(installations), [_installation(number) for number in range(shops)])
    finally:
        await database.close()


def _installation(number: int) -> dict[str, object]:
    now = datetime.now(UTC)
    url = f"https://shop-{number}.example/graphql/"
    return {
        "saleor_api_url": url,
        "app_id": "QXBwOjE=",
        "sealed_token": SECRETS.seal("a token", place=f"installations/{url}/token"),
        "key_set": "{}",
        "key_set_fetched_at": now,
        "saleor_version": "3.23.28",
        "app_base_url": "https://app.example",
        "registered_at": now,
    }


@asynccontextmanager
async def both(engine: str, folder: Path, asked: argparse.Namespace) -> AsyncIterator[tuple[list[Contestant], Driver]]:
    """Fill one database, and make the app ready on both."""
    cinetpay, saleor, *ports = free_ports(4)
    shop = Shop(f"http://127.0.0.1:{saleor}/graphql/")
    around = Around(cinetpay_port=cinetpay, saleor_port=saleor, key_set=shop.key_set)
    with ExitStack() as stack:
        if engine == "postgresql":
            server = stack.enter_context(running_postgresql(folder, durable=True))
            urls = {name: await server.create(f"ledger_{name}") for name in (FULL, EMPTY)}
        else:
            urls = {name: f"sqlite:///{folder}/{name}.db" for name in (FULL, EMPTY)}
        began_at = time.perf_counter()
        await fill_database(urls[FULL], payments=asked.payments, shops=asked.shops, saleor_api_url=shop.saleor_api_url)
        print(f"{engine}: {asked.payments:,} payments written in {time.perf_counter() - began_at:.0f} s", flush=True)
        contestants = [
            the_app(name, port, around, folder=folder, database_url=urls[name], source=ROOT)
            for name, port in zip((FULL, EMPTY), ports, strict=True)
        ]
        for contestant in contestants:
            stack.callback(contestant.stop)
        stubs = the_stubs(around, folder)
        stack.callback(stubs.wait)
        stack.callback(stubs.terminate)
        await answering(saleor)
        yield contestants, Driver(shop, around)


async def main(asked: argparse.Namespace) -> None:
    """Race on each engine, and print."""
    on_cores(CORES[1:])
    for engine in asked.engines:
        with tempfile.TemporaryDirectory(prefix="bench-scale-", ignore_cleanup_errors=True) as folder:
            async with both(engine, Path(folder), asked) as (contestants, driver):
                lines, seen = await race(contestants, driver, asked)
        print(f"\n{engine}: {seen}\n\n{as_table(lines)}\n", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=1_000_000, help="in the full ledger")
    parser.add_argument("--shops", type=int, default=1_000, help="that have installed the app")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--scenarios", nargs="+", default=["initialize", "process", "notification", "admin"])
    parser.add_argument("--at-once", nargs="+", type=int, default=[16])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    uvloop.run(main(parser.parse_args()))
