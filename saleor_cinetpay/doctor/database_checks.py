"""The database: reachable, writable, up to date, safe, and readable with our keys; and the work that waits in it."""

import asyncio
import shutil
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from saleor_cinetpay.chance import SystemChance
from saleor_cinetpay.database import prove_alive
from saleor_cinetpay.doctor.finding import Finding, Voice, english
from saleor_cinetpay.doctor.means import Means
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.migrations import head, revision_of
from saleor_cinetpay.payments.heartbeats import Heartbeats
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.report import ReportState
from saleor_cinetpay.payments.tables import chores, completions, payments, reports
from saleor_cinetpay.shops.rotation import sealed_columns
from saleor_cinetpay.shops.secrets import Unsealable, place_in

ALIVE_S = 4.0
LITTLE_SPACE_BYTES = 200 * 1024 * 1024
HARDLY_SPACE_BYTES = 1024 * 1024 * 1024
SEALED_SAMPLE = 200
"""Texts of each sealed column that are opened: the newest, and the oldest."""
LATE = timedelta(minutes=2)
"""A worker takes what is due within seconds."""
STUCK_ATTEMPTS = 3
NIGHT_LATE = timedelta(hours=26)


async def alive(means: Means) -> AsyncIterator[Finding]:
    """It answers, and takes writes."""
    voice = Voice("database")
    try:
        await prove_alive(means.database, within_s=ALIVE_S)
    except LedgerUnavailable as error:
        yield voice.failure(
            english("The database can't be read and written: {reason}.", reason=str(error)),
            english(
                "Check DATABASE_URL, that the server runs or the folder is writable, and that the disk is not full."
            ),
        )
        return
    yield voice.ok(english("The database can be read and written."))


async def migrations(means: Means) -> AsyncIterator[Finding]:
    """Its tables are those of this version."""
    voice = Voice("migrations")
    held, newest = await revision_of(means.database), head()
    if held == newest:
        yield voice.ok(english("The tables are those of this version ({revision}).", revision=newest))
    elif held is None or held < newest:
        yield voice.failure(
            english("The tables are of revision {held}; this version needs {head}.", held=held or "none", head=newest),
            english("Run `saleor-cinetpay migrate`, or start `serve`, which does it."),
        )
    else:
        yield voice.note(
            english("The tables are of revision {held}, newer than this version's {head}.", held=held, head=newest),
            english("Fine during an upgrade, as old and new run side by side; else start the newer version."),
        )


async def journal(means: Means) -> AsyncIterator[Finding]:
    """SQLite must write ahead: on some network shares it can't, and loses payments there."""
    voice = Voice("journal")
    if not means.database.is_sqlite:
        return
    async with means.database.read() as connection:
        mode = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one()
    if mode == "wal":
        yield voice.ok(english("SQLite writes ahead (WAL)."))
    else:
        yield voice.failure(
            english("SQLite's journal mode is {mode} and not WAL.", mode=mode),
            english("Put the file on a disk of this machine, never on a network share."),
        )


