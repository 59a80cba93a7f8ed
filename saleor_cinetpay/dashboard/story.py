"""A payment's story: its history in words, with who did what. Pure; unknown entries of a newer version are left out.

What leaves no entry of its own, because it costs none (a notification, the buyer's return), is told from the look that
followed it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from saleor_cinetpay.dashboard.words import code_words, suspicion_words
from saleor_cinetpay.errors import CinetPayNotOffered, Unreadable
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.operators import operator_name
from saleor_cinetpay.payments.problem_words import francs_in_words
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.payments.verdict import VerdictKind

CINETPAY = text("CinetPay")
BUYER = text("Buyer")
APP = text("The app")
SALEOR = text("Saleor")

_TRIGGERS: Mapping[str, Text] = {
    "clock": text("by the clock"),
    "nudge": text("after a notification, or the buyer's return"),
    "return": text("when the buyer came back"),
    "cancel": text("when the buyer came back"),
    "process": text("because the storefront asked"),
    "person": text("because somebody of the shop asked"),
    "reconciliation": text("when the days were compared with CinetPay"),
    "cancelation": text("because the shop wanted to cancel it"),
}

_SILENCES: Mapping[str, Text] = {
    "not_started": text("The buyer has not begun to pay."),
    "wrong_reply": text("CinetPay answered about something else."),
    "CinetPayNotOffered": CinetPayNotOffered.merchant,
    "account_missing": text("The account of this payment is not there any more."),
    "account_unreadable": Unreadable.merchant,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened."""

    at: datetime
    title: Text
    who: Text | str
    """Who did it; a person of the shop by their e-mail address."""
    detail: Text | None = None
    tone: str = "plain"
    times: int = 1
    """How often in a row the very same happened."""
    until: datetime | None = None
    """When it happened last, where it happened more than once."""


Teller = Callable[[datetime, Mapping[str, Any]], Entry]


def story_of(history: Sequence[tuple[datetime, Event]]) -> list[Entry]:
    """Tell a payment's history, oldest first."""
    told: list[Entry] = []
    seen: set[str] = set()
    for at, event in history:
        told += _told(at, event, seen)
    told.sort(key=lambda entry: entry.at)
    return list(_drawn_together(told))


def _told(at: datetime, event: Event, seen: set[str]) -> Iterator[Entry]:
    if event.kind == "looked_up":
        yield from _unwritten(event.detail, seen)
    teller = TELLERS.get(event.kind)
    if teller is not None:
        yield teller(at, event.detail)


def _unwritten(detail: Mapping[str, Any], seen: set[str]) -> Iterator[Entry]:
    """Tell what came before a look and left no entry; a return that several looks mention is told once."""
    back, notified = detail.get("buyer_back_at"), detail.get("notified_at")
    if back and back not in seen:
        seen.add(back)
        yield Entry(at=datetime.fromisoformat(back), title=text("Came back from the payment page"), who=BUYER)
    if notified:
        yield Entry(at=datetime.fromisoformat(notified), title=text("Notified the app"), who=CINETPAY)


