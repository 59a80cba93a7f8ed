"""The app is deleted in Saleor: what opens that Saleor is erased, what belongs to its buyers waits, and all goes on."""

import json
from pathlib import Path

import pytest
from app_kit import World, eventually, running
from sqlalchemy import select

from saleor_cinetpay.payments.refund import RefundState, refund_of_row
from saleor_cinetpay.payments.tables import refunds, reports
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.shops.tables import installations

pytestmark = pytest.mark.asyncio(loop_scope="session")

AWA = "awa@shop.example"


async def _installed(world: World) -> bool:
    async with world.house.database.read() as connection:
        return (await connection.execute(select(installations))).first() is not None


async def _refund_of(world: World, transaction: Transaction) -> str:
    async with world.house.database.read() as connection:
        rows = await connection.execute(select(refunds).where(refunds.c.transaction_id == transaction.id))
        (refund,) = map(refund_of_row, rows)
    assert RefundState.WAITING is refund.state
    return refund.reference


async def _attempts(world: World, trans_id: str, kind: str) -> tuple[str, int]:
    async with world.house.database.read() as connection:
        row = (
            await connection.execute(select(reports).where(reports.c.trans_id == trans_id, reports.c.type == kind))
        ).one()
    return row.state, row.attempts


@pytest.mark.parametrize(("version", "told"), [("3.23.28", True), ("3.22.10", False)])
async def test_from_deletion_to_the_next_installation(tmp_path: Path, version: str, told: bool) -> None:
    """Told by Saleor, or met by a dead token: open refunds and reports wait, and go out after installing anew."""
    async with running(tmp_path, version=version) as world:
        identifier = world.settings.manifest_app_id
        transaction, trans_id = await world.paid()
        await world.saleor.request_action(transaction, "REFUND", 5000)
        reference = await _refund_of(world, transaction)
        payment = await world.house.ledger.find(trans_id)
        await world.saleor.delete_app(identifier)
        assert told is not await _installed(world)
        await world.house.refund_decisions.pay_back(
            world.saleor.config.api_url, reference, by=AWA, note="T-1", confirmed=True
        )
        await _tried(world, trans_id)
        assert 0 == int(transaction.amounts.refunded)
        assert payment == await world.house.ledger.find(trans_id)
        await world.saleor.install_app(f"{world.app}/api/manifest")
        await eventually(lambda: 5000 == int(transaction.amounts.refunded))


async def _tried(world: World, trans_id: str) -> None:
    """Wait until the report has met that nobody is there; it goes on waiting."""
    for _ in range(2000):
        state, attempts = await _attempts(world, trans_id, "REFUND_SUCCESS")
        if attempts:
            assert "due" == state
            return
        await world.house.clock.sleep(0.03)
    raise AssertionError("the report was never tried")


async def test_a_late_word_of_an_earlier_deletion(tmp_path: Path) -> None:
    """The deletion of an app that was installed anew meanwhile, sent again, erases nothing."""
    async with running(tmp_path) as world:
        transaction, _ = await world.paid()
        identifier = world.settings.manifest_app_id
        before = world.saleor.store.apps[identifier]
        await world.saleor.delete_app(identifier)
        sent = [m["detail"] for m in world.saleor.log.after(0) if m["title"] == "APP_DELETED" and m["to"] == "app"]
        await world.saleor.install_app(f"{world.app}/api/manifest")
        assert before.id != world.saleor.store.apps[identifier].id
        reply = await world.saleor.send_webhook("APP_DELETED", transaction, body=json.dumps(sent[-1]).encode())
        assert (401, {"message"}) == (reply.status, set(reply.json))
        assert await _installed(world)


async def test_after_a_deletion_its_calls_are_strangers(tmp_path: Path) -> None:
    """Once the keys are erased nobody can prove to be that Saleor, not even with what was genuine before."""
    async with running(tmp_path) as world:
        transaction, _ = await world.paid()
        app = world.saleor.store.apps[world.settings.manifest_app_id]
        await world.saleor.delete_app(app.identifier)
        world.saleor.store.apps[app.identifier] = app
        reply = await world.saleor.send_webhook("TRANSACTION_PROCESS_SESSION", transaction)
        assert 401 == reply.status
