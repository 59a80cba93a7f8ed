"""The Refunds page: what waits, what to pay and to whom, and the two decisions with what is typed wrongly."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx
import pytest
from app_kit import World
from desk_kit import Staff, heading, plain
from sqlalchemy import insert, select

from saleor_cinetpay.payments.refund import Refund, RefundState, refund_of_row
from saleor_cinetpay.payments.tables import refunds
from saleor_cinetpay.sandbox.saleor.records import Transaction

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = "0707080910"
WRITTEN = "+225 07 07 08 09 10"


async def _asked(world: World, amount: int = 5000, reason: str = "too small") -> tuple[Transaction, Refund]:
    """Have a payment paid from that phone, and staff ask for a refund of it."""
    transaction, _ = await world.paid(phoneNumber=PHONE, phonePrefix="225")
    await world.saleor.request_action(transaction, "REFUND", amount, reason)
    return transaction, await _refund(world, transaction)


async def _refund(world: World, transaction: Transaction) -> Refund:
    async with world.house.database.read() as connection:
        rows = await connection.execute(select(refunds).where(refunds.c.transaction_id == transaction.id))
        return refund_of_row(rows.one())


async def test_what_waits_is_listed_without_the_number(world: World) -> None:
    """The queue says how much of which payment, why, and the end of the number; the navigation counts it."""
    _, refund = await _asked(world)
    reply = await Staff(world=world).gets("/refunds")
    said = plain(reply.text)
    assert (200, "Refunds") == (reply.status_code, heading(reply))
    assert f"/dashboard/refunds/{refund.reference}" in reply.text
    assert f'href="/dashboard/payments/{refund.trans_id}"' in reply.text
    for shown in (refund.trans_id, "5,000 F CFA", "too small", "•••• 0910", "Refunds 1"):
        assert shown in said, shown
    assert PHONE[:6] not in reply.text
    await world.house.orders.note(
        refund.saleor_api_url, [refund.trans_id], order_id="T3JkZXI6MQ==", order_number="4711"
    )
    assert "Order 4711" in plain((await Staff(world=world).gets("/refunds")).text)


async def test_nothing_waits(world: World) -> None:
    """An empty queue says how a refund gets there."""
    said = plain((await Staff(world=world, language="fr").gets("/refunds")).text)
    assert "Rien n’attend." in said
    assert "Aucun remboursement n’a encore été traité." in said


async def test_the_number_stands_on_the_page_of_an_open_refund_only(world: World) -> None:
    """Whoever is to pay sees the whole number; once that is done, nobody does."""
    _, refund = await _asked(world)
    staff = Staff(world=world)
    opened = await staff.gets(f"/refunds/{refund.reference}")
    assert WRITTEN in opened.text
    assert "Orange Money" in plain(opened.text)
    done = await _says_paid(staff, refund)
    assert 200 == done.status_code
    reply = await staff.gets(f"/refunds/{refund.reference}")
    assert WRITTEN not in reply.text
    assert PHONE not in reply.text
    assert "•••• 0910" in plain(reply.text)


async def _says_paid(staff: Staff, refund: Refund, note: str = "OM-123", **more: str) -> httpx.Response:
    return await staff.posts(f"/refunds/{refund.reference}/paid", {"note": note, **more})


async def test_paid_back(world: World) -> None:
    """A reference is enough where Saleor waits; who and how stands in the history, and Saleor's books follow."""
    transaction, refund = await _asked(world)
    await _says_paid(Staff(world=world), refund)
    await world.reported(transaction, "CHARGE_SUCCESS", "REFUND_SUCCESS")
    assert (7500, 5000) == (int(transaction.amounts.charged), int(transaction.amounts.refunded))
    held = await _refund(world, transaction)
    assert (RefundState.PAID_BACK, "OM-123", "awa@example.com") == (held.state, held.note, held.decided_by)
    said = plain((await Staff(world=world).gets("/refunds")).text)
    assert "Paid back OM-123 awa@example.com 5,000 F CFA" in said
    assert "Nothing waits." in said
    story = await _story(world, refund, "Saleor · Has been told: paid back")
    assert 2 == story.count("Amount: 5 000 F CFA.")
    assert "Paid back · 5,000 F CFA Saleor has it" in story


async def test_declined(world: World) -> None:
    """A reason is told to Saleor, and the charge stays."""
    transaction, refund = await _asked(world)
    await Staff(world=world).posts(f"/refunds/{refund.reference}/declined", {"reason": "The buyer kept it"})
    (_, told) = await world.reported(transaction, "CHARGE_SUCCESS", "REFUND_FAILURE")
    assert told.message.endswith("The buyer kept it")
    story = await _story(world, refund, "Saleor · Has been told: not paid back")
    assert "Not paid back · 5,000 F CFA Saleor has it" in story
    assert RefundState.DECLINED is (await _refund(world, transaction)).state


async def _story(world: World, refund: Refund, words: str) -> str:
    """Return what the payment's page says, once it says that too."""
    staff, said = Staff(world=world), ""
    for _ in range(200):
        said = plain((await staff.gets(f"/payments/{refund.trans_id}")).text)
        if words in said:
            return said
        await asyncio.sleep(0.05)
    raise AssertionError(said)


