"""A payment's story is told in words, with who did what, and never with a raw word of the machinery."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from saleor_cinetpay.dashboard.story import TELLERS, story_of
from saleor_cinetpay.locale import Language, Text
from saleor_cinetpay.payments.history import Event

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
AREAS = ("saleor_cinetpay/payments", "saleor_cinetpay/shops", "saleor_cinetpay/dashboard", "webhooks")
"""Where a payment's history may be written; the small Saleor has events of its own."""


def told(*events: Event) -> list[tuple[str, str, str]]:
    """Tell events that come a second apart, in English: who, what, and more."""
    history = [(NOON + timedelta(seconds=second), event) for second, event in enumerate(events)]
    return [(words(e.who), words(e.title), words(e.detail)) for e in story_of(history)]


def words(said: Text | str | None) -> str:
    return said.say(Language.ENGLISH) if isinstance(said, Text) else said or ""


def looked(**detail: Any) -> Event:
    return Event(kind="looked_up", detail={"trigger": "clock", "hints": 0} | detail)


def kinds_of(node: ast.expr) -> set[str]:
    """Return the kinds that an entry may be of; one that is put together could be anything."""
    match node:
        case ast.Constant(value=str(kind)):
            return {kind}
        case ast.IfExp(body=one, orelse=other):
            return kinds_of(one) | kinds_of(other)
        case ast.Attribute(value=ast.Name(id="row"), attr="kind"):
            return set()  # read back from the ledger
        case _:
            raise AssertionError(f"write the kinds of an entry out: {ast.unparse(node)}")


def recorded_kinds() -> set[str]:
    """Find the kinds of entries that the app records, anywhere."""
    trees = [ast.parse(path.read_text("utf-8")) for area in AREAS for path in (ROOT / area).rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    events = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Event"]
    kinds = [word.value for event in events for word in event.keywords if word.arg == "kind"]
    return {kind for node in kinds for kind in kinds_of(node)}


def test_every_kind_of_entry_is_told() -> None:
    """Whatever the app records in a payment's history has its words, and nothing else has."""
    assert set(TELLERS) == recorded_kinds()


@pytest.mark.parametrize("kind", TELLERS)
def test_an_entry_without_details_is_told(kind: str) -> None:
    """An entry that lacks what a later version records is told all the same, in both languages."""
    (entry,) = story_of([(NOON, Event(kind=kind))])
    assert entry.title.say(Language.FRENCH) != entry.title.say(Language.ENGLISH)


def test_a_kind_that_nobody_knows_is_left_out() -> None:
    """An entry of a newer version is no raw word on the page."""
    assert [] == told(Event(kind="something_new"))


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        (
            {"verdict": "accepted", "code": "00", "operator": "MTN", "payid": "P1"},
            ("The app", "Asked CinetPay by the clock: paid", "MTN MoMo, CinetPay payment P1."),
        ),
        (
            {"verdict": "refused", "code": "602", "trigger": "person", "by": "awa@example.com"},
            (
                "awa@example.com",
                "Asked CinetPay because somebody of the shop asked: not paid",
                "The buyer's account does not hold enough money. The buyer can top it up and try again.",
            ),
        ),
        (
            {"verdict": "suspect", "reason": "amount", "trigger": "process"},
            (
                "The app",
                "Asked CinetPay because the storefront asked: to be checked",
                "CinetPay says that another amount was paid than the one that was asked for.",
            ),
        ),
        (
            {"verdict": "unavailable", "reason": "CinetPayUnavailable"},
            ("The app", "Asked CinetPay by the clock: no answer", "The app asks again by itself."),
        ),
        (
            {"verdict": "pending", "reason": "not_started"},
            ("The app", "Asked CinetPay by the clock: still open", "The buyer has not begun to pay."),
        ),
    ],
)
def test_a_look_is_told_in_words(detail: dict[str, Any], expected: tuple[str, str, str]) -> None:
    """A look says who asked and why, and what CinetPay's answer means; never a code alone."""
    assert [expected] == told(looked(**detail))


def test_notifications_and_returns_are_told_before_their_look() -> None:
    """What leaves no entry of its own is told at its own time, and a return that two looks mention only once."""
    back, notified = NOON - timedelta(seconds=9), NOON - timedelta(seconds=5)
    first = looked(verdict="pending", buyer_back_at=back.isoformat(), notified_at=notified.isoformat(), hints=3)
    second = looked(verdict="accepted", buyer_back_at=back.isoformat())
    entries = story_of([(NOON, first), (NOON + timedelta(seconds=1), second)])
    assert [
        (back, "Came back from the payment page"),
        (notified, "Notified the app"),
        (NOON, "Asked CinetPay by the clock: still open"),
        (NOON + timedelta(seconds=1), "Asked CinetPay by the clock: paid"),
    ] == [(entry.at, words(entry.title)) for entry in entries]


def test_equal_looks_are_drawn_together() -> None:
    """A hundred looks that find the same are one line, with how often, and from when until when."""
    looks = [(NOON + timedelta(minutes=m), looked(verdict="pending", code="623")) for m in range(100)]
    (entry,) = story_of(looks)
    assert (NOON, 100, NOON + timedelta(minutes=99)) == (entry.at, entry.times, entry.until)


def test_a_decision_says_whose_it_was() -> None:
    """A person's decision is told with the person."""
    assert [("awa@example.com", "Decided: not paid", "")] == told(
        Event(kind="decided", detail={"by": "awa@example.com", "as": "refused"})
    )


def test_a_refused_opening_says_what_the_code_means() -> None:
    """Where CinetPay would not open the payment, the code's meaning for the shop is told."""
    ((who, what, more),) = told(Event(kind="sign_failed", detail={"reason": "CinetPay refused: 609 AUTH_NOT_FOUND"}))
    assert ("CinetPay", "Would not open the payment") == (who, what)
    assert "API key" in more
