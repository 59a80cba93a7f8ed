"""After the payment: the closed tab, two payments of one checkout, and a person's decision on a suspect one."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from app_kit import World
from desk_kit import Staff
from sqlalchemy import delete, select, update

from saleor_cinetpay.payments.decisions import NothingToDecide
from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.payments.tables import completions, payments
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.shops.shop_settings import COMPLETE_AFTER

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _let_the_grace_pass(world: World) -> None:
    async with world.house.database.write() as connection:
        await connection.execute(update(completions).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
    world.house.worker.wake()


async def _outcome(world: World, trans_id: str) -> str | None:
    async with world.house.database.read() as connection:
        row = await connection.execute(select(completions.c.outcome).where(completions.c.trans_id == trans_id))
    return row.scalar_one_or_none()


async def _closed(world: World, trans_id: str) -> str:
    for _ in range(2000):
        if (outcome := await _outcome(world, trans_id)) is not None:
            return outcome
        await world.house.clock.sleep(0.03)
    raise AssertionError("the checkout was never dealt with")


async def _paid(world: World) -> tuple[Transaction, str]:
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id)
    await world.reported(transaction, "CHARGE_SUCCESS")
    return transaction, trans_id


async def test_a_closed_tab_becomes_an_order(world: World) -> None:
    """Where the buyer never comes back, the paid checkout is completed once its grace time is over."""
    transaction, trans_id = await _paid(world)
    assert not world.saleor.store.orders
    await _let_the_grace_pass(world)
    assert "completed" == await _closed(world, trans_id)
    (order,) = world.saleor.store.orders.values()
    assert [transaction] == order.transactions
    kinds = [event.kind for _, event in await world.house.ledger.history(trans_id)]
    assert "checkout_completed" in kinds


async def test_a_checkout_that_the_storefront_completed_is_left_alone(world: World) -> None:
    """A checkout that has become an order is none any more; the app does nothing."""
    transaction, trans_id = await _paid(world)
    world.saleor.complete_checkout(transaction.source)  # type: ignore[arg-type]
    await _let_the_grace_pass(world)
    assert "gone" == await _closed(world, trans_id)
    assert 1 == len(world.saleor.store.orders)


async def test_a_shop_can_switch_completion_off(world: World) -> None:
    """A shop that wants no help gets none."""
    url = world.saleor.config.api_url
    settings = world.house.shop_settings
    await settings.choose(url, replace(await settings.of(url), complete_after=None))
    try:
        _, trans_id = await _paid(world)
        async with world.house.database.read() as connection:
            rows = await connection.execute(select(completions).where(completions.c.trans_id == trans_id))
        assert [] == rows.all()
    finally:
        await settings.choose(url, replace(await settings.of(url), complete_after=COMPLETE_AFTER))


async def test_a_checkout_without_its_e_mail_is_for_a_person(world: World) -> None:
    """Where Saleor refuses the completion, its reason stands among the problems, until the app meets the order."""
    checkout = world.saleor.create_checkout(email=None)
    session = await world.opened(checkout)
    assert session.transaction is not None
    trans_id = await world.cinetpay.open(session.data["redirect"])
    await world.cinetpay.settle(trans_id)
    await world.reported(session.transaction, "CHARGE_SUCCESS")
    await _let_the_grace_pass(world)
    assert "not_completed" == await _closed(world, trans_id)
    problems = {p.trans_id: p for _, p in await world.house.problems.open_of(world.saleor.config.api_url)}
    assert ProblemKind.NOT_COMPLETED is problems[TransId(trans_id)].kind
    assert "mail" in problems[TransId(trans_id)].detail["reason"].lower()

    checkout.email = "awa@example.com"
    world.saleor.complete_checkout(checkout)
    assert 200 == (await Staff(world=world).gets(f"/payments/{trans_id}")).status_code
    left = [problem.trans_id for _, problem in await world.house.problems.open_of(world.saleor.config.api_url)]
    assert TransId(trans_id) not in left


async def test_a_checkout_paid_twice_is_a_problem(world: World) -> None:
    """Two open payments of one cart, both paid: both are charged, as they were, and a person is told."""
    checkout = world.saleor.create_checkout()
    paid = []
    for session in [await world.opened(checkout), await world.opened(checkout)]:
        assert session.transaction is not None
        paid.append((session.transaction, await world.cinetpay.open(session.data["redirect"])))
    for transaction, trans_id in paid:
        await world.cinetpay.settle(trans_id)
        await world.reported(transaction, "CHARGE_SUCCESS")
    problems = [p for _, p in await world.house.problems.open_of(world.saleor.config.api_url)]
    (double,) = [p for p in problems if p.trans_id == paid[1][1]]
    assert ProblemKind.DOUBLE_PAYMENT is double.kind
    assert [paid[0][1]] == double.detail["others"]
    assert "OVERCHARGED" == checkout.charge_status


async def test_two_parts_of_one_checkout_are_no_problem(world: World) -> None:
    """A cart that is paid in two parts is not paid twice."""
    checkout = world.saleor.create_checkout()
    for amount in (5000, 7500):
        session = await world.saleor.initialize(checkout, amount=amount)
        assert session.transaction is not None
        trans_id = await world.cinetpay.open(session.data["redirect"])
        await world.cinetpay.settle(trans_id)
        await world.reported(session.transaction, "CHARGE_SUCCESS")
        problems = [p for _, p in await world.house.problems.open_of(world.saleor.config.api_url)]
        assert [] == [p for p in problems if p.trans_id == trans_id]
    assert "FULL" == checkout.charge_status


async def _suspect(world: World, **shown: str) -> tuple[Transaction, TransId]:
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.show(trans_id, **shown)
    await world.cinetpay.settle(trans_id, notify="never")
    assert "review" == (await world.saleor.process(transaction)).data["status"]
    return transaction, TransId(trans_id)


@pytest.mark.parametrize("event", ["TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION"])
async def test_a_charge_comes_after_a_failure_that_only_saleor_remembers(world: World, event: str) -> None:
    """With the ledger lost, the failure that Saleor was told stands in Saleor's own events; the success is later."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="never")
    async with world.house.database.write() as connection:
        await connection.execute(delete(payments).where(payments.c.trans_id == trans_id))
    failed_at = datetime.now(UTC) + timedelta(minutes=1)
    told = {"type": "CHARGE_FAILURE", "pspReference": trans_id, "createdAt": failed_at.isoformat()}
    known = json.loads(world.saleor.webhook_body(event, transaction))["transaction"] | {"events": [told]}
    reply = await world.saleor.send_webhook(event, transaction, changes={"transaction": known})
    assert ("CHARGE_SUCCESS", (failed_at + timedelta(seconds=1)).isoformat()) == (
        reply.json["result"],
        reply.json["time"],
    )


