"""Completing the paid checkout of a buyer who closed the tab.

After the shop's grace time the app asks Saleor, and completes the checkout only if it is fully charged. A checkout that
is gone has become an order already. Everything else is for a person, with Saleor's reason.
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
from saleor_cinetpay.payments.delivery import InstallationsByUrl
from saleor_cinetpay.payments.due import Due
from saleor_cinetpay.payments.history import Event, record
from saleor_cinetpay.payments.ledger import LEASE
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.refund import RefundState
from saleor_cinetpay.payments.report import ReportState, ReportType
from saleor_cinetpay.payments.tables import completions, refunds, reports
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.schedule import JITTER, retry_delay_s
from saleor_cinetpay.shops.installations import Installation

CALL_S = 10.0
REPORTED_WITHIN = timedelta(minutes=30)
"""How long a checkout may lack a charge that is on its way, before a person is told."""

NOT_LET_IN = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
"""What a Saleor says that has deleted the app; the next registration takes the work up again."""

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
                lease=lease,
            )
            for row in rows
        ]

    async def complete(self, due: DueCompletion) -> None:
        """Complete one checkout, or tell a person why not; one whose Saleor does not answer comes back by itself."""
        installation = await self._installations.find(due.saleor_api_url)
        if installation is None:
            return await self._later(due, "the app is not installed there now")
        try:
            match await self._checkouts.state_of(installation, due.checkout_id, timeout_s=CALL_S):
                case CheckoutState.GONE:
                    await self._done(due, "gone")
                case CheckoutState.CHARGED:
                    order_id = await self._checkouts.complete(installation, due.checkout_id, timeout_s=CALL_S)
                    await self._done(due, "completed", order_id=order_id)
                case CheckoutState.NOT_CHARGED if await self._report_is_on_its_way(due):
                    await self._later(due, "Saleor has not been told of the charge yet")
                case CheckoutState.NOT_CHARGED if (refund := await self._refund_of(due)) is RefundState.PAID_BACK:
                    await self._done(due, "refunded")
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

    async def _done(self, due: DueCompletion, outcome: str, **detail: str) -> None:
        log.info("checkout_completion", trans_id=due.trans_id, outcome=outcome)
        await self._close(due, outcome, Event(kind=f"checkout_{outcome}", detail=detail))
        if self._orders is not None:  # staff find the payment by the order's number from now on
            await self._orders.learn(due.trans_id, timeout_s=CALL_S)

    async def _given_up(self, due: DueCompletion, reason: str) -> None:
        log.warning("checkout_completion", trans_id=due.trans_id, outcome="not_completed", reason=reason)
        problem = Problem(
            kind=ProblemKind.NOT_COMPLETED,
            saleor_api_url=due.saleor_api_url,
            subject=due.trans_id,
            trans_id=due.trans_id,
            detail={"reason": reason[:300], "checkout_id": due.checkout_id},
        )
        event = Event(kind="checkout_not_completed", detail={"reason": reason[:300]})
        await self._close(due, "not_completed", event, problem)

    async def _close(self, due: DueCompletion, outcome: str, event: Event, problem: Problem | None = None) -> None:
        now = self._clock.now()
        async with self._database.write() as connection:
            closed = await connection.execute(
                update(completions)
                .where(completions.c.trans_id == due.trans_id, completions.c.lease == due.lease)
                .values(outcome=outcome, due_at=None, lease=None)
            )
            if closed.rowcount != 1:
                return
            await record(connection, due.trans_id, now, event)
            if problem is not None:
                await self._problems.raise_in(connection, problem, now)

    async def _later(self, due: DueCompletion, reason: str) -> None:
        now = self._clock.now()
        delay_s = retry_delay_s(now - due.accepted_at) * (1 - JITTER * self._chance.fraction())
        log.info("checkout_completion", trans_id=due.trans_id, outcome="later", reason=reason, again_s=delay_s)
        async with self._database.write() as connection:
            await connection.execute(
                update(completions)
                .where(completions.c.trans_id == due.trans_id, completions.c.lease == due.lease)
                .values(due_at=now + timedelta(seconds=delay_s), lease=None)
            )
