"""The clock's hand: takes due payments and due reports from the ledger and works on them, many at a time.

A shop or an account that hangs takes only its own share of the places, so it never holds up another's. Twice a second
everything is asked for that is due; in between only what somebody says may be due now.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Generic, Protocol, TypeVar

import structlog

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import AppError
from saleor_cinetpay.payments.announcing import Announcing, DueProblem
from saleor_cinetpay.payments.completion import Completion, DueCompletion
from saleor_cinetpay.payments.delivery import Delivery
from saleor_cinetpay.payments.heartbeats import Heartbeats
from saleor_cinetpay.payments.leases import Leases
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.nightly import Nightly
from saleor_cinetpay.payments.payment import Payment
from saleor_cinetpay.payments.report import DueReport
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.shops.in_step import StepsTaken
from saleor_cinetpay.tracing import Trace, following

PLACES = 64
PLACES_EACH = 8
PLACES_TO_TELL = 2
BATCH = 8
ROUND_S = 0.5
AFTER_ERROR_S = 2.0
FINISH_S = 5.0
"""After a stop, what is under way may take so long; then it is broken off, and its leases are given back."""
BREAK_OFF_S = 1.0

log = structlog.get_logger(__name__)
Work = TypeVar("Work")


class Upkeep(Protocol):
    """Keeps what each Saleor holds of the app in step with it."""

    async def claim_due(self, limit: int, *, except_shops: Collection[str]) -> list[StepsTaken]:
        """Take the shops that are due."""
        ...

    async def look(self, taken: StepsTaken) -> None:
        """Look after one of them."""
        ...

    async def give_back(self, taken: StepsTaken) -> None:
        """Let somebody else look at once; what is under way is broken off."""
        ...


class Worker:
    """Settles and reports whatever is due, until it is stopped."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        settlement: Settlement,
        delivery: Delivery,
        completion: Completion,
        clock: Clock,
        announcing: Announcing | None = None,
        leases: Leases,
        nightly: Nightly | None = None,
        heartbeats: Heartbeats | None = None,
        finish_s: float = FINISH_S,
        upkeep: Upkeep | None = None,
    ) -> None:
        """Without `announcing` problems are told by other processes; `nightly` and `upkeep` likewise."""
        self._clock = clock
        self._heartbeats = heartbeats
        self._finish_s = finish_s
        self._woken = asyncio.Event()
        self._stopping = False
        pace = settlement.pace
        self._reports: _Bench[DueReport] = _Bench(
            claim=lambda limit, busy: ledger.claim_due_reports(limit, except_shops=busy),
            whose=lambda due: due.report.saleor_api_url,
            share=lambda _shop: PLACES_EACH,
            do=lambda due: _deliver(delivery, due),
            give_back=leases.of_report,
            woken=self._woken,
        )
        self._payments: _Bench[Payment] = _Bench(
            claim=lambda limit, busy: ledger.claim_due(limit, except_accounts={*busy, *pace.paused()}),
            whose=lambda payment: payment.account_key,
            share=pace.at_once,
            do=lambda payment: _settle(settlement, payment),
            give_back=ledger.give_back,
            woken=self._woken,
            then=self._reports.want,
        )
        self._completions: _Bench[DueCompletion] = _Bench(
            claim=lambda limit, busy: completion.claim_due(limit, except_shops=busy),
            whose=lambda due: due.saleor_api_url,
            share=lambda _shop: PLACES_EACH,
            do=lambda due: _complete(completion, due),
            give_back=leases.of_completion,
            woken=self._woken,
        )
        self._nights = None if nightly is None else _bench_of(nightly, leases, self._woken)
        others = (
            None if announcing is None else _telling_bench(announcing, leases, self._woken),
            None if upkeep is None else _upkeep_bench(upkeep, self._woken),
            self._nights,
        )
        self._all: list[_Bench[Any]] = [self._payments, self._reports, self._completions]
        self._all += [bench for bench in others if bench is not None]

    def wake(self) -> None:
        """Say that a payment or a report may be due now."""
        self._payments.want()
        self._reports.want()

    async def run(self) -> None:
        """Work until `stop` is called; what is under way then is finished, if that does not take long.

        What is not finished then, and the night's work in any case, is given back for others to take up at once.
        """
        while not self._stopping:
            try:
                if self._heartbeats is not None:
                    await self._heartbeats.beat()
                await self.take_due()
                await self._take_wanted()
            except Exception as error:  # the outer border of the background: it goes on, whatever happens
                known = isinstance(error, AppError)
                log.error("worker_waits", error=str(error), exc_info=None if known else error)
                await self._clock.sleep(AFTER_ERROR_S)
        if self._nights is not None:
            await self._nights.finish(within_s=0)
        others = (bench for bench in self._all if bench is not self._nights)
        await asyncio.gather(*(bench.finish(within_s=self._finish_s) for bench in others))
        await self._say_good_bye()

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping = True
        self._woken.set()

    async def take_due(self) -> bool:
        """Start work on what is due, as far as there is room; say whether there was any."""
        return any(await asyncio.gather(*(bench.take() for bench in self._all)))

    async def _take_wanted(self) -> None:
        """Until the next round: take what is said to be due, as soon as that is said."""
        loop = asyncio.get_running_loop()
        round_at = loop.time() + ROUND_S
        while not self._stopping and loop.time() < round_at:
            self._woken.clear()
            wanted = [bench for bench in self._all if bench.wanted]
            if wanted:
                await asyncio.gather(*(bench.take() for bench in wanted))
                continue
            try:
                async with asyncio.timeout_at(round_at):
                    await self._woken.wait()
            except TimeoutError:
                return

    async def _say_good_bye(self) -> None:
        if self._heartbeats is not None:
            try:
                await self._heartbeats.end()
            except AppError as error:
                log.warning("worker_left_unheard", error=str(error))


