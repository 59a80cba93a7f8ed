"""What the desk reads of a shop's payments: light rows, without the sealed forms, found by indexes.

Pages are cut by key and not by number, so that the last is as fast as the first; what is counted, is counted up to a
bound.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_, union

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.report import ReportState, ReportType
from saleor_cinetpay.payments.tables import among_the_shops, payments, reports

PAGE = 50
COUNTED = 1000
"""How far payments are counted; more are "more than that"."""
AT_ONCE = 1000
MOST_CHANNELS = 100
TAIL = 4
TRANS_ID_LENGTH = 26
SHORTEST_PART = 6
"""From this length on, the beginning of a trans id finds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPayment:
    """A line of the list."""

    trans_id: str
    opened_at: datetime
    amount: int
    state: PaymentState
    code: str | None
    code_message: str
    refusal_seen_at: datetime | None
    operator: str | None
    payid: str | None
    channel: str | None
    buyer_email: str | None
    phone_tail: str | None
    order_id: str | None
    order_number: str | None
    environment: str
    success_time: datetime | None
    transaction_id: str


_COLUMNS = [payments.c[name] for name in ListedPayment.__dataclass_fields__]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What to list; None and empty do not narrow it."""

    state: PaymentState | None = None
    channel: str = ""
    operator: str = ""
    first_day: date | None = None
    last_day: date | None = None
    """Days are those of Abidjan and Dakar: UTC."""
    search: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place between two payments of the list, which is sorted from new to old."""

    opened_at: datetime
    trans_id: str
    newer: bool = False
    """Whether what is newer than this place is wanted, rather than what is older."""

    @classmethod
    def parse(cls, written: str) -> Self | None:
        """Read a cursor from an address; None where it is none."""
        try:
            way, at, trans_id = base64.urlsafe_b64decode(written.encode()).decode().split("~")
            return cls(opened_at=datetime.fromisoformat(at).astimezone(UTC), trans_id=trans_id, newer=way == "newer")
        except (ValueError, binascii.Error, UnicodeError):
            return None

    def __str__(self) -> str:
        way = "newer" if self.newer else "older"
        return base64.urlsafe_b64encode(f"{way}~{self.opened_at.isoformat()}~{self.trans_id}".encode()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOfPayments:
    """A page of the list, newest first, and where it goes on."""

    payments: Sequence[ListedPayment]
    newer: Cursor | None
    older: Cursor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedReport:
    """What Saleor was told of a payment, or is to be told."""

    type: ReportType
    state: ReportState
    amount: int
    attempts: int
    created_at: datetime
    delivered_at: datetime | None
    due_at: datetime | None


class DeskPayments:
    """Reads payments for the desk; everything is narrowed to one shop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, saleor_api_url: str, filters: Filters, cursor: Cursor | None = None, size: int = PAGE
    ) -> PageOfPayments:
        """Return a page of payments."""
        rows = await self._rows(saleor_api_url, filters, cursor, size + 1)
        more, rows = len(rows) > size, rows[:size]
        backwards = cursor is not None and cursor.newer
        if backwards:
            rows.reverse()
        if not rows:
            return PageOfPayments(payments=[], newer=None, older=None)
        newer = Cursor(opened_at=rows[0].opened_at, trans_id=rows[0].trans_id, newer=True)
        older = Cursor(opened_at=rows[-1].opened_at, trans_id=rows[-1].trans_id)
        return PageOfPayments(
            payments=rows,
            newer=newer if cursor is not None and (more or not backwards) else None,
            older=older if more or backwards else None,
        )

    async def count(self, saleor_api_url: str, filters: Filters, *, bound: int = COUNTED) -> int:
        """Count payments, up to one more than the bound."""
        some = _narrowed(select(payments.c.trans_id), saleor_api_url, filters).limit(bound + 1).subquery()
        async with self._database.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())

    async def every(self, saleor_api_url: str, filters: Filters) -> AsyncIterator[ListedPayment]:
        """Yield all payments, newest first; read in pieces, so that no transaction stays open for long."""
        cursor: Cursor | None = None
        while rows := await self._rows(saleor_api_url, filters, cursor, AT_ONCE):
            for row in rows:
                yield row
            cursor = Cursor(opened_at=rows[-1].opened_at, trans_id=rows[-1].trans_id)

    async def of_order(self, saleor_api_url: str, order_id: str) -> list[ListedPayment]:
        """Return the payments that are known to pay an order, newest first."""
        return await self._some(among_the_shops(payments, saleor_api_url), payments.c.order_id == order_id)

    async def among(self, saleor_api_url: str, trans_ids: Sequence[str]) -> list[ListedPayment]:
        """Return those of the shop's payments, newest first."""
        return await self._some(payments.c.saleor_api_url == saleor_api_url, payments.c.trans_id.in_(trans_ids))

    async def channels(self, saleor_api_url: str) -> list[str]:
        """Return the channels that payments were opened in; one step in the index for each."""
        found: list[str] = []
        async with self._database.read() as connection:
            while len(found) < MOST_CHANNELS:
                next_one = select(func.min(payments.c.channel)).where(
                    payments.c.saleor_api_url == saleor_api_url, payments.c.channel > (found[-1] if found else "")
                )
                channel = (await connection.execute(next_one)).scalar_one()
                if channel is None:
                    break
                found.append(channel)
        return found

    async def reports_of(self, trans_id: str) -> list[ListedReport]:
        """Return what Saleor was, or is to be, told of a payment, oldest first."""
        columns = [reports.c[name] for name in ListedReport.__dataclass_fields__]
        async with self._database.read() as connection:
            rows = await connection.execute(
                select(*columns).where(reports.c.trans_id == trans_id).order_by(reports.c.id)
            )
            return [
                ListedReport(**dict(row._mapping) | {"type": ReportType(row.type), "state": ReportState(row.state)})
                for row in rows
            ]

    async def _some(self, *conditions: ColumnElement[bool]) -> list[ListedPayment]:
        statement = select(*_COLUMNS).where(*conditions).order_by(payments.c.opened_at.desc()).limit(PAGE)
        async with self._database.read() as connection:
            return [_listed(row) for row in await connection.execute(statement)]

    async def _rows(
        self, saleor_api_url: str, filters: Filters, cursor: Cursor | None, size: int
    ) -> list[ListedPayment]:
        found = _narrowed(select(payments.c.trans_id), saleor_api_url, filters)
        place = tuple_(payments.c.opened_at, payments.c.trans_id)
        if cursor is not None:
            here = tuple_(cursor.opened_at, cursor.trans_id)
            found = found.where(place > here if cursor.newer else place < here)
        order: list[ColumnElement[Any]] = [payments.c.opened_at.desc(), payments.c.trans_id.desc()]
        if cursor is not None and cursor.newer:
            order = [payments.c.opened_at, payments.c.trans_id]
        found = found.order_by(*order).limit(size)
        statement = select(*_COLUMNS).where(payments.c.trans_id.in_(found)).order_by(*order)
        async with self._database.read() as connection:
            return [_listed(row) for row in await connection.execute(statement)]


def _listed(row: Any) -> ListedPayment:
    return ListedPayment(**dict(row._mapping) | {"state": PaymentState(row.state)})


def _narrowed(statement: Select[Any], saleor_api_url: str, filters: Filters) -> Select[Any]:
    statement = statement.where(payments.c.saleor_api_url == saleor_api_url)
    if filters.state is not None:
        statement = statement.where(payments.c.state == filters.state)
    if filters.channel:
        statement = statement.where(payments.c.channel == filters.channel)
    if filters.operator:
        statement = statement.where(payments.c.operator == filters.operator)
    if filters.first_day is not None:
        statement = statement.where(payments.c.opened_at >= _midnight(filters.first_day))
    if filters.last_day is not None:
        statement = statement.where(payments.c.opened_at < _midnight(filters.last_day) + timedelta(days=1))
    if filters.search:
        statement = statement.where(payments.c.trans_id.in_(_found_by(filters.search, saleor_api_url)))
    return statement


def _found_by(search: str, saleor_api_url: str) -> Any:
    """Return the trans ids that a search means, each way by its own index."""
    word = search.strip().removeprefix("#").strip()
    shop = payments.c.saleor_api_url == saleor_api_url
    if "@" in word:
        return select(payments.c.trans_id).where(shop, payments.c.buyer_email == word.lower())
    digits = "".join(character for character in word if character.isdigit())
    ways: list[ColumnElement[bool]] = [
        and_(shop, payments.c.order_number == word),
        and_(payments.c.payid == word, shop),
        payments.c.trans_id == word.upper(),
    ]
    if SHORTEST_PART <= len(word) < TRANS_ID_LENGTH and word.isalnum():
        ways.append(
            and_(payments.c.trans_id >= word.upper(), payments.c.trans_id <= word.upper().ljust(TRANS_ID_LENGTH, "Z"))
        )
    if len(digits) >= TAIL and digits == "".join(c for c in word if c not in " .-+()"):
        ways.append(and_(payments.c.phone_tail == digits[-TAIL:], shop))
    return union(*(select(payments.c.trans_id).where(way) for way in ways))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
