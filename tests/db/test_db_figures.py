"""A shop's figures: what is counted, on which day, and by which index, on both engines."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from fakes import NOON
from payments_kit import SECRETS, SHOP, Heart, a_payment
from plans_kit import plan_of
from sqlalchemy import insert

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.figures import Count, FiguresOfShops, Tally
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.rows import row_of
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.shops.accounts import Environment

MIDNIGHT = datetime(2026, 3, 4, tzinfo=UTC)
NOTHING = Tally(by_state={}, accepted_by_operator={})


async def opened(heart: Heart, number: int, state: PaymentState, **changes: Any) -> None:
    """Write a payment down in that state."""
    await heart.write(a_payment(number, state=state, **changes))


async def test_payments_are_counted_by_day_state_and_operator(heart: Heart, database: Database) -> None:
    """Each payment counts on the day on which it was opened, with its amount, and the accepted ones by operator."""
    await opened(heart, 1, PaymentState.ACCEPTED, operator="OM")
    await opened(heart, 2, PaymentState.ACCEPTED, operator="WAVE", opened_at=MIDNIGHT)
    await opened(heart, 3, PaymentState.ACCEPTED, operator="OM")
    await opened(heart, 4, PaymentState.REFUSED, operator="OM")
    await opened(heart, 5, PaymentState.PENDING, opened_at=MIDNIGHT - timedelta(microseconds=1))
    await opened(heart, 6, PaymentState.SUSPECT, operator=None, opened_at=NOON - timedelta(days=29))
    figures = await FiguresOfShops(database).of(SHOP, NOON)
    assert figures.today == Tally(
        by_state={
            PaymentState.ACCEPTED: Count(number=3, amount=15000),
            PaymentState.REFUSED: Count(number=1, amount=5000),
        },
        accepted_by_operator={"OM": Count(number=2, amount=10000), "WAVE": Count(number=1, amount=5000)},
    )
    busy = {day: tally for day, tally in figures.days.items() if tally != NOTHING}
    assert {
        date(2026, 2, 3): Tally(by_state={PaymentState.SUSPECT: Count(number=1, amount=5000)}, accepted_by_operator={}),
        date(2026, 3, 3): Tally(by_state={PaymentState.PENDING: Count(number=1, amount=5000)}, accepted_by_operator={}),
        date(2026, 3, 4): figures.today,
    } == busy
    assert [date(2026, 2, 3) + timedelta(days=number) for number in range(30)] == list(figures.days)
    assert Decimal("0.75") == figures.total.success_rate
    assert Count(number=1, amount=5000) == figures.total.of(PaymentState.SUSPECT)


async def test_what_is_no_payment_of_these_days_is_not_counted(heart: Heart, database: Database) -> None:
    """Other shops' payments, unsigned ones and older ones are left out; test payments too, and their number is told."""
    await opened(heart, 1, PaymentState.ACCEPTED, saleor_api_url="https://other.example/graphql/")
    await opened(heart, 2, PaymentState.OPENING)
    await opened(heart, 3, PaymentState.ACCEPTED, opened_at=MIDNIGHT - timedelta(days=29, microseconds=1))
    await opened(heart, 4, PaymentState.ACCEPTED, environment=Environment.TEST)
    figures = await FiguresOfShops(database).of(SHOP, NOON)
    assert (NOTHING, None, 1) == (figures.total, figures.total.success_rate, figures.tests)


async def test_a_shop_knows_its_first_real_acceptance(heart: Heart, database: Database) -> None:
    """Neither a refused payment, nor one of a test account, nor another shop's is a first acceptance."""
    figures = FiguresOfShops(database)
    await opened(heart, 1, PaymentState.REFUSED)
    await opened(heart, 2, PaymentState.ACCEPTED, environment=Environment.TEST)
    await opened(heart, 3, PaymentState.ACCEPTED, saleor_api_url="https://other.example/graphql/")
    assert not await figures.first_acceptance(SHOP)
    await opened(heart, 4, PaymentState.ACCEPTED)
    assert await figures.first_acceptance(SHOP)


async def test_figures_are_counted_in_their_index_alone(heart: Heart, database: Database) -> None:
    """One statement reads each day's part of the covering index, and nobody else's payments."""
    hourly = [a_payment(number, opened_at=NOON - timedelta(hours=number)) for number in range(1, 1000)]
    async with database.write() as connection:
        await connection.execute(insert(payments), [row_of(payment, SECRETS) for payment in hourly])
    if not database.is_sqlite:  # without a vacuum PostgreSQL does not know that the index alone would do
        async with database._writer.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.exec_driver_sql("VACUUM ANALYZE payments")
    plan = await plan_of(database, FiguresOfShops(database).of(SHOP, NOON))
    expected = (
        "COVERING INDEX ix_payments_figures (saleor_api_url=? AND opened_at>? AND opened_at<?)"
        if database.is_sqlite
        else "Index Only Scan using ix_payments_figures"
    )
    assert 30 == plan.count(expected)
