"""Refund requests: kept once, never more than was paid, and decided on once."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from fakes import NOON
from payments_kit import SHOP, Heart, an_order, trans_id, transaction_id
from refunds_kit import AWA, Till, a_till, reference
from sqlalchemy import delete, select

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorRefused
from saleor_cinetpay.money import Money
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.payments.refund import RefundState
from saleor_cinetpay.payments.refund_decisions import AlreadyDecided, NeedsConfirmation, NoSuchRefund, SaleorsView
from saleor_cinetpay.payments.refunds import RefundAnswer
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.payments.tables import payments, refunds
from saleor_cinetpay.recent import RECENT
from saleor_cinetpay.shops.tables import installations

WAITING, PAID_BACK, DECLINED, REJECTED, _ = RefundState
CHARGED = [ReportType.CHARGE_SUCCESS]


@pytest.fixture
def till(heart: Heart, database: Database) -> Till:
    return a_till(heart, database)


@pytest.fixture
def other_till(other_heart: Heart, other_database: Database) -> Till:
    return a_till(other_heart, other_database)


async def test_a_request_waits_for_a_person(till: Till) -> None:
    """A request gets the reference of its key, is kept with its reason, and is a person's to act on."""
    await till.paid()
    assert RefundAnswer(reference=reference()) == await till.ask(amount=2000)
    assert [(WAITING, 2000)] == await till.held()
    assert [(ProblemKind.REFUND_WAITING, reference())] == await till.open_problems()
    asked = Event(kind="refund_asked", detail={"reference": reference(), "amount": "2000 XOF", "by": None})
    assert asked == (await till.heart.ledger.history(trans_id()))[-1][1]


async def test_a_repeat_gets_the_same_answer(till: Till) -> None:
    """The same key again is the same request, before and after it was decided on; nothing is kept twice."""
    await till.paid()
    first = await till.ask()
    assert first == await till.ask()
    await till.pay_back(first.reference)
    assert first == await till.ask()
    assert [(PAID_BACK, 5000)] == await till.held()


async def test_a_rejection_is_repeated_too(till: Till) -> None:
    """A request that was turned away stays so, also when there is room for it: Saleor has booked the failure."""
    await till.paid()
    await till.ask("first")
    rejected = await till.ask("second")
    assert rejected.rejection is not None
    await till.decisions.decline(SHOP, reference("first"), by=AWA, note="mistake")
    assert rejected == await till.ask("second")
    assert [(DECLINED, 5000), (REJECTED, 5000)] == await till.held()


async def test_a_key_with_another_amount_is_no_repeat(till: Till) -> None:
    """A key that comes with another amount is rejected, and what was kept stays as it was."""
    await till.paid()
    await till.ask(amount=2000)
    other = await till.ask(amount=3000)
    assert "2000 XOF" in (other.rejection or "")
    assert reference() != other.reference
    assert [(WAITING, 2000)] == await till.held()


async def test_never_more_than_was_paid(till: Till) -> None:
    """What waits and what is paid back fill the payment exactly; one franc more names the request that waits."""
    await till.paid()
    await till.ask("a", 3000)
    await till.pay_back(reference("a"))
    await till.ask("b", 2000)
    rejection = (await till.ask("c", 1)).rejection
    assert rejection is not None
    assert reference("b") in rejection
    assert "2000 XOF" in rejection
    assert "0 XOF" in rejection
    assert [(PAID_BACK, 3000), (REJECTED, 1), (WAITING, 2000)] == await till.held()


async def test_what_was_declined_can_be_asked_again(till: Till) -> None:
    """A declined request takes no room."""
    await till.paid()
    await till.ask("a")
    await till.decisions.decline(SHOP, reference("a"), by=AWA, note="asked by mistake")
    assert (await till.ask("b")).rejection is None


@pytest.mark.parametrize("amount", ["0", "-1", "0.5", "4999.5", "5001", "1e300"])
async def test_amounts_that_can_not_be(till: Till, amount: str) -> None:
    """Nothing, less than nothing, parts of a franc and more than was paid are rejected and not kept."""
    await till.paid()
    assert (await till.ask(amount=amount)).rejection is not None
    assert [] == await till.held()


