"""One run: a world drawn from a seed, lived through to its end, and judged."""

import asyncio
import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from payments_kit import CHANNEL_ID, trans_id, transaction_id, xof
from sim_buyers import STORIES, Buyer
from sim_checks import wrongs
from sim_database import Store
from sim_fleet import Fleet
from sim_staff import Staff
from sim_time import VirtualLoop
from sim_weather import WEATHERS, Fate
from sim_world import Payable, SimWorld

from saleor_cinetpay.payments.conclusion import Policy
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.opening import Source
from saleor_cinetpay.schedule import parse_delays_s

TIMETABLES = ("5,10,15,30,60,300*2,1800", "60,1800", "120,1800", "300,1200", "600")
GRACES_S = (0.0, 60.0, 180.0)
WATCH = timedelta(minutes=30)
SPAN_S = 1200.0
LONGEST_OUTAGE_S = 240.0
REFUNDED = 0.2
"""The part of the payments of which staff want money back, should they be paid."""
END = timedelta(days=20)
"""By then nothing may be due any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    seed: int
    digest: str
    wrongs: list[tuple[int, str]]
    story: list[str]
    """What happened to the first payment that something is wrong with."""
    charged: int
    """How many payments were charged."""


def run_seed(store: Store, seed: int, payments: int, *, ledger_class: type[Ledger] = Ledger) -> Outcome:
    """Live through the world of a seed."""
    fate = Fate(seed, WEATHERS[seed % len(WEATHERS)])
    policy = Policy(
        delays_s=parse_delays_s(fate.random.choice(TIMETABLES)),
        refusal_grace=timedelta(seconds=fate.random.choice(GRACES_S)),
        watch=WATCH,
    )
    store.empty()
    world = SimWorld(fate=fate, store=store, policy=policy, ledger_class=ledger_class)
    payables = list(_payables(world, payments))
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(world.clock)) as runner, no_logs():
        runner.run(_live(world, payables))
    found = wrongs(world, payables)
    return Outcome(
        seed=seed,
        digest=world.digest(),
        wrongs=found,
        story=world.story(found[0][0]) if found else [],
        charged=sum(world.saleor.charged(payable.transaction_id) > 0 for payable in payables),
    )


async def _live(world: SimWorld, payables: list[Payable]) -> None:
    fate = world.fate
    fleet = Fleet(world, fate.random.randint(1, 3))
    weights = [weight for weight, _ in STORIES]
    for payable in payables:
        story = fate.random.choices(STORIES, weights)[0][1]
        world.start(Buyer(world, fleet.any, payable, story).live(fate.random.random() * SPAN_S))
        if fate.random.random() < REFUNDED:
            world.start(Staff(world, fleet.any, payable).live())
    for _ in range(fate.weather.outages):
        world.start(_outage(world))
    await world.everything_is_over()
    fate.calm_down()
    world.disturb("all is calm from now on")
    fleet.kill_all()
    await nothing_is_due(world)
    fleet.stop()


async def nothing_is_due(world: SimWorld) -> None:
    """Wait until all watches are over and Saleor has every report."""
    until = world.clock.moment + END
    while due_at := world.store.due_at():
        if world.clock.moment > until:
            if world.store.waits_for_a_person():
                return
            world.broken.append("something is due for ever")
            return
        await asyncio.sleep(max((min(due_at.values()) - world.clock.moment) / timedelta(seconds=1), 0.0) + 60.0)


async def _outage(world: SimWorld) -> None:
    random = world.fate.random
    await asyncio.sleep(random.random() * SPAN_S)
    whose = random.choice(("CinetPay", "Saleor", "the database"))
    ends_s = asyncio.get_running_loop().time() + random.random() * LONGEST_OUTAGE_S
    world.disturb(f"{whose} is away")
    while (left_s := ends_s - asyncio.get_running_loop().time()) > 0:
        world.cinetpay.down = world.fate.cinetpay_trouble() if whose == "CinetPay" else world.cinetpay.down
        world.saleor.down = world.fate.saleor_trouble() if whose == "Saleor" else world.saleor.down
        world.store.down = whose == "the database" or world.store.down
        await asyncio.sleep(min(left_s, 20.0))
        world.disturb(f"{whose} is still away")
    world.cinetpay.down = None if whose == "CinetPay" else world.cinetpay.down
    world.saleor.down = None if whose == "Saleor" else world.saleor.down
    world.store.down = False if whose == "the database" else world.store.down
    world.disturb(f"{whose} is back")


def _payables(world: SimWorld, count: int) -> Iterator[Payable]:
    """Yield transactions for orders and checkouts; now and then two of them pay the same."""
    random = world.fate.random
    kind, source_id, amount = "", "", 0
    for number in range(1, count + 1):
        if not source_id or random.random() > 0.05:
            kind = random.choice(("Checkout", "Order"))
            source_id, amount = base64.b64encode(f"{kind}:{number}".encode()).decode(), random.randint(100, 1_000_000)
        payable = Payable(
            number=number,
            transaction_id=transaction_id(number),
            trans_id=trans_id(number),
            money=xof(amount),
            source=Source(
                id=source_id, number=None, channel="default-channel", channel_id=CHANNEL_ID, total=xof(amount)
            ),
        )
        world.numbers |= {payable.trans_id: number, payable.transaction_id: number, source_id: number}
        if kind == "Checkout":
            world.saleor.checkouts.setdefault(source_id, (amount, []))[1].append(payable.transaction_id)
        yield payable


@contextmanager
def no_logs() -> Iterator[None]:
    """Write no logs: the story tells what happened."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
