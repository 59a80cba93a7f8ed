"""Money too much, where a checkout became an order: payments of the one count together with payments of the other."""

import asyncio
import base64
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes import NOON
from payments_kit import SECRETS, SHOP, Heart, a_payment, an_order, trans_id, xof
from plans_kit import plan_of
from refunds_kit import AWA, Till, a_till, reference
from sqlalchemy import Engine, event, insert, select, text, update

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.decisions import Decisions
from saleor_cinetpay.payments.opening import Source
from saleor_cinetpay.payments.orders import Orders
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.rows import row_of
from saleor_cinetpay.payments.surplus import raise_surplus
from saleor_cinetpay.payments.tables import payments

OTHER_SHOP = "https://other.example/graphql/"
ORDER = an_order(7, "1007")
NO_NUMBER = an_order(7)
"""The same, as a Saleor that names no number sends it: its payment knows the order as its source only."""
CHECKOUT = replace(an_order(7), id=base64.b64encode(b"Checkout:c7").decode())
CHECKOUT_BESIDE = replace(CHECKOUT, id=base64.b64encode(b"Checkout:c8").decode())
SECOND = timedelta(seconds=1)
WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
DOUBLE = ProblemKind.DOUBLE_PAYMENT


@pytest.fixture
def till(heart: Heart, database: Database) -> Till:
    return a_till(heart, database)


def orders_of(till: Till, database: Database) -> Orders:
    """Wire what learns orders, in one process or another."""
    heart = till.heart
    return Orders(
        database=database, transactions=till.books, installations=heart.installations, clock=heart.world.clock
    )


async def learned(till: Till, *numbers: int, order: Source = ORDER) -> None:
    """Have payments learn their order, as they do once the checkout is completed."""
    named = [trans_id(number) for number in numbers]
    await orders_of(till, till.database).note(SHOP, named, order_id=order.id, order_number=str(order.number))


async def others(till: Till) -> dict[str, list[str]]:
    """Return the double payments that are raised, and which other payments each names."""
    raised = [problem for _, problem in await till.problems.open_of(SHOP) if problem.kind is DOUBLE]
    return {problem.subject: sorted(problem.detail["others"]) for problem in raised}


@pytest.mark.parametrize("order", [ORDER, NO_NUMBER], ids=["numbered", "no number"])
async def test_an_order_paid_again_after_its_checkout(till: Till, order: Source) -> None:
    """Who paid the checkout and then the order that it became has paid twice."""
    await till.paid(1, source=CHECKOUT)
    await learned(till, 1)
    await till.paid(2, source=order)
    assert {trans_id(2): [trans_id(1)]} == await others(till)


@pytest.mark.parametrize("order", [ORDER, NO_NUMBER], ids=["numbered", "no number"])
async def test_a_checkout_accepted_late(till: Till, order: Source) -> None:
    """The order may be paid first, and its checkout accepted after that."""
    await till.heart.open(1, source=CHECKOUT)
    await learned(till, 1)
    await till.paid(2, source=order)
    till.heart.world.cinetpay.pays(trans_id(1))
    await till.heart.settlement.settle(trans_id(1), trigger="test", wait_s=5)
    assert {trans_id(1): [trans_id(2)]} == await others(till)


async def test_two_checkouts_of_one_order(till: Till) -> None:
    """Payments that have learned the same order count together, whatever their sources were."""
    await till.paid(1, source=CHECKOUT)
    await till.heart.open(2, source=CHECKOUT_BESIDE)
    await learned(till, 1, 2)
    till.heart.world.cinetpay.pays(trans_id(2))
    await till.heart.settlement.settle(trans_id(2), trigger="test", wait_s=5)
    assert {trans_id(2): [trans_id(1)]} == await others(till)


@pytest.mark.parametrize("order", [None, an_order(8, "1008")], ids=["unknown", "another"])
async def test_payments_of_other_orders(till: Till, order: Source | None) -> None:
    """A checkout whose order nobody knows, or that became another one, is none of this order's."""
    await till.paid(1, source=CHECKOUT)
    if order is not None:
        await learned(till, 1, order=order)
    await till.paid(2, source=ORDER)
    assert {} == await others(till)


async def test_an_order_of_another_shop(till: Till) -> None:
    """Two shops may have orders of one id."""
    await till.heart.install(OTHER_SHOP)
    await till.paid(1, source=ORDER, saleor_api_url=OTHER_SHOP)
    await till.paid(2, source=ORDER)
    assert {} == await others(till)


