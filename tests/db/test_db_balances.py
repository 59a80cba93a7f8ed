"""Balances: asked once a minute by all processes together, never waited for longer than a page may wait, and kept."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from fakes import NOON, TurnedClock, refusal
from payments_kit import API_KEY, an_account

from saleor_cinetpay.cinetpay import CinetPayBalance, describe
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import CinetPayError, CinetPayUnavailable, CinetPayUnintelligible
from saleor_cinetpay.payments.balances import Balance, Balances, Purse
from saleor_cinetpay.shops.accounts import Account

AWAY = CinetPayUnavailable("away", maybe_carried_out=False)


class Purses:
    """CinetPay's `getCompteStatus`; answers once `open` is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.down: CinetPayError | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def get_compte_status(self, account: Account, *, timeout_s: float) -> CinetPayBalance:
        self.calls += 1
        await self.open.wait()
        if self.down is not None:
            raise self.down
        return CinetPayBalance.model_validate(
            {"compte": {"solde": "865.4", "credit": "900", "debit": "34.6"}, "service": {"solde": ""}}
        )


READ = Balance(
    read_at=NOON,
    merchant=Purse(balance=Decimal("865.4"), credit=Decimal(900), debit=Decimal("34.6")),
    site=Purse(),
)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def purses() -> Purses:
    return Purses()


@pytest.fixture
async def balances(database: Database, clock: TurnedClock, purses: Purses) -> AsyncIterator[Balances]:
    balances = Balances(database=database, reader=purses, clock=clock)
    yield balances
    await balances.close()


async def test_a_balance_is_read_with_its_time(balances: Balances) -> None:
    """Both purses come exactly as CinetPay wrote them, with the moment of the reading; what it left out stays open."""
    assert READ == await balances.of(an_account(), wait_s=5)


async def test_cinetpay_is_asked_once_a_minute(
    balances: Balances, other_database: Database, clock: TurnedClock, purses: Purses
) -> None:
    """Within a minute the kept reading is shown, in every process; after it CinetPay is asked anew."""
    other = Balances(database=other_database, reader=purses, clock=clock)
    await balances.of(an_account(), wait_s=5)
    clock.turn(59)
    assert [READ, READ] == [await each.of(an_account(), wait_s=5) for each in (balances, other)]
    assert 1 == purses.calls
    clock.turn(1)
    newer = await other.of(an_account(), wait_s=5)
    assert (NOON + timedelta(minutes=1), 2) == (newer.read_at, purses.calls)


async def test_two_processes_at_the_same_instant_ask_once(
    balances: Balances, other_database: Database, clock: TurnedClock, purses: Purses
) -> None:
    """Whoever claims the minute asks; the other shows what is kept."""
    other = Balances(database=other_database, reader=purses, clock=clock)
    await balances.of(an_account(), wait_s=5)
    clock.turn(60)
    await asyncio.gather(*(each.of(an_account(), wait_s=5) for each in (balances, other)))
    assert 2 == purses.calls


async def test_each_account_has_its_own(balances: Balances, purses: Purses) -> None:
    """One account's reading says nothing about another's."""
    await balances.of(an_account(), wait_s=5)
    await balances.of(an_account(account_key="another"), wait_s=5)
    assert 2 == purses.calls


async def test_a_slow_cinetpay_holds_nobody_up(balances: Balances, purses: Purses) -> None:
    """The page is told that the balance is being read, and whoever asks later gets it; CinetPay is asked once."""
    purses.open.clear()
    assert Balance(being_read=True) == await balances.of(an_account(), wait_s=0.01)
    assert Balance(being_read=True) == await balances.of(an_account(), wait_s=0.01)
    purses.open.set()
    assert (READ, 1) == (await balances.of(an_account(), wait_s=5), purses.calls)


@pytest.mark.parametrize(
    ("down", "said"),
    [
        (AWAY, CinetPayUnavailable.merchant),
        (CinetPayUnintelligible("of no use", maybe_carried_out=False), CinetPayUnintelligible.merchant),
        (refusal("609"), describe("609").merchant),
    ],
)
async def test_a_failure_is_said_in_words(
    balances: Balances, clock: TurnedClock, purses: Purses, down: CinetPayError, said: object
) -> None:
    """What was read before stays with its time, beside why it is no newer; the next reading takes that back."""
    await balances.of(an_account(), wait_s=5)
    purses.down = down
    clock.turn(60)
    failed = await balances.of(an_account(), wait_s=5)
    assert (READ.merchant, NOON) == (failed.merchant, failed.read_at)
    assert (NOON + timedelta(minutes=1), said, False) == (failed.failed_at, failed.failure, failed.being_read)
    purses.down = None
    clock.turn(60)
    assert (None, None) == ((again := await balances.of(an_account(), wait_s=5)).failed_at, again.failure)


async def test_a_failure_names_no_secret(
    balances: Balances, purses: Purses, logs: list[MutableMapping[str, Any]]
) -> None:
    """The log says that a balance could not be read, of which account, and not with which key."""
    purses.down = AWAY
    await balances.of(an_account(), wait_s=5)
    assert ["balance_not_read"] == [entry["event"] for entry in logs]
    assert API_KEY not in str(logs)
