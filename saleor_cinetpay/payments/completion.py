"""Completing the paid checkout of a buyer who closed the tab.

After the shop's grace time the app asks Saleor, and completes the checkout only if it is fully charged. A checkout that
is gone has become an order already. Everything else is for a person, with Saleor's reason; the app goes on looking,
ever more slowly: what a person puts right is completed, and what they have completed themselves is told no more.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import structlog
from sqlalchemy import select, update

from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorError, SaleorRefused
from saleor_cinetpay.payments.delivery import NOT_LET_IN, InstallationsByUrl
from saleor_cinetpay.payments.due import Due
from saleor_cinetpay.payments.history import Event, record
from saleor_cinetpay.payments.ledger import LEASE
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.refund import RefundState
from saleor_cinetpay.payments.report import ReportState, ReportType
from saleor_cinetpay.payments.tables import completions, payments, refunds, reports
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.schedule import JITTER, retry_delay_s
from saleor_cinetpay.shops.installations import Installation

CALL_S = 10.0
REPORTED_WITHIN = timedelta(minutes=30)
"""How long a checkout may lack a charge that is on its way, before a person is told."""

GIVEN_UP_AFTER = timedelta(days=14)
"""How long a checkout that a person was told of is looked at, counted from the acceptance."""
GIVEN_UP_EVERY_S = 900.0
"""How often that is at the most."""

NOT_COMPLETED = "not_completed"
"""The outcome of a checkout that a person was told of."""

_DUE = Due(completions, whose=completions.c.saleor_api_url)

log = structlog.get_logger(__name__)


class CheckoutState(StrEnum):
    """What Saleor says of a checkout."""

    CHARGED = "charged"
    NOT_CHARGED = "not_charged"
    GONE = "gone"
    """It has become an order, or was deleted."""


class Checkouts(Protocol):
    """Reads and completes checkouts of Saleor."""

    async def state_of(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> CheckoutState:
        """Say how a checkout stands.

        Raises:
            SaleorError: where Saleor can't tell.
        """
        ...

    async def complete(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> str:
        """Turn a checkout into an order and return its id; again and again the same one.

        Raises:
            SaleorRefused: with Saleor's reason.
            SaleorError: where Saleor can't be asked.
        """
        ...


class LearnedOrders(Protocol):
    """Learns which orders payments pay."""

    async def learn(self, trans_id: str, *, timeout_s: float) -> bool:
        """Ask Saleor, where it is not known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCompletion:
    """A checkout that somebody has claimed to complete."""

    trans_id: TransId
    saleor_api_url: str
    checkout_id: str
    accepted_at: datetime
    told: bool
    """Whether a person has been told of it."""
    lease: str


