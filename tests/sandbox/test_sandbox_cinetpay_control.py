"""The control API: what scripts use in place of a buyer and a browser."""

import asyncio
from typing import Any

import httpx2 as httpx
import pytest
from sandbox_cinetpay_kit import ACCOUNT, FIELDS, KEY, a_sandbox, a_shop


async def test_without_a_browser() -> None:
    """A script can sign, open and settle, and sees the whole payment."""
    async with a_sandbox(public_url="https://pay.test/") as box:
        form = await box.form()
        addresses = {"notify_url": "", "return_url": "https://shop.test/back", "cancel_url": ""}
        opened = await box.control("/payments/T1/open", **addresses)
        settled = await box.control("/payments/T1/settle", code="00", operator="WAVE", phone="0501")
        shown = await box.status()
        listed = (await box.http.get("/_sandbox/payments")).json()
        single = (await box.http.get("/_sandbox/payments/T1")).json()
    assert opened["page_url"].startswith("https://pay.test/pay/")
    assert {
        **addresses,
        "site_id": "445160",
        "trans_id": "T1",
        "opened": True,
        "page_url": opened["page_url"],
        "transaction": shown,
        "shown": {},
    } == single
    assert ({"payments": [single]}, single | {"_status": 200}) == (listed, settled)
    assert (form["signature"], "WAVE", "0501") == tuple(
        shown[name] for name in ("signature", "payment_method", "cel_phone_num")
    )


async def test_settle_needs_an_open_page() -> None:
    """A payment that no buyer has opened can't be settled."""
    async with a_sandbox() as box:
        await box.form()
        assert 409 == (await box.control("/payments/T1/settle", code="00"))["_status"]
        assert 404 == (await box.control("/payments/T2/settle", code="00"))["_status"]


async def test_acceptance_stays() -> None:
    """An acceptance is closed for good, save for the money's way back."""
    async with a_sandbox() as box:
        await box.settled("00")
        refused = await box.control("/payments/T1/settle", code="604")
        assert (409, "605 TRANSACTION_CLOSED") == (refused["_status"], refused["error"])
        refunded = await box.control("/payments/T1/settle", code="660")
    assert ("660", "REFUNDED") == tuple(refunded["transaction"][n] for n in ("cpm_result", "cpm_trans_status"))


async def test_late_acceptance() -> None:
    """A refusal can turn into an acceptance while nobody is on the page."""
    async with a_sandbox() as box:
        await box.settled("604")
        await box.control("/payments/T1/settle", code="00", delay_s=120)
        assert "607" == (await box.status())["cpm_result"]
        box.clock.turn(120)
        assert "ACCEPTED" == (await box.until("00"))["cpm_trans_status"]


async def test_own_words() -> None:
    """Status and message can be any, as for code 664, which two sources read differently."""
    async with a_sandbox() as box:
        await box.settled("664", status="REFUSED", message="FRAUD_DETECTED")
        shown = await box.status()
    assert (
        "664",
        "REFUSED",
        "FRAUD_DETECTED",
    ) == tuple(shown[name] for name in ("cpm_result", "cpm_trans_status", "cpm_error_message"))


async def test_settle_many_at_once() -> None:
    """Of many attempts at the same instant exactly one is accepted."""
    async with a_shop() as shop, a_sandbox() as box:
        await box.form()
        await box.control("/payments/T1/open", notify_url=shop.url)
        replies = await asyncio.gather(*(box.control("/payments/T1/settle", code="00") for _ in range(10)))
        await shop.heard(1)
        payids = {reply["transaction"]["cpm_payid"] for reply in replies if reply["_status"] == 200}
    assert [200] + [409] * 9 == sorted(reply["_status"] for reply in replies)
    assert (1, 1) == (len(payids), len(shop.forms))


async def test_odd_status() -> None:
    """checkPayStatus can be made to lie about any field, or to leave it out; the truth comes back with {}."""
    lies = {"cpm_amount": "5.00", "cpm_site_id": "1", "cpm_result": "00", "cpm_trans_status": "ACCEPTED"}
    async with a_sandbox() as box:
        await box.settled("604")
        truth = await box.status()
        await box.control("/payments/T1/show", signature=None, **lies)
        lie = await box.status()
        await box.control("/payments/T1/show")
        again = await box.status()
    assert {name: value for name, value in (truth | lies).items() if name != "signature"} == lie
    assert truth == again


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/payments/T1/settle", {"code": 0}),
        ("/payments/T1/settle", {"code": "x"}),
        ("/payments/T1/settle", {"notify": "often"}),
        ("/payments/T1/settle", {"operator": "VISA"}),
        ("/payments/T1/settle", {"delay_s": -1}),
        ("/payments/T1/settle", {"delay_s": True}),
        ("/payments/T1/show", {"cpm_colour": "red"}),
        ("/faults", {"mode": "sulk"}),
        ("/faults", {"mode": "code:9"}),
    ],
)
async def test_wrong_body(path: str, body: dict[str, Any]) -> None:
    """What can't be meant is 400 with a sentence, and changes nothing."""
    async with a_sandbox() as box:
        await box.settled("604")
        reply = await box.control(path, **body)
        assert (400, True) == (reply["_status"], bool(reply["error"]))
        assert "604" == (await box.status())["cpm_result"]


@pytest.mark.parametrize("content", ["{", "[]", "null"])
async def test_no_json(content: str) -> None:
    """A body that is no JSON object is 400."""
    async with a_sandbox() as box:
        assert 400 == (await box.http.post("/_sandbox/faults", content=content)).status_code


