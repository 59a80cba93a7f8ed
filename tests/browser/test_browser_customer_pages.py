"""Our own pages in a browser: the hand-over to CinetPay, and the result for shops without a page for it."""

import re
from dataclasses import dataclass

import pytest
from browser_kit import Buyer, Demo, NewBuyer, Opened
from playwright.async_api import Request, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What a buyer reads on our pages, in one language."""

    hand_over: str
    amount: str
    under_way: str
    received: str
    back: str
    leads_to: str


READS = {
    "fr": Reads(
        hand_over="Continuer vers la page de paiement sécurisée",
        amount="12 500 F CFA",
        under_way="Paiement en cours",
        received="Paiement reçu",
        back="Retour à la boutique",
        leads_to="Ce lien mène à another-shop.example.",
    ),
    "en": Reads(
        hand_over="Continue to the secure payment page",
        amount="12,500 F CFA",
        under_way="Payment under way",
        received="Payment received",
        back="Back to the shop",
        leads_to="This link leads to another-shop.example.",
    ),
}
RESULTS = {
    "604": ("Paiement refusé", "Le code de confirmation est incorrect ou a expiré."),
    "627": ("Paiement annulé", "Le paiement a été annulé. Vous pouvez recommencer quand vous le souhaitez."),
    "00": ("Paiement reçu", "Votre paiement a bien été reçu. Merci !"),
}


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_our_pages_serve_a_buyer_without_scripts(language: str, demo: Demo, new_buyer: NewBuyer) -> None:
    """Hand-over, waiting and result need no script, fit every window, and speak the payment's language."""
    reads = READS[language]
    buyer = await new_buyer(language, scripts=False)
    payment = await demo.opened(language=language, returnUrl="https://another-shop.example/merci")
    await buyer.page.goto(payment.payment_url)
    await expect(buyer.page.get_by_text(reads.amount)).to_be_visible()
    assert 0 == await buyer.sideways()
    await buyer.page.get_by_role("button", name=reads.hand_over).click()
    await expect(buyer.page.locator("#pay")).to_be_visible()
    await buyer.page.goto(f"{demo.at.app}/cinetpay/return/{payment.trans_id}")
    await expect(buyer.page.get_by_role("heading")).to_have_text(reads.under_way)
    assert 0 == await buyer.sideways()
    await demo.settle(payment.trans_id, "00")
    await buyer.page.reload()
    await expect(buyer.page.get_by_role("heading")).to_have_text(reads.received)
    await expect(buyer.page.get_by_role("link", name=reads.back)).to_have_attribute(
        "href", re.compile(r"^https://another-shop\.example/merci\?transaction=[^&]+&status=accepted$")
    )
    await expect(buyer.page.get_by_text(reads.leads_to)).to_be_visible()
    assert 0 == await buyer.sideways()


@pytest.mark.parametrize("code", RESULTS)
async def test_the_result_page_says_in_french_how_it_ended(code: str, demo: Demo, new_buyer: NewBuyer) -> None:
    """A payment of a shop that gave no address ends on our page, and so does its link, without a form."""
    title, message = RESULTS[code]
    buyer = await new_buyer("fr")
    payment = await _at_cinetpay(buyer, demo)
    await demo.settle(payment.trans_id, code)
    await buyer.page.goto(f"{demo.at.app}/cinetpay/return/{payment.trans_id}")
    await expect(buyer.page.get_by_role("heading")).to_have_text(title)
    await expect(buyer.page.get_by_role("status")).to_contain_text(message)
    assert 0 == await buyer.sideways()
    await buyer.page.goto(payment.payment_url)
    await expect(buyer.page.get_by_role("heading")).to_have_text(title)
    await expect(buyer.page.locator("form")).to_have_count(0)


async def test_the_result_page_looks_again_by_itself(demo: Demo, new_buyer: NewBuyer) -> None:
    """Who waits on our page while the payment is under way sees it received, without a script or a click."""
    buyer = await new_buyer("fr", scripts=False)
    payment = await demo.opened(language="fr")
    await buyer.page.goto(payment.payment_url)
    await buyer.page.locator("#hand-over button").click()
    await buyer.page.goto(f"{demo.at.app}/cinetpay/return/{payment.trans_id}")
    await expect(buyer.page.get_by_role("heading")).to_have_text("Paiement en cours")
    await demo.settle(payment.trans_id, "00")
    await expect(buyer.page.get_by_role("heading")).to_have_text("Paiement reçu")


