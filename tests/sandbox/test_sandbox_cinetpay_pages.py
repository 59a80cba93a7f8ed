"""The page that buyers see."""

import re
from html.parser import HTMLParser

import pytest
from sandbox_cinetpay_kit import a_sandbox

SHOP = {"return_url": "http://shop.example/back?a=1&b=2", "cancel_url": "http://shop.example/cancelled"}
NASTY = "\"><script>alert('x')</script>"


class Hidden(HTMLParser):
    """Collects the hidden fields and the form's address of a page, and every attribute's name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.actions: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.inputs: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.attributes |= set(found)
        if tag == "form":
            self.actions.append(found["action"])
        if tag == "label":
            self.labelled.add(found["for"])
        if found.get("type") == "hidden":
            self.fields[found["name"]] = found["value"]
        elif tag in {"input", "select"}:
            self.inputs.append(found["id"])
        if "id" in found:
            self.ids.append(found["id"])


async def test_same_form_same_page() -> None:
    """The same form opens the same page again, as when a buyer goes back and forth."""
    async with a_sandbox() as box:
        assert await box.page() == await box.page()


async def test_page_unguessable() -> None:
    """A page has an address of its own; any other is 404."""
    async with a_sandbox() as box:
        page = await box.page()
        assert re.fullmatch(r"/pay/[\w-]{32}", page)
        assert 200 == (await box.http.get(page)).status_code
        assert 404 == (await box.http.get("/pay/" + "x" * 32)).status_code


@pytest.mark.parametrize(("signed", "asked", "spoken"), [("fr", "", "fr"), ("en", "", "en"), ("fr", "?lang=en", "en")])
async def test_language(signed: str, asked: str, spoken: str) -> None:
    """The page speaks the shop's language until the buyer chooses the other."""
    async with a_sandbox() as box:
        html = (await box.http.get(await box.page(cpm_language=signed) + asked)).text
    assert f'<html lang="{spoken}">' in html
    assert ("Payer" if spoken == "fr" else "Pay") + " 12\u202f500 F\u00a0CFA" in html


async def test_foreign_text_is_text() -> None:
    """Whatever a shop or a buyer writes stays text, on every page."""
    async with a_sandbox() as box:
        page = await box.page(
            NASTY, cpm_designation=NASTY, cpm_custom=NASTY, **SHOP | {"return_url": "http://x/\"'<b>"}
        )
        pages = [(await box.http.get(page)).text, (await box.http.get("/")).text]
        pages.append((await box.pay(page, cel_phone_num=NASTY)).text)
        await box.pay(page, operator="WAVE", cpm_phone_prefixe=NASTY)
        pages.append((await box.http.get(page)).text)
    assert [False] * 4 == ["<script>alert" in html or "<b>" in html for html in pages]
    assert NASTY == Hidden(pages[-1]).fields["cpm_custom"]


async def test_policy() -> None:
    """Nothing from elsewhere runs, nothing inline, and no page of any shop may frame the till."""
    async with a_sandbox() as box:
        reply = await box.http.get(await box.page())
    assert (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'"
    ) == reply.headers["content-security-policy"]
    attributes = Hidden(reply.text).attributes
    assert not {name for name in attributes if name.startswith("on")} | (attributes & {"style"})
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', reply.text)


async def test_every_input_has_a_label() -> None:
    """Every input has a label of its own, and every id is there once."""
    async with a_sandbox() as box:
        html = Hidden((await box.http.get(await box.page())).text)
    assert set(html.inputs) == html.labelled
    assert len(set(html.ids)) == len(html.ids)


async def test_way_back() -> None:
    """After the payment the buyer is posted back to the shop with 23 fields, to the very address that it gave."""
    async with a_sandbox() as box:
        page = await box.page(**SHOP)
        reply = await box.pay(page)
        html = Hidden((await box.http.get(reply.headers["location"])).text)
    assert [SHOP["return_url"]] == html.actions
    assert (23, "00", "T1") == (len(html.fields), html.fields["cpm_result"], html.fields["cpm_trans_id"])


async def test_try_again() -> None:
    """After a refusal the buyer can pay on the same page."""
    async with a_sandbox() as box:
        page = await box.page()
        await box.pay(page, outcome="604")
        assert 'data-code="604"' in (await box.http.get(page)).text
        shown = await box.status()
        assert ("604", "REFUSED") == (shown["cpm_result"], shown["cpm_trans_status"])
        await box.pay(page, outcome="00")
        assert "00" == (await box.status())["cpm_result"]


