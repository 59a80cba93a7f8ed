"""The buyer's ways through the app, and what Saleor holds afterwards."""

import asyncio
from secrets import token_hex

import pytest
from live_shop import PRICE
from live_world import LiveWorld
from sandbox_saleor_kit import TinyApp

from saleor_cinetpay.shops.in_step import StepsTaken

pytestmark = pytest.mark.asyncio(loop_scope="session")


def codes(data: object) -> list[str]:
    """Return the stable codes of an answer that says that there can be no payment."""
    assert isinstance(data, dict), data
    return [error["code"] for error in data["errors"]]


async def test_the_gateway_is_available(world: LiveWorld) -> None:
    """A storefront in a channel of CFA francs learns that mobile money is to be had, and within which limits."""
    config = await world.shop.gateway_initialize(await world.shop.checkout())
    assert ("XOF", True, 5, 1) == tuple(
        config["data"][name] for name in ("currency", "available", "minimumAmount", "amountStep")
    )


async def test_a_payment_becomes_an_order(world: LiveWorld) -> None:
    """Paid at CinetPay and told by notification: one charge of the whole amount, and an order that is fully charged."""
    checkout = await world.shop.checkout()
    transaction, trans_id = await world.at_cinetpay(checkout)
    assert "NONE" == await world.shop.checkout_status(checkout)
    await world.cinetpay.settle(trans_id)
    books = await world.shop.finals(transaction, "CHARGE_SUCCESS")
    assert (PRICE, 0, trans_id, ("REFUND",)) == (books.charged, books.charge_pending, books.reference, books.actions)
    assert {
        ("CHARGE_REQUEST", PRICE, trans_id),
        ("CHARGE_ACTION_REQUIRED", PRICE, trans_id),
        ("CHARGE_SUCCESS", PRICE, trans_id),
    } == set(books.lines())
    assert 3 == len(books.lines())
    assert "FULL" == await world.shop.checkout_status(checkout)
    order, errors = await world.shop.complete(checkout)
    assert () == errors
    assert order is not None
    assert ("FULL", PRICE) == await world.shop.order_status(order)


async def test_the_storefronts_question_finds_the_payment(world: LiveWorld) -> None:
    """Without any notification, process finds the payment accepted, tells the buyer, and Saleor holds it once."""
    transaction, trans_id = await world.at_cinetpay()
    pending = await world.shop.process(transaction)
    assert ("CHARGE_ACTION_REQUIRED", "pending", False) == (
        pending.type,
        pending.data["status"],
        pending.data["canRetry"],
    )
    await world.cinetpay.settle(trans_id, notify="never")
    paid = await world.shop.process(transaction)
    assert ("CHARGE_SUCCESS", "accepted") == (paid.type, paid.data["status"])
    await asyncio.sleep(2)  # the report of the same success is on its way, and must change nothing
    assert PRICE == (await world.shop.finals(transaction, "CHARGE_SUCCESS")).charged


@pytest.mark.parametrize("code", ["602", "627"])
async def test_a_refusal_is_a_failure(world: LiveWorld, code: str) -> None:
    """A refused payment is one failure with CinetPay's reason; the checkout stays unpaid and makes no order."""
    checkout = await world.shop.checkout()
    transaction, trans_id = await world.at_cinetpay(checkout)
    await world.cinetpay.settle(trans_id, code, notify="never")
    session = await world.shop.process(transaction)
    assert ("CHARGE_FAILURE", "refused", code) == (session.type, session.data["status"], session.data["code"])
    books = await world.shop.finals(transaction, "CHARGE_FAILURE")
    assert (0, trans_id) == (books.charged, books.events[0].reference)
    assert (None, ("CHECKOUT_NOT_FULLY_PAID",)) == await world.shop.complete(checkout)


async def test_after_a_refusal_a_new_payment(world: LiveWorld) -> None:
    """After a refusal the same key leads nowhere, a new key opens a new payment, and that one pays the cart."""
    checkout, key = await world.shop.checkout(), token_hex()
    transaction, trans_id = await world.at_cinetpay(checkout, key=key)
    await world.cinetpay.settle(trans_id, "604")
    await world.shop.finals(transaction, "CHARGE_FAILURE")
    again = await world.shop.initialize(checkout, key=key)
    assert ["START_AGAIN"] == codes(again.data)
    second, second_id = await world.at_cinetpay(checkout, key=token_hex())
    await world.cinetpay.settle(second_id)
    await world.shop.finals(second, "CHARGE_SUCCESS")
    assert "FULL" == await world.shop.checkout_status(checkout)


