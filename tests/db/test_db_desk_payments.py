"""What staff find: a shop's payments by page, by filter and by search, never another shop's."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from fakes import NOON
from payments_kit import SECRETS, SHOP, Heart, a_payment, an_order, trans_id
from plans_kit import plan_of
from sqlalchemy import update

from saleor_cinetpay.cinetpay import PhoneNumber
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.books import Books
from saleor_cinetpay.payments.desk_payments import Cursor, DeskPayments, Filters
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.nudges import Nudge, Nudges
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.report import ReportState, ReportType
from saleor_cinetpay.payments.tables import payments, reports

ELSEWHERE = "https://other.example/graphql/"
ALL = Filters()


async def hold(heart: Heart, number: int, **changes: Any) -> None:
    """Write the n-th payment down, opened that many minutes after noon unless said otherwise."""
    payment = a_payment(number, **{"opened_at": NOON + timedelta(minutes=number % 100)} | changes)
    await heart.ledger.open(payment, Event(kind="opened"))


async def listed(database: Database, **filters: Any) -> list[str]:
    page = await DeskPayments(database).page(SHOP, Filters(**filters))
    return [payment.trans_id for payment in page.payments]


def ids(*numbers: int) -> list[str]:
    return [trans_id(number) for number in numbers]


async def test_pages_lead_to_each_other(heart: Heart, database: Database) -> None:
    """Pages follow each other from new to old and back, without a gap or a repeat, also among equal times."""
    for number in range(1, 8):
        await hold(heart, number, opened_at=NOON + timedelta(minutes=number // 3))
    desk = DeskPayments(database)
    everything = [p.trans_id for p in (await desk.page(SHOP, ALL)).payments]
    first = await desk.page(SHOP, ALL, size=3)
    second = await desk.page(SHOP, ALL, first.older, size=3)
    third = await desk.page(SHOP, ALL, second.older, size=3)
    back = await desk.page(SHOP, ALL, third.newer, size=3)
    foremost = await desk.page(SHOP, ALL, back.newer, size=3)
    assert everything == [p.trans_id for page in (first, second, third) for p in page.payments]
    assert (second.payments, first.payments) == (back.payments, foremost.payments)
    assert (None, None, None) == (first.newer, third.older, foremost.newer)


def test_a_cursor_is_read_back() -> None:
    """A cursor survives its way through an address; anything else is none."""
    cursor = Cursor(opened_at=NOON, trans_id=trans_id(), newer=True)
    assert cursor == Cursor.parse(str(cursor))
    assert [None] * 4 == [Cursor.parse(written) for written in ("", "x", "bmV3ZXJ-eH55", "é")]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"state": PaymentState.REFUSED}, [3]),
        ({"channel": "dakar"}, [2]),
        ({"operator": "WAVE"}, [2]),
        ({"first_day": date(2026, 3, 5)}, [3]),
        ({"last_day": date(2026, 3, 4)}, [2, 1]),
        ({"state": PaymentState.PENDING, "operator": "WAVE", "last_day": date(2026, 3, 4)}, [2]),
        ({"state": PaymentState.ACCEPTED}, []),
    ],
    ids=str,
)
async def test_filters_narrow_the_list(
    heart: Heart, database: Database, filters: dict[str, Any], found: list[int]
) -> None:
    """State, channel, operator and days narrow the list, each alone and together; days are UTC and inclusive."""
    await hold(heart, 1, channel="abidjan")
    await hold(heart, 2, channel="dakar", operator="WAVE")
    await hold(heart, 3, state=PaymentState.REFUSED, opened_at=NOON + timedelta(hours=12))
    assert ids(*found) == await listed(database, **filters)
    assert len(found) == await DeskPayments(database).count(SHOP, Filters(**filters))


@pytest.mark.parametrize(
    "search",
    [
        trans_id(7),
        trans_id(7).lower(),
        trans_id(7)[:25],
        "P7",
        "1042",
        "#1042",
        "Awa@Example.com",
        "0042",
        "+225 07 00 00 00 42",
        "0700000042",
    ],
)
async def test_a_search_finds_the_payment(heart: Heart, database: Database, search: str) -> None:
    """Trans id (or its beginning), payid, order number, e-mail address and last digits of the phone find it."""
    phone = PhoneNumber(prefix="225", number="0700000042")
    await hold(heart, 1 << 120)
    await hold(
        heart,
        7,
        payid="P7",
        order_id="T3JkZXI6MQ==",
        order_number="1042",
        buyer_email="awa@example.com",
        fields=replace(a_payment(7).fields, phone=phone),
    )
    await hold(heart, 8, saleor_api_url=ELSEWHERE, payid="P7", order_number="1042", buyer_email="awa@example.com")
    assert ids(7) == await listed(database, search=search)


@pytest.mark.parametrize("search", ["1", "eve@example.com", "%", "'; DROP TABLE payments; --", "9" * 200])
async def test_a_search_for_what_is_not_there(heart: Heart, database: Database, search: str) -> None:
    """Anything else finds nothing."""
    await hold(heart, 7, payid="P7", order_number="1042", buyer_email="awa@example.com")
    assert [] == await listed(database, search=search)


async def test_another_shops_payments_do_not_exist(heart: Heart, database: Database) -> None:
    """Nothing of another shop is listed, counted, exported or found."""
    await hold(heart, 1, saleor_api_url=ELSEWHERE, channel="abidjan", order_id="T3JkZXI6MQ==")
    desk = DeskPayments(database)
    assert [] == await listed(database)
    assert [] == await listed(database, search=trans_id(1))
    assert 0 == await desk.count(SHOP, ALL)
    assert [] == [payment async for payment in desk.every(SHOP, ALL)]
    assert [] == await desk.channels(SHOP)
    assert [] == await desk.of_order(SHOP, "T3JkZXI6MQ==")
    assert [] == await desk.among(SHOP, ids(1))


async def test_an_orders_payments_are_found_by_the_order(heart: Heart, database: Database) -> None:
    """However many payments the shop has, those of one order are not looked for among all of them."""
    await hold(heart, 1, order_id="T3JkZXI6MQ==")
    plan = await plan_of(database, DeskPayments(database).of_order(SHOP, "T3JkZXI6MQ=="))
    assert (True, False) == ("ix_payments_order_id" in plan, "ix_payments_figures" in plan), plan


async def test_channels_are_each_named_once(heart: Heart, database: Database) -> None:
    """The channels that payments came from are listed once, in their order; payments without one don't matter."""
    for number, channel in enumerate(["dakar", "abidjan", None, "dakar"], start=1):
        await hold(heart, number, channel=channel)
    assert ["abidjan", "dakar"] == await DeskPayments(database).channels(SHOP)


