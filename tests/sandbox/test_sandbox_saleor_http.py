"""The small Saleor over HTTP: who may ask what, what goes wrong on demand, and what the control API shows and does."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest
from sandbox_saleor_kit import APP_URL, GATEWAY, MANIFEST_URL, TinyApp, TurnedClock, saleor_with
from starlette.responses import PlainTextResponse

from saleor_cinetpay.sandbox.saleor.app import build_saleor, serve_saleor
from saleor_cinetpay.sandbox.saleor.books import Refusal
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.faults import FaultKind
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor

INITIALIZE, PROCESS = "TRANSACTION_INITIALIZE_SESSION", "TRANSACTION_PROCESS_SESSION"
OPEN = {"result": "CHARGE_ACTION_REQUIRED", "pspReference": "T1", "amount": 12500, "data": {"deep": [1, {"a": "é"}]}}

REPORT = """mutation Report($id: ID!, $amount: PositiveDecimal) {
  transactionEventReport(
    id: $id, type: CHARGE_SUCCESS, pspReference: "T1", amount: $amount, time: "2026-03-04T12:00:00Z",
    availableActions: [REFUND], paymentMethodDetails: {other: {name: "moov"}}
  ) {
    alreadyProcessed
    transaction { id chargedAmount { amount currency } actions paymentMethodDetails { name } }
    transactionEvent { type createdAt amount { amount } }
    errors { code field message }
  }
}"""


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


@pytest.fixture
async def http(saleor: SmallSaleor) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=serve_saleor(saleor))
    async with httpx.AsyncClient(transport=transport, base_url="http://saleor.test") as http:
        yield http


async def ask(http: httpx.AsyncClient, query: str, token: str = "", **variables: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = await http.post("/graphql/", json={"query": query, "variables": variables}, headers=headers)
    assert 200 == response.status_code
    answer: dict[str, Any] = response.json()
    return answer


async def test_an_app_proves_its_token(http: httpx.AsyncClient, app: TinyApp, saleor: SmallSaleor) -> None:
    """A live token shows the app and its permissions; a dead one shows nothing."""
    query = "{ app { id permissions { code } } shop { version schemaVersion } }"
    alive = await ask(http, query, app.tokens[0])
    assert {
        "data": {
            "app": {"id": saleor.store.apps[GATEWAY].id, "permissions": [{"code": "HANDLE_PAYMENTS"}]},
            "shop": {"version": "3.23.28", "schemaVersion": "3.23"},
        }
    } == alive
    assert (await ask(http, query, "dead"))["data"]["app"] is None


@pytest.mark.parametrize(
    "query",
    [
        '{ transaction(id: "x") { id } }',
        "{ channels { slug } }",
        'mutation { transactionEventReport(type: INFO, pspReference: "x") { alreadyProcessed } }',
    ],
)
async def test_what_is_not_for_everybody(http: httpx.AsyncClient, app: TinyApp, query: str) -> None:
    """Without a token permission is denied at top level; with it the same query runs."""
    denied = await ask(http, query)
    assert ["PermissionDenied"] == [error["extensions"]["exception"]["code"] for error in denied["errors"]]
    assert "errors" not in await ask(http, query, app.tokens[0])


async def test_a_report_over_http(http: httpx.AsyncClient, app: TinyApp, saleor: SmallSaleor) -> None:
    """A report is booked and shown; its repeat says so; Saleor reads and shows it by id and by token."""
    transaction = (await saleor.initialize(saleor.create_checkout())).transaction
    assert transaction is not None
    first = await ask(http, REPORT, app.tokens[0], id=transaction.id, amount="12500")
    assert {
        "data": {
            "transactionEventReport": {
                "alreadyProcessed": False,
                "transaction": {
                    "id": transaction.id,
                    "chargedAmount": {"amount": 12500.0, "currency": "XOF"},
                    "actions": ["REFUND"],
                    "paymentMethodDetails": {"name": "moov"},
                },
                "transactionEvent": {
                    "type": "CHARGE_SUCCESS",
                    "createdAt": "2026-03-04T12:00:00+00:00",
                    "amount": {"amount": 12500.0},
                },
                "errors": [],
            }
        }
    } == first
    again = await ask(http, REPORT, app.tokens[0], id=transaction.id, amount=12500)
    assert again["data"]["transactionEventReport"]["alreadyProcessed"]
    query = """query($uuid: UUID!) { transaction(token: $uuid) {
      id events { type } checkout { chargeStatus } order { id } } }"""
    shown = await ask(http, query, app.tokens[0], uuid=str(transaction.token))
    assert {
        "id": transaction.id,
        "events": [{"type": "CHARGE_REQUEST"}, {"type": "CHARGE_ACTION_REQUIRED"}, {"type": "CHARGE_SUCCESS"}],
        "checkout": {"chargeStatus": "FULL"},
        "order": None,
    } == shown["data"]["transaction"]


async def test_another_apps_transaction(http: httpx.AsyncClient, app: TinyApp, saleor: SmallSaleor) -> None:
    """An app can't report about a transaction that is not its own."""
    transaction = (await saleor.initialize(saleor.create_checkout())).transaction
    assert transaction is not None
    other = TinyApp(manifest={"id": "other.app", "webhooks": []})
    transport = httpx.ASGITransport(app=other.asgi())
    saleor.store.apps["other.app"] = await SmallSaleor(http=httpx.AsyncClient(transport=transport)).install_app(
        MANIFEST_URL
    )
    denied = await ask(http, REPORT, other.tokens[0], id=transaction.id, amount=1)
    assert "PermissionDenied" == denied["errors"][0]["extensions"]["exception"]["code"]


