"""What a verdict changes: the next state, the next look, and what Saleor is told."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes import NOON
from hypothesis import given
from hypothesis import strategies as st
from payments_kit import AMOUNT, DELAYS_S, POLICY, a_payment, a_reply

from saleor_cinetpay.locale import Language
from saleor_cinetpay.money import CinetPayAmount
from saleor_cinetpay.payments.conclusion import Conclusion, Policy, conclude, staff_message
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.report import Report, ReportType
from saleor_cinetpay.payments.verdict import NoAnswer, NotStarted, Observation, OnlyStatus, verdict

WAITING = {"cpm_result": "662", "cpm_trans_status": "WAITING_CUSTOMER_PAYMENT"}
REFUSED = {"cpm_result": "604", "cpm_trans_status": "REFUSED", "cpm_error_message": "OTP_CODE_ERROR", "cpm_payid": ""}
UNKNOWN = {"cpm_result": "999", "cpm_trans_status": "PENDING"}
LESS_PAID = {"cpm_amount": "4999"}
SILENT: Mapping[str, Observation] = {
    "not started": NotStarted(),
    "merchant not found": OnlyStatus("601"),
    "closed": OnlyStatus("605"),
    "wrong key": OnlyStatus("609"),
    "wrong site": OnlyStatus("613"),
    "double payment": OnlyStatus("620"),
    "a success of nothing": OnlyStatus("00"),
}


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def look(
    payment: Payment,
    seen: Observation | Mapping[str, str],
    at: datetime,
    *,
    began_at: datetime | None = None,
    policy: Policy = POLICY,
    draw: float = 0.0,
) -> Conclusion:
    """Conclude from what is seen of the payment at that moment; a mapping changes the reply that all is paid."""
    observation = a_reply(payment, **seen) if isinstance(seen, Mapping) else seen
    meant = verdict(payment, observation)
    return conclude(payment, observation, meant, began_at=began_at or at, now=at, policy=policy, draw=draw)


def changes(before: Payment, after: Payment) -> dict[str, Any]:
    """Return the attributes that differ, looks and their timetable aside."""
    return {
        name: getattr(after, name)
        for name in before.__dataclass_fields__
        if name not in {"looked_at", "quiet_until", "due_at"} and getattr(before, name) != getattr(after, name)
    }


def test_an_acceptance_closes_the_payment_and_is_reported_once_with_its_amount() -> None:
    """An accepted payment is due no more, and its report is a success of that amount at CinetPay's payment time."""
    pending = a_payment(refusal_seen_at=NOON, unclear_since=NOON, failing_since=NOON)
    concluded = look(pending, {"cpm_payment_date": "2026-03-04", "cpm_payment_time": "12:00:07"}, NOON + s(15))
    assert {
        "state": PaymentState.ACCEPTED,
        "code": "00",
        "operator": "OM",
        "payid": "P1",
        "refusal_seen_at": None,
        "unclear_since": None,
        "failing_since": None,
        "success_time": NOON + s(7),
    } == changes(pending, concluded.payment)
    assert concluded.payment.due_at is None
    assert concluded.report == Report(
        trans_id=pending.trans_id,
        transaction_id=pending.transaction_id,
        saleor_api_url=pending.saleor_api_url,
        type=ReportType.CHARGE_SUCCESS,
        psp_reference=pending.trans_id,
        amount=pending.amount,
        currency="XOF",
        time=NOON + s(7),
        message="Paid with Orange Money, CinetPay payment P1.",
        operator="OM",
    )


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("2026-03-04", "11:59:59", NOON - s(1)),
        ("2026-03-04", "12:01:00", NOON + s(60)),
        ("2026-03-04", "12:01:01", NOON + s(60)),
        ("2036-03-04", "12:00:00", NOON + s(60)),
        ("", "", NOON + s(60)),
        ("0000-00-00", "00:00:00", NOON + s(60)),
        ("1970-01-01", "00:00:00", NOON + s(60)),
    ],
)
def test_the_time_of_a_success_is_cinetpays_where_it_is_usable(date: str, time: str, expected: datetime) -> None:
    """CinetPay's payment time counts; now does where that is empty, senseless or in the future."""
    concluded = look(a_payment(), {"cpm_payment_date": date, "cpm_payment_time": time}, NOON + s(60))
    assert expected == concluded.payment.success_time


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("2026-03-04", "11:59:00", NOON + s(11)),
        ("2026-03-04", "12:00:10", NOON + s(11)),
        ("2026-03-04", "12:00:30", NOON + s(30)),
        ("2030-01-01", "00:00:00", NOON + s(60)),
        ("", "", NOON + s(60)),
    ],
)
def test_a_success_is_always_later_than_the_failure_told_before(date: str, time: str, expected: datetime) -> None:
    """After a failure the success's time is at least a second later, whatever CinetPay says."""
    refused = a_payment(state=PaymentState.REFUSED, failure_told_at=NOON + s(10))
    concluded = look(refused, {"cpm_payment_date": date, "cpm_payment_time": time}, NOON + s(60))
    assert concluded.report is not None
    assert (PaymentState.ACCEPTED, expected) == (concluded.payment.state, concluded.report.time)


