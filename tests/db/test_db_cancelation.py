"""Cancelation: one look, and only what is not paid is let go of; what is paid all the same is for a person."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import NOON
from payments_kit import SHOP, Heart, a_payment, an_opening_payment, trans_id, transaction_id
from refunds_kit import a_till, reference

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import CinetPayUnavailable, PaymentImpossible
from saleor_cinetpay.payments.cancelation import Cancelation, CancelationRequest, Cancelled
from saleor_cinetpay.payments.conclusion import Conclusion
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.trans_id import TransId

DOWN = CinetPayUnavailable("nobody there", maybe_carried_out=False)


@pytest.fixture
def cancelation(heart: Heart, database: Database) -> Cancelation:
    return Cancelation(database=database, ledger=heart.ledger, settlement=heart.settlement, clock=heart.world.clock)


async def cancel(heart: Heart, cancelation: Cancelation, number: int = 1, shop: str = SHOP) -> Cancelled:
    """Ask for a cancelation, as Saleor does."""
    request = CancelationRequest(
        saleor_api_url=shop,
        transaction_id=transaction_id(number),
        deadline=heart.world.clock.now() + timedelta(seconds=9),
    )
    return (await heart.world.clock.turn_until(cancelation.cancel(request))).outcome


async def problems(heart: Heart) -> list[tuple[str, str]]:
    return [(problem.kind, problem.subject) for _, problem in await heart.ledger.problems.open_of(SHOP)]


async def test_what_nobody_has_paid_is_cancelled(heart: Heart, cancelation: Cancelation) -> None:
    """An open payment is looked at once, marked, and stays watched."""
    await heart.open()
    due_at = (await heart.held()).due_at
    assert Cancelled.DONE is await cancel(heart, cancelation)
    held = await heart.held()
    assert (NOON, PaymentState.PENDING, False) == (held.cancelled_at, held.state, held.open_to_pay)
    assert held.due_at is not None
    assert due_at is not None
    assert 1 == len(heart.world.cinetpay.looks)
    assert ["opened", "signed", "looked_up", "cancelled"] == await heart.kinds()


async def test_a_repeat_changes_nothing(heart: Heart, cancelation: Cancelation) -> None:
    """Asked again the app looks again and answers alike; the first moment stays, and the story tells it once."""
    await heart.open()
    await cancel(heart, cancelation)
    heart.world.clock.turn(60)
    assert Cancelled.DONE is await cancel(heart, cancelation)
    assert NOON == (await heart.held()).cancelled_at
    assert 1 == (await heart.kinds()).count("cancelled")


async def test_what_was_paid_meanwhile_is_not_cancelled(heart: Heart, cancelation: Cancelation) -> None:
    """The one look finds the acceptance: it is reported, and the cancelation fails."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    assert Cancelled.PAID is await cancel(heart, cancelation)
    assert (None, PaymentState.ACCEPTED) == ((await heart.held()).cancelled_at, (await heart.held()).state)
    await heart.work_off()
    assert [ReportType.CHARGE_SUCCESS] == heart.world.saleor.events(transaction_id())
    assert [] == await problems(heart)


async def test_what_is_suspect_is_not_cancelled(heart: Heart, cancelation: Cancelation) -> None:
    """A payment that a person has to decide on can't be let go of."""
    await heart.open()
    heart.world.cinetpay.shows(trans_id(), cpm_result="00", cpm_trans_status="ACCEPTED", cpm_amount="1")
    assert Cancelled.SUSPECT is await cancel(heart, cancelation)
    assert (await heart.held()).cancelled_at is None


async def test_without_an_answer_nothing_is_cancelled(heart: Heart, cancelation: Cancelation) -> None:
    """Where CinetPay does not answer, nobody knows whether it was paid."""
    await heart.open()
    heart.world.cinetpay.looks_fail = DOWN
    assert Cancelled.NO_ANSWER is await cancel(heart, cancelation)
    assert (await heart.held()).cancelled_at is None


async def test_while_cinetpay_hangs(heart: Heart, cancelation: Cancelation) -> None:
    """A look that never ends is given up within the time of the answer."""
    await heart.open()
    heart.world.cinetpay.gates.close(await heart.account_key())
    began_at = heart.world.clock.moment
    assert Cancelled.NO_ANSWER is await cancel(heart, cancelation)
    assert timedelta(seconds=9) >= heart.world.clock.moment - began_at


async def test_a_refused_payment_is_cancelled(heart: Heart, cancelation: Cancelation) -> None:
    """A refusal that still stands at the look is nothing to hold on to."""
    await heart.open()
    heart.world.cinetpay.refuses(trans_id())
    assert Cancelled.DONE is await cancel(heart, cancelation)


async def test_what_was_never_signed_needs_no_look(heart: Heart, cancelation: Cancelation) -> None:
    """Nobody can pay what CinetPay has not signed; it is cancelled without asking, and never signed after."""
    await heart.write(an_opening_payment())
    assert Cancelled.DONE is await cancel(heart, cancelation)
    assert [] == heart.world.cinetpay.looks
    with pytest.raises(PaymentImpossible, match="START_AGAIN"):
        await heart.open()
    assert [] == heart.world.cinetpay.asked_to_sign


