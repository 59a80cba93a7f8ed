"""Settling: look a payment up at CinetPay, reach a verdict, write it down together with the report it calls for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from saleor_cinetpay import metrics
from saleor_cinetpay.chance import Chance
from saleor_cinetpay.cinetpay import CinetPayTransaction, CodeClass, describe
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import CinetPayError, CinetPayRefused, Unreadable
from saleor_cinetpay.payments.conclusion import Conclusion, Policy, conclude
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.pace import Pace
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import Configurations
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.payments.verdict import (
    Found,
    NoAnswer,
    NotStarted,
    Observation,
    OnlyStatus,
    Verdict,
    VerdictKind,
    verdict,
)
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.shop_settings import ShopChoices

LOOK_S = 20.0
"""The longest that a look may ask CinetPay; well within a lease."""
POLL_S = 0.05
ENDS = frozenset({PaymentState.ACCEPTED, PaymentState.REFUSED})

log = structlog.get_logger(__name__)


class Lookup(Protocol):
    """Asks CinetPay about one payment (`checkPayStatus`, guide 3.2). Moves no money."""

    async def check_pay_status(
        self, account: Account, trans_id: TransId, *, timeout_s: float
    ) -> CinetPayTransaction | None:
        """Return what CinetPay holds, or None where it holds nothing.

        Raises:
            CinetPayError: where it refuses, or can't be asked, or can't be understood.
        """
        ...


class AccountsByKey(Protocol):
    """Finds the account that a payment began with."""

    async def by_key(self, account_key: str) -> Account | None:
        """Return the account, or None where there is none by that key."""
        ...


class ChoicesOfShops(Protocol):
    """Knows what shops have chosen."""

    async def recent(self, saleor_api_url: str) -> ShopChoices:
        """Return a shop's choices of a second ago at most."""
        ...


