"""Staff at the desk, in the demo's Dashboard: finding payments, looking, deciding; languages, themes, phones, axe."""

from urllib.parse import quote

import pytest
from browser_kit import PHONE, Demo, eventually
from clerk_kit import NewClerk, at_cinetpay, order_of
from playwright.async_api import Request, Route, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOW_FAR_OUT = """() => {
    const { left, right } = document.querySelector(".sections [aria-current]").getBoundingClientRect();
    return Math.max(0, Math.ceil(-left), Math.ceil(right - document.documentElement.clientWidth));
}"""
"""By how many pixels the current section is cut off."""


async def test_finding_a_payment_and_its_story(demo: Demo, new_clerk: NewClerk) -> None:
    """A payment is found by the beginning of its reference, and its page tells its story; the addresses follow."""
    trans_id = await at_cinetpay(demo, "602")
    clerk = await new_clerk()
    frame = await clerk.opens("/payments")
    await frame.get_by_label("Rechercher un paiement").fill(trans_id[:10].lower())
    await frame.get_by_label("Rechercher un paiement").press("Enter")
    await frame.get_by_role("link", name=trans_id).click()
    await frame.get_by_role("button", name="Interroger maintenant").click()
    await expect(frame.get_by_text("awa@example.com · A interrogé CinetPay")).to_be_visible()
    await expect(frame.get_by_text("Le solde du client est insuffisant").first).to_be_visible()
    await expect(clerk.page.locator(".toast")).to_contain_text("CinetPay répond")
    assert clerk.page.url.endswith(f"/payments/{trans_id}")
    await clerk.page.reload()
    await expect((await clerk.frame()).get_by_text("A interrogé CinetPay").first).to_be_visible()


async def test_back_and_forward(demo: Demo, new_clerk: NewClerk) -> None:
    """The browser's back button leads from a payment back to the list."""
    trans_id = await at_cinetpay(demo)
    clerk = await new_clerk()
    frame = await clerk.opens("/payments")
    await frame.get_by_role("link", name=trans_id).click()
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Paiement En attente")
    for _ in range(2):  # the Dashboard's own address first, as with every app
        await clerk.page.evaluate("history.back()")
    await expect(frame.get_by_role("heading", level=1)).to_have_text("Paiements")


async def test_accepting_a_suspect_payment(demo: Demo, new_clerk: NewClerk) -> None:
    """Somebody accepts what CinetPay holds, after being asked whether they are sure; Saleor has that amount."""
    trans_id = await at_cinetpay(demo, "00", cpm_amount="100")
    clerk = await new_clerk("en")
    frame = await clerk.opens(f"/payments/{trans_id}")
    await frame.get_by_role("button", name="Look now").click()
    await expect(frame.get_by_text("CinetPay says that another amount was paid").first).to_be_visible()
    await frame.get_by_role("button", name="It was paid ...").press("Enter")
    await expect(frame.get_by_role("dialog")).to_contain_text("The order asks for 12,500")
    await frame.get_by_role("button", name="Back").click()
    await expect(frame.get_by_role("dialog")).to_be_hidden()
    await frame.get_by_role("button", name="It was paid ...").click()
    await frame.get_by_role("button", name="Yes, it was paid").click()
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Paid")
    await expect(frame.get_by_text("awa@example.com · Decided: paid")).to_be_visible()

    async def charged() -> str:
        state = (await demo.http.get(f"{demo.at.shop}/_sandbox/state")).json()
        return str(next(one["charged"] for one in state["transactions"] if one["pspReference"] == trans_id))

    await eventually("100", charged)


async def test_two_people_decide(demo: Demo, new_clerk: NewClerk) -> None:
    """The second of two people is told that somebody was faster, and nothing is done twice."""
    trans_id = await at_cinetpay(demo, "00", cpm_amount="100")
    first, second = await new_clerk("en"), await new_clerk("en")
    frame = await first.opens(f"/payments/{trans_id}")
    await frame.get_by_role("button", name="Look now").click()
    await expect(frame.get_by_role("button", name="It was not paid ...")).to_be_visible()
    late = await second.opens(f"/payments/{trans_id}")
    await frame.get_by_role("button", name="It was not paid ...").click()
    await frame.get_by_role("button", name="Yes, it was not paid").click()
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Refused")
    await late.get_by_role("button", name="It was not paid ...").click()
    await late.get_by_role("button", name="Yes, it was not paid").click()
    await expect(late.get_by_role("alert")).to_contain_text("Somebody else has decided meanwhile")
    await expect(late.get_by_role("heading", level=1)).to_contain_text("Refused")


async def test_somebody_who_may_not(new_clerk: NewClerk) -> None:
    """A person without the permission is told so and how to get it, and sees nothing else."""
    clerk = await new_clerk(user="koffi@example.com")
    frame = await clerk.opens("/payments")
    await expect(frame.get_by_role("heading", level=1)).to_have_text("Vous n’avez pas accès aux paiements")
    assert 0 == await frame.get_by_role("table").count()


