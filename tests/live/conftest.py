"""Scenarios that are the same for every Saleor: the small one in `make test`, a real one in `make live`."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from live_report import LiveReport
from live_shop import Shop
from live_world import LiveWorld, Target, app_in, shop_at, tiny_app_in
from sandbox_saleor_kit import TinyApp

TARGET = Target.of_environment()


def pytest_configure(config: pytest.Config) -> None:
    """Have the report written where a real Saleor is the target."""
    config.addinivalue_line("markers", "real_saleor: what only a real Saleor does; left out against the small one")
    if TARGET.api_url:
        config.pluginmanager.register(LiveReport(TARGET.api_url), "live-report")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a real Saleor does where there is none."""
    if TARGET.api_url:
        return
    left_out = [item for item in items if item.get_closest_marker("real_saleor")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop() -> AsyncIterator[Shop]:
    """The Saleor, prepared, and left as it was."""
    async with shop_at(TARGET) as shop:
        if report := LiveReport.of_this_run:
            report.shop = shop
        yield shop


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveWorld]:
    """The app, installed in it, and the simulated CinetPay."""
    async with app_in(shop, TARGET, tmp_path_factory.mktemp("live")) as world:
        yield world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tiny_and_shop(shop: Shop) -> AsyncIterator[tuple[TinyApp, Shop]]:
    """An app that answers as it is told, installed in the same Saleor."""
    async with tiny_app_in(shop) as both:
        yield both


@pytest.fixture
def tiny(tiny_and_shop: tuple[TinyApp, Shop]) -> TinyApp:
    """The app that answers as it is told; it has heard nothing yet."""
    tiny = tiny_and_shop[0]
    tiny.calls.clear()
    tiny.answers.clear()
    return tiny


@pytest.fixture
def saleor(tiny_and_shop: tuple[TinyApp, Shop]) -> Shop:
    """The Saleor as that app's storefront sees it."""
    return tiny_and_shop[1]
