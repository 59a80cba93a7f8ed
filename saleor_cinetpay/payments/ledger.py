"""The ledger: our own durable record of payments, their events and their reports.

Nothing is acknowledged to anybody before it stands here. A payment or a report that is due *is* the work item:
whoever claims it moves `due_at` to the end of a lease and holds a token; what a dead process had claimed becomes
due again by itself. Everything that changes a leased row proves the token first.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import CursorResult, Executable, bindparam, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import Unreadable
from saleor_cinetpay.inserting import insert_unless_there
from saleor_cinetpay.payments.conclusion import Conclusion
from saleor_cinetpay.payments.due import Due, give_back
from saleor_cinetpay.payments.history import Event, record
from saleor_cinetpay.payments.nudges import CLOSED, NUDGING
from saleor_cinetpay.payments.outbox import write_report
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.report import DueReport, Report, ReportState, ReportType
from saleor_cinetpay.payments.rows import UNCHANGED, as_held, changes_of, payment_of, report_of_row, row_of
from saleor_cinetpay.payments.surplus import raise_surplus
from saleor_cinetpay.payments.tables import completions, payment_events, payments, reports
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.stored import known_words

LEASE = timedelta(seconds=30)

# What every payment needs is spelled once: building a statement takes SQLAlchemy longer than SQLite takes to run it.
_ONE = select(payments).where(payments.c.trans_id == bindparam("of"))
_STATE = select(payments.c.state).where(payments.c.trans_id == bindparam("of")).with_for_update()
_LEASED = _ONE.where(payments.c.lease == bindparam("held")).with_for_update()
# The columns that are given as parameters are set as well.
_SAVE = (
    update(payments)
    .where(
        payments.c.trans_id == bindparam("of"),
        payments.c.lease == bindparam("held"),
        payments.c.state != PaymentState.ACCEPTED,
        UNCHANGED,
    )
    .values(
        hints=payments.c.hints - bindparam("seen"),
        notified_at=case((payments.c.hints > bindparam("seen"), payments.c.notified_at), else_=None),
    )
)
_LEASING = update(payments).values(due_at=bindparam("leased_until"), lease=bindparam("held")).returning(payments)
_CLAIM = _LEASING.where(
    payments.c.trans_id == bindparam("of"),
    payments.c.state != PaymentState.ACCEPTED,
    or_(payments.c.lease.is_(None), payments.c.due_at <= bindparam("at")),
)
_CLAIM_OF_SHOP = _CLAIM.where(payments.c.saleor_api_url == bindparam("shop"), payments.c.state != PaymentState.OPENING)
_FINISH = update(reports).where(reports.c.id == bindparam("of"), reports.c.lease == bindparam("held"))
_DUE_PAYMENTS = Due(payments, whose=payments.c.account_key)
_DUE_REPORTS = Due(
    reports,
    whose=reports.c.saleor_api_url,
    only=known_words(reports.c.type, ReportType),
    one_by_one=reports.c.trans_id,
    attempts=reports.c.attempts + 1,
)

log = structlog.get_logger(__name__)


class Ledger:
    """Reads and writes payments, events and reports; every method is one database transaction."""

    def __init__(self, database: Database, secrets: SecretBox, clock: Clock, chance: Chance) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._chance = chance
        self.problems = Problems(database)

    # -- payments ------------------------------------------------------------------------------------------------

    async def open(self, payment: Payment, event: Event) -> Payment:
        """Write a payment down, and return it; or the one that already stands under its trans id."""
        row = row_of(payment, self._secrets)

        async def work(connection: AsyncConnection) -> Payment:
            written: CursorResult[Any] = await connection.execute(insert_unless_there(connection, payments), row)
            if written.rowcount == 1:
                await record(connection, payment.trans_id, self._clock.now(), event)
                return payment
            return await self._fetch(connection, payment.trans_id)

        return await self._database.change(work)

    async def begin(self, payment: Payment, event: Event) -> Payment | None:
        """Write a new payment down and take its lease in one; None where one stands under its trans id already."""
        now = self._clock.now()
        leased = replace(payment, due_at=now + LEASE, lease=self._chance.token())
        row = row_of(leased, self._secrets)

        async def work(connection: AsyncConnection) -> Payment | None:
            written: CursorResult[Any] = await connection.execute(insert_unless_there(connection, payments), row)
            if written.rowcount != 1:
                return None
            await record(connection, payment.trans_id, now, event)
            return leased

        return await self._database.change(work)

    async def find(self, trans_id: str) -> Payment | None:
        """Return the payment, or None."""

        async def work(connection: AsyncConnection) -> Any:
            return (await connection.execute(_ONE, {"of": trans_id})).one_or_none()

        row = await self._database.query(work)
        return None if row is None else payment_of(row, self._secrets)

    async def claim_of_shop(self, trans_id: str, saleor_api_url: str) -> Payment | None:
        """Take the lease of a payment that is open and that shop's; None where it can't be had."""
        now = self._clock.now()
        claimed = await self._claim_payments(_CLAIM_OF_SHOP, now, of=trans_id, at=now, shop=saleor_api_url)
        return claimed[0] if claimed else None

    async def claim(
        self, trans_id: str, *, due_only: bool = False, state: PaymentState | None = None
    ) -> Payment | None:
        """Take the lease of one payment that can still change (and is in that state); None where it can't be had."""
        now = self._clock.now()
        statement = _CLAIM
        if due_only:
            statement = statement.where(payments.c.due_at <= bindparam("at"))
        if state is not None:
            statement = statement.where(payments.c.state == state)
        claimed = await self._claim_payments(statement, now, of=trans_id, at=now)
        return claimed[0] if claimed else None

    async def claim_due(self, limit: int, *, except_accounts: Collection[str] = ()) -> list[Payment]:
        """Take the leases of payments that are due, the longest due first."""
        rows = await self._claim(_DUE_PAYMENTS, limit, busy=except_accounts)
        return [payment for row in rows if (payment := self._readable(row)) is not None]

    async def save(
        self, claimed: Payment, decide: Callable[[Payment], Conclusion], event: Callable[[Payment, Payment], Event]
    ) -> Payment | None:
        """Write a payment's next state, its event and its report together, and give the lease back.

        `decide` is asked inside the transaction, with the payment as it stands at that moment: as it was claimed, or,
        where somebody has changed it meanwhile, as it is read again. None where the lease was lost; then nothing is
        written.
        """
        now = self._clock.now()

        async def write(connection: AsyncConnection, before: Payment) -> Payment | None:
            conclusion = decide(before)
            after = replace(conclusion.payment, lease=None, hints=before.hints - claimed.hints)
            after = _heeding_hints(after, now)
            changes = changes_of(before, after, self._secrets)
            as_claimed = {"of": claimed.trans_id, "held": claimed.lease, "seen": claimed.hints}
            saved: CursorResult[Any] = await connection.execute(_SAVE, as_claimed | as_held(before) | changes)
            if saved.rowcount != 1:
                return None
            if conclusion.report is not None:
                await write_report(connection, conclusion.report, now)
            await self._write_aftermath(connection, after, conclusion, now)
            await record(connection, claimed.trans_id, self._clock.now(), event(before, after))
            return after

        async def work(connection: AsyncConnection) -> Payment | None:
            after = await write(connection, claimed)
            if after is not None:
                return after
            row = (await connection.execute(_LEASED, {"of": claimed.trans_id, "held": claimed.lease})).one_or_none()
            return None if row is None else await write(connection, payment_of(row, self._secrets))

        return await self._database.change(work)

    async def give_back(self, claimed: Payment) -> None:
        """Give the lease of a payment back without a look; it is due at once."""
        await give_back(
            self._database,
            payments.c.trans_id == claimed.trans_id,
            payments,
            lease=claimed.lease,
            now=self._clock.now(),
        )

    async def nudge(self, trans_id: str, *, account_key: str | None = None, buyer_back: bool = False) -> Payment | None:
        """Make a payment (of that account) due at once, or when its quiet time ends; None where no look changes it.

        Many nudges cost one look: while somebody looks they only leave a mark, and a look after the last mark is sure.
        """
        now = self._clock.now()
        values = dict(NUDGING)
        conditions = [payments.c.trans_id == trans_id, payments.c.state.not_in(CLOSED)]
        if account_key is not None:
            conditions.append(payments.c.account_key == account_key)
        if buyer_back:
            values[payments.c.buyer_back_at] = func.coalesce(payments.c.buyer_back_at, now)
        statement = update(payments).where(*conditions).values(values).returning(payments)

        async def work(connection: AsyncConnection) -> Any:
            return (await connection.execute(statement, {"nudged_at": now})).one_or_none()

        row = await self._database.change(work)
        return None if row is None else payment_of(row, self._secrets)

    async def hand_over(self, payment: Payment) -> None:
        """Note that the buyer goes to the payment page (again)."""
        async with self._database.write() as connection:
            gone = await connection.execute(
                update(payments)
                .where(payments.c.trans_id == payment.trans_id, payments.c.buyer_back_at.is_not(None))
                .values(buyer_back_at=None)
            )
            known = await connection.execute(
                select(payment_events.c.id)
                .where(payment_events.c.trans_id == payment.trans_id, payment_events.c.kind == "handed_over")
                .limit(1)
            )
            if gone.rowcount or known.first() is None:
                await record(connection, payment.trans_id, self._clock.now(), Event(kind="handed_over"))

    async def tell_failure(self, trans_id: str, code: str) -> datetime | None:
        """Note that Saleor is about to be told a failure, and return its time; None where the payment is accepted."""
        now = self._clock.now()
        note = (
            update(payments)
            .where(payments.c.trans_id == trans_id, payments.c.state != PaymentState.ACCEPTED)
            .values(failure_told_at=now)
        )

        async def work(connection: AsyncConnection) -> datetime | None:
            if (await connection.execute(note)).rowcount != 1:
                return None
            await record(connection, trans_id, self._clock.now(), Event(kind="failure_told", detail={"code": code}))
            return now

        return await self._database.change(work)

    async def history(self, trans_id: str) -> list[tuple[datetime, Event]]:
        """Return everything that happened to a payment, oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(payment_events).where(payment_events.c.trans_id == trans_id).order_by(payment_events.c.id)
            )
        return [(row.at, Event(kind=row.kind, detail=row.detail)) for row in rows]

    # -- reports -------------------------------------------------------------------------------------------------

    async def claim_due_reports(self, limit: int, *, except_shops: Collection[str] = ()) -> list[DueReport]:
        """Take the leases of reports that are due, the longest due first, and one of each payment at a time.

        Told two events of a transaction at the same instant, Saleor books both and may leave the sums of one out.
        """
        return [report_of_row(row) for row in await self._claim(_DUE_REPORTS, limit, busy=except_shops)]

    async def report_delivered(self, due: DueReport, *, already_processed: bool) -> None:
        """Close a report that Saleor has."""
        now = self._clock.now()
        done = {"state": ReportState.DELIVERED, "delivered_at": now, "due_at": None, "lease": None}
        event = Event(
            kind="report_delivered",
            detail={"type": due.report.type, "attempts": due.attempts, "already_processed": already_processed},
        )
        await self._finish(due, done, event)

    async def report_failed(
        self, due: DueReport, *, reason: str, retry_at: datetime, problem: Problem | None = None
    ) -> None:
        """Give a report back, to be tried again then; a failure that an acceptance has overtaken is withdrawn.

        `problem` is what a person is told of it, unless it is withdrawn.
        """
        event = Event(
            kind="report_failed", detail={"type": due.report.type, "attempts": due.attempts, "reason": reason[:300]}
        )
        withdrawn = {"state": ReportState.SUPERSEDED, "due_at": None, "lease": None}
        await self._finish(
            due,
            {"due_at": retry_at, "lease": None},
            event,
            if_accepted=withdrawn if due.report.type is ReportType.CHARGE_FAILURE else None,
            problem=problem,
        )

    async def take_up_again(self, saleor_api_url: str) -> None:
        """Make everything due that a Saleor is to be told, because it has just registered (again)."""
        now = self._clock.now()
        waiting = (reports.c.state == ReportState.DUE, reports.c.due_at > now, reports.c.lease.is_(None))
        async with self._database.write() as connection:
            await connection.execute(
                update(reports).where(reports.c.saleor_api_url == saleor_api_url, *waiting).values(due_at=now)
            )
            await self.problems.tell_again_in(connection, saleor_api_url, now)

    async def reports_of(self, trans_id: str) -> Sequence[tuple[Report, ReportState]]:
        """Return the reports of a payment, oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(reports).where(reports.c.trans_id == trans_id).order_by(reports.c.id)
            )
        return [(report_of_row(row).report, ReportState(row.state)) for row in rows]

    # -- inside --------------------------------------------------------------------------------------------------

    async def _claim(self, due: Due, limit: int, *, busy: Collection[str]) -> list[Any]:
        now, lease = self._clock.now(), self._chance.token()
        return await due.claim(self._database, limit, now=now, until=now + LEASE, lease=lease, busy=busy)

    async def _claim_payments(self, statement: Executable, now: datetime, **parameters: object) -> list[Payment]:
        lease = {"leased_until": now + LEASE, "held": self._chance.token()}

        async def work(connection: AsyncConnection) -> list[Any]:
            return list(await connection.execute(statement, lease | parameters))

        rows = await self._database.change(work)
        return [payment for row in rows if (payment := self._readable(row)) is not None]

    def _readable(self, row: Any) -> Payment | None:
        """Read a claimed payment; one that can't be read stays leased for a while, and holds up no other."""
        try:
            return payment_of(row, self._secrets)
        except Unreadable as error:
            log.error("payment_unreadable", trans_id=row.trans_id, error=str(error))
            return None

    async def _fetch(self, connection: AsyncConnection, trans_id: str) -> Payment:
        row = (await connection.execute(_ONE, {"of": trans_id})).one()
        return payment_of(row, self._secrets)

    async def _write_aftermath(
        self, connection: AsyncConnection, after: Payment, conclusion: Conclusion, now: datetime
    ) -> None:
        """Write what a conclusion means beside the payment itself: problems, and the checkout to be completed."""
        if conclusion.problem is not None:
            await self.problems.raise_in(connection, conclusion.problem, now)
        for kind in conclusion.solved:
            await self.problems.solve_in(connection, kind, after.trans_id, now)
        if after.state is not PaymentState.ACCEPTED:
            return
        if conclusion.complete_at is not None:
            checkout = {
                "trans_id": after.trans_id,
                "saleor_api_url": after.saleor_api_url,
                "checkout_id": after.source_id,
                "accepted_at": now,
                "due_at": conclusion.complete_at,
            }
            await connection.execute(insert_unless_there(connection, completions), checkout)
        await raise_surplus(connection, after, self.problems, now)

    async def _finish(
        self,
        due: DueReport,
        values: dict[str, Any],
        event: Event,
        *,
        if_accepted: dict[str, Any] | None = None,
        problem: Problem | None = None,
    ) -> None:
        """Write what became of a delivery, if the lease is ours; something else where the payment is accepted."""

        async def work(connection: AsyncConnection) -> None:
            became = values
            if if_accepted is not None:
                state = (await connection.execute(_STATE, {"of": due.report.trans_id})).scalar_one_or_none()
                became = if_accepted if state == PaymentState.ACCEPTED else values
            finished: CursorResult[Any] = await connection.execute(_FINISH, {"of": due.id, "held": due.lease} | became)
            if finished.rowcount != 1:
                return
            now = self._clock.now()
            await record(connection, due.report.trans_id, now, event)
            if "state" not in became:
                if problem is not None:
                    await self.problems.raise_in(connection, problem, now)
            elif due.attempts > 1:
                await self.problems.solve_in(connection, ProblemKind.REPORT_REFUSED, due.report.subject, now)

        await self._database.change(work)


def _heeding_hints(after: Payment, now: datetime) -> Payment:
    """Make a payment due again where a notification or a return came in during the look."""
    if not after.hints or after.state is PaymentState.ACCEPTED:
        return after
    wanted = max(after.quiet_until or now, now)
    return replace(after, due_at=min(after.due_at or wanted, wanted))
