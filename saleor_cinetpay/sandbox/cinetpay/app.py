"""The whole sandbox as one ASGI app: API, payment page, control API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from saleor_cinetpay.sandbox.cinetpay.api import Api
from saleor_cinetpay.sandbox.cinetpay.config import SandboxConfig
from saleor_cinetpay.sandbox.cinetpay.control import Control, Wrong, answer_wrong
from saleor_cinetpay.sandbox.cinetpay.desk import Desk
from saleor_cinetpay.sandbox.cinetpay.faults import Faults
from saleor_cinetpay.sandbox.cinetpay.pages import HERE, Pages


def build_sandbox(config: SandboxConfig) -> Starlette:
    """Build a sandbox. Its lifespan takes up what an earlier one left undone, and lets go of its state at the end."""
    desk, faults = Desk(config), Faults(config.clock)
    api, pages, control = Api(desk, faults), Pages(desk), Control(desk, faults)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        desk.jobs.resume()
        yield
        await desk.aclose()

    return Starlette(
        routes=[
            Route("/v1", api.answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Route("/v1/", api.answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Route("/", pages.home, methods=["GET"]),
            Route("/", pages.arrive, methods=["POST"]),
            Route("/pay/{token}", pages.show, methods=["GET"]),
            Route("/pay/{token}", pages.act, methods=["POST"]),
            Route("/pay/{token}/state", pages.state, methods=["GET"]),
            Mount("/_sandbox/static", StaticFiles(directory=HERE / "static")),
            Mount("/_sandbox", routes=control.routes()),
        ],
        exception_handlers={Wrong: answer_wrong},
        lifespan=lifespan,
    )