def test_a_success_that_comes_in_the_moment_of_the_failure_is_still_later() -> None:
    """Saleor takes equal times for a failure, so the success's time may even lie ahead of now."""
    concluded = look(a_payment(failure_told_at=NOON), {}, NOON)
    assert NOON + s(1) == concluded.payment.success_time


@pytest.mark.parametrize("seen", [{}, REFUSED, WAITING, UNKNOWN, LESS_PAID, NotStarted(), NoAnswer("gone")])
def test_an_acceptance_is_never_taken_back(seen: Observation | Mapping[str, str]) -> None:
    """Whatever is seen of an accepted payment changes nothing and is reported nowhere."""
    accepted = look(a_payment(), {}, NOON).payment
    assert Conclusion(payment=accepted) == look(accepted, seen, NOON + s(60))


def test_a_first_refusal_leaves_the_payment_pending() -> None:
    """A refusal is noted with what the attempt met, and is looked at again when its grace is over at the latest."""
    pending = a_payment()
    concluded = look(pending, REFUSED, NOON + s(100), policy=replace(POLICY, delays_s=(3600.0,)))
    assert {
        "refusal_seen_at": NOON + s(100),
        "code": "604",
        "code_message": "OTP_CODE_ERROR",
        "operator": "OM",
    } == changes(pending, concluded.payment)
    assert (None, NOON + s(280)) == (concluded.report, concluded.payment.due_at)


@pytest.mark.parametrize(
    ("back_s", "grace_s", "at_s", "final"),
    [
        (None, 180, 279, False),
        (None, 180, 280, True),
        (None, 0, 100, True),
        (90, 180, 101, True),
        (None, 180, 5000, True),
    ],
)
def test_a_refusal_is_final_when_the_buyer_is_back_or_its_grace_is_over(
    back_s: int | None, grace_s: int, at_s: int, final: bool
) -> None:
    """Only then does Saleor get the failure, with the moment as its time."""
    back_at = None if back_s is None else NOON + s(back_s)
    pending = a_payment(refusal_seen_at=NOON + s(100), buyer_back_at=back_at)
    now = NOON + s(at_s)
    concluded = look(pending, REFUSED, now, policy=replace(POLICY, refusal_grace=s(grace_s)))
    failure = (ReportType.CHARGE_FAILURE, now, "604 OTP_CODE_ERROR: ", pending.trans_id, pending.amount)
    report = concluded.report
    told = report and (report.type, report.time, report.message[:20], report.psp_reference, report.amount)
    assert (failure if final else None) == told
    assert (PaymentState.REFUSED if final else PaymentState.PENDING) == concluded.payment.state
    assert (now if final else None) == concluded.payment.failure_told_at


def test_without_grace_the_first_refusal_is_final() -> None:
    """REFUSAL_GRACE_S=0 makes a refusal final at the first look."""
    concluded = look(a_payment(), REFUSED, NOON + s(5), policy=replace(POLICY, refusal_grace=s(0)))
    assert PaymentState.REFUSED is concluded.payment.state