async def test_another_currency(till: Till) -> None:
    """Francs were paid, so no other money goes back."""
    await till.paid()
    euros = Money(amount=Decimal(5000), currency="EUR")
    assert "EUR" in ((await till.ask(money=euros)).rejection or "")
    assert [] == await till.held()


async def test_what_was_never_paid(till: Till) -> None:
    """A pending payment has nothing to give back, and that answer stays, also once it is paid."""
    await till.heart.open()
    rejected = await till.ask()
    assert rejected.rejection is not None
    till.heart.world.cinetpay.pays(trans_id())
    await till.heart.settlement.settle(trans_id(), trigger="test", wait_s=5)
    assert rejected == await till.ask()


async def test_a_payment_of_another_shop_is_unknown(till: Till) -> None:
    """A shop can ask for its own payments' money only."""
    await till.paid()
    assert (await till.ask(saleor_api_url="https://other.example/graphql/")).rejection is not None
    assert (await till.ask(number=2)).rejection is not None
    assert [] == await till.held()


async def test_requests_that_come_together(till: Till, other_till: Till) -> None:
    """Of many requests at the same instant, in two processes, only as many are kept as the payment bears."""
    await till.paid()
    asking = [one.ask(f"{number}", 1500) for number, one in enumerate([till, other_till] * 5)]
    answers = await asyncio.gather(*asking)
    assert 3 == len([answer for answer in answers if answer.rejection is None])
    assert 3 == len([state for state, _ in await till.held() if state is WAITING])


async def test_the_same_request_in_two_processes(till: Till, other_till: Till) -> None:
    """One request that arrives many times at once is kept once, and always gets the same answer."""
    await till.paid()
    answers = await asyncio.gather(*[one.ask() for one in [till, other_till] * 4])
    assert {RefundAnswer(reference=reference())} == set(answers)
    assert [(WAITING, 5000)] == await till.held()


async def test_paid_back_is_reported_once(till: Till) -> None:
    """Paying back tells Saleor of a success with the refund's own reference, and who, when and how is kept."""
    await till.paid()
    await till.ask(amount=2000)
    till.heart.world.clock.turn(60)
    refund = await till.pay_back(reference())
    assert (PAID_BACK, "Wave T-1", AWA, NOON + timedelta(seconds=60)) == (
        refund.state,
        refund.note,
        refund.decided_by,
        refund.decided_at,
    )
    await till.heart.work_off()
    saleor = till.heart.world.saleor
    assert [*CHARGED, ReportType.REFUND_SUCCESS] == saleor.events(transaction_id())
    assert (3000, 2000) == (saleor.charged(transaction_id()), saleor.refunded(transaction_id()))
    assert [] == await till.open_problems()
    (report, _) = (await till.heart.ledger.reports_of(trans_id()))[-1]
    assert (reference(), 2000, "Remboursé à la main\u00a0: Wave T-1") == (
        report.psp_reference,
        report.amount,
        report.message,
    )
    told = {"reference": reference(), "amount": "2000 XOF", "by": AWA, "note": "Wave T-1"}
    assert Event(kind="refund_paid_back", detail=told) in [
        event for _, event in await till.heart.ledger.history(trans_id())
    ]


async def test_each_refund_that_saleor_refuses_is_told(till: Till) -> None:
    """Two refused refunds of one payment are two matters, and each goes when Saleor takes that refund."""
    heart = till.heart
    await till.paid()
    for key in ("one", "two"):
        await till.ask(key, 1000)
        await till.pay_back(reference(key))
    heart.world.clock.turn(3600)
    heart.world.saleor.down = SaleorRefused(code="INVALID", message="no")
    await heart.work_off()
    refused = [(ProblemKind.REPORT_REFUSED, f"{reference(key)}:REFUND_SUCCESS") for key in ("one", "two")]
    assert sorted(refused) == sorted(await till.open_problems())
    assert {reference("one"), reference("two")} == {
        problem.detail["reference"] for _, problem in await till.problems.open_of(SHOP)
    }
    heart.world.saleor.down = None
    heart.world.clock.turn(3600)
    (first,) = await heart.ledger.claim_due_reports(1)
    await heart.delivery.deliver(first)
    left = next(one for one in refused if not one[1].startswith(first.report.psp_reference))
    assert [left] == await till.open_problems()


