"""Reconciliation: CinetPay's history against the ledger and against Saleor, one day of one site at a time.

The history only says where to look. A payment that it shows as paid is settled under the ledger's lease, by asking
CinetPay about that very payment; no row of it is ever believed alone. What is done twice changes nothing.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import structlog

from saleor_cinetpay.cinetpay import History
from saleor_cinetpay.errors import CinetPayError, CinetPayRefused, Unreadable
from saleor_cinetpay.payments.comparing import Comparing, Means, Site
from saleor_cinetpay.payments.findings import CINETPAY, Comparison, Failure
from saleor_cinetpay.payments.salvage import Shops, Transactions
from saleor_cinetpay.shops.accounts import Account, UnopenedAccount
from saleor_cinetpay.shops.installations import Installation

log = structlog.get_logger(__name__)


class Histories(Protocol):
    """Reads the history of a site (`getTransHistory`, guide 3.3). Moves no money."""

    async def get_trans_history(self, account: Account, day: date) -> History:
        """Return the transactions of one day, GMT.

        Raises:
            CinetPayError: where it refuses, or can't be asked, or can't be understood.
        """
        ...


class AllAccounts(Protocol):
    """Knows every account."""

    async def kept(self) -> list[Account | UnopenedAccount]:
        """Return every account that is kept, those that can't be read too."""
        ...

    async def from_environment(self, saleor_api_url: str) -> Account | None:
        """Return the operator's account for a shop, keeping it where it is new."""
        ...

    async def preview(self, saleor_api_url: str) -> Account | None:
        """Return the same, and keep nothing."""
        ...


class AllInstallations(Protocol):
    """Knows every installation."""

    async def all(self) -> list[Installation]:
        """Return every installation."""
        ...


class UnknownAccount(ValueError):
    """A key that names no account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Whole days, GMT, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"{self.last} comes before {self.first}")

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=number) for number in range(len(self)))


def last_two_days(now: datetime) -> Days:
    """Return the two days before today, and today as far as it has come."""
    today = now.astimezone(UTC).date()
    return Days(first=today - timedelta(days=2), last=today)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be compared."""

    days: Days
    sites: tuple[Site, ...]
    installations: Mapping[str, Installation]
    dry_run: bool
    unopened: tuple[UnopenedAccount, ...] = ()
    """Accounts that are left out, as this process can't read them."""

    def __len__(self) -> int:
        return len(self.days) * len(self.sites)


class Reconciliation:
    """Compares, and puts right what it may."""

    def __init__(
        self,
        *,
        histories: Histories,
        transactions: Transactions,
        accounts: AllAccounts,
        installations: AllInstallations,
        means: Means,
    ) -> None:
        self._histories = histories
        self._transactions = transactions
        self._accounts = accounts
        self._installations = installations
        self._means = means

    async def plan(self, days: Days, *, account_key: str | None = None, dry_run: bool = False) -> Plan:
        """List the sites of every account that is kept, and of every installation that may have lost its own.

        Raises:
            UnknownAccount: where none has that key.
        """
        installations = {one.saleor_api_url: one for one in await self._installations.all()}
        kept = await self._accounts.kept()
        accounts = {one.account_key: one for one in kept if isinstance(one, Account)}
        unopened = [one for one in kept if isinstance(one, UnopenedAccount)]
        for left_out in unopened:
            log.error("account_unreadable", account_key=left_out.account_key, error=left_out.reason)
        for saleor_api_url in installations:
            current = await self._given(saleor_api_url, dry_run=dry_run)
            if current is not None:
                accounts[current.account_key] = current
        if account_key is not None and account_key not in {*accounts, *(one.account_key for one in unopened)}:
            raise UnknownAccount(f"there is no account {account_key}")
        sites: dict[tuple[str, str], list[Account]] = {}
        for account in accounts.values():
            if account_key in (None, account.account_key):
                sites.setdefault((account.environment, account.site_id), []).append(account)
        return Plan(
            days=days,
            sites=tuple(
                Site(
                    environment=shared[0].environment,
                    site_id=shared[0].site_id,
                    accounts=tuple(sorted(shared, key=lambda account: account.saleor_api_url not in installations)),
                )
                for shared in sites.values()
            ),
            installations=installations,
            dry_run=dry_run,
            unopened=tuple(one for one in unopened if account_key in (None, one.account_key)),
        )

    async def _given(self, saleor_api_url: str, *, dry_run: bool) -> Account | None:
        """Return the operator's account for a shop; none where the one that is kept for it can't be read."""
        try:
            return await (self._accounts.preview if dry_run else self._accounts.from_environment)(saleor_api_url)
        except Unreadable:
            return None

    async def run(self, plan: Plan) -> AsyncIterator[Comparison]:
        """Compare day by day, and yield what came of each; a site that can't be asked is not asked for later days."""
        for site in plan.sites:
            done: set[str] = set()
            for day in plan.days:
                try:
                    history = await self.history(site, day)
                except CinetPayError as error:
                    yield _not_compared(site, day, str(error))
                    break
                shops = Shops(self._transactions, plan.installations)
                comparing = Comparing(self._means, site, day, shops, done=done, dry_run=plan.dry_run)
                yield await comparing.compare(history)

    def comparing(
        self, site: Site, day: date, installations: Mapping[str, Installation], *, dry_run: bool
    ) -> Comparing:
        """Return what compares a day for itself, asking these Saleors only."""
        shops = Shops(self._transactions, installations)
        return Comparing(self._means, site, day, shops, done=set(), dry_run=dry_run)

    async def history(self, site: Site, day: date) -> History:
        """Ask with the keys of the accounts that share the site, until one is accepted.

        Raises:
            CinetPayError: where none is, or CinetPay can't be asked.
        """
        *others, last = site.accounts
        for account in others:
            try:
                return await self._histories.get_trans_history(account, day)
            except CinetPayRefused as refused:
                log.info("history_refused", account_key=account.account_key, error=str(refused))
        return await self._histories.get_trans_history(last, day)


def _not_compared(site: Site, day: date, reason: str) -> Comparison:
    failure = Failure(day=day, site_id=site.site_id, whom=CINETPAY, reason=reason)
    return Comparison(day=day, site_id=site.site_id, environment=site.environment, failures=(failure,))
