"""The desk's payments over HTTP: the list, the file, a payment's page, and what can be done about it."""

import asyncio
import csv
import io
import re
import time

import httpx2 as httpx
import pytest
from app_kit import World
from desk_kit import Staff, heading, plain
from sqlalchemy import select, update

from saleor_cinetpay.payments.tables import payment_events, payments
from saleor_cinetpay.sandbox.saleor.faults import FaultKind
from saleor_cinetpay.sandbox.saleor.records import Checkout, Order, Transaction

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_S = 8.0
OTHER_SHOP = "https://other.example/graphql/"
AMOUNT = "12,500\u00a0F\u00a0CFA"


async def _suspect(world: World, amount: str = "100") -> tuple[Transaction, str]:
    """Have CinetPay say that another amount was paid than was asked for."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.show(trans_id, cpm_amount=amount)
    await world.cinetpay.settle(trans_id, notify="never")
    await world.saleor.process(transaction)
    assert "suspect" == await world.state(trans_id)
    return transaction, trans_id


async def _paid(world: World) -> tuple[Transaction, str]:
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id)
    await world.reported(transaction, "CHARGE_SUCCESS")
    return transaction, trans_id


def _ordered(world: World, transaction: Transaction) -> Order:
    """Let the paid checkout become an order."""
    assert isinstance(transaction.source, Checkout)
    order = world.saleor.complete_checkout(transaction.source).order
    assert order is not None
    return order


async def _delivered(world: World, trans_id: str, *, times: int) -> None:
    """Wait until the ledger knows that Saleor has taken a payment's report so often."""
    deliveries = select(payment_events.c.id).where(
        payment_events.c.trans_id == trans_id, payment_events.c.kind == "report_delivered"
    )
    count, deadline = 0, time.monotonic() + PATIENCE_S
    while count < times:
        assert time.monotonic() < deadline, f"delivered {count} times"
        await asyncio.sleep(0.02)
        async with world.house.database.read() as connection:
            count = len((await connection.execute(deliveries)).all())


def _rows(reply: httpx.Response, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(reply.content.decode("utf-8-sig")), delimiter=delimiter))


async def test_the_list_shows_payments_in_words(world: World) -> None:
    """Each line has the amount, how it stands in words, the operator's name and the buyer's address."""
    _, trans_id = await _paid(world)
    words = plain((await Staff(world=world).gets(f"/payments?q={trans_id}")).text)
    assert f"{trans_id} buyer@example.com Paid Orange Money {AMOUNT.replace(chr(160), ' ')}" in words
    assert "1 payment" in words


async def test_a_search_for_nothing(world: World) -> None:
    """A search that finds nothing says so and keeps what was typed."""
    reply = await Staff(world=world).gets("/payments?q=%3Cb%3Enobody%40example.com")
    assert "No payment is like that." in plain(reply.text)
    assert 'value="&lt;b&gt;nobody@example.com"' in reply.text


async def test_a_date_that_is_none(world: World) -> None:
    """A wrong date is said beside its field; the other filters count and nothing typed is lost."""
    reply = await Staff(world=world).gets("/payments?from=2026-02-31&state=refused")
    assert 422 == reply.status_code
    assert re.search(r'id="e-from">This is no date', reply.text)
    assert 'value="2026-02-31"' in reply.text
    assert '<option value="refused" selected>' in reply.text


@pytest.mark.parametrize("query", ["at=nonsense", "state=nonsense", "channel=nonsense", "from=", "q=%00", "page=9"])
async def test_an_address_with_nonsense(world: World, query: str) -> None:
    """Whatever stands in an address, the page comes."""
    assert 200 == (await Staff(world=world).gets(f"/payments?{query}")).status_code


@pytest.mark.parametrize(("language", "delimiter", "state"), [("en", ",", "Paid"), ("fr", ";", "Payé")])
async def test_the_file(world: World, language: str, delimiter: str, state: str) -> None:
    """The file has one line for each payment, as a spreadsheet of that language reads it."""
    _, trans_id = await _paid(world)
    reply = await Staff(world=world, language=language).gets(f"/payments.csv?q={trans_id}")
    headings, line = _rows(reply, delimiter)
    assert ("text/csv; charset=utf-8", len(headings)) == (reply.headers["content-type"], len(line))
    assert reply.headers["content-disposition"].startswith('attachment; filename="cinetpay-payments-')
    assert [trans_id, state, "12500", "XOF", "Orange Money"] == [line[0], line[2], *line[3:6]]


