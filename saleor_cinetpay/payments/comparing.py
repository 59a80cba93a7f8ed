"""Comparing one day of one site: CinetPay's rows against the ledger, and what both agree on against Saleor."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import structlog

from saleor_cinetpay.cinetpay import CinetPayTransaction, CodeClass, History, TransactionStatus, describe
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import SaleorError
from saleor_cinetpay.payments.books import Books, Held, Unopened
from saleor_cinetpay.payments.findings import CINETPAY, Comparison, Failure, Finding, FindingKind, Remedy
from saleor_cinetpay.payments.orders import Orders
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.report import ReportState
from saleor_cinetpay.payments.salvage import Salvage, Shops, remedy_of, success_of
from saleor_cinetpay.payments.settlement import LOOK_S, Settlement
from saleor_cinetpay.payments.trans_id import TransId, transaction_id_of
from saleor_cinetpay.payments.verdict import ACCEPTED_CODE, Found, NotStarted
from saleor_cinetpay.shops.accounts import Account, Environment

UNDELIVERED_AFTER = timedelta(minutes=1)
"""A younger report is on its way, and nothing to speak of."""
NO_ANSWER = "no answer about one of the payments"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One CinetPay site, and the accounts that share it."""

    environment: Environment
    site_id: str
    accounts: tuple[Account, ...]

    @property
    def account_keys(self) -> Collection[str]:
        """The keys of its accounts."""
        return {account.account_key for account in self.accounts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What differences are put right with."""

    books: Books
    settlement: Settlement
    salvage: Salvage
    problems: Problems
    orders: Orders
    clock: Clock


class Comparing:
    """Compares one day of one site; made anew for each.

    A dry run changes nothing, and asks CinetPay for no more than the history.
    `done` holds the trans ids that the days before had, as CinetPay may list a payment on the day of its beginning
    and on that of its end.
    """

    def __init__(self, means: Means, site: Site, day: date, shops: Shops, *, done: set[str], dry_run: bool) -> None:
        self._means = means
        self._site = site
        self._day = day
        self._shops = shops
        self._done = done
        self._dry_run = dry_run
        self._findings: list[Finding] = []
        self._failures: dict[str, str] = {}
        self._other_systems = self._unpaid = self._unopened = 0

    async def compare(self, history: History) -> Comparison:
        """Compare, put right what differs, and tell of it."""
        rows = by_trans_id([row for row in history.transactions if row.cpm_trans_id not in self._done])
        held = await self._means.books.among(rows)
        accepted = await self._means.books.accepted_on(self._day, self._site.account_keys)
        for trans_id, row in rows.items():
            await self._row(row, held.get(trans_id))
        for trans_id in sorted(accepted.keys() - rows.keys() - self._done):
            await self._not_listed(trans_id, accepted[trans_id])
        self._done |= rows.keys() | accepted.keys()
        failures = self._failures | self._shops.failures
        return Comparison(
            day=self._day,
            site_id=self._site.site_id,
            environment=self._site.environment,
            seen=len(rows),
            unreadable=history.unreadable,
            other_systems=self._other_systems,
            unpaid=self._unpaid,
            unopened=self._unopened,
            findings=tuple(self._findings),
            failures=tuple(
                Failure(day=self._day, site_id=self._site.site_id, whom=whom, reason=reason)
                for whom, reason in failures.items()
            ),
        )

    async def compare_one(self, trans_id: str, history: History) -> tuple[Sequence[Finding], Sequence[str]]:
        """Compare and put right one payment alone; return what was found, and why CinetPay or Saleor could not tell."""
        row = by_trans_id(history.transactions).get(trans_id)
        held = (await self._means.books.among([trans_id])).get(trans_id)
        if isinstance(held, Unopened):
            self._leave_out(trans_id, held)
            return [], [held.reason]
        if row is not None:
            await self._row(row, held)
        elif held is not None and held.payment.account_key in self._site.account_keys and _is_accepted(held):
            await self._accepted(held, None)
        return self._findings, [*self._failures.values(), *self._shops.failures.values()]

    async def _not_listed(self, trans_id: str, held: Held | Unopened) -> None:
        """Go after a payment that is accepted here and that the history of the day does not have."""
        if isinstance(held, Unopened):
            self._leave_out(trans_id, held)
        else:
            await self._accepted(held, None)

    def _leave_out(self, trans_id: str, held: Unopened) -> None:
        """Count a payment that no key opens: it is known here, so it is neither compared nor taken up."""
        log.error("payment_unreadable", trans_id=trans_id, error=held.reason)
        self._unopened += 1

    async def _row(self, row: CinetPayTransaction, held: Held | Unopened | None) -> None:
        """Go after one row of the history."""
        if isinstance(held, Unopened):
            if held.account_key in self._site.account_keys:
                self._leave_out(row.cpm_trans_id, held)
            else:
                self._other_systems += 1
            return
        payment = held.payment if held else None
        if payment is None:
            ours = transaction_id_of(row.cpm_trans_id) is not None
        else:
            ours = payment.account_key in self._site.account_keys
        if not ours:
            self._other_systems += 1
        elif held is not None and held.payment.state is PaymentState.ACCEPTED:
            await self._accepted(held, row)
        elif not _money_moved(row):
            self._unpaid += payment is None
        elif payment is not None and payment.signed:
            await self._settle(payment, row)
        else:
            await self._salvage(row, payment)

    async def _settle(self, payment: Payment, row: CinetPayTransaction) -> None:
        """Look up a payment that CinetPay's history shows as paid."""
        remedy, note = Remedy.DRY_RUN, f"was_{payment.state}"
        if not self._dry_run:
            after = await self._means.settlement.settle(payment.trans_id, trigger="reconciliation", wait_s=LOOK_S)
            remedy = remedy_of(after or payment)
            if after is not None and after.failing_since is not None:
                self._failures[CINETPAY] = NO_ANSWER
        self._find(FindingKind.PAID_NOT_HERE, remedy, payment, row, note=note)

    async def _salvage(self, row: CinetPayTransaction, held: Payment | None) -> None:
        accounts = [a for a in self._site.accounts if held is None or a.account_key == held.account_key]
        trans_id = TransId(row.cpm_trans_id)
        salvaged = await self._means.salvage.take_up(trans_id, held, accounts, self._shops, dry_run=self._dry_run)
        if not salvaged.answered:
            self._failures[CINETPAY] = NO_ANSWER
        finding = Finding(
            kind=FindingKind.UNKNOWN_HERE,
            remedy=salvaged.remedy,
            account=salvaged.account.account_key if salvaged.shop else None,
            shop=salvaged.shop,
            transaction=transaction_id_of(trans_id),
            ledger_amount=Decimal(held.amount) if held else None,
            saleor_amount=salvaged.asked.amount if salvaged.asked else None,
            note=salvaged.note,
            **self._about(trans_id, row),
        )
        self._findings.append(finding)

    async def _accepted(self, held: Held, row: CinetPayTransaction | None) -> None:
        """Go after a payment that is accepted here; where the history does not agree, CinetPay itself is asked."""
        payment = held.payment
        if self._dry_run and (row is None or not _money_moved(row)):
            self._find(FindingKind.NOT_PAID_THERE, Remedy.DRY_RUN, payment, row, note="cinetpay_was_not_asked")
            return
        if row is None or not _money_moved(row):
            match await self._means.settlement.observe(payment.account_key, payment.trans_id, timeout_s=LOOK_S):
                case Found(transaction=transaction):
                    row = transaction
                case NotStarted():
                    pass
                case _:
                    self._failures[CINETPAY] = NO_ANSWER
                    return
        if row is None or not _money_moved(row):
            self._find(FindingKind.NOT_PAID_THERE, Remedy.LISTED, payment, row)
        elif _class_of(row) is CodeClass.MONEY_BACK:
            await self._money_back(payment, row)
        elif row.amount != payment.charged.amount:
            self._find(FindingKind.AMOUNT_DIFFERS, Remedy.LISTED, payment, row)
        elif held.report is ReportState.DUE:
            if held.report_written_at and self._means.clock.now() - held.report_written_at >= UNDELIVERED_AFTER:
                self._find(FindingKind.UNDELIVERED, Remedy.LISTED, payment, row, note="tried_again_by_itself")
        else:
            await self._in_saleor(payment, row)

    async def _money_back(self, payment: Payment, row: CinetPayTransaction) -> None:
        remedy = Remedy.DRY_RUN
        if not self._dry_run:
            problem = Problem(
                kind=ProblemKind.MONEY_BACK,
                saleor_api_url=payment.saleor_api_url,
                subject=payment.trans_id,
                trans_id=payment.trans_id,
                detail={"code": row.cpm_result, "amount": str(payment.charged)},
            )
            await self._means.problems.raise_now(problem, self._means.clock.now())
            remedy = Remedy.PROBLEM_RAISED
        self._find(FindingKind.MONEY_BACK, remedy, payment, row)

    async def _in_saleor(self, payment: Payment, row: CinetPayTransaction) -> None:
        """Hold what both agree on against Saleor; a charge that Saleor has lost is reported again."""
        installation = self._shops.installed(payment.saleor_api_url)
        if installation is None:
            return
        try:
            transaction = await self._shops.read(installation, payment.transaction_id)
        except SaleorError:
            return
        if transaction is None:
            self._find(FindingKind.NOT_IN_SALEOR, Remedy.LISTED, payment, row, note="saleor_does_not_know_it")
            return
        if transaction.order is not None and payment.order_id is None and not self._dry_run:
            named, order = [payment.trans_id], transaction.order
            await self._means.orders.note(payment.saleor_api_url, named, order_id=order.id, order_number=order.number)
        charge = success_of(transaction.events, payment.trans_id)
        if charge is None:
            again = self._dry_run or await self._means.books.report_again(payment.trans_id)
            remedy = Remedy.DRY_RUN if self._dry_run else Remedy.REPORTED_AGAIN if again else Remedy.LISTED
            self._find(FindingKind.NOT_IN_SALEOR, remedy, payment, row)
        elif charge.amount != payment.charged:
            self._find(FindingKind.SALEOR_AMOUNT_DIFFERS, Remedy.LISTED, payment, row, saleor=charge.amount.amount)

    def _find(
        self,
        kind: FindingKind,
        remedy: Remedy,
        payment: Payment,
        row: CinetPayTransaction | None,
        *,
        saleor: Decimal | None = None,
        note: str = "",
    ) -> None:
        finding = Finding(
            kind=kind,
            remedy=remedy,
            account=payment.account_key,
            shop=payment.saleor_api_url,
            transaction=payment.transaction_id,
            ledger_amount=payment.charged.amount,
            saleor_amount=saleor,
            note=note,
            **self._about(payment.trans_id, row),
        )
        self._findings.append(finding)

    def _about(self, trans_id: str, row: CinetPayTransaction | None) -> dict[str, Any]:
        """Return what every finding says of the day, the site and the row."""
        return {
            "day": self._day,
            "site_id": self._site.site_id,
            "trans_id": trans_id,
            "cinetpay_amount": row.amount if row else None,
            "cinetpay_code": row.cpm_result or None if row else None,
            "cinetpay_status": row.cpm_trans_status[:40] or None if row else None,
        }


def _is_accepted(held: Held) -> bool:
    return held.payment.state is PaymentState.ACCEPTED


def by_trans_id(rows: Sequence[CinetPayTransaction]) -> Mapping[str, CinetPayTransaction]:
    """Take one row for each trans id: of several attempts the one that moved money, else the first."""
    chosen: dict[str, CinetPayTransaction] = {}
    for row in rows:
        if row.cpm_trans_id not in chosen or (_money_moved(row) and not _money_moved(chosen[row.cpm_trans_id])):
            chosen[row.cpm_trans_id] = row
    return chosen


def _money_moved(row: CinetPayTransaction) -> bool:
    """Say whether a row claims that the buyer's money came, in whatever words; the verdict is not ours to reach."""
    said = row.cpm_result == ACCEPTED_CODE or row.status is TransactionStatus.ACCEPTED
    return said or _class_of(row) is CodeClass.MONEY_BACK


def _class_of(row: CinetPayTransaction) -> CodeClass:
    return describe(row.cpm_result, row.cpm_error_message).code_class