async def test_declined_is_reported_once(till: Till) -> None:
    """Declining tells Saleor of a failure with the reason, and the charge stays."""
    await till.paid()
    await till.ask()
    await till.decisions.decline(SHOP, reference(), by=AWA, note="  the buyer\n kept it ")
    await till.heart.work_off()
    assert [*CHARGED, ReportType.REFUND_FAILURE] == till.heart.world.saleor.events(transaction_id())
    assert 5000 == till.heart.world.saleor.charged(transaction_id())
    (report, _) = (await till.heart.ledger.reports_of(trans_id()))[-1]
    assert "Remboursement refusé\u00a0: the buyer kept it" == report.message
    assert [] == await till.open_problems()


async def test_two_admins_at_once(till: Till, other_till: Till) -> None:
    """Of decisions at the same instant one counts; the others are told what was decided, and Saleor hears one."""
    await till.paid()
    await till.ask()
    done = await asyncio.gather(
        till.pay_back(reference(), by="one"),
        other_till.decisions.decline(SHOP, reference(), by="two", note="no"),
        other_till.pay_back(reference(), by="three"),
        return_exceptions=True,
    )
    late = [one for one in done if isinstance(one, AlreadyDecided)]
    (first,) = [one for one in done if not isinstance(one, BaseException)]
    assert [first, first] == [one.refund for one in late]
    await till.heart.work_off()
    assert 2 == len(till.heart.world.saleor.events(transaction_id()))


async def test_there_is_nothing_to_decide_on_what_is_unknown(till: Till) -> None:
    """An unknown reference, another shop's, and a rejected request can't be decided on."""
    await till.paid()
    await till.ask("first")
    await till.ask("rejected")
    for shop, one in [
        (SHOP, "nonsense"),
        ("https://other.example/graphql/", reference("first")),
        (SHOP, reference("rejected")),
    ]:
        with pytest.raises(NoSuchRefund):
            await till.decisions.pay_back(shop, one, by=AWA, note="x", confirmed=True)
        with pytest.raises(NoSuchRefund):
            await till.decisions.decline(shop, one, by=AWA, note="x")


@pytest.mark.parametrize(
    ("events", "view"),
    [
        ([("REFUND_REQUEST", ""), ("REFUND_FAILURE", "")], SaleorsView.FAILED),
        ([("REFUND_REQUEST", reference()), ("REFUND_FAILURE", reference())], SaleorsView.FAILED),
        ([("REFUND_REQUEST", reference()), ("REFUND_SUCCESS", reference())], SaleorsView.PAID_BACK),
        ([("REFUND_REQUEST", reference("other"))], SaleorsView.FAILED),
        ([], SaleorsView.FAILED),
    ],
)
async def test_what_saleor_does_not_wait_for_needs_a_second_word(
    till: Till, events: list[tuple[str, str]], view: SaleorsView
) -> None:
    """Where Saleor counts a request as failed, staff may have asked again; paying it back has to be confirmed."""
    await till.paid()
    await till.ask()
    till.saleor_holds(*events)
    with pytest.raises(NeedsConfirmation) as needed:
        await till.decisions.pay_back(SHOP, reference(), by=AWA, note="x")
    assert view is needed.value.view
    assert [(WAITING, 5000)] == await till.held()
    await till.decisions.pay_back(SHOP, reference(), by=AWA, note="x", confirmed=True)
    assert [(PAID_BACK, 5000)] == await till.held()


