"""Refunds at the desk, in the demo's Dashboard: paying back, declining, being warned; two languages, phones, axe."""

import base64
from typing import Any

import pytest
from browser_kit import DESKTOP, PHONE, Demo, eventually
from clerk_kit import NewClerk, at_cinetpay
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBER = "+225 07 00 00 00 42"
REFUND = "TRANSACTION_REFUND_REQUESTED"


async def _transaction(demo: Demo, trans_id: str) -> dict[str, Any]:
    """Return what Saleor holds of a payment."""
    held = (await demo.http.get(f"{demo.at.shop}/_sandbox/state")).json()["transactions"]
    found: dict[str, Any] = next(one for one in held if one["pspReference"] == trans_id)
    return found


async def _paid(demo: Demo) -> tuple[str, str]:
    """Have a payment paid and charged; return its trans id and Saleor's id."""
    trans_id = await at_cinetpay(demo, "00")

    async def charged() -> str:
        return str((await _transaction(demo, trans_id))["charged"])

    await eventually("12500", charged, within_s=20)
    return trans_id, str((await _transaction(demo, trans_id))["id"])


async def _asked(demo: Demo, reason: str, amount: int = 5000) -> str:
    """Have a payment paid, and staff ask for a refund of it; return its trans id."""
    trans_id, transaction_id = await _paid(demo)
    asked = {"action": "REFUND", "amount": amount, "reason": reason}
    reply = await demo.http.post(f"{demo.at.shop}/_sandbox/transactions/{transaction_id}/actions", json=asked)
    assert 202 == reply.status_code, reply.text
    return trans_id


async def _outcomes(demo: Demo, trans_id: str) -> list[tuple[str, str]]:
    """Return type and amount of what Saleor was told of a payment's refunds."""
    events = (await _transaction(demo, trans_id))["events"]
    told = {"REFUND_SUCCESS", "REFUND_FAILURE"}
    return [(event["type"], event["amount"]) for event in events if event["type"] in told]


async def test_paying_a_buyer_back(demo: Demo, new_clerk: NewClerk) -> None:
    """From the queue to the number, its payment by hand and Saleor's books; nobody sees the number after."""
    trans_id = await _asked(demo, "Trop petit")
    clerk = await new_clerk("fr", DESKTOP)
    frame = await clerk.opens("/refunds")
    row = frame.get_by_role("row", name="Trop petit")
    await expect(row).to_contain_text("•••• 0042")
    await expect(frame.get_by_role("link", name="Remboursements")).to_be_visible()
    assert [] == await clerk.found_by_axe(frame)
    await row.get_by_role("link", name="Rembourser ou refuser").click()
    await expect(frame.get_by_text(NUMBER)).to_be_visible()
    assert [] == await clerk.found_by_axe(frame)
    await frame.get_by_role("button", name="J’ai remboursé").click()
    await expect(frame.get_by_text("Indiquez par quel versement l’argent a été rendu")).to_be_visible()
    assert [] == await clerk.found_by_axe(frame)
    await frame.get_by_label("Référence de votre versement").fill("OM-240511")
    await frame.get_by_role("button", name="J’ai remboursé").click()
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Remboursé")
    await expect(frame.get_by_text("OM-240511")).to_be_visible()
    await expect(frame.get_by_text(NUMBER)).to_have_count(0)
    await expect(clerk.page.locator(".toast")).to_contain_text("Remboursement enregistré.")
    assert 0 == await clerk.sideways()
    await eventually([("REFUND_SUCCESS", "5000")], lambda: _outcomes(demo, trans_id))


async def test_declining_on_a_phone(demo: Demo, new_clerk: NewClerk) -> None:
    """In English, in the dark and at 360 pixels: a reason is demanded, told to Saleor, and kept in the history."""
    trans_id = await _asked(demo, "Changed my mind")
    clerk = await new_clerk("en", PHONE, theme="dark")
    frame = await clerk.opens("/refunds")
    assert [] == await clerk.found_by_axe(frame)
    assert 0 == await clerk.sideways()
    await frame.get_by_role("row", name="Changed my mind").get_by_role("link", name="Pay or decline").click()
    await expect(frame.get_by_text(NUMBER)).to_be_visible()
    assert [] == await clerk.found_by_axe(frame)
    assert 0 == await clerk.sideways()
    await frame.get_by_role("button", name="Decline the refund").click()
    await expect(frame.get_by_text("Write why the money is not given back")).to_be_visible()
    await frame.get_by_label("Reason").fill("The cloth came back torn")
    await frame.get_by_role("button", name="Decline the refund").click()
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Declined")
    await eventually([("REFUND_FAILURE", "5000")], lambda: _outcomes(demo, trans_id))
    await frame.get_by_role("link", name="All refunds").click()
    await expect(frame.get_by_role("row", name="The cloth came back torn")).to_contain_text("awa@example.com")
    assert [] == await clerk.found_by_axe(frame)
    assert 0 == await clerk.sideways()


async def test_a_refund_that_saleor_has_given_up(demo: Demo, new_clerk: NewClerk) -> None:
    """Where our answer was lost Saleor counts a failure: who pays back is warned first, and says that they mean it."""
    trans_id, transaction_id = await _paid(demo)
    lost = {
        "id": base64.b64encode(b"TransactionEvent:1").decode(),
        "type": "REFUND_REQUEST",
        "pspReference": "",
        "amount": {"amount": 700.0, "currency": "XOF"},
        "createdAt": "2026-01-01T00:00:00+00:00",
        "message": "Lost on the way",
        "idempotencyKey": trans_id,
    }
    changes = {
        "action": {"amount": 700.0, "currency": "XOF", "actionType": "REFUND"},
        "transaction": {"id": transaction_id, "events": [lost]},
    }
    call = {"event": REFUND, "transaction": transaction_id, "changes": changes}
    reply = await demo.http.post(f"{demo.at.shop}/_sandbox/webhooks", json=call)
    assert {"pspReference"} == set(reply.json()["answer"]), reply.text
    clerk = await new_clerk("en")
    frame = await clerk.opens("/refunds")
    await frame.get_by_role("row", name="Lost on the way").get_by_role("link", name="Pay or decline").click()
    await frame.get_by_label("Reference of your payment").fill("OM-700")
    await frame.get_by_role("button", name="I have paid it back").click()
    await expect(frame.get_by_role("alert")).to_contain_text("so that the buyer is not paid twice")
    await expect(frame.get_by_label("Reference of your payment")).to_have_value("OM-700")
    assert [] == await clerk.found_by_axe(frame)
    await frame.get_by_label("I have checked the order in Saleor").check()
    await frame.get_by_role("button", name="I have paid it back").click()
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Paid back")
    await eventually([("REFUND_SUCCESS", "700")], lambda: _outcomes(demo, trans_id))
