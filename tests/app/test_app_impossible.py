"""Payments that can't be: each gets a schema-valid failure with a stable code and a text for people."""

import base64
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from app_kit import API_KEY, World, errors_of, eventually, running
from pydantic import SecretStr

from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.sandbox.saleor.faults import FaultKind
from saleor_cinetpay.sandbox.saleor.payments import Session

pytestmark = pytest.mark.asyncio(loop_scope="session")


FORM_KEYS = {"url", "method", "fields"}


@pytest.mark.parametrize(
    ("amount", "code"),
    [("4", "AMOUNT_TOO_LOW"), ("1", "AMOUNT_TOO_LOW"), ("0", "AMOUNT_TOO_LOW")],
)
async def test_an_amount_that_cannot_be(world: World, amount: str, code: str) -> None:
    """An amount that CinetPay does not take is refused with its code before CinetPay is asked."""
    session = await _with_amount(world, Decimal(amount))
    assert [code] == errors_of(session)
    assert 0 == await world.cinetpay.calls("getSignatureByPost")


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ({"amount": 12500.5, "currency": "XOF"}, "AMOUNT_NOT_WHOLE"),
        ({"amount": 1e300, "currency": "XOF"}, "AMOUNT_TOO_HIGH"),
        ({"amount": 12500.0, "currency": "USD"}, "CURRENCY_NOT_SUPPORTED"),
        ({"amount": 12500.0, "currency": "XAF"}, "CURRENCY_NOT_SUPPORTED"),
    ],
)
async def test_an_action_that_cannot_be(world: World, action: dict[str, object], code: str) -> None:
    """Fractions of a franc and other currencies are refused, and the amount is booked as it was asked."""
    session = await world.opened()
    assert session.transaction is not None
    other = {"id": graphql_id(), "chargedAmount": {"amount": 0.0, "currency": action["currency"]}}
    changes = {"action": action | {"actionType": "CHARGE"}, "transaction": other}
    reply = await world.saleor.send_webhook("TRANSACTION_INITIALIZE_SESSION", session.transaction, changes=changes)
    assert 200 == reply.status
    assert ("CHARGE_FAILURE", [code]) == (reply.json["result"], [e["code"] for e in reply.json["data"]["errors"]])
    assert Decimal(str(action["amount"])) == Decimal(str(reply.json["amount"]))
    assert 1 == await world.cinetpay.calls("getSignatureByPost")


async def test_an_amount_of_the_buyers_choice_is_kept(world: World) -> None:
    """The shopper chooses what to pay; exactly that is asked for, and exactly that is charged."""
    session = await _with_amount(world, Decimal(700))
    assert "700" == session.data["redirect"]["fields"]["cpm_amount"]


@pytest.mark.parametrize(
    "data",
    [[], "text", 5, 2.5, True, False, {"returnUrl": 5}, {"language": []}, {"phoneNumber": {}}, {"designation": 1.5}],
)
async def test_data_of_the_wrong_type(world: World, data: object) -> None:
    """Whatever JSON the storefront sends, the answer is a failure that names the field; nobody is asked."""
    session = await world.saleor.initialize(world.saleor.create_checkout(), data=data)
    assert ["INVALID_DATA"] == errors_of(session)
    assert 0 == await world.cinetpay.calls("getSignatureByPost")
    if isinstance(data, dict):
        assert next(iter(data)) in session.data["errors"][0]["message"]


@pytest.mark.parametrize("data", [None, {}, {"returnUrl": None, "language": None}, {"unknown": [1], "x": {"y": 2}}])
async def test_data_that_is_not_there(world: World, data: object) -> None:
    """Missing data, null members and unknown fields open a payment all the same."""
    session = await world.saleor.initialize(world.saleor.create_checkout(), data=data)
    assert FORM_KEYS == set(session.data["redirect"])


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "//shop.example", "shop.example", "https://", "https://a b/"]
)
@pytest.mark.parametrize("field", ["returnUrl", "cancelUrl"])
async def test_a_return_address_that_is_none(world: World, field: str, address: str) -> None:
    """A return address must be an http(s) address; the failure names the field."""
    data: dict[str, Any] = {field: address}
    session = await world.opened(**data)
    assert ["INVALID_DATA"] == errors_of(session)
    assert field in session.data["errors"][0]["message"]


