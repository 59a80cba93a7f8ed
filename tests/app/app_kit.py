"""The whole app over HTTP, with a simulated CinetPay and a small Saleor around it, all on this machine."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
from cinetpay_desk import CinetPayDesk
from pydantic import SecretStr
from sqlalchemy import delete, update

from saleor_cinetpay.app import House, build_app, build_house
from saleor_cinetpay.demo import address_of, listening, serving
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.tables import payments, refunds, reports
from saleor_cinetpay.sandbox.cinetpay.app import build_sandbox
from saleor_cinetpay.sandbox.cinetpay.config import Merchant, SandboxConfig
from saleor_cinetpay.sandbox.defaults import DEFAULT_API_KEY, DEFAULT_SITE_ID
from saleor_cinetpay.sandbox.saleor.app import build_saleor
from saleor_cinetpay.sandbox.saleor.booking import Event
from saleor_cinetpay.sandbox.saleor.catalogue import Channel
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.payments import Session
from saleor_cinetpay.sandbox.saleor.records import Checkout, Transaction
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor
from saleor_cinetpay.settings import AppEnv, Settings

API_KEY = DEFAULT_API_KEY
SITE_ID = DEFAULT_SITE_ID
SHOP = "https://shop.example"
HANGS_S = 60.0
"""Only a test that would never end is ended by this: how fast things are is for `bench/`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A shop that takes payments: its Saleor, the app, and CinetPay."""

    app: str
    house: House
    saleor: SmallSaleor
    cinetpay: CinetPayDesk
    http: httpx.AsyncClient
    settings: Settings

    async def opened(self, checkout: Checkout | None = None, **data: Any) -> Session:
        """Open a payment for a new checkout, with that storefront data."""
        return await self.saleor.initialize(checkout or self.saleor.create_checkout(), data=data or None)

    async def at_cinetpay(self, **data: Any) -> tuple[Transaction, str]:
        """Open a payment and bring its buyer to CinetPay; return Saleor's transaction and the trans id."""
        session = await self.opened(**data)
        assert session.transaction is not None
        return session.transaction, await self.cinetpay.open(session.data["redirect"])

    async def reported(self, transaction: Transaction, *types: str) -> list[Event]:
        """Wait until Saleor holds these final events, and no others; return them."""

        def finals() -> list[Event]:
            return [e for e in transaction.events if e.type.endswith(("_SUCCESS", "_FAILURE"))]

        await eventually(lambda: sorted(types) == sorted(e.type for e in finals()))
        return finals()

    async def install_anew(self) -> None:
        """Delete the app and install it again; Saleor does not install what it has."""
        await self.saleor.delete_app(self.settings.manifest_app_id)
        await self.saleor.install_app(f"{self.app}/api/manifest")

    async def paid(self, checkout: Checkout | None = None, **data: Any) -> tuple[Transaction, str]:
        """Have a payment paid and reported; return Saleor's transaction and the trans id."""
        session = await self.opened(checkout, **data)
        assert session.transaction is not None
        trans_id = await self.cinetpay.open(session.data["redirect"])
        await self.cinetpay.settle(trans_id)
        await self.reported(session.transaction, "CHARGE_SUCCESS")
        return session.transaction, trans_id

    async def quiet(self) -> None:
        """Let the clock make nothing due any more, so that whatever happens comes of the test itself."""
        async with self.house.database.write() as connection:
            for table in (payments, reports):
                await connection.execute(update(table).values(due_at=None))

    async def sweep(self) -> None:
        """Take away what earlier tests have left; the installation stays."""
        await self.quiet()
        async with self.house.database.write() as connection:
            await connection.execute(delete(refunds))
        await self.cinetpay.reset()
        self.saleor.reset()

    def answers(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the app's answers to Saleor's genuine webhooks, with their events, oldest first."""
        return [
            (message["title"], message["detail"]["answer"])
            for message in self.saleor.log.after(0)
            if message["from"] == "app" and message["detail"].get("status") == 200 and "answer" in message["detail"]
            if message["title"].endswith(("_SESSION", "_REQUESTED"))
        ]

    async def as_version(self, version: str) -> None:
        """Let the app take its Saleor for another version."""
        (installation,) = await self.house.installations.all()
        await self.house.installations.renew_version(installation, version)

    async def state(self, trans_id: str) -> str:
        """Return the payment's state in the ledger."""
        payment = await self.house.ledger.find(trans_id)
        assert payment is not None
        return payment.state


@asynccontextmanager
async def running(
    folder: Path,
    *,
    version: str = "3.23.28",
    install: bool = True,
    with_worker: bool = True,
    merchants: tuple[Merchant, ...] = (Merchant(),),
    other_channels: tuple[Channel, ...] = (),
    **given: Any,
) -> AsyncIterator[World]:
    """Start everything, install the app, and stop everything in the end."""
    app_socket, cinetpay_socket, saleor_socket = listening(0), listening(0), listening(0)
    app, cinetpay, saleor = address_of(app_socket), address_of(cinetpay_socket), address_of(saleor_socket)
    values: dict[str, Any] = {
        "app_env": AppEnv.DEVELOPMENT,
        "secret_key": SecretStr("a key for tests, not secret"),
        "database_url": SecretStr(f"sqlite:///{folder}/ledger.db"),
        "app_api_base_url": app,
        "cinetpay_api_url": f"{cinetpay}/v1/",
        "cinetpay_checkout_url": f"{cinetpay}/",
        "cinetpay_site_id": SITE_ID,
        "cinetpay_api_key": SecretStr(API_KEY),
        "refusal_grace_s": 0.0,
    } | given
    settings = Settings(**values)
    house = build_house(settings)
    await migrate(house.database)
    small = build_saleor(
        SaleorConfig(url=saleor, version=version, gateway_id=settings.manifest_app_id, other_channels=other_channels)
    )
    async with (
        httpx.AsyncClient(follow_redirects=False, timeout=15) as http,
        serving(build_sandbox(SandboxConfig(public_url=cinetpay, merchants=merchants)), cinetpay_socket),
        serving(small, saleor_socket),
        serving(build_app(settings, house=house, with_worker=with_worker), app_socket),
    ):
        world = World(
            app=app,
            house=house,
            saleor=small.state.saleor,
            cinetpay=CinetPayDesk(url=cinetpay, http=http),
            http=http,
            settings=settings,
        )
        if install:
            await world.saleor.install_app(f"{app}/api/manifest")
            await house.shop_settings.set_storefront_origins(world.saleor.config.api_url, [SHOP])
        yield world


async def eventually(holds: Callable[[], object], within_s: float = HANGS_S) -> None:
    """Wait until something holds, or fail."""
    try:
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110  what is waited for happens in other servers
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError("it never came to hold") from None


def errors_of(session: Session) -> list[str]:
    """Return the stable codes of an answer that says that there can be no payment."""
    return [error["code"] for error in session.data["errors"]]


def as_json(value: object) -> str:
    """Write anything as text, to look for what must not be in it."""
    return json.dumps(value, default=str, ensure_ascii=False)


@asynccontextmanager
async def nobody_else_writes(world: World) -> AsyncIterator[None]:
    """Hold the ledger's file as another program may, so that nothing can be written to it."""
    file = str(world.house.database.url.database)
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")  # the app may be writing, and goes on meanwhile
        yield
    finally:
        other.close()
