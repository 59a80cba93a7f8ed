"""What a Saleor makes of what a payment app says: the small one must do here what a real one does.

The app is one that answers as each scenario tells it; the same scenarios run against both Saleors.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest
from live_shop import PRICE, Session, Shop
from sandbox_saleor_kit import Call, TinyApp
from starlette.responses import JSONResponse, PlainTextResponse, Response

pytestmark = pytest.mark.asyncio(loop_scope="session")

GATEWAY_INITIALIZE = "PAYMENT_GATEWAY_INITIALIZE_SESSION"
INITIALIZE, PROCESS = "TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION"
REFUND, CANCEL = "TRANSACTION_REFUND_REQUESTED", "TRANSACTION_CANCELATION_REQUESTED"
NOT_DELIVERED = "Failed to delivery request."
OPEN: dict[str, Any] = {"result": "CHARGE_ACTION_REQUIRED", "pspReference": "T1", "amount": PRICE, "data": {"a": 1}}
PAID: dict[str, Any] = {"result": "CHARGE_SUCCESS", "pspReference": "T1", "amount": PRICE, "actions": ["REFUND"]}
REFUSED: dict[str, Any] = {"result": "CHARGE_FAILURE", "pspReference": "T1", "amount": PRICE, "message": "no money"}
LONG_AGO = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


async def opened(saleor: Shop, tiny: TinyApp, answer: Any = OPEN, **given: Any) -> Session:
    """Open a payment whose initialize the app answers so."""
    tiny.answers[INITIALIZE] = answer if isinstance(answer, Response) else JSONResponse(answer)
    return await saleor.initialize(await saleor.checkout(), **given)


def at(seconds: int) -> str:
    """Return a moment in the past, as reports say it."""
    return (LONG_AGO + timedelta(seconds=seconds)).isoformat()


async def test_an_open_payment(saleor: Shop, tiny: TinyApp) -> None:
    """What the app answers is booked beside Saleor's own request; nothing is charged, and data is handed on."""
    session = await opened(saleor, tiny)
    assert ("CHARGE_ACTION_REQUIRED", {"a": 1}, ()) == (session.type, session.data, session.errors)
    books = await saleor.books(session.transaction_id)
    assert [("CHARGE_ACTION_REQUIRED", PRICE, "T1"), ("CHARGE_REQUEST", PRICE, "T1")] == books.lines()
    assert (0, 0, "T1", ()) == (books.charged, books.charge_pending, books.reference, books.actions)


async def test_events_come_the_latest_first(saleor: Shop, tiny: TinyApp) -> None:
    """Events are shown by their times and not as they came: what happened last stands first."""
    session = await opened(saleor, tiny, OPEN | {"time": at(0)})
    await saleor.report(session.transaction_id, "CHARGE_SUCCESS", "T1", amount=PRICE, time=at(-60))
    assert [
        ("CHARGE_REQUEST", PRICE, "T1"),
        ("CHARGE_ACTION_REQUIRED", PRICE, "T1"),
        ("CHARGE_SUCCESS", PRICE, "T1"),
    ] == (await saleor.books(session.transaction_id)).lines()


@pytest.mark.parametrize(
    ("success_at", "failure_at", "charged"), [(1, 0, PRICE), (0, 1, 0), (0, 0, 0)], ids=["success", "failure", "tie"]
)
@pytest.mark.parametrize("first", ["CHARGE_SUCCESS", "CHARGE_FAILURE"])
async def test_the_later_of_success_and_failure_wins(
    saleor: Shop, tiny: TinyApp, success_at: int, failure_at: int, charged: int, first: str
) -> None:
    """Of one reference's success and failure the later one counts, and a tie is a failure, whichever came first."""
    session = await opened(saleor, tiny)
    times = {"CHARGE_SUCCESS": at(success_at), "CHARGE_FAILURE": at(failure_at)}
    for event in sorted(times, key=lambda event: event != first):
        reported = await saleor.report(session.transaction_id, event, "T1", amount=PRICE, time=times[event])
        assert (False, ()) == reported
    assert charged == (await saleor.books(session.transaction_id)).charged


async def test_a_repeated_report_is_harmless(saleor: Shop, tiny: TinyApp) -> None:
    """The same reference, type and amount is known already, whatever its time; it may still bring other actions."""
    session = await opened(saleor, tiny)
    first = await saleor.report(session.transaction_id, "CHARGE_SUCCESS", "T1", amount=PRICE, time=at(0))
    again = await saleor.report(
        session.transaction_id, "CHARGE_SUCCESS", "T1", amount=PRICE, time=at(9), actions=["REFUND"]
    )
    assert ((False, ()), (True, ())) == (first, again)
    books = await saleor.books(session.transaction_id)
    assert (PRICE, ["CHARGE_SUCCESS"]) == (books.charged, books.finals())
    assert ("REFUND",) == books.actions


