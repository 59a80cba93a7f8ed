"""Home and History in the demo's Dashboard: figures, comparing; languages, themes, phones, axe."""

import pytest
from browser_kit import PHONE, Demo
from clerk_kit import NewClerk, at_cinetpay, order_of
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("path", ["", "/history"])
@pytest.mark.parametrize(("language", "theme"), [("fr", "light"), ("en", "dark")])
async def test_nobody_is_kept_out(new_clerk: NewClerk, path: str, language: str, theme: str) -> None:
    """On a phone nothing is wider than the window, and axe finds nothing, in both languages and themes."""
    clerk = await new_clerk(language, PHONE, theme=theme)
    frame = await clerk.opens(path)
    assert 0 == await clerk.sideways()
    assert [] == await clerk.found_by_axe(frame)


async def test_a_new_shop_sees_what_is_paid(demo: Demo, new_clerk: NewClerk) -> None:
    """Once a buyer has paid, the first page shows today's payments."""
    await order_of(demo, await at_cinetpay(demo, "00"))
    clerk = await new_clerk("en")
    frame = await clerk.opens()
    await expect(frame.get_by_role("heading", name="Today")).to_be_visible()
    await expect(frame.get_by_role("img", name="Payments by day")).to_be_visible()


async def test_the_history_is_read_for_chosen_days(demo: Demo, new_clerk: NewClerk) -> None:
    """What CinetPay holds stands beside what stands here; a wrong period is told beside its field."""
    trans_id = await at_cinetpay(demo, "00")
    await order_of(demo, trans_id)
    clerk = await new_clerk()
    frame = await clerk.opens("/history")
    await frame.get_by_text("Paiements concordants").click()
    await expect(frame.get_by_role("row", name=trans_id)).to_be_visible()
    await frame.get_by_label("Du", exact=True).fill("2020-01-01")
    await frame.get_by_role("button", name="Comparer").click()
    await expect(frame.get_by_text("Cela fait plus de 31 jours")).to_be_visible()
    await expect(frame.get_by_label("Du", exact=True)).to_have_value("2020-01-01")
