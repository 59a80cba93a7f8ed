"""Cancelations over HTTP: what Saleor is answered, what a buyer sees afterwards, and what a late payment becomes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from app_kit import World, nobody_else_writes
from sqlalchemy import select

from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.payments.tables import completions
from saleor_cinetpay.sandbox.saleor.booking import EventType
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature

pytestmark = pytest.mark.asyncio(loop_scope="session")

CANCEL = "TRANSACTION_CANCELATION_REQUESTED"


def _outcomes(transaction: Transaction) -> list[EventType]:
    return [e.type for e in transaction.events if e.type in {EventType.CANCEL_SUCCESS, EventType.CANCEL_FAILURE}]


async def test_an_open_payment_is_cancelled(world: World) -> None:
    """Staff cancel, Saleor books it, and neither our page nor initialize hands the form out any more."""
    session = await world.opened(language="en")
    assert session.transaction is not None
    transaction, page = session.transaction, session.data["paymentUrl"]
    assert "<form" in (await world.http.get(page)).text
    await world.saleor.request_action(transaction, "CANCEL")
    (_, answer) = world.answers()[-1]
    trans_id = session.data["redirect"]["fields"]["cpm_trans_id"]
    assert ("CANCEL_SUCCESS", trans_id, 0) == (answer["result"], answer["pspReference"], answer["amount"])
    assert [EventType.CANCEL_SUCCESS] == _outcomes(transaction)
    shown = await world.http.get(page)
    assert 200 == shown.status_code
    assert "<form" not in shown.text
    assert "Payment cancelled" in shown.text
    again = await world.saleor.initialize(transaction.source, idempotency_key=transaction.idempotency_key)
    assert ["START_AGAIN"] == [error["code"] for error in again.data["errors"]]


async def test_the_storefront_is_told_to_start_again(world: World) -> None:
    """Process says that a new attempt makes sense, and no failure that Saleor would repeat for ever."""
    transaction, _ = await world.at_cinetpay(language="fr")
    await world.saleor.request_action(transaction, "CANCEL")
    session = await world.saleor.process(transaction)
    (_, answer) = world.answers()[-1]
    assert "CHARGE_ACTION_REQUIRED" == answer["result"]
    assert ("pending", True) == (session.data["status"], session.data["canRetry"])
    assert session.data["message"].startswith("La boutique a annulé ce paiement.")


async def test_a_cancelled_payment_that_is_paid_all_the_same(world: World) -> None:
    """The form was out there: the charge is told to Saleor, and a person to decide; no order is made of it."""
    transaction, trans_id = await world.at_cinetpay()
    await world.saleor.request_action(transaction, "CANCEL")
    await world.cinetpay.settle(trans_id)
    await world.reported(transaction, "CANCEL_SUCCESS", "CHARGE_SUCCESS")
    problems = await world.house.problems.open_of(world.saleor.config.api_url)
    assert (ProblemKind.PAID_AFTER_CANCELATION, trans_id) in [(p.kind, p.subject) for _, p in problems]
    async with world.house.database.read() as connection:
        rows = await connection.execute(select(completions).where(completions.c.trans_id == trans_id))
    assert [] == rows.all()


async def test_what_is_paid_can_not_be_cancelled(world: World) -> None:
    """The look finds the payment that nobody had notified: it is charged, and the cancelation fails."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="never")
    await world.saleor.request_action(transaction, "CANCEL")
    await world.reported(transaction, "CANCEL_FAILURE", "CHARGE_SUCCESS")
    (_, answer) = world.answers()[-1]
    assert {"result": "CANCEL_FAILURE", "amount": 0} == {k: answer[k] for k in ("result", "amount")}
    assert answer["pspReference"].startswith(f"{trans_id}-")
    await world.saleor.request_action(transaction, "CANCEL")
    assert [EventType.CANCEL_FAILURE] * 2 == _outcomes(transaction)


async def test_without_cinetpay_nothing_is_cancelled(world: World) -> None:
    """Where CinetPay is down nobody knows; once it is back the same request does."""
    transaction, _ = await world.at_cinetpay()
    await world.cinetpay.fail("down")
    await world.saleor.request_action(transaction, "CANCEL")
    await world.cinetpay.fail(None)
    await world.saleor.request_action(transaction, "CANCEL")
    assert [EventType.CANCEL_FAILURE, EventType.CANCEL_SUCCESS] == _outcomes(transaction)


async def test_a_repeat_is_answered_alike(world: World) -> None:
    """A cancelation that comes again is answered again, and happens once."""
    transaction, trans_id = await world.at_cinetpay()
    for _ in range(3):
        reply = await world.saleor.send_webhook(CANCEL, transaction, changes=_asks(transaction))
        assert (200, "CANCEL_SUCCESS") == (reply.status, reply.json["result"])
    kinds = [event.kind for _, event in await world.house.ledger.history(trans_id)]
    assert 1 == kinds.count("cancelled")


def _asks(transaction: Transaction, amount: object = 0) -> dict[str, Any]:
    return {
        "action": {"amount": amount, "currency": "XOF", "actionType": "CANCEL"},
        "transaction": {"id": transaction.id},
    }


async def test_an_older_saleor_says_no_amount(world: World) -> None:
    """Before 3.21 the amount can be null; that is nothing, as ever."""
    transaction, _ = await world.at_cinetpay()
    reply = await world.saleor.send_webhook(CANCEL, transaction, changes=_asks(transaction, None))
    assert ("CANCEL_SUCCESS", 0) == (reply.json["result"], reply.json["amount"])


async def test_an_unknown_transaction(world: World) -> None:
    """A transaction that the app holds no payment of gets the event's failure, not a refusal."""
    transaction, _ = await world.at_cinetpay()
    unknown = _asks(transaction)
    unknown["transaction"]["id"] = "VHJhbnNhY3Rpb25JdGVtOjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwNw=="
    reply = await world.saleor.send_webhook(CANCEL, transaction, changes=unknown)
    assert (200, "CANCEL_FAILURE") == (reply.status, reply.json["result"])


async def test_while_the_database_is_away(world: World) -> None:
    """What can't be written is not cancelled, and is never a 5xx."""
    transaction, trans_id = await world.at_cinetpay()
    async with nobody_else_writes(world):
        await world.saleor.request_action(transaction, "CANCEL")
    assert [EventType.CANCEL_FAILURE] == _outcomes(transaction)
    held = await world.house.ledger.find(trans_id)
    assert held is not None
    assert held.cancelled_at is None


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"body": b""}, 400),
        ({"changes": {"transaction": None}}, 400),
        ({"changes": {"issuedAt": (datetime.now(UTC) - timedelta(hours=25)).isoformat()}}, 400),
        ({"changes": {"recipient": {"id": "QXBwOjk5", "identifier": "other"}}}, 401),
        ({"signature": Signature.FOREIGN}, 401),
    ],
    ids=str,
)
async def test_a_call_that_is_turned_away(world: World, sent: dict[str, Any], status: int) -> None:
    """What is not genuine cancels nothing, and says nothing that Saleor would book."""
    transaction, trans_id = await world.at_cinetpay()
    reply = await world.saleor.send_webhook(CANCEL, transaction, **sent)
    assert (status, {"message"}) == (reply.status, set(reply.json))
    held = await world.house.ledger.find(trans_id)
    assert held is not None
    assert held.cancelled_at is None
