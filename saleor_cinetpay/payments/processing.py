"""Processing: the storefront asks, through Saleor, how a payment stands."""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import CinetPayUnavailable, PaymentImpossible
from saleor_cinetpay.locale import text
from saleor_cinetpay.money import Money, NotWhole, whole_francs
from saleor_cinetpay.payments.adoption import Adoption, unsigned_payment
from saleor_cinetpay.payments.conclusion import Policy
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.opening import TO_WRITE_S, AccountsOfShops, Source, start_again
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.settlement import Settlement
from saleor_cinetpay.payments.storefront import check_currency
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.shops.accounts import Account

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRequest:
    """What Saleor asks for with TRANSACTION_PROCESS_SESSION."""

    saleor_api_url: str
    app_base_url: str
    transaction_id: TransactionId
    money: Money
    """What Saleor's own transaction asks for."""
    source: Source
    charged_before: bool
    """Whether Saleor's transaction holds a charge already."""
    failed_at: datetime | None = None
    """The `time` of the latest failure that Saleor's transaction holds."""
    deadline: datetime
    """When the answer must be ready."""


class Processing:
    """Brings payments up to date for the storefront."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        settlement: Settlement,
        adoption: Adoption,
        accounts: AccountsOfShops,
        clock: Clock,
        policy: Policy,
    ) -> None:
        self._ledger = ledger
        self._settlement = settlement
        self._adoption = adoption
        self._accounts = accounts
        self._clock = clock
        self._policy = policy

    async def process(self, request: ProcessRequest) -> Payment | None:
        """Look the payment up and return it as it stands; None where nobody can tell just now.

        Raises:
            PaymentImpossible: START_AGAIN, where neither we nor CinetPay know such a payment.
        """
        trans_id = trans_id_of(request.transaction_id)
        claimed = await self._ledger.claim_of_shop(trans_id, request.saleor_api_url)
        payment = claimed or await self._ledger.find(trans_id)
        if payment is not None and payment.saleor_api_url != request.saleor_api_url:
            raise start_again(text("The transaction belongs to another Saleor."))
        if payment is not None and payment.state is PaymentState.ACCEPTED:
            return payment
        if claimed is not None or (payment is not None and payment.signed):
            left_s = self._left_s(request)
            payment = await self._settlement.settle(trans_id, trigger="process", wait_s=left_s, claimed=claimed)
        if payment is not None and payment.signed:
            return payment
        return await self._adopt(payment, request)

    async def _adopt(self, unsigned: Payment | None, request: ProcessRequest) -> Payment | None:
        possible = [unsigned] if unsigned is not None else await self._unsigned(request)
        if not possible:
            return None
        try:
            adopted = await self._adoption.adopt_any(
                possible, charged_before=request.charged_before, left_s=lambda: self._left_s(request)
            )
        except CinetPayUnavailable as error:
            log.warning("unknown_payment", trans_id=possible[0].trans_id, error=str(error))
            return None
        return adopted or await self._held_after_all(possible[0])

    async def _held_after_all(self, unsigned: Payment) -> Payment:
        """Return the payment where it was opened in this very moment; else say, and note, that it can't be."""
        held = await self._ledger.find(unsigned.trans_id)
        if held is not None and held.signed:
            return held
        impossible = start_again(text("Neither the app nor CinetPay knows this payment."))
        impossible.told_at = await self._ledger.tell_failure(unsigned.trans_id, impossible.code)
        raise impossible

    async def _unsigned(self, request: ProcessRequest) -> list[Payment]:
        """Return the payment as it may have been opened, with each account that it may have been opened with."""
        accounts = await self._accounts.candidates(request.saleor_api_url, request.source.channel_id)
        return [self._opened_with(account, request) for account in accounts]

    def _opened_with(self, account: Account, request: ProcessRequest) -> Payment:
        try:
            check_currency(request.money.currency)
            amount = whole_francs(request.money)
        except (PaymentImpossible, NotWhole):
            raise start_again(text("Neither the app nor CinetPay knows this payment.")) from None
        unsigned = unsigned_payment(
            request.transaction_id,
            amount,
            account,
            app_base_url=request.app_base_url,
            now=self._clock.now(),
            watch=self._policy.watch,
        )
        return replace(
            unsigned,
            source_id=request.source.id,
            source_total=request.source.total_francs,
            channel=request.source.channel,
            buyer_email=request.source.buyer_email,
            order_id=request.source.order_id,
            order_number=request.source.number,
            failure_told_at=request.failed_at,
        )

    def _left_s(self, request: ProcessRequest) -> float:
        return (request.deadline - self._clock.now()).total_seconds() - TO_WRITE_S
