"""What can be wrong, and what the doctor must say of it: a table of faults that an operator or a shop can plant."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from app_kit import HANGS_S, World
from doctor_kit import Ahead, Ward
from pydantic import SecretStr
from sqlalchemy import Table, delete, text, update

from saleor_cinetpay.clock import SystemClock
from saleor_cinetpay.database import Database
from saleor_cinetpay.doctor.finding import Grade
from saleor_cinetpay.doctor.means import Means
from saleor_cinetpay.payments.report import ReportState
from saleor_cinetpay.payments.tables import payments, reports
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.sandbox.saleor.signing import KeyRing
from saleor_cinetpay.settings import AppEnv
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.shops.tables import installations, shop_settings

KEY = "a key for tests that is long enough to be no fault"
NOBODY = "http://127.0.0.1:9"

Plant = Callable[[Ward], Awaitable[Means]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is planted, which check must find it, how grave, and what it must say."""

    check: str
    grade: Grade
    said: str
    plant: Plant


def warned(check: str, said: str, plant: Plant) -> Fault:
    """Return a fault with which payments work, or may work."""
    return Fault(check, Grade.WARNING, said, plant)


def failed(check: str, said: str, plant: Plant) -> Fault:
    """Return a fault with which payments don't work."""
    return Fault(check, Grade.FAILURE, said, plant)


def setting(**values: Any) -> Plant:
    """Set these."""

    async def plant(ward: Ward) -> Means:
        return ward.set(**values)

    return plant


def means(**parts: Any) -> Plant:
    """Give the doctor other parts to work with."""

    async def plant(ward: Ward) -> Means:
        return replace(ward.means, **parts)

    return plant


def ahead(**by: float) -> Plant:
    """Let the clock be wrong, by so much."""
    return means(clock=Ahead(timedelta(**by)))


def behind_the_wall(*, opened: bool = False, **wall: Any) -> Plant:
    """Put a wall before the app that does this; with `opened` the shop has an account with a notification address."""

    async def plant(ward: Ward) -> Means:
        if opened:
            await ward.world.opened()
        for name, value in wall.items():
            setattr(ward.wall, name, value)
        return ward.behind_the_wall()

    return plant


def cinetpay_fails(how: str) -> Plant:
    """Let CinetPay fail."""

    async def plant(ward: Ward) -> Means:
        await ward.world.cinetpay.fail(how)
        return ward.means

    return plant


def at_saleor(**changes: Any) -> Plant:
    """Change what Saleor holds of the app."""

    async def plant(ward: Ward) -> Means:
        (app,) = ward.world.saleor.store.apps.values()
        for name, value in changes.items():
            setattr(app, name, value)
        return ward.means

    return plant


def written(table: Table, **values: Any) -> Plant:
    """Write this over what the database holds."""

    async def plant(ward: Ward) -> Means:
        async with ward.world.house.database.write() as connection:
            await connection.execute(update(table).values(values))
        return ward.means

    return plant


def emptied(table: Table) -> Plant:
    """Take everything out of a table."""

    async def plant(ward: Ward) -> Means:
        async with ward.world.house.database.write() as connection:
            await connection.execute(delete(table))
        return ward.means

    return plant


async def no_database(ward: Ward) -> Means:
    """Lead to a server that is not there."""
    return replace(ward.means, database=Database("postgresql://nobody@127.0.0.1:9/none"))


async def old_tables(ward: Ward) -> Means:
    """Take the tables back to the first revision, as far as they say themselves."""
    async with ward.world.house.database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    return ward.means


async def no_worker(ward: Ward) -> Means:
    """Let what is due stay."""
    await ward.world.at_cinetpay()
    return replace(ward.means, clock=Ahead(timedelta(minutes=20)))


async def delivered(world: World, trans_id: str) -> None:
    """Wait until the ledger knows that Saleor has the report."""
    async with asyncio.timeout(HANGS_S):
        states: list[ReportState] = []
        while states != [ReportState.DELIVERED]:
            await asyncio.sleep(0.02)
            states = [state for _, state in await world.house.ledger.reports_of(TransId(trans_id))]


async def reports_that_nobody_takes(ward: Ward) -> Means:
    """Let a report have failed many times."""
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


async def cinetpay_that_does_not_answer(ward: Ward) -> Means:
    """Let a payment have been asked about in vain for an hour."""
    _, trans_id = await ward.world.at_cinetpay()
    now = SystemClock().now()
    async with ward.world.house.database.write() as connection:
        await connection.execute(
            update(payments)
            .where(payments.c.trans_id == trans_id)
            .values(failing_since=now - timedelta(hours=1), due_at=now + timedelta(hours=6))
        )
    return ward.means


