"""The doctor finds each fault that an operator or a shop can plant, names it, and finds nothing where all is well."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from app_kit import running
from doctor_faults import FAULTS, KEY, NOBODY
from doctor_kit import Wall, Ward, self_signed_server
from pydantic import SecretStr
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from saleor_cinetpay.app import build_house
from saleor_cinetpay.database import Database
from saleor_cinetpay.demo import address_of, listening, serving
from saleor_cinetpay.doctor import database_checks
from saleor_cinetpay.doctor.checks import OF_A_SHOP, OF_A_SHOP_FOR_THE_OPERATOR, OF_THE_HOUSE, examine
from saleor_cinetpay.doctor.database_checks import journal
from saleor_cinetpay.doctor.finding import Finding, Grade
from saleor_cinetpay.doctor.schema_checks import saleor_schema
from saleor_cinetpay.examining import means_of
from saleor_cinetpay.locale import Language
from saleor_cinetpay.payments.tables import completions
from saleor_cinetpay.saleor.outbound import public_http
from saleor_cinetpay.shops.tables import installations

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMAND = "import sys; sys.argv[0] = 'saleor-cinetpay'; from saleor_cinetpay.cli import main; main()"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running_ward(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ward]:
    """Start a world in which there is nothing to find."""
    folder = tmp_path_factory.mktemp("ward")
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            running(folder, secret_key=SecretStr(KEY), metrics_token=SecretStr("m"), purge_after_days=400.0)
        )
        socket = listening(0)
        wall = Wall(world.app)
        await stack.enter_async_context(serving(wall.asgi(), socket))
        means = means_of(world.house)
        allowed = means.settings.model_copy(update={"allowed_saleor_urls": (world.saleor.config.api_url,)})
        yield Ward(
            world=world,
            means=replace(means, settings=allowed),
            wall=wall,
            wall_url=address_of(socket),
            guarded=await stack.enter_async_context(public_http(development=False)),
            self_signed=await stack.enter_async_context(self_signed_server(folder)),
        )


@pytest_asyncio.fixture(loop_scope="session")
async def ward(running_ward: Ward) -> AsyncIterator[Ward]:
    """The ward as it was in the beginning; what a test has changed in the database or at Saleor is put back."""
    world = running_ward.world
    await world.sweep()
    (app,) = world.saleor.store.apps.values()
    kept = app.auth_token, app.permission_codes, list(app.webhooks)
    running_ward.wall.__init__(world.app)  # type: ignore[misc]
    async with world.house.database.read() as connection:
        rows = [dict(row) for row in (await connection.execute(installations.select())).mappings()]
        revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
    yield running_ward
    app.auth_token, app.permission_codes = kept[:2]
    app.webhooks[:] = kept[2]
    async with world.house.database.write() as connection:
        await connection.execute(installations.delete())
        await connection.execute(insert(installations).values(rows))
        await connection.execute(text("UPDATE alembic_version SET version_num = :held"), {"held": revision})
        await connection.execute(completions.delete())
    await world.house.shop_settings.set_storefront_origins(world.saleor.config.api_url, ["https://shop.example"])


def wrong(findings: list[Finding]) -> dict[str, Grade]:
    """Return the checks that found something that should be changed, each with the worst that it found."""
    order = list(Grade)
    found: dict[str, Grade] = {}
    for finding in findings:
        if finding.grade in (Grade.WARNING, Grade.FAILURE):
            assert finding.remedy is not None, finding
            worst = max(found.get(finding.check, Grade.OK), finding.grade, key=order.index)
            found[finding.check] = worst
    return found


BASELINE = {"environment": Grade.WARNING}
"""The world is one of development, of which the doctor warns; nothing else is wrong with it."""


async def test_where_all_is_well_nothing_is_found(ward: Ward) -> None:
    """A healthy world has no failure and no warning, and each check of the table has said something."""
    _, trans_id = await ward.world.at_cinetpay()
    await ward.world.cinetpay.settle(trans_id)
    findings = await examine(ward.means)
    assert BASELINE == wrong(findings)
    assert len({finding.check for finding in findings}) >= 27


async def test_behind_a_good_proxy_nothing_is_found(ward: Ward) -> None:
    """A proxy that passes everything on is no fault, only the address of the install differs."""
    await ward.world.opened()
    found = wrong(await examine(ward.behind_the_wall()))
    assert (
        BASELINE | {"manifest": Grade.FAILURE, "installed_address": Grade.WARNING, "webhooks": Grade.FAILURE} == found
    )


@pytest.mark.parametrize("name", FAULTS)
async def test_a_planted_fault_is_found_and_named(ward: Ward, name: str) -> None:
    """Each of the faults is found by its check, as grave as it is, with words that name it and what to do."""
    fault = FAULTS[name]
    means = await fault.plant(ward)
    findings = await examine(means)
    if means.database is not ward.means.database:
        await means.database.close()
    found = [(f.grade, f.said.say(Language.ENGLISH)) for f in findings if f.check == fault.check]
    assert [True] == [any(grade is fault.grade and fault.said in words for grade, words in found)], found
    assert all(f.remedy for f in findings if f.grade in (Grade.WARNING, Grade.FAILURE))


async def test_every_check_has_a_planted_fault(ward: Ward) -> None:
    """No check goes without a test that sees it find something."""
    tested = {fault.check for fault in FAULTS.values()} | {"disk", "journal", "saleor", "automatic_completion"}
    names = {"backlog": "worker", "heartbeat": "worker", "stuck_reports": "reports", "saleor_clock": "clock"}
    table = (*OF_THE_HOUSE, *OF_A_SHOP, *OF_A_SHOP_FOR_THE_OPERATOR)
    assert set() == {names.get(check.__name__, check.__name__) for check in table} - tested


async def test_a_full_disk_and_an_open_file(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room is a failure, not much a warning, and files that everybody can read a warning that names them."""
    file = Path(str(ward.world.house.database.url.database))
    log = file.with_name(f"{file.name}-wal")
    more_than_there_is = 1 << 60
    monkeypatch.setattr(database_checks, "HARDLY_SPACE_BYTES", more_than_there_is)
    assert {"disk": Grade.WARNING} == wrong([f async for f in database_checks.disk(ward.means)])
    monkeypatch.setattr(database_checks, "LITTLE_SPACE_BYTES", more_than_there_is)
    for one in (file, log):
        await asyncio.to_thread(os.chmod, one, 0o644)
    both = [f async for f in database_checks.disk(ward.means)]
    for one in (file, log):
        await asyncio.to_thread(os.chmod, one, 0o600)
    assert {"disk": Grade.FAILURE, "file_mode": Grade.WARNING} == wrong(both)
    assert f"Every user of this machine can read {file}, {log}." == both[1].said.say(Language.ENGLISH)


