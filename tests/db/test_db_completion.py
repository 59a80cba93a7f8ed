"""The closed tab: a paid checkout is completed, comes back later, or goes to a person; and what else comes after."""

import base64
from collections.abc import Callable
from datetime import timedelta

import pytest
from payments_kit import CHANNEL_ID, SHOP, Heart, an_order, lose_ledger, trans_id, transaction_id
from refunds_kit import a_till, reference
from sqlalchemy import select, update

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorError, SaleorRefused, SaleorUnavailable
from saleor_cinetpay.payments.completion import CheckoutState
from saleor_cinetpay.payments.decisions import Decisions, NothingToDecide
from saleor_cinetpay.payments.opening import Source
from saleor_cinetpay.payments.problems import ProblemKind, Problems
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.payments.tables import completions, payments
from saleor_cinetpay.payments.tables import problems as told
from saleor_cinetpay.shops.tables import installations

CHECKOUT = base64.b64encode(b"Checkout:1").decode()
GRACE_S = 600


async def paid(heart: Heart, state: CheckoutState = CheckoutState.CHARGED) -> None:
    """Have a checkout paid, and Saleor say that of it."""
    heart.world.saleor.checkouts[CHECKOUT] = state
    source = Source(id=CHECKOUT, number=None, channel=an_order().channel, channel_id=CHANNEL_ID, total=None)
    await heart.open(source=source)
    heart.world.cinetpay.pays(trans_id())
    heart.world.clock.turn(5)
    await heart.work_off()


async def outcome(database: Database) -> tuple[str | None, bool]:
    """Return what came of the completion, and whether it will be tried again."""
    async with database.read() as connection:
        row = (await connection.execute(select(completions))).one()
    return row.outcome, row.due_at is not None


async def test_a_checkout_whose_money_goes_back_is_left_alone(heart: Heart, database: Database) -> None:
    """While a refund waits the checkout waits too; once it is paid back nobody wants an order, nor is told of one."""
    await paid(heart)
    till = a_till(heart, database)
    await till.ask()
    heart.world.saleor.checkouts[CHECKOUT] = CheckoutState.NOT_CHARGED
    heart.world.clock.turn(2 * 3600)
    await heart.work_off()
    assert (None, True) == await outcome(database)
    await till.pay_back(reference())
    heart.world.clock.turn(2 * 3600)
    await heart.work_off()
    assert ("refunded", False) == await outcome(database)
    assert [] == await till.open_problems()


async def test_a_charged_checkout_is_completed_after_its_grace(heart: Heart, database: Database) -> None:
    """Before the grace time is over nothing happens; then the checkout becomes an order, once."""
    await paid(heart)
    heart.world.clock.turn(GRACE_S - 6)
    await heart.work_off()
    assert (None, True) == await outcome(database)
    heart.world.clock.turn(6)
    await heart.work_off()
    assert ("completed", False) == await outcome(database)
    assert CHECKOUT not in heart.world.saleor.checkouts


@pytest.mark.parametrize(
    "down",
    [
        SaleorUnavailable("away", maybe_carried_out=False),
        SaleorRefused(code="PERMISSION_DENIED", message="deleted"),
        SaleorRefused(code="UNAUTHENTICATED", message="deleted"),
    ],
)
async def test_a_saleor_that_cannot_answer_is_asked_later(heart: Heart, database: Database, down: SaleorError) -> None:
    """Neither an outage nor a deleted app ends the work; it is done when Saleor answers again."""
    await paid(heart)
    heart.world.saleor.down = down
    heart.world.clock.turn(GRACE_S)
    await heart.work_off()
    assert (None, True) == await outcome(database)
    heart.world.saleor.down = None
    heart.world.clock.turn(60)
    await heart.work_off()
    assert ("completed", False) == await outcome(database)


async def test_a_missing_installation_is_waited_for(heart: Heart, database: Database) -> None:
    """Where the app is not installed just now, the completion waits."""
    await paid(heart)
    async with database.write() as connection:
        await connection.execute(installations.delete())
    heart.world.clock.turn(GRACE_S)
    await heart.work_off()
    assert (None, True) == await outcome(database)


