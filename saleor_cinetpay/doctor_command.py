"""`saleor-cinetpay doctor`: runs the checks, and tells what they found for people or as JSON, in English."""

import asyncio
import json
from collections.abc import Callable, Sequence

import click

from saleor_cinetpay.app import build_house
from saleor_cinetpay.doctor.checks import examine, examine_saleor
from saleor_cinetpay.doctor.finding import Finding, Grade, Voice, english
from saleor_cinetpay.errors import AppError
from saleor_cinetpay.examining import means_of
from saleor_cinetpay.locale import Language
from saleor_cinetpay.logs import LogLevel, configure_logs
from saleor_cinetpay.settings import Settings

MARKS = {Grade.OK: "ok     ", Grade.NOTE: "note   ", Grade.WARNING: "WARNING", Grade.FAILURE: "FAILURE"}
UNMADE = english("Check DATABASE_URL, and that the app's user may write there.")

Show = Callable[[Sequence[Finding]], None]


def diagnose(settings: Settings, *, saleor_api_url: str | None, show: Show) -> bool:
    """Run the checks, of one Saleor's schema alone where one is given, and show them; say whether nothing fails.

    Nothing is changed, not even the tables.
    """
    configure_logs(LogLevel.ERROR, settings.log_format)
    findings = asyncio.run(_diagnose(settings, saleor_api_url))
    show(findings)
    return not any(finding.grade is Grade.FAILURE for finding in findings)


def unreadable_settings(complaints: Sequence[str], show: Show) -> None:
    """Show settings that can't be read as what they are: findings."""
    remedy = english("Correct it; docs/configuration.md has every setting.")
    show([Voice("settings").failure(english("{complaint}", complaint=complaint), remedy) for complaint in complaints])


def show_json(findings: Sequence[Finding]) -> None:
    """Print one JSON object."""
    counts = {grade.value: sum(finding.grade is grade for finding in findings) for grade in Grade}
    rows = [
        {
            "check": finding.check,
            "grade": finding.grade,
            "about": finding.about or None,
            "said": finding.said.say(Language.ENGLISH),
            "remedy": finding.remedy.say(Language.ENGLISH) if finding.remedy else None,
        }
        for finding in findings
    ]
    click.echo(json.dumps({"counts": counts, "findings": rows}, indent=2, ensure_ascii=False))


def show_text(findings: Sequence[Finding]) -> None:
    """Print what a person reads: each finding with what to do, and a count of what needs it."""
    for finding in findings:
        about = f" [{finding.about}]" if finding.about else ""
        click.echo(f"{MARKS[finding.grade]} {finding.check}: {finding.said.say(Language.ENGLISH)}{about}")
        if finding.remedy is not None:
            click.echo(f"        -> {finding.remedy.say(Language.ENGLISH)}")
    failures = sum(finding.grade is Grade.FAILURE for finding in findings)
    warnings = sum(finding.grade is Grade.WARNING for finding in findings)
    click.echo(f"{len(findings)} findings: {failures} failures, {warnings} warnings.")


async def _diagnose(settings: Settings, saleor_api_url: str | None) -> list[Finding]:
    try:
        house = build_house(settings)
    except AppError as error:
        return [Voice("database").failure(english("{reason}.", reason=str(error)), UNMADE)]
    try:
        means = means_of(house)
        if saleor_api_url is not None:
            return await examine_saleor(means, saleor_api_url)
        return await examine(means)
    finally:
        await house.close()
