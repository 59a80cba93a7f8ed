"""After an upgrade an installed app's webhooks come in step by themselves, once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from app_kit import World, eventually
from sqlalchemy import select, update
from structlog.testing import capture_logs

from saleor_cinetpay.shops.tables import installations

pytestmark = pytest.mark.asyncio(loop_scope="session")

OLD_QUERY = "subscription { event { ... on TransactionProcessSession { __typename } } }"


async def upgraded(world: World, **columns: Any) -> None:
    """Make the installation one that an older version of the app has left."""
    values = {
        "in_step_version": "0.0.1",
        "in_step_print": "old",
        "registered_at": datetime.now(UTC) - timedelta(days=3),
    }
    async with world.house.database.write() as connection:
        await connection.execute(update(installations).values(**values | columns))


async def look(world: World) -> list[str]:
    """Let the worker's chore take what is due, as it does once a minute; return what it logged."""
    upkeep = world.house.upkeep
    with capture_logs() as logs:
        for taken in await upkeep.in_step.claim_due(8, except_shops=()):
            await upkeep.look(taken)
    return [log["event"] for log in logs]


async def stored(world: World, column: str) -> Any:
    """Return one column of the installation."""
    async with world.house.database.read() as connection:
        return (await connection.execute(select(installations.c[column]))).scalar_one()


async def test_an_upgraded_app_brings_its_webhooks_in_step(world: World) -> None:
    """The first look after an upgrade changes what differs; the second changes nothing and asks nothing."""
    (app,) = world.saleor.store.apps.values()
    webhook = app.webhooks[-1]
    right, webhook.query = webhook.query, OLD_QUERY
    await upgraded(world)
    assert ["webhooks_in_step"] == await look(world)
    assert right == webhook.query
    assert [] == await look(world)


async def test_an_upgraded_saleor_is_noticed(world: World) -> None:
    """Once a day Saleor is asked what it has become; the installation is told, and so is its manifest."""
    await upgraded(world, saleor_version="3.20.1")
    assert ["saleor_version_changed", "webhooks_in_step"] == await look(world)
    assert world.saleor.config.version == await stored(world, "saleor_version")


async def test_a_saleor_that_is_away_is_asked_again(world: World) -> None:
    """What failed is not taken for done: the next look, ten minutes later, does it."""
    await upgraded(world)
    (app,) = world.saleor.store.apps.values()
    token, app.auth_token = app.auth_token, "another"
    try:
        assert ["webhooks_not_in_step"] == await look(world)
    finally:
        app.auth_token = token
    assert "old" == await stored(world, "in_step_print")
    assert [] == await look(world)
    async with world.house.database.write() as connection:
        await connection.execute(update(installations).values(in_step_due_at=datetime.now(UTC)))
    assert ["webhooks_in_step"] == await look(world)


async def test_the_worker_does_it(world: World) -> None:
    """Nobody has to click: the running worker takes an upgraded shop within its minute."""
    (app,) = world.saleor.store.apps.values()
    webhook = app.webhooks[-1]
    right, webhook.query = webhook.query, OLD_QUERY
    await upgraded(world)
    world.house.upkeep.ask_at_once()
    world.house.worker.wake()
    await eventually(lambda: right == webhook.query)
