"""The simulated world: what outlives every process of ours, and what happened in it."""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fakes import NOON, Killed, TurnedClock
from payments_kit import TOKEN
from sim_database import Store
from sim_outside import SimCinetPay, SimSaleor
from sim_weather import Fate

from saleor_cinetpay.errors import AppError
from saleor_cinetpay.money import Money
from saleor_cinetpay.payments.conclusion import Policy
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.opening import Source
from saleor_cinetpay.payments.trans_id import TransactionId, TransId

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """One Saleor transaction: what there is to pay, and for which checkout."""

    number: int
    transaction_id: TransactionId
    trans_id: TransId
    money: Money
    source: Source


class NoReply(Exception):
    """A message or its answer was lost, or came too late for whoever waits."""

    def __init__(self, *, arrived: bool) -> None:
        super().__init__("no reply")
        self.arrived = arrived
        """Whether what was asked has been done, or will be."""


@dataclass
class SimWorld:
    """One run's world."""

    fate: Fate
    store: Store
    policy: Policy
    ledger_class: type[Ledger] = Ledger
    clock: TurnedClock = field(default_factory=TurnedClock)
    cinetpay: SimCinetPay = field(init=False)
    saleor: SimSaleor = field(init=False)
    trace: list[tuple[datetime, int, str]] = field(default_factory=list)
    """When, to which transaction (0: all), and what happened."""
    disturbed_at: list[datetime] = field(default_factory=list)
    """When something went wrong."""
    broken: list[str] = field(default_factory=list)
    """Errors of ours that nothing in this world explains."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The number of each transaction, by its id and by its trans id."""
    hints: defaultdict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """When those notifications and returns arrived that the app took, by trans id."""
    failed: Counter[str] = field(default_factory=Counter)
    """How many attempts of the buyer failed, by trans id."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often the storefront asked how each payment stands, by trans id."""
    decisions: dict[str, list[int | None]] = field(default_factory=dict)
    """What people accepted; None where nobody knows whether that was carried out."""
    refunds_taken: dict[str, int] = field(default_factory=dict)
    """The amounts of the refund requests that the app has said to keep, by reference."""
    refunds_decided: dict[str, list[str]] = field(default_factory=dict)
    """What people were told that they had decided, by reference."""
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _ours: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.cinetpay = SimCinetPay(self.clock)
        self.saleor = SimSaleor(self.clock, TOKEN)

    def note(self, number: int, what: str) -> None:
        self.trace.append((self.clock.moment, number, what))

    def disturb(self, what: str, number: int = 0) -> None:
        self.disturbed_at.append(self.clock.moment)
        self.note(number, what)

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let something happen by itself; what breaks there breaks the run."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def start_ours(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let a process of ours work on something; it may die over it, or lose the database."""
        task = asyncio.get_running_loop().create_task(work)
        self._ours.add(task)
        task.add_done_callback(self._ours_done)

    async def everything_is_over(self) -> None:
        """Wait until all that was started has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def send(self, number: int, what: str, do: Callable[[], Awaitable[Result]], *, within_s: float) -> Result:
        """Send a message that has `do` done at its destination, and wait for its answer.

        Raises:
            NoReply: where it was lost, or took too long. It may still arrive, even twice.
        """
        there_s, back_s = self.fate.trip_s(), self.fate.trip_s()
        if there_s is None:
            self.disturb(f"{what}: lost on its way", number)
            await asyncio.sleep(within_s)
            raise NoReply(arrived=False)
        if self.fate.happens(self.fate.weather.messages_doubled):
            self.note(number, f"{what}: doubled")
            self.start(self._arrive(there_s + self.fate.random.random() * within_s, do))
        if there_s >= within_s:
            self.disturb(f"{what}: too slow", number)
            self.start(self._arrive(there_s, do))
            await asyncio.sleep(within_s)
            raise NoReply(arrived=True)
        await asyncio.sleep(there_s)
        began_at = self.clock.moment
        result = await do()
        left_s = within_s - there_s - (self.clock.moment - began_at).total_seconds()
        if back_s is None or back_s >= left_s:
            self.disturb(f"{what}: answer lost", number)
            await asyncio.sleep(max(left_s, 0.0))
            raise NoReply(arrived=True)
        await asyncio.sleep(back_s)
        return result

    def digest(self) -> str:
        """Return a fingerprint of everything that happened."""
        return hashlib.sha256("\n".join(self.story()).encode()).hexdigest()

    def story(self, *numbers: int) -> list[str]:
        """Tell what happened (to these transactions), line by line."""
        return [
            f"{(at - NOON) / timedelta(seconds=1):>12.3f} s  {f'#{number}' if number else '*':>5}  {what}"
            for at, number, what in self.trace
            if not numbers or number == 0 or number in numbers
        ]

    async def _arrive(self, after_s: float, do: Callable[[], Awaitable[Any]]) -> None:
        await asyncio.sleep(after_s)
        with suppress(AppError, Killed, NoReply):  # nobody waits for this answer
            await do()

    def _ours_done(self, task: "asyncio.Task[Any]") -> None:
        self._ours.discard(task)
        if not task.cancelled() and not isinstance(error := task.exception(), Killed | AppError | None):
            self.broken.append(f"{type(error).__name__}: {error}")

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken.append(f"{type(error).__name__}: {error}")
