"""docs/storefront.md, run: its GraphQL against the small Saleor, its TypeScript in Node."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from app_kit import API_KEY, SHOP, World, eventually
from graphql import OperationDefinitionNode, parse
from playwright._impl._driver import compute_driver_executable

from saleor_cinetpay.sandbox.saleor.records import Checkout

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "storefront.md").read_text(encoding="utf-8")
NODE = compute_driver_executable()[0]
PATIENCE_S = 45

# Calls one function of the page's module. Where that wants a browser, it gets a tiny one: a `document` whose forms are
# really posted, and a memory that is handed in and out.
DRIVER = """
import * as page from "./storefront.ts";

const { call, given, settings, memory } = JSON.parse(process.argv[2]);
Object.assign(page.shop, settings);
const seen = { memory: { ...memory }, shown: [], posted: [] };
const localStorage = {
  getItem: (name) => seen.memory[name] ?? null,
  setItem: (name, value) => { seen.memory[name] = value; },
  removeItem: (name) => { delete seen.memory[name]; },
};
const element = () => ({
  fields: [],
  append(field) { this.fields.push(field); },
  submit() {
    const body = new URLSearchParams(this.fields.map(({ name, value }) => [name, value]));
    const asked = fetch(this.action, { method: this.method, body, redirect: "manual" });
    seen.posted.push(asked.then(({ status }) => status));
  },
});
const standIns = {
  "<memory>": localStorage,
  "<document>": { createElement: element, body: { append() {} } },
  "<show>": (outcome, message) => { seen.shown.push([outcome, message]); },
  "<pause>": () => new Promise((resolve) => setTimeout(resolve, 50)),
};
try {
  seen.result = (await page[call](...given.map((value) => standIns[value] ?? value))) ?? null;
} catch (error) {
  if (!(error instanceof page.PaymentProblem)) throw error;
  seen.problem = { code: error.code, message: error.message };
}
seen.posted = await Promise.all(seen.posted);
console.log(JSON.stringify(seen));
"""


def blocks(language: str) -> list[str]:
    """Return the page's blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def operations() -> dict[str, str]:
    """Return the page's GraphQL operations by name."""
    named = {}
    for block in blocks("graphql"):
        (operation,) = parse(block).definitions
        assert isinstance(operation, OperationDefinitionNode)
        assert operation.name is not None
        named[operation.name.value] = block
    return named


@dataclass(slots=True)
class Storefront:
    """A buyer's browser with the page's module in it."""

    folder: Path
    api_url: str
    gateway: str
    memory: dict[str, str] = field(default_factory=dict)
    shown: list[list[str | None]] = field(default_factory=list)
    posted: list[int] = field(default_factory=list)

    async def call(self, name: str, *given: object) -> Any:
        """Call a function of the module; `<memory>` and the like stand for what a browser has."""
        settings = {"apiUrl": self.api_url, "gateway": self.gateway}
        wanted = {"call": name, "given": given, "settings": settings, "memory": self.memory}
        node = await asyncio.create_subprocess_exec(
            NODE,
            str(self.folder / "drive.mjs"),
            json.dumps(wanted),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(node.communicate(), PATIENCE_S)
        assert (0, b"") == (node.returncode, err), err.decode()
        seen = json.loads(out)
        self.memory, self.shown, self.posted = seen["memory"], seen["shown"], seen["posted"]
        if "problem" in seen:
            raise AssertionError(seen["problem"]["code"])
        return seen["result"]

    async def problem(self, name: str, *given: object) -> str:
        """Return the code of the problem that a call ends with."""
        with pytest.raises(AssertionError) as raised:
            await self.call(name, *given)
        return str(raised.value)

    async def start(self, checkout: Checkout, **data: str) -> Any:
        """Open a payment, or take the open one up."""
        return await self.call("startPayment", checkout.id, data, "<memory>")

    async def follow(self, transaction_id: str) -> Any:
        """Ask until the outcome is certain."""
        return await self.call("follow", transaction_id, "<show>", "<pause>")


@pytest.fixture
def storefront(world: World, tmp_path: Path) -> Storefront:
    """Write the page's module out as it would stand in a storefront."""
    named = operations()
    exports = [f"export const {name}: string = {json.dumps(text)};\n" for name, text in named.items()]
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "operations.ts").write_text("".join(exports))
    (tmp_path / "storefront.ts").write_text("\n".join(blocks("ts")))
    (tmp_path / "drive.mjs").write_text(DRIVER)
    return Storefront(folder=tmp_path, api_url=world.saleor.config.api_url, gateway=world.settings.manifest_app_id)


