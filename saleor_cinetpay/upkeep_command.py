"""`saleor-cinetpay rotate-keys` and `purge`: upkeep of what is stored, beside the running app.

What came of it goes to standard output, progress to standard error.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import click

from saleor_cinetpay.app import House, build_house
from saleor_cinetpay.logs import LogLevel, configure_logs
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.handover import links_end
from saleor_cinetpay.payments.purge import Purge, Purged
from saleor_cinetpay.settings import Settings
from saleor_cinetpay.shops.rotation import Rotated, rotate

_AGE = re.compile(r"(?P<number>[0-9]{1,5})(?P<unit>d|w|m|y)")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}

Came = TypeVar("Came")


def rotate_keys(settings: Settings) -> list[str]:
    """Seal everything with the first key of SECRET_KEY, and return what could not be done.

    Raises:
        LedgerUnavailable: where the database does not answer; calling again goes on.
    """
    return _with_house(settings, _rotate)


def purge_old(settings: Settings, older_than: timedelta, *, dry_run: bool) -> list[str]:
    """Take personal data out of payments that are closed and older than that, and return what could not be done.

    Raises:
        LedgerUnavailable: where the database does not answer; calling again goes on.
        ValueError: where `older_than` is too short.
    """
    return _with_house(settings, lambda house: _purge(house, older_than, dry_run))


def age(written: str) -> timedelta:
    """Read an age: `400d`, `60w`, `18m` (of 30 days) or `2y`.

    Raises:
        ValueError: where it is none.
    """
    read = _AGE.fullmatch(written.strip().lower())
    if read is None:
        raise ValueError(f"{written!r} is no age: write 400d (days), 60w (weeks), 18m (months) or 2y (years)")
    return timedelta(days=int(read["number"]) * _DAYS[read["unit"]])


def _with_house(settings: Settings, work: Callable[[House], Awaitable[Came]]) -> Came:
    configure_logs(LogLevel.WARNING, settings.log_format)

    async def run() -> Came:
        house = build_house(settings)
        try:
            await migrate(house.database)
            return await work(house)
        finally:
            await house.close()

    return asyncio.run(run())


async def _rotate(house: House) -> list[str]:
    ends = await rotate(house.database, house.secrets, _tell)
    for end in ends:
        click.echo(f"{end.column}: {end.seen} sealed, {end.renewed} of them anew.")
    failures = [f"{end.column}: {_what_is_left(end)}" for end in ends if not end.done]
    if failures:
        return [*failures, "Keep every key in SECRET_KEY, mend this, and call rotate-keys again."]
    click.echo("Everything stored is sealed with the first key of SECRET_KEY.")
    if len(house.settings.secret_keys) > 1:
        until = await links_end(house.database)
        links = "" if until is None else f" on {until:%Y-%m-%d %H:%M} UTC: until then, links of open payments need them"
        click.echo(f"The older keys can be taken out of SECRET_KEY{links or ' now'}.")
    return []


def _what_is_left(end: Rotated) -> str:
    if end.unreadable:
        shown = ", ".join(end.unreadable[:5])
        return f"{len(end.unreadable)} that no key of SECRET_KEY opens, among them {shown}"
    return f"{end.remaining} written with an older key meanwhile: restart every process with the new SECRET_KEY"


def _tell(rotated: Rotated) -> None:
    if sys.stderr.isatty():
        click.echo(f"{rotated.column}: {rotated.seen} seen, {rotated.renewed} sealed anew", err=True)


async def _purge(house: House, older_than: timedelta, dry_run: bool) -> list[str]:
    purge = Purge(house.database, house.secrets, house.clock)
    if dry_run:
        click.echo(f"{await purge.count(older_than)} payments would be purged. Nothing was changed.")
        return []
    gone = Purged()
    async for gone in purge.run(older_than):
        if sys.stderr.isatty():
            click.echo(f"{gone.payments} payments purged", err=True)
    click.echo(f"{gone.payments} payments purged, {gone.events} entries of their histories removed.")
    return [f"{gone.unreadable} payments that no key of SECRET_KEY opens were left as they are"] * bool(gone.unreadable)