async def test_an_uncharged_checkout_goes_to_a_person_in_the_end(heart: Heart, database: Database) -> None:
    """Saleor gets time to count the charge; after that a person is told, with the reason."""
    await paid(heart, CheckoutState.NOT_CHARGED)
    heart.world.clock.turn(GRACE_S)
    await heart.work_off()
    assert (None, True) == await outcome(database)
    for _ in range(30):
        heart.world.clock.turn(60)
        await heart.work_off()
    assert ("not_completed", True) == await outcome(database)
    ((_, problem),) = await Problems(database).open_of(SHOP)
    assert (ProblemKind.NOT_COMPLETED, trans_id()) == (problem.kind, problem.trans_id)
    assert "checkout_not_completed" in await heart.kinds()


async def given_up(heart: Heart) -> None:
    """Have the app tell a person of a paid checkout that Saleor does not count as charged."""
    await paid(heart, CheckoutState.NOT_CHARGED)
    heart.world.clock.turn(GRACE_S)
    await heart.work_off()
    for _ in range(30):
        heart.world.clock.turn(60)
        await heart.work_off()


async def problems(database: Database) -> list[ProblemKind]:
    """Return what the shop is told to act on."""
    return [problem.kind for _, problem in await Problems(database).open_of(SHOP)]


async def test_a_checkout_that_a_person_puts_right_is_completed(heart: Heart, database: Database) -> None:
    """The app goes on looking: what can be completed later is, and nobody is told of it any more, nor is Saleor."""
    await given_up(heart)
    assert [ProblemKind.NOT_COMPLETED] == await problems(database)
    heart.world.saleor.checkouts[CHECKOUT] = CheckoutState.CHARGED
    heart.world.clock.turn(900)
    await heart.work_off()
    assert ("completed", False) == await outcome(database)
    assert [] == await problems(database)
    async with database.read() as connection:
        row = (await connection.execute(select(told))).one()
    assert row.due_at is not None  # so that Saleor's Dashboard takes it down
    assert row.solved_at is not None


async def test_a_checkout_that_a_person_completes_is_told_no_more(heart: Heart, database: Database) -> None:
    """A checkout that is gone has become an order, if Saleor names one."""
    await given_up(heart)
    del heart.world.saleor.checkouts[CHECKOUT]
    async with database.write() as connection:
        await connection.execute(update(payments).values(order_id="T3JkZXI6MQ=="))
    heart.world.clock.turn(900)
    await heart.work_off()
    assert ("gone", False) == await outcome(database)
    assert [] == await problems(database)


async def test_a_deleted_checkout_stays_a_problem(heart: Heart, database: Database) -> None:
    """A checkout that is gone without an order was deleted: the buyer has paid for nothing."""
    await given_up(heart)
    del heart.world.saleor.checkouts[CHECKOUT]
    heart.world.clock.turn(900)
    await heart.work_off()
    assert ("not_completed", True) == await outcome(database)
    assert [ProblemKind.NOT_COMPLETED] == await problems(database)


async def test_a_checkout_is_not_looked_at_for_ever(heart: Heart, database: Database) -> None:
    """For two weeks it is looked at, ever more slowly; its history has one entry, as nothing is news."""
    await given_up(heart)
    looks = 0
    while (await outcome(database))[1]:
        heart.world.clock.turn(6 * 3600)
        await heart.work_off()
        looks += 1
    assert 14 * 4 == looks
    assert 1 == (await heart.kinds()).count("checkout_not_completed")


async def test_a_checkout_that_a_person_has_dealt_with_is_let_be(heart: Heart, database: Database) -> None:
    """Whoever dismisses the problem has decided; the app does not complete the checkout behind their back."""
    await given_up(heart)
    now = heart.world.clock.now()
    key = f"{ProblemKind.NOT_COMPLETED}:{trans_id()}"
    assert await Problems(database).dismiss(SHOP, key, by="desk@shop.example", now=now)
    heart.world.saleor.checkouts[CHECKOUT] = CheckoutState.CHARGED
    heart.world.clock.turn(900)
    await heart.work_off()
    assert ("not_completed", False) == await outcome(database)
    assert CHECKOUT in heart.world.saleor.checkouts


async def test_money_that_goes_back_solves_it_too(heart: Heart, database: Database) -> None:
    """Once the money is paid back nobody wants an order."""
    await given_up(heart)
    till = a_till(heart, database)
    await till.ask()
    await till.pay_back(reference())
    heart.world.clock.turn(2 * 3600)
    await heart.work_off()
    assert ("refunded", False) == await outcome(database)
    assert [] == await problems(database)