async def test_a_payment_that_does_not_know_what_it_costs(till: Till) -> None:
    """One that was found again after a lost ledger does not; what the other knows counts: here both pay a part."""
    await till.paid(1, source=ORDER, money=xof(2000))
    till.heart.world.clock.turn(60)
    await till.paid(2, source=replace(ORDER, total=None), money=xof(3000))
    assert {} == await others(till)
    await till.paid(3, source=replace(ORDER, total=None), money=xof(1000))
    assert {trans_id(3): [trans_id(1), trans_id(2)]} == await others(till)


@pytest.mark.parametrize(("first", "last"), [(2, 3), (3, 2)], ids=["order first", "checkout first"])
async def test_a_checkout_of_another_shop(till: Till, first: int, last: int) -> None:
    """That a checkout became this order over there says nothing about what has the same ids here."""
    await till.heart.install(OTHER_SHOP)
    await till.heart.open(1, source=CHECKOUT, saleor_api_url=OTHER_SHOP)
    there = orders_of(till, till.database)
    await there.note(OTHER_SHOP, [trans_id(1)], order_id=ORDER.id, order_number="1007")
    for number in (first, last):
        await till.paid(number, source={2: ORDER, 3: CHECKOUT}[number])
    assert {} == await others(till)


async def test_one_that_pays_too_much_by_itself(till: Till) -> None:
    """Where the other was paid back, nobody has paid twice: a buyer may choose to pay more than it costs."""
    await till.paid(1, source=ORDER)
    await till.ask()
    await till.pay_back(reference())
    await till.paid(2, source=ORDER, money=xof(6000))
    assert {} == await others(till)


async def test_an_order_that_has_grown(till: Till) -> None:
    """What counts is what it cost when the last payment was opened: staff added to it, the buyer pays the rest."""
    await till.heart.open(1, source=CHECKOUT)
    await learned(till, 1)
    till.heart.world.clock.turn(timedelta(minutes=5).total_seconds())
    await till.paid(2, source=replace(ORDER, total=xof(7000)), money=xof(2000))
    till.heart.world.cinetpay.pays(trans_id(1))
    await till.heart.settlement.settle(trans_id(1), trigger="test", wait_s=5)
    assert {} == await others(till)


@pytest.mark.parametrize("order", [ORDER, NO_NUMBER], ids=["numbered", "no number"])
@pytest.mark.parametrize(("first", "last"), [(1, 2), (2, 1)], ids=["checkout first", "order first"])
async def test_an_order_learned_late(till: Till, order: Source, first: int, last: int) -> None:
    """Both were accepted before anybody knew that they pay the same: it is told then, of the one that was paid last."""
    for number in (first, last):
        await till.paid(number, source={1: CHECKOUT, 2: order}[number])
        till.heart.world.clock.turn(60)
    assert {} == await others(till)
    await learned(till, 1)
    assert {trans_id(last): [trans_id(first)]} == await others(till)


async def test_an_order_learned_with_another_of_its_checkout(till: Till) -> None:
    """Who learns the order of one payment learns it for all of the checkout; another shop's is left alone."""
    await till.heart.install(OTHER_SHOP)
    for number, shop in ((1, SHOP), (3, SHOP), (4, OTHER_SHOP)):
        await till.heart.open(number, source=CHECKOUT, saleor_api_url=shop)
    await till.heart.open(5, source=CHECKOUT_BESIDE)
    await till.paid(2, source=ORDER)
    await learned(till, 1)
    known = {number: (await till.heart.held(number)).order_number for number in range(1, 6)}
    assert {1: "1007", 2: "1007", 3: "1007", 4: None, 5: None} == known
    till.heart.world.cinetpay.pays(trans_id(3))
    await till.heart.settlement.settle(trans_id(3), trigger="test", wait_s=5)
    assert {trans_id(3): [trans_id(2)]} == await others(till)


async def test_an_order_that_is_known_stays(till: Till) -> None:
    """What a payment has learned once is not learned anew."""
    await till.heart.open(1, source=CHECKOUT)
    await learned(till, 1)
    await learned(till, 1, order=an_order(8, "1008"))
    payment = await till.heart.held(1)
    assert (ORDER.id, "1007") == (payment.order_id, payment.order_number)


