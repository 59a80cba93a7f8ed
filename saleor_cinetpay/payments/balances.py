"""What an account's purses at CinetPay hold, as last read: asked once a minute at most, by all processes together.

A reading is kept, so that a CinetPay that is away leaves the figures of before, with the time they are of.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import structlog
from sqlalchemy import select, update

from saleor_cinetpay.cinetpay import CinetPayBalance, describe
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import (
    CinetPayError,
    CinetPayNotOffered,
    CinetPayRefused,
    CinetPayUnavailable,
    CinetPayUnintelligible,
    LedgerUnavailable,
)
from saleor_cinetpay.inserting import insert_unless_there
from saleor_cinetpay.locale import Text
from saleor_cinetpay.payments.tables import balances
from saleor_cinetpay.shops.accounts import Account

ASK_EVERY = timedelta(minutes=1)
CALL_S = 8.0

FIGURES = ("compte", "service")
"""The purses in CinetPay's words: the merchant's whole account, and the one site that was asked about."""

log = structlog.get_logger(__name__)


class BalanceReader(Protocol):
    """Asks CinetPay for the balances of an account (`getCompteStatus`, guide 3.4). Moves no money."""

    async def get_compte_status(self, account: Account, *, timeout_s: float) -> CinetPayBalance:
        """Return them.

        Raises:
            CinetPayError: where it refuses, or can't be asked, or can't be understood.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """One purse, in CFA francs and their fractions; None where CinetPay said nothing."""

    balance: Decimal | None = None
    credit: Decimal | None = None
    debit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """An account's purses as they were read last, and why they are no newer."""

    read_at: datetime | None = None
    """None where they were never read."""
    merchant: Purse = Purse()
    """CinetPay's `compte`: all that the merchant has there."""
    site: Purse = Purse()
    """CinetPay's `service`: the one site."""
    failed_at: datetime | None = None
    """When reading them failed, if it has since."""
    failure: Text | None = None
    """Why, for the merchant."""
    being_read: bool = False
    """Whether CinetPay is being asked just now."""


class Balances:
    """Reads balances, and keeps them."""

    def __init__(self, *, database: Database, reader: BalanceReader, clock: Clock) -> None:
        self._database = database
        self._reader = reader
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def of(self, account: Account, *, wait_s: float) -> Balance:
        """Return an account's balance, asking CinetPay where it was asked more than a minute ago.

        Waits for CinetPay no longer than that; an answer that comes later is there for the next who asks.
        """
        key = account.account_key
        task = self._under_way.get(key)
        if task is None and await self._claim(key):
            task = self._under_way[key] = asyncio.create_task(self._read(account))
            task.add_done_callback(lambda _done: self._under_way.pop(key, None))
        if task is not None:
            await asyncio.wait({task}, timeout=wait_s)
        return await self._kept(key)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _claim(self, account_key: str) -> bool:
        """Claim the one question that is allowed in a minute."""
        now = self._clock.now()
        row = await self._row(account_key)
        if row is not None and row.asked_at > now - ASK_EVERY:
            return False
        async with self._database.write() as connection:
            if row is None:
                first = {"account_key": account_key, "asked_at": now}
                return bool((await connection.execute(insert_unless_there(connection, balances), first)).rowcount)
            again = await connection.execute(
                update(balances)
                .where(balances.c.account_key == account_key, balances.c.asked_at <= now - ASK_EVERY)
                .values(asked_at=now)
            )
        return bool(again.rowcount)

    async def _read(self, account: Account) -> None:
        try:
            balance = await self._reader.get_compte_status(account, timeout_s=CALL_S)
        except CinetPayError as error:
            log.warning("balance_not_read", account_key=account.account_key, error=str(error))
            failure = error.code if isinstance(error, CinetPayRefused) else type(error).__name__
            await self._keep(account.account_key, {"failed_at": self._clock.now(), "failure": failure[:64]})
            return
        figures = {purse: getattr(balance, purse).model_dump(mode="json") for purse in FIGURES}
        kept = {"read_at": self._clock.now(), "figures": figures, "failed_at": None, "failure": None}
        await self._keep(account.account_key, kept)

    async def _keep(self, account_key: str, values: Mapping[str, Any]) -> None:
        try:
            async with self._database.write() as connection:
                await connection.execute(
                    update(balances).where(balances.c.account_key == account_key).values(dict(values))
                )
        except LedgerUnavailable as error:
            log.warning("balance_not_kept", account_key=account_key, error=str(error))

    async def _kept(self, account_key: str) -> Balance:
        row = await self._row(account_key)
        if row is None:
            return Balance()
        figures = row.figures or {}
        return Balance(
            read_at=row.read_at,
            merchant=_purse(figures.get("compte")),
            site=_purse(figures.get("service")),
            failed_at=row.failed_at,
            failure=None if row.failure is None else _in_words(row.failure),
            being_read=all(done is None or done < row.asked_at for done in (row.read_at, row.failed_at)),
        )

    async def _row(self, account_key: str) -> Any:
        async with self._database.read() as connection:
            found = await connection.execute(select(balances).where(balances.c.account_key == account_key))
            return found.one_or_none()


def _purse(figures: Mapping[str, str | None] | None) -> Purse:
    written = figures or {}
    solde, credit, debit = (written.get(name) for name in ("solde", "credit", "debit"))
    return Purse(
        balance=None if solde is None else Decimal(solde),
        credit=None if credit is None else Decimal(credit),
        debit=None if debit is None else Decimal(debit),
    )


def _in_words(failure: str) -> Text:
    """Say to the merchant why reading failed: by CinetPay's code, or because no answer came that is one."""
    for kind in (CinetPayNotOffered, CinetPayUnavailable, CinetPayUnintelligible):
        if failure == kind.__name__:
            return kind.merchant
    return describe(failure).merchant
