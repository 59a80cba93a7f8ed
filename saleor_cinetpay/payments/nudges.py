"""Nudges: hints that something changed (a notification, a return), which make payments due for a look.

Anybody can send them, in any number. So many are written together, those about payments that nothing changes any more
or that do not exist cost one read for all of them, and repeated ones cost one look.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.tables import payments

CLOSED = (PaymentState.ACCEPTED, PaymentState.OPENING)
"""States in which no look changes anything."""

_OPEN = select(payments.c.trans_id, payments.c.account_key).where(
    payments.c.trans_id.in_(bindparam("named", expanding=True)), payments.c.state.not_in(CLOSED)
)


class Nudge(NamedTuple):
    """A hint about a payment of an account; whoever sends it may have made both up."""

    trans_id: str
    account_key: str


class Nudges:
    """Writes nudges down."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self, nudges: Collection[Nudge]) -> Mapping[Nudge, bool]:
        """Make these payments due, and say which of them there are; writes nothing where there are none."""
        named = {"named": list({nudge.trans_id for nudge in nudges})}

        async def look(connection: AsyncConnection) -> list[Any]:
            return list(await connection.execute(_OPEN, named))

        known = {Nudge(row.trans_id, row.account_key) for row in await self._database.query(look)} & set(nudges)
        if known:
            now = self._clock.now()
            due = (
                update(payments)
                .where(payments.c.trans_id == bindparam("of"), *(payments.c.state != state for state in CLOSED))
                .values(nudging(now) | {payments.c.notified_at: func.coalesce(payments.c.notified_at, now)})
            )

            async def nudge(connection: AsyncConnection) -> None:
                await connection.execute(due, [{"of": nudge.trans_id} for nudge in sorted(known)])

            await self._database.change(nudge)
        return dict.fromkeys(known, True)


def nudging(now: datetime) -> dict[Any, Any]:
    """Return what a nudge changes: due at once, or when the quiet time ends; during a look only a mark is left."""
    wanted = case((payments.c.quiet_until > now, payments.c.quiet_until), else_=now)
    leased = and_(payments.c.lease.is_not(None), payments.c.due_at > now)
    earlier = and_(payments.c.due_at.is_not(None), payments.c.due_at <= wanted)
    return {
        payments.c.hints: payments.c.hints + 1,
        payments.c.due_at: case((leased, payments.c.due_at), (earlier, payments.c.due_at), else_=wanted),
    }