async def test_opened_outside_the_dashboard(demo: Demo, new_clerk: NewClerk) -> None:
    """A page that is opened by itself says where to open it."""
    clerk = await new_clerk()
    await clerk.page.goto(f"{demo.at.app}/dashboard/payments")
    heading = clerk.page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Ouvrez cette page depuis votre Dashboard Saleor")


async def test_the_dashboards_language_and_theme(new_clerk: NewClerk) -> None:
    """Language and theme follow the Dashboard's at once."""
    clerk = await new_clerk()
    frame = await clerk.opens("/payments")
    await expect(frame.get_by_role("heading", level=1)).to_have_text("Paiements")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = await frame.evaluate(ground)
    await clerk.page.locator("select[name=language]").select_option("en")
    await clerk.page.locator("select[name=theme]").select_option("dark")
    await expect(frame.get_by_role("heading", level=1)).to_have_text("Payments")
    await expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    assert "en" == await frame.locator("html").get_attribute("lang")
    assert light != await frame.evaluate(ground)


async def test_a_token_that_has_expired(demo: Demo, new_clerk: NewClerk) -> None:
    """A request that comes with an expired token is sent again with the next one, unnoticed."""
    clerk = await new_clerk()
    frame = await clerk.opens("/payments", lifetime=2)
    sent: list[str] = []

    async def expire(route: Route, request: Request) -> None:
        sent.append(request.headers["authorization"])
        if len(sent) == 1:
            await route.fulfill(status=401, headers={"Desk-Refusal": "TOKEN_EXPIRED"}, body="")
        else:
            await route.continue_()

    await clerk.page.route(f"{demo.at.app}/dashboard/payments?state=accepted", expire)
    await frame.get_by_text("Filtrer", exact=True).first.click()
    await frame.get_by_label("État").select_option("accepted")
    await frame.get_by_role("button", name="Filtrer").click()
    await expect(frame.get_by_label("État")).to_have_value("accepted")
    await eventually(2, lambda: _ready(len(sent)))
    assert sent[0] != sent[1]


async def _ready(value: object) -> object:
    return value


async def test_the_file_is_saved(demo: Demo, new_clerk: NewClerk) -> None:
    """The list can be saved as a file."""
    trans_id = await at_cinetpay(demo)
    clerk = await new_clerk()
    frame = await clerk.opens("/payments")
    async with clerk.page.expect_download() as saving:
        await frame.get_by_role("link", name="Télécharger (CSV)").click()
    saved = await saving.value
    assert saved.suggested_filename.startswith("cinetpay-payments-")
    assert trans_id in (await saved.path()).read_text(encoding="utf-8-sig")


async def test_without_a_connection(demo: Demo, new_clerk: NewClerk) -> None:
    """A form that can't be sent says so, and what was there stays."""
    trans_id = await at_cinetpay(demo)
    clerk = await new_clerk("en")
    frame = await clerk.opens(f"/payments/{trans_id}")
    await clerk.page.route("**/look", lambda route: route.abort())
    await frame.get_by_role("button", name="Look now").click()
    await expect(frame.locator("#notice")).to_contain_text("This could not be sent")
    await clerk.page.unroute("**/look")
    await frame.get_by_role("button", name="Look now").click()
    await expect(clerk.page.locator(".toast")).to_contain_text("CinetPay says: still open.")


async def test_beside_an_order(demo: Demo, new_clerk: NewClerk) -> None:
    """The widget beside an order tells of its payment, copies the reference, and leads to the payment's page."""
    trans_id = await at_cinetpay(demo, "00")
    clerk = await new_clerk()
    frame = await clerk.opens(f"/payments/{trans_id}")
    await frame.get_by_role("button", name="Interroger maintenant").click()
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Payé")
    order_id, number = await order_of(demo, trans_id)
    widget = await clerk.visits(f"/orders/{quote(order_id, safe='')}")
    await expect(widget.get_by_text("Payé", exact=True)).to_be_visible()
    assert [] == await clerk.found_by_axe(widget)
    await widget.get_by_role("button", name="Copier : Référence").click()
    await expect(widget.locator("#announcer")).to_have_text("Copié")
    await widget.get_by_role("link", name="Détails").click()
    await expect((await clerk.frame()).get_by_role("heading", level=1)).to_contain_text(f"Commande {number}")


