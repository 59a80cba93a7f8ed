"""One payment, and every order of the few things that may happen to it."""

from collections.abc import Iterator

import pytest
from sim_database import Store
from sim_orders import EVENTS, STEPS, STORIES, Order, orders_of, run_order


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


def failures(store: Store, orders: Iterator[Order]) -> dict[str, tuple[list[str], str]]:
    """Return the orders that go wrong, with what is wrong and the story."""
    failed = {}
    for order in orders:
        wrong, story = run_order(store, order)
        if wrong:
            failed[" ".join(order)] = (wrong, "\n".join(story))
    return failed


@pytest.mark.parametrize("events", EVENTS)
def test_no_order_of_events_loses_or_invents_a_charge(store: Store, events: str) -> None:
    """Looks under way, answers held back, hints, stalls, crashes and lost answers: every order ends well."""
    assert {} == failures(store, orders_of(events))


@pytest.mark.parametrize("story", STORIES)
def test_wherever_processes_die_the_story_ends_well(store: Store, story: str) -> None:
    """Two processes, each killed at its n-th step, leave what others bring to its right end."""
    for step in range(1, STEPS):
        assert [] == run_order(store, tuple(story.split()), dies_after=step)[0], f"killed at step {step}"


def test_orders_are_all_there_and_make_sense() -> None:
    """Every distinct order is tried once, but for those that hear what nobody asked."""
    assert [("ask", "hear", "pay"), ("ask", "pay", "hear"), ("pay", "ask", "hear")] == list(orders_of("pay ask hear"))
