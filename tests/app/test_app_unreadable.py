"""What this process can't read, at every door: sealed with a lost key, or written by a newer version of the app."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from app_kit import SITE_ID, World, eventually, running
from desk_kit import Staff, heading, plain
from sqlalchemy import Column, delete, func, insert, select, update

from saleor_cinetpay.payments.refund import RefundState
from saleor_cinetpay.payments.tables import payments, problems, refunds
from saleor_cinetpay.shops.tables import accounts

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEALED_ELSEWHERE = "AAAA" * 20
SAID = "The app can't read this entry of its own database. Nothing is lost: ask whoever runs the app"
DIT = "L’application ne peut pas lire cette entrée de sa propre base de données. Rien n’est perdu"


async def lose_key(world: World, column: Column[Any]) -> None:
    """Have everything in a column sealed with a key that is lost."""
    async with world.house.database.write() as connection:
        await connection.execute(update(column.table).values({column: SEALED_ELSEWHERE}))


def worst_of(logs: list[MutableMapping[str, Any]]) -> list[str]:
    """Return the events that an operator is alarmed by."""
    return [line["event"] for line in logs if line["log_level"] in {"warning", "error"}]


@pytest.mark.parametrize(("action", "result"), [("REFUND", "REFUND_FAILURE"), ("CANCEL", "CANCEL_FAILURE")])
async def test_staff_in_saleor_read_why_nothing_can_be_done(world: World, action: str, result: str) -> None:
    """The request fails at once with the reason, nothing is kept of it, and one line says so to the operator."""
    transaction, trans_id = await world.paid()
    await lose_key(world, payments.c.sealed_form)
    with structlog.testing.capture_logs() as logs:
        await world.saleor.request_action(transaction, action, 5000 if action == "REFUND" else None)
    (_, answer) = world.answers()[-1]
    assert (result, True) == (answer["result"], answer["message"].startswith(DIT))
    assert answer["pspReference"].startswith(f"{trans_id}-")
    assert ["payment_unreadable"] == worst_of(logs)
    async with world.house.database.read() as connection:
        assert 0 == await connection.scalar(select(func.count()).select_from(refunds))


async def test_pages_say_that_they_can_not_read(world: World) -> None:
    """The pages of a payment and of its refund say so, no decision is taken down, and the lists stand as ever."""
    transaction, trans_id = await world.paid()
    await world.saleor.request_action(transaction, "REFUND", 5000)
    async with world.house.database.read() as connection:
        reference = await connection.scalar(select(refunds.c.reference))
    await lose_key(world, payments.c.sealed_form)
    staff, refund = Staff(world=world), f"/refunds/{reference}"
    with structlog.testing.capture_logs() as logs:
        told = [
            await staff.gets(f"/payments/{trans_id}"),
            await staff.gets(refund),
            await staff.posts(f"{refund}/paid", {"note": "OM-1"}),
            await staff.posts(f"{refund}/declined", {"reason": "kept"}),
        ]
        lists = [await staff.gets(path) for path in ("/payments", "/refunds")]
    assert [(503, "This can't be read", True)] * 4 == [
        (one.status_code, heading(one), SAID in plain(one.text)) for one in told
    ]
    assert ["desk_can_not_read"] * 4 == worst_of(logs)
    assert [(200, True)] * 2 == [(one.status_code, trans_id in one.text) for one in lists]
    async with world.house.database.read() as connection:
        assert RefundState.WAITING == await connection.scalar(select(refunds.c.state))


async def test_an_account_that_no_key_opens(tmp_path: Path) -> None:
    """Its notification address takes what comes, and its payments wait: the clock goes on, and their story says why."""
    async with running(tmp_path) as world:
        account = await world.house.accounts.from_environment(world.saleor.config.api_url)
        assert account is not None
        _, trans_id = await world.at_cinetpay()
        await lose_key(world, accounts.c.sealed_api_key)
        world.house.accounts.forget()
        await world.cinetpay.settle(trans_id, notify="never")
        with structlog.testing.capture_logs() as logs:
            notified = await world.http.post(
                f"{world.app}/cinetpay/notify/{account.account_key}",
                data={"cpm_trans_id": trans_id, "cpm_site_id": SITE_ID},
            )
            await eventually(lambda: "account_unreadable" in worst_of(logs))
        assert 200 == notified.status_code
        assert {"account_unreadable"} == set(worst_of(logs))
        assert "pending" == await world.state(trans_id)
        assert SAID in plain((await Staff(world=world).gets(f"/payments/{trans_id}")).text)


async def test_what_a_newer_version_has_noted_is_a_line_on_home(world: World) -> None:
    """A problem of a kind that this version lacks is told plainly and can't be dismissed by it."""
    row = {
        "key": "of_tomorrow:1",
        "saleor_api_url": world.saleor.config.api_url,
        "kind": "of_tomorrow",
        "detail": {},
        "raised_at": world.house.clock.now(),
    }
    async with world.house.database.write() as connection:
        await connection.execute(insert(problems).values(row))
    try:
        staff = Staff(world=world)
        page = await staff.gets()
        assert (200, "Home") == (page.status_code, heading(page))
        assert "A newer version of the app has noted something that this version has no words for." in plain(page.text)
        assert "Une version plus récente" in plain((await Staff(world=world, language="fr").gets()).text)
        assert 404 == (await staff.posts("/problems/of_tomorrow:1/dismiss")).status_code
        assert 200 == (await world.http.get(f"{world.app}/metrics")).status_code
    finally:
        async with world.house.database.write() as connection:
            await connection.execute(delete(problems).where(problems.c.key == row["key"]))


async def test_a_payment_and_a_refund_of_a_newer_version(world: World) -> None:
    """Their lists say that a newer version knows more, the storefront reads pending, and nothing is written over."""
    transaction, trans_id = await world.paid()
    await world.saleor.request_action(transaction, "REFUND", 5000)
    async with world.house.database.write() as connection:
        await connection.execute(update(payments).where(payments.c.trans_id == trans_id).values(state="of_tomorrow"))
        await connection.execute(update(refunds).values(state="of_tomorrow", decided_at=world.house.clock.now()))
    staff = Staff(world=world)
    for path in ("/payments", "/refunds"):
        assert "Known to a newer version of the app" in plain((await staff.gets(path)).text)
    assert ">Known to a newer version" not in (await staff.gets("/payments?state=accepted")).text
    assert 503 == (await staff.gets(f"/payments/{trans_id}")).status_code
    reply = await world.saleor.send_webhook("TRANSACTION_PROCESS_SESSION", transaction)
    assert ("CHARGE_ACTION_REQUIRED", "pending") == (reply.json["result"], reply.json["data"]["status"])
    async with world.house.database.read() as connection:
        state = await connection.scalar(select(payments.c.state).where(payments.c.trans_id == trans_id))
    assert "of_tomorrow" == state