async def test_the_menu_of_an_order(demo: Demo, new_clerk: NewClerk) -> None:
    """The order's menu opens the same in a window, which closes when it leads to the payment's page."""
    trans_id = await at_cinetpay(demo, "00")
    clerk = await new_clerk()
    frame = await clerk.opens(f"/payments/{trans_id}")
    await frame.get_by_role("button", name="Interroger maintenant").click()
    await expect(frame.get_by_role("heading", level=1)).to_contain_text("Payé")
    order_id, number = await order_of(demo, trans_id)
    await clerk.visits(f"/orders/{quote(order_id, safe='')}")
    await clerk.page.get_by_role("button", name="CinetPay").click()
    popup = clerk.page.frame_locator("#popup-frame iframe")
    await expect(popup.get_by_text(trans_id)).to_be_visible()
    assert f"/orders/{quote(order_id, safe='')}" in clerk.page.url
    await popup.get_by_role("link", name="Détails").click()
    await expect(clerk.page.locator("#popup")).to_be_hidden()
    await expect((await clerk.frame()).get_by_role("heading", level=1)).to_contain_text(f"Commande {number}")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("language", "window"), [("fr", PHONE), ("en", (1280, 800))], ids=["phone", "desktop"])
async def test_nobody_is_kept_out(
    demo: Demo, new_clerk: NewClerk, language: str, window: tuple[int, int], theme: str
) -> None:
    """On each page axe finds nothing, in both languages and themes; on a phone nothing is wider than the window."""
    suspect = await at_cinetpay(demo, "00", cpm_amount="100")
    clerk = await new_clerk(language, window, theme=theme)
    look = {"fr": "Interroger maintenant", "en": "Look now"}[language]
    frame = await clerk.opens(f"/payments/{suspect}")
    await frame.get_by_role("button", name=look).click()
    await expect(frame.locator("#decision-title")).to_be_visible()
    found = await clerk.found_by_axe(frame)
    sideways = [await clerk.sideways()]
    await frame.locator("[data-opens=refuse]").click()
    found += await clerk.found_by_axe(frame)
    for path in ("/payments?from=x&state=refused", "/payments?q=nothing-like-that", "/payments", "/nothing/here"):
        frame = await clerk.opens(path)
        found += await clerk.found_by_axe(frame)
        sideways.append(await clerk.sideways())
    frame = await clerk.opens("/payments", user="koffi@example.com")
    found += await clerk.found_by_axe(frame)
    assert ([], [0] * 5) == (found, sideways)


async def test_beside_the_dashboards_own_bar_nothing_overlaps(demo: Demo, new_clerk: NewClerk) -> None:
    """On a phone the real Dashboard keeps 33 of 360 pixels to itself; no text lies on another in what is left."""
    await at_cinetpay(demo, "00", cpm_amount="100")
    clerk = await new_clerk("fr", (PHONE[0] - 33, PHONE[1]))
    for path in ("/payments", "/refunds", "/history", "/settings"):
        frame = await clerk.opens(path)
        assert ([], 0) == (await clerk.overlaps(frame), await clerk.sideways()), path


async def test_a_message_that_is_not_the_dashboards(new_clerk: NewClerk) -> None:
    """A token that comes from anybody but the Dashboard around the page is not taken."""
    clerk = await new_clerk("en")
    frame = await clerk.opens("/payments")
    await frame.evaluate("window.postMessage({ type: 'handshake', payload: { token: 'not a token' } }, '*')")
    await frame.evaluate("new Promise((heard) => { onmessage = heard; window.postMessage({}, '*'); })")
    await frame.get_by_label("Find a payment").fill("nobody@example.com")
    await frame.get_by_role("button", name="Find", exact=True).click()
    await expect(frame.get_by_text("No payment is like that.")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("language", "window"), [("fr", PHONE), ("en", (1280, 800))], ids=["phone", "desktop"])
async def test_nobody_is_kept_out_of_any_section(
    demo: Demo, new_clerk: NewClerk, language: str, window: tuple[int, int], theme: str
) -> None:
    """Whatever stands in the navigation: axe finds nothing there, and nothing is wider than the window."""
    await at_cinetpay(demo, "00", cpm_amount="100")
    clerk = await new_clerk(language, window, theme=theme)
    frame = await clerk.opens()
    paths = [await link.get_attribute("href") or "" for link in await frame.locator("nav.sections a").all()]
    found: list[str] = []
    for path in paths:
        frame = await clerk.opens(path.removeprefix("/dashboard"))
        found += [f"{path}: {violation}" for violation in await clerk.found_by_axe(frame)]
        found += [f"{path} is {wider} px too wide" for wider in [await clerk.sideways()] if wider]
    assert "/dashboard/payments" in paths
    assert [] == found


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_where_one_is_can_be_seen_on_a_phone(new_clerk: NewClerk, language: str) -> None:
    """The row of sections is wider than a phone; it is moved so that the one where one is is in sight."""
    clerk = await new_clerk(language, PHONE)
    frame = await clerk.opens()
    paths = [await link.get_attribute("href") or "" for link in await frame.locator("nav.sections a").all()]
    seen = {}
    for path in paths:
        frame = await clerk.opens(path.removeprefix("/dashboard"))
        seen[path] = await frame.evaluate(HOW_FAR_OUT)
    assert len(seen) > 4
    assert dict.fromkeys(paths, 0) == seen
