"""What Saleor's calls cost from the door to the database: statements, commits, and calls out.

Time can't be tested, counts can: a slower way shows here as another number. Who changes one on purpose says why.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from app_kit import World, running
from meter_kit import metered

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRIES = 3
"""What is kept for a second may have to be read again just then: of several calls the cheapest counts."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world whose app has no worker, so that nothing but the calls asks the database."""
    async with running(tmp_path_factory.mktemp("costs"), with_worker=False) as world:
        await world.opened()
        yield world


async def cost(world: World, call: Callable[[], Awaitable[Any]]) -> dict[str, int]:
    """Return what a call costs the database, and how often CinetPay is asked."""
    found = []
    for _ in range(TRIES):
        asked = await world.cinetpay.messages()
        with metered(world.house.database) as meter:
            await call()
        counts = dict(meter.counts)
        asked_now = [message for message in await world.cinetpay.messages() if message["from"] == "app"]
        counts["calls"] = len(asked_now) - len([message for message in asked if message["from"] == "app"])
        found.append(counts)
    return min(found, key=lambda counts: counts.get("reads", 0))


async def test_asking_for_the_gateway(alone: World) -> None:
    """What the answer needs has just been read: the database is not asked, CinetPay neither."""
    checkout = alone.saleor.create_checkout()
    assert {"calls": 0} == await cost(alone, lambda: alone.saleor.gateway_initialize(checkout))


async def test_initializing(alone: World) -> None:
    """One transaction writes it down with its lease, one its signature; CinetPay is asked once."""
    assert {"writes": 4, "commits": 2, "calls": 1} == await cost(alone, alone.opened)


async def test_processing(alone: World) -> None:
    """One transaction takes the lease, one writes what CinetPay says; CinetPay is asked once."""
    session = await alone.opened()
    assert session.transaction is not None
    transaction = session.transaction
    seen = await cost(alone, lambda: alone.saleor.process(transaction))
    assert {"writes": 3, "commits": 2, "calls": 1} == seen