async def test_a_phone_number_that_cannot_be(world: World) -> None:
    """A phone number that can't be one is refused before CinetPay is asked, in the buyer's language."""
    session = await world.opened(phoneNumber="call me", phonePrefix="225", language="en")
    assert ["PHONE_NUMBER_INVALID"] == errors_of(session)
    assert "phone number" in session.data["errors"][0]["message"]
    assert 0 == await world.cinetpay.calls("getSignatureByPost")


async def test_no_account(tmp_path: Path) -> None:
    """A shop without an account is told so, by both questions."""
    async with running(tmp_path, cinetpay_site_id=None, cinetpay_api_key=None) as world:
        checkout = world.saleor.create_checkout()
        config = await world.saleor.gateway_initialize(checkout)
        assert config.data["available"] is False
        assert ["NOT_CONFIGURED"] == [error["code"] for error in config.data["errors"]]
        session = await world.saleor.initialize(checkout)
        assert ["NOT_CONFIGURED"] == errors_of(session)


@pytest.mark.parametrize("mode", ["down", "html", "empty_list", "error_500", "redirect", "truncated", "drop"])
async def test_cinetpay_is_away_and_back(world: World, mode: str) -> None:
    """While CinetPay answers nonsense there is a failure; the payment is kept, and a repeat opens that one."""
    checkout = world.saleor.create_checkout()
    await world.cinetpay.fail(mode, method="getSignatureByPost")
    failed = await world.saleor.initialize(checkout, idempotency_key="one")
    assert ["CINETPAY_UNAVAILABLE"] == errors_of(failed)
    assert failed.transaction_event is not None
    assert "" == failed.transaction_event.psp_reference
    await world.cinetpay.fail(None)
    again = await world.saleor.initialize(checkout, idempotency_key="one")
    assert FORM_KEYS == set(again.data["redirect"])
    assert again.transaction is failed.transaction


async def test_cinetpay_is_slow(tmp_path: Path) -> None:
    """An answer that takes too long is a failure within the limit."""
    async with running(tmp_path, cinetpay_timeout_s=0.5) as world:
        await world.cinetpay.fail("slow", method="getSignatureByPost", delay_s=5)
        assert ["CINETPAY_UNAVAILABLE"] == errors_of(await world.opened())


async def test_cinetpay_refuses_the_credentials(tmp_path: Path) -> None:
    """A wrong API key is told to staff with CinetPay's code, and neutrally to the buyer."""
    async with running(tmp_path, cinetpay_api_key=SecretStr("wrong-key")) as world:
        session = await world.opened(language="en")
        assert ["CINETPAY_REFUSED"] == errors_of(session)
        assert session.transaction_event is not None
        assert "609" in session.transaction_event.message
        assert "609" not in session.data["errors"][0]["message"]
        assert "wrong-key" not in session.transaction_event.message
        ((_, problem),) = await world.house.problems.open_of(world.saleor.config.api_url)
        assert (ProblemKind.CONFIGURATION, "609") == (problem.kind, problem.detail["code"])


