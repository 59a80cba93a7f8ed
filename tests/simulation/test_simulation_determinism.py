"""A seed tells one story, always the same, so that what failed once can be looked at again."""

import pytest
from sim_database import Store
from sim_run import run_seed
from sim_weather import WEATHERS

PAYMENTS = 15


@pytest.mark.parametrize("seed", range(len(WEATHERS)))
def test_the_same_seed_tells_the_same_story(seed: int) -> None:
    """In every weather, two runs on two databases agree in every moment and every word."""
    first, second = run_seed(Store(), seed, PAYMENTS), run_seed(Store(), seed, PAYMENTS)
    assert first.digest == second.digest


def test_another_seed_tells_another_story() -> None:
    """The fingerprint does depend on what happens."""
    store = Store()
    assert run_seed(store, 0, PAYMENTS).digest != run_seed(store, len(WEATHERS), PAYMENTS).digest
