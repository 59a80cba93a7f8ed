"""A person decides on a suspect payment: accept what CinetPay holds, or refuse. Recorded with who and when."""

from collections.abc import Callable
from dataclasses import replace

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.payments.conclusion import Conclusion, accepted, report_of
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import ProblemKind
from saleor_cinetpay.payments.report import ReportType
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.trans_id import TransId


class NothingToDecide(Exception):
    """The payment is not suspect (any more), or CinetPay holds nothing for it that could be accepted."""


class Decisions:
    """Carries people's decisions out. Saleor is told in the same transaction."""

    def __init__(self, *, ledger: Ledger, settlement: Settlement, clock: Clock) -> None:
        self._ledger = ledger
        self._settlement = settlement
        self._clock = clock

    async def accept(self, trans_id: TransId, *, by: str) -> Payment:
        """Accept what CinetPay holds: Saleor is told of a charge of exactly that amount. Moves money in its books.

        Raises:
            NothingToDecide: where the payment is not suspect, or CinetPay does not say that it was paid.
        """
        claimed = await self._claim(trans_id, needs_held_amount=True)
        policy = await self._settlement.policy_of(claimed.saleor_api_url)
        now = self._clock.now()

        def decide(payment: Payment) -> Conclusion:
            amount = payment.held_amount or payment.amount
            return accepted(replace(payment, decided_by=by), amount, paid_at=None, now=now, policy=policy)

        return await self._carry_out(claimed, decide, Event(kind="decided", detail={"by": by, "as": "accepted"}))

    async def refuse(self, trans_id: TransId, *, by: str) -> Payment:
        """Refuse the payment: Saleor is told of a failure, and only a fully right acceptance changes that.

        Raises:
            NothingToDecide: where the payment is not suspect.
        """
        claimed = await self._claim(trans_id)
        now = self._clock.now()

        def decide(payment: Payment) -> Conclusion:
            refused = replace(payment, state=PaymentState.REFUSED, decided_by=by, failure_told_at=now, suspicion=None)
            report = report_of(refused, ReportType.CHARGE_FAILURE, now)
            return Conclusion(payment=refused, report=report, solved=(ProblemKind.SUSPECT,))

        return await self._carry_out(claimed, decide, Event(kind="decided", detail={"by": by, "as": "refused"}))

    async def _claim(self, trans_id: TransId, *, needs_held_amount: bool = False) -> Payment:
        payment = await self._ledger.find(trans_id)
        if payment is None or payment.state is not PaymentState.SUSPECT:
            raise NothingToDecide("the payment is not suspect")
        if needs_held_amount and payment.held_amount is None:
            raise NothingToDecide("CinetPay does not say that this payment was paid")
        claimed = await self._ledger.claim(trans_id, state=PaymentState.SUSPECT)
        if claimed is None:
            raise NothingToDecide("the payment is being looked at; try again in a moment")
        return claimed

    async def _carry_out(self, claimed: Payment, decide: Callable[[Payment], Conclusion], event: Event) -> Payment:
        after = await self._ledger.save(claimed, decide, lambda _before, _after: event)
        if after is None:
            raise NothingToDecide("the payment was being looked at; try again in a moment")
        return after