async def test_that_there_is_an_order_is_good_for_all_of_its_checkout(till: Till) -> None:
    """That it has become none is told of neither payment any more."""
    for number in (1, 3):
        await till.heart.open(number, source=CHECKOUT, money=xof(2500))
        till.heart.world.cinetpay.pays(trans_id(number))
        await till.heart.settlement.settle(trans_id(number), trigger="test", wait_s=5)
        no_order = Problem(
            kind=ProblemKind.NOT_COMPLETED, saleor_api_url=SHOP, subject=trans_id(number), trans_id=trans_id(number)
        )
        await till.problems.raise_now(no_order, NOON)
    await learned(till, 1)
    assert [] == await till.open_problems()


@pytest.mark.parametrize(("first", "last"), [(1, 2), (2, 1)], ids=["checkout first", "order first"])
async def test_a_payment_that_does_not_know_what_another_of_its_checkout_knows(
    till: Till, first: int, last: int
) -> None:
    """Opened at the instant at which the order was learned, it is one of the order's all the same."""
    await till.heart.open(3, source=CHECKOUT)
    await learned(till, 3)
    for number in (first, last):
        await till.paid(number, source={1: CHECKOUT, 2: ORDER}[number])
        till.heart.world.clock.turn(60)
    assert None is (await till.heart.held(1)).order_id
    assert {trans_id(last): [trans_id(first)]} == await others(till)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_paying_one_of_three_back(till: Till, number: int) -> None:
    """Two are too much still, whichever of the three was paid back, and whoever of them knows the order."""
    await till.heart.open(4, source=CHECKOUT)
    await learned(till, 4)
    for each, source in ((1, CHECKOUT), (2, ORDER), (3, ORDER)):
        await till.paid(each, source=source)
        till.heart.world.clock.turn(60)
    await till.ask(number=number)
    await till.pay_back(reference(number=number))
    assert {trans_id(2): [trans_id(1)], trans_id(3): [trans_id(1), trans_id(2)]} == await others(till)
    other = number % 3 + 1
    await till.ask(number=other)
    await till.pay_back(reference(number=other))
    assert {} == await others(till)


async def test_what_was_paid_back_before_the_order_was_learned(till: Till) -> None:
    """It counts no more: nothing is too much."""
    await till.paid(1, source=CHECKOUT)
    await till.paid(2, source=ORDER)
    await till.ask(number=2)
    await till.pay_back(reference(number=2))
    await learned(till, 1)
    assert {} == await others(till)


async def test_what_was_dismissed_stays_so(till: Till) -> None:
    """Learning that the checkout of two payments is an order's is no news of them; a third payment is."""
    for number in (1, 2):
        await till.paid(number, source=CHECKOUT)
        till.heart.world.clock.turn(60)
    await till.problems.dismiss(SHOP, f"{DOUBLE}:{trans_id(2)}", by=AWA, now=NOON)
    dismissed = await till.problems.standing(SHOP)
    await learned(till, 1, order=an_order(8, "1008"))
    assert (dismissed, AWA) == (await till.problems.standing(SHOP), dismissed[0].dismissed_by)
    await till.paid(3, source=an_order(8, "1008"))
    told = {one.problem.subject: one.dismissed_by for one in await till.problems.standing(SHOP)}
    assert {trans_id(2): AWA, trans_id(3): None} == told


async def test_a_late_acceptance_is_not_told_twice(till: Till) -> None:
    """What a person has been told of one way round is not told the other way round, when the order is learned."""
    for number in (1, 2):
        await till.paid(number, source=CHECKOUT)
        till.heart.world.clock.turn(60)
    async with till.database.write() as connection:  # as if CinetPay had named an earlier time for the second
        earlier = update(payments).where(payments.c.trans_id == trans_id(2)).values(success_time=NOON - SECOND)
        await connection.execute(earlier)
    await learned(till, 1)
    assert {trans_id(2): [trans_id(1)]} == await others(till)


async def test_a_third_payment_that_joins_by_the_order(till: Till) -> None:
    """What was dismissed of two comes back where the order brings another: the person knew of two only."""
    for number, source in ((1, ORDER), (2, CHECKOUT), (3, CHECKOUT)):
        await till.paid(number, source=source)
        till.heart.world.clock.turn(60)
    await till.problems.dismiss(SHOP, f"{DOUBLE}:{trans_id(3)}", by=AWA, now=NOON)
    await learned(till, 2)
    (told,) = await till.problems.standing(SHOP)
    assert (trans_id(3), None) == (told.problem.subject, told.dismissed_by)
    assert [trans_id(1), trans_id(2)] == told.problem.detail["others"]
    assert "5000 XOF" == told.problem.detail["amount"]