def test_a_buyer_who_comes_back_during_a_look_makes_no_refusal_final() -> None:
    """An answer that was asked for before the buyer came back may be older than their last attempt."""
    pending = a_payment(buyer_back_at=NOON + s(6))
    early = look(pending, REFUSED, NOON + s(7), began_at=NOON + s(5))
    late = look(early.payment, REFUSED, NOON + s(9), began_at=NOON + s(8))
    assert [PaymentState.PENDING, PaymentState.REFUSED] == [early.payment.state, late.payment.state]


@pytest.mark.parametrize("seen", [WAITING, UNKNOWN])
def test_a_new_attempt_forgets_the_refusal_before(seen: Mapping[str, str]) -> None:
    """Once CinetPay says something else than refused, the next refusal has its own grace."""
    refused_once = look(a_payment(), REFUSED, NOON + s(5)).payment
    again = look(refused_once, seen, NOON + s(60)).payment
    assert again.refusal_seen_at is None
    concluded = look(again, REFUSED, NOON + s(200))
    assert (PaymentState.PENDING, NOON + s(200)) == (concluded.payment.state, concluded.payment.refusal_seen_at)


def test_a_refused_payment_stays_watched_and_tells_its_failure_once() -> None:
    """Further refusals of a refused payment are not reported; the clock goes on."""
    refused = look(a_payment(buyer_back_at=NOON), REFUSED, NOON + s(5)).payment
    concluded = look(refused, REFUSED, NOON + s(15))
    assert (None, PaymentState.REFUSED, NOON + s(5)) == (
        concluded.report,
        concluded.payment.state,
        concluded.payment.failure_told_at,
    )
    assert NOON + s(30) == concluded.payment.due_at


def test_a_suspicion_is_noted_and_nobody_is_told() -> None:
    """A suspect payment says why, stays watched, and gives no report."""
    pending = a_payment(unclear_since=NOON)
    concluded = look(pending, LESS_PAID, NOON + s(5))
    assert {
        "state": PaymentState.SUSPECT,
        "suspicion": "amount",
        "held_amount": 4999,
        "code": "00",
        "operator": "OM",
        "payid": "P1",
        "unclear_since": None,
    } == changes(pending, concluded.payment)
    assert (None, NOON + s(15)) == (concluded.report, concluded.payment.due_at)


@pytest.mark.parametrize("seen", [REFUSED, WAITING, UNKNOWN, LESS_PAID, *SILENT.values(), NoAnswer("gone")])
def test_a_suspect_payment_stays_suspect_until_everything_is_right(seen: Observation | Mapping[str, str]) -> None:
    """Neither a refusal nor waiting lifts a suspicion, also not with the buyer back and all graces over."""
    suspect = a_payment(state=PaymentState.SUSPECT, suspicion="amount", buyer_back_at=NOON)
    concluded = look(suspect, seen, NOON + timedelta(hours=5))
    assert (PaymentState.SUSPECT, "amount", None) == (
        concluded.payment.state,
        concluded.payment.suspicion,
        concluded.report,
    )


def test_an_answer_with_everything_right_lifts_a_suspicion() -> None:
    """A suspect payment becomes accepted by the one right answer, and is reported."""
    suspect = a_payment(state=PaymentState.SUSPECT, suspicion="amount")
    concluded = look(suspect, {}, NOON + s(60))
    assert (PaymentState.ACCEPTED, None) == (concluded.payment.state, concluded.payment.suspicion)
    assert concluded.report is not None
    assert ReportType.CHARGE_SUCCESS is concluded.report.type


def test_what_was_doubted_before_is_not_what_is_charged() -> None:
    """Refused by a person for another amount, then right: charged, and to be refunded, is what the payment asks for."""
    refused = a_payment(state=PaymentState.REFUSED, decided_by="desk", held_amount=CinetPayAmount(4999))
    concluded = look(refused, {}, NOON + s(60))
    assert concluded.report is not None
    assert (AMOUNT, concluded.payment.money) == (concluded.report.amount, concluded.payment.charged)


