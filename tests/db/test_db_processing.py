"""Processing a payment for the storefront; and adopting one that our ledger has lost."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from fakes import NOON, refusal
from payments_kit import (
    SITE_ID,
    Heart,
    NoAccounts,
    World,
    a_payment,
    an_opening_payment,
    build_heart,
    lose_ledger,
    trans_id,
    transaction_id,
    xof,
)

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import CinetPayError, CinetPayUnavailable, PaymentImpossible
from saleor_cinetpay.money import Money
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.report import ReportType

SECOND = timedelta(seconds=1)
DOWN = CinetPayUnavailable("nobody there", maybe_carried_out=False)


async def process(heart: Heart, number: int = 1, **changes: Any) -> Payment | None:
    return await heart.world.clock.turn_until(heart.process(number, **changes))


async def impossible(heart: Heart, number: int = 1, **changes: Any) -> PaymentImpossible:
    """Process a payment that there can't be, and return why."""
    with pytest.raises(PaymentImpossible) as raised:
        await process(heart, number, **changes)
    return raised.value


async def states(heart: Heart, number: int = 1) -> list[ReportType]:
    return [report.type for report, _ in await heart.ledger.reports_of(trans_id(number))]


async def test_a_known_payment_is_looked_up(heart: Heart) -> None:
    """Process asks CinetPay once and answers with what came of it."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    payment = await process(heart)
    assert payment is not None
    assert (PaymentState.ACCEPTED, 1) == (payment.state, len(heart.world.cinetpay.looks))


async def test_a_process_without_time_leaves_the_look_to_the_worker(heart: Heart) -> None:
    """Where taking the payment took all the time, it is pending; the worker looks at once, as after no failure."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    payment = await process(heart, deadline=heart.world.clock.now())
    assert payment is not None
    assert (PaymentState.PENDING, None, []) == (payment.state, payment.failing_since, heart.world.cinetpay.looks)
    await heart.work_off()
    assert PaymentState.ACCEPTED is (await heart.held()).state


async def test_process_waits_for_somebody_elses_look(heart: Heart, other_heart: Heart) -> None:
    """Two that process at once do not look at the same time, and both get the truth."""
    payment = await heart.open()
    cinetpay = heart.world.cinetpay
    cinetpay.gates.close(payment.account_key)
    both = [asyncio.create_task(one.process()) for one in (heart, other_heart)]
    await cinetpay.gates.someone_waits(payment.account_key)
    await asyncio.sleep(0.02)
    assert 1 == len(cinetpay.looks)
    cinetpay.pays(trans_id())
    cinetpay.gates.open(payment.account_key)
    answers = await heart.world.clock.turn_until(asyncio.gather(*both))
    assert [PaymentState.ACCEPTED] * 2 == [answer.state for answer in answers if answer]
    assert 1 == len(cinetpay.looks)


async def test_with_cinetpay_down_a_known_payment_is_answered_as_it_stands(heart: Heart) -> None:
    """No answer from CinetPay changes nothing and costs the storefront nothing."""
    await heart.open()
    heart.world.cinetpay.down = DOWN
    payment = await process(heart)
    assert payment is not None
    assert (PaymentState.PENDING, NOON) == (payment.state, payment.failing_since)


async def test_with_cinetpay_hanging_process_answers_in_time(heart: Heart) -> None:
    """A CinetPay that hangs is given up a second before the answer is due."""
    payment = await heart.open()
    heart.world.cinetpay.gates.close(payment.account_key)
    assert await process(heart) is not None
    assert NOON + 8 * SECOND <= heart.world.clock.moment < NOON + 9 * SECOND


async def test_what_nobody_knows_must_start_again(heart: Heart) -> None:
    """Neither we nor CinetPay know it: nothing is written."""
    assert "START_AGAIN" == (await impossible(heart)).code
    assert await heart.ledger.find(trans_id()) is None


@pytest.mark.parametrize("down", [DOWN, refusal("609"), refusal("601")])
async def test_what_we_do_not_know_and_cinetpay_can_not_tell_is_pending(heart: Heart, down: CinetPayError) -> None:
    """Without an answer, or with our credentials refused, nobody can say that there is no such payment."""
    heart.world.cinetpay.down = down
    assert await process(heart) is None
    assert await heart.ledger.find(trans_id()) is None


async def test_a_code_about_nothing_is_no_payment(heart: Heart) -> None:
    """A code alone says nothing about the payment: it is pending, so that nobody is told to pay twice."""
    heart.world.cinetpay.down = refusal("600")
    assert await heart.process() is None


