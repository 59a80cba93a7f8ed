"""Generated replies of CinetPay and of Saleor: only our own errors, no secret, never a payment by mistake."""

from collections.abc import Callable
from random import Random
from typing import Any

import httpx2 as httpx
import pytest
from hostile_inputs import encoded, numbered, numbers_of, spoiled, value
from payments_kit import SIGNATURE, SITE_ID, a_payment
from pydantic import SecretStr

from saleor_cinetpay.cinetpay import CinetPayClient, Credentials
from saleor_cinetpay.cinetpay.wire import read_transaction
from saleor_cinetpay.errors import CinetPayError, SaleorError
from saleor_cinetpay.payments.verdict import Found, NotStarted, VerdictKind, verdict
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.keys import KeySet
from saleor_cinetpay.saleor.types import SaleorCheckoutId, SaleorTransactionId

pytestmark = pytest.mark.timeout(900)

CINETPAY, CINETPAY_PARTS = 80_000, 4
SALEOR, SALEOR_PARTS = 50_000, 4
KEY, TOKEN = "an API key that is secret", "a-token-that-is-secret"
PAYMENT = a_payment()
CREDENTIALS = Credentials(site_id=SITE_ID, api_key=SecretStr(KEY))
SALEOR_API_URL = SaleorApiUrl("https://shop.example/graphql/")
STATUSES = (200, 200, 200, 200, 200, 201, 204, 301, 302, 400, 401, 404, 429, 500, 502, 503)
"""A CinetPay or a Saleor that is well answers 200."""
MONEY = {"amount": 12500.0, "currency": "XOF"}
TRANSACTION = {
    "cpm_site_id": SITE_ID,
    "cpm_trans_id": PAYMENT.trans_id,
    "signature": SIGNATURE,
    "cpm_amount": str(PAYMENT.amount),
    "cpm_currency": "CFA",
    "cpm_result": "00",
    "cpm_trans_status": "ACCEPTED",
    "cpm_error_message": "SUCCES",
    "cpm_payid": "123",
    "cpm_payment_date": "2026-03-04",
    "cpm_payment_time": "12:00:00",
    "payment_method": "OM",
    "cel_phone_num": "0700000000",
    "cpm_phone_prefix": "225",
    "created_at": "2026-03-04 11:59:00",
    "buyer_name": "",
    "cpm_ipn_ack": "Y",
}
EVENT = {
    "type": "CHARGE_SUCCESS",
    "pspReference": "x",
    "amount": MONEY,
    "createdAt": "2026-03-04T12:00:00+00:00",
    "message": "",
    "idempotencyKey": None,
}
CHECKOUT = {
    "id": "Q2hlY2tvdXQ6MQ==",
    "token": "t",
    "chargeStatus": "FULL",
    "authorizeStatus": "FULL",
    "totalPrice": {"gross": MONEY},
    "channel": {"slug": "default"},
}
CINETPAY_REPLIES: tuple[Any, ...] = (
    "0123456789abcdef0123456789abcdef01234567",
    {"status": {"code": "609", "message": "AUTH_NOT_FOUND"}},
    {"transaction": TRANSACTION},
    {"Transactions": {"transaction": [TRANSACTION, TRANSACTION]}},
    {"compte": {"id": "1", "solde": "865.4"}, "service": {"id": SITE_ID, "solde": "0"}},
)
SALEOR_REPLIES: tuple[Any, ...] = (
    {"data": {"app": {"id": "QXBwOjE=", "permissions": [{"code": "HANDLE_PAYMENTS"}]}, "shop": {"version": "3.23.28"}}},
    {"data": {"transactionEventReport": {"alreadyProcessed": False, "errors": []}}},
    {"data": {"checkoutComplete": {"order": {"id": "T3JkZXI6MQ=="}, "errors": []}}},
    {"data": {"checkout": CHECKOUT}},
    {
        "data": {
            "transaction": {
                "id": "x",
                "token": "t",
                "pspReference": "",
                "chargedAmount": MONEY,
                "chargePendingAmount": MONEY,
                "events": [EVENT],
                "checkout": CHECKOUT,
                "order": None,
            }
        }
    },
    {"errors": [{"message": "no", "extensions": {"exception": {"code": "PermissionDenied"}}}]},
    {"keys": [{"kty": "RSA", "kid": "1", "n": "sXch", "e": "AQAB", "use": "sig", "alg": "RS256"}]},
)


