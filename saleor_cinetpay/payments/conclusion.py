"""What a verdict changes: the payment's next state, its next look, and the report that Saleor must get.

Pure: a payment, a verdict and a moment in, a conclusion out. Source: design.md, section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from saleor_cinetpay.cinetpay import TransactionStatus, describe
from saleor_cinetpay.locale import Language, text
from saleor_cinetpay.money import XOF, CinetPayAmount, Money, NotWhole, whole_francs
from saleor_cinetpay.payments.operators import operator_name
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind
from saleor_cinetpay.payments.report import Report, ReportType
from saleor_cinetpay.payments.verdict import ACCEPTED_CODE, Found, Observation, Verdict, VerdictKind
from saleor_cinetpay.schedule import JITTER, next_look_at, retry_delay_s

UNCLEAR_FOR = timedelta(hours=1)
"""How long codes that nobody knows leave a payment pending before a person has to look."""
QUIET = timedelta(seconds=2)
"""Within this time of a look, notifications and returns share the next one."""
AFTER_FAILURE = timedelta(seconds=1)
"""Saleor takes a success and a failure of equal time for a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The operator's settings for settling."""

    delays_s: Sequence[float]
    refusal_grace: timedelta
    watch: timedelta
    complete_after: timedelta | None = None
    """How long after the acceptance the app itself completes a paid checkout; the shop's choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """A payment after a look, and what Saleor must be told of it."""

    payment: Payment
    report: Report | None = None
    complete_at: datetime | None = None
    """When the app completes the checkout, if nobody has by then."""
    problem: Problem | None = None
    """What a person must act on from now on."""
    solved: tuple[ProblemKind, ...] = ()
    """Which problems of this payment are none any more."""


def conclude(
    payment: Payment,
    seen: Observation,
    meant: Verdict,
    *,
    began_at: datetime,
    now: datetime,
    policy: Policy,
    draw: float,
) -> Conclusion:
    """Carry out the verdict of a look; `draw` (0 to 1) is for jitter.

    An accepted payment is closed: whatever is seen later changes nothing.
    """
    if payment.state is PaymentState.ACCEPTED:
        return Conclusion(payment=payment)
    payment = replace(payment, looked_at=began_at, quiet_until=now + QUIET)
    if meant.kind is VerdictKind.UNAVAILABLE:
        return Conclusion(payment=_try_again(payment, now=now, policy=policy, draw=draw))
    looked = _with_attempt(replace(payment, failing_since=None), seen, meant)
    match meant.kind:
        case VerdictKind.ACCEPTED:
            return _accept(looked, seen, now=now, policy=policy)
        case VerdictKind.SUSPECT:
            return _doubt(looked, seen, meant.reason, now=now, policy=policy, draw=draw)
        case VerdictKind.REFUSED:
            return _refuse(looked, began_at=began_at, now=now, policy=policy, draw=draw)
        case VerdictKind.PENDING:
            waiting = _schedule(_wait(looked, meant, now=now), now=now, policy=policy, draw=draw)
            doubted = waiting.state is PaymentState.SUSPECT and payment.state is not PaymentState.SUSPECT
            return Conclusion(payment=waiting, problem=_suspect_problem(waiting) if doubted else None)


def _accept(payment: Payment, seen: Observation, *, now: datetime, policy: Policy) -> Conclusion:
    paid_at = seen.transaction.paid_at if isinstance(seen, Found) else None
    right = replace(_with_payer(payment, seen), held_amount=None)  # what was doubted before is not what is charged
    return accepted(right, payment.amount, paid_at=paid_at, now=now, policy=policy)


def accepted(
    payment: Payment, amount: CinetPayAmount, *, paid_at: datetime | None, now: datetime, policy: Policy
) -> Conclusion:
    """Close a payment as accepted for that amount, and have Saleor told."""
    success_time = now if paid_at is None or paid_at > now else paid_at
    if payment.failure_told_at is not None:
        success_time = max(success_time, payment.failure_told_at + AFTER_FAILURE)
    closed = replace(
        payment,
        state=PaymentState.ACCEPTED,
        suspicion=None,
        refusal_seen_at=None,
        unclear_since=None,
        success_time=success_time,
        due_at=None,
    )
    completes = policy.complete_after if closed.of_a_checkout and closed.cancelled_at is None else None
    return Conclusion(
        payment=closed,
        report=replace(report_of(closed, ReportType.CHARGE_SUCCESS, success_time), amount=amount),
        complete_at=now + completes if completes else None,
        problem=None if closed.cancelled_at is None else _cancelled_problem(closed),
        solved=(ProblemKind.SUSPECT, ProblemKind.UNKNOWN_PAYMENT),
    )


def _doubt(
    payment: Payment, seen: Observation, reason: str, *, now: datetime, policy: Policy, draw: float
) -> Conclusion:
    """Make a payment suspect and have a person told; what a person has decided stands."""
    if payment.decided_by is not None:
        return Conclusion(payment=_schedule(payment, now=now, policy=policy, draw=draw))
    payment = _suspect(_with_payer(payment, seen), reason, _held_amount(seen))
    payment = _schedule(payment, now=now, policy=policy, draw=draw)
    return Conclusion(payment=payment, problem=_suspect_problem(payment))


def _refuse(payment: Payment, *, began_at: datetime, now: datetime, policy: Policy, draw: float) -> Conclusion:
    """Let a refusal stand as pending until the buyer is back or the grace has passed; a suspicion it does not lift.

    A buyer who came back while CinetPay was answering may have paid since, so only an answer asked for later counts.
    """
    report = None
    if payment.state is PaymentState.PENDING:
        seen_at = payment.refusal_seen_at or now
        payment = replace(payment, refusal_seen_at=seen_at, unclear_since=None)
        buyer_back = payment.buyer_back_at is not None and payment.buyer_back_at <= began_at
        if buyer_back or now >= seen_at + policy.refusal_grace:
            payment = replace(payment, state=PaymentState.REFUSED, failure_told_at=now)
            report = report_of(payment, ReportType.CHARGE_FAILURE, now)
    return Conclusion(payment=_schedule(payment, now=now, policy=policy, draw=draw), report=report)


def _suspect(payment: Payment, reason: str, held_amount: CinetPayAmount | None = None) -> Payment:
    return replace(payment, state=PaymentState.SUSPECT, suspicion=reason, held_amount=held_amount, unclear_since=None)


def _suspect_problem(payment: Payment) -> Problem:
    return Problem(
        kind=ProblemKind.SUSPECT,
        saleor_api_url=payment.saleor_api_url,
        subject=payment.trans_id,
        trans_id=payment.trans_id,
        detail={"suspicion": payment.suspicion, "code": payment.code, "held_amount": payment.held_amount},
    )


def _cancelled_problem(payment: Payment) -> Problem:
    return Problem(
        kind=ProblemKind.PAID_AFTER_CANCELATION,
        saleor_api_url=payment.saleor_api_url,
        subject=payment.trans_id,
        trans_id=payment.trans_id,
        detail={"amount": str(payment.charged)},
    )


def _held_amount(seen: Observation) -> CinetPayAmount | None:
    """Return what CinetPay says was paid, if it plainly says so; a person can accept no more than that."""
    if not isinstance(seen, Found) or seen.transaction.cpm_result != ACCEPTED_CODE:
        return None
    if seen.transaction.status is not TransactionStatus.ACCEPTED or seen.transaction.amount is None:
        return None
    try:
        return whole_francs(Money(amount=seen.transaction.amount, currency=XOF))
    except NotWhole:
        return None


def _wait(payment: Payment, meant: Verdict, *, now: datetime) -> Payment:
    """Leave the state as it is: what is pending, refused or suspect stays so until CinetPay says more."""
    if meant.silent:
        return payment
    if not meant.bounded or payment.state is not PaymentState.PENDING:
        return replace(payment, refusal_seen_at=None, unclear_since=None)
    since = payment.unclear_since or now
    if now - since >= UNCLEAR_FOR:
        return _suspect(payment, "unknown_code")
    return replace(payment, refusal_seen_at=None, unclear_since=since)


def _with_attempt(payment: Payment, seen: Observation, meant: Verdict) -> Payment:
    """Note what the buyer's last attempt met, where the reply is about this payment."""
    if not isinstance(seen, Found) or meant.silent:
        return payment
    transaction = seen.transaction
    return replace(
        payment,
        code=meant.code,
        code_message=transaction.cpm_error_message[:200],
        operator=transaction.payment_method[:32] or payment.operator,
        payid=transaction.cpm_payid[:64] or payment.payid,
    )


