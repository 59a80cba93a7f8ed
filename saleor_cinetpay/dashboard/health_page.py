"""Health: the doctor's checks that concern the shop, and the button that brings its webhooks up to date."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from saleor_cinetpay.dashboard.answers import Alert, Answer, Done, Page, PageRoute, Section, Visit
from saleor_cinetpay.doctor.checks import examine_shop
from saleor_cinetpay.doctor.finding import Finding, Grade
from saleor_cinetpay.doctor.means import Means, Shop
from saleor_cinetpay.doctor.shop_checks import update_webhooks
from saleor_cinetpay.errors import SaleorError
from saleor_cinetpay.locale import Text, text

MOST_REMEMBERED = 200

GRADES: dict[Grade, tuple[Text, str]] = {
    Grade.FAILURE: (text("To be mended"), "bad"),
    Grade.WARNING: (text("To be improved"), "wait"),
    Grade.NOTE: (text("Please look"), "review"),
    Grade.OK: (text("In order"), "good"),
}
"""How a finding is meant, in words and its colour; the gravest first."""

NAMES: dict[str, Text] = {
    "public_address": text("Public address"),
    "manifest": text("Manifest"),
    "frame": text("Pages in the Dashboard"),
    "notification_address": text("Notification address"),
    "acknowledged": text("Notifications received"),
    "cinetpay_account": text("CinetPay account"),
    "saleor_token": text("Access to Saleor"),
    "saleor_permission": text("Permission"),
    "saleor_version": text("Saleor's version"),
    "saleor_keys": text("Saleor's signatures"),
    "webhooks": text("Calls from Saleor"),
    "storefronts": text("Storefronts"),
    "automatic_completion": text("From checkout to order"),
}
"""What each check is about, as staff read it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found, and when."""

    at: datetime
    findings: Sequence[Finding]


class HealthPages:
    """The checks of one shop."""

    section = Section(path="/health", title=text("Health"), order=60)

    def __init__(self, means: Means) -> None:
        self._means = means
        self._last: dict[str, Examined] = {}
        self._under_way: dict[str, asyncio.Task[Examined]] = {}

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [PageRoute("/health", self.show), PageRoute("/health/webhooks", self.update, method="POST")]

    async def show(self, visit: Visit) -> Answer:
        """Show what the last check of this process found; with `check`, check now, which takes seconds."""
        return await self._page(visit, check=bool(visit.asked("check")))

    async def update(self, visit: Visit) -> Answer:
        """Bring the webhooks that the shop's Saleor holds in step with the manifest."""
        visitor = visit.visitor
        try:
            steps = await update_webhooks(self._means, Shop(installation=visitor.installation))
        except SaleorError as error:
            log.warning("webhooks_not_updated", saleor_api_url=visitor.saleor_api_url, reason=str(error))
            return await self._page(visit, status=502, alert=Alert(message=error.merchant))
        log.info(
            "webhooks_updated",
            saleor_api_url=visitor.saleor_api_url,
            by=visitor.who,
            differences=list(steps.differences),
        )
        self._last.pop(visitor.saleor_api_url, None)
        return Done("/health?check=now", text("Saleor's webhooks are up to date."))

    async def _page(self, visit: Visit, *, check: bool = False, status: int = 200, alert: Alert | None = None) -> Page:
        shop = Shop(installation=visit.visitor.installation)
        examined = await self._examined(shop) if check else self._last.get(shop.url)
        findings = sorted(examined.findings if examined else (), key=lambda found: list(GRADES).index(found.grade))
        values = {
            "examined": examined,
            "findings": findings,
            "grades": GRADES,
            "names": NAMES,
            "outdated": any(f.check == "webhooks" and f.grade is Grade.FAILURE for f in findings),
            "wrong": sum(finding.grade in (Grade.FAILURE, Grade.WARNING) for finding in findings),
        }
        return Page("health.html", text("Health"), values, status=status, alert=alert)

    async def _examined(self, shop: Shop) -> Examined:
        """Check now; who asks while a check of that shop is under way gets what it finds."""
        under_way = self._under_way.get(shop.url)
        if under_way is None:
            under_way = self._under_way[shop.url] = asyncio.ensure_future(self._examine(shop))
            under_way.add_done_callback(lambda _task: self._under_way.pop(shop.url, None))
        return await asyncio.shield(under_way)

    async def _examine(self, shop: Shop) -> Examined:
        examined = Examined(at=self._means.clock.now(), findings=await examine_shop(self._means, shop))
        while len(self._last) >= MOST_REMEMBERED:
            self._last.pop(next(iter(self._last)))
        self._last[shop.url] = examined
        return examined
