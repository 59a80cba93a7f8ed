"""The client says to Saleor exactly what is meant, and tells apart what comes back."""

import gzip
import json
import logging
import traceback
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx2 as httpx
import pytest
from pydantic import SecretStr
from saleor_fake import API_URL, APP_ID, IDENTIFIER, OLDER, SCHEMA, TOKEN, Failure, FakeSaleor, money
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from saleor_cinetpay.errors import SaleorError, SaleorRefused, SaleorUnavailable, SaleorUnintelligible
from saleor_cinetpay.money import Money
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.graphql_transport import exact_json
from saleor_cinetpay.saleor.types import (
    AuthorizeStatus,
    ChargeStatus,
    EventReported,
    SaleorAppId,
    SaleorChannel,
    SaleorCheckout,
    SaleorCheckoutId,
    SaleorIdentity,
    SaleorOrderId,
    SaleorTransaction,
    SaleorTransactionCheckout,
    SaleorTransactionEvent,
    SaleorTransactionId,
    SaleorTransactionOrder,
    TransactionAction,
    TransactionEvent,
    TransactionEventType,
)

TRANSACTION_ID = SaleorTransactionId("VHJhbnNhY3Rpb25JdGVtOjE=")
PAID_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = SecretStr(TOKEN)
XOF_12500 = Money(amount=Decimal(12500), currency="XOF")


def transaction() -> dict[str, Any]:
    return {
        "id": TRANSACTION_ID,
        "token": "0b0b",
        "pspReference": "ref-1",
        "chargedAmount": money(12500.0),
        "chargePendingAmount": money(0),
        "events": [
            {
                "type": "CHARGE_SUCCESS",
                "pspReference": "ref-1",
                "amount": money(12500.0),
                "createdAt": "2026-01-02T03:04:05+00:00",
                "message": "",
                "idempotencyKey": None,
            },
            {
                "type": "A_LATER_TYPE",
                "pspReference": "",
                "amount": money(0.1),
                "createdAt": "2026-01-02T03:04:05Z",
                "message": "why",
                "idempotencyKey": "key-1",
            },
        ],
        "checkout": {**checkout(), "token": "0c0c"},
        "order": {"id": "T3JkZXI6MQ==", "number": "7", "chargeStatus": "LATER", "channel": {"slug": "ci"}},
    }


def checkout(charge_status: str = "FULL") -> dict[str, Any]:
    return {
        "id": "Q2hlY2tvdXQ6MQ==",
        "token": "0c0c",
        "chargeStatus": charge_status,
        "authorizeStatus": "PARTIAL",
        "totalPrice": {"gross": money(12500.0)},
        "channel": {"slug": "ci"},
    }


def event(**changes: Any) -> TransactionEvent:
    given: dict[str, Any] = {
        "transaction_id": TRANSACTION_ID,
        "type": TransactionEventType.CHARGE_SUCCESS,
        "psp_reference": "ref-1",
        "amount": Decimal(12500),
        "currency": "XOF",
        "time": PAID_AT,
        "message": "",
    }
    return TransactionEvent(**given | changes)


@pytest.fixture
def shop() -> FakeSaleor:
    return FakeSaleor(
        transactions={TRANSACTION_ID: transaction()},
        checkouts={"paid": checkout(), "unpaid": checkout("NONE")},
    )


@pytest.fixture
def saleor(shop: FakeSaleor) -> SaleorClient:
    return SaleorClient(shop.http(), timeout_s=5)


async def test_identify(saleor: SaleorClient) -> None:
    """A token tells which app we are there, what we may do, and which Saleor it is."""
    expected = SaleorIdentity(
        app_id=SaleorAppId(APP_ID),
        identifier=IDENTIFIER,
        permissions=frozenset({"HANDLE_PAYMENTS"}),
        version="3.23.28",
    )

    assert expected == await saleor.identify(API_URL, GOOD)


async def test_identify_with_a_dead_token(saleor: SaleorClient) -> None:
    """A token that is no app's is refused, although Saleor answers with data."""
    with pytest.raises(SaleorRefused) as refusal:
        await saleor.identify(API_URL, SecretStr("dead"))

    assert "UNAUTHENTICATED" == refusal.value.code


