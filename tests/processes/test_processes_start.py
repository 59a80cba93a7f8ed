"""What a process imports to serve: nothing that only a migration, another command or a page for engineers needs."""

import asyncio
import re
import signal
import sqlite3
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
from processes_kit import STARTED_WITHIN_S, environment_of, free_port

from saleor_cinetpay.database import Database
from saleor_cinetpay.demo import HOST
from saleor_cinetpay.migrations import is_up_to_date, migrate

COMMAND = "import sys; sys.argv[0] = 'saleor-cinetpay'; from saleor_cinetpay.cli import main; main()"
IMPORTED = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)

NOT_TO_SERVE = (
    "alembic",
    "mako",
    "opentelemetry",
    "rich.console",
    "saleor_cinetpay.demo",
    "saleor_cinetpay.doctor_command",
    "saleor_cinetpay.migrations.upgrading",
    "saleor_cinetpay.reconcile_command",
    "saleor_cinetpay.sandbox.cinetpay",
    "saleor_cinetpay.sandbox.dashboard",
    "saleor_cinetpay.sandbox.saleor",
    "saleor_cinetpay.sandbox.shop",
    "saleor_cinetpay.upkeep_command",
    "saleor_cinetpay.worker_command",
    "sentry_sdk",
)
"""What is large, or brings in much, and has no part in a webhook, a page or a look."""


SEARCHES = f"""
import atexit, gc, sys
searches = []
def began(phase, _info):
    if "saleor_cinetpay.app" in sys.modules and phase == "start" and not gc.get_freeze_count():
        searches.append(phase)
gc.callbacks.append(began)
atexit.register(lambda: print(len(searches), gc.isenabled(), gc.get_freeze_count() > 50_000))
{COMMAND}
"""
"""Serves, and tells at its end how often Python looked for garbage before all was built, and how it looks since."""

MIGRATE_APART = """
import os, sys
from saleor_cinetpay import serve_command
from saleor_cinetpay.environment import read_settings

os.register_at_fork(before=lambda: print("threads", len(os.listdir("/proc/self/task")), flush=True))
serve_command.migrate_apart(read_settings())
print(*sys.modules)
"""


async def imported_by(*arguments: str, url: str, until: str | None) -> set[str]:
    """Return the modules that a command has imported when it answers there, or else when it has ended."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-X", "importtime", "-c", COMMAND, *arguments),
        env=environment_of(f"http://{HOST}:{port}", f"http://{HOST}:1", url) | {"PORT": str(port)},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    said = asyncio.create_task(process.communicate())
    if until is not None:
        await answered(f"http://{HOST}:{port}{until}", said)
        process.send_signal(signal.SIGTERM)
    _, errors = await said
    assert process.returncode in (0, -signal.SIGTERM), errors[-2000:]
    return set(IMPORTED.findall(errors.decode()))


async def answered(address: str, ended: "asyncio.Task[tuple[bytes, bytes]]") -> None:
    """Wait until that address answers 200, as long as the process lives."""
    async with asyncio.timeout(STARTED_WITHIN_S), httpx.AsyncClient(trust_env=False) as http:
        while not ended.done():
            try:
                if (await http.get(address)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


def of_these(modules: set[str], names: tuple[str, ...]) -> set[str]:
    """Return which of these packages and modules are among the imported ones."""
    return {name for name in names if any(one == name or one.startswith(f"{name}.") for one in modules)}


@pytest.fixture
async def migrated_url(tmp_path: Path) -> str:
    """Return the address of a database that has this version's tables."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    database = Database(url)
    await migrate(database)
    await database.close()
    return url


async def test_serving_an_existing_database_imports_what_serving_needs(migrated_url: str) -> None:
    """A process that serves a database of this version, and says that it is ready, holds nothing of all the rest."""
    modules = await imported_by("serve", url=migrated_url, until="/health/ready")
    assert {"webhooks.pipeline", "saleor_cinetpay.dashboard.desk"} <= modules
    assert set() == of_these(modules, NOT_TO_SERVE)


async def test_migrating_would_be_seen(tmp_path: Path) -> None:
    """The check above sees Alembic where a database has to be migrated."""
    modules = await imported_by("migrate", url=f"sqlite:///{tmp_path}/ledger.db", until=None)
    assert {"alembic", "mako", "saleor_cinetpay.migrations.upgrading"} == of_these(modules, NOT_TO_SERVE)


async def test_migrating_again_needs_no_alembic(migrated_url: str) -> None:
    """`migrate` on a database of this version finds that out by itself."""
    assert set() == of_these(await imported_by("migrate", url=migrated_url, until=None), NOT_TO_SERVE)


async def migrated_apart(url: str) -> tuple[int | None, list[str], str]:
    """Have a process migrate as `serve` does; return its exit code, what it prints (threads, modules) and says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MIGRATE_APART),
        env=environment_of("http://127.0.0.1:1", "http://127.0.0.1:1", url),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, errors = await process.communicate()
    return process.returncode, printed.decode().splitlines(), errors.decode()


async def test_serving_keeps_nothing_of_a_migration(tmp_path: Path) -> None:
    """`serve` has an empty database migrated by another process, and is then as small as on one that was migrated.

    No second thread runs when it forks: it could hold what the other process then waits for.
    """
    url = f"sqlite:///{tmp_path}/ledger.db"
    code, (threads, modules), said = await migrated_apart(url)
    assert (0, "", set()) == (code, said, of_these(set(modules.split()), NOT_TO_SERVE))
    assert "threads 1" == threads
    database = Database(url)
    assert await is_up_to_date(database)
    await database.close()


async def test_a_migration_that_fails_ends_the_start(tmp_path: Path) -> None:
    """Where the tables can't be made, `serve` ends with 1 and says why in one line."""
    file = tmp_path / "ledger.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE payments (in_the_way INTEGER)")
    assert (1, ["threads 1"], "saleor-cinetpay: the database can't be used: SQLITE_ERROR\n") == await migrated_apart(
        f"sqlite:///{file}"
    )


async def test_nothing_is_searched_that_a_start_builds(migrated_url: str) -> None:
    """Python looks for garbage neither while the app is imported and built, nor later among what that has made."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SEARCHES, "serve"),
        env=environment_of(f"http://{HOST}:{port}", f"http://{HOST}:1", migrated_url) | {"PORT": str(port)},
        stderr=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    said = asyncio.create_task(process.communicate())
    await answered(f"http://{HOST}:{port}/health/live", said)
    process.send_signal(signal.SIGINT)
    assert b"0 True True\n" == (await said)[0]


async def test_the_help_needs_nothing_of_the_app(migrated_url: str) -> None:
    """A command line that is only read imports neither the server, nor the database, nor the app."""
    modules = await imported_by("serve", "--help", url=migrated_url, until=None)
    assert set() == of_these(modules, (*NOT_TO_SERVE, "uvicorn", "sqlalchemy", "saleor_cinetpay.app"))
