"""The table of all checks, in the order in which they are told, and how they are run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog

from saleor_cinetpay.doctor import (
    address_checks,
    cinetpay_checks,
    database_checks,
    schema_checks,
    settings_checks,
    shop_checks,
)
from saleor_cinetpay.doctor.finding import Finding, Grade, Voice, english
from saleor_cinetpay.doctor.means import Means, Shop
from saleor_cinetpay.errors import AppError
from saleor_cinetpay.locale import text

CHECK_S = 25.0
"""The limit of one check, whatever it does."""
AT_ONCE = 8

HouseCheck = Callable[[Means], AsyncIterator[Finding]]
ShopCheck = Callable[[Means, Shop], AsyncIterator[Finding]]

WITHOUT_DATABASE: tuple[HouseCheck, ...] = (
    settings_checks.secret_key,
    settings_checks.environment,
    settings_checks.base_url,
    settings_checks.who_may_install,
    settings_checks.proxies,
    settings_checks.metrics,
    settings_checks.cinetpay_addresses,
    settings_checks.retention,
    cinetpay_checks.clock,
)
OF_THE_HOUSE: tuple[HouseCheck, ...] = (
    *WITHOUT_DATABASE,
    database_checks.migrations,
    database_checks.journal,
    database_checks.disk,
    database_checks.stored_secrets,
    database_checks.heartbeat,
    database_checks.backlog,
    database_checks.nightly,
    database_checks.stuck_reports,
    database_checks.unanswered,
)
"""What is asked once, by the operator."""

OF_A_SHOP: tuple[ShopCheck, ...] = (
    address_checks.public_address,
    address_checks.manifest,
    address_checks.frame,
    address_checks.notification_address,
    cinetpay_checks.acknowledged,
    cinetpay_checks.cinetpay_account,
    shop_checks.saleor,
    shop_checks.saleor_keys,
    shop_checks.webhooks,
    shop_checks.storefronts,
    shop_checks.automatic_completion,
)
"""What is asked for each shop, and shown to its staff."""

OF_A_SHOP_FOR_THE_OPERATOR: tuple[ShopCheck, ...] = (
    shop_checks.allowed,
    shop_checks.installed_address,
    shop_checks.saleor_clock,
)
"""What is asked for each shop, and is the operator's business."""

log = structlog.get_logger(__name__)


async def examine(means: Means) -> list[Finding]:
    """Run every check, of the house and of every shop. Each has its limit of time, and many run at once."""
    findings = [finding async for finding in database_checks.alive(means)]
    if any(finding.grade is Grade.FAILURE for finding in findings):
        return findings + await _all([_of_house(check, means) for check in WITHOUT_DATABASE])
    findings += await _all([_of_house(check, means) for check in OF_THE_HOUSE])
    try:
        shops = [Shop(installation=one) for one in await means.installations.all()]
    except AppError as error:
        return [*findings, _unchecked("installations", str(error), "")]
    if not shops:
        nobody = english("No shop has installed the app yet.")
        findings.append(Voice("installations").warning(nobody, english("Install it in a Saleor Dashboard.")))
    every = (*OF_A_SHOP, *OF_A_SHOP_FOR_THE_OPERATOR)
    return findings + await _all([_of_shop(check, means, shop) for shop in shops for check in every])


async def examine_saleor(means: Means, saleor_api_url: str) -> list[Finding]:
    """Check whether a Saleor, installed or not, understands what the app sends and subscribes to."""
    return await _limited(
        "saleor_schema", schema_checks.saleor_schema(means, saleor_api_url), saleor_api_url, 2 * CHECK_S
    )


async def examine_shop(means: Means, shop: Shop) -> list[Finding]:
    """Run the checks that concern a shop."""
    return await _all([_of_shop(check, means, shop) for check in OF_A_SHOP])


def _of_house(check: HouseCheck, means: Means) -> Callable[[], Awaitable[list[Finding]]]:
    return lambda: _limited(check.__name__, check(means), "")


def _of_shop(check: ShopCheck, means: Means, shop: Shop) -> Callable[[], Awaitable[list[Finding]]]:
    return lambda: _limited(check.__name__, check(means, shop), shop.url)


async def _all(checks: Sequence[Callable[[], Awaitable[list[Finding]]]]) -> list[Finding]:
    """Run checks beside each other, and return what they found in their own order."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
        async with places:
            return await check()

    return [finding for found in await asyncio.gather(*map(one, checks)) for finding in found]


async def _limited(name: str, check: AsyncIterator[Finding], about: str, limit_s: float | None = None) -> list[Finding]:
    """Run one check to its end, or to its limit; what it found until then counts."""
    found: list[Finding] = []
    try:
        async with asyncio.timeout(limit_s or CHECK_S):
            async for finding in check:
                found.append(finding)
    except TimeoutError:
        late = text("This check was not done within {seconds} s.", seconds=round(limit_s or CHECK_S))
        found.append(Voice(name, about).warning(late, text("Something answers very slowly; try again.")))
    except AppError as error:
        found.append(_unchecked(name, str(error), about))
    except Exception as error:  # the outer border of each check: one that breaks hides no other
        log.error("check_broke", check=name, exc_info=error)
        found.append(_unchecked(name, type(error).__name__, about))
    return found


def _unchecked(name: str, reason: str, about: str) -> Finding:
    """Tell of a check that could not be made, mostly because the database fails or no key opens what is stored."""
    said = text("This could not be checked: {reason}", reason=reason)
    return Voice(name, about).failure(said, text("See the other findings first; the app's log says more."))
