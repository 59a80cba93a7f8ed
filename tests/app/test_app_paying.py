"""A buyer pays: from Saleor's webhook to the charge that Saleor holds."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from app_kit import API_KEY, SHOP, SITE_ID, World, as_json, errors_of, eventually
from httpx2 import URL
from logs_kit import Failing, logged

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_initialize_hands_out_the_signed_form(world: World) -> None:
    """The storefront gets CinetPay's form, every field of it, and the address of our own page."""
    session = await world.opened(phoneNumber="+225 07 07 08 09 10", designation="Pagne & café", language="en-GB")
    assert session.transaction is not None
    fields = session.data["redirect"]["fields"]
    trans_id = fields["cpm_trans_id"]
    (account_key,) = {fields["notify_url"].rsplit("/", 1)[1]}
    assert f"{world.cinetpay.url}/" == session.data["redirect"]["url"]
    assert "POST" == session.data["redirect"]["method"]
    assert {
        "cpm_amount": "12500",
        "cpm_currency": "CFA",
        "cpm_site_id": SITE_ID,
        "cpm_trans_id": trans_id,
        "cpm_trans_date": fields["cpm_trans_date"],
        "cpm_payment_config": "SINGLE",
        "cpm_page_action": "PAYMENT",
        "cpm_version": "V1",
        "cpm_language": "en",
        "cpm_designation": "Pagne cafe",
        "cel_phone_num": "0707080910",
        "cpm_phone_prefixe": "225",
        "apikey": API_KEY,
        "signature": fields["signature"],
        "notify_url": f"{world.app}/cinetpay/notify/{account_key}",
        "return_url": f"{world.app}/cinetpay/return/{trans_id}",
        "cancel_url": f"{world.app}/cinetpay/cancel/{trans_id}",
    } == fields
    assert session.data["paymentUrl"].startswith(f"{world.app}/pay/{trans_id}?s=")
    assert ["CHARGE_REQUEST", "CHARGE_ACTION_REQUIRED"] == [e.type for e in session.transaction.events]


async def test_an_accepted_payment_is_charged_once(world: World) -> None:
    """Five notifications at the same instant make one charge of the right amount, and the checkout completes."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="five")
    (charge,) = await world.reported(transaction, "CHARGE_SUCCESS")
    await asyncio.sleep(2.5)
    assert [charge] == await world.reported(transaction, "CHARGE_SUCCESS")
    assert Decimal(12500) == charge.amount.amount
    assert trans_id == charge.psp_reference
    assert "accepted" == await world.state(trans_id)
    checkout = transaction.source
    assert "FULL" == checkout.charge_status
    assert await world.cinetpay.calls("checkPayStatus") <= 2


async def test_no_payment_needs_a_log(world: World) -> None:
    """Where no line can be written, as the disk is full, a payment goes its way to the charge all the same."""
    with logged(into=Failing(OSError("disk full"))):
        transaction, trans_id = await world.at_cinetpay()
        await world.cinetpay.settle(trans_id, notify="five")
        (charge,) = await world.reported(transaction, "CHARGE_SUCCESS")
    assert trans_id == charge.psp_reference


async def test_process_asks_cinetpay_where_no_notification_comes(world: World) -> None:
    """Without any notification, the storefront's process finds the payment accepted, and Saleor holds it once."""
    transaction, trans_id = await world.at_cinetpay()
    pending = await world.saleor.process(transaction)
    assert ("pending", "623", False) == tuple(pending.data[k] for k in ("status", "code", "canRetry"))
    await world.cinetpay.settle(trans_id, notify="never")
    session = await world.saleor.process(transaction)
    assert {
        "status": "accepted",
        "code": "00",
        "message": "Votre paiement a bien été reçu. Merci\u202f!",
        "canRetry": False,
    } == session.data
    await eventually(lambda: [m for m in world.saleor.log.after(0) if m["title"] == "transactionEventReport"])
    assert 1 == len(await world.reported(transaction, "CHARGE_SUCCESS"))
    assert ["REFUND"] == transaction.actions


async def test_a_pending_payment_is_found_by_the_clock(world: World) -> None:
    """Where neither notification nor buyer comes, the clock's first look after five seconds finds the payment."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="never")
    (charge,) = await world.reported(transaction, "CHARGE_SUCCESS")
    assert trans_id == charge.psp_reference


async def test_pending_then_accepted(world: World) -> None:
    """A payment that waits for the buyer's approval is pending, and accepted when the buyer approves."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, "623")
    session = await world.saleor.process(transaction)
    assert ("pending", "623") == (session.data["status"], session.data["code"])
    assert [] == [e for e in transaction.events if e.type.endswith("_FAILURE")]
    await world.cinetpay.settle(trans_id, "00")
    await world.reported(transaction, "CHARGE_SUCCESS")