async def test_a_charge_on_its_way_is_waited_for(heart: Heart, database: Database) -> None:
    """However long Saleor was away, the completion does not give up before the report has arrived."""
    heart.world.saleor.down = SaleorUnavailable("away", maybe_carried_out=False)
    await paid(heart, CheckoutState.NOT_CHARGED)
    heart.world.clock.turn(3600)
    await heart.work_off()
    async with database.write() as connection:
        await connection.execute(update(completions).values(due_at=heart.world.clock.now()))
    heart.world.saleor.down = None
    (due,) = await heart.completion.claim_due(1)
    await heart.completion.complete(due)
    assert (None, True) == await outcome(database)


async def test_a_lost_lease_closes_nothing(heart: Heart, database: Database) -> None:
    """Whoever was too slow leaves the completion to the one who has it now."""
    await paid(heart)
    heart.world.clock.turn(GRACE_S)
    (late,) = await heart.completion.claim_due(1)
    heart.world.clock.turn(31)
    assert 1 == len(await heart.completion.claim_due(1, except_shops=["https://other.example/graphql/"]))
    await heart.completion.complete(late)
    assert (None, True) == await outcome(database)


async def test_a_registration_takes_waiting_reports_up_again(heart: Heart) -> None:
    """A report that backs off is due at once when its Saleor registers."""
    heart.world.saleor.down = SaleorUnavailable("away", maybe_carried_out=False)
    await paid(heart)
    heart.world.clock.turn(20_000)
    await heart.work_off()
    heart.world.saleor.down = None
    assert [] == await heart.ledger.claim_due_reports(1)
    await heart.ledger.take_up_again(SHOP)
    await heart.work_off()
    assert [ReportType.CHARGE_SUCCESS] == heart.world.saleor.events(transaction_id())


def desk(heart: Heart) -> Decisions:
    """Return what carries people's decisions out."""
    return Decisions(ledger=heart.ledger, settlement=heart.settlement, clock=heart.world.clock)


@pytest.mark.parametrize("decision", ["accept", "refuse"])
async def test_a_payment_that_is_being_looked_at_is_decided_later(heart: Heart, decision: str) -> None:
    """While somebody holds the lease a person is asked to try again."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    heart.world.cinetpay.shows(trans_id(), cpm_result="00", cpm_trans_status="ACCEPTED", cpm_amount="4999")
    heart.world.clock.turn(5)
    await heart.work_off()
    decide: Callable[..., object] = getattr(desk(heart), decision)
    assert await heart.ledger.claim(trans_id()) is not None
    with pytest.raises(NothingToDecide, match="being looked at"):
        await decide(trans_id(), by="desk@shop.example")  # type: ignore[misc]


async def test_a_buyer_who_goes_to_the_page_again_gets_the_grace_again(heart: Heart) -> None:
    """After a return, initialize hands the form out once more; a wrong code then is not final at once."""
    await heart.open()
    await heart.ledger.nudge(trans_id(), buyer_back=True)
    assert (await heart.held()).buyer_back_at is not None
    await heart.open()
    assert (await heart.held()).buyer_back_at is None
    assert "handed_over" in await heart.kinds()


async def test_initialize_after_a_lost_ledger_adopts_what_was_paid(heart: Heart, database: Database) -> None:
    """Where Saleor has our reference and our ledger nothing, CinetPay is asked before anything is signed again."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    signed = len(heart.world.cinetpay.asked_to_sign)
    await lose_ledger(database)
    await heart.install()
    payment = await heart.open(known_reference=trans_id())
    assert ("accepted", signed) == (payment.state, len(heart.world.cinetpay.asked_to_sign))


async def test_a_lost_ledger_does_not_forget_the_failure_that_saleor_was_told(heart: Heart, database: Database) -> None:
    """The failure's time comes from Saleor's own events, so that the success after it is the later one."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    await lose_ledger(database)
    await heart.install()
    failed_at = heart.world.clock.moment + timedelta(seconds=7)
    heart.world.clock.turn(10)
    payment = await heart.open(known_reference=trans_id(), failed_at=failed_at)
    assert failed_at + timedelta(seconds=1) == payment.success_time
