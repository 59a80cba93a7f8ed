"""Opening a payment: written down first, then signed by CinetPay, then frozen.

Asked again for the same Saleor transaction, it never opens a second one.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog
from pydantic import SecretStr

from saleor_cinetpay.cinetpay import CodeClass, PaymentFields, describe, fold_designation, trans_date
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import CinetPayError, CinetPayRefused, PaymentImpossible
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.money import CinetPayAmount, Money, NotWhole, whole_francs
from saleor_cinetpay.payments.adoption import Adoption, opened_with
from saleor_cinetpay.payments.conclusion import Conclusion, Policy
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import Configurations
from saleor_cinetpay.payments.storefront import check_amount, read_storefront_data
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.schedule import next_look_at
from saleor_cinetpay.shops.accounts import Account

LONGEST_EMAIL = 254
POLL_S = 0.05
TO_WRITE_S = 1.0
"""What a call to CinetPay leaves of the time for an answer, to write down what came of it."""

log = structlog.get_logger(__name__)


class Signer(Protocol):
    """Has fields signed (`getSignatureByPost`, guide 2.2). Moves no money."""

    async def get_signature(self, account: Account, fields: PaymentFields, *, timeout_s: float) -> SecretStr:
        """Return CinetPay's signature.

        Raises:
            CinetPayError: where it refuses, or can't be asked, or can't be understood.
        """
        ...


class AccountsOfShops(Protocol):
    """Finds the accounts of payments."""

    async def for_channel(self, saleor_api_url: str, channel_id: str) -> Account | None:
        """Return the account for new payments of that channel, or None where there is none."""
        ...

    async def candidates(self, saleor_api_url: str, channel_id: str) -> list[Account]:
        """Return every account that a payment of that channel may have been opened with, the likeliest first."""
        ...

    async def usable(self, account_key: str) -> Account | None:
        """Return the account of that key, or None where there is none that can be paid with."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The checkout or the order that is paid."""

    id: str
    number: str | None
    """An order's."""
    channel: str
    """The channel's slug."""
    channel_id: str
    total: Money | None
    email: str | None = None
    """The buyer's, as the shop has it."""

    @property
    def buyer_email(self) -> str | None:
        """The e-mail address in the spelling that payments are found by."""
        address = (self.email or "").strip().lower()
        return address if 0 < len(address) <= LONGEST_EMAIL else None

    @property
    def order_id(self) -> str | None:
        """The order's id; None for a checkout, which has no number."""
        return self.id if self.number else None

    @property
    def total_francs(self) -> CinetPayAmount | None:
        """The total in whole francs, where it is so much."""
        try:
            return None if self.total is None else whole_francs(self.total)
        except NotWhole:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """What Saleor asks for with TRANSACTION_INITIALIZE_SESSION."""

    saleor_api_url: str
    app_base_url: str
    transaction_id: TransactionId
    money: Money
    data: object
    """The storefront's, unread."""
    source: Source
    known_reference: str = ""
    """The `pspReference` that Saleor's transaction has; empty where no app has answered for it yet."""
    charged_before: bool
    """Whether Saleor's transaction holds a charge already."""
    failed_at: datetime | None = None
    """The `time` of the latest failure that Saleor's transaction holds."""
    deadline: datetime
    """When the answer must be ready."""


