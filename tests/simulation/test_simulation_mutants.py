"""The simulation finds bugs: without any one of the heart's safeguards, some order of events goes wrong.

Seeds find the same, but take longer: `make simulate WITHOUT="the unique key of reports"`.
"""

from collections.abc import Iterator

import pytest
from sim_mutants import MUTANTS, Mutant
from sim_orders import EVENTS, STEPS, STORIES, orders_of, run_order


def found_wrong(mutant: Mutant) -> Iterator[list[str]]:
    """Yield what is wrong: where processes are killed at a step, the late ones first, and then in every order."""
    store = mutant.store()
    for story in STORIES:
        for step in reversed(range(1, STEPS)):
            yield run_order(store, tuple(story.split()), dies_after=step, ledger_class=mutant.ledger_class)[0]
    for events in EVENTS:
        for order in orders_of(events):
            yield run_order(store, order, ledger_class=mutant.ledger_class)[0]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.without)
def test_each_mutant_is_caught(mutant: Mutant) -> None:
    """What is wrong shows outside: in what CinetPay is asked, or in what Saleor is told; nothing breaks by itself."""
    caught = next(filter(None, found_wrong(mutant)), [])
    print(mutant.without, caught)
    assert caught
    assert [] == [what for what in caught if what.startswith("broke")]
