"""What must hold in the end, judged from outside: by what CinetPay and Saleor hold, and by what they were asked."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, chain, repeat, takewhile

from sim_world import Payable, SimWorld

from saleor_cinetpay.payments.conclusion import QUIET, Policy
from saleor_cinetpay.payments.refund import RefundState
from saleor_cinetpay.sandbox.saleor.booking import EventType

SOON = timedelta(seconds=45)
"""Within this time of a hint a look begins, where nothing goes wrong: the quiet time and a look under way at most."""
AROUND = timedelta(seconds=150)
"""What goes wrong this near to a hint may keep it waiting."""
COMPLETED_IF_CHARGED_WITHIN = timedelta(minutes=20)


def wrongs(world: SimWorld, payables: Sequence[Payable]) -> list[tuple[int, str]]:
    """Return everything that is wrong in the end, each with the number of its transaction (0: no certain one)."""
    found = [(0, f"broke: {broken}") for broken in world.broken]
    found += [(world.numbers[transaction_id], what) for transaction_id, what in world.saleor.wrongs]
    known = {payable.trans_id for payable in payables}
    found += [(0, f"CinetPay was asked about {trans_id}") for trans_id in world.cinetpay.looks_at.keys() - known]
    disturbances = sorted(world.disturbed_at)
    for payable in payables:
        wrong = [*_charged_as_accepted(world, payable), *_looked_at_enough(world, payable, disturbances)]
        wrong += [*_looked_at_no_more_than_asked_for(world, payable), *_completed(world, payable)]
        found += [(payable.number, what) for what in [*wrong, *_given_back(world, payable)]]
    return found


def _charged_as_accepted(world: SimWorld, payable: Payable) -> Iterator[str]:
    """Guarantees 1 and 2: charged is what CinetPay has accepted, once; and nothing else."""
    amount = int(payable.money.amount)
    charged = world.saleor.charged(payable.transaction_id)
    successes = world.saleor.successes(payable.transaction_id)
    if successes != (1 if charged else 0):
        yield f"{successes} CHARGE_SUCCESS for {charged} charged"
    decisions = world.decisions.get(payable.trans_id, [])
    decided = [decision for decision in decisions if decision is not None]
    if decided:
        allowed = set(decided)
    elif payable.trans_id not in world.cinetpay.accepted_at:
        allowed = {0}
    else:
        allowed = {amount} if _must_be_known(world, payable) else {0, amount}
    if decisions and not decided:  # whether that decision was carried out nobody can tell
        allowed |= {charged}
    if charged not in allowed:
        yield f"charged {charged}, should be {' or '.join(map(str, sorted(allowed)))}"


def _given_back(world: SimWorld, payable: Payable) -> Iterator[str]:
    """Never more is given back than was charged, and each refund that was decided is told once, as it was decided."""
    saleor, transaction_id = world.saleor, payable.transaction_id
    if saleor.refunded(transaction_id) > saleor.charged(transaction_id):
        yield f"{saleor.refunded(transaction_id)} given back of {saleor.charged(transaction_id)}"
    for reference in (one for one in world.refunds_taken if one.startswith(payable.trans_id)):
        told, decided = saleor.outcomes(transaction_id, reference), world.refunds_decided.get(reference, [])
        if len(told) > 1 or len(decided) > 1:
            yield f"the refund {reference} was decided {decided} and told {told}"
        expected = {RefundState.PAID_BACK: EventType.REFUND_SUCCESS, RefundState.DECLINED: EventType.REFUND_FAILURE}
        if decided and told != [expected[RefundState(decided[0])]]:
            yield f"the refund {reference} was decided {decided} and told {told}"


def _must_be_known(world: SimWorld, payable: Payable) -> bool:
    """Say whether the app had a reason to look after the acceptance: its timetable, or a hint that it took."""
    accepted_at = world.cinetpay.accepted_at[payable.trans_id]
    hints = world.hints[payable.trans_id]
    looks_until = world.cinetpay.signed_at[payable.trans_id] + max(_ticks(world.policy))
    return accepted_at <= looks_until or any(hint >= accepted_at for hint in hints)


def _ticks(policy: Policy) -> list[timedelta]:
    """Return when the timetable looks at a payment that is never paid, counted from its opening."""
    delays_s = chain(policy.delays_s, repeat(policy.delays_s[-1]))
    ticks = (timedelta(seconds=tick_s) for tick_s in accumulate(delays_s))
    return list(takewhile(lambda tick: tick <= policy.watch, ticks))


def _looked_at_enough(world: SimWorld, payable: Payable, disturbances: Sequence[datetime]) -> Iterator[str]:
    """There is always a look after the last hint: soon where nothing goes wrong, and in the end whatever happens."""
    hints = world.hints[payable.trans_id]
    if not hints or _may_be_closed(world, payable):
        return
    last = max(hints)
    looks = [look.at for look in world.cinetpay.looks_at[payable.trans_id] if look.at >= last]
    if not looks:
        yield "no look after the last hint"
    elif min(looks) > last + SOON:
        next_disturbance = bisect_left(disturbances, last - AROUND)
        if next_disturbance == len(disturbances) or disturbances[next_disturbance] > last + SOON:
            yield f"the look after the last hint came {(min(looks) - last).total_seconds():.0f} s late"


def _may_be_closed(world: SimWorld, payable: Payable) -> bool:
    """Say whether a look has seen the acceptance, or a person has decided; then no later look is owed."""
    looks = world.cinetpay.looks_at[payable.trans_id]
    return any(look.accepted for look in looks) or payable.trans_id in world.decisions


def _looked_at_no_more_than_asked_for(world: SimWorld, payable: Payable) -> Iterator[str]:
    """Guarantee 4: looks are bounded by the timetable, what was asked for, and what went wrong."""
    looks = world.cinetpay.looks_at[payable.trans_id]
    ticks = len(_ticks(world.policy))
    unheard = sum(not look.answered for look in looks)
    windows = _windows(world.hints[payable.trans_id])
    refusals = 2 * world.failed[payable.trans_id]
    disturbed = len(world.disturbed_at)
    limit = ticks + 1 + 2 * windows + 2 * world.asked[payable.trans_id] + refusals + unheard + disturbed
    if len(looks) > limit:
        yield f"{len(looks)} looks, at most {limit} were called for"


def _windows(hints: Sequence[datetime]) -> int:
    """Return how many looks hints ask for at most, when those within one quiet time share theirs."""
    windows, until = 0, None
    for hint in sorted(hints):
        if until is None or hint > until:
            windows, until = windows + 1, hint + QUIET
    return windows


def _completed(world: SimWorld, payable: Payable) -> Iterator[str]:
    """A checkout whose charge was there in time is completed in the end."""
    charged_at = world.saleor.charged_at.get(payable.transaction_id)
    accepted_at = world.cinetpay.accepted_at.get(payable.trans_id)
    if charged_at is None or accepted_at is None or payable.source.id not in world.saleor.checkouts:
        return
    in_time = charged_at <= accepted_at + COMPLETED_IF_CHARGED_WITHIN
    if in_time and world.saleor.is_paid(payable.source.id) and payable.source.id not in world.saleor.completed:
        yield "the paid checkout was never completed"
