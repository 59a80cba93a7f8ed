"""Webhooks are signed as Saleor signs them, and can be sent as no Saleor would."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import jwt
import pytest
from sandbox_saleor_kit import GATEWAY, Call, TinyApp, TurnedClock, saleor_with
from starlette.responses import JSONResponse

from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.sandbox.saleor.small_saleor import Signature, SmallSaleor

INITIALIZE, PROCESS = "TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION"
OPEN = {"result": "CHARGE_ACTION_REQUIRED", "pspReference": "T1", "amount": 12500}


@pytest.fixture
def app() -> TinyApp:
    return TinyApp(answers={INITIALIZE: OPEN, PROCESS: OPEN})


@pytest.fixture
async def saleor(app: TinyApp) -> AsyncIterator[SmallSaleor]:
    async with saleor_with(app, TurnedClock()) as saleor:
        yield saleor


@pytest.fixture
async def transaction(saleor: SmallSaleor) -> Transaction:
    session = await saleor.initialize(saleor.create_checkout())
    assert session.transaction is not None
    return session.transaction


def verify(call: Call, jwks: Mapping[str, Any]) -> None:
    """Verify as an app does: by the key set, over the bytes that arrived."""
    signature = call.headers["saleor-signature"]
    header = jwt.get_unverified_header(signature)
    assert (False, "RS256", ["b64"]) == (header["b64"], header["alg"], header["crit"])
    assert signature.count(".") == 2
    assert "" == signature.split(".")[1]
    key = next(jwt.PyJWK(k) for k in jwks["keys"] if k["kid"] == header["kid"])
    jwt.PyJWS().decode(signature, key.key, ["RS256"], detached_payload=call.raw)


async def test_a_webhook_verifies(saleor: SmallSaleor, app: TinyApp, transaction: Transaction) -> None:
    """The detached signature holds for the raw body and the published key, and for nothing else."""
    call = app.calls[-1]
    verify(call, saleor.keys.jwks())
    call.raw += b" "
    with pytest.raises(jwt.InvalidSignatureError):
        verify(call, saleor.keys.jwks())


async def test_a_rotated_key(saleor: SmallSaleor, app: TinyApp, transaction: Transaction) -> None:
    """After a rotation webhooks carry another key id, and the key set holds only that one."""
    before = saleor.keys.jwks()
    saleor.rotate_keys()
    await saleor.process(transaction)
    verify(app.calls[-1], saleor.keys.jwks())
    assert [k["kid"] for k in before["keys"]] != [k["kid"] for k in saleor.keys.jwks()["keys"]]


async def test_headers(app: TinyApp, transaction: Transaction) -> None:
    """A webhook names its event in lower case, its API and its domain; the older names are there too."""
    headers = app.calls[-1].headers
    assert {
        "saleor-event": "transaction_initialize_session",
        "x-saleor-event": "transaction_initialize_session",
        "saleor-domain": "127.0.0.1:8010",
        "x-saleor-domain": "127.0.0.1:8010",
        "saleor-api-url": "http://127.0.0.1:8010/graphql/",
        "content-type": "application/json",
    }.items() <= headers.items()
    assert headers["saleor-signature"] == headers["x-saleor-signature"]
    assert 55 == len(headers["traceparent"])


async def test_the_body_is_what_the_query_selects(saleor: SmallSaleor, app: TinyApp, transaction: Transaction) -> None:
    """The selected fields stand at top level, with who sends and to whom."""
    body = app.calls[-1].body
    assert {
        "__typename": "TransactionInitializeSession",
        "issuedAt": "2026-03-04T12:00:00+00:00",
        "version": "3.23.28",
        "recipient": {"id": saleor.store.apps[GATEWAY].id, "identifier": GATEWAY},
        "merchantReference": transaction.id,
        "idempotencyKey": transaction.idempotency_key,
        "customerIpAddress": "127.0.0.1",
        "data": None,
    }.items() <= body.items()


@pytest.mark.parametrize(
    ("how", "signed"),
    [(Signature.GENUINE, True), (Signature.FOREIGN, False), (Signature.MISSING, False), ("x.y.z", False)],
)
async def test_chosen_signatures(
    saleor: SmallSaleor, app: TinyApp, transaction: Transaction, how: str, signed: bool
) -> None:
    """A chosen webhook can be signed rightly, by a stranger, with nonsense or not at all."""
    await saleor.send_webhook(PROCESS, transaction, signature=how)
    call = app.calls[-1]
    kids = {key["kid"] for key in saleor.keys.jwks()["keys"]}
    signature = call.headers.get("saleor-signature")
    if signed:
        verify(call, saleor.keys.jwks())
    elif how == Signature.FOREIGN:
        assert signature is not None
        assert jwt.get_unverified_header(signature)["kid"] not in kids
    else:
        assert (how if how == "x.y.z" else None) == signature


async def test_chosen_contents(saleor: SmallSaleor, app: TinyApp, transaction: Transaction) -> None:
    """Members, body, headers and address can be chosen; the signature holds for what is sent, and nothing is booked."""
    app.answers[PROCESS] = JSONResponse({"message": "no"}, 401)
    booked = len(transaction.events)
    reply = await saleor.send_webhook(PROCESS, transaction, changes={"recipient": {"id": "x"}})
    assert (401, {"message": "no"}) == (reply.status, reply.json)
    assert {"id": "x"} == app.calls[-1].body["recipient"]
    verify(app.calls[-1], saleor.keys.jwks())
    await saleor.send_webhook(PROCESS, transaction, body=b"")
    assert b"" == app.calls[-1].raw
    await saleor.send_webhook(
        PROCESS, transaction, to=INITIALIZE, headers={"Saleor-Event": "other", "traceparent": None}
    )
    call = app.calls[-1]
    assert (INITIALIZE, "other", False) == (call.event, call.headers["saleor-event"], "traceparent" in call.headers)
    assert booked == len(transaction.events)


async def test_the_log_masks_secrets(saleor: SmallSaleor, app: TinyApp) -> None:
    """The log tells what was said, but no token, no key and no whole phone number."""
    app.answers[INITIALIZE] = OPEN | {"data": {"redirect": {"fields": {"apikey": "sesame", "signature": "sealed"}}}}
    await saleor.initialize(saleor.create_checkout(), data={"phoneNumber": "+2250700000042"})
    told = json.dumps(saleor.log.after(0))
    for secret in (app.tokens[0], "sesame", "sealed", "+2250700000042"):
        assert secret not in told
    last = saleor.log.after(0)[-1]
    assert ("app", "saleor", INITIALIZE, True) == (last["from"], last["to"], last["title"], last["ok"])


async def test_the_dashboards_token(saleor: SmallSaleor) -> None:
    """The token that the Dashboard hands to an app's page verifies and says for whom it is."""
    app = saleor.store.apps[GATEWAY]
    token = saleor.dashboard_token(app, ("HANDLE_PAYMENTS",))
    claims = jwt.decode(
        token,
        jwt.PyJWK(saleor.keys.jwks()["keys"][0]).key,
        ["RS256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert ("http://127.0.0.1:8010/graphql/", "thirdparty", app.id, ["HANDLE_PAYMENTS"], 300) == (
        claims["iss"],
        claims["type"],
        claims["app"],
        claims["user_permissions"],
        claims["exp"] - claims["iat"],
    )
    assert ("VXNlcjox", "awa@example.com", "saleor") == (claims["user_id"], claims["email"], claims["owner"])