def reply(random: Random, replies: tuple[Any, ...]) -> httpx.Response:
    """Make an answer: one that might be genuine, spoiled in some way, or something else altogether."""
    match random.randrange(8):
        case 0:
            content = random.randbytes(random.randrange(300))
        case 1:
            content = encoded(value(random), random)
        case 2:
            content = random.choice((b"", b"<html>", b"[" * 50_000, b'"', b"null", b"{}", b"[]", b'""', b"0"))
        case _:
            content = encoded(spoiled(random.choice(replies), random), random)
    headers = {"content-type": random.choice(("application/json", "text/html", "text/plain; charset=utf-16"))}
    if random.random() < 0.1:
        headers |= {"retry-after": random.choice(("1", "-1", "x", "9" * 30, "Wed, 21 Oct 2015 07:28:00 GMT"))}
    if random.random() < 0.02:
        headers |= {"content-encoding": random.choice(("gzip", "br", "identity"))}
    return httpx.Response(random.choice(STATUSES), headers=headers, stream=httpx.ByteStream(content))


def answering(kind: str, number: int, replies: tuple[Any, ...]) -> Callable[[httpx.Request], httpx.Response]:
    """Answer each request with the n-th reply."""
    return lambda _request: reply(numbered(kind, number), replies)


@pytest.mark.parametrize("part", range(CINETPAY_PARTS))
async def test_replies_of_cinetpay(part: int) -> None:
    """Whatever CinetPay answers is read, or is one of our errors; only what equals the payment in all is accepted."""
    numbers = numbers_of(CINETPAY, part, CINETPAY_PARTS)
    now, said = [0], list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        return answering("cinetpay", now[0], CINETPAY_REPLIES)(request)

    async with httpx.MockTransport(answer) as http:
        client = CinetPayClient(http, api_url="https://cinetpay.example/v1/", timeout_s=5)
        for number in numbers:
            now[0] = number
            try:
                match number % 5:
                    case 0 | 1 | 2:
                        found = await client.check_pay_status(CREDENTIALS, PAYMENT.trans_id)
                        seen = NotStarted() if found is None else Found(found)
                        if verdict(PAYMENT, seen).kind is VerdictKind.ACCEPTED:
                            assert genuine(found), f"cinetpay/{number} is accepted: {found}"
                    case 3:
                        await client.get_trans_history(CREDENTIALS)
                    case _:
                        signing(await client.get_signature(PAYMENT.fields, SecretStr(KEY)))
            except CinetPayError as error:
                said.append(f"{error} {error.buyer} {error.merchant}")
    assert [] == [text for text in said if KEY in text]


def genuine(found: Any) -> bool:
    """Say whether a transaction agrees with the payment in all that makes an acceptance."""
    same = (found.cpm_site_id.strip(), found.cpm_trans_id.strip(), found.signature.get_secret_value().strip())
    return (
        same == (TRANSACTION["cpm_site_id"], TRANSACTION["cpm_trans_id"], TRANSACTION["signature"])
        and found.cpm_trans_status.strip().upper() == "ACCEPTED"
        and float(found.cpm_amount) == PAYMENT.amount
        and found.cpm_currency.strip().upper() in {"CFA", "XOF"}
    )


def signing(signature: SecretStr) -> None:
    """A signature is a text of a size that a form can carry."""
    assert 0 < len(signature.get_secret_value()) <= 1024


@pytest.mark.parametrize("part", range(SALEOR_PARTS))
async def test_replies_of_saleor(part: int) -> None:
    """Whatever answers at a Saleor's address is read, or is one of our errors."""
    now, said = [0], list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        return answering("saleor", now[0], SALEOR_REPLIES)(request)

    async with httpx.MockTransport(answer) as http:
        client = SaleorClient(http)
        token = SecretStr(TOKEN)
        for number in numbers_of(SALEOR, part, SALEOR_PARTS):
            now[0] = number
            try:
                match number % 5:
                    case 0:
                        await client.identify(SALEOR_API_URL, token)
                    case 1:
                        await client.read_transaction(SALEOR_API_URL, token, SaleorTransactionId("x"))
                    case 2:
                        await client.read_checkout(SALEOR_API_URL, token, SaleorCheckoutId("x"))
                    case 3:
                        await client.complete_checkout(SALEOR_API_URL, token, SaleorCheckoutId("x"))
                    case _:
                        KeySet.parse(await client.fetch_key_set(SALEOR_API_URL))
            except SaleorError as error:
                said.append(str(error))
    assert [] == [text for text in said if TOKEN in text]


def test_a_genuine_reply_is_accepted() -> None:
    """The reply that the generator spoils is one that makes an acceptance, so that it is worth spoiling."""
    found = read_transaction({"transaction": TRANSACTION})
    assert found is not None
    assert VerdictKind.ACCEPTED is verdict(PAYMENT, Found(found)).kind
    assert genuine(found)
