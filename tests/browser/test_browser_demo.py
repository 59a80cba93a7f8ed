"""The demo's split view: a shop at the left, and at the right what is said behind it."""

import pytest
from browser_kit import DESKTOP, Demo, NewBuyer
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_split_view_shows_a_payment_and_what_was_said_about_it(demo: Demo, new_buyer: NewBuyer) -> None:
    """A purchase in the left frame shows in the right one: messages to CinetPay, events in Saleor, the order."""
    buyer = await new_buyer("fr", DESKTOP)
    await buyer.page.goto(f"{demo.at.shop}/demo")
    shop = buyer.page.frame_locator('iframe[title="Lagune & Karité"]')
    live = buyer.page.frame_locator('iframe[title="En direct"]')
    await buyer.goes_to_pay(frame=shop)
    trans_id = await shop.locator(".order dd.code").first.inner_text()
    await buyer.pays(frame=shop)
    await shop.locator("#return").click()
    await expect(shop.locator("#outcome")).to_have_attribute("data-state", "paid")
    payment = live.locator(".transaction", has_text=trans_id)
    await expect(payment.get_by_text("CHARGE_SUCCESS")).to_have_count(1)
    await expect(payment.get_by_text("Encaissé")).to_contain_text("12 500 F CFA")
    looked = live.locator("#messages li", has_text="checkPayStatus").filter(has_text=trans_id).first
    await looked.locator("summary").click()
    await expect(looked.locator("pre")).to_be_visible()
    assert 0 == await buyer.sideways()


async def test_a_phone_gets_the_two_halves_as_links(demo: Demo, new_buyer: NewBuyer) -> None:
    """Where the split view has no room, it offers the shop and the live view one by one."""
    buyer = await new_buyer("fr")
    await buyer.page.goto(f"{demo.at.shop}/demo")
    await buyer.page.get_by_role("link", name="Voir en direct").click()
    await expect(buyer.page.get_by_role("heading", level=1)).to_have_text("En direct")
    assert 0 == await buyer.sideways()
