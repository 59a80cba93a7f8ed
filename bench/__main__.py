"""How fast the app is, beside the floor of its parts, and beside another commit where one is given.

`make bench` starts the app as in production against stubs in a process of their own, and drives all contestants with
the same freshly signed requests, in turn, round by round: whatever else the machine does falls on all of them. What
counts are the ratios, and the medians of the rounds.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from postgresql_kit import running_postgresql

from bench.contestants import CORES, ROOT, Around, Contestant, on_cores, the_app, the_floor, the_stubs
from bench.figures import FLOOR, Line, as_chart, as_json, as_table
from bench.http import Connection
from bench.scenarios import Driver
from bench.shop import Shop

APP = "app"
BASE = "base"
ENGINES = ("sqlite", "postgresql")
SCENARIOS = ("gateway", "initialize", "process", "notification", "admin")
WARM_UP = 40
STARTS = 3


async def race(
    contestants: list[Contestant], driver: Driver, asked: argparse.Namespace
) -> tuple[list[Line], dict[str, Any]]:
    """Start everybody, and drive every scenario in turn; return the lines, and what was seen beside them."""
    for contestant in contestants:
        await contestant.start()
        if contestant.name != FLOOR:
            await driver.install(contestant)
    lines = [Line(scenario=name, at_once=at_once) for name in asked.scenarios for at_once in asked.at_once]
    for scenario in asked.scenarios:
        await getattr(driver, scenario)(contestants, 16, min(WARM_UP, asked.requests))
    for number in range(asked.rounds):
        for line in lines:
            order = contestants if number % 2 == 0 else contestants[::-1]
            costs = await getattr(driver, line.scenario)(order, line.at_once, asked.requests)
            measured = [one.name for one in order if line.scenario != "admin" or one.name != FLOOR]
            line.add(measured, costs)
        print(f"  round {number + 1} of {asked.rounds}", file=sys.stderr)
    seen = {"memory_mb": {one.name: round(one.memory_mb, 1) for one in contestants}}
    times = min(STARTS, asked.rounds)
    return lines, seen | await starts([one for one in contestants if one.name != FLOOR], times)


async def starts(contestants: list[Contestant], times: int) -> dict[str, Any]:
    """Start each anew on the database that it has filled, in turn; return the medians."""
    took_s: dict[str, list[float]] = {one.name: [] for one in contestants}
    for contestant in contestants * times:
        contestant.stop()
        took_s[contestant.name].append(await contestant.start())
    return {"start_s": {name: round(median(each), 2) for name, each in took_s.items()}}


@asynccontextmanager
async def contestants_of(
    engine: str, asked: argparse.Namespace, folder: Path
) -> AsyncIterator[tuple[list[Contestant], Driver]]:
    """Start the stubs, and make ready who is measured; whatever was started ends with the block."""
    cinetpay, saleor, *ports = free_ports(5)
    shop = Shop(f"http://127.0.0.1:{saleor}/graphql/")
    around = Around(cinetpay_port=cinetpay, saleor_port=saleor, key_set=shop.key_set)
    sources = {APP: ROOT} | ({BASE: _checkout(asked.base, folder)} if asked.base else {})
    with ExitStack() as stack:
        if engine == "postgresql":
            server = stack.enter_context(running_postgresql(folder, durable=True))
            urls = {name: await server.create(f"ledger_{name}") for name in (*sources, FLOOR)}
        else:
            urls = {name: f"sqlite:///{folder}/{name}.db" for name in (*sources, FLOOR)}
        contestants = [
            the_app(
                name,
                ports.pop(),
                around,
                folder=folder,
                database_url=urls[name],
                source=source,
                packages=asked.base_packages if name == BASE else "",
            )
            for name, source in sources.items()
        ]
        contestants.insert(1, the_floor(FLOOR, ports.pop(), around, folder=folder, database_url=urls[FLOOR]))
        for contestant in contestants:
            stack.callback(contestant.stop)
        stubs = the_stubs(around, folder)
        stack.callback(stubs.wait)
        stack.callback(stubs.terminate)
        await answering(saleor)
        yield contestants, Driver(shop, around)


def _checkout(commit: str, folder: Path) -> Path:
    """Unpack another commit beside this one."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    source = folder / "base"
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(source, filter="data")
    return source


def free_ports(count: int) -> list[int]:
    """Return so many ports that nobody listens on just now."""
    with ExitStack() as stack:
        return [stack.enter_context(_listening()).getsockname()[1] for _ in range(count)]


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        yield listening


async def answering(port: int) -> None:
    """Wait until somebody listens there."""
    for _ in range(1000):
        try:
            (await Connection.open(port)).close()
        except OSError:
            await asyncio.sleep(0.01)
        else:
            return
    raise RuntimeError("the stubs did not start")


def _conditions(engine: str, asked: argparse.Namespace) -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {
        "engine": engine,
        "commit": commit.stdout.strip(),
        "base": asked.base,
        "rounds": asked.rounds,
        "requests": asked.requests,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
    }


async def main(asked: argparse.Namespace) -> None:
    """Measure, print, and write what was asked for."""
    on_cores(CORES[1:])
    for engine in asked.engines:
        conditions = _conditions(engine, asked)
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            async with contestants_of(engine, asked, Path(folder)) as (contestants, driver):
                lines, seen = await race(contestants, driver, asked)
        print(f"\n{engine}: {json.dumps(conditions | seen)}\n\n{as_table(lines)}\n")
        if asked.out:
            asked.out.mkdir(parents=True, exist_ok=True)
            written = json.dumps(as_json(lines, conditions | seen), indent=1)
            (asked.out / f"performance-{engine}.json").write_text(f"{written}\n")
            chart = as_chart(lines, f"Requests a second on one core, {engine}")
            (asked.out / f"performance-{engine}.svg").write_text(chart)


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="", help="another commit to race against")
    parser.add_argument("--base-packages", default="", help="a folder of packages that only that commit needs")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["sqlite"])
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--at-once", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--requests", type=int, default=320, help="of each contestant, in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="a folder for JSON and charts")
    return parser.parse_args(given)


if __name__ == "__main__":
    uvloop.run(main(arguments()))