async def test_paid_once() -> None:
    """Who has paid can't pay again, nor cancel."""
    async with a_sandbox() as box:
        page = await box.page(**SHOP)
        await box.pay(page)
        receipt = (await box.status())["cpm_payid"]
        replies = [await box.pay(page), await box.http.post(page, data={"cancel": "1"})]
        assert [(400, True)] * 2 == [(reply.status_code, "605 TRANSACTION_CLOSED" in reply.text) for reply in replies]
        assert receipt == (await box.status())["cpm_payid"]


async def test_pending_then_accepted() -> None:
    """A buyer who approves later is pending until then, and the page learns of it by itself."""
    async with a_sandbox() as box:
        page = await box.page()
        await box.pay(page, outcome="later", after_s="30")
        assert {"code": "607"} == (await box.http.get(f"{page}/state")).json()
        box.clock.turn(30)
        await box.until("00")
        assert {"code": "00"} == (await box.http.get(f"{page}/state")).json()


async def test_pending_for_ever() -> None:
    """A payment that pends for ever is still pending after a week."""
    async with a_sandbox() as box:
        await box.pay(await box.page(), outcome="607")
        box.clock.turn(7 * 86_400)
        assert "PENDING" == (await box.status())["cpm_trans_status"]


async def test_tab_closed() -> None:
    """A closed tab changes nothing, and the buyer can come back."""
    async with a_sandbox() as box:
        page = await box.page()
        reply = await box.pay(page, outcome="abandoned")
        assert "L’acheteur a fermé l’onglet" in (await box.http.get(reply.headers["location"])).text
        assert "623" == (await box.status())["cpm_result"]


async def test_cancel_by_get() -> None:
    """The cancel button leads to the shop's cancel address, and the payment is cancelled."""
    async with a_sandbox() as box:
        reply = await box.http.post(await box.page(**SHOP), data={"cancel": "1"})
        assert (303, SHOP["cancel_url"]) == (reply.status_code, reply.headers["location"])
        assert "CANCELED" == (await box.status())["cpm_trans_status"]


async def test_cancel_by_post() -> None:
    """Where the tester chose so, the way back after a cancel is a form that sends itself."""
    async with a_sandbox() as box:
        reply = await box.http.post(await box.page(**SHOP), data={"cancel": "1", "cancel_method": "POST"})
    html = Hidden(reply.text)
    assert ([SHOP["cancel_url"]], "627", 23) == (html.actions, html.fields["cpm_result"], len(html.fields))


async def test_cancel_without_address() -> None:
    """Where the shop gave no address, the till says that the payment is cancelled, and lets the buyer try again."""
    async with a_sandbox() as box:
        page = await box.page()
        reply = await box.http.post(page, data={"cancel": "1"})
        html = (await box.http.get(reply.headers["location"])).text
        assert [True] * 3 == [part in html for part in ("Paiement annulé", 'data-code="627"', 'id="pay"')]
        assert 404 == (await box.http.post("/pay/" + "x" * 32, data={"cancel": "1"})).status_code


async def test_approved_after_cancel() -> None:
    """A buyer who cancels with a request on the phone can approve it all the same."""
    async with a_sandbox() as box:
        page = await box.page(**SHOP)
        await box.pay(page, outcome="later", after_s="30")
        await box.http.post(page, data={"cancel": "1"})
        assert "607" == (await box.status())["cpm_result"]
        box.clock.turn(30)
        assert "ACCEPTED" == (await box.until("00"))["cpm_trans_status"]


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"operator": ""}, "Choisissez un moyen de paiement."),
        ({"operator": "VISA"}, "Choisissez un moyen de paiement."),
        ({"cel_phone_num": "12"}, "Donnez un numéro de 8 à 15 chiffres."),
    ],
)
async def test_entered_wrong(choices: dict[str, str], text: str) -> None:
    """What the buyer entered wrong is said beside it, and is no attempt."""
    async with a_sandbox() as box:
        reply = await box.pay(await box.page(), **choices)
        assert (422, True) == (reply.status_code, text in reply.text)
        assert "623" == (await box.status())["cpm_result"]


async def test_forced_number() -> None:
    """A number that the shop has signed is the one that pays, whatever the buyer's form says."""
    async with a_sandbox() as box:
        page = await box.page(cel_phone_num="01020304", cpm_phone_prefixe="225")
        await box.pay(page, cel_phone_num="99999999", cpm_phone_prefixe="1")
        shown = await box.status()
    assert ("01020304", "225") == (shown["cel_phone_num"], shown["cpm_phone_prefixe"])


async def test_framed_by_a_demo() -> None:
    """An operator can name the origins that may frame the till."""
    async with a_sandbox(frame_ancestors=("http://127.0.0.1:8000",)) as box:
        reply = await box.http.get("/")
    assert reply.headers["content-security-policy"].endswith("frame-ancestors http://127.0.0.1:8000")
