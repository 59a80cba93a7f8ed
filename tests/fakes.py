"""The world around the heart, under a test's control: time, chance, a small CinetPay and a small Saleor, with state.

All of them may share one `Doom`, which ends "the process" at its n-th step in that world; what CinetPay and Saleor
had done by then stays done.
"""

import asyncio
import hashlib
import random
from collections import defaultdict
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import SecretStr

from saleor_cinetpay.cinetpay import CinetPayTransaction, PaymentFields, describe
from saleor_cinetpay.errors import (
    CinetPayError,
    CinetPayRefused,
    CinetPayUnavailable,
    SaleorError,
    SaleorRefused,
    SaleorUnavailable,
)
from saleor_cinetpay.payments.completion import CheckoutState
from saleor_cinetpay.payments.report import Report, ReportType
from saleor_cinetpay.payments.trans_id import TransactionId, TransId
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.installations import Installation

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
STEP_S = 0.1

Result = TypeVar("Result")


class Killed(Exception):
    """The process has ended here. Nothing of ours catches it."""


@dataclass
class Doom:
    """Counts the steps that a process takes in its world, and ends it at step `at`; the dead stay dead."""

    at: int | None = None
    taken: int = 0

    def step(self) -> None:
        self.taken += 1
        if self.at is not None and self.taken >= self.at:
            raise Killed

    def await_at(self, step: int) -> None:
        self.at, self.taken = step, 0

    def lift(self) -> None:
        self.at = None