async def test_a_report_that_contradicts(saleor: Shop, tiny: TinyApp) -> None:
    """The same reference and type with another amount is refused, leaves a failure behind, and changes no sum."""
    session = await opened(saleor, tiny)
    await saleor.report(session.transaction_id, "CHARGE_SUCCESS", "T1", amount=PRICE)
    assert (False, ("INCORRECT_DETAILS",)) == await saleor.report(
        session.transaction_id, "CHARGE_SUCCESS", "T1", amount=1
    )
    books = await saleor.books(session.transaction_id)
    assert (PRICE, ["CHARGE_FAILURE", "CHARGE_SUCCESS"]) == (books.charged, books.finals())


async def test_another_reference_adds_up(saleor: Shop, tiny: TinyApp) -> None:
    """A second success under another reference is charged too, and the order that was made is overcharged."""
    checkout = await saleor.checkout()
    tiny.answers[INITIALIZE] = PAID
    session = await saleor.initialize(checkout)
    order, _ = await saleor.complete(checkout)
    assert order is not None
    await saleor.report(session.transaction_id, "CHARGE_SUCCESS", "T2", amount=PRICE)
    assert ("OVERCHARGED", 2 * PRICE) == await saleor.order_status(order)


async def test_a_request_counts_as_paid(saleor: Shop, tiny: TinyApp) -> None:
    """CHARGE_REQUEST makes a checkout look paid and complete into an order without money."""
    checkout = await saleor.checkout()
    tiny.answers[INITIALIZE] = PAID | {"result": "CHARGE_REQUEST"}
    session = await saleor.initialize(checkout)
    assert ("CHARGE_REQUEST", "FULL") == (session.type, await saleor.checkout_status(checkout))
    books = await saleor.books(session.transaction_id)
    assert (0, PRICE) == (books.charged, books.charge_pending)
    order, errors = await saleor.complete(checkout)
    assert () == errors
    assert order is not None
    assert ("NONE", 0) == await saleor.order_status(order)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (PlainTextResponse("oops", 500), NOT_DELIVERED),
        (JSONResponse(PAID, 404), NOT_DELIVERED),
        (PlainTextResponse("no json"), NOT_DELIVERED),
        (JSONResponse({}), "Missing or invalid value for `result`: None."),
        (JSONResponse(PAID | {"result": "charge_success"}), "Missing or invalid value for `result`: charge_success."),
        (JSONResponse({"result": "CHARGE_SUCCESS", "amount": PRICE}), "Missing value for field: pspReference."),
        (JSONResponse(OPEN | {"externalUrl": ""}), "Incorrect value () for field: externalUrl."),
        (JSONResponse(OPEN | {"time": "yesterday"}), "Incorrect value (yesterday) for field: time."),
    ],
    ids=["500", "404", "no JSON", "no result", "small letters", "no reference", "external URL", "time"],
)
async def test_a_failure_that_saleor_makes(saleor: Shop, tiny: TinyApp, answer: Response, message: str) -> None:
    """What Saleor can't use is a failure of its own, after which it asks the app again."""
    if saleor.minor < (3, 22) and message != NOT_DELIVERED:
        message = "Incorrect value"  # of what and why older ones say in other words
    session = await opened(saleor, tiny, answer)
    assert "CHARGE_FAILURE" == session.type
    assert session.message is not None
    assert session.message.startswith(message), session.message
    tiny.answers[PROCESS] = PAID
    assert "CHARGE_SUCCESS" == (await saleor.process(session.transaction_id)).type
    books = await saleor.books(session.transaction_id)
    assert (PRICE, [INITIALIZE, PROCESS]) == (books.charged, [call.event for call in tiny.calls])


@pytest.mark.parametrize("word", [PAID, REFUSED], ids=["success", "failure"])
async def test_the_last_word_ends_the_session(saleor: Shop, tiny: TinyApp, word: dict[str, Any]) -> None:
    """After the app's own success or failure, process answers by itself and asks the app no more."""
    session = await opened(saleor, tiny)
    tiny.answers[PROCESS] = word
    first = await saleor.process(session.transaction_id)
    second = await saleor.process(session.transaction_id)
    assert (word["result"], word["result"], None) == (first.type, second.type, second.data)
    assert [INITIALIZE, PROCESS] == [call.event for call in tiny.calls]