async def test_another_saleors_payment_is_not_processed(heart: Heart) -> None:
    """A second Saleor learns nothing of it and changes nothing."""
    await heart.open()
    before = await heart.held()
    error = await impossible(heart, saleor_api_url="https://other.example/graphql/")
    assert ("START_AGAIN", before, []) == (error.code, await heart.held(), heart.world.cinetpay.looks)


async def test_a_payment_that_was_never_signed_must_start_again(heart: Heart) -> None:
    """The failure that Saleor is told then is remembered, so that a later success outlives it."""
    heart.world.cinetpay.down = DOWN
    with pytest.raises(PaymentImpossible):
        await heart.open()
    heart.world.cinetpay.down = None
    heart.world.clock.turn(60)
    assert "START_AGAIN" == (await impossible(heart)).code
    assert NOON + 60 * SECOND == (await heart.held()).failure_told_at
    assert Event(kind="failure_told", detail={"code": "START_AGAIN"}) == (await heart.ledger.history(trans_id()))[-1][1]


async def test_a_payment_whose_signature_was_lost_on_the_way_is_taken_up(heart: Heart, database: Database) -> None:
    """CinetPay signed, we did not hear of it, and yet it was paid: what CinetPay shows is judged and reported."""
    await heart.open()
    await lose_ledger(database)
    await heart.write(an_opening_payment(account_key=await heart.account_key()))
    heart.world.cinetpay.pays(trans_id())
    payment = await process(heart)
    assert payment is not None
    assert (PaymentState.ACCEPTED, [ReportType.CHARGE_SUCCESS]) == (payment.state, await states(heart))


async def test_a_paid_payment_of_a_lost_ledger_is_adopted_and_reported_once(heart: Heart, database: Database) -> None:
    """What CinetPay accepted for that site, currency and amount reaches Saleor, however often it is processed."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    await lose_ledger(database)
    for _ in range(2):
        payment = await process(heart)
        assert payment is not None
        assert (PaymentState.ACCEPTED, False) == (payment.state, payment.open_to_pay)
    await heart.work_off()
    assert [ReportType.CHARGE_SUCCESS] == heart.world.saleor.events(transaction_id())
    history = await heart.ledger.history(trans_id())
    assert [
        Event(kind="adopted"),
        Event(kind="taken_up", detail={"verdict": "accepted", "reason": "accepted", "to": "accepted"}),
    ] == [event for _, event in history][:2]


async def test_a_payment_is_adopted_once_by_many(heart: Heart, other_heart: Heart, database: Database) -> None:
    """Concurrent processes of a lost payment, also while it is being opened, end in one payment and one report."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    await lose_ledger(database)
    answers = await heart.world.clock.turn_until(asyncio.gather(*(one.process() for one in [heart, other_heart] * 4)))
    assert all(answer is not None for answer in answers)
    assert PaymentState.ACCEPTED is (await heart.held()).state
    assert ([ReportType.CHARGE_SUCCESS], 1) == (await states(heart), (await heart.kinds()).count("taken_up"))


async def test_what_saleor_holds_already_is_adopted_without_a_report(heart: Heart, database: Database) -> None:
    """Where Saleor's transaction holds a charge, the adopted payment is accepted and nobody is told again."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    await lose_ledger(database)
    payment = await process(heart, charged_before=True)
    assert payment is not None
    assert (PaymentState.ACCEPTED, []) == (payment.state, await states(heart))


async def test_a_failure_that_saleor_holds_comes_before_the_adopted_success(heart: Heart, database: Database) -> None:
    """Of two events Saleor believes the later one, and CinetPay's clock may be behind."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    await lose_ledger(database)
    failed_at = heart.world.clock.moment + timedelta(seconds=7)
    heart.world.clock.turn(10)
    payment = await process(heart, failed_at=failed_at)
    assert payment is not None
    assert failed_at + timedelta(seconds=1) == payment.success_time


@pytest.mark.parametrize(
    ("asked", "shown", "suspicion"),
    [
        (xof(4999), {}, "amount"),
        (xof(), {"cpm_amount": "4999"}, "amount"),
        (xof(), {"cpm_currency": "XAF"}, "currency"),
        (xof(), {"cpm_site_id": "445161"}, "site_id"),
        (xof(), {"signature": ""}, "signature"),
    ],
)
async def test_what_differs_from_what_saleor_asks_for_is_for_a_person(
    heart: Heart, database: Database, asked: Money, shown: dict[str, str], suspicion: str
) -> None:
    """An adopted payment with another site, currency or amount is in review, watched, and reported to nobody."""
    await heart.open()
    heart.world.cinetpay.shows(trans_id(), cpm_result="00", cpm_trans_status="ACCEPTED", **shown)
    await lose_ledger(database)
    payment = await process(heart, money=asked)
    assert payment is not None
    assert (PaymentState.SUSPECT, suspicion, []) == (payment.state, payment.suspicion, await states(heart))
    heart.world.clock.turn(60)
    await heart.work_off()
    assert (PaymentState.SUSPECT, 2) == ((await heart.held()).state, len(heart.world.cinetpay.looks))


