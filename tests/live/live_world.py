"""The app and the simulated CinetPay, started around a Saleor; the app can be stopped and started in between."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
from cinetpay_desk import CinetPayDesk
from live_real import RealShop
from live_shop import Session, Shop
from live_small import SmallShop
from pydantic import SecretStr
from sandbox_saleor_kit import TinyApp

from saleor_cinetpay.app import House, build_app, build_house
from saleor_cinetpay.demo import address_of, listening, serving
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.sandbox.cinetpay.app import build_sandbox
from saleor_cinetpay.sandbox.cinetpay.config import SandboxConfig
from saleor_cinetpay.sandbox.defaults import DEFAULT_API_KEY, DEFAULT_SITE_ID
from saleor_cinetpay.sandbox.saleor.app import build_saleor
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.settings import AppEnv, Settings

GATEWAY = "saleor-cinetpay.live"
TINY_GATEWAY = "saleor-cinetpay.live-tiny"
"""Names of their own, so that a shop's own installation of the app is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The Saleor to run against, as the environment says; the small one where it says nothing."""

    api_url: str | None
    email: str
    password: str
    app_url: str | None
    """Where that Saleor reaches `APP_PORT` of this machine, for one that runs elsewhere."""
    app_port: int

    @classmethod
    def of_environment(cls) -> "Target":
        """Read it."""
        return cls(
            api_url=os.environ.get("SALEOR_API_URL") or None,
            email=os.environ.get("SALEOR_EMAIL", ""),
            password=os.environ.get("SALEOR_PASSWORD", ""),
            app_url=os.environ.get("APP_URL") or None,
            app_port=int(os.environ.get("APP_PORT") or 0),
        )


@asynccontextmanager
async def shop_at(target: Target) -> AsyncIterator[Shop]:
    """Prepare the Saleor, and leave it as it was."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        shop: Shop
        if target.api_url:
            shop = RealShop(target.api_url, GATEWAY, http, email=target.email, password=target.password)
        else:
            listener = listening(0)
            config = SaleorConfig(url=address_of(listener), gateway_id=GATEWAY, retry_delays_s=(0.05,) * 5)
            small = build_saleor(config)
            await stack.enter_async_context(serving(small, listener))
            shop = SmallShop(small.state.saleor, GATEWAY, http)
        try:
            await shop.prepare()
            yield shop
        finally:
            shop.left_behind = await shop.clean_up()


class AppUnderTest:
    """The app in this process, at one address for all its lives."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._settings = settings
        self._port = port
        self._life: AsyncExitStack | None = None
        self._house: House | None = None

    @property
    def house(self) -> House:
        """The inside of the app that runs."""
        assert self._house is not None, "the app does not run"
        return self._house

    async def start(self) -> None:
        """Start it on the database that it had before."""
        self._house = build_house(self._settings)
        await migrate(self._house.database)
        self._life = AsyncExitStack()
        app = build_app(self._settings, house=self._house)
        await self._life.enter_async_context(serving(app, listening(self._port)))

    async def stop(self) -> None:
        """Stop it; nothing of it is left but its database."""
        assert self._life is not None
        await self._life.aclose()
        self._life = self._house = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWorld:
    """A shop that takes payments."""

    shop: Shop
    app: AppUnderTest
    app_url: str
    cinetpay: CinetPayDesk

    async def opened(self, source: str | None = None, **given: Any) -> Session:
        """Open a payment, of a new checkout where none is given."""
        session = await self.shop.initialize(source or await self.shop.checkout(), **given)
        assert () == session.errors
        return session

    async def at_cinetpay(self, source: str | None = None, **given: Any) -> tuple[str, str]:
        """Open a payment and bring its buyer to CinetPay; return Saleor's transaction and CinetPay's trans id."""
        session = await self.opened(source, **given)
        assert "CHARGE_ACTION_REQUIRED" == session.type, session
        return session.transaction_id, await self.cinetpay.open(session.data["redirect"])

    async def complete_after(self, seconds: float | None) -> None:
        """Choose how long after the acceptance the app completes a checkout by itself; None: never."""
        api_url = (await self.app.house.installations.all())[0].saleor_api_url
        choices = await self.app.house.shop_settings.of(api_url)
        after = None if seconds is None else timedelta(seconds=seconds)
        await self.app.house.shop_settings.choose(api_url, replace(choices, complete_after=after))


@asynccontextmanager
async def app_in(shop: Shop, target: Target, folder: Path) -> AsyncIterator[LiveWorld]:
    """Start CinetPay and the app, install the app, and take both away again."""
    free = listening(target.app_port)
    port, own_url = free.getsockname()[1], address_of(free)
    free.close()
    sandbox_socket = listening(0)
    cinetpay = address_of(sandbox_socket)
    settings = Settings(
        app_env=AppEnv.DEVELOPMENT,
        secret_key=SecretStr("a key for tests, not secret"),
        database_url=SecretStr(f"sqlite:///{folder}/ledger.db"),
        app_api_base_url=target.app_url or own_url,
        cinetpay_api_url=f"{cinetpay}/v1/",
        cinetpay_checkout_url=f"{cinetpay}/",
        cinetpay_site_id=DEFAULT_SITE_ID,
        cinetpay_api_key=SecretStr(DEFAULT_API_KEY),
        refusal_grace_s=0.0,
        manifest_app_id=GATEWAY,
    )
    app_url = settings.app_api_base_url
    assert app_url is not None
    app = AppUnderTest(settings, port)
    async with (
        httpx.AsyncClient(timeout=15) as http,
        serving(build_sandbox(SandboxConfig(public_url=cinetpay)), sandbox_socket),
    ):
        world = LiveWorld(shop=shop, app=app, app_url=app_url, cinetpay=CinetPayDesk(url=cinetpay, http=http))
        await app.start()
        try:
            await shop.install(f"{app_url}/api/manifest")
            await world.complete_after(None)
            yield world
            await shop.uninstall()
        finally:
            await app.stop()


@asynccontextmanager
async def tiny_app_in(shop: Shop) -> AsyncIterator[tuple[TinyApp, Shop]]:
    """Install an app that answers as it is told; return it, and the same Saleor as its storefront sees it."""
    listener = listening(0)
    tiny = TinyApp(url=address_of(listener), manifest={"id": TINY_GATEWAY})
    through_tiny = shop.through(TINY_GATEWAY, tiny.tokens)
    async with serving(tiny.asgi(), listener):
        await through_tiny.install(f"{tiny.url}/manifest")
        yield tiny, through_tiny
        await through_tiny.uninstall()