@pytest.mark.parametrize("code", ["602", "604", "600", "627"])
async def test_a_refused_payment_fails_and_says_why(world: World, code: str) -> None:
    """A refusal reaches Saleor as one failure, and the buyer reads what to do."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, code, notify="never")
    session = await world.saleor.process(transaction)
    assert ("refused", code, True) == tuple(session.data[k] for k in ("status", "code", "canRetry"))
    assert len(session.data["message"]) > 20
    (failure,) = await world.reported(transaction, "CHARGE_FAILURE")
    assert trans_id == failure.psp_reference
    assert Decimal(0) == transaction.charged_amount.amount


async def test_a_late_acceptance_after_a_refusal_counts(world: World) -> None:
    """Where the buyer's second code is right after the first was refused, Saleor ends with the charge."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, "604")
    (failure,) = await world.reported(transaction, "CHARGE_FAILURE")
    await world.cinetpay.settle(trans_id, "00")
    events = await world.reported(transaction, "CHARGE_FAILURE", "CHARGE_SUCCESS")
    success = next(e for e in events if e.type == "CHARGE_SUCCESS")
    assert success.created_at - failure.created_at >= timedelta(seconds=1)
    assert Decimal(12500) == transaction.charged_amount.amount


async def test_a_repeated_initialize_hands_out_the_first_form(world: World) -> None:
    """Saleor asks again with the same key: the same form, one payment, one signature, and new data is ignored."""
    checkout = world.saleor.create_checkout()
    first = await world.saleor.initialize(checkout, idempotency_key="one", data={"designation": "first"})
    again = await world.saleor.initialize(checkout, idempotency_key="one", data="no object at all")
    assert first.data == again.data
    assert first.transaction is again.transaction
    assert 1 == await world.cinetpay.calls("getSignatureByPost")


async def test_initialize_after_the_payment_tells_its_state(world: World) -> None:
    """Once paid, a repeated initialize is answered with the success and hands out no form."""
    checkout = world.saleor.create_checkout()
    session = await world.saleor.initialize(checkout, idempotency_key="one")
    assert session.transaction is not None
    trans_id = await world.cinetpay.open(session.data["redirect"])
    await world.cinetpay.settle(trans_id)
    await world.reported(session.transaction, "CHARGE_SUCCESS")
    again = await world.saleor.initialize(checkout, idempotency_key="one", amount=12500)
    assert again.transaction_event is not None
    assert "CHARGE_SUCCESS" == again.transaction_event.type
    assert {"status", "code", "message", "canRetry"} == set(again.data)


async def test_initialize_after_a_refusal_must_start_again(world: World) -> None:
    """A refused payment is not handed out again; a new key opens a new one."""
    checkout = world.saleor.create_checkout()
    session = await world.saleor.initialize(checkout, idempotency_key="one")
    assert session.transaction is not None
    trans_id = await world.cinetpay.open(session.data["redirect"])
    await world.cinetpay.settle(trans_id, "602")
    await world.reported(session.transaction, "CHARGE_FAILURE")
    again = await world.saleor.initialize(checkout, idempotency_key="one")
    assert ["START_AGAIN"] == errors_of(again)
    fresh = await world.saleor.initialize(checkout, idempotency_key="two")
    assert "redirect" in fresh.data


async def test_an_authorization_is_charged(world: World) -> None:
    """Where the channel asks for an authorization, CinetPay still charges, and says so."""
    session = await world.saleor.initialize(world.saleor.create_checkout(), action="AUTHORIZATION")
    assert session.transaction is not None
    trans_id = await world.cinetpay.open(session.data["redirect"])
    await world.cinetpay.settle(trans_id)
    await world.reported(session.transaction, "CHARGE_SUCCESS")
    assert Decimal(12500) == session.transaction.charged_amount.amount


async def test_gateway_initialize_tells_the_limits(world: World) -> None:
    """The storefront learns that mobile money is to be had, and within which limits."""
    config = await world.saleor.gateway_initialize(world.saleor.create_checkout())
    assert {
        "available": True,
        "currency": "XOF",
        "minimumAmount": 5,
        "maximumAmount": None,
        "amountStep": 1,
        "phoneRequired": False,
        "environment": "live",
    } == config.data