async def test_a_first_failure_stays_the_answer(saleor: Shop, tiny: TinyApp) -> None:
    """After a later success process still answers with the failure; only the charged amount tells the truth."""
    session = await opened(saleor, tiny)
    await saleor.report(session.transaction_id, "CHARGE_FAILURE", "T1", amount=PRICE, time=at(0))
    await saleor.report(session.transaction_id, "CHARGE_SUCCESS", "T1", amount=PRICE, time=at(60))
    answer = await saleor.process(session.transaction_id)
    assert ("CHARGE_FAILURE", None) == (answer.type, answer.data)
    assert PRICE == (await saleor.books(session.transaction_id)).charged
    assert [INITIALIZE] == [call.event for call in tiny.calls]


async def test_the_same_key_asks_again(saleor: Shop, tiny: TinyApp) -> None:
    """With the same key and amount the app is asked again about the same transaction; another amount is refused."""
    checkout, key = await saleor.checkout(), token_hex()
    tiny.answers[INITIALIZE] = OPEN
    first = await saleor.initialize(checkout, key=key)
    again = await saleor.initialize(checkout, key=key)
    other = await saleor.initialize(checkout, key=key, amount=1)
    elsewhere = await saleor.initialize(await saleor.checkout(), key=key)
    assert first.transaction == again.transaction
    assert (("UNIQUE",), ("UNIQUE",)) == (other.errors, elsewhere.errors)
    assert 2 == len(tiny.calls)


async def test_the_same_key_once_it_is_paid(saleor: Shop, tiny: TinyApp) -> None:
    """Where nothing is left to pay the same key fits only with its amount; without, the app is not even asked."""
    checkout, key = await saleor.checkout(), token_hex()
    tiny.answers[INITIALIZE] = PAID
    first = await saleor.initialize(checkout, key=key)
    again = await saleor.initialize(checkout, key=key)
    assert (None, ("UNIQUE",), 1) == (again.transaction, again.errors, len(tiny.calls))
    exactly = await saleor.initialize(checkout, key=key, amount=PRICE)
    assert (first.transaction, 2) == (exactly.transaction, len(tiny.calls))


async def test_the_buyer_chooses_the_amount(saleor: Shop, tiny: TinyApp) -> None:
    """Nothing, one franc, or more than the total: what the shopper asks for reaches the app."""
    checkout = await saleor.checkout()
    tiny.answers[INITIALIZE] = REFUSED
    for amount in (0, 1, 99999, None):
        await saleor.initialize(checkout, amount=amount)
    assert [0.0, 1.0, 99999.0, float(PRICE)] == [call.body["action"]["amount"] for call in tiny.calls]


async def test_an_amount_of_zero_in_an_answer(saleor: Shop, tiny: TinyApp) -> None:
    """An answered amount is booked, and 0 means what was asked for."""
    less = await opened(saleor, tiny, PAID | {"amount": 700})
    nothing = await opened(saleor, tiny, PAID | {"amount": 0})
    assert (700, PRICE) == (
        (await saleor.books(less.transaction_id)).charged,
        (await saleor.books(nothing.transaction_id)).charged,
    )


async def test_actions_while_something_is_required(saleor: Shop, tiny: TinyApp) -> None:
    """An answer that requires an action can offer none; a success can."""
    session = await opened(saleor, tiny, OPEN | {"actions": ["REFUND"]})
    assert () == (await saleor.books(session.transaction_id)).actions
    session = await opened(saleor, tiny, PAID)
    assert ("REFUND",) == (await saleor.books(session.transaction_id)).actions


async def test_an_authorization_answered_with_a_charge(saleor: Shop, tiny: TinyApp) -> None:
    """Where the channel asks for an authorization, an answered charge is booked as a charge."""
    tiny.answers[INITIALIZE] = PAID
    session = await saleor.initialize(await saleor.checkout("authorization"))
    assert "AUTHORIZATION" == tiny.calls[0].body["action"]["actionType"]
    books = await saleor.books(session.transaction_id)
    assert (PRICE, 0) == (books.charged, books.authorized)
    assert {"AUTHORIZATION_REQUEST", "CHARGE_SUCCESS"} == {event.type for event in books.events}


async def test_the_gateway_speaks_first(saleor: Shop, tiny: TinyApp) -> None:
    """What the app answers under `data` reaches the storefront; what can't be read is an error."""
    checkout = await saleor.checkout()
    tiny.answers[GATEWAY_INITIALIZE] = {"data": {"available": True}}
    config = await saleor.gateway_initialize(checkout)
    assert ({"available": True}, []) == (config["data"], config["errors"])
    tiny.answers[GATEWAY_INITIALIZE] = PlainTextResponse("oops", 500)
    broken = await saleor.gateway_initialize(checkout)
    assert (None, ["INVALID"]) == (broken["data"], [error["code"] for error in broken["errors"]])


