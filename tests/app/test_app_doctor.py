"""The doctor finds each fault that an operator or a shop can plant, names it, and finds nothing where all is well."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from app_kit import World, running
from doctor_kit import Ahead, Wall, Ward, self_signed_server
from pydantic import SecretStr
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from saleor_cinetpay.app import build_house
from saleor_cinetpay.clock import SystemClock
from saleor_cinetpay.database import Database
from saleor_cinetpay.demo import address_of, listening, serving
from saleor_cinetpay.doctor import database_checks
from saleor_cinetpay.doctor.checks import OF_A_SHOP, OF_A_SHOP_FOR_THE_OPERATOR, OF_THE_HOUSE, examine
from saleor_cinetpay.doctor.database_checks import journal
from saleor_cinetpay.doctor.finding import Finding, Grade
from saleor_cinetpay.doctor.means import Means
from saleor_cinetpay.doctor.schema_checks import saleor_schema
from saleor_cinetpay.examining import means_of
from saleor_cinetpay.locale import Language
from saleor_cinetpay.payments.report import ReportState
from saleor_cinetpay.payments.tables import completions, payments, reports
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.saleor.outbound import public_http
from saleor_cinetpay.sandbox.saleor.signing import KeyRing
from saleor_cinetpay.settings import AppEnv
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.shops.tables import installations, shop_settings

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "a key for tests that is long enough to be no fault"
COMMAND = "import sys; sys.argv[0] = 'saleor-cinetpay'; from saleor_cinetpay.cli import main; main()"
NOBODY = "http://127.0.0.1:9"


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


Plant = Callable[[Ward], Awaitable[Means]]
FAULTS: dict[str, tuple[str, Grade, str, Plant]] = {}


def fault(check: str, grade: Grade, said: str) -> Callable[[Plant], Plant]:
    """Enter a planted fault: which check must find it, how grave, and what it must say."""

    def enter(plant: Plant) -> Plant:
        FAULTS[plant.__name__] = (check, grade, said, plant)
        return plant

    return enter


@fault("secret_key", Grade.WARNING, "is short")
async def a_short_key(ward: Ward) -> Means:
    return ward.set(secret_key=SecretStr("short"))


@fault("environment", Grade.FAILURE, "looks public")
async def development_in_public(ward: Ward) -> Means:
    return ward.set(app_api_base_url="https://pay.example.invalid")


@fault("base_url", Grade.WARNING, "APP_API_BASE_URL is not set")
async def no_base_url(ward: Ward) -> Means:
    return ward.set(app_api_base_url=None)


@fault("base_url", Grade.WARNING, "more than scheme, host and port")
async def a_path_in_the_base_url(ward: Ward) -> Means:
    return ward.set(app_api_base_url=f"{ward.world.app}/cinetpay-app")


@fault("who_may_install", Grade.WARNING, "any Saleor")
async def anybody_may_install(ward: Ward) -> Means:
    return ward.set(allowed_saleor_urls=())


@fault("allowed", Grade.WARNING, "may not be installed again")
async def a_shop_that_is_not_admitted(ward: Ward) -> Means:
    return ward.set(allowed_saleor_urls=("https://other.example/graphql/",))


@fault("proxies", Grade.WARNING, "FORWARDED_ALLOW_IPS is *")
async def everybody_is_a_proxy(ward: Ward) -> Means:
    return ward.set(forwarded_allow_ips="*")


@fault("metrics", Grade.WARNING, "METRICS_TOKEN is not set")
async def metrics_for_everybody(ward: Ward) -> Means:
    return ward.set(metrics_token=None, app_env=AppEnv.PRODUCTION)


@fault("cinetpay_addresses", Grade.FAILURE, "which is not CinetPay's")
async def a_sandbox_in_production(ward: Ward) -> Means:
    return ward.set(app_env=AppEnv.PRODUCTION)


@fault("cinetpay_addresses", Grade.FAILURE, "would cost money")
async def real_money_in_tests(ward: Ward) -> Means:
    real = "https://api.cinetpay.com/v1/"
    return ward.set(cinetpay_test_api_url=real, cinetpay_test_checkout_url="https://secure.cinetpay.com")


@fault("cinetpay_addresses", Grade.FAILURE, "Only one of")
async def half_a_sandbox(ward: Ward) -> Means:
    return ward.set(cinetpay_test_api_url="https://sandbox.example/v1/")


@fault("retention", Grade.WARNING, "unpaid payments are watched for 60")
async def purged_before_it_is_over(ward: Ward) -> Means:
    return ward.set(purge_after_days=30.0, watch_days=60.0)


@fault("database", Grade.FAILURE, "can't be read and written")
async def no_database(ward: Ward) -> Means:
    return replace(ward.means, database=Database("postgresql://nobody@127.0.0.1:9/none"))


@fault("migrations", Grade.FAILURE, "this version needs")
async def old_tables(ward: Ward) -> Means:
    async with ward.world.house.database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    return ward.means


@fault("stored_secrets", Grade.FAILURE, "No key of SECRET_KEY opens")
async def a_lost_key(ward: Ward) -> Means:
    return replace(ward.means, secrets=SecretBox(["another key"]))


@fault("stored_secrets", Grade.WARNING, "sealed with an older key")
async def an_unfinished_rotation(ward: Ward) -> Means:
    return replace(ward.means, secrets=SecretBox(["new", KEY]))


@fault("worker", Grade.FAILURE, "nobody takes them")
async def no_worker(ward: Ward) -> Means:
    await ward.world.at_cinetpay()
    return replace(ward.means, clock=Ahead(timedelta(minutes=20)))


@fault("worker", Grade.FAILURE, "No worker has been heard of since")
async def a_worker_that_has_died(ward: Ward) -> Means:
    return replace(ward.means, clock=Ahead(timedelta(minutes=5)))


@fault("nightly", Grade.WARNING, "was not done last night")
async def no_worker_at_night(ward: Ward) -> Means:
    return replace(ward.means, clock=Ahead(timedelta(days=4)))


async def delivered(world: World, trans_id: str) -> None:
    """Wait until the ledger knows that Saleor has the report."""
    async with asyncio.timeout(8):
        states: list[ReportState] = []
        while states != [ReportState.DELIVERED]:
            await asyncio.sleep(0.02)
            states = [state for _, state in await world.house.ledger.reports_of(TransId(trans_id))]


@fault("reports", Grade.WARNING, "has not taken 1 reports")
async def reports_that_nobody_takes(ward: Ward) -> Means:
    transaction, trans_id = await ward.world.at_cinetpay()
    await ward.world.cinetpay.settle(trans_id)
    await ward.world.reported(transaction, "CHARGE_SUCCESS")
    await delivered(ward.world, trans_id)
    later = SystemClock().now() + timedelta(hours=6)
    async with ward.world.house.database.write() as connection:
        await connection.execute(
            update(reports).where(reports.c.trans_id == trans_id).values(state="due", attempts=9, due_at=later)
        )
    return ward.means


@fault("unanswered", Grade.WARNING, "has not answered about 1 payments")
async def cinetpay_that_does_not_answer(ward: Ward) -> Means:
    _, trans_id = await ward.world.at_cinetpay()
    now = SystemClock().now()
    async with ward.world.house.database.write() as connection:
        await connection.execute(
            update(payments)
            .where(payments.c.trans_id == trans_id)
            .values(failing_since=now - timedelta(hours=1), due_at=now + timedelta(hours=6))
        )
    return ward.means


@fault("cinetpay_reached", Grade.FAILURE, "can't be reached")
async def no_way_to_cinetpay(ward: Ward) -> Means:
    return ward.set(cinetpay_api_url=f"{NOBODY}/v1/")


@fault("clock", Grade.FAILURE, "ahead of CinetPay's")
async def a_wrong_clock(ward: Ward) -> Means:
    return replace(ward.means, clock=Ahead(timedelta(minutes=9)))


@fault("clock", Grade.WARNING, "behind CinetPay's")
async def a_slow_clock(ward: Ward) -> Means:
    return replace(ward.means, clock=Ahead(timedelta(seconds=-90)))


@fault("public_address", Grade.FAILURE, "is not https")
async def no_https(ward: Ward) -> Means:
    return ward.set(app_env=AppEnv.PRODUCTION)


@fault("public_address", Grade.FAILURE, "leads on to")
async def a_redirect(ward: Ward) -> Means:
    ward.wall.redirect_to = "https://www.pay.example/"
    return ward.behind_the_wall()


@fault("public_address", Grade.FAILURE, "answers 401")
async def a_login_before_the_app(ward: Ward) -> Means:
    ward.wall.status = 401
    return ward.behind_the_wall()


@fault("public_address", Grade.FAILURE, "Another app answers")
async def another_app_at_the_address(ward: Ward) -> Means:
    ward.wall.answers = b'{"status": "live"}'
    return ward.behind_the_wall()


@fault("public_address", Grade.FAILURE, "can't be resolved")
async def a_name_that_is_none(ward: Ward) -> Means:
    return ward.set(app_api_base_url="http://no-such-host.invalid")


@fault("public_address", Grade.WARNING, "can't be reached")
async def an_address_where_nobody_listens(ward: Ward) -> Means:
    return ward.set(app_api_base_url=NOBODY)


@fault("public_address", Grade.WARNING, "an address that is not public")
async def a_name_that_leads_inside(ward: Ward) -> Means:
    inside = ward.set(app_api_base_url="https://127.0.0.1:9", app_env=AppEnv.PRODUCTION)
    return replace(inside, http=ward.guarded)


@fault("public_address", Grade.FAILURE, "certificate")
async def a_certificate_that_nobody_signed(ward: Ward) -> Means:
    return ward.set(app_api_base_url=ward.self_signed)


@fault("manifest", Grade.FAILURE, "takes its address for")
async def a_proxy_that_hides_the_address(ward: Ward) -> Means:
    return ward.behind_the_wall()


@fault("manifest", Grade.FAILURE, "does not answer with the app's manifest")
async def a_page_in_place_of_the_manifest(ward: Ward) -> Means:
    ward.wall.answers = b"<!doctype html><h1>Welcome</h1>"
    return ward.behind_the_wall()


@fault("manifest", Grade.FAILURE, "is of the app")
async def two_identities(ward: Ward) -> Means:
    return ward.set(manifest_app_id="another.app")


@fault("frame", Grade.FAILURE, "X-Frame-Options")
async def a_proxy_that_forbids_frames(ward: Ward) -> Means:
    ward.wall.adds = {"X-Frame-Options": "SAMEORIGIN"}
    return ward.behind_the_wall()


@fault("notification_address", Grade.FAILURE, "by POST are answered 403")
async def a_firewall_before_notifications(ward: Ward) -> Means:
    await ward.world.opened()
    ward.wall.methods, ward.wall.status = ("POST",), 403
    return ward.behind_the_wall()


@fault("notification_address", Grade.FAILURE, "by HEAD are answered 405")
async def a_proxy_that_takes_no_head(ward: Ward) -> Means:
    await ward.world.opened()
    ward.wall.methods, ward.wall.status = ("HEAD",), 405
    return ward.behind_the_wall()


@fault("notification_address", Grade.FAILURE, "lose their fields")
async def a_redirect_of_notifications(ward: Ward) -> Means:
    await ward.world.opened()
    ward.wall.methods, ward.wall.redirect_to = ("POST",), "https://pay.example/"
    return ward.behind_the_wall()


@fault("notification_address", Grade.FAILURE, "without their fields")
async def a_proxy_that_loses_bodies(ward: Ward) -> Means:
    await ward.world.opened()
    ward.wall.empties = True
    return ward.behind_the_wall()


@fault("acknowledged", Grade.WARNING, "are not answered")
async def notifications_that_never_arrive(ward: Ward) -> Means:
    for _ in range(3):
        transaction, trans_id = await ward.world.at_cinetpay()
        await ward.world.cinetpay.settle(trans_id)
        await ward.world.reported(transaction, "CHARGE_SUCCESS")
        await ward.world.cinetpay.show(trans_id, cpm_ipn_ack="N")
    return ward.means


@fault("cinetpay_account", Grade.FAILURE, "(code 609)")
async def a_wrong_api_key(ward: Ward) -> Means:
    await ward.world.cinetpay.fail("code:609")
    return ward.means


@fault("cinetpay_account", Grade.WARNING, "CinetPay did not answer")
async def cinetpay_down(ward: Ward) -> Means:
    await ward.world.cinetpay.fail("error_500")
    return ward.means


@fault("saleor_token", Grade.FAILURE, "does not accept the app's token")
async def a_dead_token(ward: Ward) -> Means:
    (app,) = ward.world.saleor.store.apps.values()
    app.auth_token = "another"
    return ward.means


@fault("saleor_token", Grade.FAILURE, "belongs to another app")
async def another_apps_token(ward: Ward) -> Means:
    async with ward.world.house.database.write() as connection:
        await connection.execute(update(installations).values(app_id="QXBwOjk5"))
    return ward.means


@fault("saleor_permission", Grade.FAILURE, "lacks the permission HANDLE_PAYMENTS")
async def a_permission_taken_away(ward: Ward) -> Means:
    (app,) = ward.world.saleor.store.apps.values()
    app.permission_codes = ()
    return ward.means


@fault("saleor_keys", Grade.WARNING, "signs with other keys")
async def a_rotated_key(ward: Ward) -> Means:
    others = json.dumps(KeyRing().jwks())
    async with ward.world.house.database.write() as connection:
        await connection.execute(update(installations).values(key_set=others))
    return ward.means


@fault("webhooks", Grade.FAILURE, "transaction-process-session: query")
async def an_old_subscription(ward: Ward) -> Means:
    (app,) = ward.world.saleor.store.apps.values()
    webhook = app.webhook_for("TRANSACTION_PROCESS_SESSION")
    assert webhook is not None
    app.webhooks[app.webhooks.index(webhook)] = replace(webhook, query="subscription { event { __typename } }")
    return ward.means


@fault("installed_address", Grade.WARNING, "The shop installed the app at")
async def an_app_that_has_moved(ward: Ward) -> Means:
    return ward.behind_the_wall()


@fault("storefronts", Grade.WARNING, "No storefront is entered")
async def no_storefront(ward: Ward) -> Means:
    async with ward.world.house.database.write() as connection:
        await connection.execute(shop_settings.delete())
    return ward.means


@fault("installations", Grade.WARNING, "No shop has installed the app")
async def nobody_has_installed(ward: Ward) -> Means:
    async with ward.world.house.database.write() as connection:
        await connection.execute(installations.delete())
    return ward.means


@pytest.mark.parametrize("name", FAULTS)
async def test_a_planted_fault_is_found_and_named(ward: Ward, name: str) -> None:
    """Each of the faults is found by its check, as grave as it is, with words that name it and what to do."""
    check, grade, said, plant = FAULTS[name]
    means = await plant(ward)
    findings = await examine(means)
    if means.database is not ward.means.database:
        await means.database.close()
    found = [(f.grade, f.said.say(Language.ENGLISH)) for f in findings if f.check == check]
    assert [True] == [any(g is grade and said in words for g, words in found)], found
    assert all(f.remedy for f in findings if f.grade in (Grade.WARNING, Grade.FAILURE))


async def test_every_check_has_a_planted_fault(ward: Ward) -> None:
    """No check goes without a test that sees it find something."""
    tested = {check for check, *_ in FAULTS.values()} | {"disk", "journal", "saleor", "automatic_completion"}
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
