"""Looking a payment up, and waiting for who does."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from fakes import NOON, refusal
from payments_kit import (
    POLICY,
    SITE_ID,
    Heart,
    World,
    a_payment,
    an_opening_payment,
    build_heart,
    trans_id,
    transaction_id,
)

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import CinetPayError, CinetPayUnavailable, CinetPayUnintelligible
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.report import FAILURE_WAITS, ReportType

SECOND = timedelta(seconds=1)
DOWN = CinetPayUnavailable("nobody there", maybe_carried_out=False)
GARBLED = CinetPayUnintelligible("no transaction", maybe_carried_out=True)


async def settle(heart: Heart, *, wait_s: float = 8.0, due_only: bool = False) -> Payment:
    payment = await heart.world.clock.turn_until(
        heart.settlement.settle(trans_id(), trigger="test", wait_s=wait_s, due_only=due_only)
    )
    assert payment is not None
    return payment


async def someone_looks(heart: Heart, account_key: str) -> "asyncio.Task[Payment | None]":
    """Let somebody look who gets no answer as yet."""
    cinetpay = heart.world.cinetpay
    cinetpay.gates.close(account_key)
    looking = asyncio.create_task(heart.settlement.settle(trans_id(), trigger="other", wait_s=8))
    await cinetpay.gates.someone_waits(account_key)
    return looking


async def test_an_acceptance_is_settled_reported_and_noted(heart: Heart) -> None:
    """One look at a paid payment closes it, and the history says what was seen."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    assert PaymentState.ACCEPTED is (await settle(heart)).state
    assert (
        Event(
            kind="looked_up",
            detail={
                "trigger": "test",
                "verdict": "accepted",
                "reason": "accepted",
                "code": "00",
                "hints": 0,
                "from": "pending",
                "to": "accepted",
                "status": "ACCEPTED",
                "amount": "5000",
                "currency": "CFA",
                "operator": "OM",
                "payid": "P1",
                "ipn_ack": "",
            },
        )
        == (await heart.ledger.history(trans_id()))[-1][1]
    )
    assert [ReportType.CHARGE_SUCCESS] == [report.type for report, _ in await heart.ledger.reports_of(trans_id())]


