"""The demo: the app, a simulated CinetPay and a small Saleor with a storefront, on this machine alone."""

import asyncio
import contextlib
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from saleor_cinetpay.app import build_app, build_house
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.sandbox.cinetpay.app import build_sandbox
from saleor_cinetpay.sandbox.cinetpay.config import SandboxConfig
from saleor_cinetpay.sandbox.defaults import DEFAULT_API_KEY, DEFAULT_SITE_ID
from saleor_cinetpay.sandbox.saleor.app import build_saleor
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.settings import AppEnv, Settings

HOST = "127.0.0.1"
DRAIN_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPorts:
    """Where the three of them listen on this machine."""

    app: int = 8000
    cinetpay: int = 8001
    shop: int = 8010


@dataclass(frozen=True, slots=True)
class DemoAddresses:
    """Where a browser finds what."""

    app: str
    cinetpay: str
    shop: str


@asynccontextmanager
async def running_demo(ports: DemoPorts) -> AsyncIterator[DemoAddresses]:
    """Start all three, install the app in the shop, and stop them in the end. Nothing is kept.

    Raises:
        OSError: where a port is taken.
    """
    listeners = listening(ports.app), listening(ports.cinetpay), listening(ports.shop)
    where = DemoAddresses(*map(address_of, listeners))
    with tempfile.TemporaryDirectory(prefix="saleor-cinetpay-demo-") as folder:
        settings = _settings(where, Path(folder))
        house = build_house(settings)
        await migrate(house.database)
        sandbox = build_sandbox(SandboxConfig(public_url=where.cinetpay, frame_ancestors=(where.shop,)))
        shop = build_saleor(
            SaleorConfig(
                url=where.shop,
                gateway_id=settings.manifest_app_id,
                payment_origins=(where.cinetpay, where.app),
                cinetpay_sandbox_url=where.cinetpay,
            )
        )
        async with (
            serving(sandbox, listeners[1]),
            serving(shop, listeners[2]),
            serving(build_app(settings, house=house), listeners[0]),
        ):
            await shop.state.saleor.install_app(f"{where.app}/api/manifest")
            await house.shop_settings.set_storefront_origins(f"{where.shop}/graphql/", [where.shop])
            yield where


async def run_demo(ports: DemoPorts, say: Callable[[str], None]) -> None:
    """Run the demo until it is interrupted."""
    enough = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, enough.set)
    async with running_demo(ports) as where:
        say(
            "\n".join(
                (
                    "",
                    "The demo is running. Nothing here costs money, and nothing is kept.",
                    "",
                    f"  Shop and live view   {where.shop}/demo",
                    f"  Shop alone           {where.shop}/      (for a phone-sized window)",
                    f"  Live view alone      {where.shop}/live",
                    f"  Dashboard            {where.shop}/dashboard",
                    f"  Simulated CinetPay   {where.cinetpay}/",
                    f"  App's manifest       {where.app}/api/manifest",
                    "",
                    "Stop it with Ctrl+C.",
                )
            )
        )
        await enough.wait()
        say("Stopping.")


def listening(port: int) -> socket.socket:
    """Open a port of this machine; 0 takes a free one.

    Raises:
        OSError: where the port is taken; the text says which.
    """
    try:
        return socket.create_server((HOST, port), backlog=512)
    except OSError as error:
        raise OSError(f"port {port} can't be used: {error.strerror}") from error


def address_of(listener: socket.socket) -> str:
    """Return where a listening socket is reached."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


@asynccontextmanager
async def serving(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI app at a listening socket while the block runs, and close the socket in the end."""
    server = _Server(
        uvicorn.Config(
            app,
            proxy_headers=False,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=DRAIN_S,
            ws="none",
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise OSError(f"the server at {address_of(listener)} ended at once")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task
        listener.close()


class _Server(uvicorn.Server):
    """A server that leaves the signals to whoever runs several of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        with contextlib.nullcontext():
            yield


def _settings(where: DemoAddresses, folder: Path) -> Settings:
    return Settings(
        app_env=AppEnv.DEVELOPMENT,
        secret_key=SecretStr(secrets.token_urlsafe(32)),
        database_url=SecretStr(f"sqlite:///{folder}/demo.db"),
        app_api_base_url=where.app,
        cinetpay_api_url=f"{where.cinetpay}/v1/",
        cinetpay_checkout_url=f"{where.cinetpay}/",
        cinetpay_site_id=DEFAULT_SITE_ID,
        cinetpay_api_key=SecretStr(DEFAULT_API_KEY),
    )
