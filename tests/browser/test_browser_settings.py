"""The settings pages in the demo's Dashboard: from the first account to the first payment, and two people at once."""

import pytest
from browser_kit import PHONE, Demo
from clerk_kit import NewClerk, at_cinetpay
from playwright.async_api import Frame, expect

from saleor_cinetpay.sandbox.defaults import DEFAULT_API_KEY, DEFAULT_SITE_ID

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGES = ("/settings", "/settings/accounts/new", "/settings/channels", "/settings/storefront")


async def has_an_account(frame: Frame) -> bool:
    """Say whether an earlier test has set the shop's account up."""
    return await frame.get_by_role("link", name="Boutique").count() > 0


async def set_up(new_clerk: NewClerk) -> None:
    """Set the shop's account up, with a wrong key first, unless it is there."""
    clerk = await new_clerk()
    frame = await clerk.opens("/settings")
    if await has_an_account(frame):
        return
    await frame.get_by_role("link", name="Ajouter un compte").click()
    await frame.get_by_label("Nom").fill("Boutique")
    await frame.get_by_label("Identifiant du site (site id)").fill(DEFAULT_SITE_ID)
    await frame.get_by_label("Clé d’API").fill("une-autre-cle")
    await frame.get_by_role("button", name="Vérifier et enregistrer").click()
    key = frame.get_by_label("Clé d’API")
    await expect(frame.locator("#e-api_key")).to_contain_text("CinetPay n’accepte pas la clé d’API")
    await expect(key).to_be_focused()
    await expect(key).to_have_value("une-autre-cle")  # kept by the page; the server never sends it back
    await expect(frame.get_by_label("Nom")).to_have_value("Boutique")
    await key.fill(DEFAULT_API_KEY)
    await frame.get_by_role("button", name="Vérifier et enregistrer").click()
    await expect(clerk.page.locator(".toast")).to_contain_text("CinetPay reconnaît")
    await expect(frame.get_by_role("heading", level=1)).to_have_text("Réglages")


async def test_from_the_first_account_to_the_first_payment(demo: Demo, new_clerk: NewClerk) -> None:
    """A refused key is corrected, the account serves the shop's channel, and a buyer pays through it."""
    await set_up(new_clerk)
    frame = await (await new_clerk()).opens("/settings")
    await expect(frame.get_by_role("row", name="Boutique")).to_contain_text("XOF")
    trans_id = await at_cinetpay(demo, "00")
    frame = await (await new_clerk()).opens(f"/payments/{trans_id}")
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Paiement")


async def test_a_channel_is_remapped(demo: Demo, new_clerk: NewClerk) -> None:
    """The channel's payments go to the account that is chosen, and back again."""
    await set_up(new_clerk)
    clerk = await new_clerk("en")
    frame = await clerk.opens("/settings")
    for account in ("The operator's account", "Boutique"):
        await frame.get_by_role("link", name="Choose accounts").click()
        await frame.get_by_role("combobox").first.select_option(label=account)
        await frame.get_by_role("button", name="Save").click()
        await expect(frame.get_by_role("heading", level=1)).to_have_text("Settings")
        await expect(frame.get_by_role("row", name=account)).to_be_visible()
        await at_cinetpay(demo)


async def test_the_second_of_two_people_is_told(new_clerk: NewClerk) -> None:
    """What the second typed stays, with what is stored now beside it, and saving again counts."""
    await set_up(new_clerk)
    first, second = await new_clerk("en"), await new_clerk("en")
    frame, late = await first.opens("/settings/storefront"), await second.opens("/settings/storefront")
    await frame.get_by_label("After how many minutes").fill("30")
    await late.get_by_label("After how many minutes").fill("45")
    await frame.get_by_role("button", name="Save").click()
    await expect(frame.get_by_text("30 min after the payment")).to_be_visible()
    await late.get_by_role("button", name="Save").click()
    await expect(late.get_by_role("alert")).to_contain_text("Somebody else has saved this meanwhile")
    await expect(late.get_by_label("After how many minutes")).to_have_value("45")
    await expect(late.get_by_text("30 min after the payment")).to_be_visible()
    await late.get_by_label("After how many minutes").fill("10")
    await late.get_by_role("button", name="Save").click()
    await expect(late.get_by_text("10 min after the payment")).to_be_visible()


@pytest.mark.parametrize(("language", "theme"), [("fr", "light"), ("en", "dark")])
async def test_on_a_phone(new_clerk: NewClerk, language: str, theme: str) -> None:
    """No settings page is wider than a phone, and axe finds nothing to complain about."""
    await set_up(new_clerk)
    clerk = await new_clerk(language, PHONE, theme=theme)
    for path in PAGES:
        frame = await clerk.opens(path)
        assert (0, []) == (await clerk.sideways(), await clerk.found_by_axe(frame)), path
    frame = await clerk.opens("/settings")
    await frame.get_by_role("link", name="Boutique").click()
    await expect(frame.get_by_role("heading", level=1)).to_have_text("Boutique")
    assert (0, []) == (await clerk.sideways(), await clerk.found_by_axe(frame))
