"""The four methods' whole replies."""

import re

import pytest
from sandbox_cinetpay_kit import ACCOUNT, a_sandbox

from saleor_cinetpay.sandbox.cinetpay import Merchant

WRONG_METHOD = {"status": {"code": "606", "message": "INCORRECT_SETTINGS"}}


async def test_status_accepted() -> None:
    """An accepted payment shows every field of the guide's example, all of them texts."""
    async with a_sandbox() as box:
        form = await box.form(cpm_custom="08373459U")
        page = (await box.http.post("/", data=form)).headers["location"]
        box.clock.turn(41)
        await box.pay(page, operator="MOMO", cpm_phone_prefixe="225")
        shown = await box.ask("checkPayStatus", cpm_trans_id="T1")
    payid = shown["transaction"].pop("cpm_payid")
    assert re.fullmatch(r"MP260304\.1200\.A\d{5}", payid)
    assert {
        "transaction": {
            "cpm_site_id": "445160",
            "signature": form["signature"],
            "cpm_amount": "12500",
            "cpm_trans_date": "04032026115900",
            "cpm_trans_id": "T1",
            "cpm_custom": "08373459U",
            "cpm_currency": "CFA",
            "cpm_payment_date": "2026-03-04",
            "cpm_payment_time": "12:00:41",
            "cpm_error_message": "SUCCES",
            "payment_method": "MOMO",
            "cpm_phone_prefixe": "225",
            "cel_phone_num": "0708091011",
            "cpm_ipn_ack": "N",
            "created_at": "2026-03-04 12:00:00",
            "updated_at": "2026-03-04 12:00:41",
            "cpm_result": "00",
            "cpm_trans_status": "ACCEPTED",
            "cpm_designation": "Pagne wax",
            "buyer_name": "",
        }
    } == shown


async def test_status_not_started() -> None:
    """A payment that is unknown, or signed but never opened, is answered without a transaction."""
    async with a_sandbox() as box:
        await box.form()
        assert {"transaction": []} == await box.ask("checkPayStatus", cpm_trans_id="T1")
        assert {"transaction": []} == await box.ask("checkPayStatus", cpm_trans_id="T2")


async def test_status_opened() -> None:
    """A payment whose page is open waits for the customer, and has no date nor receipt yet."""
    async with a_sandbox() as box:
        await box.page()
        shown = await box.status()
    names = ("cpm_result", "cpm_trans_status", "cpm_error_message", "cpm_payment_date", "cpm_payid", "payment_method")
    assert ("623", "WAITING_FOR_CUSTOMER", "WAITING_CUSTOMER_TO_VALIDATE", "", "", "") == tuple(shown[n] for n in names)


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("600", "REFUSED", "PAYMENT_FAILED"),
        ("602", "REFUSED", "INSUFFICIENT_BALANCE"),
        ("604", "REFUSED", "OTP_CODE_ERROR"),
        ("607", "PENDING", "PENDING"),
        ("621", "REFUSED", "ERROR_OMPAY_UNAVAILABLE"),
        ("627", "CANCELED", "TRANSACTION_CANCEL"),
        ("662", "WAITING_CUSTOMER_PAYMENT", "WAITING_CUSTOMER_PAYMENT"),
        ("999", "REFUSED", "UNKNOWN_ERROR"),
    ],
)
async def test_status_of_code(code: str, status: str, message: str) -> None:
    """Each code goes with its status and its word; a payment that is not accepted has no receipt number."""
    async with a_sandbox() as box:
        await box.settled(code)
        shown = await box.status()
    names = ("cpm_result", "cpm_trans_status", "cpm_error_message", "cpm_payid")
    assert (code, status, message, "") == tuple(shown[name] for name in names)


