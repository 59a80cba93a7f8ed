"""Buying in a browser: from the shop to CinetPay and back, and what Saleor holds in the end."""

import re

import pytest
from browser_kit import DESKTOP, INDIGO_CLOTH, Demo, NewBuyer, eventually, finals
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

EITHER_REFUSAL = re.compile("Le code de confirmation est incorrect ou a expiré|L’opérateur n’a pas accepté ce paiement")
"""The app's message, or the shop's own where the report was in Saleor first: then `process` answers without data."""


async def test_a_phone_in_french_pays_once_though_cinetpay_tells_five_times(demo: Demo, new_buyer: NewBuyer) -> None:
    """Five notifications at one instant and a return make one success in Saleor, of the right amount, and one order."""
    buyer = await new_buyer("fr")
    await buyer.goes_to_pay()
    await expect(buyer.page.get_by_role("heading", name="12 500 F CFA")).to_be_visible()
    await buyer.page.get_by_label("Orange Money").check()
    await buyer.pays(notify="five")
    await expect(buyer.page.get_by_role("status")).to_contain_text("Paiement accepté")
    trans_id = await buyer.reference()
    await buyer.returns()
    await buyer.sees("paid")
    await expect(buyer.page.get_by_role("heading", level=1)).to_have_text(buyer.words.paid)
    await eventually(5, lambda: demo.notified(trans_id))
    held = await demo.transaction(buyer.transaction_id())
    assert (trans_id, [("CHARGE_SUCCESS", INDIGO_CLOTH)]) == (held["pspReference"], finals(held))
    assert [("FULL", INDIGO_CLOTH)] == await demo.orders(held["id"])
    assert 0 == await buyer.sideways()


async def test_the_link_to_our_page_leads_an_english_buyer_through(demo: Demo, new_buyer: NewBuyer) -> None:
    """A shop that can only redirect sends its buyer to /pay, which hands them over without a click."""
    buyer = await new_buyer("en", DESKTOP)
    async with buyer.page.expect_request(lambda asked: asked.url.startswith(f"{demo.at.app}/pay/")):
        await buyer.goes_to_pay(by_link=True)
    await buyer.pays()
    await expect(buyer.page.get_by_role("status")).to_contain_text("Payment accepted")
    await buyer.returns()
    await buyer.sees("paid")
    await expect(buyer.page.get_by_role("heading", level=1)).to_have_text(buyer.words.paid)
    held = await demo.transaction(buyer.transaction_id())
    assert [("CHARGE_SUCCESS", INDIGO_CLOTH)] == finals(held)


async def test_a_wrong_code_can_be_put_right_on_the_same_page(demo: Demo, new_buyer: NewBuyer) -> None:
    """A refusal while the buyer is still at CinetPay leaves no failure in Saleor; the second attempt pays."""
    buyer = await new_buyer("fr")
    await buyer.goes_to_pay()
    await buyer.pays("604")
    await expect(buyer.page.get_by_role("alert")).to_contain_text("Code à usage unique erroné. Vous pouvez réessayer.")
    trans_id = await buyer.reference()
    await eventually(1, lambda: demo.notified(trans_id))
    await buyer.pays()
    await buyer.returns()
    await buyer.sees("paid")
    held = await demo.transaction(buyer.transaction_id())
    assert [("CHARGE_SUCCESS", INDIGO_CLOTH)] == finals(held)


async def test_after_a_refusal_a_new_attempt_pays(demo: Demo, new_buyer: NewBuyer) -> None:
    """Back in the shop the buyer reads in French what went wrong, tries again, and pays another transaction."""
    buyer = await new_buyer("fr")
    await buyer.goes_to_pay()
    await buyer.pays("604")
    await buyer.returns()
    await buyer.sees("refused")
    await expect(buyer.page.get_by_role("heading", level=1)).to_have_text("Le paiement n’a pas abouti")
    await expect(buyer.page.locator("#outcome-text")).to_have_text(EITHER_REFUSAL)
    refused = buyer.transaction_id()
    await buyer.page.get_by_role("button", name="Réessayer").click()
    await buyer.pays()
    await buyer.returns()
    await buyer.sees("paid")
    paid = buyer.transaction_id()
    assert [("CHARGE_FAILURE", INDIGO_CLOTH)] == finals(await demo.transaction(refused))
    assert [("CHARGE_SUCCESS", INDIGO_CLOTH)] == finals(await demo.transaction(paid))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_cancel_leads_back_to_a_full_cart(method: str, demo: Demo, new_buyer: NewBuyer) -> None:
    """However CinetPay leads back after a cancel, the shop says so, nothing is charged, and trying again is offered."""
    buyer = await new_buyer("fr")
    await buyer.goes_to_pay()
    await buyer.page.locator("#cancel_method").select_option(method)
    await buyer.page.get_by_role("button", name="Annuler le paiement").click()
    await buyer.sees("cancelled")
    await expect(buyer.page.get_by_role("heading", level=1)).to_have_text("Paiement interrompu")
    await expect(buyer.page.get_by_role("link", name="Panier")).to_have_text("Panier 1")
    await expect(buyer.page.get_by_role("button", name="Réessayer")).to_be_visible()
    held = await demo.transaction(buyer.transaction_id())
    assert ("0", [("CHARGE_FAILURE", INDIGO_CLOTH)]) == (held["charged"], finals(held))


async def test_who_pays_again_what_is_paid_sees_the_order(demo: Demo, new_buyer: NewBuyer) -> None:
    """A buyer closes the page after paying, and later presses Pay once more: they see their order, and pay nothing."""
    buyer = await new_buyer("fr")
    await buyer.goes_to_pay()
    await buyer.pays()
    await expect(buyer.page.locator("#return")).to_be_visible()
    await buyer.page.goto(f"{demo.at.shop}/checkout")
    transaction = await buyer.page.evaluate("JSON.parse(localStorage.getItem('payment')).transactionId")

    async def charged() -> str:
        return str((await demo.transaction(transaction))["charged"])

    await eventually(INDIGO_CLOTH, charged)
    await buyer.page.get_by_label(buyer.words.email).fill("awa@example.com")
    await buyer.page.get_by_role("button", name=buyer.words.pay).click()
    await buyer.sees("paid")
    assert transaction == buyer.transaction_id()


async def test_a_payment_that_comes_late_is_shown_without_a_reload(demo: Demo, new_buyer: NewBuyer) -> None:
    """Who is back before the operator has answered sees the payment under way, and then the order."""
    buyer = await new_buyer("fr")
    await buyer.goes_to_pay()
    trans_id = await buyer.reference()
    await buyer.page.locator("#after_s").fill("60")
    await buyer.pays("later")
    await expect(buyer.page.get_by_role("status")).to_contain_text("Validez le paiement sur votre téléphone")
    await buyer.returns()
    await expect(buyer.page.locator("#outcome-text")).to_contain_text("inutile de payer une seconde fois")
    assert [] == finals(await demo.transaction(buyer.transaction_id()))
    await demo.settle(trans_id, "00")
    await buyer.sees("paid")
    assert [("CHARGE_SUCCESS", INDIGO_CLOTH)] == finals(await demo.transaction(buyer.transaction_id()))