FAULTS = [
    ("down", 503, "<!doctype html>"),
    ("error_500", 500, "<!doctype html>"),
    ("html", 200, "<!doctype html>"),
    ("empty_list", 200, "[]"),
    ("redirect", 302, ""),
    ("code:609", 200, '{"status": {"code": "609", "message": "AUTH_NOT_FOUND"}}'),
]


@pytest.mark.parametrize(("mode", "status", "begins"), FAULTS)
async def test_fault(mode: str, status: int, begins: str) -> None:
    """Each fault acts on as many calls as it was told, and then is over."""
    async with a_sandbox() as box:
        await box.control("/faults", mode=mode, times=2)
        replies = [await box.http.post("/v1/?method=getCompteStatus", data=ACCOUNT) for _ in range(3)]
    assert [(status, begins)] * 2 == [(reply.status_code, reply.text[: len(begins)]) for reply in replies[:2]]
    assert (200, "user") == (replies[2].status_code, next(iter(replies[2].json())))


async def test_fault_truncated() -> None:
    """A truncated answer is no JSON."""
    async with a_sandbox() as box:
        await box.control("/faults", mode="truncated")
        with pytest.raises(ValueError, match="Unterminated"):
            await box.ask("getCompteStatus")


async def test_fault_body() -> None:
    """Any other oddity is a text of one's own."""
    async with a_sandbox() as box:
        await box.control("/faults", mode="body", body='{"Transactions": {}}')
        assert {"Transactions": {}} == await box.ask("getTransHistory")


async def test_fault_drop() -> None:
    """A dropped answer is lost, but what was asked is done."""
    async with a_sandbox() as box:
        await box.control("/faults", mode="drop", times=1)
        with pytest.raises(httpx.RemoteProtocolError):
            await box.form()
        listed = (await box.http.get("/_sandbox/payments")).json()["payments"]
        signature = (await box.form())["signature"]
    assert [signature] == [payment["transaction"]["signature"] for payment in listed]


async def test_fault_slow() -> None:
    """A slow answer is right, and late."""
    async with a_sandbox() as box:
        await box.control("/faults", mode="slow", delay_s=20, times=1)
        asked = asyncio.create_task(box.form())
        done, _ = await asyncio.wait({asked}, timeout=0.1)
        assert set() == done
        box.clock.turn(20)
        assert 40 == len((await asked)["signature"])


async def test_fault_of_one_method() -> None:
    """A fault of one method leaves the others alone, and can be switched off."""
    async with a_sandbox() as box:
        await box.control("/faults", mode="code:625", method="getSignatureByPost")
        assert "user" in await box.ask("getCompteStatus")
        assert "625" == (await box.ask("getSignatureByPost", **FIELDS))["status"]["code"]
        assert [] == (await box.control("/faults", mode=None))["faults"]
        assert 40 == len(await box.ask("getSignatureByPost", **FIELDS))


async def test_fault_ends() -> None:
    """A fault for some seconds ends by itself."""
    async with a_sandbox() as box:
        await box.control("/faults", mode="empty_list", seconds=60)
        box.clock.turn(59)
        assert [] == await box.ask("getCompteStatus")
        box.clock.turn(1)
        assert "user" in await box.ask("getCompteStatus")


async def test_messages() -> None:
    """The log says who said what to whom, in order, from any message on, and holds no whole secret."""
    async with a_shop() as shop, a_sandbox() as box:
        form = await box.form(cel_phone_num="0708091011", cpm_phone_prefixe="225")
        await box.http.post("/", data=form | {"notify_url": shop.url})
        await box.control("/payments/T1/settle", code="00")
        await shop.heard(1)
        await box.ask("checkPayStatus", cpm_trans_id="T9", apikey="wrong-key-of-someone")
        messages = await box.messages(at_least=5)
        later = await box.messages(after=messages[1]["id"])
        text = (await box.http.get("/_sandbox/messages")).text
    assert {
        ("app", "cinetpay", "getSignatureByPost", True),
        ("buyer", "cinetpay", "payment form", True),
        ("cinetpay", "app", "notification GET", True),
        ("cinetpay", "app", "notification POST", True),
        ("app", "cinetpay", "checkPayStatus", False),
    } == {(m["from"], m["to"], m["title"], m["ok"]) for m in messages}
    assert messages[2:] == later
    assert {"id", "at", "from", "to", "title", "detail", "ok"} == set(messages[0])
    assert [] == [s for s in (KEY, "wrong-key-of-someone", form["signature"], "0708091011") if s in text]


async def test_messages_after() -> None:
    """`after` is a number."""
    async with a_sandbox() as box:
        assert 400 == (await box.http.get("/_sandbox/messages?after=x")).status_code


async def test_reset() -> None:
    """A reset forgets payments, messages, faults and what was still to come; ids of messages go on."""
    async with a_shop() as shop, a_sandbox() as box:
        page = await box.page(notify_url=shop.url)
        await box.pay(page, outcome="later", after_s="30", notify="late", late_s="10")
        await box.control("/faults", mode="down")
        last = (await box.messages())[-1]["id"]
        await box.control("/reset")
        box.clock.turn(86_400)
        assert {"transaction": []} == await box.ask("checkPayStatus", cpm_trans_id="T1")
        (message,) = await box.messages()
    assert (True, []) == (message["id"] > last, shop.calls)