@pytest.mark.parametrize("email", ["=cmd|'/c calc'!a0@x.example", "+1@x.example", "-1@x.example", "@sum(a1)@x.example"])
async def test_the_file_holds_no_formula(world: World, email: str) -> None:
    """What a buyer has chosen can't become a formula in staff's spreadsheet."""
    _, trans_id = await world.at_cinetpay()
    async with world.house.database.write() as connection:
        await connection.execute(update(payments).where(payments.c.trans_id == trans_id).values(buyer_email=email))
    _, line = _rows(await Staff(world=world).gets(f"/payments.csv?q={trans_id}"), ",")
    assert f"'{email}" == line[10]


async def test_a_payments_page(world: World) -> None:
    """The page tells the story in words, and nothing secret stands on it."""
    _, trans_id = await world.at_cinetpay(phoneNumber="0700000042", phonePrefix="225")
    await world.cinetpay.settle(trans_id, "602", notify="never")
    await Staff(world=world).posts(f"/payments/{trans_id}/look")
    reply = await Staff(world=world).gets(f"/payments/{trans_id}")
    words = plain(reply.text)
    assert "awa@example.com · Asked CinetPay because somebody of the shop asked: not paid" in words
    assert "The buyer's account does not hold enough money." in words
    payment = await world.house.ledger.find(trans_id)
    assert payment is not None
    assert payment.signature is not None
    for secret in ("sandbox-api-key-not-secret", payment.signature.get_secret_value(), "0700000042"):
        assert secret not in reply.text


@pytest.mark.parametrize("action", ["", "/look", "/report", "/accept", "/refuse"])
async def test_another_shops_payment_is_not_there(world: World, action: str) -> None:
    """Of another shop's payment nothing can be seen and nothing can be done."""
    transaction, trans_id = await _suspect(world)
    async with world.house.database.write() as connection:
        await connection.execute(
            update(payments).where(payments.c.trans_id == trans_id).values(saleor_api_url=OTHER_SHOP)
        )
    address = f"/payments/{trans_id}{action}"
    staff = Staff(world=world)
    reply = await (staff.posts(address, {"held": "100"}) if action else staff.gets(address))
    assert (404, "There is nothing here") == (reply.status_code, heading(reply))
    assert "suspect" == await world.state(trans_id)
    assert [] == [e for e in transaction.events if e.type.endswith(("SUCCESS", "FAILURE"))]


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [
        ("00", "CinetPay says: paid.", "success"),
        ("604", "CinetPay says: not paid.", "info"),
        (None, "CinetPay says: still open.", "info"),
    ],
)
async def test_looking_now(world: World, code: str | None, text: str, status: str) -> None:
    """A look asks CinetPay at once and says what came of it."""
    _, trans_id = await world.at_cinetpay()
    if code:
        await world.cinetpay.settle(trans_id, code, notify="never")
    before = await world.cinetpay.calls("checkPayStatus")
    reply = await Staff(world=world).posts(f"/payments/{trans_id}/look")
    assert {"to": f"/dashboard/payments/{trans_id}", "notice": {"text": text, "status": status}} == reply.json()
    assert before + 1 == await world.cinetpay.calls("checkPayStatus")


async def test_looking_while_cinetpay_is_away(world: World) -> None:
    """A look that meets no answer says so; the payment goes on."""
    _, trans_id = await world.at_cinetpay()
    await world.cinetpay.fail("down")
    reply = await Staff(world=world).posts(f"/payments/{trans_id}/look")
    assert "CinetPay did not answer. The app asks again by itself." == reply.json()["notice"]["text"]


async def test_accepting_what_cinetpay_holds(world: World) -> None:
    """A person accepts a suspect payment: Saleor is told of exactly what CinetPay holds, and who it was is recorded."""
    transaction, trans_id = await _suspect(world)
    page = await Staff(world=world).gets(f"/payments/{trans_id}")
    assert "CinetPay says that another amount was paid than the one that was asked for." in plain(page.text)
    reply = await Staff(world=world).posts(f"/payments/{trans_id}/accept", {"held": "100"})
    assert "Decided: paid. Saleor is being told." == reply.json()["notice"]["text"]
    (success,) = await world.reported(transaction, "CHARGE_SUCCESS")
    assert 100 == success.amount.amount
    page = await Staff(world=world).gets(f"/payments/{trans_id}")
    assert "awa@example.com · Decided: paid" in plain(page.text)