async def test_a_whole_purchase(http: httpx.AsyncClient, app: TinyApp) -> None:
    """A storefront finds products, makes a checkout, pays, and gets its order; data comes through as the app gave."""
    found = await ask(
        http,
        """{ products(first: 5, channel: "default-channel") { totalCount edges { node { slug name
          translation(languageCode: EN) { name }
          defaultVariant { id pricing { price { gross { amount } } } } } } } }""",
    )
    product = found["data"]["products"]["edges"][0]["node"]
    assert ("pagne-indigo", "Pagne tissé indigo", "Woven indigo cloth", 12500.0) == (
        product["slug"],
        product["name"],
        product["translation"]["name"],
        product["defaultVariant"]["pricing"]["price"]["gross"]["amount"],
    )
    created = await ask(
        http,
        """mutation($input: CheckoutCreateInput!) { checkoutCreate(input: $input) {
          checkout { id totalPrice { gross { amount currency } } lines { quantity } } errors { code } } }""",
        input={
            "lines": [{"variantId": product["defaultVariant"]["id"], "quantity": 2}],
            "email": "buyer@example.com",
            "billingAddress": {"country": "CI", "city": "Korhogo"},
            "languageCode": "FR",
        },
    )
    checkout = created["data"]["checkoutCreate"]["checkout"]
    assert {"amount": 25000.0, "currency": "XOF"} == checkout["totalPrice"]["gross"]
    opened = await ask(
        http,
        """mutation($id: ID!, $gateway: PaymentGatewayToInitialize!) {
          transactionInitialize(id: $id, paymentGateway: $gateway, idempotencyKey: "k") {
            transaction { id } data errors { code } } }""",
        id=checkout["id"],
        gateway={"id": GATEWAY, "data": {"returnUrl": "https://shop.example/return"}},
    )
    assert {"deep": [1, {"a": "é"}]} == opened["data"]["transactionInitialize"]["data"]
    assert {"returnUrl": "https://shop.example/return"} == app.calls[-1].body["data"]
    app.answers[PROCESS] = {"result": "CHARGE_SUCCESS", "pspReference": "T1", "amount": 25000}
    processed = await ask(
        http,
        """mutation($id: ID!) { transactionProcess(id: $id) {
          transaction { chargedAmount { amount } checkout { chargeStatus } }
          transactionEvent { type } errors { code } } }""",
        id=opened["data"]["transactionInitialize"]["transaction"]["id"],
    )
    assert {
        "transaction": {"chargedAmount": {"amount": 25000.0}, "checkout": {"chargeStatus": "FULL"}},
        "transactionEvent": {"type": "CHARGE_SUCCESS"},
        "errors": [],
    } == processed["data"]["transactionProcess"]
    complete = """mutation($id: ID!) { checkoutComplete(id: $id) {
      order { number chargeStatus userEmail checkoutId } errors { code } } }"""
    completed = await ask(http, complete, id=checkout["id"])
    assert {
        "order": {
            "number": "1",
            "chargeStatus": "FULL",
            "userEmail": "buyer@example.com",
            "checkoutId": checkout["id"],
        },
        "errors": [],
    } == completed["data"]["checkoutComplete"]
    assert completed == await ask(http, complete, id=checkout["id"])


