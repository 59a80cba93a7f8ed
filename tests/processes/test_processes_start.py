"""What a process imports to serve: nothing that only a migration, another command or a page for engineers needs."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
from processes_kit import STARTED_WITHIN_S, environment_of, free_port

from saleor_cinetpay.database import Database
from saleor_cinetpay.demo import HOST
from saleor_cinetpay.migrations import migrate

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


async def test_the_help_needs_nothing_of_the_app(migrated_url: str) -> None:
    """A command line that is only read imports neither the server, nor the database, nor the app."""
    modules = await imported_by("serve", "--help", url=migrated_url, until=None)
    assert set() == of_these(modules, (*NOT_TO_SERVE, "uvicorn", "sqlalchemy", "saleor_cinetpay.app"))
