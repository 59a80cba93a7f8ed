"""One payment, and what may happen to it in every order: small enough that nothing is left to chance."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from payments_kit import an_order, trans_id, transaction_id, xof
from sim_buyers import Buyer
from sim_checks import wrongs
from sim_database import Store
from sim_fleet import Fleet
from sim_process import Process
from sim_run import no_logs, nothing_is_due
from sim_time import VirtualLoop
from sim_weather import FAIR, Fate
from sim_world import NoReply, Payable, SimWorld

from saleor_cinetpay.payments.conclusion import Policy
from saleor_cinetpay.payments.ledger import LEASE, Ledger

BETWEEN_S = 0.7
POLICY = Policy(delays_s=(5.0, 1500.0), refusal_grace=timedelta(seconds=60), watch=timedelta(hours=1))
PAYABLE = Payable(number=1, transaction_id=transaction_id(), trans_id=trans_id(), money=xof(), source=an_order())
EVENTS = (
    "notify notify ask ask stall hear hear",
    "pay notify ask hear fail",
    "pay notify ask hear crash",
    "pay ask hear fail back",
    "pay ask hear process stall",
    "pay ask hear report lose",
    "pay ask hear lie notify",
)
"""What may happen in any order."""
STORIES = (
    "pay notify ask hear report",
    "notify ask pay hear notify report",
    "fail back hear report pay notify",
    "pay ask hear report flip notify",
    "fail back hear lie ask hear refuse",
    "notify ask stall ask notify hear hear",
)
"""What is told once for every step at which the processes may die."""
STEPS = 40
"""More than any of these stories takes in one process."""
Order = tuple[str, ...]
Result = TypeVar("Result")


def orders_of(events: str) -> Iterator[Order]:
    """Yield every distinct order of these events in which nothing is heard that was not asked."""

    def extend(order: Order, left: Counter[str]) -> Iterator[Order]:
        if not left:
            yield order
        for event in sorted(left):
            if event != "hear" or order.count("hear") < order.count("ask"):
                yield from extend((*order, event), left - Counter([event]))

    return extend((), Counter(events.split()))


@dataclass
class OrderedWorld(SimWorld):
    """A world in which answers come when the order says so."""

    held_back: list["asyncio.Future[None]"] = field(default_factory=list)
    holds_back: bool = True
    loses_answers: bool = False

    async def send(self, number: int, what: str, do: Callable[[], Awaitable[Result]], *, within_s: float) -> Result:
        result = await do()
        if what == "look" and self.holds_back:
            heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.held_back.append(heard)
            await heard
        if what.startswith("report") and self.loses_answers:
            raise NoReply(arrived=True)
        return result


class Case:
    """One payment that lives through one order; every event is a method."""

    def __init__(self, world: OrderedWorld, dies_after: int | None) -> None:
        self._world = world
        self._buyer = Buyer(world, lambda: self._processes[0], PAYABLE)
        self._processes = [Process(name, world, self._replace) for name in (1, 2)]
        self._dies_after = dies_after

    async def live(self, order: Order) -> None:
        if not await self._buyer.gets_form():
            raise AssertionError("no form in fair weather")
        if self._dies_after is not None:
            self._processes[0].die_after(self._dies_after)
        for event in order:
            self._world.note(1, f"-- {event}")
            getattr(self, event)()
            await asyncio.sleep(LEASE.total_seconds() + 1 if event == "stall" else BETWEEN_S)
        self._world.holds_back = self._world.loses_answers = False
        for _ in self._world.held_back:
            self.hear()
        await self._world.everything_is_over()
        fleet = Fleet(self._world, 2)
        await nothing_is_due(self._world)
        fleet.stop()

    def pay(self) -> None:
        self._world.start(self._buyer.pay())

    def fail(self) -> None:
        if PAYABLE.trans_id not in self._world.cinetpay.accepted_at:
            self._world.start(self._buyer.fail())

    def lie(self) -> None:
        if PAYABLE.trans_id not in self._world.cinetpay.accepted_at:
            self._world.start(self._buyer.lie())

    def flip(self) -> None:
        """CinetPay takes back what Saleor shows as charged."""
        self._world.start(self._buyer.flip())

    def refuse(self) -> None:
        """Somebody at the shop refuses the payment, if it is suspect."""
        self._world.start(self._buyer.decide(accept=False))

    def notify(self) -> None:
        self._world.start(self._buyer.notification(0.0))

    def back(self) -> None:
        self._world.start(self._buyer.back())

    def process(self) -> None:
        self._world.start(self._buyer.ask_how_it_stands(0.0))

    def ask(self) -> None:
        """One process asks CinetPay; the next time it is the other's turn."""
        self._processes.reverse()
        self._world.start_ours(self._processes[-1].look(PAYABLE.trans_id))

    def hear(self) -> None:
        """The answer that has been held back longest is heard."""
        waiting = [heard for heard in self._world.held_back if not heard.done()]
        if waiting:
            waiting[0].set_result(None)

    def report(self) -> None:
        self._world.start_ours(self._processes[0].take_due())

    def lose(self) -> None:
        """From now on no answer of Saleor's comes back."""
        self._world.loses_answers = True

    def stall(self) -> None:
        """Nothing moves for longer than a lease."""

    def crash(self) -> None:
        """The process that asked last is killed."""
        self._processes[-1].kill()

    def _replace(self, dead: Process) -> None:
        self._processes[self._processes.index(dead)] = Process(dead.name + 2, self._world, self._replace)


def run_order(
    store: Store, order: Order, *, dies_after: int | None = None, ledger_class: type[Ledger] = Ledger
) -> tuple[list[str], list[str]]:
    """Live through an order; return what is wrong in the end, and the story."""
    store.empty()
    world = OrderedWorld(fate=Fate(0, FAIR), store=store, policy=POLICY, ledger_class=ledger_class)
    world.numbers |= {PAYABLE.trans_id: 1, PAYABLE.transaction_id: 1}
    case = Case(world, dies_after)
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(world.clock)) as runner, no_logs():
        runner.run(case.live(order))
    return [what for _, what in wrongs(world, [PAYABLE])], world.story()