async def test_refusing(world: World) -> None:
    """A person refuses a suspect payment: Saleor is told of a failure."""
    transaction, trans_id = await _suspect(world)
    await Staff(world=world).posts(f"/payments/{trans_id}/refuse")
    await world.reported(transaction, "CHARGE_FAILURE")
    assert "refused" == await world.state(trans_id)


async def test_two_decide_at_once(world: World) -> None:
    """The second of two people is told that somebody was faster, and sees how the payment stands now."""
    transaction, trans_id = await _suspect(world)
    await Staff(world=world).posts(f"/payments/{trans_id}/refuse")
    reply = await Staff(world=world, email="koffi@example.com").posts(f"/payments/{trans_id}/accept", {"held": "100"})
    assert 409 == reply.status_code
    assert "Somebody else has decided meanwhile" in plain(reply.text) or "has changed meanwhile" in plain(reply.text)
    await world.reported(transaction, "CHARGE_FAILURE")


async def test_deciding_on_an_amount_that_has_changed(world: World) -> None:
    """Whoever accepts another amount than CinetPay holds by now has to read the page again."""
    transaction, trans_id = await _suspect(world)
    reply = await Staff(world=world).posts(f"/payments/{trans_id}/accept", {"held": "12500"})
    assert 409 == reply.status_code
    assert "CinetPay's answer has changed meanwhile." in plain(reply.text)
    assert ("suspect", []) == (
        await world.state(trans_id),
        [e for e in transaction.events if e.type.endswith("SUCCESS")],
    )


async def test_telling_saleor_again(world: World) -> None:
    """A report is delivered once more when a person says so; Saleor knows it already, so nothing changes there."""
    transaction, trans_id = await _paid(world)
    await _delivered(world, trans_id, times=1)
    reply = await Staff(world=world).posts(f"/payments/{trans_id}/report")
    assert "Saleor is being told now." == reply.json()["notice"]["text"]
    world.house.worker.wake()
    await _delivered(world, trans_id, times=2)
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_the_order_is_named_and_found(world: World) -> None:
    """Once the paid checkout is an order, the payment's page names it and leads to it, and its number finds it."""
    transaction, trans_id = await _paid(world)
    order = _ordered(world, transaction)
    page = await Staff(world=world).gets(f"/payments/{trans_id}")
    assert f"Order {order.number} Paid" == heading(page)
    assert 'data-dashboard="/orders/' in page.text
    found = await Staff(world=world).gets(f"/payments?q={order.number}")
    assert f"/dashboard/payments/{trans_id}" in found.text


async def test_beside_an_order(world: World) -> None:
    """Beside an order stand its payments, with no navigation; an order without any says so."""
    transaction, trans_id = await _paid(world)
    order = _ordered(world, transaction)
    reply = await Staff(world=world).gets(f"/beside/order?orderId={order.id}")
    words = plain(reply.text)
    assert f"{AMOUNT.replace(chr(160), ' ')} Paid" in words
    assert trans_id in words
    assert "<nav" not in reply.text
    nothing = await Staff(world=world).gets("/beside/order?orderId=T3JkZXI6MA==")
    assert "No payment through CinetPay is known for this order." in plain(nothing.text)


async def test_beside_an_order_while_saleor_is_away(world: World) -> None:
    """Where Saleor does not answer, what is known is shown, and that there may be more."""
    transaction, trans_id = await _paid(world)
    order = _ordered(world, transaction)
    await Staff(world=world).gets(f"/beside/order?orderId={order.id}")
    world.saleor.faults.set(FaultKind.UNAVAILABLE, seconds=30)
    reply = await Staff(world=world).gets(f"/beside/order?orderId={order.id}")
    world.saleor.faults.lift()
    words = plain(reply.text)
    assert trans_id in words
    assert "Saleor did not say which payments this order has; there may be more." in words