@pytest.mark.parametrize(
    ("to", "typed", "wrong"),
    [
        ("paid", {}, "Write by which payment the money went back"),
        ("paid", {"note": "   "}, "Write by which payment the money went back"),
        ("paid", {"note": "x" * 401}, "Write at most 400 characters."),
        ("declined", {"reason": ""}, "Write why the money is not given back"),
        ("declined", {"reason": "y" * 401}, "Write at most 400 characters."),
    ],
)
async def test_what_is_typed_wrongly(world: World, to: str, typed: dict[str, Any], wrong: str) -> None:
    """The error stands beside its field, what was typed is still there, and nothing is decided."""
    transaction, refund = await _asked(world)
    reply = await Staff(world=world).posts(f"/refunds/{refund.reference}/{to}", typed)
    assert 422 == reply.status_code
    assert wrong in plain(reply.text)
    assert all(value.strip() in reply.text for value in typed.values())
    assert 'aria-invalid="true"' in reply.text
    assert RefundState.WAITING is (await _refund(world, transaction)).state


async def test_what_saleor_does_not_wait_for_has_to_be_confirmed(world: World) -> None:
    """Where Saleor counts the request as failed the page warns, keeps what was typed, and takes a second word."""
    transaction, refund = await _asked(world)
    request = transaction.events[-1]
    request.psp_reference, request.counts = "", False
    staff = Staff(world=world)
    reply = await _says_paid(staff, refund)
    said = plain(reply.text)
    assert 409 == reply.status_code
    assert "so that the buyer is not paid twice" in said
    assert "OM-123" in reply.text
    assert 'name="confirmed"' in reply.text
    assert RefundState.WAITING is (await _refund(world, transaction)).state
    assert 200 == (await _says_paid(staff, refund, confirmed="yes")).status_code
    assert RefundState.PAID_BACK is (await _refund(world, transaction)).state


async def test_the_second_of_two_is_told(world: World) -> None:
    """Who comes too late reads who decided what; nothing is overwritten."""
    transaction, refund = await _asked(world)
    await _says_paid(Staff(world=world), refund)
    late = Staff(world=world, email="koffi@example.com")
    for to, typed in [("declined", {"reason": "no"}), ("paid", {"note": "again"}), ("paid", {"note": ""})]:
        reply = await late.posts(f"/refunds/{refund.reference}/{to}", typed)
        assert "awa@example.com has decided on this refund meanwhile" in plain(reply.text), to
        assert 409 == reply.status_code
    held = await _refund(world, transaction)
    assert ("awa@example.com", "OM-123") == (held.decided_by, held.note)


async def test_what_is_anothers_does_not_exist(world: World) -> None:
    """An unknown reference, and one of another shop, are not there, to look at or to decide on."""
    _, refund = await _asked(world)
    theirs = f"{refund.trans_id}-OTHERSHOP0000000"
    async with world.house.database.write() as connection:
        row = (await connection.execute(select(refunds))).one()._mapping
        other = dict(row) | {"reference": theirs, "saleor_api_url": "https://other.example/graphql/"}
        await connection.execute(insert(refunds).values(other))
    staff = Staff(world=world)
    assert theirs not in (await staff.gets("/refunds")).text
    for one in (theirs, "nonsense"):
        assert 404 == (await staff.gets(f"/refunds/{one}")).status_code
        assert 404 == (await staff.posts(f"/refunds/{one}/paid", {"note": "x"})).status_code
        assert 404 == (await staff.posts(f"/refunds/{one}/declined", {"reason": "x"})).status_code


async def test_without_the_permission_nothing_is_shown(world: World) -> None:
    """Who may not handle payments sees no refund and decides on none."""
    transaction, refund = await _asked(world)
    stranger = Staff(world=world, permissions=("MANAGE_ORDERS",))
    for reply in (await stranger.gets(f"/refunds/{refund.reference}"), await _says_paid(stranger, refund)):
        assert 403 == reply.status_code
        assert WRITTEN not in reply.text
    assert RefundState.WAITING is (await _refund(world, transaction)).state


async def test_a_reason_is_shown_as_it_was_typed(world: World) -> None:
    """What staff typed is text, whatever it looks like."""
    _, refund = await _asked(world, reason="<script>alert(1)</script> & more")
    reply = await Staff(world=world).gets(f"/refunds/{refund.reference}")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in reply.text


async def test_the_history_has_pages(world: World) -> None:
    """Fifty decisions are shown at once, the newest first; a link leads to the older ones and back."""
    _, refund = await _asked(world)
    now = datetime.now(UTC)
    async with world.house.database.write() as connection:
        row = dict((await connection.execute(select(refunds))).one()._mapping)
        for number in range(60):
            decided = {"state": "declined", "note": f"note {number:02}", "decided_at": now - timedelta(minutes=number)}
            await connection.execute(insert(refunds).values(row | decided | {"reference": f"R{number}"}))
    staff = Staff(world=world)
    first = await staff.gets("/refunds")
    assert ("note 00" in first.text, "note 49" in first.text, "note 50" in first.text) == (True, True, False)
    older = first.text.split('href="/dashboard/refunds?before=')[1].split('"')[0]
    second = await staff.gets(f"/refunds?before={older}")
    assert ("note 49" in second.text, "note 50" in second.text, "note 59" in second.text) == (False, True, True)
    assert refund.reference not in second.text
    for nonsense in ("yesterday", "2026-01-01"):
        assert "note 00" in (await staff.gets(f"/refunds?before={nonsense}")).text


async def test_home_leads_to_the_refund(world: World) -> None:
    """What waits is among what needs a person, with a link to where it is decided."""
    _, refund = await _asked(world)
    assert f"/dashboard/refunds/{refund.reference}" in (await Staff(world=world).gets("/")).text
