"""What staff ask for: the worker carries it to the app, asks again where the app stumbles, and books what it says."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from sandbox_saleor_kit import Call, TinyApp, TurnedClock, saleor_with
from starlette.responses import JSONResponse, PlainTextResponse, Response

from saleor_cinetpay.sandbox.saleor.answers import NOT_DELIVERED
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor

REFUND, CANCEL = "TRANSACTION_REFUND_REQUESTED", "TRANSACTION_CANCELATION_REQUESTED"
PAID = {"result": "CHARGE_SUCCESS", "pspReference": "T1", "amount": 12500, "actions": ["REFUND"]}


@pytest.fixture
def app() -> TinyApp:
    return TinyApp(answers={"TRANSACTION_INITIALIZE_SESSION": PAID})


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def saleor(app: TinyApp, clock: TurnedClock) -> AsyncIterator[SmallSaleor]:
    async with saleor_with(app, clock) as saleor:
        yield saleor


@pytest.fixture
async def paid(saleor: SmallSaleor) -> Transaction:
    session = await saleor.initialize(saleor.create_checkout())
    assert session.transaction is not None
    return session.transaction


async def test_a_refund_that_waits(saleor: SmallSaleor, app: TinyApp, paid: Transaction) -> None:
    """An answer with only a reference leaves the amount pending, until it is reported with that reference."""
    app.answers[REFUND] = {"pspReference": "R1"}
    await saleor.request_action(paid, "REFUND", 5000, "too small")
    assert (Decimal(5000), Decimal(7500)) == (paid.amounts.refund_pending, paid.amounts.charged)
    body = app.calls[-1].body
    assert {"actionType": "REFUND", "amount": 5000.0} == body["action"]
    request = body["transaction"]["events"][-1]
    assert ("REFUND_REQUEST", "too small", True) == (
        request["type"],
        request["message"],
        bool(request["idempotencyKey"]),
    )


@pytest.mark.parametrize(
    ("asked", "sent"), [(None, 12500.0), (0, 12500.0), (99999, 12500.0), (1, 1.0)], ids=["all", "none", "more", "one"]
)
async def test_never_more_than_was_charged(
    saleor: SmallSaleor, app: TinyApp, paid: Transaction, asked: int | None, sent: float
) -> None:
    """Saleor asks for what was charged at most, and takes 0 for all of it."""
    app.answers[REFUND] = {"pspReference": "R1"}
    await saleor.request_action(paid, "REFUND", asked)
    assert sent == app.calls[-1].body["action"]["amount"]


async def test_a_refund_that_succeeds_or_fails_at_once(saleor: SmallSaleor, app: TinyApp, paid: Transaction) -> None:
    """A result in the answer is booked under its reference."""
    app.answers[REFUND] = {"result": "REFUND_SUCCESS", "pspReference": "R1", "amount": 2500, "actions": []}
    await saleor.request_action(paid, "REFUND", 2500)
    app.answers[REFUND] = {"result": "REFUND_FAILURE", "pspReference": "R2", "amount": 1000, "message": "no"}
    await saleor.request_action(paid, "REFUND", 1000)
    assert (Decimal(2500), Decimal(0), Decimal(10000), []) == (
        paid.amounts.refunded,
        paid.amounts.refund_pending,
        paid.amounts.charged,
        paid.actions,
    )
    assert ("REFUND_FAILURE", "no") == (paid.events[-1].type, paid.events[-1].message)


async def test_a_cancelation_comes_with_nothing(saleor: SmallSaleor, app: TinyApp, paid: Transaction) -> None:
    """As nothing was authorized, the amount is 0."""
    app.answers[CANCEL] = {"result": "CANCEL_SUCCESS", "pspReference": "T1", "amount": 0}
    await saleor.request_action(paid, "CANCEL")
    assert ({"actionType": "CANCEL", "amount": 0.0}, "CANCEL_SUCCESS") == (
        app.calls[-1].body["action"],
        paid.events[-1].type,
    )


async def test_a_5xx_is_asked_again_with_an_empty_body(
    saleor: SmallSaleor, app: TinyApp, clock: TurnedClock, paid: Transaction
) -> None:
    """Saleor tries again after 10, 20, 40, 80 and 160 s, sends nothing in the body, and gives up with a failure."""
    app.answers[REFUND] = PlainTextResponse("oops", 503)
    await saleor.request_action(paid, "REFUND", 5000)
    refunds = [call.raw for call in app.calls if call.event == REFUND]
    assert [10, 20, 40, 80, 160] == clock.slept
    assert [True, False, False, False, False, False] == [bool(raw) for raw in refunds]
    assert ("REFUND_FAILURE", NOT_DELIVERED, False) == (
        paid.events[-1].type,
        paid.events[-1].message,
        paid.events[-1].counts,
    )


async def test_an_answer_at_the_second_try(saleor: SmallSaleor, app: TinyApp, paid: Transaction) -> None:
    """What the app answers to a retry is booked."""

    def answer(call: Call) -> Response:
        return JSONResponse({"pspReference": "R1"}) if not call.raw else PlainTextResponse("oops", 500)

    app.answers[REFUND] = answer
    await saleor.request_action(paid, "REFUND", 5000)
    assert Decimal(5000) == paid.amounts.refund_pending


@pytest.mark.parametrize("status", [302, 404])
async def test_a_refusal_with_a_result_is_booked_like_a_200(
    saleor: SmallSaleor, app: TinyApp, paid: Transaction, status: int
) -> None:
    """The status of an action's answer says nothing, unless it is a 5xx."""
    app.answers[REFUND] = JSONResponse({"result": "REFUND_SUCCESS", "pspReference": "R1", "amount": 5000}, status)
    await saleor.request_action(paid, "REFUND", 5000)
    assert Decimal(5000) == paid.amounts.refunded


@pytest.mark.parametrize(
    ("answer", "last"),
    [([], ("REFUND_REQUEST", "")), ({}, ("REFUND_FAILURE", "Missing value for field: pspReference."))],
)
async def test_answers_of_no_use(saleor: SmallSaleor, app: TinyApp, paid: Transaction, answer: Any, last: Any) -> None:
    """A list leaves the request without outcome for ever; an object that says nothing is a failure."""
    app.answers[REFUND] = JSONResponse(answer)
    await saleor.request_action(paid, "REFUND", 5000)
    assert last == (paid.events[-1].type, paid.events[-1].message)


async def test_an_app_that_does_not_refund(saleor: SmallSaleor, paid: Transaction) -> None:
    """Without a webhook for it, staff are told so."""
    refusal = await saleor.request_action(paid, "CHARGE", 1)
    assert refusal is not None
    assert "MISSING_TRANSACTION_ACTION_REQUEST_WEBHOOK" == refusal.code