async def test_a_late_acceptance_counts(world: LiveWorld) -> None:
    """Refused, then approved on the phone after all: Saleor ends with the charge, whatever came first."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, "604")
    await world.shop.finals(transaction, "CHARGE_FAILURE")
    await world.cinetpay.settle(trans_id)
    assert PRICE == (await world.shop.finals(transaction, "CHARGE_FAILURE", "CHARGE_SUCCESS")).charged


async def test_pending_then_accepted(world: LiveWorld) -> None:
    """While the buyer has not confirmed there is no failure; once they have, the charge."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, "623")
    session = await world.shop.process(transaction)
    assert ("CHARGE_ACTION_REQUIRED", "pending", "623") == (session.type, session.data["status"], session.data["code"])
    await world.cinetpay.settle(trans_id, "00", notify="never")
    assert PRICE == (await world.shop.finals(transaction, "CHARGE_SUCCESS", within_s=60)).charged


async def test_duplicate_notifications(world: LiveWorld) -> None:
    """Five notifications at one instant are one charge."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="five")
    await world.shop.finals(transaction, "CHARGE_SUCCESS")
    await asyncio.sleep(2.5)  # the look after the last of them
    assert PRICE == (await world.shop.finals(transaction, "CHARGE_SUCCESS")).charged


@pytest.mark.parametrize("notify", ["once", "never"], ids=["reported", "answered"])
async def test_the_means_of_payment(world: LiveWorld, notify: str) -> None:
    """Saleor knows how it was paid, by the name that the Dashboard has a logo for, whoever tells it first."""
    if world.shop.minor < (3, 22):
        pytest.skip("this Saleor has no place for it")
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, operator="MOMO", notify=notify)
    if notify == "never":
        await world.shop.process(transaction)
    await world.shop.finals(transaction, "CHARGE_SUCCESS")
    assert "mtn_mobile_money" == await world.shop.means_of_payment(transaction)


async def test_a_closed_tab(world: LiveWorld) -> None:
    """The buyer pays and never comes back: the app makes the order."""
    await world.complete_after(1)
    try:
        transaction, trans_id = await world.at_cinetpay()
        await world.cinetpay.settle(trans_id)
        books = await world.shop.until(transaction, lambda books: books.order is not None, "an order", within_s=30)
    finally:
        await world.complete_after(None)
    assert books.order is not None
    assert ("FULL", PRICE) == await world.shop.order_status(books.order)


async def test_a_second_payment_of_one_cart(world: LiveWorld) -> None:
    """Two open payments of one cart, both paid: both are charged, the order says so, and a person is told."""
    checkout = await world.shop.checkout()
    first, first_id = await world.at_cinetpay(checkout)
    second, second_id = await world.at_cinetpay(checkout)
    await world.cinetpay.settle(first_id)
    await world.cinetpay.settle(second_id)
    await world.shop.finals(first, "CHARGE_SUCCESS")
    await world.shop.finals(second, "CHARGE_SUCCESS")
    order, _ = await world.shop.complete(checkout)
    assert order is not None
    assert ("OVERCHARGED", 2 * PRICE) == await world.shop.order_status(order)
    (installation,) = await world.app.house.installations.all()
    problems = await world.app.house.problems.open_of(installation.saleor_api_url)
    assert [second_id] == [p.trans_id for _, p in problems if p.trans_id in (first_id, second_id)]


async def test_an_order_is_paid(world: LiveWorld) -> None:
    """An order that exists already is paid like a checkout."""
    order = await world.shop.unpaid_order()
    transaction, trans_id = await world.at_cinetpay(order)
    await world.cinetpay.settle(trans_id)
    books = await world.shop.finals(transaction, "CHARGE_SUCCESS")
    assert order == books.order
    assert ("FULL", PRICE) == await world.shop.order_status(order)


async def test_an_authorization_is_charged(world: LiveWorld) -> None:
    """In a channel that asks for authorizations, CinetPay charges, and Saleor books a charge and no authorization."""
    transaction, trans_id = await world.at_cinetpay(await world.shop.checkout("authorization"))
    await world.cinetpay.settle(trans_id)
    books = await world.shop.finals(transaction, "CHARGE_SUCCESS")
    assert (PRICE, 0) == (books.charged, books.authorized)


@pytest.mark.real_saleor
async def test_another_currency(world: LiveWorld) -> None:
    """In a channel of US dollars the gateway is not available, and says why."""
    checkout = await world.shop.checkout("usd")
    config = await world.shop.gateway_initialize(checkout)
    assert (False, ["CURRENCY_NOT_SUPPORTED"]) == (config["data"]["available"], codes(config["data"]))
    session = await world.opened(checkout)
    assert ("CHARGE_FAILURE", ["CURRENCY_NOT_SUPPORTED"]) == (session.type, codes(session.data))


@pytest.mark.parametrize("amount", [0, 4])
async def test_too_small_an_amount(world: LiveWorld, amount: int) -> None:
    """Nothing, or less than CinetPay takes, is a failure with a code, and nothing is charged."""
    session = await world.opened(amount=amount)
    assert ("CHARGE_FAILURE", ["AMOUNT_TOO_LOW"]) == (session.type, codes(session.data))
    assert 0 == (await world.shop.books(session.transaction_id)).charged


async def test_a_part_of_the_amount(world: LiveWorld) -> None:
    """A buyer who pays a part is charged that part, and the checkout is not fully paid."""
    checkout = await world.shop.checkout()
    transaction, trans_id = await world.at_cinetpay(checkout, amount=700)
    await world.cinetpay.settle(trans_id)
    assert 700 == (await world.shop.finals(transaction, "CHARGE_SUCCESS")).charged
    assert "PARTIAL" == await world.shop.checkout_status(checkout)


async def test_the_same_key_is_the_same_payment(world: LiveWorld) -> None:
    """Asked again with the same key, the storefront gets the very same form."""
    checkout, key = await world.shop.checkout(), token_hex()
    first = await world.opened(checkout, key=key)
    again = await world.opened(checkout, key=key)
    assert (first.transaction, first.data) == (again.transaction, again.data)


async def test_the_app_is_stopped_and_started(world: LiveWorld) -> None:
    """What was paid while the app was away reaches Saleor once it is back."""
    transaction, trans_id = await world.at_cinetpay()
    await world.app.stop()
    try:
        await world.cinetpay.settle(trans_id, notify="never")
        away = await world.shop.process(transaction)
        assert "CHARGE_FAILURE" == away.type
    finally:
        await world.app.start()
    assert PRICE == (await world.shop.until(transaction, lambda b: b.charged, "a charge", within_s=60)).charged


async def test_a_reinstalled_app(world: LiveWorld) -> None:
    """After deletion and a new installation, payments from before go on, and new ones are taken."""
    before, before_id = await world.at_cinetpay()
    await world.shop.uninstall()
    await world.cinetpay.settle(before_id, notify="never")
    await world.shop.install(f"{world.app_url}/api/manifest")
    assert PRICE == (await world.shop.until(before, lambda b: b.charged, "a charge", within_s=60)).charged
    after, after_id = await world.at_cinetpay()
    await world.cinetpay.settle(after_id)
    await world.shop.finals(after, "CHARGE_SUCCESS")


async def test_another_app_of_the_same_saleor_can_not_take_our_place(world: LiveWorld, tiny: TinyApp) -> None:
    """Its token is a live one of that Saleor, with the same permission; it is refused, and payments go on."""
    headers = {"Saleor-Api-Url": world.shop.api_url}
    refused = await world.shop.http.post(
        f"{world.app_url}/api/register", json={"auth_token": tiny.tokens[-1]}, headers=headers
    )
    assert (403, "OTHER_APP") == (refused.status_code, refused.json()["error"]["code"])
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id)
    await world.shop.finals(transaction, "CHARGE_SUCCESS")


async def test_webhooks_come_in_step_after_an_upgrade(world: LiveWorld) -> None:
    """What an older version of the app has left is changed by the app itself, and payments go on."""
    fresh, name = await world.shop.queries(), "transaction-process-session"
    await world.shop.spoil_webhook(name, "subscription { event { ... on TransactionProcessSession { __typename } } }")
    assert fresh != await world.shop.queries()
    (installation,) = await world.app.house.installations.all()
    left = StepsTaken(saleor_api_url=installation.saleor_api_url, fingerprint="of an older version")
    await world.app.house.upkeep.look(left)
    assert fresh == await world.shop.queries()
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="never")
    assert "CHARGE_SUCCESS" == (await world.shop.process(transaction)).type


@pytest.mark.real_saleor
async def test_saleor_completes_by_itself(world: LiveWorld) -> None:
    """In a channel with automatic completion Saleor makes the order; where an old one tries too early, the app does."""
    # Before 3.22 Saleor tries once, as soon as it is told of the money, and at times finds it not yet in its own books.
    await world.complete_after(5 if world.shop.minor < (3, 22) else None)
    try:
        transaction, trans_id = await world.at_cinetpay(await world.shop.checkout("automatic"))
        await world.cinetpay.settle(trans_id)
        books = await world.shop.until(transaction, lambda books: books.order is not None, "an order", within_s=150)
    finally:
        await world.complete_after(None)
    assert books.order is not None
    assert ("FULL", PRICE) == await world.shop.order_status(books.order)