async def no_base_url_of_its_own(ward: Ward) -> Means:
    """Put the app below a path."""
    return ward.set(app_api_base_url=f"{ward.world.app}/cinetpay-app")


async def a_name_that_leads_inside(ward: Ward) -> Means:
    """Let the public name lead to a private address, with the client that a production has."""
    inside = ward.set(app_api_base_url="https://127.0.0.1:9", app_env=AppEnv.PRODUCTION)
    return replace(inside, http=ward.guarded)


async def a_certificate_that_nobody_signed(ward: Ward) -> Means:
    """Answer with a certificate of our own making."""
    return ward.set(app_api_base_url=ward.self_signed)


async def notifications_that_never_arrive(ward: Ward) -> Means:
    """Let CinetPay say so of three payments."""
    for _ in range(3):
        transaction, trans_id = await ward.world.at_cinetpay()
        await ward.world.cinetpay.settle(trans_id)
        await ward.world.reported(transaction, "CHARGE_SUCCESS")
        await ward.world.cinetpay.show(trans_id, cpm_ipn_ack="N")
    return ward.means


async def an_old_subscription(ward: Ward) -> Means:
    """Let Saleor hold a webhook of an older version."""
    (app,) = ward.world.saleor.store.apps.values()
    webhook = app.webhook_for("TRANSACTION_PROCESS_SESSION")
    assert webhook is not None
    app.webhooks[app.webhooks.index(webhook)] = replace(webhook, query="subscription { event { __typename } }")
    return ward.means


REAL_ADDRESSES = {
    "cinetpay_test_api_url": "https://api.cinetpay.com/v1/",
    "cinetpay_test_checkout_url": "https://secure.cinetpay.com",
}
OTHERS_KEYS = json.dumps(KeyRing().jwks())
PAGE = b"<!doctype html><h1>Welcome</h1>"
ELSEWHERE = "https://pay.example/"
FRAMELESS = {"X-Frame-Options": "SAMEORIGIN"}

