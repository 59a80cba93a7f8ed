"""A shop's figures: how many payments were opened on each day, what became of them, and how much they brought.

Counted in one index (`ix_payments_figures`) and never in the table, so that neither the shop's own number of payments
nor anybody else's makes it slow. Days are UTC's, which are those of the shops: West Africa's CFA countries from Dakar
to Niamey keep GMT, Benin and Niger an hour more. A payment counts for the day on which it was opened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Integer, bindparam, func, literal, select, union_all

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.shops.accounts import Environment

DAYS = 30
"""How many days are shown, today among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """So many payments, of so many whole francs together."""

    number: int = 0
    amount: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(number=self.number + other.number, amount=self.amount + other.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of a number of payments."""

    by_state: Mapping[PaymentState, Count]
    accepted_by_operator: Mapping[str, Count]
    """The accepted ones by CinetPay's word for the operator; empty where CinetPay named none. The largest first."""

    def of(self, state: PaymentState) -> Count:
        """Return those in one state."""
        return self.by_state.get(state, Count())

    @property
    def success_rate(self) -> Decimal | None:
        """Which part of those that were accepted or refused was accepted; None where there are none."""
        accepted, refused = self.of(PaymentState.ACCEPTED).number, self.of(PaymentState.REFUSED).number
        return Decimal(accepted) / (accepted + refused) if accepted + refused else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A shop's last days, live payments only."""

    days: Mapping[date, Tally]
    """Every day, the oldest first, also those without payments."""
    total: Tally
    tests: int
    """How many payments of test accounts are left out."""

    @property
    def today(self) -> Tally:
        """The last of the days."""
        return self.days[max(self.days)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """One row of the count."""

    day: date
    state: PaymentState
    operator: str
    count: Count


class FiguresOfShops:
    """Counts. Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, saleor_api_url: str, now: datetime, *, days: int = DAYS) -> Figures:
        """Count the payments that a shop's buyers opened today and on the days before, so many in all."""
        today = now.astimezone(UTC).date()
        shown = [today - timedelta(days=days - 1 - number) for number in range(days)]
        midnights = {f"from_{number}": datetime.combine(day, time(), UTC) for number, day in enumerate(shown)}
        tomorrow = datetime.combine(today + timedelta(days=1), time(), UTC)
        values = {"shop": saleor_api_url, f"from_{days}": tomorrow, **midnights}
        async with self._database.read() as connection:
            rows = (await connection.execute(_counting(days), values)).all()
        live = [_group(row, shown[row.day]) for row in rows if row.environment == Environment.LIVE]
        return Figures(
            days={day: _tally(group for group in live if group.day == day) for day in shown},
            total=_tally(live),
            tests=sum(row.number for row in rows if row.environment != Environment.LIVE),
        )

    async def first_acceptance(self, saleor_api_url: str) -> bool:
        """Say whether a live payment of the shop has ever been accepted."""
        statement = (
            select(payments.c.trans_id)
            .where(
                payments.c.saleor_api_url == saleor_api_url,
                payments.c.state == PaymentState.ACCEPTED,
                payments.c.environment == Environment.LIVE,
            )
            .order_by(payments.c.opened_at.desc())
            .limit(1)
        )
        async with self._database.read() as connection:
            return (await connection.execute(statement)).first() is not None


@cache
def _counting(days: int) -> CompoundSelect[Any]:
    """Count each day by itself, in its own range of the index.

    SQLite groups by sorting: thirty small sorts take a busy shop half as long as a large one by days too.
    """
    kinds = (payments.c.environment, payments.c.state, payments.c.operator)
    return union_all(
        *(
            select(
                literal(number, Integer).label("day"),
                *kinds,
                func.count().label("number"),
                func.sum(payments.c.amount).label("amount"),
            )
            .where(
                payments.c.saleor_api_url == bindparam("shop"),
                payments.c.opened_at >= bindparam(f"from_{number}"),
                payments.c.opened_at < bindparam(f"from_{number + 1}"),
                payments.c.state != PaymentState.OPENING,
            )
            .group_by(*kinds)
            for number in range(days)
        )
    )


def _group(row: Any, day: date) -> _Group:
    return _Group(
        day=day,
        state=PaymentState(row.state),
        operator=row.operator or "",
        count=Count(number=row.number, amount=int(row.amount)),
    )


def _tally(groups: Iterable[_Group]) -> Tally:
    by_state: dict[PaymentState, Count] = {}
    by_operator: dict[str, Count] = {}
    for group in groups:
        by_state[group.state] = by_state.get(group.state, Count()) + group.count
        if group.state is PaymentState.ACCEPTED:
            by_operator[group.operator] = by_operator.get(group.operator, Count()) + group.count
    largest_first = sorted(by_operator.items(), key=lambda item: (-item[1].number, item[0]))
    return Tally(by_state=by_state, accepted_by_operator=dict(largest_first))
