"""Opening and following payments: what the small Saleor asks the app, books, and gives the storefront."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx2 as httpx
import pytest
from sandbox_saleor_kit import GATEWAY, TinyApp, TurnedClock, saleor_with
from starlette.responses import JSONResponse, PlainTextResponse, Response

from saleor_cinetpay.sandbox.saleor.answers import NOT_DELIVERED, UnhandledError
from saleor_cinetpay.sandbox.saleor.booking import EventType
from saleor_cinetpay.sandbox.saleor.books import Report
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor

INITIALIZE, PROCESS = "TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION"
OPEN: dict[str, Any] = {"result": "CHARGE_ACTION_REQUIRED", "pspReference": "T1", "amount": 12500, "data": {"a": 1}}
PAID: dict[str, Any] = {"result": "CHARGE_SUCCESS", "pspReference": "T1", "amount": 12500, "actions": ["REFUND"]}
REFUSED: dict[str, Any] = {"result": "CHARGE_FAILURE", "pspReference": "T1", "amount": 12500, "message": "no money"}


@pytest.fixture
def app() -> TinyApp:
    return TinyApp(answers={INITIALIZE: OPEN, PROCESS: OPEN})


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def saleor(app: TinyApp, clock: TurnedClock) -> AsyncIterator[SmallSaleor]:
    async with saleor_with(app, clock) as saleor:
        yield saleor


def books(transaction: Transaction) -> list[tuple[str, int, str, bool]]:
    return [(e.type.value, int(e.amount.amount), e.psp_reference, e.counts) for e in transaction.events]


async def opened(saleor: SmallSaleor) -> Transaction:
    session = await saleor.initialize(saleor.create_checkout())
    assert session.transaction is not None
    return session.transaction


def report(saleor: SmallSaleor, transaction: Transaction, event_type: str, amount: int = 12500, **details: Any) -> Any:
    told = Report(
        type=EventType(event_type), psp_reference=details.pop("psp_reference", "T1"), amount=Decimal(amount), **details
    )
    return saleor.books.report(saleor.store.apps[GATEWAY], transaction.id, None, told)


async def test_an_open_payment(saleor: SmallSaleor, app: TinyApp) -> None:
    """Initialize books a request that does not count and what the app answered, and hands its data on."""
    checkout = saleor.create_checkout()
    session = await saleor.initialize(checkout, data={"language": "fr"})
    assert session.transaction is not None
    assert {"a": 1} == session.data
    assert [("CHARGE_REQUEST", 12500, "T1", False), ("CHARGE_ACTION_REQUIRED", 12500, "T1", True)] == books(
        session.transaction
    )
    assert ("T1", "NONE") == (session.transaction.psp_reference, checkout.charge_status)
    body = app.calls[0].body
    assert {"amount": 12500.0, "currency": "XOF", "actionType": "CHARGE"} == body["action"]
    assert ("TransactionInitializeSession", {"language": "fr"}) == (body["__typename"], body["data"])
    assert isinstance(body["action"]["amount"], float)


async def test_the_buyer_chooses_the_amount(saleor: SmallSaleor, app: TinyApp) -> None:
    """What the shopper asks for reaches the app, be it 0 or more than the total; without, it is what is left to pay."""
    checkout = saleor.create_checkout()
    for chosen in (0, 1, 99999, None):
        await saleor.initialize(checkout, amount=chosen)
    assert [0.0, 1.0, 99999.0, 12500.0] == [call.body["action"]["amount"] for call in app.calls]


async def test_the_same_key_asks_again_about_the_same_payment(saleor: SmallSaleor, app: TinyApp) -> None:
    """With the same key and amount the app is called again with the same transaction; its answer is booked again."""
    checkout = saleor.create_checkout()
    first = await saleor.initialize(checkout, idempotency_key="k")
    second = await saleor.initialize(checkout, idempotency_key="k")
    assert first.transaction is second.transaction
    assert 2 == len(app.calls)
    assert 1 == len(saleor.transactions)


@pytest.mark.parametrize("other", ["amount", "checkout"])
async def test_the_same_key_for_something_else(saleor: SmallSaleor, app: TinyApp, other: str) -> None:
    """With another amount or checkout the same key is refused, and the app is not called."""
    checkout = saleor.create_checkout()
    await saleor.initialize(checkout, idempotency_key="k")
    again = (
        await saleor.initialize(checkout, idempotency_key="k", amount=1)
        if other == "amount"
        else await saleor.initialize(saleor.create_checkout(), idempotency_key="k")
    )
    assert ["UNIQUE"] == [error.code for error in again.errors]
    assert 1 == len(app.calls)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (PlainTextResponse("oops", 500), NOT_DELIVERED),
        (JSONResponse(PAID, 404), NOT_DELIVERED),
        (PlainTextResponse("no json"), NOT_DELIVERED),
        (JSONResponse(None), NOT_DELIVERED),
        (JSONResponse({}), "Missing or invalid value for `result`: None."),
        (JSONResponse(PAID | {"result": "charge_success"}), "Missing or invalid value for `result`: charge_success."),
        (JSONResponse({"result": "CHARGE_SUCCESS"}), "Missing value for field: pspReference."),
        (JSONResponse(OPEN | {"externalUrl": ""}), "Incorrect value () for field: externalUrl."),
        (JSONResponse(OPEN | {"externalUrl": "/relative"}), "Incorrect value (/relative) for field: externalUrl."),
        (JSONResponse(OPEN | {"time": "yesterday"}), "Incorrect value (yesterday) for field: time."),
        (JSONResponse(OPEN | {"amount": "much"}), "Incorrect value (much) for field: amount."),
        (JSONResponse(OPEN | {"paymentMethodDetails": {"type": "MOBILE", "name": "x"}}), "Incorrect value (MOBILE)"),
    ],
)
async def test_answers_that_become_failures(saleor: SmallSaleor, app: TinyApp, answer: Response, message: str) -> None:
    """What Saleor can't use becomes a failure that does not count, so that process asks the app again."""
    app.answers[INITIALIZE] = answer
    transaction = await opened(saleor)
    failure = transaction.events[-1]
    assert (EventType.CHARGE_FAILURE, False) == (failure.type, failure.counts)
    assert message == failure.message[: len(message)]
    await saleor.process(transaction)
    assert PROCESS == app.calls[-1].event


