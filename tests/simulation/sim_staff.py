"""The shop's staff: they ask for refunds in Saleor, and pay back or decline at the desk, two of them at once."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fakes import Killed
from payments_kit import SHOP, xof
from sim_process import Process
from sim_world import NoReply, Payable, SimWorld

from saleor_cinetpay.errors import AppError
from saleor_cinetpay.payments.refund_decisions import AlreadyDecided, NoSuchRefund
from saleor_cinetpay.payments.refunds import RefundAnswer, RefundRequest

SALEOR_WAITS_S = 20.0
LOOKS = 12
"""How often somebody looks whether there is a charge to refund."""


class Staff:
    """Those who give one payment's money back, once there is any."""

    def __init__(self, world: SimWorld, any_process: Callable[[], Process], payable: Payable) -> None:
        self._world = world
        self._any_process = any_process
        self._payable = payable
        self._random = world.fate.random

    async def live(self) -> None:
        """Wait for the charge, then ask for parts of it, some of them together, and more than there is."""
        for _ in range(LOOKS):
            await asyncio.sleep(self._random.random() * 300.0)
            if self._world.saleor.charged(self._payable.transaction_id):
                break
        else:
            return
        whole = int(self._payable.money.amount)
        for number in range(self._random.randint(1, 4)):
            amount = self._random.choice((whole, whole // 2, whole // 3, whole // 3))
            asking = self._ask(f"key {number}", max(amount, 1))
            if self._random.random() < 0.5:
                self._world.start(asking)
            else:
                await asking
        await asyncio.sleep(self._random.random() * 300.0)
        for number in range(4):
            for _ in range(self._random.choice((1, 1, 2))):
                self._world.start(self._decide(f"key {number}"))

    async def _ask(self, key: str, amount: int) -> None:
        """Have Saleor ask the app; an answer that is lost is a failure for Saleor, and staff ask once more."""
        for attempt in range(2):
            request = RefundRequest(
                saleor_api_url=SHOP,
                transaction_id=self._payable.transaction_id,
                request_key=f"{key}/{attempt}",
                money=xof(amount),
            )
            if await self._answered(request):
                return
            await asyncio.sleep(self._random.random() * 60.0)

    async def _answered(self, request: RefundRequest) -> bool:
        async def arrive() -> RefundAnswer:
            return await self._any_process().take_refund(request)

        try:
            answer = await self._world.send(
                self._payable.number, f"refund {request.request_key}", arrive, within_s=SALEOR_WAITS_S
            )
        except (AppError, Killed, NoReply):
            self._note(f"refund {request.request_key}: no answer")
            return False
        self._note(f"refund {request.request_key}: {answer.rejection or 'waits'}")
        if answer.rejection is None:
            self._world.refunds_taken[answer.reference] = int(request.money.amount)
        return True

    async def _decide(self, key: str) -> None:
        """Decide on a request, if it waits; whoever dies over it does not know whether it was done."""
        await asyncio.sleep(self._random.random() * 20.0)
        pays, attempt = self._random.random() < 0.6, self._random.randint(0, 1)
        with suppress(AppError, Killed, NoReply, AlreadyDecided, NoSuchRefund):
            refund = await self._any_process().decide_refund(
                self._payable.transaction_id, f"{key}/{attempt}", pays=pays
            )
            self._note(f"refund {key}/{attempt}: {refund.state}")
            self._world.refunds_decided.setdefault(refund.reference, []).append(refund.state)

    def _note(self, what: str) -> None:
        self._world.note(self._payable.number, what)
