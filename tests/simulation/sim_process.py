"""One process of ours in the simulated world. It may be killed at any of its steps; then it does nothing any more."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from fakes import Killed, SeededChance
from payments_kit import APP, SECRETS, SHOP
from sim_database import InLoopDatabase
from sim_lines import CinetPayLine, SaleorLine
from sim_shop import OneShop
from sim_world import Payable, SimWorld

from saleor_cinetpay.errors import LedgerUnavailable, PaymentImpossible
from saleor_cinetpay.locale import Language, text
from saleor_cinetpay.payments.adoption import Adoption
from saleor_cinetpay.payments.completion import Completion
from saleor_cinetpay.payments.decisions import Decisions
from saleor_cinetpay.payments.delivery import Delivery
from saleor_cinetpay.payments.opening import Opening, OpenRequest
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.processing import Processing, ProcessRequest
from saleor_cinetpay.payments.refund import Refund, reference_of
from saleor_cinetpay.payments.refund_decisions import RefundDecisions
from saleor_cinetpay.payments.refunds import RefundAnswer, RefundRequest, Refunds
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.trans_id import TransactionId, TransId, trans_id_of
from saleor_cinetpay.payments.worker import BATCH
from saleor_cinetpay.saleor.types import SaleorTransaction
from saleor_cinetpay.shops.installations import Installation
from webhooks.answers import Answer, impossible, standing
from webhooks.cinetpay_return import WAIT_S
from webhooks.pipeline import BUDGET_S

SALEOR = (3, 23)
AWAY = PaymentImpossible("TRY_LATER", buyer=text("Please try again."), merchant=text("The ledger does not answer."))


class NoBooks:
    """Saleor's books, which nobody reads here: whoever pays back confirms it."""

    async def read_transaction(
        self, installation: Installation, transaction_id: TransactionId, *, timeout_s: float
    ) -> SaleorTransaction | None:
        return None