async def test_what_saleor_waits_for_needs_none(till: Till) -> None:
    """Where Saleor waits for this very request, one word is enough."""
    await till.paid()
    await till.ask()
    till.saleor_holds(("REFUND_REQUEST", ""), ("REFUND_FAILURE", ""), ("REFUND_REQUEST", reference()))
    await till.decisions.pay_back(SHOP, reference(), by=AWA, note="x")
    assert [(PAID_BACK, 5000)] == await till.held()


async def test_a_saleor_that_can_not_be_asked_needs_a_second_word(till: Till) -> None:
    """Where Saleor is away, or has deleted the app, nobody knows what it counts."""
    await till.paid()
    await till.ask()
    till.saleor_holds(("REFUND_REQUEST", reference()))
    till.books.away.add(SHOP)
    with pytest.raises(NeedsConfirmation) as needed:
        await till.decisions.pay_back(SHOP, reference(), by=AWA, note="x")
    assert SaleorsView.UNKNOWN is needed.value.view


async def test_refunds_outlive_the_installation(till: Till, database: Database) -> None:
    """With the app deleted a refund can be decided on; its report waits for the next installation, then goes out."""
    await till.paid()
    await till.ask()
    async with database.write() as connection:
        await connection.execute(delete(installations))
    till.heart.world.clock.turn(RECENT.total_seconds())
    await till.pay_back(reference())
    await till.heart.work_off()
    assert CHARGED == till.heart.world.saleor.events(transaction_id())
    await till.heart.install()
    await till.heart.ledger.take_up_again(SHOP)
    await till.heart.work_off()
    assert [*CHARGED, ReportType.REFUND_SUCCESS] == till.heart.world.saleor.events(transaction_id())


async def test_a_double_payment_is_solved_by_paying_back(till: Till) -> None:
    """What was paid too much for one order is a problem until it is paid back, whichever payment it is taken from."""
    await till.paid(1, source=an_order(7))
    await till.paid(2, source=an_order(7))
    double = (ProblemKind.DOUBLE_PAYMENT, trans_id(2))
    assert [double] == await till.open_problems()
    await till.ask("part", 2000)
    await till.pay_back(reference("part"))
    assert [double] == await till.open_problems()
    await till.ask("rest", 3000)
    await till.pay_back(reference("rest"))
    assert [] == await till.open_problems()


async def test_a_payment_after_a_refund_is_no_double(till: Till) -> None:
    """A buyer who got everything back and pays the order again has paid it once."""
    await till.paid(1, source=an_order(7))
    await till.ask()
    await till.pay_back(reference())
    await till.paid(2, source=an_order(7))
    assert [] == await till.open_problems()


async def test_the_number_that_paid_is_kept_sealed(till: Till, database: Database) -> None:
    """Money goes back to the number that CinetPay saw; the ledger shows its last four digits only."""
    await till.heart.open()
    till.heart.world.cinetpay.pays(trans_id(), phone="0707080910")
    await till.heart.settlement.settle(trans_id(), trigger="test", wait_s=5)
    phone = (await till.heart.held()).phone
    assert phone is not None
    assert ("225", "0707080910") == (phone.prefix, phone.number)
    async with database.read() as connection:
        row = (await connection.execute(select(payments))).one()
    assert "0910" == row.phone_tail
    assert "0707080910" not in str(tuple(row))


async def test_the_storefronts_number_is_the_fallback(till: Till) -> None:
    """Where CinetPay shows no number, money goes back to the one that the storefront gave."""
    await till.paid(data={"phoneNumber": "+225 07 07 08 09 11"})
    phone = (await till.heart.held()).phone
    assert phone is not None
    assert "0707080911" == phone.number


async def test_strange_reasons_are_kept_in_bounds(till: Till, database: Database) -> None:
    """A reason of any length is kept, cut to what a page can show."""
    await till.paid()
    await till.ask(reason="x" * 5000, asked_by="y" * 500)
    async with database.read() as connection:
        row = (await connection.execute(select(refunds))).one()
    assert (2000, 255) == (len(row.reason), len(row.asked_by))
