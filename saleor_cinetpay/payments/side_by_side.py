"""One day of one site for a person: CinetPay's history beside the ledger, and putting one difference right.

Reading changes nothing, and asks CinetPay for the history alone and Saleor for nothing. Settling goes the way of the
nightly reconciliation, for one payment.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from saleor_cinetpay.cinetpay import CinetPayTransaction
from saleor_cinetpay.errors import CinetPayError
from saleor_cinetpay.locale import Text
from saleor_cinetpay.payments.books import Books, Held, Unopened
from saleor_cinetpay.payments.comparing import Site, by_trans_id
from saleor_cinetpay.payments.findings import Finding
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.reconciliation import Reconciliation
from saleor_cinetpay.shops.accounts import Account, Environment
from saleor_cinetpay.shops.installations import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """What CinetPay's history says of a payment."""

    amount: Decimal | None
    code: str
    message: str
    operator: str
    at: datetime | None
    """When it was paid, or begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What the ledger says of it."""

    state: PaymentState
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One payment on both sides; one of the two can be missing."""

    trans_id: str
    theirs: Theirs | None
    ours: Ours | None
    finding: Finding | None
    """In what they differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBeside:
    """One day of one site."""

    day: date
    site: Site
    lines: Sequence[Line] = ()
    """The shop's payments, those that differ first."""
    differing: int = 0
    other_systems: int = 0
    """Payments of the site that are none of the shop's; left alone."""
    unreadable: int = 0
    unopened: int = 0
    """Payments of the shop that no key opens; they are in no line."""
    failure: Text | None = None
    """Why CinetPay's history could not be read, for the merchant."""


class SideBySide:
    """Reads, and settles."""

    def __init__(self, *, reconciliation: Reconciliation, books: Books) -> None:
        self._reconciliation = reconciliation
        self._books = books

    async def read(self, site: Site, day: date) -> DayBeside:
        """Read one day of a site; a CinetPay that does not answer is told of in words."""
        try:
            history = await self._reconciliation.history(site, day)
        except CinetPayError as error:
            return DayBeside(day=day, site=site, failure=error.merchant)
        comparison = await self._reconciliation.comparing(site, day, {}, dry_run=True).compare(history)
        findings = {finding.trans_id: finding for finding in comparison.findings}
        rows = by_trans_id(history.transactions)
        among = await self._books.among({*rows, *findings})
        held = {key: one for key, one in among.items() if not isinstance(one, Unopened)}
        mine = {key for key, one in held.items() if one.payment.account_key in site.account_keys} | findings.keys()
        lines = [
            Line(
                trans_id=trans_id,
                theirs=_theirs(rows.get(trans_id)),
                ours=_ours(held.get(trans_id)),
                finding=findings.get(trans_id),
            )
            for trans_id in [*findings, *(key for key in rows if key in mine and key not in findings)]
        ]
        return DayBeside(
            day=day,
            site=site,
            lines=lines,
            differing=len(findings),
            other_systems=comparison.other_systems,
            unreadable=comparison.unreadable,
            unopened=comparison.unopened,
        )

    async def settle(
        self, site: Site, day: date, trans_id: str, installation: Installation
    ) -> tuple[Finding | None, bool]:
        """Put one payment right as far as may be; return what was found, and whether everybody could be asked.

        Raises:
            CinetPayError: where CinetPay's history can't be read.
        """
        history = await self._reconciliation.history(site, day)
        asked = {installation.saleor_api_url: installation}
        comparing = self._reconciliation.comparing(site, day, asked, dry_run=False)
        findings, failures = await comparing.compare_one(trans_id, history)
        return (findings[0] if findings else None), not failures


def sites_of(accounts: Iterable[Account]) -> list[Site]:
    """Return the sites of a shop's accounts, each once."""
    shared: dict[tuple[Environment, str], list[Account]] = {}
    for account in accounts:
        shared.setdefault((account.environment, account.site_id), []).append(account)
    return [Site(environment=key[0], site_id=key[1], accounts=tuple(some)) for key, some in shared.items()]


def _theirs(row: CinetPayTransaction | None) -> Theirs | None:
    if row is None:
        return None
    return Theirs(
        amount=row.amount,
        code=row.cpm_result,
        message=row.cpm_error_message,
        operator=row.payment_method,
        at=row.paid_at or row.began_at,
    )


def _ours(held: Held | None) -> Ours | None:
    if held is None:
        return None
    return Ours(state=held.payment.state, amount=held.payment.charged.amount)
