"""Run seeds, as many as wanted, and say of each that fails how to run it again.

Usage: make simulate [SEEDS=10] [FIRST=0] [PAYMENTS=100] [WITHOUT="the unique key of reports"]
"""

import argparse
import gc
import hashlib
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from functools import cache, partial

from sim_database import Store
from sim_mutants import MUTANTS, Mutant
from sim_run import Outcome, run_seed

PAYMENTS = 100
"""In the world of one seed."""
GARBAGE_THRESHOLD = 50_000
"""Statements are garbage in cycles; looking for it less often saves a tenth of the time."""


WHOLE = Mutant(without="")
WITHOUT = {mutant.without: mutant for mutant in (WHOLE, *MUTANTS)}


@cache
def _store(mutant: str) -> Store:
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 20)
    return WITHOUT[mutant].store()


def _run(seed: int, payments: int, without: str) -> Outcome:
    return run_seed(_store(without), seed, payments, ledger_class=WITHOUT[without].ledger_class)


def how_to_replay(seed: int, payments: int) -> str:
    """Return the command that lives through a seed's world once more."""
    return f"make simulate SEEDS=1 FIRST={seed}" + ("" if payments == PAYMENTS else f" PAYMENTS={payments}")


def main(arguments: Sequence[str]) -> int:
    """Run the seeds on all processors; return 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--payments", type=int, default=PAYMENTS, help="in the world of each seed")
    parser.add_argument("--without", choices=WITHOUT, default="", help="a safeguard that is removed, to see seeds fail")
    given = parser.parse_args(arguments)
    seeds = range(given.first, given.first + given.seeds)
    began_at = time.monotonic()
    charged, failed = 0, 0
    digests: dict[int, str] = {}
    with multiprocessing.Pool(min(len(seeds), os.cpu_count() or 1)) as pool:
        for outcome in pool.imap_unordered(partial(_run, payments=given.payments, without=given.without), seeds):
            charged += outcome.charged
            digests[outcome.seed] = outcome.digest
            if outcome.wrongs:
                failed += 1
                _tell(outcome, given.payments)
    print(
        f"{len(seeds)} seeds with {len(seeds) * given.payments} payments, {charged} of them charged: "
        f"{failed} failed, in {time.monotonic() - began_at:.0f} s"
    )
    print(f"fingerprint {hashlib.sha256(str(sorted(digests.items())).encode()).hexdigest()[:16]}")
    return 1 if failed else 0


def _tell(outcome: Outcome, payments: int) -> None:
    print(f"seed {outcome.seed} failed:")
    for number, what in outcome.wrongs:
        print(f"  #{number}: {what}")
    print(f"what happened to #{outcome.wrongs[0][0]}:")
    print("\n".join(outcome.story))
    print(f"again: {how_to_replay(outcome.seed, payments)}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