async def test_an_accepted_payment_is_answered_without_a_call(heart: Heart) -> None:
    """Closed for good costs no look."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    await settle(heart)
    heart.world.cinetpay.down = DOWN
    assert PaymentState.ACCEPTED is (await settle(heart)).state
    assert 1 == len(heart.world.cinetpay.looks)


async def test_an_unknown_payment_is_none(heart: Heart) -> None:
    """Settling what nobody has opened asks nobody."""
    assert await heart.settlement.settle(trans_id(), trigger="test", wait_s=8) is None
    assert [] == heart.world.cinetpay.looks


@pytest.mark.parametrize(("failure", "reason"), [(DOWN, "CinetPayUnavailable"), (GARBLED, "CinetPayUnintelligible")])
async def test_no_answer_is_tried_again_soon(heart: Heart, failure: CinetPayError, reason: str) -> None:
    """A look that failed leaves the payment as it was, and due within thirty seconds."""
    await heart.open()
    heart.world.cinetpay.down = failure
    payment = await settle(heart)
    assert (PaymentState.PENDING, NOON) == (payment.state, payment.failing_since)
    assert payment.due_at is not None
    assert NOON < payment.due_at <= NOON + 30 * SECOND
    detail = (await heart.ledger.history(trans_id()))[-1][1].detail
    assert ("unavailable", reason) == (detail["verdict"], detail["reason"])


async def test_a_code_alone_leaves_the_payment_as_it_was(heart: Heart) -> None:
    """A reply with only a status is an answer that says nothing about the payment."""
    await heart.open()
    heart.world.cinetpay.down = refusal("613")
    payment = await settle(heart)
    assert (PaymentState.PENDING, None, None) == (payment.state, payment.code, payment.failing_since)


async def test_a_payment_whose_account_is_gone_waits(heart: Heart) -> None:
    """Without its account nobody can be asked, so the payment is as without an answer."""
    await heart.write(a_payment(account_key="gone"))
    payment = await settle(heart)
    assert (PaymentState.PENDING, NOON, []) == (payment.state, payment.failing_since, heart.world.cinetpay.looks)


async def test_a_payment_is_looked_up_with_its_accounts_key_of_today(database: Database, world: World) -> None:
    """After the API key was rotated, payments that were signed with the old one are still looked up."""
    before = build_heart(database, world)
    await before.open()
    world.cinetpay.pays(trans_id())
    world.cinetpay.keys[SITE_ID] = "rotated"
    after = build_heart(database, world, api_key="rotated", seed=1)
    await after.accounts.from_environment(before.open_request().saleor_api_url)
    assert PaymentState.ACCEPTED is (await settle(after)).state


async def test_who_asks_during_a_look_waits_for_the_next(heart: Heart, other_heart: Heart) -> None:
    """An answer that was asked for before is not enough: a look must begin from now on, and one is."""
    payment, cinetpay = await heart.open(), heart.world.cinetpay
    looking = await someone_looks(other_heart, payment.account_key)
    heart.world.clock.turn(1)
    asked_at = heart.world.clock.moment
    asking = asyncio.create_task(settle(heart))
    await asyncio.sleep(0.05)
    assert 1 == len(cinetpay.looks)
    cinetpay.gates.open(payment.account_key)
    await looking
    answered = await asking
    assert 2 == len(cinetpay.looks)
    assert answered.looked_at is not None
    assert asked_at <= answered.looked_at


async def test_many_who_ask_during_a_look_share_the_next(heart: Heart, other_heart: Heart) -> None:
    """However many ask while somebody looks, one look after them answers all, if it begins after all have asked."""
    payment, cinetpay = await heart.open(), heart.world.cinetpay
    looking = await someone_looks(other_heart, payment.account_key)
    heart.world.clock.turn(1)
    asking = [asyncio.create_task(heart.settlement.settle(trans_id(), trigger="test", wait_s=8)) for _ in range(8)]
    await asyncio.sleep(0.05)
    cinetpay.gates.open(payment.account_key)
    await looking
    cinetpay.pays(trans_id())
    answers = await heart.world.clock.turn_until(asyncio.gather(*asking))
    assert {PaymentState.ACCEPTED} == {answer.state for answer in answers if answer}
    assert 2 == len(cinetpay.looks)


async def test_who_can_wait_no_longer_gets_what_the_ledger_holds(heart: Heart, other_heart: Heart) -> None:
    """Where somebody's look lasts too long, the payment is answered as it stands, in time."""
    payment = await heart.open()
    looking = await someone_looks(other_heart, payment.account_key)
    asked_at = heart.world.clock.moment
    answered = await settle(heart, wait_s=1)
    assert (PaymentState.PENDING, 1) == (answered.state, len(heart.world.cinetpay.looks))
    assert heart.world.clock.moment < asked_at + 5 * SECOND
    heart.world.cinetpay.gates.open(payment.account_key)
    await looking


async def test_without_time_nobody_is_asked(heart: Heart) -> None:
    """No time left means the ledger's word, at once."""
    payment = await heart.open()
    assert payment == await settle(heart, wait_s=0)
    assert [] == heart.world.cinetpay.looks


async def test_without_time_a_claimed_payment_is_given_back(heart: Heart) -> None:
    """It is due at once, no failed look counts against it or its account, and hints that came meanwhile stay."""
    payment = await heart.open()
    claimed = await heart.ledger.claim(trans_id())
    await heart.ledger.nudge(trans_id())
    given_back = replace(payment, due_at=NOON, hints=1)
    assert given_back == await heart.settlement.settle(trans_id(), trigger="test", wait_s=0, claimed=claimed)
    assert ([], []) == (heart.world.cinetpay.looks, list(heart.settlement.pace.paused()))
    assert [payment.trans_id] == [due.trans_id for due in await heart.ledger.claim_due(9)]


async def test_only_who_holds_a_payment_gives_it_back(heart: Heart, other_heart: Heart) -> None:
    """A lease that has been lost meanwhile stays with whoever holds it now."""
    await heart.open()
    late = await heart.ledger.claim(trans_id())
    assert late is not None
    heart.world.clock.turn(30)
    held = await other_heart.ledger.claim(trans_id())
    assert held == await heart.settlement.settle(trans_id(), trigger="test", wait_s=0, claimed=late)


async def test_a_look_leaves_enough_of_a_lease(heart: Heart) -> None:
    """However long a caller would wait, a look asks CinetPay for 20 s at most, so its lease outlives it."""
    payment = await heart.open()
    heart.world.cinetpay.gates.close(payment.account_key)
    claimed = await heart.ledger.claim(trans_id())
    assert claimed is not None
    after = await heart.world.clock.turn_until(heart.settlement.look(claimed, trigger="test", timeout_s=3600))
    assert after is not None
    assert timedelta(seconds=19) < heart.world.clock.moment - NOON < timedelta(seconds=25)