async def test_a_payment_in_review_asks_not_to_pay_again(demo: Demo, new_buyer: NewBuyer) -> None:
    """An acceptance of another amount is no success on our page either."""
    buyer = await new_buyer("fr")
    payment = await _at_cinetpay(buyer, demo)
    await demo.settle(payment.trans_id, "00")
    await demo.show(payment.trans_id, cpm_amount="5")
    await buyer.page.goto(f"{demo.at.app}/cinetpay/return/{payment.trans_id}")
    await expect(buyer.page.get_by_role("heading")).to_have_text("Paiement en cours de vérification")
    await expect(buyer.page.get_by_role("status")).to_contain_text("Merci de ne pas payer une seconde fois")
    assert 0 == await buyer.sideways()


@pytest.mark.parametrize(
    ("language", "title"), [("fr", "Ce lien ne mène à aucun paiement"), ("en", "This link does not lead to a payment")]
)
async def test_a_link_without_its_proof_leads_nowhere(
    language: str, title: str, demo: Demo, new_buyer: NewBuyer
) -> None:
    """Who guesses an address reads, in the browser's language, that there is no payment."""
    buyer = await new_buyer(language)
    payment = await demo.opened()
    await buyer.page.goto(payment.payment_url.partition("?")[0])
    await expect(buyer.page.get_by_role("heading")).to_have_text(title)
    assert 0 == await buyer.sideways()
    assert ["Failed to load resource: the server responded with a status of 404 (Not Found)"] == buyer.complaints
    buyer.complaints.clear()


async def test_back_from_cinetpay_leads_to_the_shop(demo: Demo, new_buyer: NewBuyer) -> None:
    """Going back leads past the page that handed the buyer over; paying then goes on with the same payment."""
    buyer = await new_buyer("fr")
    await buyer.goes_to_pay(by_link=True)
    first = await buyer.reference()
    await buyer.page.go_back()
    if buyer.page.url.startswith(demo.at.app):  # how quick the script was decides whether the page has its own step
        await buyer.page.go_back()
    await expect(buyer.page.get_by_role("heading", level=1)).to_have_text("Commander")
    await buyer.page.get_by_label(buyer.words.email).fill("awa@example.com")
    await buyer.page.get_by_role("button", name=buyer.words.pay).click()
    await expect(buyer.page.locator("#operator-OM")).to_be_visible()
    assert first == await buyer.reference()


async def test_back_to_the_hand_over_does_not_throw_the_buyer_forward(demo: Demo, new_buyer: NewBuyer) -> None:
    """Who pressed the button before the script had come, and then goes back, decides themselves to go on."""
    buyer = await new_buyer("fr")
    payment = await demo.opened()
    handed_over: list[Request] = []
    buyer.page.on("request", lambda asked: handed_over.append(asked) if asked.method == "POST" else None)
    await buyer.page.route("**/hand-over.js", lambda route: route.abort(), times=1)
    await buyer.page.goto(payment.payment_url)
    assert ["Failed to load resource: net::ERR_FAILED"] == buyer.complaints
    buyer.complaints.clear()
    go_on = buyer.page.get_by_role("button", name=READS["fr"].hand_over)
    await go_on.click()
    await expect(buyer.page.locator("#operator-OM")).to_be_visible()
    async with buyer.page.expect_response("**/hand-over.js"):
        await buyer.page.go_back()
    await go_on.click()
    await expect(buyer.page.locator("#operator-OM")).to_be_visible()
    assert 2 == len(handed_over)


async def _at_cinetpay(buyer: Buyer, demo: Demo) -> Opened:
    """Open a payment of a shop that gave no address, and let our page hand the buyer over."""
    payment = await demo.opened(language="fr")
    await buyer.page.goto(payment.payment_url)
    await expect(buyer.page.locator("#operator-OM")).to_be_visible()
    return payment
