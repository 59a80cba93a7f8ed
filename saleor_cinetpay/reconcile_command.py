"""`saleor-cinetpay reconcile`: what CinetPay, the ledger and Saleor differ in, for people, as JSON or as CSV.

Findings go to standard output, progress and everything else to standard error.
"""

import asyncio
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import date
from decimal import Decimal
from typing import Any

import click

from saleor_cinetpay.app import House, build_house
from saleor_cinetpay.logs import LogLevel, configure_logs
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.findings import Comparison, Finding
from saleor_cinetpay.payments.reconciliation import Days, Plan, last_two_days
from saleor_cinetpay.settings import Settings

COUNTS = ("seen", "unreadable", "other_systems", "unpaid", "unopened")
COLUMNS = tuple(field.name for field in fields(Finding))

Show = Callable[[Plan, Sequence[Comparison]], None]


def reconcile(
    settings: Settings, first: date | None, last: date | None, *, account: str | None, dry_run: bool, show: Show
) -> list[str]:
    """Reconcile, show what came of it, and return what could not be asked.

    Raises:
        LedgerUnavailable: where the database can't be read or written.
        Unreadable: where SECRET_KEY is not the one that an installation was written with.
        ValueError: where there is no such account, or the days are the wrong way round.
    """
    configure_logs(LogLevel.WARNING, settings.log_format)
    return asyncio.run(_reconcile(build_house(settings), first, last, account, dry_run, show))


async def _reconcile(
    house: House, first: date | None, last: date | None, account: str | None, dry_run: bool, show: Show
) -> list[str]:
    usual = last_two_days(house.clock.now())
    comparisons: list[Comparison] = []
    try:
        if not dry_run:
            await migrate(house.database)
        days = Days(first=first or usual.first, last=last or usual.last)
        plan = await house.reconciliation.plan(days, account_key=account, dry_run=dry_run)
        with click.progressbar(
            length=len(plan), label="Comparing", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            async for comparison in house.reconciliation.run(plan):
                comparisons.append(comparison)
                bar.update(1)
    finally:
        await house.close()
    show(plan, comparisons)
    return [f"site {one.site_id}: account {one.account_key} was left out: {one.reason}" for one in plan.unopened] + [
        f"site {failure.site_id}, {failure.day}: {failure.whom} could not be asked: {failure.reason}"
        for comparison in comparisons
        for failure in comparison.failures
    ]


def show(*, as_json: bool, as_csv: bool) -> Show:
    """Return how to show it; for people where nothing else is asked."""
    if as_json:
        return show_json
    return show_csv if as_csv else show_text


def show_json(plan: Plan, comparisons: Sequence[Comparison]) -> None:
    """Print one JSON object."""
    document = {
        "from": plan.days.first.isoformat(),
        "to": plan.days.last.isoformat(),
        "dry_run": plan.dry_run,
        **_counts(comparisons),
        "findings": [_flat(finding) for finding in _findings(comparisons)],
        "unopened_accounts": [one.account_key for one in plan.unopened],
        "failures": [_flat(failure) for comparison in comparisons for failure in comparison.failures],
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def show_csv(_plan: Plan, comparisons: Sequence[Comparison]) -> None:
    """Print one row for each finding, below a row of names."""
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_flat(finding) for finding in _findings(comparisons))


def show_text(plan: Plan, comparisons: Sequence[Comparison]) -> None:
    """Print what a person reads."""
    for finding in _findings(comparisons):
        amount = "?" if finding.cinetpay_amount is None else f"{finding.cinetpay_amount:f}"
        note = f" ({finding.note})" if finding.note else ""
        click.echo(
            f"{finding.day}  {finding.trans_id}  {amount} CFA  {finding.kind}: {finding.remedy}{note}"
            f"  {finding.shop or 'shop unknown'}"
        )
    counts = _counts(comparisons)
    click.echo(
        f"{plan.days.first} to {plan.days.last}, {len(plan.sites)} site(s): {counts['seen']} payments at CinetPay,"
        f" {len(_findings(comparisons))} differ; {counts['other_systems']} of other systems, {counts['unpaid']} unpaid"
        f" ones unknown here, {counts['unreadable']} unreadable rows."
    )
    if counts["unopened"]:
        click.echo(
            f"Left out: {counts['unopened']} payment(s) that no key of SECRET_KEY opens;"
            " put the key they were written with back behind the new one."
        )


def _counts(comparisons: Sequence[Comparison]) -> dict[str, int]:
    return {name: sum(getattr(comparison, name) for comparison in comparisons) for name in COUNTS}


def _findings(comparisons: Sequence[Comparison]) -> list[Finding]:
    return [finding for comparison in comparisons for finding in comparison.findings]


def _flat(record: Any) -> dict[str, str | None]:
    """Write a record's values as text: amounts plainly, days as ISO 8601."""
    return {name: None if value is None else _text(value) for name, value in asdict(record).items()}


def _text(value: object) -> str:
    if not isinstance(value, Decimal):
        return str(value)
    return f"{value.normalize():f}"