async def test_entities() -> None:
    """Special characters arrive as HTML entities in replies, and as they are in what is posted."""
    async with a_sandbox() as box:
        page = await box.page(cpm_designation='L\'"été" <b>&', return_url="http://shop.example/back")
        assert "L&#039;&quot;été&quot; &lt;b&gt;&amp;" == (await box.status())["cpm_designation"]
        await box.pay(page)
        html = (await box.http.get(page)).text
    assert 'name="cpm_designation" value="L&#39;&#34;été&#34; &lt;b&gt;&amp;"' in html


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "608"),
        ({"cpm_site_id": "445160"}, "608"),
        ({"apikey": "wrong", "cpm_site_id": "445160"}, "609"),
        (ACCOUNT | {"cpm_site_id": "1"}, "613"),
    ],
)
@pytest.mark.parametrize("method", ["checkPayStatus", "getTransHistory", "getCompteStatus"])
async def test_credentials(method: str, form: dict[str, str], code: str) -> None:
    """Every method asks for a key and a site that fit."""
    async with a_sandbox() as box:
        extra = {"cpm_trans_id": "T1"} if form else {}
        reply = await box.http.post("/v1", params={"method": method}, data=form | extra)
    assert code == reply.json()["status"]["code"]


async def test_history_row() -> None:
    """A row of the history spells the prefix its own way, has no trans date, and no receipt where refused."""
    async with a_sandbox() as box:
        await box.settled("604")
        status = await box.status()
        history = await box.ask("getTransHistory")
    prefix = status.pop("cpm_phone_prefixe")
    del status["cpm_trans_date"]
    assert {"Transactions": {"transaction": [status | {"cpm_phone_prefix": prefix}]}} == history


async def test_history_filters() -> None:
    """Every filter of the guide narrows the list; days count whole, and the newest comes first."""
    async with a_sandbox() as box:
        await box.settled("00", "A", phone="01")
        box.clock.turn(86_400)
        await box.settled("604", "B", phone="02")
        box.clock.turn(86_400)
        await box.settled("00", "C", phone="01")
        await box.form("never-opened")
        payid = (await box.status("A"))["cpm_payid"]

        async def ids(**filters: str) -> list[str]:
            rows = (await box.ask("getTransHistory", **filters))["Transactions"]["transaction"]
            return [row["cpm_trans_id"] for row in rows]

        assert ["C", "B", "A"] == await ids()
        assert ["C", "B"] == await ids(date_debut="05-03-2026")
        assert ["B", "A"] == await ids(date_fin="05-03-2026")
        assert ["B"] == await ids(date_debut="05-03-2026", date_fin="05-03-2026")
        assert ["A"] == await ids(cpm_payid=payid)
        assert ["C", "A"] == await ids(cel_phone_num="01", cpm_payid="")
        assert ["B"] == await ids(cpm_trans_id="B")
        assert [] == await ids(cpm_trans_id="D")


async def test_history_date() -> None:
    """A day that is not jj-mm-aaaa is 614."""
    async with a_sandbox() as box:
        assert "614" == (await box.ask("getTransHistory", date_debut="2026-03-05"))["status"]["code"]


async def test_balances() -> None:
    """Balances move with accepted payments alone: the account's with all of its sites, the service's with one."""
    async with a_sandbox(merchants=(Merchant(), Merchant(site_id="2"), Merchant(site_id="3", api_key="other"))) as box:
        await box.settled("00", "A")
        await box.settled("604", "B")
        await box.form("C", cpm_site_id="2", cpm_amount="35")
        await box.control("/payments/C/open")
        await box.control("/payments/C/settle", code="00")
        assert {
            "user": {
                "compte": {"solde": "12033.6", "credit": "12535", "debit": "501.4"},
                "service": {"solde": "33.6", "credit": "35", "debit": "1.4"},
            }
        } == await box.ask("getCompteStatus", cpm_site_id="2")
        nothing = {"solde": "0", "credit": "0", "debit": "0"}
        assert {"user": {"compte": nothing, "service": nothing}} == await box.ask(
            "getCompteStatus", cpm_site_id="3", apikey="other"
        )


@pytest.mark.parametrize("query", ["", "?method=", "?method=getSignature"])
async def test_unknown_method(query: str) -> None:
    """A missing or unknown method is 606."""
    async with a_sandbox() as box:
        assert WRONG_METHOD == (await box.http.post(f"/v1/{query}", data=ACCOUNT)).json()


async def test_get() -> None:
    """The API answers POST alone."""
    async with a_sandbox() as box:
        reply = await box.http.get("/v1/?method=getCompteStatus", params=ACCOUNT)
    assert (405, WRONG_METHOD) == (reply.status_code, reply.json())
