"""What staff ask after a payment: refunds, paid back or declined, and cancelations; and what Saleor holds of them."""

import pytest
from live_shop import PRICE, Books
from live_world import LiveWorld

from saleor_cinetpay.payments.problems import ProblemKind

pytestmark = pytest.mark.asyncio(loop_scope="session")

STAFF = "awa@shop.example"


async def paid(world: LiveWorld) -> tuple[str, str]:
    """Take a payment; return Saleor's transaction and CinetPay's trans id."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id)
    await world.shop.finals(transaction, "CHARGE_SUCCESS")
    return transaction, trans_id


async def waiting(world: LiveWorld, transaction: str, amount: int) -> str:
    """Have staff ask for a refund, and wait until Saleor waits for it; return the refund's reference."""
    assert () == await world.shop.request_action(transaction, "REFUND", amount)
    books = await world.shop.until(transaction, lambda b: b.refund_pending == amount, "a waiting refund", within_s=30)
    return next(event.reference for event in books.events if event.type == "REFUND_REQUEST")


async def shop_url(world: LiveWorld) -> str:
    """Return how the app spells the shop's address."""
    (installation,) = await world.app.house.installations.all()
    return installation.saleor_api_url


def sums(books: Books) -> tuple[int, int, int]:
    """Return what is charged, refunded, and waiting."""
    return books.charged, books.refunded, books.refund_pending


async def test_a_refund_that_is_paid_back(world: LiveWorld) -> None:
    """Asked for, it waits in Saleor and in the app; paid back by hand and said so, Saleor holds it refunded."""
    transaction, _ = await paid(world)
    reference = await waiting(world, transaction, 5000)
    assert (PRICE - 5000, 0, 5000) == sums(await world.shop.books(transaction))
    await world.app.house.refund_decisions.pay_back(await shop_url(world), reference, by=STAFF, note="T-1")
    world.app.house.worker.wake()
    books = await world.shop.until(transaction, lambda b: b.refunded == 5000, "5000 refunded", within_s=30)
    assert (PRICE - 5000, 5000, 0) == sums(books)
    assert [("REFUND_SUCCESS", 5000, reference)] == [line for line in books.lines() if line[0] == "REFUND_SUCCESS"]


async def test_a_refund_that_is_declined(world: LiveWorld) -> None:
    """Declined, Saleor holds the charge as before, and the whole can be asked for again."""
    transaction, _ = await paid(world)
    reference = await waiting(world, transaction, PRICE)
    await world.app.house.refund_decisions.decline(await shop_url(world), reference, by=STAFF, note="worn")
    world.app.house.worker.wake()
    books = await world.shop.until(transaction, lambda b: b.refund_pending == 0, "nothing waiting", within_s=30)
    assert (PRICE, 0, 0) == sums(books)
    assert await waiting(world, transaction, PRICE) != reference


async def test_two_refunds_of_one_payment(world: LiveWorld) -> None:
    """Two requests have two references, and each is decided for itself."""
    transaction, _ = await paid(world)
    first = await waiting(world, transaction, 3000)
    assert () == await world.shop.request_action(transaction, "REFUND", 4000)
    books = await world.shop.until(transaction, lambda b: b.refund_pending == 7000, "both waiting", within_s=30)
    (second,) = {event.reference for event in books.events if event.type == "REFUND_REQUEST"} - {first}
    url = await shop_url(world)
    await world.app.house.refund_decisions.pay_back(url, second, by=STAFF, note="T-2")
    await world.app.house.refund_decisions.decline(url, first, by=STAFF, note="no")
    world.app.house.worker.wake()
    books = await world.shop.until(
        transaction, lambda b: (b.refunded, b.refund_pending) == (4000, 0), "both decided", within_s=30
    )
    assert PRICE - 4000 == books.charged


async def test_a_cancelation(world: LiveWorld) -> None:
    """Nobody has paid: it succeeds; where the buyer pays all the same, that is charged and a person is told."""
    transaction, trans_id = await world.at_cinetpay()
    assert () == await world.shop.request_action(transaction, "CANCEL")
    await world.shop.until(
        transaction, lambda b: any(e.type == "CANCEL_SUCCESS" for e in b.events), "the cancelation", within_s=30
    )
    await world.cinetpay.settle(trans_id)
    books = await world.shop.until(transaction, lambda b: b.charged == PRICE, "the charge", within_s=60)
    assert PRICE == books.charged
    problems = await world.app.house.problems.open_of(await shop_url(world))
    assert [ProblemKind.PAID_AFTER_CANCELATION] == [p.kind for _, p in problems if p.trans_id == trans_id]


async def test_a_cancelation_of_what_is_paid(world: LiveWorld) -> None:
    """CinetPay has the money already: the cancelation fails, and the charge stands."""
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="never")
    assert () == await world.shop.request_action(transaction, "CANCEL")
    books = await world.shop.until(
        transaction, lambda b: any(e.type == "CANCEL_FAILURE" for e in b.events), "the failure", within_s=30
    )
    books = await world.shop.until(transaction, lambda b: b.charged == PRICE, "the charge", within_s=60)
    assert "CANCEL_SUCCESS" not in [event.type for event in books.events]
