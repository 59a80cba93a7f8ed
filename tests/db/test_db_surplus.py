"""Money too much, where a checkout became an order: payments of the one count together with payments of the other."""

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from payments_kit import SECRETS, SHOP, Heart, a_payment, an_order, trans_id, xof
from refunds_kit import Till, a_till, reference
from sqlalchemy import Engine, event, insert, text, update

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.opening import Source
from saleor_cinetpay.payments.orders import Orders
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.payments.rows import row_of
from saleor_cinetpay.payments.surplus import paid_besides
from saleor_cinetpay.payments.tables import payments

OTHER_SHOP = "https://other.example/graphql/"
ORDER = an_order(7, "1007")
NO_NUMBER = an_order(7)
"""The same, as a Saleor that names no number sends it: its payment knows the order as its source only."""
CHECKOUT = replace(an_order(7), id=base64.b64encode(b"Checkout:c7").decode())
DOUBLE = ProblemKind.DOUBLE_PAYMENT


@pytest.fixture
def till(heart: Heart, database: Database) -> Till:
    return a_till(heart, database)


async def learned(till: Till, *numbers: int, order: Source = ORDER) -> None:
    """Have payments learn their order, as they do once the checkout is completed."""
    orders = Orders(
        database=till.database,
        transactions=till.books,
        installations=till.heart.installations,
        clock=till.heart.world.clock,
    )
    await orders.note([trans_id(number) for number in numbers], order_id=order.id, order_number=str(order.number))


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
    await till.heart.open(2, source=replace(CHECKOUT, id=base64.b64encode(b"Checkout:c8").decode()))
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


async def test_an_order_that_has_grown(till: Till) -> None:
    """What counts is what it cost when the last payment was opened: staff added to it, the buyer pays the rest."""
    await till.heart.open(1, source=CHECKOUT)
    await learned(till, 1)
    till.heart.world.clock.turn(timedelta(minutes=5).total_seconds())
    await till.paid(2, source=replace(ORDER, total=xof(7000)), money=xof(2000))
    till.heart.world.cinetpay.pays(trans_id(1))
    await till.heart.settlement.settle(trans_id(1), trigger="test", wait_s=5)
    assert {} == await others(till)


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
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with asyncio.timeout(20), database.write() as connection:
        accepting = update(payments).where(payments.c.trans_id == trans_id(first)).values(state=PaymentState.ACCEPTED)
        await connection.execute(accepting)
        assert [] == await paid_besides(connection, payment)
        late = asyncio.create_task(other_heart.settlement.settle(trans_id(second), trigger="test", wait_s=5))
        while not late.done() and not await connection.scalar(waiting):
            pass
    await late
    assert {trans_id(second): [trans_id(first)]} == await others(till)


@pytest.mark.parametrize("knows", [False, True], ids=["checkout", "checkout and order"])
async def test_what_it_locks(till: Till, database: Database, knows: bool) -> None:
    """One lock for each of the two ids that are known, in sorted order; SQLite has one writer and needs none."""
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
    known = sorted([CHECKOUT.id, ORDER.id]) if knows else [CHECKOUT.id]
    assert ([] if database.is_sqlite else known) == locked


async def test_it_is_found_by_indexes(heart: Heart, database: Database) -> None:
    """Whichever way a payment belongs to the order, no table of payments is read from end to end for it."""
    accepted = {"state": PaymentState.ACCEPTED}
    many = [a_payment(number, source_id=f"s{number}", order_id=f"o{number}", **accepted) for number in range(1, 2000)]
    async with database.write() as connection:
        await connection.execute(insert(payments), [row_of(payment, SECRETS) for payment in many])
        await connection.execute(text("ANALYZE payments"))
    seen: list[tuple[str, Any]] = []

    def see(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "kept" in statement:
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", see)
    async with database.write() as connection:
        await paid_besides(connection, many[0])
    event.remove(Engine, "before_cursor_execute", see)
    ((statement, parameters),) = seen
    async with database.read() as connection:
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        plan = "\n".join(str(row[-1]) for row in await connection.exec_driver_sql(f"{explain} {statement}", parameters))
    whole = "SCAN payments" if database.is_sqlite else "Seq Scan on payments"
    found = [f"ix_payments_{column}" in plan for column in ("source_id", "order_id")]
    assert ([True, True], False) == (found, whole in plan), plan