class TurnedClock:
    """A clock that stands still until it is turned by hand."""

    def __init__(self, doom: Doom | None = None) -> None:
        self.moment = NOON
        """The time, for those outside the process: reading it is no step of its."""
        self._doom = doom or Doom()
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        self._doom.step()
        return self.moment

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.moment + timedelta(seconds=seconds), woken))
        self._wake()
        try:
            await woken
        finally:
            self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[1] is not woken]

    def turn(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self._wake()

    async def turn_until(self, done: Awaitable[Result]) -> Result:
        """Let time pass in small steps, as far as somebody waits for it, until that is done; return its result."""
        task = asyncio.ensure_future(done)
        while not (await asyncio.wait({task}, timeout=0.003))[0]:
            if self._sleepers:
                earliest = min(moment for moment, _ in self._sleepers)
                self.turn(min((earliest - self.moment).total_seconds(), STEP_S))
        return await task

    def _wake(self) -> None:
        for moment, woken in self._sleepers:
            if moment <= self.moment and not woken.done():
                woken.set_result(None)


class SeededChance:
    """The same draws every time, for the same seed."""

    def __init__(self, seed: int = 0, doom: Doom | None = None) -> None:
        self._random = random.Random(seed)
        self._doom = doom or Doom()

    def token(self) -> str:
        self._doom.step()
        return f"{self._random.getrandbits(96):024x}"

    def fraction(self) -> float:
        self._doom.step()
        return self._random.random()


@dataclass
class Gates:
    """Calls that hang: at a closed gate a call waits until it is opened, or its time is over."""

    clock: TurnedClock
    closed: dict[str, asyncio.Event] = field(default_factory=dict)
    waiting: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def close(self, whose: str) -> None:
        self.closed[whose] = asyncio.Event()

    def open(self, whose: str) -> None:
        self.closed.pop(whose).set()

    @contextmanager
    def bypassed(self, whose: str) -> Iterator[None]:
        """Let new calls pass for a while; those that wait go on waiting."""
        gate = self.closed.pop(whose)
        try:
            yield
        finally:
            self.closed[whose] = gate

    async def someone_waits(self, whose: str, so_many: int = 1) -> None:
        """Return once so many calls hang at the gate."""
        while self.waiting[whose] < so_many:  # noqa: ASYNC110  who waits is counted, not told
            await asyncio.sleep(0.001)

    async def passes(self, whose: str, timeout_s: float) -> bool:
        """Wait at the gate, if it is closed; say whether it was opened in time."""
        gate = self.closed.get(whose)
        if gate is None:
            return timeout_s > 0
        opened, late = asyncio.ensure_future(gate.wait()), asyncio.ensure_future(self.clock.sleep(timeout_s))
        self.waiting[whose] += 1
        try:
            await asyncio.wait({opened, late}, return_when=asyncio.FIRST_COMPLETED)
            return opened.done()
        finally:
            self.waiting[whose] -= 1
            opened.cancel()
            late.cancel()


class FakeCinetPay:
    """A CinetPay with state, behind the heart's `Signer` and `Lookup`, and the buyers on its payment page."""

    def __init__(self, clock: TurnedClock, keys: dict[str, str], doom: Doom | None = None) -> None:
        self.keys = keys
        """Site ids and their API keys."""
        self.down: CinetPayError | None = None
        """What every call meets while it is set."""
        self.looks_fail: CinetPayError | None = None
        """What only looks meet."""
        self.gates = Gates(clock)
        """By account key."""
        self.asked_to_sign: list[tuple[PaymentFields, str]] = []
        """Fields and API key of each request."""
        self.looks: list[tuple[TransId, datetime]] = []
        self._signed: dict[str, tuple[PaymentFields, str]] = {}
        self._shown: dict[str, dict[str, str]] = {}
        self._clock = clock
        self._doom = doom or Doom()

    async def get_signature(self, account: Account, fields: PaymentFields, *, timeout_s: float) -> SecretStr:
        self._doom.step()
        self.asked_to_sign.append((fields, account.api_key.get_secret_value()))
        await self._admit(account, timeout_s)
        shown = self._shown.get(fields.trans_id)
        if shown is not None:
            raise refusal("605" if shown["cpm_trans_status"] == "ACCEPTED" else "620")
        if self._signed.get(fields.trans_id, (fields,))[0] != fields:
            raise refusal("620")
        signature = hashlib.sha1(repr(fields).encode()).hexdigest()
        self._signed[fields.trans_id] = (fields, signature)
        self._doom.step()
        return SecretStr(signature)

    async def check_pay_status(
        self, account: Account, trans_id: TransId, *, timeout_s: float
    ) -> CinetPayTransaction | None:
        self._doom.step()
        self.looks.append((trans_id, self._clock.moment))
        await self._admit(account, timeout_s)
        if self.looks_fail is not None:
            raise self.looks_fail
        shown = self._shown.get(trans_id)
        self._doom.step()
        return None if shown is None else CinetPayTransaction.model_validate(shown)

    def begins(self, trans_id: str) -> None:
        """The buyer opens the payment page with the form."""
        self.shows(trans_id, cpm_result="662", cpm_trans_status="WAITING_CUSTOMER_PAYMENT")

    def pays(self, trans_id: str, phone: str = "") -> None:
        """The buyer pays, from that number in Ivory Coast."""
        paid_at = self._clock.moment
        self.shows(
            trans_id,
            cpm_result="00",
            cpm_trans_status="ACCEPTED",
            cpm_error_message="SUCCES",
            payment_method="OM",
            cpm_payid=f"P{len(self._shown) + 1}",
            cel_phone_num=phone,
            cpm_phone_prefixe="225" if phone else "",
            cpm_payment_date=f"{paid_at:%Y-%m-%d}",
            cpm_payment_time=f"{paid_at:%H:%M:%S}",
        )

    def refuses(self, trans_id: str, code: str = "604", status: str = "REFUSED") -> None:
        """The buyer's attempt fails."""
        self.shows(trans_id, cpm_result=code, cpm_trans_status=status, cpm_error_message=describe(code).name)

    def shows(self, trans_id: str, **shown: str) -> None:
        """checkPayStatus shows this from now on; what is not given is the truth about what was signed."""
        fields, signature = self._signed[trans_id]
        self._shown[trans_id] = {
            "cpm_site_id": fields.site_id,
            "cpm_trans_id": fields.trans_id,
            "cpm_amount": str(fields.amount),
            "cpm_currency": fields.currency,
            "signature": signature,
            **shown,
        }

    async def _admit(self, account: Account, timeout_s: float) -> None:
        if not await self.gates.passes(account.account_key, timeout_s):
            raise CinetPayUnavailable("no answer in time", maybe_carried_out=True)
        if self.down is not None:
            raise self.down
        if self.keys.get(account.site_id) != account.api_key.get_secret_value():
            raise refusal("609")


def refusal(code: str) -> CinetPayRefused:
    """Return what the client raises where CinetPay answers with that code alone."""
    known = describe(code)
    return CinetPayRefused(code=known.code, name=known.name, buyer=known.buyer, merchant=known.merchant)


class FakeSaleor:
    """Every Saleor, with its rules of deduping events, behind the heart's `Reporter` and `Checkouts`."""

    def __init__(self, clock: TurnedClock, token: str, doom: Doom | None = None) -> None:
        self.token = token
        self.down: SaleorError | None = None
        """What every call meets while it is set."""
        self.gates = Gates(clock)
        """By Saleor API URL."""
        self.checkouts: dict[str, CheckoutState] = {}
        """Checkouts by their id; any other is gone."""
        self.calls = 0
        self._events: defaultdict[TransactionId, list[Report]] = defaultdict(list)
        self._doom = doom or Doom()

    async def report(self, installation: Installation, report: Report, *, timeout_s: float) -> bool:
        await self._admit(installation, timeout_s)
        if installation.saleor_api_url != report.saleor_api_url:
            raise SaleorRefused(code="NOT_FOUND", message="the transaction is another Saleor's")
        key = (report.psp_reference, report.type)
        for event in self._events[report.transaction_id]:
            if (event.psp_reference, event.type) == key:
                if event.amount != report.amount:
                    raise SaleorRefused(code="INCORRECT_DETAILS", message="the event exists with another amount")
                return True
        self._events[report.transaction_id].append(report)
        self._doom.step()
        return False

    async def state_of(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> CheckoutState:
        await self._admit(installation, timeout_s)
        return self.checkouts.get(checkout_id, CheckoutState.GONE)

    async def complete(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> str:
        await self._admit(installation, timeout_s)
        if self.checkouts.get(checkout_id) is CheckoutState.NOT_CHARGED:
            raise SaleorRefused(code="CHECKOUT_NOT_FULLY_PAID", message="the checkout is not fully paid")
        self.checkouts.pop(checkout_id, None)
        return f"order of {checkout_id}"

    def events(self, transaction_id: TransactionId) -> list[ReportType]:
        """Return the types of a transaction's events, in the order in which they came."""
        return [event.type for event in self._events[transaction_id]]

    def charged(self, transaction_id: TransactionId) -> int:
        """Return what Saleor shows as charged: the later of success and failure wins, at a draw failure."""
        charges = [event for event in self._events[transaction_id] if event.type.startswith("CHARGE_")]
        last = max(charges, key=lambda event: (event.time, event.type is ReportType.CHARGE_FAILURE), default=None)
        charged = last.amount if last is not None and last.type is ReportType.CHARGE_SUCCESS else 0
        return charged - self.refunded(transaction_id)

    def refunded(self, transaction_id: TransactionId) -> int:
        """Return what Saleor shows as given back."""
        return sum(e.amount for e in self._events[transaction_id] if e.type is ReportType.REFUND_SUCCESS)

    async def _admit(self, installation: Installation, timeout_s: float) -> None:
        self._doom.step()
        self.calls += 1
        if not await self.gates.passes(installation.saleor_api_url, timeout_s):
            raise SaleorUnavailable("no answer in time", maybe_carried_out=True)
        if self.down is not None:
            raise self.down
        if installation.token.get_secret_value() != self.token:
            raise SaleorRefused(code="PERMISSION_DENIED", message="the token is not known here")