def _with_payer(payment: Payment, seen: Observation) -> Payment:
    """Keep the number that CinetPay says was paid from: money goes back to it, should it ever."""
    phone = seen.transaction.phone if isinstance(seen, Found) else None
    return payment if phone is None else replace(payment, payer=phone)


def _schedule(payment: Payment, *, now: datetime, policy: Policy, draw: float) -> Payment:
    due_at = next_look_at(payment.opened_at, now, policy.delays_s)
    if payment.state is PaymentState.PENDING and payment.refusal_seen_at is not None:
        due_at = min(due_at, max(payment.refusal_seen_at + policy.refusal_grace, now + QUIET))
    if due_at > payment.watch_until:
        return replace(payment, due_at=None)
    return replace(payment, due_at=due_at + (due_at - now) * (JITTER * draw))


def _try_again(payment: Payment, *, now: datetime, policy: Policy, draw: float) -> Payment:
    """Come back soon after a failed look, and never later than the timetable says."""
    since = payment.failing_since or now
    retry_at = now + timedelta(seconds=retry_delay_s(now - since) * (1 - JITTER * draw))
    scheduled = _schedule(payment, now=now, policy=policy, draw=draw).due_at
    due_at = retry_at if scheduled is None else min(retry_at, scheduled)
    return replace(payment, failing_since=since, due_at=due_at)


def report_of(payment: Payment, report_type: ReportType, time: datetime) -> Report:
    """Write the report of a payment's outcome, in the merchant's words."""
    return Report(
        trans_id=payment.trans_id,
        transaction_id=payment.transaction_id,
        saleor_api_url=payment.saleor_api_url,
        type=report_type,
        psp_reference=payment.trans_id,
        amount=payment.amount,
        currency=XOF,
        time=time,
        message=staff_message(payment, payment.merchant_language),
        operator=payment.operator if report_type is ReportType.CHARGE_SUCCESS else None,
    )


def staff_message(payment: Payment, language: Language) -> str:
    """Say in the merchant's language how the last attempt went."""
    if payment.state is PaymentState.ACCEPTED:
        paid = text(
            "Paid with {operator}, CinetPay payment {payid}.",
            operator=operator_name(payment.operator) if payment.operator else "CinetPay",
            payid=payment.payid or "-",
        )
        return paid.say(language)
    code = describe(payment.code or "", payment.code_message)
    return f"{code.code} {code.name}: {code.merchant.say(language)}"
