"""One running world for all tests, swept before each."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from app_kit import World, running
from saleor_responses import at_hand, complaints


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A shop that takes payments; a refusal is final at the first look."""
    async with running(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(running_world: World) -> AsyncIterator[World]:
    """The running world, with no payment, message or fault of an earlier test in the way.

    Whatever a test makes the app answer to Saleor must fit Saleor's own schemas.
    """
    await running_world.sweep()
    yield running_world
    if at_hand():
        assert [] == [one for event, answer in running_world.answers() for one in complaints(event, answer)]
