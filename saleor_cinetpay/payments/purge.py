"""Retention: what tells of buyers leaves payments that have been closed for long; what the books need stays.

What goes: phone numbers, e-mail addresses, the form that could be posted (number, designation and API key in it),
return addresses, and the story of the payment. What stays: trans id, amount, state, operator, CinetPay's payid, times,
reports, refunds, and of the form what a late acceptance is judged by. So a notification or a click still settles an old
payment that nobody has paid, and a purged one is never mistaken for an unknown one.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, func, or_, select, update

from saleor_cinetpay.cinetpay.form import LAST_RESORT_DESIGNATION
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database, metadata
from saleor_cinetpay.errors import Unreadable
from saleor_cinetpay.payments.history import Event, record
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.rows import payment_of, seal_form
from saleor_cinetpay.payments.tables import payment_events, payments, problems
from saleor_cinetpay.shops.secrets import SecretBox

SHORTEST = timedelta(days=30)
"""What is younger may still be needed: buyers complain, and refunds are asked for."""
BATCH = 50

UNFINISHED: dict[str, Callable[[ColumnElement[Any]], ColumnElement[bool]]] = {
    "due_at": lambda due_at: due_at.is_not(None),
    "solved_at": lambda solved_at: and_(solved_at.is_(None), problems.c.dismissed_at.is_(None)),
    "decided_at": lambda decided_at: decided_at.is_(None),
}
"""By which columns a row beside a payment tells that something is still to be done about it."""

_STRIP = update(payments).where(payments.c.trans_id == bindparam("of")).values(sealed_form=bindparam("form"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What has gone so far."""

    payments: int = 0
    events: int = 0
    unreadable: int = 0
    """Payments that no key of SECRET_KEY opens; they are left as they are."""


class Purge:
    """Takes personal data out of closed payments, a few at a time, while others work."""

    def __init__(self, database: Database, secrets: SecretBox, clock: Clock) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock

    async def count(self, older_than: timedelta) -> int:
        """Return how many payments `run` would purge, and change nothing."""
        async with self._database.read() as connection:
            return (
                await connection.execute(
                    select(func.count()).select_from(payments).where(*self._closed(self._before(older_than)))
                )
            ).scalar_one()

    async def run(self, older_than: timedelta) -> AsyncIterator[Purged]:
        """Purge, and yield after each batch what has gone so far. What was broken off is taken up by the next run.

        Raises:
            ValueError: where `older_than` is so short that it would take what is still needed.
        """
        before = self._before(older_than)
        purged, after = Purged(), ""
        while rows := await self._read(before, after):
            after = rows[-1].trans_id
            purged = await self._purge(rows, before, purged)
            yield purged

    def _before(self, older_than: timedelta) -> datetime:
        if older_than < SHORTEST:
            raise ValueError(f"nothing younger than {SHORTEST.days} days is purged")
        return self._clock.now() - older_than

    async def _read(self, before: datetime, after: str) -> Sequence[Any]:
        batch = select(payments).where(*self._closed(before), payments.c.trans_id > after)
        async with self._database.read() as connection:
            return (await connection.execute(batch.order_by(payments.c.trans_id).limit(BATCH))).all()

    async def _purge(self, rows: Sequence[Any], before: datetime, so_far: Purged) -> Purged:
        stripped: dict[str, str] = {}
        for row in rows:
            try:
                stripped[row.trans_id] = seal_form(_stripped(payment_of(row, self._secrets)), self._secrets)
            except Unreadable:
                continue
        as_read = {row.trans_id: row.sealed_form for row in rows}
        now = self._clock.now()
        events = 0
        async with self._database.write() as connection:
            # Whoever takes a payment up locks its row first: what is still closed now stays so until we are done.
            still = select(payments.c.trans_id, payments.c.sealed_form).where(
                payments.c.trans_id.in_(list(stripped)), *self._closed(before)
            )
            # In order, as others who lock several do, so that they never wait for each other.
            in_order = still.order_by(payments.c.trans_id)
            locked = (await connection.execute(in_order.with_for_update(of=payments))).all()
            gone = [row.trans_id for row in locked if row.sealed_form == as_read[row.trans_id]]
            if gone:
                emptied = {"purged_at": now, **_emptied(payments)}
                await connection.execute(
                    update(payments)
                    .where(payments.c.trans_id == bindparam("of"))
                    .values(sealed_form=bindparam("form")),
                    [{"of": trans_id, "form": stripped[trans_id]} for trans_id in gone],
                )
                await connection.execute(update(payments).where(payments.c.trans_id.in_(gone)).values(**emptied))
                told = await connection.execute(delete(payment_events).where(payment_events.c.trans_id.in_(gone)))
                events = told.rowcount
                for table in _tables_beside():
                    await connection.execute(update(table).where(table.c.trans_id.in_(gone)).values(**_emptied(table)))
                for trans_id in gone:
                    await record(connection, trans_id, now, Event(kind="purged"))
        return Purged(
            payments=so_far.payments + len(gone),
            events=so_far.events + events,
            unreadable=so_far.unreadable + len(rows) - len(stripped),
        )

    def _closed(self, before: datetime) -> Sequence[ColumnElement[bool]]:
        """Say which payments nobody works on or waits for, and that are older than that and not purged yet.

        Work of a payment is whatever stands in a table beside it and is due or unsolved.
        """
        return (
            payments.c.opened_at < before,
            or_(payments.c.looked_at.is_(None), payments.c.looked_at < before),
            payments.c.state != PaymentState.SUSPECT,
            payments.c.due_at.is_(None),
            payments.c.lease.is_(None),
            payments.c.watch_until < self._clock.now(),
            or_(payments.c.purged_at.is_(None), payments.c.purged_at <= payments.c.looked_at),
            *(~waits for waits in _waiting()),
        )


def _waiting() -> Iterator[ColumnElement[bool]]:
    """Yield, for each table beside the payments, whether a row there still makes its payment wait.

    What waits is listed once for each statement, and it is little; looked for payment by payment, a table without an
    index would be read as often as there are payments.
    """
    for table in metadata.sorted_tables:
        for name, unfinished in UNFINISHED.items():
            if table is not payments and "trans_id" in table.c and name in table.c:
                waits = select(table.c.trans_id).where(table.c.trans_id.is_not(None), unfinished(table.c[name]))
                yield payments.c.trans_id.in_(waits)


def _stripped(payment: Payment) -> Payment:
    """Return a payment whose form can't be posted any more and tells of nobody, but which can still be judged."""
    return replace(
        payment,
        fields=replace(payment.fields, phone=None, designation=LAST_RESORT_DESIGNATION),
        api_key=None,
    )


def personal_columns(table: Table) -> list[str]:
    """Name what of a table is emptied: what is marked as personal, and what is sealed besides the form."""
    return [
        column.name
        for column in table.columns
        if column.info.get("personal") or (column.name.startswith("sealed_") and column.name != "sealed_form")
    ]


def _emptied(table: Table) -> dict[str, None]:
    return dict.fromkeys(personal_columns(table))


def _tables_beside() -> list[Table]:
    """Return the tables that hold something personal of a payment, the payments aside."""
    return [
        table
        for table in metadata.sorted_tables
        if table is not payments and "trans_id" in table.c and personal_columns(table)
    ]
