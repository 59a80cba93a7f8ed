"""Adopting a payment that our ledger does not hold, but whose trans id is a Saleor transaction's.

A lost ledger must not lose money. What CinetPay shows under the trans id is taken up with the signature that it
shows, and judged like any other: against the site of the account, and the amount and currency that Saleor's own
transaction asks for.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import SecretStr

from saleor_cinetpay.chance import Chance
from saleor_cinetpay.cinetpay import CodeClass, PaymentFields, describe, fold_designation, trans_date
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import CinetPayUnavailable
from saleor_cinetpay.locale import text
from saleor_cinetpay.money import CinetPayAmount
from saleor_cinetpay.payments.conclusion import Conclusion, conclude
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.payments.verdict import Found, NoAnswer, NotStarted, OnlyStatus, verdict
from saleor_cinetpay.shops.accounts import Account


class Adoption:
    """Takes up payments that CinetPay knows and our ledger does not."""

    def __init__(self, *, ledger: Ledger, settlement: Settlement, clock: Clock, chance: Chance) -> None:
        self._ledger = ledger
        self._settlement = settlement
        self._clock = clock
        self._chance = chance

    async def adopt(self, unsigned: Payment, *, charged_before: bool, timeout_s: float) -> Payment | None:
        """Ask CinetPay about a payment without a row (or with one that was never signed), and take it up.

        None where CinetPay does not know it either; then nothing is written.

        Raises:
            CinetPayUnavailable: where CinetPay can't tell just now.
        """
        found = await self._ask(unsigned, timeout_s)
        if found is None:
            return None
        await self._ledger.open(unsigned, Event(kind="adopted"))
        claimed = await self._ledger.claim(unsigned.trans_id)
        if claimed is None or claimed.signed:
            return await self._ledger.find(unsigned.trans_id)
        return await self._write(claimed, found, charged_before)

    async def adopt_any(
        self, unsigned: Sequence[Payment], *, charged_before: bool, left_s: Callable[[], float]
    ) -> Payment | None:
        """Do the same for a payment that may have been opened with any of several accounts, until one knows it.

        Raises:
            CinetPayUnavailable: where none knows it, and one of them can't tell just now.
        """
        away: CinetPayUnavailable | None = None
        for one in unsigned:
            try:
                adopted = await self.adopt(one, charged_before=charged_before, timeout_s=left_s())
            except CinetPayUnavailable as error:
                away = error
                continue
            if adopted is not None:
                return adopted
        if away is not None:
            raise away
        return None

    async def take_up(self, claimed: Payment, *, charged_before: bool, timeout_s: float) -> Payment | None:
        """Do the same for a payment whose lease the caller holds; where None is returned the caller still holds it."""
        found = await self._ask(claimed, timeout_s, closed_is_unknown=True)
        return None if found is None else await self._write(claimed, found, charged_before)

    async def _ask(self, payment: Payment, timeout_s: float, *, closed_is_unknown: bool = False) -> Found | None:
        """Return what CinetPay holds, None where it holds nothing; a code alone says nothing about a payment."""
        match await self._settlement.observe(payment.account_key, payment.trans_id, timeout_s=timeout_s):
            case NoAnswer(reason=reason):
                raise CinetPayUnavailable(f"CinetPay can't tell just now: {reason}", maybe_carried_out=False)
            case OnlyStatus(code=code) if closed_is_unknown and describe(code).code_class is CodeClass.CLOSED:
                return None
            case OnlyStatus(code=code):
                raise CinetPayUnavailable(f"CinetPay says nothing of the payment: {code}", maybe_carried_out=False)
            case Found(transaction=transaction) as found:
                if transaction.cpm_trans_id != payment.trans_id:
                    raise CinetPayUnavailable("CinetPay answers about another payment", maybe_carried_out=False)
                return found
            case NotStarted():
                return None

    async def _write(self, claimed: Payment, found: Found, charged_before: bool) -> Payment | None:
        meant = verdict(_signed_as_shown(claimed, found), found)
        policy, draw = await self._settlement.policy_of(claimed.saleor_api_url), self._chance.fraction()
        now = self._clock.now()

        def decide(unsigned: Payment) -> Conclusion:
            payment = replace(
                _signed_as_shown(unsigned, found),
                state=PaymentState.PENDING,
                opened_at=now,
                watch_until=now + policy.watch,
            )
            conclusion = conclude(payment, found, meant, began_at=now, now=now, policy=policy, draw=draw)
            # Saleor holds this very charge already: there is nothing to tell it.
            known = charged_before and conclusion.payment.state is PaymentState.ACCEPTED
            return replace(conclusion, report=None) if known else conclusion

        def event(_before: Payment, after: Payment) -> Event:
            return Event(kind="taken_up", detail={"verdict": meant.kind, "reason": meant.reason, "to": after.state})

        return await self._ledger.save(claimed, decide, event) or await self._ledger.find(claimed.trans_id)


def unsigned_payment(
    transaction_id: TransactionId,
    amount: CinetPayAmount,
    account: Account,
    *,
    app_base_url: str,
    now: datetime,
    watch: timedelta,
) -> Payment:
    """Return a payment to adopt: what Saleor's transaction asks for, and no form."""
    return Payment(
        transaction_id=transaction_id,
        saleor_api_url=account.saleor_api_url,
        account_key=account.account_key,
        environment=account.environment,
        fields=PaymentFields(
            amount=amount,
            currency="XOF" if account.currency == "XOF" else "CFA",
            site_id=account.site_id,
            trans_id=trans_id_of(transaction_id),
            trans_date=trans_date(now),
            language=account.language,
            designation=fold_designation("", text("Your order").say(account.language)),
        ),
        language=account.language,
        merchant_language=account.language,
        app_base_url=app_base_url,
        return_url=None,
        cancel_url=None,
        opened_at=now,
        watch_until=now + watch,
    )


def opened_with(account: Account, unsigned: Payment) -> Payment:
    """Return an unsigned payment as it would stand if it had been opened with that account."""
    return replace(
        unsigned,
        account_key=account.account_key,
        environment=account.environment,
        fields=replace(
            unsigned.fields, site_id=account.site_id, currency="XOF" if account.currency == "XOF" else "CFA"
        ),
        merchant_language=account.language,
    )


def _signed_as_shown(payment: Payment, found: Found) -> Payment:
    return replace(payment, signature=SecretStr(found.transaction.signature.get_secret_value()))
