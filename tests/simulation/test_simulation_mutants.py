"""The simulation finds bugs: without any one of the heart's safeguards, something goes wrong.

Other seeds find the same, but take longer: `make simulate WITHOUT="the unique key of reports"`.
"""

from collections.abc import Iterator

import pytest
from sim_mutants import MUTANTS, Mutant
from sim_orders import STEPS, STORIES, run_order
from sim_run import run_seed

FAIR_SEEDS = (0, 6)
PAYMENTS = 100


def found_wrong(mutant: Mutant) -> Iterator[list[str]]:
    """Yield what is wrong: with one payment, if processes live and if they die at any step; and with many."""
    store = mutant.store()
    for step in reversed(range(1, STEPS)):
        for story in STORIES:
            yield run_order(store, tuple(story.split()), dies_after=step, ledger_class=mutant.ledger_class)[0]
    for seed in FAIR_SEEDS:
        outcome = run_seed(store, seed, PAYMENTS, ledger_class=mutant.ledger_class)
        yield [what for _, what in outcome.wrongs]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.without)
def test_each_mutant_is_caught(mutant: Mutant) -> None:
    """What is wrong shows outside: in what CinetPay is asked, or in what Saleor is told; nothing breaks by itself."""
    caught = next(filter(None, found_wrong(mutant)), [])
    print(mutant.without, caught)
    assert caught
    assert [] == [what for what in caught if what.startswith("broke")]
