"""How a shop's server hears of changes."""

import asyncio
from pathlib import Path

from sandbox_cinetpay_kit import Box, a_sandbox, a_shop

from saleor_cinetpay.sandbox.cinetpay import Merchant

GUIDE_3_2 = {
    "cpm_trans_id": "T1",
    "cpm_amount": "12500",
    "cpm_currency": "CFA",
    "cpm_site_id": "445160",
    "cpm_language": "fr",
    "cpm_version": "V1",
    "cpm_payment_config": "SINGLE",
    "cpm_page_action": "PAYMENT",
    "cpm_custom": "",
    "payment_method": "OM",
    "cel_phone_num": "0708091011",
    "cpm_phone_prefixe": "225",
}


async def acknowledged(box: Box) -> None:
    async with asyncio.timeout(5):
        while (await box.status())["cpm_ipn_ack"] != "Y":
            pass


async def test_fields() -> None:
    """A notification carries the guide's fields as the form had them, the outcome, and what the buyer entered."""
    async with a_shop() as shop, a_sandbox() as box:
        page = await box.page(notify_url=shop.url)
        await box.pay(page)
        (form,) = await shop.heard(1)
        signature = (await box.status())["signature"]
    assert GUIDE_3_2 | {"signature": signature} == {name: form[name] for name in (*GUIDE_3_2, "signature")}
    assert (
        "00",
        "ACCEPTED",
        "20260304115900",
    ) == tuple(form[name] for name in ("cpm_result", "cpm_trans_status", "cpm_trans_date"))
    assert (23, False) == (len(form), "apikey" in form)


async def test_ping() -> None:
    """The address is first asked by GET, until it has once answered a notification."""
    async with a_shop() as shop, a_sandbox() as box:
        page = await box.page(notify_url=shop.url)
        await box.pay(page, outcome="604")
        await acknowledged(box)
        await box.pay(page, outcome="00")
        await shop.heard(2)
    assert ["GET", "POST", "POST"] == shop.calls


async def test_every_change() -> None:
    """Each change of status is told: pending, refused, then accepted."""
    async with a_shop() as shop, a_sandbox() as box:
        page = await box.page(notify_url=shop.url)
        for posts, outcome in enumerate(("607", "604", "00"), start=1):
            await box.control("/payments/T1/settle", code=outcome)
            await shop.heard(posts)
    assert page
    assert ["607", "604", "00"] == [form["cpm_result"] for form in shop.forms]


async def test_twice() -> None:
    """In mode twice the same notification comes again a second later."""
    async with a_shop() as shop, a_sandbox() as box:
        await box.pay(await box.page(notify_url=shop.url), notify="twice")
        await acknowledged(box)
        assert 1 == len(shop.forms)
        box.clock.turn(1)
        first, second = await shop.heard(2)
    assert {**first, "cpm_ipn_ack": "Y"} == second


async def test_five_at_once() -> None:
    """In mode five all five are on the way before the first is answered."""
    async with a_shop(together=5) as shop, a_sandbox() as box:
        await box.pay(await box.page(notify_url=shop.url), notify="five")
        forms = await shop.heard(5)
    assert [forms[0]] * 5 == forms


async def test_late() -> None:
    """In mode late nothing comes before its time."""
    async with a_shop() as shop, a_sandbox() as box:
        await box.pay(await box.page(notify_url=shop.url), notify="late", late_s="60")
        box.clock.turn(59)
        await box.status()
        assert [] == shop.calls
        box.clock.turn(1)
        assert 1 == len(await shop.heard(1))


async def test_never() -> None:
    """In mode never nothing comes at all."""
    async with a_shop() as shop, a_sandbox() as box:
        await box.pay(await box.page(notify_url=shop.url), notify="never")
        box.clock.turn(86_400)
        await box.pay(await box.page("T2", notify_url=shop.url))
        assert ["T2"] == [form["cpm_trans_id"] for form in await shop.heard(1)]


async def test_tried_again() -> None:
    """A notification that gets no 200 is tried again after each retry delay, then given up; the payment stays N."""
    async with a_shop(status=500) as shop, a_sandbox(notify_retries_s=(5.0, 30.0)) as box:
        await box.pay(await box.page(notify_url=shop.url))
        for calls, wait_s in ((1, 5), (2, 30), (3, 86_400)):
            await box.messages(at_least=calls, about="notification")
            assert "N" == (await box.status())["cpm_ipn_ack"]
            box.clock.turn(wait_s)
        await box.status()
    assert ["GET", "GET", "GET"] == shop.calls


async def test_acknowledged_late() -> None:
    """A shop that was down is told when it is back, and then the payment is acknowledged."""
    async with a_shop(status=503) as shop, a_sandbox() as box:
        await box.pay(await box.page(notify_url=shop.url))
        await box.messages(at_least=1, about="notification")
        shop.status = 200
        box.clock.turn(5)
        await acknowledged(box)
    assert 1 == len(shop.forms)


async def test_unreachable() -> None:
    """An address where nobody is leaves a note in the log, and the payment as it is."""
    async with a_sandbox() as box:
        await box.pay(await box.page(notify_url="http://127.0.0.1:1/notify"))
        (failure,) = await box.messages(at_least=1, about="notification")
        assert ("notification GET", "ConnectError", False) == (
            failure["title"],
            failure["detail"]["answer"],
            failure["ok"],
        )
        assert "00" == (await box.status())["cpm_result"]


async def test_back_office() -> None:
    """A form without addresses takes those of the merchant's preferences."""
    async with a_shop() as shop, a_sandbox(merchants=(Merchant(notify_url=shop.url),)) as box:
        await box.pay(await box.page())
        assert 1 == len(await shop.heard(1))


async def test_outlives_a_restart(tmp_path: Path) -> None:
    """A restart loses neither the payments nor what is still to come: the buyer's approval and its notification."""
    state = str(tmp_path / "deep" / "sandbox.db")
    async with a_shop() as shop:
        async with a_sandbox(state=state) as box:
            page = await box.page(notify_url=shop.url)
            await box.pay(page, outcome="later", after_s="30", notify="late", late_s="60")
            before = await box.status()
        async with a_sandbox(state=state) as box:
            assert before == await box.status()
            box.clock.turn(30)
            await box.until("00")
            box.clock.turn(60)
            forms = await shop.heard(2)
    assert ["00", "00"] == [form["cpm_result"] for form in forms]