class Settlement:
    """Settles payments. Any number of processes may do so: whoever holds a payment's lease looks."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        lookup: Lookup,
        accounts: AccountsByKey,
        choices: ChoicesOfShops,
        clock: Clock,
        chance: Chance,
        policy: Policy,
    ) -> None:
        self._ledger = ledger
        self._lookup = lookup
        self._accounts = accounts
        self._choices = choices
        self._clock = clock
        self._chance = chance
        self._policy = policy
        self.pace = Pace(clock)
        self._configurations = Configurations(ledger.problems, clock)

    async def look(
        self, claimed: Payment, *, trigger: str, by: str | None = None, timeout_s: float = LOOK_S
    ) -> Payment | None:
        """Look a claimed payment up and conclude; return it as it stands then, None where the lease was lost.

        `by` is the person who asked for it, if one did.
        """
        if not claimed.signed:
            return await self._leave_unsigned(claimed)
        began_at = self._clock.now()
        seen = await self.observe(claimed.account_key, claimed.trans_id, timeout_s=min(timeout_s, LOOK_S))
        meant = verdict(claimed, seen)
        policy = self._policy
        if meant.kind is VerdictKind.ACCEPTED:
            policy = await self.policy_of(claimed.saleor_api_url)
        draw = self._chance.fraction()

        def decide(payment: Payment) -> Conclusion:
            now = self._clock.now()
            return conclude(payment, seen, meant, began_at=began_at, now=now, policy=policy, draw=draw)

        def event(before: Payment, after: Payment) -> Event:
            return _looked(before, after, meant, seen, {"trigger": trigger, "by": by}, claimed)

        after = await self._ledger.save(claimed, decide, event)
        metrics.look(trigger, meant.kind).inc()
        if after is not None and after.state is not claimed.state and after.state in ENDS:
            metrics.settled(after.state).observe((self._clock.now() - after.opened_at).total_seconds())
        log.info(
            "payment_looked_up",
            trans_id=claimed.trans_id,
            trigger=trigger,
            verdict=meant.kind,
            reason=meant.reason,
            code=meant.code,
            state=after.state if after else "lease lost",
        )
        return after

    async def settle(
        self,
        trans_id: TransId,
        *,
        trigger: str,
        wait_s: float,
        due_only: bool = False,
        by: str | None = None,
        claimed: Payment | None = None,
    ) -> Payment | None:
        """Bring a payment up to date: look, or wait for a look that begins from now on; return it as it stands.

        `claimed` is the payment, where the caller holds its lease already; without time for a look it is given back,
        and due. `due_only` respects the quiet time that notifications and returns share. After `wait_s` the payment is
        returned as the ledger holds it. None where there is no such payment.
        """
        asked_at = self._clock.now()
        deadline = asked_at + timedelta(seconds=wait_s)
        while True:
            if claimed is None and self._clock.now() < deadline:
                claimed = await self._ledger.claim(trans_id, due_only=due_only)
            left_s = (deadline - self._clock.now()).total_seconds()
            if claimed is not None and left_s > 0:
                after = await self.look(claimed, trigger=trigger, by=by, timeout_s=left_s)
                if after is not None:
                    return after
            elif claimed is not None:  # a look without time would fail, and count as CinetPay's failure
                await self._ledger.give_back(claimed)
            claimed = None
            payment = await self._ledger.find(trans_id)
            if payment is None or left_s <= 0 or _up_to_date(payment, asked_at):
                return payment
            await self._clock.sleep(POLL_S)

    async def observe(self, account_key: str, trans_id: TransId, *, timeout_s: float) -> Observation:
        """Ask CinetPay about a payment; whatever happens on the way is an observation too."""
        try:
            account = await self._accounts.by_key(account_key)
        except Unreadable as error:
            log.error("account_unreadable", account_key=account_key, error=str(error))
            return NoAnswer("account_unreadable")
        if account is None:
            return NoAnswer("account_missing")
        try:
            transaction = await self._lookup.check_pay_status(account, trans_id, timeout_s=timeout_s)
        except CinetPayRefused as refused:
            self.pace.answered(account_key)
            if describe(refused.code).code_class is CodeClass.CONFIGURATION:
                await self._configurations.refused(account, refused.code)
            return OnlyStatus(refused.code)
        except CinetPayError as error:
            log.warning("cinetpay_did_not_answer", trans_id=trans_id, error=str(error))
            self.pace.failed(account_key, getattr(error, "retry_after_s", None))
            return NoAnswer(type(error).__name__)
        self.pace.answered(account_key)
        await self._configurations.accepted(account)
        return NotStarted() if transaction is None else Found(transaction)

    async def policy_of(self, saleor_api_url: str) -> Policy:
        """Return the operator's settings with the shop's own choices among them."""
        choices = await self._choices.recent(saleor_api_url)
        return replace(self._policy, complete_after=choices.complete_after)

    async def _leave_unsigned(self, claimed: Payment) -> Payment | None:
        """Give back the lease of a payment whose opening died half-way; nobody can pay it, so nothing is asked."""

        def decide(payment: Payment) -> Conclusion:
            return Conclusion(payment=replace(payment, due_at=None))

        return await self._ledger.save(claimed, decide, lambda _before, _after: Event(kind="opening_interrupted"))


def _up_to_date(payment: Payment, asked_at: datetime) -> bool:
    return payment.state is PaymentState.ACCEPTED or (payment.looked_at is not None and payment.looked_at >= asked_at)


def _looked(
    before: Payment,
    after: Payment,
    meant: Verdict,
    seen: Observation,
    asked: Mapping[str, str | None],
    claimed: Payment,
) -> Event:
    """Tell of a look, and of the notifications and the return that came since the one before: they leave no entry."""
    detail: dict[str, object] = {
        **{name: value for name, value in asked.items() if value is not None},
        "verdict": meant.kind,
        "reason": meant.reason,
        "code": meant.code,
        "hints": claimed.hints,
        "from": before.state,
        "to": after.state,
    }
    for name, at in (("notified_at", claimed.notified_at), ("buyer_back_at", claimed.buyer_back_at)):
        if at is not None:
            detail[name] = at.isoformat()
    if isinstance(seen, Found):
        detail |= {
            "status": seen.transaction.cpm_trans_status[:40],
            "amount": seen.transaction.cpm_amount[:40],
            "currency": seen.transaction.cpm_currency[:10],
            "operator": seen.transaction.payment_method[:32],
            "payid": seen.transaction.cpm_payid[:64],
            "ipn_ack": seen.transaction.cpm_ipn_ack[:4],
        }
    return Event(kind="looked_up", detail=detail)
