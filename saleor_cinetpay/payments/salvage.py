"""Salvage: a payment that CinetPay shows as paid, of a Saleor transaction, without a (signed) row in our ledger.

What the transaction asks for is read from Saleor's own events, never from CinetPay. The payment is then adopted, which
asks CinetPay once more and judges as ever; whatever can't be matched is for a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import CinetPayUnavailable, SaleorError, SaleorUnavailable
from saleor_cinetpay.money import XOF, Money, NotWhole, whole_francs
from saleor_cinetpay.payments.adoption import Adoption, unsigned_payment
from saleor_cinetpay.payments.conclusion import Policy
from saleor_cinetpay.payments.findings import Remedy
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.problems import Problem, ProblemKind, Problems
from saleor_cinetpay.payments.trans_id import TransactionId, TransId, transaction_id_of
from saleor_cinetpay.saleor.types import SaleorTransaction, SaleorTransactionEvent, TransactionEventType
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.installations import Installation

SALEOR_S = 10.0
CINETPAY_S = 20.0

REQUESTS = frozenset(
    {
        TransactionEventType.CHARGE_REQUEST,
        TransactionEventType.CHARGE_ACTION_REQUIRED,
        TransactionEventType.AUTHORIZATION_REQUEST,
    }
)
"""What a transaction asks for. CinetPay can only charge, also where the channel asks for an authorization."""


class Transactions(Protocol):
    """Reads transactions from Saleor's books. Moves no money."""

    async def read_transaction(
        self, installation: Installation, transaction_id: TransactionId, *, timeout_s: float
    ) -> SaleorTransaction | None:
        """Return the transaction, or None where that Saleor has none of that id.

        Raises:
            SaleorError: where Saleor refuses, or can't be reached, or can't be understood.
        """
        ...


class Shops:
    """The Saleors of one comparison. One that is away is not waited for again.

    `failures` says, by API URL, why each that failed could not tell.
    """

    def __init__(self, transactions: Transactions, installations: Mapping[str, Installation]) -> None:
        self._transactions = transactions
        self._installations = installations
        self._away: dict[str, SaleorUnavailable] = {}
        self.failures: dict[str, str] = {}

    def installed(self, saleor_api_url: str) -> Installation | None:
        """Return the installation of that Saleor, or None where the app is not installed there now."""
        return self._installations.get(saleor_api_url)

    async def read(self, installation: Installation, transaction_id: TransactionId) -> SaleorTransaction | None:
        """Read a transaction from that Saleor.

        Raises:
            SaleorError: where it can't tell, now or a moment ago.
        """
        url = installation.saleor_api_url
        if url in self._away:
            raise self._away[url]
        try:
            return await self._transactions.read_transaction(installation, transaction_id, timeout_s=SALEOR_S)
        except SaleorError as error:
            self.failures.setdefault(url, str(error))
            if isinstance(error, SaleorUnavailable):
                self._away[url] = error
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What became of it."""

    remedy: Remedy
    account: Account
    """The account that it belongs to, or where that stays unknown, any of the site's."""
    shop: str | None = None
    """The Saleor that holds the transaction, where one does."""
    asked: Money | None = None
    """What Saleor's transaction asks for."""
    note: str = ""
    answered: bool = True
    """Whether CinetPay could be asked about it."""


