"""How Saleor keeps the books of a transaction: its events, and the amounts that they add up to.

An event *counts* unless Saleor made it itself (a request that was only sent, a failure of the delivery). Within one
`pspReference` the later of success and failure wins, and a tie is a failure; different references add up.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from saleor_cinetpay.sandbox.saleor.ids import global_id
from saleor_cinetpay.sandbox.saleor.money import ZERO, Money

MESSAGE_LENGTH = 512


class EventType(StrEnum):
    """What a transaction event says."""

    AUTHORIZATION_SUCCESS = "AUTHORIZATION_SUCCESS"
    AUTHORIZATION_FAILURE = "AUTHORIZATION_FAILURE"
    AUTHORIZATION_ADJUSTMENT = "AUTHORIZATION_ADJUSTMENT"
    AUTHORIZATION_REQUEST = "AUTHORIZATION_REQUEST"
    AUTHORIZATION_ACTION_REQUIRED = "AUTHORIZATION_ACTION_REQUIRED"
    CHARGE_ACTION_REQUIRED = "CHARGE_ACTION_REQUIRED"
    CHARGE_SUCCESS = "CHARGE_SUCCESS"
    CHARGE_FAILURE = "CHARGE_FAILURE"
    CHARGE_BACK = "CHARGE_BACK"
    CHARGE_REQUEST = "CHARGE_REQUEST"
    REFUND_SUCCESS = "REFUND_SUCCESS"
    REFUND_FAILURE = "REFUND_FAILURE"
    REFUND_REVERSE = "REFUND_REVERSE"
    REFUND_REQUEST = "REFUND_REQUEST"
    CANCEL_SUCCESS = "CANCEL_SUCCESS"
    CANCEL_FAILURE = "CANCEL_FAILURE"
    CANCEL_REQUEST = "CANCEL_REQUEST"
    INFO = "INFO"


FINAL = frozenset(
    EventType(f"{verb}_{outcome}")
    for verb in ("AUTHORIZATION", "CHARGE")
    for outcome in ("FAILURE", "SUCCESS", "REQUEST")
)
"""After one of these counts, `transactionProcess` never calls the app again."""

NEVER_REPEATS = frozenset({EventType.INFO, EventType.CHARGE_ACTION_REQUIRED, EventType.AUTHORIZATION_ACTION_REQUIRED})
"""Each of these is booked, however often it comes."""

NAMES_THE_PAYMENT = frozenset(
    EventType(f"{verb}_{outcome}") for verb in ("AUTHORIZATION", "CHARGE") for outcome in ("SUCCESS", "REQUEST")
)
"""The first of these gives the transaction its own `pspReference`."""

MAY_LACK_AMOUNT = frozenset(t for t in EventType if t.endswith("_FAILURE")) | {
    EventType.REFUND_REVERSE,
    EventType.CHARGE_BACK,
    EventType.INFO,
}


@dataclass(slots=True, kw_only=True)
class Event:
    """One line in a transaction's books."""

    pk: int
    type: EventType
    amount: Money
    created_at: datetime
    psp_reference: str = ""
    message: str = ""
    external_url: str = ""
    counts: bool = True
    idempotency_key: str | None = None

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return global_id("TransactionEvent", self.pk)


@dataclass(slots=True, kw_only=True)
class Amounts:
    """What a transaction's events add up to."""

    authorized: Decimal = ZERO
    authorize_pending: Decimal = ZERO
    charged: Decimal = ZERO
    charge_pending: Decimal = ZERO
    refunded: Decimal = ZERO
    refund_pending: Decimal = ZERO
    canceled: Decimal = ZERO
    cancel_pending: Decimal = ZERO

    def add(self, name: str, amount: Decimal) -> None:
        """Add to one of the sums; below zero takes away."""
        setattr(self, name, getattr(self, name) + amount)


_VERBS = {
    "AUTHORIZATION": ("authorized", "authorize_pending", None),
    "CHARGE": ("charged", "charge_pending", "authorized"),
    "REFUND": ("refunded", "refund_pending", "charged"),
    "CANCEL": ("canceled", "cancel_pending", "authorized"),
}
"""For each verb: the sum that a success adds to, the one that an open request adds to, the one that both take from."""


def amounts_of(events: Iterable[Event]) -> Amounts:
    """Add up a transaction's events."""
    amounts = Amounts()
    told = _since_last_adjustment(sorted((e for e in events if e.counts), key=lambda e: e.created_at))
    by_reference: dict[tuple[str, str], dict[str, Event]] = defaultdict(dict)
    for event in told:
        verb, _, outcome = event.type.partition("_")
        if event.psp_reference:
            by_reference[verb, event.psp_reference][outcome] = event
        elif outcome == "SUCCESS":
            amounts.add(_VERBS[verb][0], event.amount.amount)
    for (verb, _), outcomes in by_reference.items():
        if verb in _VERBS:
            _add_up(amounts, verb, outcomes)
    amounts.authorized = max(amounts.authorized, ZERO)
    amounts.authorize_pending = max(amounts.authorize_pending, ZERO)
    return amounts


def _since_last_adjustment(events: list[Event]) -> list[Event]:
    """An adjustment overwrites all authorizations before it."""
    at = max((i for i, e in enumerate(events) if e.type is EventType.AUTHORIZATION_ADJUSTMENT), default=0)
    return [e for i, e in enumerate(events) if i >= at or not e.type.startswith("AUTHORIZATION_")]


def _add_up(amounts: Amounts, verb: str, outcomes: dict[str, Event]) -> None:
    done, pending, source = _VERBS[verb]
    if "ADJUSTMENT" in outcomes:
        amounts.authorized = outcomes["ADJUSTMENT"].amount.amount
    if "BACK" in outcomes:
        amounts.add("charged", -outcomes["BACK"].amount.amount)
    if "REVERSE" in outcomes:
        amounts.add("charged", outcomes["REVERSE"].amount.amount)
        amounts.add("refunded", -outcomes["REVERSE"].amount.amount)
    success, failure, request = (outcomes.get(name) for name in ("SUCCESS", "FAILURE", "REQUEST"))
    booked = []
    if request and not success and not failure:
        booked.append((pending, request.amount.amount))
    if success and (failure is None or success.created_at > failure.created_at):
        booked.append((done, success.amount.amount))
    for name, amount in booked:
        amounts.add(name, amount)
        if source:
            amounts.add(source, -amount)


def same_event(events: Iterable[Event], event_type: EventType, psp_reference: str) -> Event | None:
    """Find what was booked before with this type and reference; some types never count as repeated."""
    if event_type in NEVER_REPEATS:
        return None
    return next((e for e in events if e.type is event_type and e.psp_reference == psp_reference), None)


def final_event(events: Iterable[Event]) -> Event | None:
    """Return the first event that ends the session; for `transactionProcess` it stays the answer for ever."""
    return next((e for e in events if e.type in FINAL and e.counts), None)


def failure_of(event_type: EventType) -> EventType:
    """Return the failure that Saleor books in place of an event that can't be."""
    verb, _, outcome = event_type.partition("_")
    return event_type if outcome == "ACTION_REQUIRED" or verb == "INFO" else EventType(f"{verb}_FAILURE")


def shortened(message: str) -> str:
    """Cut a message to the length that Saleor keeps."""
    return message if len(message) <= MESSAGE_LENGTH else message[: MESSAGE_LENGTH - 1] + "…"
