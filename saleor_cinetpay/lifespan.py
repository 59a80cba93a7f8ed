"""From the start of a serving process to its end: the worker runs beside the app, and everything is closed in order."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import FrameType

import structlog
from starlette.applications import Starlette

from saleor_cinetpay.errors import AppError
from saleor_cinetpay.payments.worker import Worker
from saleor_cinetpay.shops.installations import Installations

log = structlog.get_logger(__name__)


class Lifespan:
    """Runs the worker, if there is one, while the app serves."""

    def __init__(
        self, *, worker: Worker | None, installations: Installations, close: Callable[[], Awaitable[None]]
    ) -> None:
        self._worker = worker
        self._installations = installations
        self._close = close

    @asynccontextmanager
    async def __call__(self, _app: Starlette) -> AsyncIterator[None]:
        """Begin; and at the end stop the worker, which gives back what it has not finished, and close."""
        try:
            await self._installations.all()
        except AppError as error:  # then each is read when it calls
            log.warning("installations_not_remembered", error=str(error))
        working = None
        if self._worker is not None:
            working = asyncio.create_task(self._worker.run())
            _on_termination(self._worker.stop)
        try:
            yield
        finally:
            if self._worker is not None and working is not None:
                self._worker.stop()
                await working
            await self._close()


def _on_termination(stop: Callable[[], None]) -> None:
    """Stop as soon as SIGTERM comes, while the server (which hears it too) still lets its last requests end."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    if not callable(before):  # nobody serves by signals here
        return

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        before(number, frame)

    signal.signal(signal.SIGTERM, heard)