class WithoutLog(Database):
    """A SQLite that does not write ahead, as where shared memory is not to be had."""

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        engine = create_async_engine(self.url)
        async with engine.connect() as connection:
            yield connection
        await engine.dispose()


async def test_a_database_that_can_not_write_ahead(ward: Ward, tmp_path: Path) -> None:
    """SQLite without its write-ahead log, as on a network share, is a failure."""
    plain = WithoutLog(f"sqlite:///{tmp_path}/plain.db")
    found = wrong([finding async for finding in journal(replace(ward.means, database=plain))])
    await plain.close()
    assert {"journal": Grade.FAILURE} == found


@pytest.mark.parametrize(
    ("version", "grade"), [("3.19.8", Grade.FAILURE), ("3.20.1", Grade.OK), ("3.99.0", Grade.NOTE)]
)
async def test_the_versions_of_saleor(tmp_path: Path, version: str, grade: Grade) -> None:
    """A Saleor that is too old fails, a newer one than was tried is noted."""
    async with running(tmp_path, version=version, cinetpay_site_id=None, cinetpay_api_key=None) as world:
        findings = await examine(means_of(world.house))
        assert [grade] == [finding.grade for finding in findings if finding.check == "saleor_version"]
        accounts = [f.said.say(Language.ENGLISH) for f in findings if f.check == "cinetpay_account"]
        assert ["The shop has no CinetPay account, so nobody can pay."] == accounts


