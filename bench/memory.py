"""What a process holds in memory while it serves more and more payments, and how fast it starts on their database.

`make bench-memory` opens payments, has CinetPay notify of each, and waits until Saleor has its report; then it starts
everybody anew on the database that they have filled. What counts is where the memory ends, and that it stays there.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import uvloop

from bench.__main__ import ENGINES, contestants_of, starts
from bench.contestants import CORES, Contestant, on_cores
from bench.figures import FLOOR
from bench.scenarios import Driver

BATCH = 250
AT_ONCE = 16


async def serve(contestants: list[Contestant], driver: Driver, marks: list[int]) -> list[dict[str, float]]:
    """Start everybody, serve payments, and note the memory when there have been so many."""
    for contestant in contestants:
        await contestant.start()
    seen: list[dict[str, float]] = [{"payments": 0} | _memory(contestants)]
    for contestant in contestants:
        if contestant.name != FLOOR:
            await driver.install(contestant)
    served = 0
    for mark in marks:
        while served < mark:
            await driver.notification(contestants, AT_ONCE, min(BATCH, mark - served))
            served += min(BATCH, mark - served)
        seen.append({"payments": served} | _memory(contestants))
        print(f"  {seen[-1]}", file=sys.stderr)
    return seen


def _memory(contestants: list[Contestant]) -> dict[str, float]:
    return {one.name: round(one.memory_mb, 1) for one in contestants}


async def main(asked: argparse.Namespace) -> None:
    """Measure on each engine, and print a table."""
    on_cores(CORES[1:])
    for engine in asked.engines:
        with tempfile.TemporaryDirectory(prefix="bench-memory-", ignore_cleanup_errors=True) as folder:
            async with contestants_of(engine, asked, Path(folder)) as (contestants, driver):
                seen = await serve(contestants, driver, sorted(asked.marks))
                start_s = await starts([one for one in contestants if one.name != FLOOR], asked.starts)
        names = [name for name in seen[0] if name != "payments"]
        print(f"\n{engine}, MB by payments served: {start_s}\n")
        print(f"| payments | {' | '.join(names)} |\n|{'---:|' * (len(names) + 1)}")
        for line in seen:
            print(f"| {line['payments']:,} | {' | '.join(str(line[name]) for name in names)} |")


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="", help="another commit to measure beside this one")
    parser.add_argument("--base-packages", default="", help="a folder of packages that only that commit needs")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["sqlite"])
    parser.add_argument("--marks", nargs="+", type=int, default=[1_000, 2_000, 5_000, 10_000])
    parser.add_argument("--starts", type=int, default=5, help="of each, at the end")
    return parser.parse_args(given)


if __name__ == "__main__":
    uvloop.run(main(arguments()))