@pytest.mark.parametrize("answer", [[], "text", PAID | {"pspReference": "x" * 513}])
async def test_answers_that_saleor_trips_over(saleor: SmallSaleor, app: TinyApp, answer: Any) -> None:
    """A list, a string or a longer reference is an unhandled error at the storefront."""
    app.answers[INITIALIZE] = JSONResponse(answer)
    with pytest.raises(UnhandledError):
        await saleor.initialize(saleor.create_checkout())


async def test_an_unreachable_app_is_a_failure_of_saleors_own(app: TinyApp, clock: TurnedClock) -> None:
    """A connection that breaks becomes a failure that does not count."""

    def broken(_call: object) -> Response:
        raise httpx.ReadTimeout("too slow")

    app.answers[INITIALIZE] = broken
    async with saleor_with(app, clock) as saleor:
        transaction = await opened(saleor)
    assert (NOT_DELIVERED, False) == (transaction.events[-1].message, transaction.events[-1].counts)


async def test_details_of_an_answer_are_booked(saleor: SmallSaleor, app: TinyApp) -> None:
    """Amounts are booked as answered, messages cut, unknown actions passed over, the method kept; 0 means as asked."""
    app.answers[INITIALIZE] = PAID | {
        "amount": 700.5,
        "message": "m" * 600,
        "time": "2026-03-04T11:00:00Z",
        "externalUrl": "https://shop.example/p/1",
        "actions": ["REFUND", "FLY", "REFUND"],
        "paymentMethodDetails": {"type": "OTHER", "name": "orangemobilemoney"},
    }
    transaction = await opened(saleor)
    event = transaction.events[-1]
    assert (Decimal("700.5"), 512, "2026-03-04T11:00:00+00:00") == (
        event.amount.amount,
        len(event.message),
        event.created_at.isoformat(),
    )
    assert ("https://shop.example/p/1", ["REFUND"]) == (event.external_url, transaction.actions)
    assert transaction.payment_method_details is not None
    assert "orangemobilemoney" == transaction.payment_method_details.name
    app.answers[INITIALIZE] = PAID | {"amount": 0}
    assert Decimal(12500) == (await opened(saleor)).amounts.charged