async def paid(saleor: Shop, tiny: TinyApp, reference: str) -> str:
    """Open a payment that is charged at once; return its transaction."""
    session = await opened(saleor, tiny, PAID | {"pspReference": reference, "actions": ["REFUND", "CANCEL"]})
    return session.transaction_id


async def test_a_refund_that_is_reported_later(saleor: Shop, tiny: TinyApp) -> None:
    """A reference alone leaves the refund waiting, and its report with that reference ends it."""
    transaction = await paid(saleor, tiny, "P1")
    tiny.answers[REFUND] = {"pspReference": "R1"}
    assert () == await saleor.request_action(transaction, "REFUND", 700)
    books = await saleor.until(transaction, lambda books: books.refund_pending, "a waiting refund", within_s=30)
    assert (PRICE - 700, 700, 0) == (books.charged, books.refund_pending, books.refunded)
    await saleor.report(transaction, "REFUND_SUCCESS", "R1", amount=700)
    books = await saleor.books(transaction)
    assert (PRICE - 700, 0, 700) == (books.charged, books.refund_pending, books.refunded)


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "reported"])
async def test_a_refund_that_fails(saleor: Shop, tiny: TinyApp, answered: bool) -> None:
    """A refund that fails, at once or later, leaves the charge as it was."""
    transaction = await paid(saleor, tiny, "P2")
    failure = {"result": "REFUND_FAILURE", "pspReference": "R2", "amount": 700, "message": "no"}
    tiny.answers[REFUND] = failure if answered else {"pspReference": "R2"}
    await saleor.request_action(transaction, "REFUND", 700)
    if not answered:
        await saleor.until(transaction, lambda books: books.refund_pending, "a waiting refund", within_s=30)
        await saleor.report(transaction, "REFUND_FAILURE", "R2", amount=700)
    books = await saleor.until(transaction, has("REFUND_FAILURE"), "the failure", within_s=30)
    assert (PRICE, 0, 0) == (books.charged, books.refund_pending, books.refunded)


async def test_a_refund_failure_without_reference(saleor: Shop, tiny: TinyApp) -> None:
    """A failure needs no reference; the request stays without one, and nothing is pending."""
    transaction = await paid(saleor, tiny, "P3")
    tiny.answers[REFUND] = {"result": "REFUND_FAILURE", "amount": 700, "message": "not now"}
    await saleor.request_action(transaction, "REFUND", 700)
    books = await saleor.until(transaction, has("REFUND_FAILURE"), "the failure", within_s=30)
    assert (PRICE, 0, 0) == (books.charged, books.refund_pending, books.refunded)
    assert ["not now"] == [event.message for event in books.events if event.type == "REFUND_FAILURE"]


async def test_a_failed_refund_is_asked_again_with_an_empty_body(saleor: Shop, tiny: TinyApp) -> None:
    """After a 500 Saleor asks again, and says nothing in its body; the answer then is booked."""
    transaction = await paid(saleor, tiny, "P4")
    bodies: list[bytes] = []

    def first_broken(call: Call) -> Response:
        bodies.append(call.raw)
        if len(bodies) == 1:
            return PlainTextResponse("oops", 500)
        return JSONResponse({"result": "REFUND_SUCCESS", "pspReference": "R4", "amount": 700})

    tiny.answers[REFUND] = first_broken
    await saleor.request_action(transaction, "REFUND", 700)
    await saleor.until(transaction, lambda books: books.refunded == 700, "700 refunded", within_s=60)
    assert (2, True, b"") == (len(bodies), bodies[0] != b"", bodies[1])


async def test_a_refusal_of_a_refund_that_is_booked(saleor: Shop, tiny: TinyApp) -> None:
    """A 400 with a valid body is booked like a 200: an error must never look like an answer."""
    transaction = await paid(saleor, tiny, "P5")
    success = {"result": "REFUND_SUCCESS", "pspReference": "R5", "amount": 700}
    tiny.answers[REFUND] = JSONResponse(success, 400)
    await saleor.request_action(transaction, "REFUND", 700)
    await saleor.until(transaction, lambda books: books.refunded == 700, "700 refunded", within_s=30)