async def test_a_person_accepts_what_cinetpay_holds(world: World) -> None:
    """An acceptance of another amount is charged with that amount once a person says so; who and when is recorded."""
    transaction, trans_id = await _suspect(world, cpm_amount="12000")
    await world.house.decisions.accept(trans_id, by="desk@shop.example")
    (charge,) = await world.reported(transaction, "CHARGE_SUCCESS")
    assert Decimal(12000) == charge.amount.amount
    (event,) = [e for _, e in await world.house.ledger.history(trans_id) if e.kind == "decided"]
    assert {"by": "desk@shop.example", "as": "accepted"} == event.detail
    problems = [p for _, p in await world.house.problems.open_of(world.saleor.config.api_url)]
    assert [] == [p for p in problems if p.trans_id == trans_id]


async def test_a_person_refuses(world: World) -> None:
    """A refused suspicion fails at Saleor, stays decided while CinetPay repeats itself, and heals if it is right."""
    transaction, trans_id = await _suspect(world, signature="0" * 40)
    await world.house.decisions.refuse(trans_id, by="desk@shop.example")
    await world.reported(transaction, "CHARGE_FAILURE")
    await world.house.settlement.settle(trans_id, trigger="click", wait_s=3)
    assert "refused" == await world.state(trans_id)
    await world.cinetpay.show(trans_id)
    await world.house.settlement.settle(trans_id, trigger="click", wait_s=3)
    await world.reported(transaction, "CHARGE_FAILURE", "CHARGE_SUCCESS")


async def test_there_is_nothing_to_decide_on_what_is_clear(world: World) -> None:
    """Only a suspect payment waits for a person, and only one that CinetPay calls paid can be accepted."""
    _, trans_id = await world.at_cinetpay()
    for decision in (world.house.decisions.accept, world.house.decisions.refuse):
        with pytest.raises(NothingToDecide):
            await decision(TransId(trans_id), by="desk@shop.example")
    _, fraud = await _suspect(world, cpm_result="664", cpm_error_message="FRAUD_DETECTED", cpm_trans_status="REFUSED")
    with pytest.raises(NothingToDecide, match="does not say"):
        await world.house.decisions.accept(fraud, by="desk@shop.example")
