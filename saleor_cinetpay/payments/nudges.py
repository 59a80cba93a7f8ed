"""Nudges: hints that something changed (a notification, a return), which make payments due for a look.

Anybody can send them, in any number. So many are written together, those about payments that nothing changes any more
or that do not exist cost one read for all of them, and repeated ones cost one look.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.tables import payments

CLOSED = (PaymentState.ACCEPTED, PaymentState.OPENING)
"""States in which no look changes anything."""

_AT = bindparam("nudged_at", type_=payments.c.due_at.type)
_WANTED = case((payments.c.quiet_until > _AT, payments.c.quiet_until), else_=_AT)
_LEASED = and_(payments.c.lease.is_not(None), payments.c.due_at > _AT)
_EARLIER = and_(payments.c.due_at.is_not(None), payments.c.due_at <= _WANTED)
NUDGING: Mapping[Any, Any] = {
    payments.c.hints: payments.c.hints + 1,
    payments.c.due_at: case((_LEASED, payments.c.due_at), (_EARLIER, payments.c.due_at), else_=_WANTED),
}
"""What a nudge changes at the moment that is given as `nudged_at`: due at once, or when the quiet time ends.

During a look only a mark is left."""

_NUDGE = (
    update(payments)
    .where(payments.c.trans_id == bindparam("of"), *(payments.c.state != state for state in CLOSED))
    .values(dict(NUDGING) | {payments.c.notified_at: func.coalesce(payments.c.notified_at, _AT)})
)
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

            async def nudge(connection: AsyncConnection) -> None:
                await connection.execute(_NUDGE, [{"of": one.trans_id, "nudged_at": now} for one in sorted(known)])

            await self._database.change(nudge)
        return dict.fromkeys(known, True)