class Opening:
    """Opens payments."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        signer: Signer,
        accounts: AccountsOfShops,
        adoption: Adoption,
        clock: Clock,
        policy: Policy,
    ) -> None:
        self._ledger = ledger
        self._signer = signer
        self._accounts = accounts
        self._adoption = adoption
        self._configurations = Configurations(ledger.problems, clock)
        self._clock = clock
        self._policy = policy

    async def open(self, request: OpenRequest) -> Payment:
        """Return the signed payment of a Saleor transaction, opening it where it is new.

        Also returns one that is accepted or suspect by now, which has no form to hand out any more.

        Raises:
            PaymentImpossible: where there can be none; with the stable code for the storefront.
            LedgerUnavailable: where it could not be written down; then CinetPay was not asked.
        """
        payment, new_for = await self._taken_up(request)
        if payment.saleor_api_url != request.saleor_api_url:
            raise start_again(text("The transaction belongs to another Saleor."))
        if payment.state in {PaymentState.ACCEPTED, PaymentState.SUSPECT}:
            return payment
        try:
            if new_for is not None:
                return await self._sign(payment, request, new_for)
            return await self._hand_out(payment, request)
        except PaymentImpossible as impossible:
            impossible.told_at = await self._ledger.tell_failure(payment.trans_id, impossible.code)
            if impossible.told_at is None:
                return await self._again(payment)  # accepted in this very moment
            raise

    async def _taken_up(self, request: OpenRequest) -> tuple[Payment, Account | None]:
        """Return the payment of a Saleor transaction; with its account where it is new, and its lease ours.

        Where Saleor shows no reference of ours it most probably is: the ledger is not asked first.
        """
        trans_id = trans_id_of(request.transaction_id)
        held = await self._ledger.find(trans_id) if request.known_reference else None
        if held is not None:
            return held, None
        try:
            account = await self.account_for(request.saleor_api_url, request.source.channel_id)
            new = self._new(request, account)
        except PaymentImpossible:  # it is asked for again, perhaps: then what is said now does not count
            held = await self._ledger.find(trans_id)
            if held is None:
                raise
            return held, None
        adopted = await self._found_again(new, request)
        if adopted is not None:
            return adopted, None
        event = Event(kind="opened", detail={"amount": str(new.money), "site_id": account.site_id})
        begun = await self._ledger.begin(new, event)
        return (begun, account) if begun is not None else (await self._again(new), None)

    async def _found_again(self, new: Payment, request: OpenRequest) -> Payment | None:
        """Adopt a payment that Saleor has our reference for, although our ledger does not hold it (any more)."""
        if request.known_reference != new.trans_id:
            return None
        accounts = await self._accounts.candidates(request.saleor_api_url, request.source.channel_id)
        try:
            return await self._adoption.adopt_any(
                [opened_with(account, new) for account in accounts],
                charged_before=request.charged_before,
                left_s=lambda: self._left_s(request),
            )
        except CinetPayError as error:
            raise _unavailable(error) from error

    async def account_for(self, saleor_api_url: str, channel_id: str) -> Account:
        """Return the account for new payments of that channel.

        Raises:
            PaymentImpossible: NOT_CONFIGURED.
        """
        account = await self._accounts.for_channel(saleor_api_url, channel_id)
        if account is None:
            raise _not_configured()
        return account

    async def _account_of(self, payment: Payment) -> Account:
        """Return the account that the payment began with; it keeps it, whatever the shop has chosen since."""
        account = await self._accounts.usable(payment.account_key)
        if account is None:
            raise _not_configured()
        return account

    def _new(self, request: OpenRequest, account: Account) -> Payment:
        data = read_storefront_data(request.data, account)
        amount = check_amount(request.money, account)
        now = self._clock.now()
        source = request.source
        default = text("Order {number}", number=source.number) if source.number else text("Your order")
        return Payment(
            transaction_id=request.transaction_id,
            saleor_api_url=request.saleor_api_url,
            account_key=account.account_key,
            environment=account.environment,
            fields=PaymentFields(
                amount=amount,
                currency="XOF" if account.currency == "XOF" else "CFA",
                site_id=account.site_id,
                trans_id=trans_id_of(request.transaction_id),
                trans_date=trans_date(now),
                language=data.language.value,
                designation=fold_designation(data.designation, default.say(data.language)),
                phone=data.phone,
            ),
            language=data.language,
            merchant_language=account.language,
            app_base_url=request.app_base_url,
            return_url=data.return_url,
            cancel_url=data.cancel_url,
            opened_at=now,
            watch_until=now + self._policy.watch,
            source_id=source.id,
            source_total=source.total_francs,
            channel=source.channel,
            buyer_email=source.buyer_email,
            order_id=source.order_id,
            order_number=source.number,
            failure_told_at=request.failed_at,
        )

    async def _hand_out(self, payment: Payment, request: OpenRequest) -> Payment:
        """Let a payment be handed out (again) only as it is: same amount, same key, not refused and not ended."""
        if payment.state is PaymentState.REFUSED:
            raise start_again(text("CinetPay refused this payment; a new attempt needs a new transaction."))
        if payment.cancelled_at is not None:
            raise start_again(text("The payment was cancelled; a new attempt needs a new transaction."))
        if payment.money != request.money:
            why = text(
                "The payment was opened with {amount}; another amount needs a new transaction.", amount=payment.money
            )
            raise start_again(why)
        account = await self._account_of(payment)
        if payment.state is PaymentState.OPENING:
            return await self._claim_and_sign(payment, request, account)
        if payment.api_key != account.api_key:
            raise start_again(text("The CinetPay API key has changed since; a new attempt needs a new transaction."))
        if self._clock.now() >= payment.watch_until:
            raise start_again(text("The payment was never paid and has ended; a new attempt needs a new transaction."))
        if payment.buyer_back_at is not None:  # they go to the payment page once more
            await self._ledger.hand_over(payment)
        return payment

    async def _claim_and_sign(self, payment: Payment, request: OpenRequest, account: Account) -> Payment:
        claimed = await self._ledger.claim(payment.trans_id)
        while claimed is None:
            payment = await self._again(payment)
            if payment.state is not PaymentState.OPENING:
                return payment
            if self._left_s(request) <= 0:
                raise _being_opened()
            await self._clock.sleep(POLL_S)
            claimed = await self._ledger.claim(payment.trans_id)
        if claimed.signed:
            return await self._give_back(claimed)
        return await self._sign(claimed, request, account)

    async def _sign(self, claimed: Payment, request: OpenRequest, account: Account) -> Payment:
        try:
            signature = await self._signer.get_signature(account, claimed.fields, timeout_s=self._left_s(request))
        except CinetPayRefused as refused:
            if describe(refused.code).code_class is CodeClass.CLOSED:
                return await self._look_first(claimed, request, refused)
            await self._not_signed(claimed, refused)
            if describe(refused.code).code_class is CodeClass.CONFIGURATION:
                await self._configurations.refused(account, refused.code)
            raise _refused(refused) from refused
        except CinetPayError as error:
            await self._not_signed(claimed, error)
            raise _unavailable(error) from error
        await self._configurations.accepted(account)
        return await self._signed(claimed, signature, account)

    async def _signed(self, claimed: Payment, signature: SecretStr, account: Account) -> Payment:
        now = self._clock.now()

        def freeze(payment: Payment) -> Conclusion:
            signed = replace(
                payment,
                state=PaymentState.PENDING,
                signature=signature,
                api_key=account.api_key,
                opened_at=now,
                watch_until=now + self._policy.watch,
                due_at=next_look_at(now, now, self._policy.delays_s),
            )
            return Conclusion(payment=signed)

        after = await self._ledger.save(claimed, freeze, lambda _before, _after: Event(kind="signed"))
        after = after or await self._again(claimed)
        if not after.signed:  # the lease was lost meanwhile, and whoever has it now is still asking
            raise _being_opened()
        return after

    async def _not_signed(self, claimed: Payment, error: CinetPayError) -> None:
        log.warning("payment_not_signed", trans_id=claimed.trans_id, error=str(error))
        detail = {"reason": str(error), "maybe_carried_out": error.maybe_carried_out}
        await self._ledger.save(
            claimed,
            lambda payment: Conclusion(payment=replace(payment, due_at=None)),
            lambda _before, _after: Event(kind="sign_failed", detail=detail),
        )

    async def _look_first(self, claimed: Payment, request: OpenRequest, refused: CinetPayRefused) -> Payment:
        """Ask what CinetPay holds under a trans id that it will not sign (again); our ledger may have been lost."""
        try:
            adopted = await self._adoption.take_up(
                claimed, charged_before=request.charged_before, timeout_s=self._left_s(request)
            )
        except CinetPayError as error:
            await self._not_signed(claimed, error)
            raise _unavailable(error) from error
        if adopted is None:
            await self._not_signed(claimed, refused)
            raise start_again(text("CinetPay will not sign this transaction again; a new attempt needs a new one."))
        return adopted

    async def _give_back(self, claimed: Payment) -> Payment:
        """Somebody else signed it while we waited for the lease: hand out theirs."""
        due_at = next_look_at(claimed.opened_at, self._clock.now(), self._policy.delays_s)
        after = await self._ledger.save(
            claimed,
            lambda payment: Conclusion(payment=replace(payment, due_at=due_at)),
            lambda _before, _after: Event(kind="asked_again"),
        )
        return after or await self._again(claimed)

    async def _again(self, payment: Payment) -> Payment:
        return await self._ledger.find(payment.trans_id) or payment

    def _left_s(self, request: OpenRequest) -> float:
        return (request.deadline - self._clock.now()).total_seconds() - TO_WRITE_S


def start_again(merchant: Text) -> PaymentImpossible:
    """Say that only a new transaction can be paid; `merchant` says why."""
    return PaymentImpossible(
        "START_AGAIN", buyer=text("This payment can't be continued. Please start the payment again."), merchant=merchant
    )


def _not_configured() -> PaymentImpossible:
    return PaymentImpossible(
        "NOT_CONFIGURED",
        buyer=text("Mobile money is not set up in this shop yet. Please choose another way to pay."),
        merchant=text("No CinetPay account is set up for this channel. Add one in the app's settings."),
    )


def _being_opened() -> PaymentImpossible:
    return PaymentImpossible(
        "TRY_LATER",
        buyer=text("Your payment is just being prepared. Please try again in a few seconds."),
        merchant=text("Another request was opening the same payment."),
    )


def _unavailable(error: CinetPayError) -> PaymentImpossible:
    return PaymentImpossible("CINETPAY_UNAVAILABLE", buyer=error.buyer, merchant=error.merchant, log=str(error))


def _refused(refused: CinetPayRefused) -> PaymentImpossible:
    merchant = text("CinetPay answered {code}. {hint}", code=refused.code, hint=refused.merchant)
    return PaymentImpossible("CINETPAY_REFUSED", buyer=refused.buyer, merchant=merchant, log=str(refused))