async def test_a_look_whose_lease_was_lost_changes_nothing(heart: Heart, other_heart: Heart) -> None:
    """A process that was stopped for a minute finds its payment taken over, and leaves it alone."""
    await heart.open()
    late = await heart.ledger.claim(trans_id())
    assert late is not None
    heart.world.clock.turn(60)
    heir = await other_heart.ledger.claim(trans_id())
    assert heir is not None
    heart.world.cinetpay.pays(trans_id())
    assert await heart.settlement.look(late, trigger="test") is None
    assert heir == await heart.held()


async def test_a_look_asked_for_only_when_due_respects_the_quiet_time(heart: Heart) -> None:
    """Returns share a look: right after one, the next waits until the quiet time is over, if there is time."""
    await heart.open()
    heart.world.cinetpay.begins(trans_id())
    heart.world.clock.turn(130)
    await settle(heart)
    for _ in range(3):
        heart.world.clock.turn(0.5)
        await heart.ledger.nudge(trans_id())
        await settle(heart, wait_s=3, due_only=True)
    looks = [at for _, at in heart.world.cinetpay.looks]
    assert [True] * 3 == [later - earlier >= 2 * SECOND for earlier, later in pairwise(looks)]


async def test_an_opening_that_died_is_not_looked_up(heart: Heart) -> None:
    """Nobody can pay what nobody signed: the lease is given back and CinetPay is not asked."""
    await heart.write(an_opening_payment())
    assert await heart.ledger.claim(trans_id()) is not None
    heart.world.clock.turn(30)
    await heart.work_off()
    payment = await heart.held()
    assert (PaymentState.OPENING, None, None) == (payment.state, payment.due_at, payment.lease)
    assert (["opened", "opening_interrupted"], []) == (await heart.kinds(), heart.world.cinetpay.looks)


async def test_a_refusal_becomes_final_by_itself_after_its_grace(heart: Heart) -> None:
    """With no buyer back, the clock alone looks again when the grace is over, and Saleor is told the failure."""
    await heart.open()
    heart.world.cinetpay.refuses(trans_id())
    for seconds in (5, 179):
        heart.world.clock.turn(seconds)
        await heart.work_off()
    assert (PaymentState.PENDING, []) == ((await heart.held()).state, heart.world.saleor.events(transaction_id()))
    heart.world.clock.turn(3)
    await heart.work_off()
    heart.world.clock.turn(FAILURE_WAITS.total_seconds())
    await heart.work_off()
    assert [ReportType.CHARGE_FAILURE] == heart.world.saleor.events(transaction_id())


async def test_a_late_acceptance_counts_and_wins(heart: Heart) -> None:
    """A payment that Saleor was told had failed is charged after all, although CinetPay's time is earlier."""
    await heart.open()
    heart.world.cinetpay.refuses(trans_id())
    await heart.ledger.nudge(trans_id(), buyer_back=True)
    heart.world.cinetpay.pays(trans_id())
    paid_at = heart.world.clock.moment
    heart.world.cinetpay.refuses(trans_id())
    heart.world.clock.turn(10)
    await heart.work_off()
    assert 0 == heart.world.saleor.charged(transaction_id())
    heart.world.cinetpay.pays(trans_id())
    heart.world.cinetpay.shows(
        trans_id(),
        cpm_result="00",
        cpm_trans_status="ACCEPTED",
        cpm_payment_date=f"{paid_at:%Y-%m-%d}",
        cpm_payment_time=f"{paid_at:%H:%M:%S}",
    )
    heart.world.clock.turn(30)
    await heart.work_off()
    assert 5000 == heart.world.saleor.charged(transaction_id())
    assert [ReportType.CHARGE_FAILURE, ReportType.CHARGE_SUCCESS] == heart.world.saleor.events(transaction_id())
    assert (await heart.held()).success_time == NOON + 11 * SECOND


async def test_the_watch_of_an_unpaid_payment_ends(database: Database, world: World) -> None:
    """The timetable is walked to its end, and no further; a notification after it still makes us look."""
    heart = build_heart(database, world, policy=replace(POLICY, delays_s=(600.0,), watch=timedelta(hours=1)))
    await heart.install()
    await heart.open()
    world.cinetpay.begins(trans_id())
    for _ in range(20):
        world.clock.turn(600 * 1.1)
        await heart.work_off()
    looks = len(world.cinetpay.looks)
    assert 3 <= looks <= 6
    assert (await heart.held()).due_at is None
    await heart.ledger.nudge(trans_id())
    world.cinetpay.pays(trans_id())
    await heart.work_off()
    assert (looks + 1, 5000) == (len(world.cinetpay.looks), world.saleor.charged(transaction_id()))