class Process:
    """A heart on the shared ledger, wired as `app` wires it, with the doors that the world calls."""

    def __init__(self, name: int, world: SimWorld, on_death: Callable[["Process"], None]) -> None:
        self.name = name
        self.alive = True
        self._world = world
        self._on_death = on_death
        self._steps_left = world.fate.steps_to_live()
        chance, policy = SeededChance(world.fate.random.getrandbits(64)), world.policy
        cinetpay, saleor = CinetPayLine(world, self), SaleorLine(world, self)
        database = InLoopDatabase(world.store, self, self._database_may_fail)
        shop = OneShop()
        self._ledger = world.ledger_class(database, SECRETS, self, chance)
        self._settlement = Settlement(
            ledger=self._ledger,
            lookup=cinetpay,
            accounts=shop,
            choices=shop,
            clock=self,
            chance=chance,
            policy=policy,
        )
        adoption = Adoption(ledger=self._ledger, settlement=self._settlement, clock=self, chance=chance)
        self._opening = Opening(
            ledger=self._ledger, signer=cinetpay, accounts=shop, adoption=adoption, clock=self, policy=policy
        )
        self._processing = Processing(
            ledger=self._ledger,
            settlement=self._settlement,
            adoption=adoption,
            accounts=shop,
            clock=self,
            policy=policy,
        )
        self._decisions = Decisions(ledger=self._ledger, settlement=self._settlement, clock=self)
        self._refunds = Refunds(database, SECRETS, self)
        self._refund_decisions = RefundDecisions(
            database=database, secrets=SECRETS, transactions=NoBooks(), installations=shop, clock=self
        )
        self._delivery = Delivery(ledger=self._ledger, reporter=saleor, installations=shop, clock=self, chance=chance)
        self._completion = Completion(
            database=database, checkouts=saleor, installations=shop, clock=self, chance=chance
        )

    async def take_due(self) -> bool:
        """Begin to work on what is due, as `Worker` does, but claim only where there is something; say if there was."""
        found = False
        for table, due_at in self._world.store.due_at().items():
            for work in await self._claim(table) if due_at <= self.now() else ():
                found = True
                self._world.start_ours(work)
        return found

    async def look(self, trans_id: TransId) -> None:
        """Look a payment up, if nobody else does just now."""
        claimed = await self._ledger.claim(trans_id)
        if claimed is not None:
            await self._settlement.look(claimed, trigger="clock")

    async def _claim(self, table: str) -> list[Coroutine[Any, Any, object]]:
        match table:
            case "payments":
                claimed = await self._ledger.claim_due(BATCH, except_accounts=self._settlement.pace.paused())
                return [self._settlement.look(payment, trigger="clock") for payment in claimed]
            case "reports":
                return [self._delivery.deliver(report) for report in await self._ledger.claim_due_reports(BATCH)]
            case _:
                return [self._completion.complete(checkout) for checkout in await self._completion.claim_due(BATCH)]

    # -- its life, and its clock ---------------------------------------------------------------------------------

    def tick(self) -> None:
        if self.alive and self._steps_left is not None:
            self._steps_left -= 1
            if self._steps_left <= 0:
                self.kill()
        if not self.alive:
            raise Killed

    async def step(self) -> None:
        self.tick()
        stall_s = self._world.fate.stall_s()
        if stall_s:
            self._world.disturb(f"process {self.name} stalls for {stall_s:.0f} s")
        await self.sleep(stall_s)

    def die_after(self, steps: int) -> None:
        """Be killed at that step from now on."""
        self._steps_left = steps

    def kill(self) -> None:
        """End here; what was begun stays as it is."""
        self.alive = False
        self._world.disturb(f"process {self.name} is killed")
        self._on_death(self)

    def now(self) -> datetime:
        return self._world.clock.moment

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self.alive:
            raise Killed

    # -- its doors -----------------------------------------------------------------------------------------------

    async def initialize(self, payable: Payable) -> Answer:
        """Answer TRANSACTION_INITIALIZE_SESSION as its door does."""
        saleor = self._world.saleor
        request = OpenRequest(
            saleor_api_url=SHOP,
            app_base_url=APP,
            transaction_id=payable.transaction_id,
            money=payable.money,
            data=None,
            source=payable.source,
            known_reference=saleor.reference(payable.transaction_id),
            charged_before=saleor.charged(payable.transaction_id) > 0,
            deadline=self.now() + timedelta(seconds=BUDGET_S),
        )
        try:
            async with asyncio.timeout(BUDGET_S):
                payment = await self._opening.open(request)
        except PaymentImpossible as error:
            return impossible(error, payable.money, Language.FRENCH, Language.FRENCH)
        except (LedgerUnavailable, TimeoutError):
            return impossible(AWAY, payable.money, Language.FRENCH, Language.FRENCH)
        return standing(payment, now=self.now(), saleor=SALEOR) | {"form": payment.open_to_pay}

    async def process(self, payable: Payable) -> Answer | None:
        """Answer TRANSACTION_PROCESS_SESSION as its door does; None for its "can't know", which books nothing."""
        request = ProcessRequest(
            saleor_api_url=SHOP,
            app_base_url=APP,
            transaction_id=payable.transaction_id,
            money=payable.money,
            source=payable.source,
            charged_before=self._world.saleor.charged(payable.transaction_id) > 0,
            deadline=self.now() + timedelta(seconds=BUDGET_S),
        )
        try:
            async with asyncio.timeout(BUDGET_S):
                payment = await self._processing.process(request)
        except PaymentImpossible as error:
            return impossible(error, payable.money, Language.FRENCH, Language.FRENCH)
        except (LedgerUnavailable, TimeoutError):
            return None
        return None if payment is None else standing(payment, now=self.now(), saleor=SALEOR)

    async def take_notification(self, trans_id: TransId) -> bool:
        """Take a notification as its door does; say whether it makes the payment due."""
        return await self._ledger.nudge(trans_id) is not None

    async def take_back(self, trans_id: TransId) -> bool:
        """Take the buyer back as the return's door does; say whether that made the payment due."""
        payment = await self._ledger.find(trans_id)
        if payment is None or not payment.signed or payment.state is PaymentState.ACCEPTED:
            return False
        due = await self._ledger.nudge(trans_id, buyer_back=True)
        await self._settlement.settle(trans_id, trigger="return", wait_s=WAIT_S, due_only=True)
        return due is not None

    async def hand_over(self, trans_id: TransId) -> bool:
        """Lead the buyer to the payment page, as `/pay` does; say whether there was a form to hand out."""
        payment = await self._ledger.find(trans_id)
        if payment is None or not payment.open_to_pay:
            return False
        await self._ledger.hand_over(payment)
        return True

    async def decide(self, trans_id: TransId, *, accept: bool) -> int:
        """Carry out what a person decides on a suspicion; return the amount that counts as charged by it.

        Raises:
            NothingToDecide: where there is none.
        """
        if not accept:
            await self._decisions.refuse(trans_id, by="staff")
            return 0
        return int((await self._decisions.accept(trans_id, by="staff")).charged.amount)

    async def take_refund(self, request: RefundRequest) -> RefundAnswer:
        """Take a refund request as its door does, which says a failure where there is no time left."""
        try:
            async with asyncio.timeout(BUDGET_S):
                return await self._refunds.request(request)
        except TimeoutError as error:
            raise LedgerUnavailable("no time left") from error

    async def decide_refund(self, transaction_id: TransactionId, key: str, *, pays: bool) -> Refund:
        """Carry out what a person decides on a refund.

        Raises:
            NoSuchRefund: where there is none by that key.
            AlreadyDecided: where somebody was quicker.
        """
        reference = reference_of(trans_id_of(transaction_id), key)
        if pays:
            return await self._refund_decisions.pay_back(SHOP, reference, by="staff", note="T-1", confirmed=True)
        return await self._refund_decisions.decline(SHOP, reference, by="staff", note="no")

    def _database_may_fail(self) -> None:
        if self._world.store.down or self._world.fate.happens(self._world.fate.weather.writes_uncertain):
            self._world.disturb(f"process {self.name}: the database does not answer")
            raise LedgerUnavailable("database: gone for a moment")