async def disk(means: Means) -> AsyncIterator[Finding]:
    """There is room beside a SQLite file, and nobody else of this machine reads it."""
    voice = Voice("disk")
    if not means.database.is_sqlite:
        return
    file, free, open_files = await asyncio.to_thread(_disk_of, str(means.database.url.database))
    if free < LITTLE_SPACE_BYTES:
        yield voice.failure(
            english("Only {free} MB are free beside {file}.", free=free // 1024**2, file=file),
            english("Make room: a full disk stops all payments."),
        )
    elif free < HARDLY_SPACE_BYTES:
        yield voice.warning(
            english("Only {free} MB are free beside {file}.", free=free // 1024**2, file=file),
            english("Make room before it is full."),
        )
    else:
        yield voice.ok(english("{free} GB are free beside the database.", free=free // 1024**3))
    if open_files:
        yield Voice("file_mode").warning(
            english("Every user of this machine can read {files}.", files=", ".join(map(str, open_files))),
            english("chmod o= {files}", files=" ".join(map(str, open_files))),
        )


async def stored_secrets(means: Means) -> AsyncIterator[Finding]:
    """SECRET_KEY opens what is stored; the newest and the oldest texts of each column are tried."""
    voice = Voice("stored_secrets")
    older = 0
    for column in sealed_columns():
        key = list(column.table.primary_key)
        async with means.database.read() as connection:
            rows: list[Any] = []
            for order in (key, [part.desc() for part in key]):
                batch = select(*key, column).where(column.is_not(None)).order_by(*order).limit(SEALED_SAMPLE)
                rows += (await connection.execute(batch)).all()
        for *values, sealed in rows:
            place = place_in(column, **{part.name: value for part, value in zip(key, values, strict=True)})
            try:
                older += means.secrets.renew(sealed, place=place) is not None
            except Unsealable:
                yield voice.failure(
                    english("No key of SECRET_KEY opens {place}.", place=place),
                    english("Put the key that it was stored with back, behind the others: SECRET_KEY=new,old."),
                )
                return
    if older:
        yield voice.warning(
            english("Some of what is stored is sealed with an older key of SECRET_KEY."),
            english("Run `saleor-cinetpay rotate-keys`; until then the older key must stay."),
        )
    else:
        yield voice.ok(english("SECRET_KEY opens what is stored."))


async def backlog(means: Means) -> AsyncIterator[Finding]:
    """What is due is taken; otherwise there is no worker."""
    voice = Voice("worker")
    now = means.clock.now()
    late = 0
    async with means.database.read() as connection:
        for table in (payments, reports, completions):
            count = select(func.count()).select_from(
                select(table.c.due_at).where(table.c.due_at <= now - LATE).limit(10_000).subquery()
            )
            late += (await connection.execute(count)).scalar_one()
    if late:
        yield voice.failure(
            english(
                "{count} payments and reports are due for more than two minutes, and nobody takes them.", count=late
            ),
            english("Start `saleor-cinetpay worker`, or `serve` without --no-worker; if one runs, read its log."),
        )
    else:
        yield voice.ok(english("Nothing waits for a worker."))


async def heartbeat(means: Means) -> AsyncIterator[Finding]:
    """A worker lives, anywhere."""
    voice = Voice("worker")
    living, heard_of = await Heartbeats(means.database, means.clock, SystemChance()).living()
    if living:
        yield voice.ok(english("{count} workers live.", count=living))
        return
    since = f"since {heard_of:%Y-%m-%d %H:%M} UTC" if heard_of else "yet"
    yield voice.failure(
        english("No worker has been heard of {since}.", since=since),
        english("Start `saleor-cinetpay worker`, or `serve` without --no-worker: nothing is settled or reported."),
    )


async def nightly(means: Means) -> AsyncIterator[Finding]:
    """The night's work was done."""
    voice = Voice("nightly")
    now = means.clock.now()
    async with means.database.read() as connection:
        late = (
            (await connection.execute(select(chores.c.name).where(chores.c.due_at < now - NIGHT_LATE))).scalars().all()
        )
    if late:
        yield voice.warning(
            english("The night's work ({names}) was not done last night.", names=", ".join(late)),
            english("A worker must run at night; `saleor-cinetpay reconcile` does the comparison by hand."),
        )
    else:
        yield voice.ok(english("The night's work is done, or was never due."))


async def stuck_reports(means: Means) -> AsyncIterator[Finding]:
    """Saleor takes what it is told."""
    stuck = (
        select(reports.c.saleor_api_url, func.count())
        .where(reports.c.state == ReportState.DUE, reports.c.attempts > STUCK_ATTEMPTS)
        .group_by(reports.c.saleor_api_url)
    )
    async with means.database.read() as connection:
        rows = (await connection.execute(stuck)).all()
    for url, count in rows:
        yield Voice("reports", url).warning(
            english("Saleor has not taken {count} reports, although it was asked several times.", count=count),
            english("Its token may be dead (install the app again), or it is down; the app goes on trying."),
        )
    if not rows:
        yield Voice("reports").ok(english("Every Saleor takes its reports."))


async def unanswered(means: Means) -> AsyncIterator[Finding]:
    """CinetPay answers about payments."""
    voice = Voice("unanswered")
    since = means.clock.now() - timedelta(minutes=10)
    failing = (
        select(func.count())
        .select_from(payments)
        .where(
            payments.c.failing_since < since, payments.c.state != PaymentState.ACCEPTED, payments.c.due_at.is_not(None)
        )
    )
    async with means.database.read() as connection:
        count = (await connection.execute(failing)).scalar_one()
    if count:
        yield voice.warning(
            english("CinetPay has not answered about {count} payments for more than ten minutes.", count=count),
            english("See `cinetpay_account`; if that is well, the way to CinetPay is not."),
        )
    else:
        yield voice.ok(english("CinetPay answers about every open payment."))


def _disk_of(name: str) -> tuple[Path, int, list[Path]]:
    file = Path(name).resolve()
    kept = [file, *(file.with_name(f"{file.name}-{beside}") for beside in ("wal", "shm"))]
    open_to_all = [one for one in kept if one.exists() and one.stat().st_mode & stat.S_IRWXO]
    return file, shutil.disk_usage(file.parent).free, open_to_all