async def test_an_unhandled_answer_is_an_internal_error(
    http: httpx.AsyncClient, app: TinyApp, saleor: SmallSaleor
) -> None:
    """Where the app answers a list, the storefront gets an internal error."""
    app.answers[INITIALIZE] = PlainTextResponse("[]", media_type="application/json")
    answer = await ask(
        http,
        """mutation($id: ID!, $gateway: PaymentGatewayToInitialize!) {
          transactionInitialize(id: $id, paymentGateway: $gateway) { data } }""",
        id=saleor.create_checkout().id,
        gateway={"id": GATEWAY},
    )
    assert ["Internal Server Error"] == [error["message"] for error in answer["errors"]]


@pytest.mark.parametrize("body", ['{"query": "{ nonsense }"}', '{"query": "{"}', "[]", "no json", '{"query": 1}'])
async def test_what_can_not_be_run(http: httpx.AsyncClient, body: str) -> None:
    """A query that does not parse or fit the schema is a 400 with errors."""
    response = await http.post("/graphql/", content=body)
    assert (400, True) == (response.status_code, bool(response.json()["errors"]))


CREATE_PROBLEM = """mutation {
  appProblemCreate(input: {key: "paid-twice", message: "Paid twice", criticalThreshold: 2}) {
    appProblem { count isCritical } errors { code } } }"""
DISMISS_PROBLEM = 'mutation { appProblemDismiss(input: {byApp: {keys: ["paid-twice"]}}) { errors { code } } }'
READ_PROBLEMS = "{ app { problems { key count dismissed { by } } } }"


async def test_problems_of_the_app(http: httpx.AsyncClient, app: TinyApp, saleor: SmallSaleor) -> None:
    """An app shows a problem, which counts up within its period, and dismisses it; the next one is new."""
    await ask(http, CREATE_PROBLEM, app.tokens[0])
    again = await ask(http, CREATE_PROBLEM, app.tokens[0])
    assert {"count": 2, "isCritical": True} == again["data"]["appProblemCreate"]["appProblem"]
    await ask(http, DISMISS_PROBLEM, app.tokens[0])
    await ask(http, CREATE_PROBLEM, app.tokens[0])
    held = await ask(http, READ_PROBLEMS, app.tokens[0])
    assert [
        {"key": "paid-twice", "count": 2, "dismissed": {"by": "APP"}},
        {"key": "paid-twice", "count": 1, "dismissed": None},
    ] == held["data"]["app"]["problems"]


async def test_a_hundred_problems_of_an_app_are_kept(saleor: SmallSaleor, clock: TurnedClock) -> None:
    """One more drops the one that was renewed longest ago, told or dismissed."""
    installed = saleor.store.apps[GATEWAY]
    for number in range(101):
        clock.turn(1)
        saleor.problems.create(installed, f"key-{number}", "Oh no", critical_threshold=None, aggregation_min=60)
    assert [f"key-{number}" for number in range(1, 101)] == [problem.key for problem in installed.problems]


@pytest.mark.parametrize(("key", "message"), [("ab", "Oh no"), ("k" * 129, "Oh no"), ("key", "no")])
async def test_a_problem_has_its_limits(saleor: SmallSaleor, key: str, message: str) -> None:
    """Saleor refuses a key or a message that is too short, and a key that is too long."""
    refused = saleor.problems.create(
        saleor.store.apps[GATEWAY], key, message, critical_threshold=None, aggregation_min=60
    )
    assert isinstance(refused, Refusal)
    assert ("INVALID", []) == (refused.code, saleor.store.apps[GATEWAY].problems)


async def test_saleor_is_down(http: httpx.AsyncClient, saleor: SmallSaleor, clock: TurnedClock) -> None:
    """For some calls, or for some seconds, API and keys answer 503; pages and control are spared."""
    saleor.faults.set(FaultKind.UNAVAILABLE, calls=2)
    assert [503, 503, 200] == [(await http.get("/.well-known/jwks.json")).status_code for _ in range(3)]
    saleor.faults.set(FaultKind.UNAVAILABLE, seconds=20)
    assert [503, 200] == [(await http.get(path)).status_code for path in ("/.well-known/jwks.json", "/_sandbox/state")]
    clock.turn(20)
    assert 200 == (await http.get("/.well-known/jwks.json")).status_code


@pytest.mark.parametrize(("kind", "charged"), [(FaultKind.DROP, 0), (FaultKind.LOST_ANSWER, 12500)])
async def test_a_cut_connection(
    http: httpx.AsyncClient, app: TinyApp, saleor: SmallSaleor, kind: FaultKind, charged: int
) -> None:
    """A connection is cut before anything is done, or after it was booked; the caller can't tell which."""
    transaction = (await saleor.initialize(saleor.create_checkout())).transaction
    assert transaction is not None
    saleor.faults.set(kind, calls=1)
    with pytest.raises(httpx.TransportError):
        await ask(http, REPORT, app.tokens[0], id=transaction.id, amount=12500)
    assert charged == transaction.amounts.charged