class _Bench(Generic[Work]):
    """A number of places to work at, of which nobody may take all."""

    def __init__(
        self,
        *,
        claim: Callable[[int, Sequence[str]], Awaitable[list[Work]]],
        whose: Callable[[Work], str],
        share: Callable[[str], int],
        do: Callable[[Work], Awaitable[None]],
        give_back: Callable[[Work], Awaitable[None]],
        woken: asyncio.Event,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """`woken` is set when something may be taken here; `then` is told after each piece of work."""
        self._claim = claim
        self._whose = whose
        self._share = share
        self._do = do
        self._give_back = give_back
        self._woken = woken
        self._then = then
        self._under_way: dict[asyncio.Task[None], Work] = {}
        self._shares: Counter[str] = Counter()
        self._left_out = False
        """Whether the last claim had no room, or left somebody out who had enough."""
        self.wanted = False
        """Whether there may be something to take before the next round."""

    def want(self) -> None:
        """Say that there may be something to take."""
        self.wanted = True
        self._woken.set()

    async def take(self) -> bool:
        self.wanted = False
        room = min(BATCH, PLACES - len(self._under_way))
        busy = [whose for whose, places in self._shares.items() if places >= self._share(whose)]
        self._left_out = room <= 0 or bool(busy)
        if room <= 0:
            return False
        claimed = await self._claim(room, busy)
        if len(claimed) == room:
            self.want()
        for work in claimed:
            whose = self._whose(work)
            self._shares[whose] += 1
            task = asyncio.ensure_future(self._do(work))
            self._under_way[task] = work
            task.add_done_callback(lambda task, whose=whose: self._leave(task, whose))  # type: ignore[misc]
        return bool(claimed)

    async def finish(self, *, within_s: float) -> None:
        """Let what is under way end; what has not ended by then is broken off and given back."""
        if not self._under_way:
            return
        _, left = await asyncio.wait(self._under_way, timeout=within_s)
        undone = [self._under_way[task] for task in left]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=BREAK_OFF_S)
        for work in undone:
            try:
                await self._give_back(work)
            except AppError as error:  # then the lease ends by itself
                log.warning("lease_not_given_back", error=str(error))

    def _leave(self, task: asyncio.Task[None], whose: str) -> None:
        """Free the place. Whatever went wrong, the lease ends by itself and the work becomes due again."""
        self._under_way.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, AppError):
                log.warning("work_put_off", of=whose, error=str(error))
            else:
                log.error("work_interrupted", of=whose, exc_info=error)
        self._shares[whose] -= 1
        if not self._shares[whose]:
            del self._shares[whose]
        self._then()
        if self._left_out:
            self.want()


def _bench_of(nightly: Nightly, leases: Leases, woken: asyncio.Event) -> _Bench[str]:
    """Set the night's work up as a bench with one place."""
    return _Bench(
        claim=lambda _limit, busy: nightly.claim_due(under_way=bool(busy)),
        whose=lambda _lease: "nightly",
        share=lambda _nightly: 1,
        do=nightly.reconcile,
        give_back=leases.of_chore,
        woken=woken,
    )


def _upkeep_bench(upkeep: Upkeep, woken: asyncio.Event) -> _Bench[StepsTaken]:
    """Set the upkeep up as a bench at which each shop has one place."""
    return _Bench(
        claim=lambda limit, busy: upkeep.claim_due(limit, except_shops=busy),
        whose=lambda taken: taken.saleor_api_url,
        share=lambda _shop: 1,
        do=upkeep.look,
        give_back=upkeep.give_back,
        woken=woken,
    )


def _telling_bench(announcing: Announcing, leases: Leases, woken: asyncio.Event) -> _Bench[DueProblem]:
    """Set the telling of problems up as a bench with few places for each shop: nobody waits for it."""
    return _Bench(
        claim=lambda limit, busy: announcing.claim_due(limit, except_shops=busy),
        whose=lambda due: due.problem.saleor_api_url,
        share=lambda _shop: PLACES_TO_TELL,
        do=announcing.announce,
        give_back=leases.of_problem,
        woken=woken,
    )


async def _settle(settlement: Settlement, payment: Payment) -> None:
    with following(Trace.begun(payment.trans_id)):
        await settlement.look(payment, trigger="nudge" if payment.hints else "clock")


async def _deliver(delivery: Delivery, due: DueReport) -> None:
    with following(Trace.begun(due.report.trans_id)):
        await delivery.deliver(due)


async def _complete(completion: Completion, due: DueCompletion) -> None:
    with following(Trace.begun(due.trans_id)):
        await completion.complete(due)