async def test_counting_has_a_bound(heart: Heart, database: Database) -> None:
    """Beyond a bound payments are not counted any more."""
    for number in range(1, 6):
        await hold(heart, number)
    assert 3 == await DeskPayments(database).count(SHOP, ALL, bound=2)


async def test_the_order_is_learned_when_the_checkout_has_become_one(heart: Heart, database: Database) -> None:
    """An order's number that is noted finds the payment, and a later look at the payment leaves it alone."""
    await heart.open(source=an_order())
    async with database.write() as connection:
        await connection.execute(update(payments).values(order_id="T3JkZXI6OQ==", order_number="77"))
    heart.world.cinetpay.pays(trans_id())
    heart.world.clock.turn(5)
    await heart.work_off()
    assert ids(1) == await listed(database, search="77", state=PaymentState.ACCEPTED)


async def _reports(database: Database) -> list[tuple[ReportType, ReportState, int]]:
    return [(r.type, r.state, r.attempts) for r in await DeskPayments(database).reports_of(trans_id())]


async def test_a_person_has_saleor_told_again(heart: Heart, database: Database) -> None:
    """A delivered success is delivered once more when a person says so, and who it was is recorded."""
    await heart.open()
    heart.world.cinetpay.pays(trans_id())
    heart.world.clock.turn(5)
    await heart.work_off()
    books = Books(database, SECRETS, heart.world.clock)
    assert [(ReportType.CHARGE_SUCCESS, ReportState.DELIVERED, 1)] == await _reports(database)
    assert await books.report_at_once(trans_id(), by="awa@example.com")
    await heart.work_off()
    assert [(ReportType.CHARGE_SUCCESS, ReportState.DELIVERED, 2)] == await _reports(database)
    assert {"by": "awa@example.com"} in [e.detail for _, e in await heart.ledger.history(trans_id())]


async def test_there_is_nothing_to_tell_of_an_open_payment(heart: Heart, database: Database) -> None:
    """A payment that has not come to its end has nothing to be told again; nor has one that is not there."""
    await heart.open()
    books = Books(database, SECRETS, heart.world.clock)
    assert not await books.report_at_once(trans_id(), by="awa@example.com")
    assert not await books.report_at_once(trans_id(9), by="awa@example.com")


async def test_a_failure_is_not_told_again_after_an_acceptance(heart: Heart, database: Database) -> None:
    """Once a payment is accepted, only its success is told again, never the failure from before."""
    await heart.open()
    async with database.write() as connection:
        await connection.execute(update(payments).values(state=PaymentState.ACCEPTED, due_at=None))
        failure = {
            "trans_id": trans_id(),
            "transaction_id": "x",
            "saleor_api_url": SHOP,
            "type": ReportType.CHARGE_FAILURE,
            "psp_reference": trans_id(),
            "amount": 5000,
            "currency": "XOF",
            "time": NOON,
            "message": "",
            "state": ReportState.DELIVERED,
            "attempts": 1,
            "created_at": NOON,
        }
        await connection.execute(reports.insert().values(failure))
    books = Books(database, SECRETS, heart.world.clock)
    assert not await books.report_at_once(trans_id(), by="awa@example.com")
    assert [(ReportType.CHARGE_FAILURE, ReportState.DELIVERED, 1)] == await _reports(database)


async def test_a_notification_is_told_with_the_look_that_follows(heart: Heart, database: Database) -> None:
    """Notifications leave no row of their own; the next look tells when the first of them came, once."""
    payment = await heart.open()
    heart.world.clock.turn(1)
    for _ in range(3):
        await Nudges(database, heart.world.clock).take([Nudge(payment.trans_id, payment.account_key)])
    first = heart.world.clock.now()
    await heart.work_off()
    heart.world.clock.turn(60)
    await heart.work_off()
    looks = [e.detail for _, e in await heart.ledger.history(trans_id()) if e.kind == "looked_up"]
    assert [(3, first.isoformat()), (0, None)] == [(look["hints"], look.get("notified_at")) for look in looks[:2]]


async def test_a_look_tells_who_wanted_it(heart: Heart, database: Database) -> None:
    """A look that a person asked for is recorded with the person."""
    await heart.open()
    await heart.settlement.settle(trans_id(), trigger="person", wait_s=5, by="awa@example.com")
    look = next(e.detail for _, e in await heart.ledger.history(trans_id()) if e.kind == "looked_up")
    assert ("person", "awa@example.com") == (look["trigger"], look["by"])