def test_an_unknown_code_waits_an_hour_and_then_for_a_person() -> None:
    """Codes that nobody knows leave a payment pending for an hour, then make it suspect."""
    first = look(a_payment(), UNKNOWN, NOON).payment
    before = look(first, UNKNOWN, NOON + s(3599)).payment
    after = look(before, UNKNOWN, NOON + s(3600)).payment
    assert (PaymentState.PENDING, NOON) == (before.state, before.unclear_since)
    assert (PaymentState.SUSPECT, "unknown_code", None) == (after.state, after.suspicion, after.unclear_since)


@pytest.mark.parametrize("between", [WAITING, REFUSED])
def test_a_known_code_begins_the_hour_of_the_unknown_anew(between: Mapping[str, str]) -> None:
    """Only codes that are unknown for a whole hour make a payment suspect."""
    first = look(a_payment(), UNKNOWN, NOON).payment
    known = look(first, between, NOON + s(1800)).payment
    assert known.unclear_since is None
    again = look(known, UNKNOWN, NOON + s(3700)).payment
    assert (PaymentState.PENDING, NOON + s(3700)) == (again.state, again.unclear_since)


def test_silence_does_not_stop_the_hour_of_the_unknown() -> None:
    """An answer that says nothing lets an unknown code's hour go on."""
    first = look(a_payment(), UNKNOWN, NOON).payment
    silent = look(first, NotStarted(), NOON + s(1800)).payment
    assert PaymentState.SUSPECT is look(silent, UNKNOWN, NOON + s(3600)).payment.state


@pytest.mark.parametrize("seen", SILENT.values(), ids=SILENT)
@pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.REFUSED, PaymentState.SUSPECT])
def test_what_says_nothing_leaves_everything_as_it_was(state: PaymentState, seen: Observation) -> None:
    """A reply without a transaction changes neither state nor attempt; it only counts as an answer."""
    before = a_payment(
        state=state, code="604", code_message="x", operator="OM", refusal_seen_at=NOON, failing_since=NOON
    )
    concluded = look(before, seen, NOON + s(7))
    assert {"failing_since": None} == changes(before, concluded.payment)
    assert (None, NOON + s(15)) == (concluded.report, concluded.payment.due_at)


def test_a_wrong_reply_leaves_everything_as_it_was() -> None:
    """A refusal of another payment is none of ours, the buyer being back or not."""
    before = a_payment(buyer_back_at=NOON)
    concluded = look(before, REFUSED | {"cpm_trans_id": "ANOTHER"}, NOON + s(5))
    assert ({}, None) == (changes(before, concluded.payment), concluded.report)


def test_the_attempt_is_noted_within_its_columns() -> None:
    """What CinetPay writes is cut to what the ledger holds; what it leaves empty does not erase what was known."""
    long = a_payment()
    noted = look(
        long, WAITING | {"payment_method": "O" * 99, "cpm_payid": "P" * 99, "cpm_error_message": "m" * 999}, NOON
    )
    kept = look(noted.payment, WAITING | {"payment_method": "", "cpm_payid": ""}, NOON + s(5))
    assert ("O" * 32, "P" * 64, "m" * 200) == (
        noted.payment.operator,
        noted.payment.payid,
        noted.payment.code_message,
    )
    assert ("O" * 32, "P" * 64, "") == (kept.payment.operator, kept.payment.payid, kept.payment.code_message)


def test_the_timetable_of_a_pending_payment() -> None:
    """A payment is looked at after 5, 15, 30, 60, 120 s, then every 5 minutes, 30 minutes, 6 hours, until its end."""
    payment, looks = a_payment(), []
    due_at: datetime | None = NOON + s(DELAYS_S[0])
    while due_at is not None:
        looks.append((due_at - NOON).total_seconds())
        payment = look(payment, WAITING, due_at).payment
        due_at = payment.due_at
    hour = [120 + 300 * n for n in range(1, 13)]
    day = [hour[-1] + 1800 * n for n in range(1, 47)]
    week = [day[-1] + 21600 * n for n in range(1, 24)]
    assert [5, 15, 30, 60, 120, *hour, *day, *week] == looks
    assert payment.watch_until - NOON - s(looks[-1]) < timedelta(hours=6)


