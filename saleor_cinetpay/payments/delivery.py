"""Delivering reports to Saleor until Saleor has them. A repeat is harmless: Saleor knows a report by its reference."""

from datetime import timedelta
from typing import Protocol

import structlog

from saleor_cinetpay import metrics
from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import SaleorError, SaleorRefused
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.problems import Problem, ProblemKind
from saleor_cinetpay.payments.report import DueReport, Report
from saleor_cinetpay.schedule import JITTER, retry_delay_s
from saleor_cinetpay.shops.installations import Installation

DELIVERY_S = 20.0
"""The longest that one delivery may take; well within a lease."""

NOT_LET_IN = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
"""What a Saleor says that has deleted the app; the next registration takes the work up again."""
REFUSED_FOR = timedelta(hours=1)
"""The age at which a person is told of a report that Saleor refuses; before, Saleor may just not be ready for it.

It is the report's age, not that of its first refusal: what Saleor has to be ready with is the transaction, and that is
older than the report. A refusal that comes after hours of being away is as much for ever as one that has lasted."""

log = structlog.get_logger(__name__)


class Reporter(Protocol):
    """Tells Saleor of an event (`transactionEventReport`)."""

    async def report(self, installation: Installation, report: Report, *, timeout_s: float) -> bool:
        """Return whether Saleor had the event already.

        Raises:
            SaleorError: where Saleor refuses, or can't be reached, or can't be understood.
        """
        ...


class InstallationsByUrl(Protocol):
    """Finds the installation that a report goes to."""

    async def find(self, saleor_api_url: str) -> Installation | None:
        """Return the installation of a second ago at most, or None where that Saleor has none now."""
        ...


class Delivery:
    """Delivers claimed reports."""

    def __init__(
        self, *, ledger: Ledger, reporter: Reporter, installations: InstallationsByUrl, clock: Clock, chance: Chance
    ) -> None:
        self._ledger = ledger
        self._reporter = reporter
        self._installations = installations
        self._clock = clock
        self._chance = chance

    async def deliver(self, due: DueReport) -> bool:
        """Deliver one report; say whether Saleor has it now. One that failed comes back by itself."""
        failure = await self._try(due)
        if failure is None:
            return True
        now, reason = self._clock.now(), str(failure)
        delay_s = retry_delay_s(now - due.created_at) * (1 - JITTER * self._chance.fraction())
        problem = _for_a_person(due, failure) if now - due.created_at >= REFUSED_FOR else None
        await self._ledger.report_failed(due, reason=reason, retry_at=now + timedelta(seconds=delay_s), problem=problem)
        log.warning("report_failed", trans_id=due.report.trans_id, type=due.report.type, reason=reason, again_s=delay_s)
        return False

    async def _try(self, due: DueReport) -> SaleorError | str | None:
        installation = await self._installations.find(due.report.saleor_api_url)
        if installation is None:
            return "the app is not installed there now"
        try:
            already = await self._reporter.report(installation, due.report, timeout_s=DELIVERY_S)
        except SaleorError as error:
            return error
        await self._ledger.report_delivered(due, already_processed=already)
        metrics.reported(due.report.type).observe((self._clock.now() - due.created_at).total_seconds())
        log.info("report_delivered", trans_id=due.report.trans_id, type=due.report.type, already=already)
        return None


def _for_a_person(due: DueReport, failure: SaleorError | str) -> Problem | None:
    """Return what a person is told of a refusal that no retry changes. Its detail stays the same at every try."""
    if not isinstance(failure, SaleorRefused) or failure.code in NOT_LET_IN:
        return None
    report = due.report
    return Problem(
        kind=ProblemKind.REPORT_REFUSED,
        saleor_api_url=report.saleor_api_url,
        subject=report.subject,
        trans_id=report.trans_id,
        detail={
            "code": failure.code,
            "type": report.type,
            "reference": report.psp_reference,
            "amount": f"{report.amount} {report.currency}",
        },
    )