async def test_an_adopted_payment_that_is_not_paid_yet_stays_watched(heart: Heart, database: Database) -> None:
    """The clock looks after it, and its acceptance is reported; it can't be handed over again."""
    await heart.open()
    heart.world.cinetpay.begins(trans_id())
    await lose_ledger(database)
    payment = await process(heart)
    assert payment is not None
    assert (PaymentState.PENDING, False) == (payment.state, payment.open_to_pay)
    assert payment.due_at is not None
    heart.world.cinetpay.pays(trans_id())
    heart.world.clock.turn(6)
    await heart.work_off()
    assert 5000 == heart.world.saleor.charged(transaction_id())


async def test_an_adopted_refusal_without_a_signature_stays_watched(heart: Heart, database: Database) -> None:
    """CinetPay may leave a refusal's fields empty; what the buyer pays afterwards is still seen, by a person."""
    await heart.open()
    heart.world.cinetpay.refuses(trans_id())
    heart.world.cinetpay.shows(trans_id(), cpm_result="604", cpm_trans_status="REFUSED", signature="", cpm_amount="")
    await lose_ledger(database)
    payment = await process(heart)
    assert payment is not None
    assert (PaymentState.PENDING, True) == (payment.state, (await heart.held()).signed)
    heart.world.cinetpay.pays(trans_id())
    heart.world.clock.turn(6)
    await heart.work_off()
    assert (PaymentState.SUSPECT, "signature") == ((await heart.held()).state, (await heart.held()).suspicion)


async def test_a_reply_about_another_payment_adopts_nothing(heart: Heart, database: Database) -> None:
    """Only what CinetPay shows under that very trans id is taken up."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    heart.world.cinetpay.shows(trans_id(), cpm_result="00", cpm_trans_status="ACCEPTED", cpm_trans_id=trans_id(2))
    await lose_ledger(database)
    await heart.install()
    assert await heart.process() is None
    assert await heart.ledger.find(trans_id()) is None


@pytest.mark.parametrize("money", [xof("100.5"), Money(amount=xof().amount, currency="EUR"), xof("-5")])
async def test_what_could_never_have_been_ours_must_start_again(heart: Heart, money: Money) -> None:
    """An amount or currency that we never open is not asked for."""
    assert "START_AGAIN" == (await impossible(heart, money=money)).code
    assert [] == heart.world.cinetpay.looks


async def test_without_an_account_nobody_can_tell(heart: Heart, database: Database, world: World) -> None:
    """A shop that has no account any more is told pending of what is unknown; what is unsigned is asked by its own."""
    without = build_heart(database, world, accounts_of_shops=NoAccounts())
    assert await process(without) is None
    await heart.write(an_opening_payment(2, account_key=await heart.account_key()))
    assert "START_AGAIN" == (await impossible(without, 2)).code


async def test_a_payment_that_is_opened_in_the_moment_of_a_failure_is_answered(
    heart: Heart, other_heart: Heart
) -> None:
    """Where another call opened the payment while process asked about it, there is no failure to tell."""
    account_key = await heart.account_key()
    gates = heart.world.cinetpay.gates
    gates.close(account_key)
    processing = asyncio.create_task(heart.process())
    await gates.someone_waits(account_key)
    with gates.bypassed(account_key):
        opened = await other_heart.open()
    gates.open(account_key)
    assert opened == await processing
    assert (await heart.held()).failure_told_at is None


async def test_the_site_of_an_adopted_payment_is_the_accounts(heart: Heart, database: Database) -> None:
    """What is written down of an adopted payment is what our account and Saleor say, not what CinetPay shows."""
    opened = await heart.open()
    heart.world.cinetpay.begins(trans_id())
    await lose_ledger(database)
    heart.world.clock.turn(60)
    adopted = await process(heart)
    assert adopted is not None
    assert (SITE_ID, opened.amount, opened.signature, NOON + 60 * SECOND) == (
        adopted.fields.site_id,
        adopted.amount,
        adopted.signature,
        adopted.opened_at,
    )
    assert a_payment().fields.designation == adopted.fields.designation