async def test_control_installs_and_deletes(http: httpx.AsyncClient, saleor: SmallSaleor) -> None:
    """Apps come and go by the control API, and a failed installation says why."""
    deleted = [(await http.delete(f"/_sandbox/apps/{GATEWAY}")).status_code for _ in range(2)]
    assert [204, 404] == deleted
    installed = await http.post("/_sandbox/apps", json={"manifestUrl": MANIFEST_URL})
    assert (201, GATEWAY) == (installed.status_code, installed.json()["identifier"])
    again = await http.post("/_sandbox/apps", json={"manifestUrl": MANIFEST_URL})
    assert (422, True) == (again.status_code, "already installed" in again.json()["error"])
    failed = await http.post("/_sandbox/apps", json={"manifestUrl": f"{APP_URL}/nowhere"})
    assert (422, {"error": "App internal error (404)."}) == (failed.status_code, failed.json())
    assert 400 == (await http.post("/_sandbox/apps", json={"url": MANIFEST_URL})).status_code


async def test_control_shows_and_acts(http: httpx.AsyncClient, app: TinyApp, saleor: SmallSaleor) -> None:
    """What Saleor holds can be seen, refunds asked for, webhooks chosen, faults set and lifted, all of it forgotten."""
    app.answers[INITIALIZE] = {"result": "CHARGE_SUCCESS", "pspReference": "T1", "amount": 12500, "actions": ["REFUND"]}
    checkout = saleor.create_checkout()
    transaction = (await saleor.initialize(checkout)).transaction
    assert transaction is not None
    saleor.complete_checkout(checkout)
    app.answers["TRANSACTION_REFUND_REQUESTED"] = {"pspReference": "R1"}
    asked = await http.post(
        f"/_sandbox/transactions/{transaction.id}/actions", json={"action": "REFUND", "amount": 500}
    )
    assert 202 == asked.status_code
    await saleor.actions.idle()
    state = (await http.get("/_sandbox/state")).json()
    assert [("1", "PARTIAL", "12500")] == [(o["number"], o["chargeStatus"], o["total"]) for o in state["orders"]]
    assert [("12000", "500", "0")] == [(t["charged"], t["refundPending"], t["refunded"]) for t in state["transactions"]]
    app.answers[PROCESS] = PlainTextResponse("no", 401)
    chosen = await http.post(
        "/_sandbox/webhooks", json={"event": PROCESS, "transaction": transaction.id, "signature": "missing", "body": ""}
    )
    assert ({"status": 401, "answer": None}, b"") == (chosen.json(), app.calls[-1].raw)
    await http.post("/_sandbox/faults", json={"kind": "unavailable", "seconds": 60})
    assert 503 == (await http.get("/.well-known/jwks.json")).status_code
    await http.delete("/_sandbox/faults")
    kids = (await http.get("/.well-known/jwks.json")).json()
    assert kids != (await http.post("/_sandbox/keys")).json()
    await http.post("/_sandbox/reset")
    after = (await http.get("/_sandbox/state")).json()
    assert ([], [], [], [GATEWAY]) == (
        after["orders"],
        after["checkouts"],
        after["transactions"],
        [a["identifier"] for a in after["apps"]],
    )


async def test_messages_come_after_a_number(http: httpx.AsyncClient, saleor: SmallSaleor) -> None:
    """The log is numbered, and can be read on from any message; storefront and Saleor speak in it by name."""
    before = (await http.get("/_sandbox/messages")).json()["messages"]
    await ask(http, "{ shop { version } }")
    new = (await http.get("/_sandbox/messages", params={"after": before[-1]["id"]})).json()["messages"]
    assert [("storefront", "saleor", "shop"), ("saleor", "storefront", "shop")] == [
        (m["from"], m["to"], m["title"]) for m in new
    ]
    assert before[-1]["id"] + 1 == new[0]["id"]


async def test_the_feed_without_a_cinetpay_sandbox() -> None:
    """A CinetPay sandbox that is not there takes nothing from the feed."""
    config = SaleorConfig(cinetpay_sandbox_url="http://127.0.0.1:9")
    asgi = build_saleor(config)
    asgi.state.saleor.log.add("storefront", "saleor", "hello", {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=asgi), base_url="http://saleor.test") as http:
        feed = (await http.get("/_sandbox/feed")).json()["messages"]
    assert [("saleor", "hello")] == [(m["source"], m["title"]) for m in feed]
    await asgi.state.saleor.close()