async def test_a_refusal_of_a_refund_that_is_none(saleor: Shop, tiny: TinyApp) -> None:
    """A 400 whose body is no answer is a failure of Saleor's own, and not tried again."""
    transaction = await paid(saleor, tiny, "P6")
    tiny.answers[REFUND] = JSONResponse({"message": "the body is empty"}, 400)
    await saleor.request_action(transaction, "REFUND", 700)
    books = await saleor.until(transaction, has("REFUND_FAILURE"), "the failure", within_s=30)
    assert (PRICE, 0) == (books.charged, books.refund_pending)
    await asyncio.sleep(1)
    assert [REFUND] == [call.event for call in tiny.calls if call.event == REFUND]


async def test_more_is_asked_back_than_was_charged(saleor: Shop, tiny: TinyApp) -> None:
    """Saleor asks the app for at most what was charged."""
    transaction = await paid(saleor, tiny, "P7")
    tiny.answers[REFUND] = {"result": "REFUND_SUCCESS", "pspReference": "R7", "amount": PRICE}
    await saleor.request_action(transaction, "REFUND", 10 * PRICE)
    await saleor.until(transaction, has("REFUND_SUCCESS"), "the success", within_s=30)
    assert [float(PRICE)] == [call.body["action"]["amount"] for call in tiny.calls if call.event == REFUND]


async def test_the_request_has_its_own_key(saleor: Shop, tiny: TinyApp) -> None:
    """The app reads the request's key in the transaction's events: in the newest request without a reference."""
    transaction = await paid(saleor, tiny, "P8")
    tiny.answers[REFUND] = {"pspReference": "R8"}
    for _ in range(2):
        before = len(tiny.calls)
        await saleor.request_action(transaction, "REFUND", 700)
        await saleor.until(transaction, lambda _, n=before: len(tiny.calls) > n, "a call", within_s=30)
    keys = [
        [event["idempotencyKey"] for event in call.body["transaction"]["events"] if event["type"] == "REFUND_REQUEST"]
        for call in tiny.calls
        if call.event == REFUND
    ]
    assert [1, 2] == [len(found) for found in keys]
    assert keys[0][0] in keys[1]
    assert None not in keys[1]


async def test_a_webhook_tells_events_the_latest_first(saleor: Shop, tiny: TinyApp) -> None:
    """In a webhook's body events stand as in the API: the request itself comes first, what began it all last."""
    transaction = await paid(saleor, tiny, "P10")
    tiny.answers[REFUND] = {"pspReference": "R10"}
    await saleor.request_action(transaction, "REFUND", 700)
    await saleor.until(transaction, lambda books: books.refund_pending, "a waiting refund", within_s=30)
    (told,) = [call.body["transaction"]["events"] for call in tiny.calls if call.event == REFUND]
    assert ["REFUND_REQUEST", "CHARGE_SUCCESS", "CHARGE_REQUEST"] == [event["type"] for event in told]


async def test_a_cancelation(saleor: Shop, tiny: TinyApp) -> None:
    """A cancelation of what was never authorized comes with the amount 0, and its answer is booked."""
    session = await opened(saleor, tiny, OPEN | {"pspReference": "P9"})
    tiny.answers[CANCEL] = {"result": "CANCEL_SUCCESS", "pspReference": "C9", "amount": 0}
    assert () == await saleor.request_action(session.transaction_id, "CANCEL")
    await saleor.until(session.transaction_id, has("CANCEL_SUCCESS"), "the success", within_s=30)
    assert [0.0] == [call.body["action"]["amount"] for call in tiny.calls if call.event == CANCEL]


async def test_browsers_of_any_origin_may_ask(saleor: Shop) -> None:
    """A storefront of any origin may ask the API from the browser: Saleor says so before and with its answer."""
    origin = {"origin": "https://shop.example"}
    wants = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    before = await saleor.http.options(saleor.api_url, headers=origin | wants)
    answer = await saleor.http.post(saleor.api_url, headers=origin, json={"query": "{ shop { schemaVersion } }"})
    for reply in (before, answer):
        allowed = [reply.headers[f"access-control-allow-{name}"] for name in ("origin", "credentials")]
        assert (200, ["https://shop.example", "true"]) == (reply.status_code, allowed)
    assert "content-type" in before.headers["access-control-allow-headers"].lower()


async def test_what_is_installed_is_not_installed_again(saleor: Shop, tiny: TinyApp) -> None:
    """Installing an app anew takes its deletion first."""
    tokens = list(tiny.tokens)
    with pytest.raises(Exception, match="already installed"):
        await saleor.install(f"{tiny.url}/manifest")
    assert tokens == tiny.tokens


def has(event_type: str) -> Callable[[Any], bool]:
    """Say whether the books hold an event of a type."""
    return lambda books: any(event.type == event_type for event in books.events)