async def test_it_names_what_a_person_has_accepted(till: Till) -> None:
    """The amount is what Saleor was told of the payment, not what had been asked for."""
    await till.paid(1, source=CHECKOUT)
    till.heart.world.clock.turn(60)
    await till.heart.open(2, source=CHECKOUT)
    less = {"cpm_amount": "4000", "cpm_result": "00", "cpm_trans_status": "ACCEPTED"}
    till.heart.world.cinetpay.shows(trans_id(2), **less)
    await till.heart.settlement.settle(trans_id(2), trigger="test", wait_s=5)
    heart = till.heart
    decisions = Decisions(ledger=heart.ledger, settlement=heart.settlement, clock=heart.world.clock)
    await decisions.accept(trans_id(2), by=AWA)
    (told,) = await till.problems.standing(SHOP)
    assert (trans_id(2), "4000 XOF") == (told.problem.subject, told.problem.detail["amount"])


@pytest.mark.parametrize("number", [1, 2], ids=["the checkout's", "the order's"])
async def test_paying_either_back(till: Till, number: int) -> None:
    """It is solved once either payment has been paid back."""
    await till.paid(1, source=CHECKOUT)
    await learned(till, 1)
    await till.paid(2, source=ORDER)
    await till.ask(number=number)
    await till.pay_back(reference(number=number))
    assert {} == await others(till)


async def test_both_accepted_at_once(till: Till, heart: Heart, other_heart: Heart) -> None:
    """Two processes that accept checkout and order at the same instant tell it once at least, whoever is first."""
    pairs = range(1, 13, 2)
    for number in pairs:
        order = an_order(number, str(number))
        checkout = replace(order, id=base64.b64encode(f"Checkout:{number}".encode()).decode(), number=None)
        await heart.open(number, source=checkout)
        await learned(till, number, order=order)
        await heart.open(number + 1, source=order)
        for each in (number, number + 1):
            heart.world.cinetpay.pays(trans_id(each))
    await asyncio.gather(
        *(heart.settlement.settle(trans_id(number), trigger="test", wait_s=5) for number in pairs),
        *(other_heart.settlement.settle(trans_id(number + 1), trigger="test", wait_s=5) for number in pairs),
    )
    raised = await others(till)
    assert [1] * len(pairs) == [sum(trans_id(each) in raised for each in (number, number + 1)) for number in pairs]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)], ids=["checkout first", "order first"])
async def test_who_comes_second_waits(
    till: Till, database: Database, other_heart: Heart, first: int, second: int
) -> None:
    """While one acceptance is not committed, the other waits for it, and then sees it; SQLite has one writer anyhow."""
    await till.heart.open(1, source=CHECKOUT)
    await learned(till, 1)
    await till.heart.open(2, source=ORDER)
    till.heart.world.cinetpay.pays(trans_id(second))
    payment = await till.heart.held(first)
    async with asyncio.timeout(20), database.write() as connection:
        accepting = update(payments).where(payments.c.trans_id == trans_id(first)).values(state=PaymentState.ACCEPTED)
        await connection.execute(accepting)
        await raise_surplus(connection, payment, till.problems, NOON)
        late = asyncio.create_task(other_heart.settlement.settle(trans_id(second), trigger="test", wait_s=5))
        while not late.done() and not await connection.scalar(WAITING):
            pass
    await late
    assert {trans_id(second): [trans_id(first)]} == await others(till)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("way", ["learned", "accepted"])
