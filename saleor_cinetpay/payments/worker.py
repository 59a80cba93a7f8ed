"""The clock's hand: takes due payments and due reports from the ledger and works on them, many at a time.

A shop or an account that hangs takes only its own share of the places, so it never holds up another's.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import structlog

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import AppError
from saleor_cinetpay.payments.announcing import Announcing, DueProblem
from saleor_cinetpay.payments.completion import Completion, DueCompletion
from saleor_cinetpay.payments.delivery import Delivery
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.nightly import Nightly
from saleor_cinetpay.payments.payment import Payment
from saleor_cinetpay.payments.report import DueReport
from saleor_cinetpay.payments.settlement import Settlement

PLACES = 64
PLACES_EACH = 8
PLACES_TO_TELL = 2
BATCH = 8
IDLE_S = 0.5
AFTER_ERROR_S = 2.0

log = structlog.get_logger(__name__)
Work = TypeVar("Work")


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
        nightly: Nightly | None = None,
    ) -> None:
        """Without `announcing` problems are told by other processes, without `nightly` the nights' work is theirs."""
        self._clock = clock
        self._woken = asyncio.Event()
        self._stopping = False
        pace = settlement.pace
        self._nights = None if nightly is None else _bench_of(nightly, done=self.wake)
        self._telling = None if announcing is None else _telling_bench(announcing, done=self.wake)
        self._benches: tuple[_Bench[Payment], _Bench[DueReport], _Bench[DueCompletion]] = (
            _Bench(
                claim=lambda limit, busy: ledger.claim_due(limit, except_accounts={*busy, *pace.paused()}),
                whose=lambda payment: payment.account_key,
                share=pace.at_once,
                do=lambda payment: _settle(settlement, payment),
                done=self.wake,
            ),
            _Bench(
                claim=lambda limit, busy: ledger.claim_due_reports(limit, except_shops=busy),
                whose=lambda due: due.report.saleor_api_url,
                share=lambda _shop: PLACES_EACH,
                do=lambda due: _deliver(delivery, due),
                done=self.wake,
            ),
            _Bench(
                claim=lambda limit, busy: completion.claim_due(limit, except_shops=busy),
                whose=lambda due: due.saleor_api_url,
                share=lambda _shop: PLACES_EACH,
                do=completion.complete,
                done=self.wake,
            ),
        )

    def wake(self) -> None:
        """Say that something may be due now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until `stop` is called; what is under way then is finished, but the night's work is left to others."""
        while not self._stopping:
            self._woken.clear()
            try:
                found = await self.take_due()
            except Exception as error:  # the outer border of the background: it goes on, whatever happens
                known = isinstance(error, AppError)
                log.error("worker_waits", error=str(error), exc_info=None if known else error)
                await self._clock.sleep(AFTER_ERROR_S)
                continue
            if not found:
                await self._idle()
        if self._nights is not None:
            self._nights.break_off()
        for bench in self._all():
            await bench.finish()

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping = True
        self.wake()

    async def take_due(self) -> bool:
        """Start work on what is due, as far as there is room; say whether there was any."""
        return any([await bench.take() for bench in self._all()])

    def _all(self) -> "list[_Bench[Any]]":
        return [*self._benches, *(bench for bench in (self._telling, self._nights) if bench is not None)]

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout(IDLE_S):
                await self._woken.wait()
        except TimeoutError:
            pass


class _Bench(Generic[Work]):
    """A number of places to work at, of which nobody may take all."""

    def __init__(
        self,
        *,
        claim: Callable[[int, Sequence[str]], Awaitable[list[Work]]],
        whose: Callable[[Work], str],
        share: Callable[[str], int],
        do: Callable[[Work], Awaitable[None]],
        done: Callable[[], None],
    ) -> None:
        self._claim = claim
        self._whose = whose
        self._share = share
        self._do = do
        self._done = done
        self._under_way: set[asyncio.Task[None]] = set()
        self._shares: Counter[str] = Counter()

    async def take(self) -> bool:
        room = min(BATCH, PLACES - len(self._under_way))
        if room <= 0:
            return False
        busy = [whose for whose, places in self._shares.items() if places >= self._share(whose)]
        claimed = await self._claim(room, busy)
        for work in claimed:
            whose = self._whose(work)
            self._shares[whose] += 1
            task = asyncio.ensure_future(self._do(work))
            self._under_way.add(task)
            task.add_done_callback(lambda task, whose=whose: self._leave(task, whose))  # type: ignore[misc]
        return bool(claimed)

    async def finish(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way)

    def break_off(self) -> None:
        """End what is under way; its lease lets somebody else begin it anew."""
        for task in self._under_way:
            task.cancel()

    def _leave(self, task: asyncio.Task[None], whose: str) -> None:
        """Free the place. Whatever went wrong, the lease ends by itself and the work becomes due again."""
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work_interrupted", of=whose, exc_info=error)
        self._shares[whose] -= 1
        if not self._shares[whose]:
            del self._shares[whose]
        self._done()


def _bench_of(nightly: Nightly, *, done: Callable[[], None]) -> _Bench[str]:
    """Set the night's work up as a bench with one place."""
    return _Bench(
        claim=lambda _limit, busy: nightly.claim_due(under_way=bool(busy)),
        whose=lambda _lease: "nightly",
        share=lambda _nightly: 1,
        do=nightly.reconcile,
        done=done,
    )


def _telling_bench(announcing: Announcing, *, done: Callable[[], None]) -> _Bench[DueProblem]:
    """Set the telling of problems up as a bench with few places for each shop: nobody waits for it."""
    return _Bench(
        claim=lambda limit, busy: announcing.claim_due(limit, except_shops=busy),
        whose=lambda due: due.problem.saleor_api_url,
        share=lambda _shop: PLACES_TO_TELL,
        do=announcing.announce,
        done=done,
    )


async def _settle(settlement: Settlement, payment: Payment) -> None:
    await settlement.look(payment, trigger="nudge" if payment.hints else "clock")


async def _deliver(delivery: Delivery, due: DueReport) -> None:
    await delivery.deliver(due)
