"""How the small Saleor adds up: each row is a story told by events, and what it comes to."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal

import pytest
from sandbox_saleor_kit import NOON

from saleor_cinetpay.sandbox.saleor.booking import (
    Event,
    EventType,
    amounts_of,
    failure_of,
    final_event,
    same_event,
    shortened,
)
from saleor_cinetpay.sandbox.saleor.money import Money, quantized

Told = tuple[str, int, str, int]
"""Type, amount, reference, and the second at which it happened."""


def events(story: Sequence[Told]) -> list[Event]:
    return [
        Event(
            pk=pk,
            type=EventType(event_type),
            amount=Money(amount=Decimal(amount), currency="XOF"),
            psp_reference=reference,
            created_at=NOON + timedelta(seconds=second),
        )
        for pk, (event_type, amount, reference, second) in enumerate(story)
    ]


STORIES: dict[str, tuple[list[Told], dict[str, int]]] = {
    "nothing happened": ([], {}),
    "action required moves nothing": ([("CHARGE_ACTION_REQUIRED", 100, "a", 0)], {}),
    "a success is charged": ([("CHARGE_SUCCESS", 100, "a", 0)], {"charged": 100}),
    "a request is pending": ([("CHARGE_REQUEST", 100, "a", 0)], {"charge_pending": 100}),
    "a success ends its request": (
        [("CHARGE_REQUEST", 100, "a", 0), ("CHARGE_SUCCESS", 90, "a", 1)],
        {"charged": 90},
    ),
    "a failure ends its request": ([("CHARGE_REQUEST", 100, "a", 0), ("CHARGE_FAILURE", 100, "a", 1)], {}),
    "a later success wins": ([("CHARGE_FAILURE", 100, "a", 0), ("CHARGE_SUCCESS", 100, "a", 1)], {"charged": 100}),
    "a later failure un-pays": ([("CHARGE_SUCCESS", 100, "a", 0), ("CHARGE_FAILURE", 100, "a", 1)], {}),
    "a tie is a failure": ([("CHARGE_FAILURE", 100, "a", 0), ("CHARGE_SUCCESS", 100, "a", 0)], {}),
    "time decides, not arrival": (
        [("CHARGE_SUCCESS", 100, "a", 5), ("CHARGE_FAILURE", 100, "a", 1)],
        {"charged": 100},
    ),
    "another reference adds up": (
        [("CHARGE_SUCCESS", 100, "a", 0), ("CHARGE_SUCCESS", 100, "b", 1)],
        {"charged": 200},
    ),
    "a failure elsewhere takes nothing": (
        [("CHARGE_SUCCESS", 100, "a", 0), ("CHARGE_FAILURE", 100, "b", 1)],
        {"charged": 100},
    ),
    "a charge back takes away": (
        [("CHARGE_SUCCESS", 100, "a", 0), ("CHARGE_BACK", 40, "a", 1)],
        {"charged": 60},
    ),
    "an open refund is taken from what was charged": (
        [("CHARGE_SUCCESS", 100, "a", 0), ("REFUND_REQUEST", 30, "r", 1)],
        {"charged": 70, "refund_pending": 30},
    ),
    "a refund that was paid": (
        [("CHARGE_SUCCESS", 100, "a", 0), ("REFUND_REQUEST", 30, "r", 1), ("REFUND_SUCCESS", 30, "r", 2)],
        {"charged": 70, "refunded": 30},
    ),
    "a refund that was declined": (
        [("CHARGE_SUCCESS", 100, "a", 0), ("REFUND_REQUEST", 30, "r", 1), ("REFUND_FAILURE", 30, "r", 2)],
        {"charged": 100},
    ),
    "a refund under another reference stays pending for ever": (
        [("CHARGE_SUCCESS", 100, "a", 0), ("REFUND_REQUEST", 30, "r", 1), ("REFUND_SUCCESS", 30, "other", 2)],
        {"charged": 40, "refunded": 30, "refund_pending": 30},
    ),
    "a refund that was reversed": (
        [("CHARGE_SUCCESS", 100, "a", 0), ("REFUND_SUCCESS", 30, "r", 1), ("REFUND_REVERSE", 30, "r", 2)],
        {"charged": 100},
    ),
    "charging takes from what was authorized": (
        [("AUTHORIZATION_SUCCESS", 100, "a", 0), ("CHARGE_SUCCESS", 60, "c", 1)],
        {"authorized": 40, "charged": 60},
    ),
    "authorized never falls below zero": ([("CANCEL_SUCCESS", 100, "c", 0)], {"canceled": 100}),
    "an adjustment overwrites": (
        [
            ("AUTHORIZATION_SUCCESS", 100, "a", 0),
            ("AUTHORIZATION_ADJUSTMENT", 80, "b", 1),
            ("CHARGE_SUCCESS", 10, "c", 2),
        ],
        {"authorized": 70, "charged": 10},
    ),
    "a success without a reference counts": ([("CHARGE_SUCCESS", 100, "", 0)], {"charged": 100}),
    "information moves nothing": ([("INFO", 100, "a", 0)], {}),
}


@pytest.mark.parametrize("name", STORIES)
def test_amounts(name: str) -> None:
    """Events add up as in Saleor."""
    story, expected = STORIES[name]
    actual = {sum_name: int(amount) for sum_name, amount in asdict(amounts_of(events(story))).items() if amount}
    assert expected == actual


def test_what_does_not_count_adds_nothing() -> None:
    """An event that Saleor made itself moves no money and ends nothing."""
    told = events([("CHARGE_SUCCESS", 100, "a", 0)])
    told[0].counts = False
    assert Decimal(0) == amounts_of(told).charged
    assert final_event(told) is None


def test_the_first_final_event_stays_the_answer() -> None:
    """A later success does not take the place of the failure that ended the session."""
    told = events([("CHARGE_ACTION_REQUIRED", 1, "a", 0), ("CHARGE_FAILURE", 1, "a", 1), ("CHARGE_SUCCESS", 1, "a", 2)])
    assert told[1] is final_event(told)


@pytest.mark.parametrize(
    ("event_type", "reference", "found"),
    [
        ("CHARGE_SUCCESS", "a", True),
        ("CHARGE_SUCCESS", "b", False),
        ("CHARGE_FAILURE", "a", False),
        ("CHARGE_ACTION_REQUIRED", "a", False),
        ("INFO", "a", False),
    ],
)
def test_what_is_the_same_event(event_type: str, reference: str, found: bool) -> None:
    """Type and reference make an event the same; information and required actions never are."""
    told = events([("CHARGE_SUCCESS", 1, "a", 0), ("CHARGE_ACTION_REQUIRED", 1, "a", 0), ("INFO", 1, "a", 0)])
    assert found == (same_event(told, EventType(event_type), reference) is not None)


@pytest.mark.parametrize(
    ("event_type", "failure"),
    [
        ("CHARGE_REQUEST", "CHARGE_FAILURE"),
        ("CHARGE_BACK", "CHARGE_FAILURE"),
        ("REFUND_REVERSE", "REFUND_FAILURE"),
        ("CANCEL_SUCCESS", "CANCEL_FAILURE"),
        ("CHARGE_ACTION_REQUIRED", "CHARGE_ACTION_REQUIRED"),
        ("INFO", "INFO"),
    ],
)
def test_the_failure_of_an_event(event_type: str, failure: str) -> None:
    """What can't be booked becomes the failure of its kind."""
    assert failure == failure_of(EventType(event_type))


def test_messages_are_cut() -> None:
    """A message keeps 512 characters, an ellipsis among them."""
    assert "x" * 512 == shortened("x" * 512)
    assert "x" * 511 + "…" == shortened("x" * 513)


@pytest.mark.parametrize(("amount", "currency", "rounded"), [("12.4", "XOF", "12"), ("12.345", "EUR", "12.34")])
def test_amounts_are_rounded_to_the_currency(amount: str, currency: str, rounded: str) -> None:
    """Francs have no decimals, other currencies have two."""
    assert Decimal(rounded) == quantized(Decimal(amount), currency)