def _drawn_together(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Draw equal entries that follow each other as one, with how often and until when."""
    last: Entry | None = None
    for entry in entries:
        if last is not None and _same(last, entry):
            last = Entry(
                at=last.at,
                title=last.title,
                who=last.who,
                detail=last.detail,
                tone=last.tone,
                times=last.times + 1,
                until=entry.at,
            )
            continue
        if last is not None:
            yield last
        last = entry
    if last is not None:
        yield last


def _same(one: Entry, other: Entry) -> bool:
    return (one.title, one.who, one.detail) == (other.title, other.who, other.detail) and one.tone != "good"


def _plainly(title: Text, who: Text = APP, tone: str = "plain") -> Teller:
    def tell(at: datetime, _detail: Mapping[str, Any]) -> Entry:
        return Entry(at=at, title=title, who=who, tone=tone)

    return tell


def _sign_failed(at: datetime, detail: Mapping[str, Any]) -> Entry:
    reason = str(detail.get("reason", ""))
    words = reason.split()
    code = next((word for word in words if word.isdigit()), None) if reason.startswith("CinetPay refused") else None
    title = text("Would not open the payment") if code else text("Could not be reached to open the payment")
    return Entry(at=at, title=title, who=CINETPAY, detail=code_words(code), tone="bad")


def _looked_up(at: datetime, detail: Mapping[str, Any]) -> Entry:
    who: Text | str = detail.get("by") or APP
    verdict, code = detail.get("verdict"), detail.get("code")
    because = _TRIGGERS.get(str(detail.get("trigger")), text("by itself"))
    reason = str(detail.get("reason", ""))
    match verdict:
        case VerdictKind.ACCEPTED:
            title, tone = text("Asked CinetPay {because}: paid", because=because), "good"
            words: Text | None = text(
                "{operator}, CinetPay payment {payid}.",
                operator=operator_name(detail.get("operator")),
                payid=detail.get("payid") or "–",
            )
        case VerdictKind.REFUSED:
            title, tone = text("Asked CinetPay {because}: not paid", because=because), "bad"
            words = code_words(code)
        case VerdictKind.SUSPECT:
            title, tone = text("Asked CinetPay {because}: to be checked", because=because), "review"
            words = suspicion_words(reason)
        case VerdictKind.UNAVAILABLE:
            title, tone = text("Asked CinetPay {because}: no answer", because=because), "plain"
            words = _SILENCES.get(reason, text("The app asks again by itself."))
        case _:
            title, tone = text("Asked CinetPay {because}: still open", because=because), "wait"
            words = _SILENCES.get(reason) or code_words(code)
    return Entry(at=at, title=title, who=who, detail=words, tone=tone)


def _taken_up(at: datetime, detail: Mapping[str, Any]) -> Entry:
    found = text("Found at CinetPay, although the app did not know it (any more)")
    return Entry(at=at, title=found, who=APP, tone="good" if detail.get("to") == "accepted" else "plain")


def _decided(at: datetime, detail: Mapping[str, Any]) -> Entry:
    accepted = detail.get("as") == "accepted"
    title = text("Decided: paid") if accepted else text("Decided: not paid")
    return Entry(at=at, title=title, who=str(detail.get("by", "?")), tone="good" if accepted else "bad")


def _failure_told(at: datetime, detail: Mapping[str, Any]) -> Entry:
    return Entry(at=at, title=text("Told the storefront to start again"), who=APP)


def _report_delivered(at: datetime, detail: Mapping[str, Any]) -> Entry:
    told = {
        ReportType.CHARGE_SUCCESS: text("Has been told: paid"),
        ReportType.CHARGE_FAILURE: text("Has been told: refused"),
        ReportType.REFUND_SUCCESS: text("Has been told: paid back"),
        ReportType.REFUND_FAILURE: text("Has been told: not paid back"),
    }
    title = told.get(detail.get("type", ""), text("Has been told"))
    had_it = text("It had it already.") if detail.get("already_processed") else None
    return Entry(at=at, title=title, who=SALEOR, detail=had_it, tone="good")


def _report_failed(at: datetime, detail: Mapping[str, Any]) -> Entry:
    return Entry(
        at=at,
        title=text("Could not be told; the app tries again"),
        who=SALEOR,
        detail=text("Reason: {reason}", reason=str(detail.get("reason", "?"))),
        tone="bad",
    )


def _reported_again(at: datetime, detail: Mapping[str, Any]) -> Entry:
    return Entry(at=at, title=text("Has Saleor told once more"), who=detail.get("by") or APP)


def _refund(title: Text, tone: str = "plain") -> Teller:
    def tell(at: datetime, detail: Mapping[str, Any]) -> Entry:
        who, amount = detail.get("by") or APP, francs_in_words(detail)
        return Entry(at=at, title=title, who=who, detail=text("Amount: {amount}.", amount=amount), tone=tone)

    return tell


def _not_completed(at: datetime, detail: Mapping[str, Any]) -> Entry:
    return Entry(
        at=at,
        title=text("Could not turn the paid cart into an order"),
        who=APP,
        detail=text("Reason: {reason}", reason=str(detail.get("reason", "?"))),
        tone="bad",
    )


TELLERS: dict[str, Teller] = {
    "opened": _plainly(text("Opened the payment"), BUYER),
    "signed": _plainly(text("Opened the payment page"), CINETPAY),
    "sign_failed": _sign_failed,
    "opening_interrupted": _plainly(text("Was interrupted while opening the payment"), APP, "bad"),
    "asked_again": _plainly(text("Asked for the payment page once more"), BUYER),
    "handed_over": _plainly(text("Went to the payment page"), BUYER),
    "looked_up": _looked_up,
    "adopted": _plainly(text("Took up a payment that it did not know (any more)")),
    "taken_up": _taken_up,
    "failure_told": _failure_told,
    "report_delivered": _report_delivered,
    "report_failed": _report_failed,
    "reported_again": _reported_again,
    "checkout_completed": _plainly(
        text("Turned the paid cart into an order, as the buyer did not come back"), APP, "good"
    ),
    "checkout_gone": _plainly(text("Found that the cart has become an order"), APP),
    "checkout_refunded": _plainly(text("Left the cart alone, as its money had gone back")),
    "checkout_not_completed": _not_completed,
    "decided": _decided,
    "cancelled": _plainly(text("Let go of the payment, as the shop wanted to cancel it"), APP, "bad"),
    "refund_asked": _refund(text("Was asked for a refund")),
    "refund_rejected": _refund(text("Turned down a refund"), "bad"),
    "refund_paid_back": _refund(text("Paid money back to the buyer"), "good"),
    "refund_declined": _refund(text("Declined a refund"), "bad"),
    "purged": _plainly(text("Removed the buyer's data, as it was old")),
}
"""How each kind of entry of a payment's history is told. Whoever records a new kind adds it here; a test holds that."""