def test_the_end_of_the_watch_stops_only_the_clock() -> None:
    """After its watch a payment is due no more by itself, but an acceptance that is seen then still counts."""
    end = a_payment().watch_until
    waiting = look(a_payment(), WAITING, end + s(1)).payment
    assert (None, PaymentState.PENDING, end + s(1)) == (waiting.due_at, waiting.state, waiting.looked_at)
    assert PaymentState.ACCEPTED is look(waiting, {}, end + s(2)).payment.state


def test_failed_looks_are_tried_again_soon_and_then_ever_more_slowly() -> None:
    """Without an answer the next look comes within 30 s for ten minutes, then ever more slowly."""
    payment, now, waits = a_payment(), NOON, []
    rarely = replace(POLICY, delays_s=(86400.0,))
    while now < NOON + timedelta(hours=12):
        payment = look(payment, NoAnswer("gone"), now, policy=rarely).payment
        assert payment.due_at is not None
        waits.append((now - NOON, (payment.due_at - now).total_seconds()))
        now = payment.due_at
    assert (PaymentState.PENDING, NOON) == (payment.state, payment.failing_since)
    assert all(0 < wait <= 30 for since, wait in waits if since <= timedelta(minutes=10))
    seconds = [wait for _, wait in waits]
    assert (sorted(seconds), True) == (seconds, seconds[-1] > 900)
    assert look(payment, WAITING, now).payment.failing_since is None


def test_a_failed_look_never_waits_longer_than_the_timetable() -> None:
    """Also while CinetPay fails the timetable's looks take place."""
    payment = look(a_payment(failing_since=NOON - timedelta(hours=9)), NoAnswer("gone"), NOON + s(5)).payment
    assert NOON + s(15) == payment.due_at


def test_a_failed_look_after_the_watch_is_tried_again() -> None:
    """A look that somebody asked for after the end of the watch is not dropped because CinetPay was away."""
    end = a_payment().watch_until
    assert end + s(12) == look(a_payment(), NoAnswer("gone"), end + s(10)).payment.due_at


@pytest.mark.parametrize("seen", [WAITING, REFUSED, NoAnswer("gone")])
def test_each_look_is_noted_and_begins_a_quiet_time(seen: Observation | Mapping[str, str]) -> None:
    """The ledger knows when a look began, answered or not, and notifications share the next one for two seconds."""
    payment = look(a_payment(), seen, NOON + s(9), began_at=NOON + s(6)).payment
    assert (NOON + s(6), NOON + s(11)) == (payment.looked_at, payment.quiet_until)


@given(
    at_s=st.floats(0, 6 * 86400), draw=st.floats(0, 1, exclude_max=True), failing_s=st.none() | st.floats(0, 6 * 86400)
)
def test_jitter_is_at_most_a_tenth(at_s: float, draw: float, failing_s: float | None) -> None:
    """Chance makes a look at most a tenth of its waiting time later, and a retry at most a tenth sooner."""
    now = NOON + s(at_s)
    since = None if failing_s is None else now - s(failing_s)
    for seen in (WAITING, REFUSED, NoAnswer("gone")):
        exact = look(a_payment(failing_since=since), seen, now).payment.due_at
        drawn = look(a_payment(failing_since=since), seen, now, draw=draw).payment.due_at
        assert exact is not None
        assert drawn is not None
        assert now < drawn
        assert abs(drawn - exact) <= (exact - now) * 0.1 + s(0.001)


def test_staff_read_the_outcome_in_the_merchants_language() -> None:
    """The message names operator and payment, or the code; what CinetPay left empty has a word of its own."""
    paid = look(a_payment(), {"payment_method": "", "cpm_payid": ""}, NOON).payment
    assert "Paid with CinetPay, CinetPay payment -." == staff_message(paid, Language.ENGLISH)
    assert staff_message(paid, Language.ENGLISH) != staff_message(paid, Language.FRENCH)
    french = look(a_payment(merchant_language=Language.FRENCH), {}, NOON)
    assert french.report is not None
    assert staff_message(french.payment, Language.FRENCH) == french.report.message