async def test_identify_without_permissions(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """An app without any permission has none, also where Saleor says null."""
    shop.fixed_answer = JSONResponse(
        {"data": {"app": {"id": APP_ID, "permissions": None}, "shop": {"version": "3.20"}}}
    )

    assert frozenset() == (await saleor.identify(API_URL, GOOD)).permissions


@pytest.mark.parametrize("token", ["", "a b", "a\r\nx-evil: 1", "é", "x" * 5000])
async def test_what_can_not_be_a_token_is_not_sent(saleor: SaleorClient, shop: FakeSaleor, token: str) -> None:
    """Something that no header can carry is refused before it is sent, and not shown."""
    with pytest.raises(SaleorRefused) as refusal:
        await saleor.identify(API_URL, SecretStr(token))

    assert "UNAUTHENTICATED" == refusal.value.code
    assert [] == shop.requests
    assert not token or token not in str(refusal.value)


async def test_report(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """Every part of an event reaches Saleor as Saleor names it."""
    reported = await saleor.report_transaction_event(
        API_URL,
        GOOD,
        event(
            message="paid",
            available_actions=(TransactionAction.REFUND,),
            external_url="https://dashboard.example/1",
            payment_method="moov",
        ),
    )

    assert EventReported(already_processed=False) == reported
    (sent,) = shop.reports.values()
    assert {
        "id": TRANSACTION_ID,
        "type": "CHARGE_SUCCESS",
        "pspReference": "ref-1",
        "amount": 12500,
        "time": "2026-01-02T03:04:05+00:00",
        "message": "paid",
        "availableActions": ["REFUND"],
        "externalUrl": "https://dashboard.example/1",
        "paymentMethodDetails": {"other": {"name": "moov"}},
    } == sent


async def test_a_saleor_older_than_believed(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """Where Saleor knows no means of payment the event is booked without; any other refusal is not asked again."""
    shop.schema = OLDER
    assert EventReported(already_processed=False) == await saleor.report_transaction_event(
        API_URL, GOOD, event(payment_method="moov")
    )
    (sent,) = shop.reports.values()
    assert "paymentMethodDetails" not in sent

    shop.schema, shop.requests = SCHEMA, []
    with pytest.raises(SaleorRefused):
        await saleor.report_transaction_event(API_URL, SecretStr("dead"), event(payment_method="moov"))
    assert 1 == len(shop.requests)


async def test_repeated_report(saleor: SaleorClient) -> None:
    """A repeat is no error; Saleor says that it had it."""
    await saleor.report_transaction_event(API_URL, GOOD, event())

    assert EventReported(already_processed=True) == await saleor.report_transaction_event(API_URL, GOOD, event())


@pytest.mark.parametrize("amount", ["12500", "12500.10", "0.1", "1E+3", "99999999999999999999.01"])
async def test_amount_is_exact(saleor: SaleorClient, shop: FakeSaleor, amount: str) -> None:
    """An amount leaves as the very decimal number that it is, never through a float."""
    await saleor.report_transaction_event(API_URL, GOOD, event(amount=Decimal(amount)))

    sent = json.loads(shop.requests[0], parse_float=Decimal)["variables"]["amount"]
    assert Decimal(amount) == sent
    assert isinstance(sent, Decimal | int)


async def test_what_is_not_given_is_not_sent(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """Actions and external URL that are not given stay as Saleor has them; an old one knows no means of payment."""
    await saleor.report_transaction_event(API_URL, GOOD, event())

    assert not {"availableActions", "externalUrl"} & json.loads(shop.requests[0])["variables"].keys()
    assert "paymentMethodDetails" not in shop.requests[0].decode()


@pytest.mark.parametrize(
    ("reported", "code"),
    [
        (event(transaction_id="unknown"), "NOT_FOUND"),
        (event(amount=Decimal(5)), "INCORRECT_DETAILS"),
    ],
)
async def test_refused_report(saleor: SaleorClient, reported: TransactionEvent, code: str) -> None:
    """An error in the payload is a refusal with Saleor's code."""
    await saleor.report_transaction_event(API_URL, GOOD, event())

    with pytest.raises(SaleorRefused) as refusal:
        await saleor.report_transaction_event(API_URL, GOOD, reported)

    assert code == refusal.value.code


async def test_read_transaction(saleor: SaleorClient) -> None:
    """A transaction is read with its amounts as decimals, and with words of a later Saleor as unknown."""
    expected = SaleorTransaction(
        id=TRANSACTION_ID,
        token="0b0b",
        psp_reference="ref-1",
        charged=XOF_12500,
        charge_pending=Money(amount=Decimal(0), currency="XOF"),
        events=(
            SaleorTransactionEvent(
                type=TransactionEventType.CHARGE_SUCCESS,
                psp_reference="ref-1",
                amount=XOF_12500,
                time=PAID_AT,
                message="",
                idempotency_key=None,
            ),
            SaleorTransactionEvent(
                type=TransactionEventType.UNKNOWN,
                psp_reference="",
                amount=Money(amount=Decimal("0.1"), currency="XOF"),
                time=PAID_AT,
                message="why",
                idempotency_key="key-1",
            ),
        ),
        checkout=SaleorTransactionCheckout(
            id=SaleorCheckoutId("Q2hlY2tvdXQ6MQ=="), token="0c0c", charge_status=ChargeStatus.FULL, channel="ci"
        ),
        order=SaleorTransactionOrder(
            id=SaleorOrderId("T3JkZXI6MQ=="), number="7", charge_status=ChargeStatus.UNKNOWN, channel="ci"
        ),
    )

    assert expected == await saleor.read_transaction(API_URL, GOOD, TRANSACTION_ID)


async def test_read_what_is_not_there(saleor: SaleorClient) -> None:
    """A transaction or a checkout that Saleor does not have is None."""
    assert None is await saleor.read_transaction(API_URL, GOOD, SaleorTransactionId("gone"))
    assert None is await saleor.read_checkout(API_URL, GOOD, SaleorCheckoutId("gone"))


async def test_read_checkout(saleor: SaleorClient) -> None:
    """A checkout is read with what deciding on its completion needs."""
    expected = SaleorCheckout(
        id=SaleorCheckoutId("Q2hlY2tvdXQ6MQ=="),
        token="0c0c",
        charge_status=ChargeStatus.FULL,
        authorize_status=AuthorizeStatus.PARTIAL,
        total=XOF_12500,
        channel="ci",
    )

    assert expected == await saleor.read_checkout(API_URL, GOOD, SaleorCheckoutId("paid"))


async def test_read_channels(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """Every channel is read with its currency, and whether it sells; a Saleor without any says so."""
    assert () == await saleor.read_channels(API_URL, GOOD)
    shop.channels = [{"id": "Q2hhbm5lbDox", "slug": "ci", "name": "Abidjan", "currencyCode": "XOF", "isActive": True}]
    expected = SaleorChannel(id="Q2hhbm5lbDox", slug="ci", name="Abidjan", currency="XOF", is_active=True)
    assert (expected,) == await saleor.read_channels(API_URL, GOOD)


async def test_complete_checkout(saleor: SaleorClient) -> None:
    """A paid checkout becomes its order; another is refused with Saleor's code."""
    assert "order-of-paid" == await saleor.complete_checkout(API_URL, GOOD, SaleorCheckoutId("paid"))

    with pytest.raises(SaleorRefused, match="not paid") as refusal:
        await saleor.complete_checkout(API_URL, GOOD, SaleorCheckoutId("unpaid"))

    assert "CHECKOUT_NOT_FULLY_PAID" == refusal.value.code


async def test_no_order_and_no_error(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """A completion that makes no order is a refusal, even where Saleor names no error."""
    shop.fixed_answer = JSONResponse({"data": {"checkoutComplete": {"order": None, "errors": []}}})

    with pytest.raises(SaleorRefused) as refusal:
        await saleor.complete_checkout(API_URL, GOOD, SaleorCheckoutId("paid"))

    assert "CONFIRMATION_NEEDED" == refusal.value.code


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Failure("PermissionDenied", "you need HANDLE_PAYMENTS"), "PERMISSION_DENIED"),
        (Failure("ExpiredSignatureError", "Signature has expired"), "UNAUTHENTICATED"),
        (Failure("InvalidTokenError", "Invalid token"), "UNAUTHENTICATED"),
        (Failure("GraphQLError", "Invalid ID"), "GRAPHQL_ERROR"),
    ],
)
async def test_error_beside_data(saleor: SaleorClient, shop: FakeSaleor, failure: Failure, code: str) -> None:
    """A top-level error counts, although data stands beside it."""
    shop.failure = failure

    with pytest.raises(SaleorRefused) as refusal:
        await saleor.read_transaction(API_URL, GOOD, TRANSACTION_ID)

    assert code == refusal.value.code


async def test_failure_inside_saleor(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """An exception inside Saleor is no refusal: it is tried again."""
    shop.failure = Failure("OperationalError", "Internal Server Error")

    with pytest.raises(SaleorUnavailable, match="OperationalError"):
        await saleor.read_transaction(API_URL, GOOD, TRANSACTION_ID)


@pytest.mark.parametrize(
    ("answer", "error", "maybe_carried_out"),
    [
        (HTMLResponse("<title>Sign in</title>"), SaleorUnavailable, True),
        (HTMLResponse("<title>Not found</title>", 404), SaleorUnavailable, False),
        (Response(b"", 200), SaleorUnavailable, True),
        (Response(b"\xff\xfe{", 200), SaleorUnavailable, True),
        (Response(b"[" * 100_000, 200), SaleorUnavailable, True),
        (Response(gzip.compress(b'{"data": {}}'), headers={"content-encoding": "gzip"}), SaleorUnavailable, True),
        (RedirectResponse("https://evil.example/graphql/"), SaleorUnavailable, False),
        (JSONResponse({"data": {"app": None}}, 502), SaleorUnavailable, True),
        (JSONResponse({"detail": "slow down"}, 429), SaleorUnintelligible, False),
        (JSONResponse({"data": None}), SaleorUnintelligible, True),
        (JSONResponse([]), SaleorUnintelligible, True),
        (JSONResponse({"data": {}}), SaleorUnintelligible, True),
        (JSONResponse({"data": {"transactionEventReport": None}}), SaleorUnintelligible, True),
        (JSONResponse({"data": {"transactionEventReport": {"errors": [{}]}}}), SaleorUnintelligible, True),
        (JSONResponse({"errors": ["odd"]}, 400), SaleorRefused, False),
        (Response(b"x" * 1_100_000), SaleorUnavailable, True),
    ],
)
async def test_something_else_answers(
    saleor: SaleorClient, shop: FakeSaleor, answer: Response, error: type[SaleorError], maybe_carried_out: bool
) -> None:
    """Whatever is not Saleor's own word is neither success nor refusal, and says whether Saleor may have acted."""
    shop.fixed_answer = answer

    with pytest.raises(error) as raised:
        await saleor.report_transaction_event(API_URL, GOOD, event())

    assert maybe_carried_out == raised.value.maybe_carried_out


async def test_answer_that_is_not_of_the_schema_is_not_shown(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """An answer of another shape says where it differs, and nothing of what it holds."""
    shop.fixed_answer = JSONResponse({"data": {"checkout": {**checkout(), "totalPrice": {"gross": "private"}}}})

    with pytest.raises(SaleorUnintelligible, match=r"totalPrice\.gross") as raised:
        await saleor.read_checkout(API_URL, GOOD, SaleorCheckoutId("paid"))

    assert "private" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(("own_s", "asked_s"), [(0.02, None), (5, 0.02), (0.02, 5)])
async def test_total_time_limit(shop: FakeSaleor, own_s: float, asked_s: float | None) -> None:
    """A call ends within the client's time, or within the shorter one that it was given."""
    shop.delay_s = 1
    saleor = SaleorClient(shop.http(), timeout_s=own_s)

    with pytest.raises(SaleorUnavailable, match=r"within 0\.02 s") as raised:
        await saleor.identify(API_URL, GOOD, timeout_s=asked_s)

    assert raised.value.maybe_carried_out


async def test_token_is_nowhere_else(saleor: SaleorClient, shop: FakeSaleor, caplog: pytest.LogCaptureFixture) -> None:
    """The token goes into one header, and into no log, no body and no error."""
    caplog.set_level(logging.DEBUG)
    await saleor.identify(API_URL, GOOD)
    shop.fixed_answer = JSONResponse({}, 500)

    with pytest.raises(SaleorUnavailable) as raised:
        await saleor.report_transaction_event(API_URL, GOOD, event())

    assert f"Bearer {TOKEN}" == shop.headers[0]["authorization"]
    assert not any(TOKEN.encode() in request for request in shop.requests)
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(traceback.format_exception(raised.value))


async def test_client_stays_open(saleor: SaleorClient) -> None:
    """The shared HTTP client is open after a call, for the next one."""
    await saleor.identify(API_URL, GOOD)

    assert APP_ID == (await saleor.identify(API_URL, GOOD)).app_id


async def test_key_set(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """The key set is read from the origin, whatever the path of the API."""
    shop.jwks = '{"keys": [{}]}'

    assert '{"keys": [{}]}' == await saleor.fetch_key_set(API_URL)


async def test_huge_key_set(saleor: SaleorClient, shop: FakeSaleor) -> None:
    """A key set that is too large to be one is not read to its end."""
    shop.jwks = " " * 70_000

    with pytest.raises(SaleorUnavailable, match="more than 65536 bytes"):
        await saleor.fetch_key_set(API_URL)


async def test_no_key_set() -> None:
    """A Saleor without a key set is unavailable."""
    nothing = httpx.MockTransport(lambda request: httpx.Response(404))

    with pytest.raises(SaleorUnavailable, match="answers 404"):
        await SaleorClient(nothing).fetch_key_set(API_URL)


def test_exact_json() -> None:
    """JSON is written as ever, save that decimals are exact numbers."""
    written = exact_json({"é": [Decimal("1.10"), 1, True, None, "x"], "y": ({},)})

    assert '{"\\u00e9":[1.10,1,true,null,"x"],"y":[{}]}' == written