@asynccontextmanager
async def app_out_of_reach(world: World) -> AsyncIterator[None]:
    """Lead Saleor's calls to a port where nobody listens."""
    app = world.saleor.store.apps[world.settings.manifest_app_id]
    there = app.webhooks
    app.webhooks = [replace(webhook, target_url="http://127.0.0.1:9/") for webhook in there]
    try:
        yield
    finally:
        app.webhooks = there


async def answered(world: World, status: str) -> None:
    """Wait until the app has answered a `transactionProcess` with that status."""
    await eventually(lambda: status in [answer["data"].get("status") for _, answer in world.answers()], PATIENCE_S)


async def test_a_payment_from_the_cart_to_the_order(world: World, storefront: Storefront) -> None:
    """Terms, form, payment page, return address, outcome and order, each by the page's own code."""
    checkout = world.saleor.create_checkout()
    assert {
        "available": True,
        "currency": "XOF",
        "minimumAmount": 5,
        "maximumAmount": None,
        "amountStep": 1,
        "phoneRequired": False,
        "environment": "live",
    } == await storefront.call("terms", checkout.id, "fr")
    opened = await storefront.start(checkout, returnUrl=f"{SHOP}/back?from=cinetpay", phoneNumber="+225 07 07 08 09 10")
    fields = opened["redirect"]["fields"]
    assert API_KEY == fields["apikey"]
    await storefront.call("leave", opened["redirect"], "<document>")
    assert [303] == storefront.posted

    following = asyncio.create_task(storefront.follow(opened["transactionId"]))
    await answered(world, "pending")
    await world.cinetpay.settle(fields["cpm_trans_id"], notify="never")
    done = await following
    assert {"outcome": "paid", "checkoutId": checkout.id, "orderNumber": None} == done
    assert "pending" == storefront.shown[0][0]
    assert "paid" == storefront.shown[-1][0]
    back = await world.http.post(fields["return_url"])
    assert 303 == back.status_code
    query = back.headers["location"].partition("?")[2]
    assert ["from=cinetpay", "status=accepted", "transaction="] == sorted(
        re.sub(r"(transaction=).*", r"\1", part) for part in query.split("&")
    )

    order = await storefront.call("complete", checkout.id)
    assert order == await storefront.call("complete", checkout.id), "completing again gives the same order"
    again = await storefront.follow(opened["transactionId"])
    assert {"outcome": "paid", "checkoutId": None, "orderNumber": order["number"]} == again


async def test_the_same_key_takes_the_payment_up_again(world: World, storefront: Storefront) -> None:
    """A second tab with the same memory gets the same form, and its link leads to a page that posts it."""
    checkout = world.saleor.create_checkout()
    opened = await storefront.start(checkout)
    assert opened == await storefront.start(checkout)
    assert 1 == len(world.saleor.transactions)
    page = await world.http.get(opened["paymentUrl"])
    assert (200, True) == (page.status_code, opened["redirect"]["fields"]["signature"] in page.text)


async def test_a_refusal_ends_the_attempt_and_a_new_key_begins_another(world: World, storefront: Storefront) -> None:
    """A refused payment is shown in the buyer's words, and the next start opens another transaction."""
    checkout = world.saleor.create_checkout()
    opened = await storefront.start(checkout, language="en")
    await storefront.call("leave", opened["redirect"], "<document>")
    await world.cinetpay.settle(opened["redirect"]["fields"]["cpm_trans_id"], "602", notify="never")
    refused = await storefront.follow(opened["transactionId"])
    assert "refused" == refused["outcome"]
    ((outcome, message),) = storefront.shown
    assert "refused" == outcome
    assert message is not None
    assert message.startswith("The balance of your account is too low")

    unprompted = await storefront.start(checkout)  # START_AGAIN, which the page's code answers by itself
    assert opened["transactionId"] != unprompted["transactionId"]
    await storefront.call("startAgain", checkout.id, "<memory>")
    third = await storefront.start(checkout)
    assert 3 == len({opened["transactionId"], unprompted["transactionId"], third["transactionId"]})


