"""Refunds over HTTP: staff ask in Saleor, a person pays back or declines in the app, Saleor's books follow."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from app_kit import World, nobody_else_writes
from sqlalchemy import func, select

from saleor_cinetpay.payments.refund import Refund, RefundState, refund_of_row
from saleor_cinetpay.payments.refund_decisions import NeedsConfirmation, SaleorsView
from saleor_cinetpay.payments.tables import refunds
from saleor_cinetpay.sandbox.saleor.booking import Event, EventType
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUND = "TRANSACTION_REFUND_REQUESTED"
AWA = "awa@shop.example"


async def _kept(world: World, transaction: Transaction) -> list[Refund]:
    async with world.house.database.read() as connection:
        rows = await connection.execute(
            select(refunds).where(refunds.c.transaction_id == transaction.id).order_by(refunds.c.asked_at)
        )
        return [refund_of_row(row) for row in rows]


async def _rows(world: World) -> int:
    async with world.house.database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(refunds))).scalar_one()


def _books(transaction: Transaction) -> tuple[int, int, int]:
    """Return what Saleor shows: charged, refund pending, refunded."""
    amounts = transaction.amounts
    return int(amounts.charged), int(amounts.refund_pending), int(amounts.refunded)


def _failures(transaction: Transaction) -> list[Event]:
    return [event for event in transaction.events if event.type is EventType.REFUND_FAILURE]


async def test_a_refund_from_request_to_success(world: World) -> None:
    """A request is pending in Saleor until somebody has paid back; then its amount is refunded, under one reference."""
    transaction, _ = await world.paid()
    await world.saleor.request_action(transaction, "REFUND", 5000, "too small")
    assert (7500, 5000, 0) == _books(transaction)
    (refund,) = await _kept(world, transaction)
    assert ("too small", 5000, RefundState.WAITING) == (refund.reason, refund.amount, refund.state)
    assert {"pspReference": refund.reference} == world.answers()[-1][1]
    await world.house.refund_decisions.pay_back(world.saleor.config.api_url, refund.reference, by=AWA, note="T-1")
    (_, told) = await world.reported(transaction, "CHARGE_SUCCESS", "REFUND_SUCCESS")
    assert (refund.reference, "Remboursé à la main\u00a0: T-1") == (told.psp_reference, told.message)
    assert (7500, 0, 5000) == _books(transaction)
    assert ["REFUND"] == transaction.actions


async def test_a_refund_that_is_declined(world: World) -> None:
    """A declined request fails in Saleor with its reason, and the charge is whole again."""
    transaction, _ = await world.paid()
    await world.saleor.request_action(transaction, "REFUND")
    (refund,) = await _kept(world, transaction)
    await world.house.refund_decisions.decline(world.saleor.config.api_url, refund.reference, by=AWA, note="kept")
    await world.reported(transaction, "CHARGE_SUCCESS", "REFUND_FAILURE")
    assert (12500, 0, 0) == _books(transaction)


async def test_the_same_request_again(world: World) -> None:
    """The very same call, sent again and again, is answered alike and kept once."""
    transaction, _ = await world.paid()
    await world.saleor.request_action(transaction, "REFUND", 5000)
    sent = [m["detail"] for m in world.saleor.log.after(0) if m["title"] == REFUND and m["to"] == "app"]
    body = json.dumps(sent[-1]).encode()
    (refund,) = await _kept(world, transaction)
    for _ in range(3):
        reply = await world.saleor.send_webhook(REFUND, transaction, body=body)
        assert (200, {"pspReference": refund.reference}) == (reply.status, reply.json)
    assert [refund] == await _kept(world, transaction)


async def test_one_request_too_many(world: World) -> None:
    """A second request beyond what was paid fails at once, and names the one that waits."""
    transaction, _ = await world.paid()
    await world.saleor.request_action(transaction, "REFUND", 12000)
    await world.saleor.request_action(transaction, "REFUND", 500)
    await world.saleor.send_webhook(REFUND, transaction, changes=_asks(transaction, "again", 501))
    (event, answer) = world.answers()[-1]
    first, _second, third = await _kept(world, transaction)
    assert (REFUND, "REFUND_FAILURE", 501) == (event, answer["result"], answer["amount"])
    assert third.reference == answer["pspReference"]
    assert RefundState.REJECTED is third.state
    assert _second.reference in answer["message"]
    assert (0, 12500, 0) == _books(transaction)
    assert RefundState.WAITING is first.state


def _asks(transaction: Transaction, key: str, amount: float | str, currency: str = "XOF") -> dict[str, Any]:
    """Return what makes of a genuine body a request of that key and amount."""
    request = {
        "id": "RXZlbnQ6MQ==",
        "type": "REFUND_REQUEST",
        "pspReference": "",
        "amount": {"amount": amount, "currency": currency},
        "createdAt": datetime.now(UTC).isoformat(),
        "message": "",
        "idempotencyKey": key,
    }
    return {
        "action": {"amount": amount, "currency": currency, "actionType": "REFUND"},
        "transaction": {"id": transaction.id, "events": [request]},
    }


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(0, "XOF"), (-5, "XOF"), (0.5, "XOF"), ("4999.999", "XOF"), (12501, "XOF"), (1e300, "XOF"), (5000, "EUR")],
    ids=str,
)
async def test_a_refund_that_can_not_be(world: World, amount: float | str, currency: str) -> None:
    """No such amount is taken: a 200 with a failure that says why, and nothing is kept."""
    transaction, _ = await world.paid()
    before = await _rows(world)
    reply = await world.saleor.send_webhook(REFUND, transaction, changes=_asks(transaction, "k", amount, currency))
    assert (200, "REFUND_FAILURE") == (reply.status, reply.json["result"])
    assert {"result", "pspReference", "amount", "message"} == set(reply.json)
    assert before == await _rows(world)


async def test_each_failure_tells_its_own_reason(world: World) -> None:
    """Saleor drops a second failure without a reference of its own; ours all have one, so staff read each of them."""
    transaction, _ = await world.paid()
    await world.saleor.request_action(transaction, "REFUND", 12500)
    for changes in (_asks(transaction, "a", 100), _asks(transaction, "b", 100)):
        await world.saleor.send_webhook(REFUND, transaction, changes=changes)
    a, b = [answer["pspReference"] for _, answer in world.answers()[-2:]]
    assert a != b


async def test_what_was_never_paid(world: World) -> None:
    """A pending payment can't be refunded."""
    transaction, _ = await world.at_cinetpay()
    reply = await world.saleor.send_webhook(REFUND, transaction, changes=_asks(transaction, "k", 5000))
    assert (200, "REFUND_FAILURE") == (reply.status, reply.json["result"])
    assert [RefundState.REJECTED] == [refund.state for refund in await _kept(world, transaction)]