async def test_what_is_unknown_is_not_cancelled(heart: Heart, cancelation: Cancelation) -> None:
    """A payment that there is none of, or that is another shop's, is not touched."""
    await heart.open()
    assert Cancelled.UNKNOWN is await cancel(heart, cancelation, number=2)
    assert Cancelled.UNKNOWN is await cancel(heart, cancelation, shop="https://other.example/graphql/")
    assert (await heart.held()).cancelled_at is None


async def test_a_cancelled_payment_is_not_handed_out_again(heart: Heart, cancelation: Cancelation) -> None:
    """Asked to initialize again, the storefront has to start anew."""
    await heart.open()
    await cancel(heart, cancelation)
    with pytest.raises(PaymentImpossible, match="START_AGAIN"):
        await heart.open()


async def test_a_cancelled_payment_that_is_paid(heart: Heart, cancelation: Cancelation) -> None:
    """A late acceptance is charged and told to a person, until the money is paid back; no order is made of it."""
    await heart.open()
    await cancel(heart, cancelation)
    heart.world.cinetpay.pays(trans_id())
    heart.world.clock.turn(60)
    await heart.work_off()
    assert [ReportType.CHARGE_SUCCESS] == heart.world.saleor.events(transaction_id())
    assert [(ProblemKind.PAID_AFTER_CANCELATION, trans_id())] == await problems(heart)


async def test_paying_back_solves_it(heart: Heart, cancelation: Cancelation, database: Database) -> None:
    """The problem stays while anything of the money is left, and goes with the last of it."""
    await heart.open()
    await cancel(heart, cancelation)
    heart.world.cinetpay.pays(trans_id())
    await heart.settlement.settle(trans_id(), trigger="test", wait_s=5)
    till = a_till(heart, database)
    for key, amount, left in [("a", 2000, 1), ("b", 3000, 0)]:
        await till.ask(key, amount)
        await till.pay_back(reference(key))
        assert left == len(await problems(heart))


async def test_an_acceptance_in_the_same_moment(heart: Heart, cancelation: Cancelation) -> None:
    """Whoever of a cancelation and an acceptance writes first, both are true: failed, or cancelled with a problem."""
    await heart.open()
    account_key = await heart.account_key()
    cinetpay = heart.world.cinetpay
    cinetpay.gates.close(account_key)
    cancelling = asyncio.ensure_future(cancel(heart, cancelation))
    await cinetpay.gates.someone_waits(account_key)
    cinetpay.pays(trans_id())
    cinetpay.gates.open(account_key)
    outcome = await cancelling
    held = await heart.held()
    assert (Cancelled.PAID, PaymentState.ACCEPTED, None) == (outcome, held.state, held.cancelled_at)


async def test_a_look_under_way_does_not_lose_the_mark(heart: Heart, cancelation: Cancelation) -> None:
    """What somebody marks while another looks is still marked when that look is written."""
    await heart.write(an_opening_payment())
    claimed = await heart.ledger.claim(trans_id())
    assert claimed is not None
    await cancel(heart, cancelation)
    signed = a_payment()

    def sign(payment: Payment) -> Conclusion:
        return Conclusion(payment=replace(payment, state=signed.state, signature=signed.signature))

    after = await heart.ledger.save(claimed, sign, lambda _before, _after: Event(kind="signed"))
    assert after is not None
    assert NOON == after.cancelled_at
    assert NOON == (await heart.held()).cancelled_at


class Overtaken(Settlement):
    """A settlement after whose look, and before anything is made of it, somebody else finds the payment paid."""

    def __init__(self, own: Settlement, heart: Heart, other: Heart) -> None:
        self._own = own
        self._heart = heart
        self._other = other

    async def settle(
        self,
        trans_id: TransId,
        *,
        trigger: str,
        wait_s: float,
        due_only: bool = False,
        by: str | None = None,
        claimed: Payment | None = None,
    ) -> Payment | None:
        payment = await self._own.settle(trans_id, trigger=trigger, wait_s=wait_s, due_only=due_only, by=by)
        self._heart.world.cinetpay.pays(trans_id)
        await self._other.settlement.settle(trans_id, trigger="other", wait_s=wait_s)
        return payment


async def test_an_acceptance_right_after_the_look(heart: Heart, other_heart: Heart, database: Database) -> None:
    """What another process has accepted since the look is not marked: the cancelation fails, and nobody is misled."""
    await heart.open()
    overtaken = Overtaken(heart.settlement, heart, other_heart)
    cancelation = Cancelation(database=database, ledger=heart.ledger, settlement=overtaken, clock=heart.world.clock)
    assert Cancelled.PAID is await cancel(heart, cancelation)
    held = await heart.held()
    assert (PaymentState.ACCEPTED, None) == (held.state, held.cancelled_at)


async def test_while_somebody_else_looks_without_end(heart: Heart, cancelation: Cancelation) -> None:
    """A look of somebody else's that ends too late says nothing in time, so nothing is cancelled."""
    await heart.open()
    assert await heart.ledger.claim(trans_id()) is not None
    assert Cancelled.NO_ANSWER is await cancel(heart, cancelation)
    assert (await heart.held()).cancelled_at is None