async def test_a_final_failure_without_data_is_told_from_a_made_up_one(world: World, storefront: Storefront) -> None:
    """A failure that Saleor made up leaves the payment pending; the app's own, repeated without data, is a refusal."""
    opened = await storefront.start(world.saleor.create_checkout())
    await storefront.call("leave", opened["redirect"], "<document>")
    trans_id = opened["redirect"]["fields"]["cpm_trans_id"]
    transaction = world.saleor.transactions[0]
    async with app_out_of_reach(world):
        following = asyncio.create_task(storefront.follow(opened["transactionId"]))
        await eventually(lambda: sum(e.type == "CHARGE_FAILURE" for e in transaction.events) > 2, PATIENCE_S)
    await world.cinetpay.settle(trans_id, notify="never")
    assert "paid" == (await following)["outcome"]
    assert [["pending", None]] * 3 == storefront.shown[:3]

    opened = await storefront.start(world.saleor.create_checkout())
    await storefront.call("leave", opened["redirect"], "<document>")
    await world.cinetpay.settle(opened["redirect"]["fields"]["cpm_trans_id"], "604")
    await world.reported(world.saleor.transactions[1], "CHARGE_FAILURE")
    assert "refused" == (await storefront.follow(opened["transactionId"]))["outcome"]
    assert [["pending", None], ["refused", None]] == storefront.shown


async def test_what_can_not_be_paid_has_its_code(world: World, storefront: Storefront) -> None:
    """Wrong data and a changed cart take a new key; where the app did not answer, the key is kept."""
    checkout = world.saleor.create_checkout()
    wrong = {"phoneNumber": "not a number"}
    assert "PHONE_NUMBER_INVALID" == await storefront.problem("startPayment", checkout.id, wrong, "<memory>")
    assert {} == storefront.memory
    async with app_out_of_reach(world):
        assert "NO_ANSWER" == await storefront.problem("startPayment", checkout.id, {}, "<memory>")
    (kept,) = storefront.memory.values()
    opened = await storefront.start(checkout)
    assert {kept, opened["transactionId"]} == set(storefront.memory.values())

    checkout.lines[0] = replace(checkout.lines[0], quantity=2)
    dearer = await storefront.start(checkout)
    assert opened["transactionId"] != dearer["transactionId"]
    assert ["12500", "25000"] == [o["redirect"]["fields"]["cpm_amount"] for o in (opened, dearer)]
    assert "NOT_FOUND" == await storefront.problem("follow", "VHJhbnNhY3Rpb25JdGVtOm5vbmU=", "<show>", "<pause>")


async def test_what_is_paid_is_not_paid_again(world: World, storefront: Storefront) -> None:
    """Who wants to pay a second time what is paid, in another tab perhaps, is led to the payment's page instead."""
    checkout = world.saleor.create_checkout()
    opened = await storefront.start(checkout)
    await world.cinetpay.open(opened["redirect"])
    await world.cinetpay.settle(opened["redirect"]["fields"]["cpm_trans_id"])
    await world.reported(world.saleor.transactions[0], "CHARGE_SUCCESS")
    assert {"transactionId": opened["transactionId"]} == await storefront.start(checkout)
    assert 1 == len(world.saleor.transactions)


async def test_a_suspect_payment_is_under_review(world: World, storefront: Storefront) -> None:
    """Where CinetPay's word does not match the payment, the page goes on asking until it does."""
    opened = await storefront.start(world.saleor.create_checkout())
    await storefront.call("leave", opened["redirect"], "<document>")
    trans_id = opened["redirect"]["fields"]["cpm_trans_id"]
    await world.cinetpay.show(trans_id, cpm_amount="5")
    await world.cinetpay.settle(trans_id, notify="never")
    following = asyncio.create_task(storefront.follow(opened["transactionId"]))
    await answered(world, "review")
    await world.cinetpay.show(trans_id)
    assert "paid" == (await following)["outcome"]
    assert "review" == storefront.shown[0][0]


async def test_a_part_is_paid(world: World, storefront: Storefront) -> None:
    """Where the cart has grown since, a charge of the old amount is a part, and the next payment asks for the rest."""
    checkout = world.saleor.create_checkout()
    opened = await storefront.start(checkout)
    await storefront.call("leave", opened["redirect"], "<document>")
    checkout.lines[0] = replace(checkout.lines[0], quantity=2)
    await world.cinetpay.settle(opened["redirect"]["fields"]["cpm_trans_id"])
    await world.reported(world.saleor.transactions[0], "CHARGE_SUCCESS")
    assert "partly paid" == (await storefront.follow(opened["transactionId"]))["outcome"]
    await storefront.call("startAgain", checkout.id, "<memory>")
    rest = await storefront.start(checkout)
    assert "12500" == rest["redirect"]["fields"]["cpm_amount"]
