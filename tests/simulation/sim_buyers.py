"""Buyers, their storefront, and what CinetPay makes of them: stories told act by act, at times that the seed draws."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from fakes import Killed
from sim_process import Process
from sim_world import NoReply, Payable, SimWorld

from saleor_cinetpay.errors import AppError
from saleor_cinetpay.payments.decisions import NothingToDecide
from webhooks.answers import Answer

STORIES: tuple[tuple[int, str], ...] = (
    (30, "pay notify"),
    (50, "begin"),
    (12, "pay notify back"),
    (12, "begin notify pay"),
    (6, "fail notify pay notify"),
    (6, "fail notify back"),
    (6, "pay"),
    (2, "begin notify fail back go fail notify pay notify back"),
    (2, "fail notify back later pay notify"),
    (2, "begin later pay notify"),
    (2, "begin back go pay"),
    (2, "outlast pay notify"),
    (1, "lie notify mend notify"),
    (1, "lie notify back decide"),
    (1, "fail notify back lie notify decide later pay notify"),
    (1, "fail notify back lie notify decide"),
    (1, "pay notify charged flip notify back storm"),
    (1, "begin outlast pay storm"),
    (1, "begin storm fail storm pay storm"),
    (1, "begin storm outlast storm"),
)
"""How often each is told, and its acts: methods of `Buyer`."""

SALEOR_WAITS_S = 20.0
CINETPAY_WAITS_S = 10.0
REFUSING_CODES = ("600", "602", "604", "627")
LIES = (
    {"signature": "forged"},
    {"cpm_site_id": "1"},
    {"cpm_currency": "USD"},
    {"cpm_trans_status": "REFUSED"},
    {"cpm_result": "604"},
)


class Buyer:
    """One buyer who pays one Saleor transaction, as far as their story goes."""

    def __init__(self, world: SimWorld, any_process: Callable[[], Process], payable: Payable, story: str = "") -> None:
        self._world = world
        self._any_process = any_process
        self._payable = payable
        self._story = story
        self._random = world.fate.random
        self._cinetpay = world.cinetpay

    async def live(self, begins_s: float) -> None:
        """Live through the story."""
        await asyncio.sleep(begins_s)
        self._note(f"begins: {self._story}")
        for _ in range(self._random.choice((0,) * 12 + (1, 2))):
            self._world.start(self.ask_how_it_stands(self._random.random() * 400.0))
        if self._random.random() < 0.05:
            self._world.start(self._initialize())
        if not await self.gets_form():
            return
        for act in self._story.split():
            await asyncio.sleep(self._pause_s())
            await getattr(self, act)()

    # -- acts ----------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        self._note("opens the payment page")
        self._cinetpay.begins(self._payable.trans_id)

    async def pay(self) -> None:
        self._note("pays")
        self._cinetpay.pays(self._payable.trans_id)

    async def mend(self) -> None:
        await asyncio.sleep(self._random.random() * 600.0)
        await self.pay()

    async def fail(self) -> None:
        code = self._random.choice(REFUSING_CODES)
        self._note(f"fails with {code}")
        self._world.failed[self._payable.trans_id] += 1
        self._cinetpay.refuses(self._payable.trans_id, code)

    async def flip(self) -> None:
        """CinetPay takes back what it has accepted, once Saleor shows it."""
        if self._world.saleor.charged(self._payable.transaction_id):
            await self.fail()

    async def lie(self) -> None:
        """CinetPay says "paid", but something about it is wrong."""
        amount = int(self._payable.money.amount)
        wrong = self._random.choice((*LIES, {"cpm_amount": str(amount - 1)}, {"cpm_amount": str(amount * 2)}))
        self._note(f"paid, says CinetPay, but {wrong}")
        right = {"cpm_result": "00", "cpm_trans_status": "ACCEPTED"}
        self._cinetpay.shows(self._payable.trans_id, **right | wrong)

    async def notify(self) -> None:
        for _ in range(self._random.choice((0, 1, 1, 1, 3))):
            self._world.start(self.notification(self._random.random() ** 3 * 60.0))

    async def storm(self) -> None:
        """Many notifications, genuine or not."""
        for _ in range(self._random.randint(10, 30)):
            self._world.start(self.notification(self._random.random() * 3.0))

    async def back(self) -> None:
        self._note("comes back")
        await self._tell("return", lambda process: process.take_back(self._payable.trans_id))

    async def go(self) -> None:
        """To the payment page once more, by ours or by the back button."""
        self._note("goes to pay again")
        if self._random.random() < 0.5:
            with suppress(AppError, Killed, NoReply):
                await self._any_process().hand_over(self._payable.trans_id)

    async def later(self) -> None:
        await asyncio.sleep(self._random.uniform(300.0, 1500.0))

    async def outlast(self) -> None:
        """Wait until the watch is over."""
        await asyncio.sleep(self._world.policy.watch / timedelta(seconds=1) + 120.0)

    async def charged(self) -> None:
        """Wait until Saleor shows the charge, for a while."""
        for _ in range(100):
            if self._world.saleor.charged(self._payable.transaction_id):
                return
            await asyncio.sleep(10.0)

    async def decide(self, *, accept: bool | None = None) -> None:
        """Somebody at the shop decides, if there is something to decide."""
        accept = self._random.random() < 0.5 if accept is None else accept
        decisions = self._world.decisions.setdefault(self._payable.trans_id, [])
        if accept:
            decisions.append(None)
        with suppress(AppError, Killed, NoReply, NothingToDecide):
            amount = await self._any_process().decide(self._payable.trans_id, accept=accept)
            self._note(f"staff decide: {amount} was paid")
            if accept:
                decisions[-1] = amount

    # -- messages ------------------------------------------------------------------------------------------------

    async def gets_form(self) -> bool:
        """Initialize, again and again if need be; say whether there is a form to pay with."""
        for _ in range(6):
            answer = await self._initialize()
            if answer is not None and answer.get("form"):
                return True
            await asyncio.sleep(self._random.uniform(1.0, 40.0))
        self._note("gives up")
        return False

    async def _initialize(self) -> Answer | None:
        return await self._call("initialize", lambda process: process.initialize(self._payable))

    async def ask_how_it_stands(self, after_s: float) -> None:
        """Have the storefront call `transactionProcess`."""
        await asyncio.sleep(after_s)
        if not self._world.saleor.asks_no_more(self._payable.transaction_id):
            self._world.asked[self._payable.trans_id] += 1
            await self._call("process", lambda process: process.process(self._payable))

    async def _call(self, what: str, ask: Callable[[Process], Awaitable[Answer | None]]) -> Answer | None:
        """Have Saleor call our app, and book the answer."""
        saleor, transaction_id = self._world.saleor, self._payable.transaction_id

        async def arrive() -> Answer | None:
            return await ask(self._any_process())

        try:
            answer = await self._world.send(self._payable.number, what, arrive, within_s=SALEOR_WAITS_S)
        except (NoReply, Killed):
            self._note(f"{what}: no answer")
            saleor.hear_nothing(transaction_id)
            return None
        if answer is not None:
            self._note(f"{what}: answered {answer['result']} {answer['message']}")
            saleor.hear(transaction_id, answer)
        return answer

    async def notification(self, after_s: float) -> None:
        """Have CinetPay notify once."""
        await asyncio.sleep(after_s)
        await self._tell("notification", lambda process: process.take_notification(self._payable.trans_id))

    async def _tell(self, what: str, tell: Callable[[Process], Awaitable[bool]]) -> None:
        """Send a hint, which counts from when it arrived once it was taken."""

        async def arrive() -> None:
            at = self._world.clock.moment
            if await tell(self._any_process()):
                self._note(f"{what}: taken")
                self._world.hints[self._payable.trans_id].append(at)

        with suppress(AppError, Killed, NoReply):
            await self._world.send(self._payable.number, what, arrive, within_s=CINETPAY_WAITS_S)

    def _pause_s(self) -> float:
        longest_s = self._random.choice((0.0, 0.0, 2.0, 2.0, 5.0, 5.0, 20.0, 120.0))
        return self._random.random() * longest_s

    def _note(self, what: str) -> None:
        self._world.note(self._payable.number, what)
