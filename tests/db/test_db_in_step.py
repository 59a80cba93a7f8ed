"""Which shops are due to be brought in step, on both engines; versions of the app that run side by side included."""

import asyncio
from datetime import timedelta

import pytest
from fakes import TurnedClock
from payments_kit import SHOP
from test_db_shops import INSTALLATION, installations_of

from saleor_cinetpay.database import Database
from saleor_cinetpay.shops.in_step import FRESH, LOOK_AGAIN, TRY_AGAIN, InStep, StepsTaken

SECOND = timedelta(seconds=1)


@pytest.fixture
async def clock(database: Database) -> TurnedClock:
    """A shop has registered, and its Saleor is done with the install."""
    clock = TurnedClock()
    await installations_of(database, clock).register(INSTALLATION)
    clock.turn(FRESH.total_seconds())
    return clock


async def claimed(database: Database, clock: TurnedClock, app_version: str = "1.2.0") -> list[str | None]:
    """Take what is due for a version; return the fingerprints from before."""
    in_step = InStep(database, clock, app_version=app_version)
    return [taken.fingerprint for taken in await in_step.claim_due(8, except_shops=())]


async def done(database: Database, clock: TurnedClock, app_version: str = "1.2.0") -> None:
    """Take what is due and bring it in step."""
    assert [] != await claimed(database, clock, app_version)
    await InStep(database, clock, app_version=app_version).done(SHOP, f"print of {app_version}")


async def test_a_shop_is_taken_once(database: Database, other_database: Database, clock: TurnedClock) -> None:
    """One process takes it; another finds nothing until the first has failed for ten minutes."""
    in_step = InStep(database, clock, app_version="1.2.0")
    assert [] == await in_step.claim_due(8, except_shops=[SHOP])
    assert [] == await in_step.claim_due(0, except_shops=())
    assert [StepsTaken(saleor_api_url=SHOP, fingerprint=None)] == await in_step.claim_due(8, except_shops=())
    assert [] == await claimed(other_database, clock)
    clock.turn(TRY_AGAIN.total_seconds())
    assert [None] == await claimed(other_database, clock)


async def test_what_is_given_back_is_due_at_once(
    database: Database, other_database: Database, clock: TurnedClock
) -> None:
    """A process that stops leaves what it has not finished to the next one."""
    assert [None] == await claimed(database, clock)
    await InStep(database, clock, app_version="1.2.0").give_back(SHOP)
    assert [None] == await claimed(other_database, clock)


async def test_of_two_processes_one_takes_it(database: Database, other_database: Database, clock: TurnedClock) -> None:
    """Two that look at the same instant both see that it is due, and one of them takes it."""
    await done(database, clock)
    assert [] == await claimed(other_database, clock)  # both have their connections
    clock.turn(LOOK_AGAIN.total_seconds())
    both = await asyncio.gather(claimed(database, clock), claimed(other_database, clock))
    assert [[], ["print of 1.2.0"]] == sorted(both)


async def test_a_shop_in_step_is_left_for_a_day(database: Database, clock: TurnedClock) -> None:
    """Once done it is due again in a day, and what was given to it is remembered."""
    await done(database, clock)
    clock.turn((LOOK_AGAIN - SECOND).total_seconds())
    assert [] == await claimed(database, clock)
    clock.turn(1)
    assert ["print of 1.2.0"] == await claimed(database, clock)


async def test_an_upgrade_is_due_at_once(database: Database, other_database: Database, clock: TurnedClock) -> None:
    """A newer version looks at once, whatever the older one has done; the older one then keeps away."""
    await done(database, clock, "1.2.0")
    await done(other_database, clock, "1.10.0")
    assert [] == await claimed(database, clock, "1.2.0")
    clock.turn(LOOK_AGAIN.total_seconds())
    assert [] == await claimed(database, clock, "1.2.0")
    assert ["print of 1.10.0"] == await claimed(other_database, clock, "1.10.0")


async def test_a_downgrade_is_due_once_the_newer_is_gone(database: Database, clock: TurnedClock) -> None:
    """Where no process of the newer version has looked for a day, the older one's webhooks count again."""
    await done(database, clock, "1.10.0")
    clock.turn(2 * LOOK_AGAIN.total_seconds())
    assert ["print of 1.10.0"] == await claimed(database, clock, "1.2.0")


async def test_a_fresh_installation_is_left_alone(database: Database) -> None:
    """While Saleor is still at the install, and copies the manifest itself, nothing is due."""
    clock = TurnedClock()
    await installations_of(database, clock).register(INSTALLATION)
    clock.turn((FRESH - SECOND).total_seconds())
    assert [] == await claimed(database, clock)
