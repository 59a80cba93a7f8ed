"""The ledger read in bulk, for comparing it with CinetPay's history and with Saleor."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import Unreadable
from saleor_cinetpay.payments.history import Event, record
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.report import ReportState, ReportType
from saleor_cinetpay.payments.rows import payment_of
from saleor_cinetpay.payments.tables import payments, reports
from saleor_cinetpay.shops.secrets import SecretBox

AT_ONCE = 500
"""How many payments are asked for by name in one query."""

OUTCOMES = {PaymentState.ACCEPTED: ReportType.CHARGE_SUCCESS, PaymentState.REFUSED: ReportType.CHARGE_FAILURE}
"""What Saleor is told of a payment that has come to its end."""

_SUCCESS = and_(reports.c.trans_id == payments.c.trans_id, reports.c.type == ReportType.CHARGE_SUCCESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A payment, and where the report of its success stands."""

    payment: Payment
    report: ReportState | None
    """None where there is none: not accepted, or Saleor held the charge before we knew the payment."""
    report_written_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unopened:
    """A payment that the ledger holds and this process can't read; nothing can be said or done about it."""

    account_key: str
    reason: str


class Books:
    """Reads payments in bulk, and makes reports due again."""

    def __init__(self, database: Database, secrets: SecretBox, clock: Clock) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock

    async def among(self, trans_ids: Collection[str]) -> dict[str, Held | Unopened]:
        """Return those payments that the ledger holds, by their trans ids."""
        wanted, held = list(trans_ids), dict[str, Held | Unopened]()
        for start in range(0, len(wanted), AT_ONCE):
            held |= await self._read(payments.c.trans_id.in_(wanted[start : start + AT_ONCE]))
        return held

    async def accepted_on(self, day: date, account_keys: Collection[str]) -> dict[str, Held | Unopened]:
        """Return the payments of these accounts whose success has its time on that day (UTC), by their trans ids."""
        midnight = datetime.combine(day, time(), UTC)
        return await self._read(
            payments.c.state == PaymentState.ACCEPTED,
            payments.c.account_key.in_(account_keys),
            payments.c.success_time >= midnight,
            payments.c.success_time < midnight + timedelta(days=1),
        )

    async def report_again(self, trans_id: str) -> bool:
        """Make the delivered report of a success due once more; say whether there was one."""
        now = self._clock.now()
        async with self._database.write() as connection:
            again = await connection.execute(
                update(reports)
                .where(
                    reports.c.trans_id == trans_id,
                    reports.c.type == ReportType.CHARGE_SUCCESS,
                    reports.c.state == ReportState.DELIVERED,
                )
                .values(state=ReportState.DUE, due_at=now, delivered_at=None)
            )
            if again.rowcount:
                await record(connection, trans_id, now, Event(kind="reported_again"))
        return bool(again.rowcount)

    async def report_at_once(self, trans_id: str, *, by: str) -> bool:
        """Deliver the report of a payment's outcome now, or once more, because a person wants it; say if there is one.

        A failure is never told again once the payment is accepted. One that is being delivered is left alone.
        """
        now = self._clock.now()
        async with self._database.write() as connection:
            state = (
                await connection.execute(
                    select(payments.c.state).where(payments.c.trans_id == trans_id).with_for_update()
                )
            ).scalar_one_or_none()
            outcome = OUTCOMES.get(PaymentState(state)) if state else None
            if outcome is None:
                return False
            its_own = (reports.c.trans_id == trans_id, reports.c.type == outcome)
            again = await connection.execute(
                update(reports)
                .where(
                    *its_own,
                    reports.c.state.in_([ReportState.DELIVERED, ReportState.DUE]),
                    or_(reports.c.lease.is_(None), reports.c.due_at <= now),
                )
                .values(state=ReportState.DUE, due_at=now, delivered_at=None, lease=None)
            )
            if again.rowcount:
                await record(connection, trans_id, now, Event(kind="reported_again", detail={"by": by}))
                return True
            under_way = select(reports.c.id).where(*its_own, reports.c.state == ReportState.DUE)
            return (await connection.execute(under_way)).first() is not None

    async def _read(self, *conditions: ColumnElement[bool]) -> dict[str, Held | Unopened]:
        columns = (reports.c.state.label("report_state"), reports.c.created_at.label("report_written_at"))
        statement = select(payments, *columns).outerjoin(reports, _SUCCESS).where(*conditions)
        async with self._database.read() as connection:
            rows: list[Any] = list(await connection.execute(statement))
        return {row.trans_id: self._held(row) for row in rows}

    def _held(self, row: Any) -> Held | Unopened:
        try:
            payment = payment_of(row, self._secrets)
        except Unreadable as error:
            return Unopened(account_key=row.account_key, reason=str(error))
        return Held(
            payment=payment,
            report=None if row.report_state is None else ReportState(row.report_state),
            report_written_at=row.report_written_at,
        )