async def test_who_learns_the_order_waits_too(
    till: Till, database: Database, other_database: Database, other_heart: Heart, way: str
) -> None:
    """While an acceptance of the order is not committed, whoever brings its checkout to it waits, and then sees it."""
    await till.heart.open(3, source=CHECKOUT)
    late: Coroutine[Any, Any, object]
    if way == "learned":
        await till.paid(1, source=CHECKOUT)
        late = orders_of(till, other_database).note(SHOP, [trans_id(1)], order_id=ORDER.id, order_number="1007")
    else:  # another payment of the checkout knows the order, this one does not
        await learned(till, 3)
        await till.heart.open(1, source=CHECKOUT)
        till.heart.world.cinetpay.pays(trans_id(1))
        late = other_heart.settlement.settle(trans_id(1), trigger="test", wait_s=5)
    await till.heart.open(2, source=ORDER)
    async with asyncio.timeout(20), database.write() as connection:
        accepting = update(payments).where(payments.c.trans_id == trans_id(2))
        await connection.execute(accepting.values(state=PaymentState.ACCEPTED, success_time=NOON - SECOND))
        await raise_surplus(connection, await till.heart.held(2), till.problems, NOON)
        second = asyncio.create_task(late)
        while not second.done() and not await connection.scalar(WAITING):
            pass
    await second
    assert {trans_id(1): [trans_id(2)]} == await others(till)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_payments_of_a_checkout_are_locked_in_order(
    till: Till, database: Database, other_database: Database
) -> None:
    """Whoever writes several payments at once does so by trans id, so that nobody has what the other waits for."""
    for number in (3, 1):
        await till.heart.open(number, source=CHECKOUT)
    noting = orders_of(till, other_database).note(SHOP, [trans_id(3)], order_id=ORDER.id, order_number="1007")
    lock = select(payments.c.trans_id).with_for_update()
    async with asyncio.timeout(20), database.write() as connection:
        await connection.execute(lock.where(payments.c.trans_id == trans_id(1)))
        late = asyncio.create_task(noting)
        while not await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            pass
        await connection.execute(lock.where(payments.c.trans_id == trans_id(3)))
    await late
    assert "1007" == (await till.heart.held(3)).order_number


async def test_learned_and_accepted_at_once(till: Till, heart: Heart, other_heart: Heart) -> None:
    """An order is learned while it is paid, and its checkout again: a person is told of all, and none waits long."""
    rounds = range(1, 16, 3)
    for number in rounds:
        checkout = replace(CHECKOUT, id=base64.b64encode(f"Checkout:{number}".encode()).decode())
        await till.paid(number, source=checkout, money=xof(2500))
        await heart.open(number + 1, source=an_order(number, str(number)))
        await heart.open(number + 2, source=checkout, money=xof(2500))
        for each in (number + 1, number + 2):
            heart.world.cinetpay.pays(trans_id(each))
    await asyncio.gather(
        *(learned(till, number, order=an_order(number, str(number))) for number in rounds),
        *(heart.settlement.settle(trans_id(number + 1), trigger="test", wait_s=5) for number in rounds),
        *(other_heart.settlement.settle(trans_id(number + 2), trigger="test", wait_s=5) for number in rounds),
    )
    of_each: dict[int, set[str]] = {number: set() for number in rounds}
    for subject, named in (await others(till)).items():
        of_each[next(number for number in rounds if subject <= trans_id(number + 2))] |= {subject, *named}
    assert {number: {trans_id(number + each) for each in range(3)} for number in rounds} == of_each


@pytest.mark.parametrize("knows", [False, True], ids=["checkout", "checkout and order"])
async def test_what_it_locks(till: Till, database: Database, knows: bool) -> None:
    """One lock for each of the two ids that are known, the checkout's first; SQLite has one writer and needs none."""
    await till.heart.open(1, source=CHECKOUT)
    if knows:
        await learned(till, 1)
    till.heart.world.cinetpay.pays(trans_id(1))
    locked: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "pg_advisory_xact_lock" in statement:
            locked.extend(parameters)

    event.listen(Engine, "before_cursor_execute", see)
    await till.heart.settlement.settle(trans_id(1), trigger="test", wait_s=5)
    event.remove(Engine, "before_cursor_execute", see)
    known = [CHECKOUT.id, ORDER.id] if knows else [CHECKOUT.id]
    assert ([] if database.is_sqlite else known) == locked


async def test_it_is_found_by_indexes(heart: Heart, database: Database) -> None:
    """Whichever way a payment belongs to the order, neither all payments nor all of the shop are gone through."""
    accepted = {"state": PaymentState.ACCEPTED}
    many = [a_payment(number, source_id=f"s{number}", order_id=f"o{number}", **accepted) for number in range(1, 2000)]
    async with database.write() as connection:
        await connection.execute(insert(payments), [row_of(payment, SECRETS) for payment in many])
        if not database.is_sqlite:  # which nobody tells what its tables hold
            await connection.execute(text("ANALYZE payments"))

    async def judge() -> None:
        async with database.write() as connection:
            await raise_surplus(connection, many[0], Problems(database), NOON)

    plan = await plan_of(database, judge(), marked="kept")
    found = [f"ix_payments_{column}" in plan for column in ("source_id", "order_id")]
    assert ([True, True], False, False) == (found, "SCAN payments" in plan, "ix_payments_saleor_api_url" in plan), plan