async def test_an_unknown_transaction(world: World) -> None:
    """A transaction that the app holds no payment of gets the event's failure, not a refusal."""
    transaction, _ = await world.paid()
    unknown = _asks(transaction, "k", 5000)
    unknown["transaction"]["id"] = "VHJhbnNhY3Rpb25JdGVtOjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwNw=="
    reply = await world.saleor.send_webhook(REFUND, transaction, changes=unknown)
    assert (200, "REFUND_FAILURE") == (reply.status, reply.json["result"])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"body": b""}, 400),
        ({"body": b"{}"}, 400),
        ({"changes": {"transaction": None}}, 400),
        ({"changes": {"action": {"amount": None, "currency": "XOF"}}}, 400),
        ({"changes": {"issuedAt": (datetime.now(UTC) - timedelta(hours=25)).isoformat()}}, 400),
        ({"changes": {"recipient": {"id": "QXBwOjk5", "identifier": "other"}}}, 401),
        ({"signature": Signature.FOREIGN}, 401),
        ({"signature": Signature.MISSING}, 401),
    ],
    ids=str,
)
async def test_a_call_that_is_turned_away(world: World, sent: dict[str, Any], status: int) -> None:
    """What is not genuine gets a message and nothing that Saleor would book, and leaves no trace."""
    transaction, _ = await world.paid()
    before = await _rows(world)
    reply = await world.saleor.send_webhook(REFUND, transaction, **sent)
    assert (status, {"message"}) == (reply.status, set(reply.json))
    assert before == await _rows(world)


async def test_an_answer_that_was_lost_is_not_paid_twice(world: World) -> None:
    """After a lost answer Saleor counts a failure, and staff ask again: the second fails, paying the first warns."""
    transaction, _ = await world.paid()
    await world.saleor.send_webhook(REFUND, transaction, changes=_asks(transaction, "lost", 12500))
    (lost,) = await _kept(world, transaction)
    assert (12500, 0, 0) == _books(transaction)
    await world.saleor.request_action(transaction, "REFUND")
    (failure,) = _failures(transaction)
    assert lost.reference in failure.message
    with pytest.raises(NeedsConfirmation) as needed:
        await world.house.refund_decisions.pay_back(world.saleor.config.api_url, lost.reference, by=AWA, note="T-1")
    assert SaleorsView.FAILED is needed.value.view
    await world.house.refund_decisions.pay_back(
        world.saleor.config.api_url, lost.reference, by=AWA, note="T-1", confirmed=True
    )
    await world.reported(transaction, "CHARGE_SUCCESS", "REFUND_FAILURE", "REFUND_SUCCESS")
    assert (0, 0, 12500) == _books(transaction)


async def test_while_the_database_is_away(world: World) -> None:
    """A request that can't be written fails within its time, says so to staff, and is never a 5xx."""
    transaction, _ = await world.paid()
    async with nobody_else_writes(world):
        await world.saleor.request_action(transaction, "REFUND", 5000)
    (failure,) = _failures(transaction)
    assert "Remboursements" in failure.message
    assert Decimal(5000) == failure.amount.amount
    assert (12500, 0, 0) == _books(transaction)
    assert [] == await _kept(world, transaction)