async def test_actions_are_ignored_while_something_is_required(saleor: SmallSaleor, app: TinyApp) -> None:
    """An answer that requires an action can't offer any."""
    app.answers[INITIALIZE] = OPEN | {"actions": ["REFUND"]}
    assert [] == (await opened(saleor)).actions


async def test_a_request_counts_as_paid(saleor: SmallSaleor, app: TinyApp) -> None:
    """CHARGE_REQUEST completes a checkout into an order without money."""
    app.answers[INITIALIZE] = PAID | {"result": "CHARGE_REQUEST"}
    checkout = saleor.create_checkout()
    await saleor.initialize(checkout)
    assert "FULL" == checkout.charge_status
    order = saleor.complete_checkout(checkout).order
    assert order is not None
    assert ("NONE", Decimal(0)) == (order.charge_status, order.total_charged.amount)


@pytest.mark.parametrize(("last_word", "calls"), [(PAID, 2), (REFUSED, 2), (OPEN, 3)])
async def test_the_last_word_ends_the_session(
    saleor: SmallSaleor, app: TinyApp, last_word: dict[str, Any], calls: int
) -> None:
    """After the app's success or failure, process answers by itself, without data."""
    transaction = await opened(saleor)
    app.answers[PROCESS] = last_word
    first = await saleor.process(transaction)
    second = await saleor.process(transaction)
    assert calls == len(app.calls)
    assert last_word["result"] == first.transaction_event.type if first.transaction_event else False
    if calls == 2:
        assert (first.transaction_event, None) == (second.transaction_event, second.data)


async def test_a_failure_stays_the_answer_even_after_a_success(
    saleor: SmallSaleor, app: TinyApp, clock: TurnedClock
) -> None:
    """The charged amount tells the truth, the event of process does not."""
    transaction = await opened(saleor)
    report(saleor, transaction, "CHARGE_FAILURE", time=clock.now())
    clock.turn(1)
    report(saleor, transaction, "CHARGE_SUCCESS", time=clock.now())
    session = await saleor.process(transaction)
    assert session.transaction_event is not None
    assert ("CHARGE_FAILURE", Decimal(12500)) == (session.transaction_event.type, transaction.amounts.charged)
    assert [INITIALIZE] == [call.event for call in app.calls]


async def test_a_repeated_report_is_harmless(saleor: SmallSaleor) -> None:
    """Same reference, type and amount is already processed; another amount is refused and leaves its trace."""
    transaction = await opened(saleor)
    first = report(saleor, transaction, "CHARGE_SUCCESS")
    again = report(saleor, transaction, "CHARGE_SUCCESS", available_actions=["REFUND"])
    assert (False, True, first.transaction_event) == (
        first.already_processed,
        again.already_processed,
        again.transaction_event,
    )
    assert ["REFUND"] == transaction.actions
    other = report(saleor, transaction, "CHARGE_SUCCESS", amount=1)
    assert ["INCORRECT_DETAILS"] == [error.code for error in other.errors]
    assert ("CHARGE_FAILURE", 1, "T1", False) == books(transaction)[-1]
    assert Decimal(12500) == transaction.amounts.charged


async def test_another_reference_overcharges(saleor: SmallSaleor) -> None:
    """A second success under another reference adds up, also after the order was made."""
    transaction = await opened(saleor)
    checkout = transaction.checkout
    assert checkout is not None
    report(saleor, transaction, "CHARGE_SUCCESS")
    assert "FULL" == checkout.charge_status
    order = saleor.complete_checkout(checkout).order
    report(saleor, transaction, "CHARGE_SUCCESS", psp_reference="T2")
    assert order is not None
    assert ("OVERCHARGED", Decimal(25000)) == (order.charge_status, order.total_charged.amount)
    assert (None, order) == (transaction.checkout, transaction.order)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (Report(type=EventType.CHARGE_SUCCESS, psp_reference="T1"), "REQUIRED"),
        (Report(type=EventType.CHARGE_FAILURE, psp_reference="unheard"), "REQUIRED"),
        (Report(type=EventType.CHARGE_FAILURE, psp_reference="T1"), None),
        (Report(type=EventType.INFO, psp_reference="T1"), None),
    ],
)
async def test_reports_without_an_amount(saleor: SmallSaleor, told: Report, code: str | None) -> None:
    """A failure takes its amount from earlier events of that reference, information has none; a success must say it."""
    transaction = await opened(saleor)
    booked = saleor.books.report(saleor.store.apps[GATEWAY], transaction.id, None, told)
    assert code == (booked.errors[0].code if booked.errors else None)