async def test_a_schema_is_checked_by_introspection(ward: Ward) -> None:
    """A Saleor that understands everything is told so; one that has lost a field is told which document needs it."""
    url = ward.world.saleor.config.api_url
    assert [Grade.OK] == [finding.grade async for finding in saleor_schema(ward.means, url)]
    transaction: Any = ward.world.saleor.schema.type_map["TransactionItem"]
    lost = transaction.fields.pop("chargedAmount")
    try:
        findings = [finding async for finding in saleor_schema(ward.means, url)]
    finally:
        transaction.fields["chargedAmount"] = lost
    assert {Grade.FAILURE} == {finding.grade for finding in findings}
    words = " ".join(finding.said.say(Language.ENGLISH) for finding in findings)
    assert "does not understand transaction.graphql: Cannot query field 'chargedAmount'" in words


@pytest.mark.parametrize(
    ("url", "said"),
    [(f"{NOBODY}/graphql/", "ConnectError"), ("ftp://x/", "is no web address of a host"), ("/_sandbox", "no")],
)
async def test_what_is_no_saleor_is_said(ward: Ward, url: str, said: str) -> None:
    """An address without a Saleor is a failure with its reason."""
    address = f"{ward.world.cinetpay.url}{url}" if url.startswith("/") else url
    (finding,) = [finding async for finding in saleor_schema(ward.means, address)]
    assert (Grade.FAILURE, True) == (finding.grade, said in finding.said.say(Language.ENGLISH))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the doctor as an operator does."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "doctor", *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_tells_the_truth(ward: Ward) -> None:
    """It ends with 0 where nothing fails and with 1 where something does, in words or as JSON."""
    settings = ward.world.settings
    environment = {
        "APP_ENV": "development",
        "SECRET_KEY": KEY,
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "APP_API_BASE_URL": ward.world.app,
        "CINETPAY_API_URL": settings.cinetpay_api_url,
        "ALLOWED_SALEOR_URLS": ward.world.saleor.config.api_url,
    }
    well = await asyncio.to_thread(lambda: run(**environment))
    assert (0, "") == (well.returncode, well.stderr), well.stdout
    assert "WARNING environment: APP_ENV is development" in well.stdout
    assert re.fullmatch(r"\d\d findings: 0 failures, \d warnings\.", well.stdout.splitlines()[-1])
    ill = await asyncio.to_thread(lambda: run("--json", **environment | {"CINETPAY_API_URL": f"{NOBODY}/v1/"}))
    told = json.loads(ill.stdout)
    assert (1, "") == (ill.returncode, ill.stderr)
    assert {"cinetpay_reached"} == {f["check"] for f in told["findings"] if f["grade"] == "failure"}
    assert KEY not in well.stdout + ill.stdout


async def test_settings_that_can_not_be_read_are_findings() -> None:
    """Where the app would not start the doctor says why, in the same form as everything else."""
    ran = await asyncio.to_thread(lambda: run("--json", SECRET_KEY="k" * 40, PORT="many"))
    told = json.loads(ran.stdout)
    (finding,) = told["findings"]
    assert ("settings", "failure") == (finding["check"], finding["grade"])
    assert finding["said"].startswith("PORT: ")


async def test_nothing_is_changed(ward: Ward, tmp_path: Path) -> None:
    """The doctor writes nothing: a database without tables has none afterwards."""
    settings = ward.means.settings.model_copy(update={"database_url": SecretStr(f"sqlite:///{tmp_path}/empty.db")})
    house = build_house(settings)
    findings = await examine(means_of(house))
    await house.close()
    assert Grade.FAILURE is wrong(findings)["migrations"]
    empty = Database(f"sqlite:///{tmp_path}/empty.db")
    async with empty.read() as connection:
        assert 0 == (await connection.execute(text("SELECT count(*) FROM sqlite_master"))).scalar_one()
    await empty.close()