async def test_the_history_tells_everything_and_no_secret(world: World) -> None:
    """A payment's events say what was asked and answered; neither key nor signature nor number is in them."""
    transaction, trans_id = await world.at_cinetpay(phoneNumber="0707080910", phonePrefix="225")
    payment = await world.house.ledger.find(trans_id)
    assert payment is not None
    assert payment.signature is not None
    await world.cinetpay.settle(trans_id)
    await world.reported(transaction, "CHARGE_SUCCESS")
    history = await world.house.ledger.history(trans_id)
    kinds = [event.kind for _, event in history]
    assert ["opened", "signed", "looked_up"] == kinds[:3]
    written = as_json([event.detail for _, event in history])
    for secret in (API_KEY, payment.signature.get_secret_value(), "0707080910"):
        assert secret not in written


async def test_the_buyer_is_led_back_to_the_shop(world: World) -> None:
    """After paying, the return leads on with 303 to the storefront, with the transaction and its status."""
    transaction, trans_id = await world.at_cinetpay(returnUrl=f"{SHOP}/fr/merci?panier=7", cancelUrl=f"{SHOP}/panier")
    await world.cinetpay.settle(trans_id, notify="never")
    reply = await world.http.post(f"{world.app}/cinetpay/return/{trans_id}", data={"cpm_result": "604"})
    assert 303 == reply.status_code
    location = httpx_query(reply.headers["location"])
    assert f"{SHOP}/fr/merci" == location[0]
    assert {"panier": "7", "transaction": transaction.id, "status": "accepted"} == location[1]


async def test_an_earlier_attempt_does_not_answer_for_this_one(world: World) -> None:
    """A storefront that gives the address it stands at may bring an old transaction along; only this one leads back."""
    old = f"{SHOP}/panier?transaction=old&status=refused&vide=#payer"
    transaction, trans_id = await world.at_cinetpay(returnUrl=old)
    location = (await world.http.get(f"{world.app}/cinetpay/return/{trans_id}")).headers["location"]
    expected = urlencode({"vide": "", "transaction": transaction.id, "status": "pending"})
    assert f"{SHOP}/panier?{expected}#payer" == location


async def test_a_cancel_leads_back_and_ends_nothing(world: World) -> None:
    """The cancel link leads to the storefront as `cancelled`; a late approval on the phone still counts."""
    transaction, trans_id = await world.at_cinetpay(returnUrl=f"{SHOP}/merci", cancelUrl=f"{SHOP}/panier")
    reply = await world.http.get(f"{world.app}/cinetpay/cancel/{trans_id}")
    assert (f"{SHOP}/panier", {"transaction": transaction.id, "status": "cancelled"}) == httpx_query(
        reply.headers["location"]
    )
    await world.cinetpay.settle(trans_id)
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_a_foreign_return_address_is_only_shown(world: World) -> None:
    """An address outside the shop's origins is no redirect: our own page shows where the link leads."""
    _, trans_id = await world.at_cinetpay(returnUrl="https://evil.example/fr")
    await world.cinetpay.settle(trans_id, notify="never")
    reply = await world.http.get(f"{world.app}/cinetpay/return/{trans_id}")
    assert 200 == reply.status_code
    assert "Paiement reçu" in reply.text
    assert "evil.example" in reply.text


async def test_the_pay_page_hands_over_and_then_tells_the_state(world: World) -> None:
    """Our page posts the signed form while the payment is open, and shows no form once it is paid."""
    session = await world.opened()
    page = await world.http.get(session.data["paymentUrl"])
    assert 200 == page.status_code
    for name, value in session.data["redirect"]["fields"].items():
        assert f'name="{name}" value="{value}"' in page.text
    assert session.transaction is not None
    trans_id = await world.cinetpay.open(session.data["redirect"])
    await world.cinetpay.settle(trans_id)
    await world.reported(session.transaction, "CHARGE_SUCCESS")
    paid = await world.http.get(session.data["paymentUrl"])
    assert "<form" not in paid.text
    assert API_KEY not in paid.text
    assert "Paiement reçu" in paid.text


def httpx_query(address: str) -> tuple[str, dict[str, str]]:
    """Split an address into what stands before its query, and the query."""
    url = URL(address)
    return str(url.copy_with(query=None)), dict(url.params)