async def test_a_report_about_nothing(saleor: SmallSaleor) -> None:
    """A transaction that Saleor does not know is NOT_FOUND."""
    told = Report(type=EventType.INFO, psp_reference="T1")
    booked = saleor.books.report(saleor.store.apps[GATEWAY], "VHJhbnNhY3Rpb25JdGVtOjE=", None, told)
    assert ["NOT_FOUND"] == [error.code for error in booked.errors]


@pytest.mark.parametrize(
    ("charged", "status", "order"),
    [(0, "NONE", False), (500, "PARTIAL", False), (12500, "FULL", True), (13000, "OVERCHARGED", True)],
)
async def test_completion(saleor: SmallSaleor, charged: int, status: str, order: bool) -> None:
    """Only what is paid in full becomes an order, and then always the same one."""
    transaction = await opened(saleor)
    checkout = transaction.checkout
    assert checkout is not None
    if charged:
        report(saleor, transaction, "CHARGE_SUCCESS", amount=charged)
    assert status == checkout.charge_status
    completed = saleor.complete_checkout(checkout)
    assert order == (completed.order is not None)
    assert (None if order else "CHECKOUT_NOT_FULLY_PAID") == (completed.errors[0].code if completed.errors else None)
    if order:
        assert completed.order is saleor.complete_checkout(checkout).order
        assert 1 == len(saleor.store.orders)


async def test_a_channel_that_allows_unpaid_orders(app: TinyApp, clock: TurnedClock) -> None:
    """There even an unpaid checkout completes, and its order can be paid afterwards."""
    async with saleor_with(app, clock, allow_unpaid_orders=True) as saleor:
        order = saleor.complete_checkout(saleor.create_checkout(2)).order
        assert order is not None
        session = await saleor.initialize(order)
    assert {"__typename": "Order", "id": order.id, "number": "1"} == app.calls[0].body["sourceObject"]
    assert session.transaction is not None
    assert session.transaction.order is order


async def test_a_checkout_without_an_address_to_write_to(saleor: SmallSaleor) -> None:
    """Without an e-mail address nothing completes."""
    checkout = saleor.create_checkout(email=None)
    assert ["EMAIL_NOT_SET"] == [error.code for error in saleor.complete_checkout(checkout).errors]


async def test_the_gateway_speaks_before_the_payment(saleor: SmallSaleor, app: TinyApp) -> None:
    """What the app answers under `data` reaches the storefront; what it can't read is INVALID, a stranger NOT_FOUND."""
    event = "PAYMENT_GATEWAY_INITIALIZE_SESSION"
    checkout = saleor.create_checkout()
    app.answers[event] = {"data": {"available": True}}
    assert {"available": True} == (await saleor.gateway_initialize(checkout)).data
    app.answers[event] = PlainTextResponse("oops", 500)
    assert ["INVALID"] == [error.code for error in (await saleor.gateway_initialize(checkout)).errors]
    stranger = await saleor.gateway_initialize(checkout, gateway="someone.else")
    assert ["NOT_FOUND"] == [error.code for error in stranger.errors]


async def test_before_3_21_an_amount_is_required(app: TinyApp, clock: TurnedClock) -> None:
    """Older Saleors refuse an answer without an amount."""
    app.answers[INITIALIZE] = {"result": "CHARGE_ACTION_REQUIRED", "pspReference": "T1"}
    async with saleor_with(app, clock, version="3.20.100") as saleor:
        transaction = await opened(saleor)
    assert "Missing value for field: amount." == transaction.events[-1].message


async def test_a_payment_whose_app_is_gone(saleor: SmallSaleor, app: TinyApp) -> None:
    """Process says that the app is missing, but still gives the last word that was said."""
    open_one, paid = await opened(saleor), await opened(saleor)
    app.answers[PROCESS] = PAID
    await saleor.process(paid)
    await saleor.delete_app(GATEWAY)
    assert ["MISSING_PAYMENT_APP"] == [error.code for error in (await saleor.process(open_one)).errors]
    assert () == (await saleor.process(paid)).errors