async def test_process_while_cinetpay_is_away_is_pending(world: World) -> None:
    """Where CinetPay does not answer, the payment is pending, never failed; and it is found later."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.fail("html", method="checkPayStatus")
    await world.cinetpay.settle(trans_id, notify="never")
    session = await world.saleor.process(transaction)
    assert "pending" == session.data["status"]
    await world.cinetpay.fail(None)
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_a_payment_that_nobody_knows_must_start_again(world: World) -> None:
    """Process for a transaction that neither the ledger nor CinetPay knows says to start again."""
    await world.cinetpay.fail("down", method="getSignatureByPost", times=1)
    session = await world.saleor.initialize(world.saleor.create_checkout(), idempotency_key="x")
    assert session.transaction is not None
    reply = await world.saleor.send_webhook("TRANSACTION_PROCESS_SESSION", session.transaction)
    assert ("CHARGE_FAILURE", "START_AGAIN") == (reply.json["result"], reply.json["data"]["errors"][0]["code"])
    assert "pspReference" not in reply.json


@pytest.mark.parametrize(
    ("shown", "suspicion"),
    [
        ({"cpm_amount": "12499"}, "amount"),
        ({"cpm_amount": ""}, "amount"),
        ({"cpm_currency": "XAF"}, "currency"),
        ({"signature": "0" * 40}, "signature"),
        ({"cpm_site_id": "1"}, "site_id"),
        ({"cpm_trans_id": "SOMETHINGELSE"}, "trans_id"),
        ({"cpm_trans_status": "REFUSED"}, "status"),
    ],
)
async def test_what_says_paid_but_does_not_fit_is_for_a_person(
    world: World, shown: dict[str, str], suspicion: str
) -> None:
    """An acceptance that differs in anything is never a charge; the payment goes into review until it is right."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.show(trans_id, **shown)
    await world.cinetpay.settle(trans_id, notify="never")
    session = await world.saleor.process(transaction)
    assert ("review", False) == (session.data["status"], session.data["canRetry"])
    payment = await world.house.ledger.find(trans_id)
    assert payment is not None
    assert ("suspect", suspicion) == (payment.state, payment.suspicion)
    assert [] == await world.reported(transaction)
    await world.cinetpay.show(trans_id)
    await world.saleor.process(transaction)
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_a_report_is_retried_until_saleor_has_it(world: World) -> None:
    """Saleor being down, cutting lines and losing answers delays the charge, and never doubles it."""
    for kind in FaultKind:
        transaction, trans_id = await world.at_cinetpay()
        world.saleor.faults.set(kind, calls=2)
        await world.cinetpay.settle(trans_id)
        (charge,) = await world.reported(transaction, "CHARGE_SUCCESS")
        assert Decimal(12500) == charge.amount.amount


async def test_nothing_secret_is_logged(
    world: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """From initialize to report, the log names every step and holds no key, signature or number."""
    caplog.set_level("DEBUG")
    transaction, trans_id = await world.at_cinetpay(phoneNumber="0707080910", phonePrefix="225")
    await world.cinetpay.settle(trans_id)
    await world.reported(transaction, "CHARGE_SUCCESS")
    written: list[str] = []

    def all_written() -> str:
        written.extend(capfd.readouterr())
        return "".join(written) + caplog.text

    await eventually(lambda: "report_delivered" in all_written())
    payment = await world.house.ledger.find(trans_id)
    assert payment is not None
    assert payment.signature is not None
    for step in ("webhook_answered", "notification_taken", "payment_looked_up", "report_delivered"):
        assert step in all_written()
    token = next(iter(world.saleor.store.apps.values())).auth_token
    for secret in (API_KEY, payment.signature.get_secret_value(), "0707080910", token):
        assert secret not in all_written()


def graphql_id() -> str:
    """Make the id of a transaction that nobody has seen."""
    return base64.b64encode(f"TransactionItem:{uuid.uuid4()}".encode()).decode()


async def _with_amount(world: World, amount: Decimal) -> Session:
    return await world.saleor.initialize(world.saleor.create_checkout(), amount=amount)


@pytest.mark.parametrize("half", ["\ud800", "\x00"])
async def test_half_a_character_breaks_nothing(world: World, half: str) -> None:
    """What JSON can spell and nobody can store or send on is left out: the payment opens, a currency stays refused."""
    session = await world.opened()
    assert session.transaction is not None
    source = {"__typename": "Order", "id": f"T3Jk{half}", "number": f"7{half}", "userEmail": f"a{half}@shop.example"}
    channel = {"id": f"Q2g={half}", "slug": f"default-channel{half}", "currencyCode": "XOF"}
    changes: dict[str, Any] = {
        "transaction": {"id": graphql_id(), "chargedAmount": {"amount": 0.0, "currency": "XOF"}},
        "sourceObject": source | {"channel": channel, "total": {"gross": {"amount": 700.0, "currency": "XOF"}}},
    }
    opened = await world.saleor.send_webhook("TRANSACTION_INITIALIZE_SESSION", session.transaction, changes=changes)
    assert FORM_KEYS == set(opened.json["data"]["redirect"])
    changes["action"] = {"amount": 700.0, "currency": f"XO{half}", "actionType": "CHARGE"}
    changes["transaction"] = {"id": graphql_id(), "chargedAmount": {"amount": 0.0, "currency": f"XO{half}"}}
    refused = await world.saleor.send_webhook("TRANSACTION_INITIALIZE_SESSION", session.transaction, changes=changes)
    assert ["CURRENCY_NOT_SUPPORTED"] == [error["code"] for error in refused.json["data"]["errors"]]