class Salvage:
    """Takes lost payments up, as far as Saleor's books and CinetPay agree about them."""

    def __init__(self, *, adoption: Adoption, problems: Problems, clock: Clock, policy: Policy) -> None:
        self._adoption = adoption
        self._problems = problems
        self._clock = clock
        self._policy = policy

    async def take_up(
        self, trans_id: TransId, held: Payment | None, accounts: Sequence[Account], shops: Shops, *, dry_run: bool
    ) -> Salvaged:
        """Find the transaction in the Saleor of one of the accounts, and adopt its payment; or have a person told.

        `held` is our row of it, where its opening was cut short.
        """
        remedy = Remedy.DRY_RUN if dry_run else Remedy.PROBLEM_RAISED
        place = await self._find(trans_id, accounts, shops)
        if not isinstance(place, _Place):
            return await self._told(Salvaged(remedy=remedy, account=accounts[0], note=place), trans_id)
        asked, charge = asked_for(place.transaction.events, trans_id), success_of(place.transaction.events, trans_id)
        found = Salvaged(remedy=remedy, account=place.account, shop=place.account.saleor_api_url, asked=asked)
        unsigned = held or self._unsigned(place, asked)
        if unsigned is None:
            return await self._told(replace(found, note="saleor_asks_for_nothing_that_fits"), trans_id)
        if _charged_otherwise(place.transaction, charge, unsigned):
            return await self._told(replace(found, note="saleor_holds_another_charge"), trans_id)
        if dry_run:
            return found
        try:
            adopted = await self._adoption.adopt(unsigned, charged_before=charge is not None, timeout_s=CINETPAY_S)
        except CinetPayUnavailable:
            return replace(found, remedy=Remedy.UNCHANGED, answered=False)
        if adopted is None:
            return await self._told(replace(found, note="cinetpay_does_not_confirm"), trans_id)
        note = "saleor_held_the_charge" if charge is not None else adopted.suspicion or ""
        return replace(found, remedy=remedy_of(adopted), note=note)

    async def _find(self, trans_id: TransId, accounts: Sequence[Account], shops: Shops) -> "_Place | str":
        """Return where the transaction is, or the reason why that stays unknown."""
        transaction_id = transaction_id_of(trans_id)
        if transaction_id is None:
            raise ValueError(f"{trans_id} is no Saleor transaction's")
        reason = "not_installed"
        for account in accounts:
            installation = shops.installed(account.saleor_api_url)
            if installation is None:
                continue
            try:
                transaction = await shops.read(installation, transaction_id)
            except SaleorError:
                reason = "saleor_did_not_answer"
                continue
            if transaction is not None:
                return _Place(account, installation, transaction, transaction_id)
            reason = "saleor_does_not_know_it" if reason == "not_installed" else reason
        return reason

    def _unsigned(self, place: "_Place", asked: Money | None) -> Payment | None:
        if asked is None or asked.currency != XOF:
            return None
        try:
            amount = whole_francs(asked)
        except NotWhole:
            return None
        unsigned = unsigned_payment(
            place.transaction_id,
            amount,
            place.account,
            app_base_url=place.installation.app_base_url,
            now=self._clock.now(),
            watch=self._policy.watch,
        )
        order = place.transaction.order
        source = order or place.transaction.checkout
        failures = [e.time for e in place.transaction.events if e.type is TransactionEventType.CHARGE_FAILURE]
        return replace(
            unsigned,
            source_id=source.id if source else None,
            channel=source.channel if source else None,
            order_id=order.id if order else None,
            order_number=order.number if order else None,
            failure_told_at=max(failures, default=None),
        )

    async def _told(self, found: Salvaged, trans_id: TransId) -> Salvaged:
        """Have a person told, unless nothing is to be done."""
        if found.remedy is Remedy.PROBLEM_RAISED:
            problem = Problem(
                kind=ProblemKind.UNKNOWN_PAYMENT,
                saleor_api_url=found.account.saleor_api_url,
                subject=trans_id,
                trans_id=trans_id,
                detail={"reason": found.note, "site_id": found.account.site_id},
            )
            await self._problems.raise_now(problem, self._clock.now())
        return found


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a transaction is."""

    account: Account
    installation: Installation
    transaction: SaleorTransaction
    transaction_id: TransactionId


def asked_for(events: Sequence[SaleorTransactionEvent], trans_id: TransId) -> Money | None:
    """Return what a transaction asks us for, by the requests of our reference or else by the only ones there are."""
    ours = {e.amount for e in events if e.type in REQUESTS and e.psp_reference == trans_id}
    amounts = ours or {e.amount for e in events if e.type in REQUESTS}
    return amounts.pop() if len(amounts) == 1 else None


def success_of(events: Sequence[SaleorTransactionEvent], trans_id: TransId) -> SaleorTransactionEvent | None:
    """Return the charge that Saleor holds under our reference."""
    charges = (e for e in events if e.type is TransactionEventType.CHARGE_SUCCESS and e.psp_reference == trans_id)
    return next(charges, None)


def remedy_of(payment: Payment) -> Remedy:
    """Say what asking CinetPay about a payment has led to."""
    match payment.state:
        case PaymentState.ACCEPTED:
            return Remedy.ACCEPTED
        case PaymentState.SUSPECT:
            return Remedy.SUSPECT
        case _:
            return Remedy.UNCHANGED


def _charged_otherwise(
    transaction: SaleorTransaction, charge: SaleorTransactionEvent | None, unsigned: Payment
) -> bool:
    """Say whether Saleor holds a charge that is not this payment's, or not of its amount."""
    if charge is not None:
        return charge.amount.amount != Decimal(unsigned.amount)
    return any(event.type is TransactionEventType.CHARGE_SUCCESS for event in transaction.events)
