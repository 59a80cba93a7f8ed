"""The lines from one process of ours to CinetPay and to Saleor, on which messages are lost, late and doubled."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import SecretStr
from sim_database import Life
from sim_world import NoReply, SimWorld

from saleor_cinetpay.cinetpay import CinetPayTransaction, PaymentFields
from saleor_cinetpay.errors import CinetPayUnavailable, SaleorUnavailable
from saleor_cinetpay.payments.completion import CheckoutState
from saleor_cinetpay.payments.report import Report
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.installations import Installation

CINETPAY_TIMEOUT_S = 8.0
Result = TypeVar("Result")


class CinetPayLine:
    """The heart's `Signer` and `Lookup`."""

    def __init__(self, world: SimWorld, life: Life) -> None:
        self._world = world
        self._life = life

    async def get_signature(self, account: Account, fields: PaymentFields, *, timeout_s: float) -> SecretStr:
        async def ask() -> SecretStr:
            return await self._world.cinetpay.get_signature(account, fields, timeout_s=timeout_s)

        return await self._send(fields.trans_id, "sign", ask, timeout_s)

    async def check_pay_status(
        self, account: Account, trans_id: TransId, *, timeout_s: float
    ) -> CinetPayTransaction | None:
        async def ask() -> CinetPayTransaction | None:
            return await self._world.cinetpay.check_pay_status(account, trans_id, timeout_s=timeout_s)

        return await self._send(trans_id, "look", ask, timeout_s)

    async def _send(self, trans_id: str, what: str, ask: Callable[[], Awaitable[Result]], timeout_s: float) -> Result:
        number = self._world.numbers.get(trans_id, 0)
        await self._life.step()
        self._world.note(number, f"{what}: asked")
        try:
            answer = await self._world.send(number, what, ask, within_s=min(timeout_s, CINETPAY_TIMEOUT_S))
        except NoReply as error:
            raise CinetPayUnavailable("no answer in time", maybe_carried_out=error.arrived) from None
        await self._life.step()
        self._world.note(number, f"{what}: answered {_said(answer)}")
        return answer


class SaleorLine:
    """The heart's `Reporter` and `Checkouts`."""

    def __init__(self, world: SimWorld, life: Life) -> None:
        self._world = world
        self._life = life

    async def report(self, installation: Installation, report: Report, *, timeout_s: float) -> bool:
        async def tell() -> bool:
            return await self._world.saleor.report(installation, report, timeout_s=timeout_s)

        return await self._send(report.trans_id, f"report {report.type}", tell, timeout_s)

    async def state_of(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> CheckoutState:
        async def ask() -> CheckoutState:
            return await self._world.saleor.state_of(installation, checkout_id, timeout_s=timeout_s)

        return await self._send(checkout_id, "checkout", ask, timeout_s)

    async def complete(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> str:
        async def tell() -> str:
            return await self._world.saleor.complete(installation, checkout_id, timeout_s=timeout_s)

        return await self._send(checkout_id, "complete", tell, timeout_s)

    async def _send(self, about: str, what: str, do: Callable[[], Awaitable[Result]], timeout_s: float) -> Result:
        number = self._world.numbers.get(about, 0)
        await self._life.step()
        try:
            answer = await self._world.send(number, what, do, within_s=timeout_s)
        except NoReply as error:
            raise SaleorUnavailable("no answer in time", maybe_carried_out=error.arrived) from None
        await self._life.step()
        self._world.note(number, f"{what}: answered {answer}")
        return answer


def _said(answer: object) -> str:
    if isinstance(answer, CinetPayTransaction):
        return f"{answer.cpm_result} {answer.cpm_trans_status} {answer.cpm_amount}"
    return "nothing" if answer is None else "signature"
