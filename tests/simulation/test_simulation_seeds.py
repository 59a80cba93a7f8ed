"""Twenty thousand payments in worlds where everything goes wrong, and each is charged as it was paid."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulate import PAYMENTS, how_to_replay

HERE = Path(__file__).parent
PAYMENTS_IN_ALL = 20_000


def simulate(*arguments: str, hash_seed: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run the command behind `make simulate` outside this process: on all processors, not measured for coverage."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    paths = os.pathsep.join(str(folder) for folder in (HERE, HERE.parent, HERE.parents[1]))
    return subprocess.run(
        [sys.executable, "-m", "simulate", *arguments],
        env=kept | {"PYTHONPATH": paths, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(600)
def test_whatever_happens_each_payment_is_charged_as_it_was_paid() -> None:
    """Lost, doubled and late messages, outages, stalls and crashes: what CinetPay accepted is charged once, no more."""
    ran = simulate("--seeds", str(PAYMENTS_IN_ALL // PAYMENTS))
    assert (0, "") == (ran.returncode, ran.stderr), ran.stdout
    print(ran.stdout)


def test_another_interpreter_tells_the_same_stories() -> None:
    """However it orders its sets, the fingerprint of some seeds is the same."""
    fingerprints = {simulate("--seeds", "6", "--payments", "5", hash_seed=seed).stdout.split()[-1] for seed in (1, 2)}
    assert 1 == len(fingerprints)


def test_a_failing_seed_says_how_to_run_it_again() -> None:
    """The command names the seed, and the number of payments where it is not the usual one."""
    assert ("make simulate SEEDS=1 FIRST=7", "make simulate SEEDS=1 FIRST=7 PAYMENTS=20") == (
        how_to_replay(7, PAYMENTS),
        how_to_replay(7, 20),
    )
