"""`saleor-cinetpay serve` and `migrate`.

The server imports the app itself, by name: with several processes the one that watches over them needs nothing of it.
"""

import asyncio
import atexit
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvicorn

from saleor_cinetpay.database import Database
from saleor_cinetpay.edge.connections import PROTOCOL
from saleor_cinetpay.errors import AppError
from saleor_cinetpay.garbage import look_from_now_on
from saleor_cinetpay.logs import configure_logs
from saleor_cinetpay.metrics import SEVERAL_PROCESSES
from saleor_cinetpay.migrations import is_up_to_date
from saleor_cinetpay.migrations import migrate as migrate_database
from saleor_cinetpay.settings import Settings

GRACEFUL_SHUTDOWN_S = 12
KEEP_ALIVE_S = 75

Came = TypeVar("Came")


def serve(settings: Settings, *, settling: bool) -> None:
    """Migrate the database and serve the app until told to end; settle in the background where that is wanted."""
    configure_logs(settings.log_level, settings.log_format)
    migrate_apart(settings)
    if settings.workers > 1:
        _count_together()
        look_from_now_on()  # as this process only watches over the others; each of them does so itself
    uvicorn.run(
        f"saleor_cinetpay.app:{'serving_and_settling' if settling else 'serving_only'}",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        proxy_headers=False,  # edge/proxies.py does that, and knows more of them
        http=PROTOCOL,
        ws="none",
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
    )


def migrate(settings: Settings) -> None:
    """Bring the database to this version's tables.

    Raises:
        LedgerUnavailable: where it does not answer, or a migration fails.
    """
    asyncio.run(_with_database(settings, migrate_database))


def migrate_apart(settings: Settings) -> None:
    """Migrate in a process of its own, where there is something to migrate.

    What a migration imports and compiles would stay in this one: 10 MB for as long as it serves. Nothing is open here
    and no thread runs, so forking is safe.
    """
    if asyncio.run(_with_database(settings, is_up_to_date)):
        return
    apart = multiprocessing.get_context("fork").Process(target=_migrate_or_say_why_not, args=(settings,))
    apart.start()
    apart.join()
    if apart.exitcode != 0:
        sys.exit(1 if apart.exitcode == 1 else f"saleor-cinetpay: the migration ended with {apart.exitcode}")


def _migrate_or_say_why_not(settings: Settings) -> None:
    try:
        migrate(settings)
    except AppError as error:
        sys.exit(f"saleor-cinetpay: {error}")


async def _with_database(settings: Settings, work: Callable[[Database], Awaitable[Came]]) -> Came:
    database = Database(settings.database_url.get_secret_value())
    try:
        return await work(database)
    finally:
        await database.close()


def _count_together() -> None:
    """Give the processes that serve a folder to count in, so that any of them can show what all have counted."""
    if SEVERAL_PROCESSES in os.environ:
        return
    try:
        folder = tempfile.mkdtemp(prefix="saleor-cinetpay-metrics-")
    except OSError as error:  # then each shows its own
        print(f"saleor-cinetpay: /metrics shows one process only: {error}", file=sys.stderr)  # noqa: T201
        return
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[SEVERAL_PROCESSES] = folder