FAULTS = {
    "a_short_key": warned("secret_key", "is short", setting(secret_key=SecretStr("short"))),
    "development_in_public": failed(
        "environment", "looks public", setting(app_api_base_url="https://pay.example.invalid")
    ),
    "no_base_url": warned("base_url", "APP_API_BASE_URL is not set", setting(app_api_base_url=None)),
    "a_path_in_the_base_url": warned("base_url", "more than scheme, host and port", no_base_url_of_its_own),
    "anybody_may_install": warned("who_may_install", "any Saleor", setting(allowed_saleor_urls=())),
    "a_pattern_that_matches_nothing": warned(
        "who_may_install",
        "https://* matches no Saleor",
        setting(allowed_saleor_urls=("https://*", "http://*/graphql/")),
    ),
    "a_shop_that_is_not_admitted": warned(
        "allowed", "may not be installed again", setting(allowed_saleor_urls=("https://other.example/graphql/",))
    ),
    "everybody_is_a_proxy": warned("proxies", "FORWARDED_ALLOW_IPS is *", setting(forwarded_allow_ips="*")),
    "metrics_for_everybody": warned(
        "metrics", "METRICS_TOKEN is not set", setting(metrics_token=None, app_env=AppEnv.PRODUCTION)
    ),
    "a_sandbox_in_production": failed(
        "cinetpay_addresses", "which is not CinetPay's", setting(app_env=AppEnv.PRODUCTION)
    ),
    "real_money_in_tests": failed("cinetpay_addresses", "would cost money", setting(**REAL_ADDRESSES)),
    "half_a_sandbox": failed(
        "cinetpay_addresses", "Only one of", setting(cinetpay_test_api_url="https://sandbox.example/v1/")
    ),
    "purged_before_it_is_over": warned(
        "retention", "unpaid payments are watched for 60", setting(purge_after_days=30.0, watch_days=60.0)
    ),
    "no_database": failed("database", "can't be read and written", no_database),
    "old_tables": failed("migrations", "this version needs", old_tables),
    "a_lost_key": failed("stored_secrets", "No key of SECRET_KEY opens", means(secrets=SecretBox(["another key"]))),
    "an_unfinished_rotation": warned(
        "stored_secrets", "sealed with an older key", means(secrets=SecretBox(["new", KEY]))
    ),
    "no_worker": failed("worker", "nobody takes them", no_worker),
    "a_worker_that_has_died": failed("worker", "No worker has been heard of since", ahead(minutes=5)),
    "no_worker_at_night": warned("nightly", "was not done last night", ahead(days=4)),
    "reports_that_nobody_takes": warned("reports", "has not taken 1 reports", reports_that_nobody_takes),
    "cinetpay_that_does_not_answer": warned(
        "unanswered", "has not answered about 1 payments", cinetpay_that_does_not_answer
    ),
    "no_way_to_cinetpay": failed("cinetpay_reached", "can't be reached", setting(cinetpay_api_url=f"{NOBODY}/v1/")),
    "a_wrong_clock": failed("clock", "ahead of CinetPay's", ahead(minutes=9)),
    "a_slow_clock": warned("clock", "behind CinetPay's", ahead(seconds=-90)),
    "no_https": failed("public_address", "is not https", setting(app_env=AppEnv.PRODUCTION)),
    "a_redirect": failed("public_address", "leads on to", behind_the_wall(redirect_to=ELSEWHERE)),
    "a_login_before_the_app": failed("public_address", "answers 401", behind_the_wall(status=401)),
    "another_app_at_the_address": failed(
        "public_address", "Another app answers", behind_the_wall(answers=b'{"status": "live"}')
    ),
    "a_name_that_is_none": failed(
        "public_address", "can't be resolved", setting(app_api_base_url="http://no-such-host.invalid")
    ),
    "an_address_where_nobody_listens": warned("public_address", "can't be reached", setting(app_api_base_url=NOBODY)),
    "a_name_that_leads_inside": warned("public_address", "an address that is not public", a_name_that_leads_inside),
    "a_certificate_that_nobody_signed": failed("public_address", "certificate", a_certificate_that_nobody_signed),
    "a_proxy_that_hides_the_address": failed("manifest", "takes its address for", behind_the_wall()),
    "a_page_in_place_of_the_manifest": failed(
        "manifest", "does not answer with the app's manifest", behind_the_wall(answers=PAGE)
    ),
    "two_identities": failed("manifest", "is of the app", setting(manifest_app_id="another.app")),
    "a_proxy_that_forbids_frames": failed("frame", "X-Frame-Options", behind_the_wall(adds=FRAMELESS)),
    "a_firewall_before_notifications": failed(
        "notification_address", "by POST are answered 403", behind_the_wall(opened=True, methods=("POST",), status=403)
    ),
    "a_proxy_that_takes_no_head": failed(
        "notification_address", "by HEAD are answered 405", behind_the_wall(opened=True, methods=("HEAD",), status=405)
    ),
    "a_redirect_of_notifications": failed(
        "notification_address",
        "lose their fields",
        behind_the_wall(opened=True, methods=("POST",), redirect_to=ELSEWHERE),
    ),
    "a_proxy_that_loses_bodies": failed(
        "notification_address", "without their fields", behind_the_wall(opened=True, empties=True)
    ),
    "notifications_that_never_arrive": warned("acknowledged", "are not answered", notifications_that_never_arrive),
    "a_wrong_api_key": failed("cinetpay_account", "(code 609)", cinetpay_fails("code:609")),
    "cinetpay_down": warned("cinetpay_account", "CinetPay did not answer", cinetpay_fails("error_500")),
    "a_dead_token": failed("saleor_token", "does not accept the app's token", at_saleor(auth_token="another")),
    "another_apps_token": failed("saleor_token", "belongs to another app", written(installations, app_id="QXBwOjk5")),
    "an_identifier_that_was_changed": warned(
        "saleor_identifier", "but MANIFEST_APP_ID is another.app", setting(manifest_app_id="another.app")
    ),
    "a_permission_taken_away": failed(
        "saleor_permission", "lacks the permission HANDLE_PAYMENTS", at_saleor(permission_codes=())
    ),
    "a_rotated_key": warned("saleor_keys", "signs with other keys", written(installations, key_set=OTHERS_KEYS)),
    "an_old_subscription": failed("webhooks", "transaction-process-session: query", an_old_subscription),
    "an_app_that_has_moved": warned("installed_address", "The shop installed the app at", behind_the_wall()),
    "no_storefront": warned("storefronts", "No storefront is entered", emptied(shop_settings)),
    "nobody_has_installed": warned("installations", "No shop has installed the app", emptied(installations)),
}
"""Each fault by its name; every check of the doctor has one (`test_every_check_has_a_planted_fault`)."""