class Completion:
    """Completes claimed checkouts."""

    def __init__(
        self,
        *,
        database: Database,
        checkouts: Checkouts,
        installations: InstallationsByUrl,
        clock: Clock,
        chance: Chance,
        orders: LearnedOrders | None = None,
    ) -> None:
        self._database = database
        self._problems = Problems(database)
        self._checkouts = checkouts
        self._installations = installations
        self._clock = clock
        self._chance = chance
        self._orders = orders

    async def claim_due(self, limit: int, *, except_shops: Collection[str] = ()) -> list[DueCompletion]:
        """Take the leases of checkouts that are due, the longest due first."""
        now, lease = self._clock.now(), self._chance.token()
        until = now + LEASE
        rows = await _DUE.claim(self._database, limit, now=now, until=until, lease=lease, busy=except_shops)
        return [
            DueCompletion(
                trans_id=TransId(row.trans_id),
                saleor_api_url=row.saleor_api_url,
                checkout_id=row.checkout_id,
                accepted_at=row.accepted_at,
                told=row.outcome == NOT_COMPLETED,
                lease=lease,
            )
            for row in rows
        ]

    async def complete(self, due: DueCompletion) -> None:
        """Complete one checkout, or tell a person why not; one whose Saleor does not answer comes back by itself."""
        installation = await self._installations.find(due.saleor_api_url)
        if installation is None:
            return await self._later(due, "the app is not installed there now")
        if due.told and await self._dismissed(due):
            return await self._close(due, NOT_COMPLETED)
        try:
            match await self._checkouts.state_of(installation, due.checkout_id, timeout_s=CALL_S):
                case CheckoutState.GONE if due.told and not await self._has_order(due):
                    await self._given_up(due, "the checkout is gone, and Saleor names no order")
                case CheckoutState.GONE:
                    await self._done(due, "gone", Event(kind="checkout_gone"))
                case CheckoutState.CHARGED:
                    order_id = await self._checkouts.complete(installation, due.checkout_id, timeout_s=CALL_S)
                    await self._done(due, "completed", Event(kind="checkout_completed", detail={"order_id": order_id}))
                case CheckoutState.NOT_CHARGED if await self._report_is_on_its_way(due):
                    await self._later(due, "Saleor has not been told of the charge yet")
                case CheckoutState.NOT_CHARGED if (refund := await self._refund_of(due)) is RefundState.PAID_BACK:
                    await self._done(due, "refunded", Event(kind="checkout_refunded"))
                case CheckoutState.NOT_CHARGED if refund is RefundState.WAITING:
                    await self._later(due, "a refund waits for a person")
                case CheckoutState.NOT_CHARGED if self._clock.now() < due.accepted_at + REPORTED_WITHIN:
                    await self._later(due, "Saleor does not count the checkout as fully charged yet")
                case CheckoutState.NOT_CHARGED:
                    await self._given_up(due, "Saleor does not count the checkout as fully charged")
        except SaleorRefused as refused:
            if refused.code in NOT_LET_IN:
                await self._later(due, str(refused))
            else:
                await self._given_up(due, str(refused))
        except SaleorError as error:
            await self._later(due, str(error))

    async def _report_is_on_its_way(self, due: DueCompletion) -> bool:
        async with self._database.read() as connection:
            row = await connection.execute(
                select(reports.c.id).where(
                    reports.c.trans_id == due.trans_id,
                    reports.c.type == ReportType.CHARGE_SUCCESS,
                    reports.c.state == ReportState.DUE,
                )
            )
        return row.first() is not None

    async def _refund_of(self, due: DueCompletion) -> RefundState | None:
        """Say whether staff have asked for the money back, so that nobody wants an order any more."""
        states = [RefundState.WAITING, RefundState.PAID_BACK]
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(refunds.c.state).where(refunds.c.trans_id == due.trans_id, refunds.c.state.in_(states))
            )
            found = {RefundState(row.state) for row in rows}
        return next((state for state in states if state in found), None)

    async def _dismissed(self, due: DueCompletion) -> bool:
        """Say whether a person has taken the matter off the shop's list: then it is theirs alone."""
        standing = await self._problems.standing(due.saleor_api_url)
        return any(
            one.problem.kind is ProblemKind.NOT_COMPLETED
            and one.problem.trans_id == due.trans_id
            and one.dismissed_at is not None
            for one in standing
        )

    async def _has_order(self, due: DueCompletion) -> bool:
        """Say whether Saleor names an order that the payment pays: a checkout that is gone may have been deleted."""
        if self._orders is not None:
            await self._orders.learn(due.trans_id, timeout_s=CALL_S)
        async with self._database.read() as connection:
            order_id = await connection.scalar(select(payments.c.order_id).where(payments.c.trans_id == due.trans_id))
        return order_id is not None

    async def _done(self, due: DueCompletion, outcome: str, event: Event) -> None:
        log.info("checkout_completion", trans_id=due.trans_id, outcome=outcome)
        await self._close(due, outcome, event)
        if self._orders is not None:  # staff find the payment by the order's number from now on
            await self._orders.learn(due.trans_id, timeout_s=CALL_S)

    async def _given_up(self, due: DueCompletion, reason: str) -> None:
        tell = log.info if due.told else log.warning
        tell("checkout_completion", trans_id=due.trans_id, outcome=NOT_COMPLETED, reason=reason)
        problem = Problem(
            kind=ProblemKind.NOT_COMPLETED,
            saleor_api_url=due.saleor_api_url,
            subject=due.trans_id,
            trans_id=due.trans_id,
            detail={"reason": reason[:300], "checkout_id": due.checkout_id},
        )
        event = Event(kind="checkout_not_completed", detail={"reason": reason[:300]})
        await self._close(due, NOT_COMPLETED, event, problem)

    async def _close(
        self, due: DueCompletion, outcome: str, event: Event | None = None, problem: Problem | None = None
    ) -> None:
        """Write an outcome down; one with a problem is looked at again for a while, and told once."""
        now = self._clock.now()
        again_at = None if problem is None else self._looked_at_again(due, now)
        async with self._database.write() as connection:
            closed = await connection.execute(
                update(completions)
                .where(completions.c.trans_id == due.trans_id, completions.c.lease == due.lease)
                .values(outcome=outcome, due_at=again_at, lease=None)
            )
            if closed.rowcount != 1:
                return
            news = problem is None or await self._problems.raise_in(connection, problem, now)
            if event is not None and news:
                await record(connection, due.trans_id, now, event)
            if outcome != NOT_COMPLETED:
                await self._problems.solve_in(connection, ProblemKind.NOT_COMPLETED, due.trans_id, now)

    def _looked_at_again(self, due: DueCompletion, now: datetime) -> datetime | None:
        elapsed = now - due.accepted_at
        if elapsed >= GIVEN_UP_AFTER:
            return None
        return now + timedelta(seconds=self._jittered(max(GIVEN_UP_EVERY_S, retry_delay_s(elapsed))))

    def _jittered(self, delay_s: float) -> float:
        return delay_s * (1 - JITTER * self._chance.fraction())

    async def _later(self, due: DueCompletion, reason: str) -> None:
        now = self._clock.now()
        delay_s = self._jittered(retry_delay_s(now - due.accepted_at))
        log.info("checkout_completion", trans_id=due.trans_id, outcome="later", reason=reason, again_s=delay_s)
        async with self._database.write() as connection:
            await connection.execute(
                update(completions)
                .where(completions.c.trans_id == due.trans_id, completions.c.lease == due.lease)
                .values(due_at=now + timedelta(seconds=delay_s), lease=None)
            )
