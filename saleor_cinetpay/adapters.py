"""What joins the heart to the two systems: its small protocols, spoken by the clients of CinetPay and Saleor."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from pydantic import SecretStr

from saleor_cinetpay.cinetpay import (
    CinetPayBalance,
    CinetPayClient,
    CinetPayTransaction,
    Credentials,
    History,
    PaymentFields,
)
from saleor_cinetpay.errors import CinetPayNotOffered
from saleor_cinetpay.payments.announcing import Board, Notice
from saleor_cinetpay.payments.completion import CheckoutState
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.operators import means_of_payment
from saleor_cinetpay.payments.report import Report, ReportType
from saleor_cinetpay.payments.trans_id import TransactionId, TransId
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.registration import Registration
from saleor_cinetpay.saleor.types import (
    ChargeStatus,
    DismissedBy,
    SaleorCheckoutId,
    SaleorOrder,
    SaleorOrderId,
    SaleorTransaction,
    SaleorTransactionId,
    TransactionAction,
    TransactionEvent,
    TransactionEventType,
)
from saleor_cinetpay.shops.accounts import Account, Environment
from saleor_cinetpay.shops.installations import Installation, Installations, payment_page

ACTIONS_AFTER: Mapping[ReportType, tuple[TransactionAction, ...] | None] = {
    ReportType.CHARGE_SUCCESS: (TransactionAction.REFUND,),
    ReportType.CHARGE_FAILURE: (),
    ReportType.REFUND_SUCCESS: None,
    ReportType.REFUND_FAILURE: None,
}
"""What staff may ask for once Saleor has a report; None leaves it as it is: the rest can still be refunded."""


class CinetPays:
    """The CinetPay of each environment, behind the heart's `Signer`, `Lookup`, `Histories` and `BalanceReader`."""

    def __init__(self, clients: Mapping[Environment, CinetPayClient]) -> None:
        self._clients = clients

    async def get_signature(self, account: Account, fields: PaymentFields, *, timeout_s: float) -> SecretStr:
        """Have fields signed with the account's key."""
        return await self._client(account).get_signature(fields, account.api_key, timeout_s=timeout_s)

    async def check_pay_status(
        self, account: Account, trans_id: TransId, *, timeout_s: float
    ) -> CinetPayTransaction | None:
        """Look a payment up with the account's credentials as they are now."""
        credentials = Credentials(site_id=account.site_id, api_key=account.api_key)
        return await self._client(account).check_pay_status(credentials, trans_id, timeout_s=timeout_s)

    async def get_trans_history(self, account: Account, day: date) -> History:
        """Return what happened at an account's site on one day."""
        credentials = Credentials(site_id=account.site_id, api_key=account.api_key)
        return await self._client(account).get_trans_history(credentials, date_from=day, date_to=day)

    async def get_compte_status(self, account: Account, *, timeout_s: float) -> CinetPayBalance:
        """Return what the purses of an account hold."""
        credentials = Credentials(site_id=account.site_id, api_key=account.api_key)
        return await self._client(account).get_compte_status(credentials, timeout_s=timeout_s)

    def _client(self, account: Account) -> CinetPayClient:
        client = self._clients.get(account.environment)
        if client is None:
            raise CinetPayNotOffered
        return client


class Saleors:
    """Every Saleor, behind the heart's `Reporter`, `Checkouts`, `Transactions`, `Boards`, and the doors' `KeySets`."""

    def __init__(self, client: SaleorClient) -> None:
        self._client = client

    @property
    def client(self) -> SaleorClient:
        """What speaks with them."""
        return self._client

    async def report(self, installation: Installation, report: Report, *, timeout_s: float) -> bool:
        """Tell Saleor of an event; return whether it had it already."""
        reported = await self._client.report_transaction_event(
            SaleorApiUrl(installation.saleor_api_url),
            installation.token,
            TransactionEvent(
                transaction_id=SaleorTransactionId(report.transaction_id),
                type=TransactionEventType(report.type.value),
                psp_reference=report.psp_reference,
                amount=Decimal(report.amount),
                currency=report.currency,
                time=report.time,
                message=report.message,
                available_actions=ACTIONS_AFTER[report.type],
                external_url=installation.dashboard_page(payment_page(report.trans_id)),
                payment_method=means_of_payment(report.operator, installation.saleor_minor),
            ),
            timeout_s=timeout_s,
        )
        return reported.already_processed

    async def read_transaction(
        self, installation: Installation, transaction_id: TransactionId, *, timeout_s: float
    ) -> SaleorTransaction | None:
        """Read a transaction from Saleor's books."""
        return await self._client.read_transaction(
            SaleorApiUrl(installation.saleor_api_url),
            installation.token,
            SaleorTransactionId(transaction_id),
            timeout_s=timeout_s,
        )

    async def read_order(self, installation: Installation, order_id: str, *, timeout_s: float) -> SaleorOrder | None:
        """Read which transactions pay an order."""
        return await self._client.read_order(
            SaleorApiUrl(installation.saleor_api_url),
            installation.token,
            SaleorOrderId(order_id),
            timeout_s=timeout_s,
        )

    async def state_of(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> CheckoutState:
        """Say how a checkout stands."""
        checkout = await self._client.read_checkout(
            SaleorApiUrl(installation.saleor_api_url),
            installation.token,
            SaleorCheckoutId(checkout_id),
            timeout_s=timeout_s,
        )
        if checkout is None:
            return CheckoutState.GONE
        charged = checkout.charge_status in {ChargeStatus.FULL, ChargeStatus.OVERCHARGED}
        return CheckoutState.CHARGED if charged else CheckoutState.NOT_CHARGED

    async def complete(self, installation: Installation, checkout_id: str, *, timeout_s: float) -> str:
        """Turn a checkout into an order."""
        return await self._client.complete_checkout(
            SaleorApiUrl(installation.saleor_api_url),
            installation.token,
            SaleorCheckoutId(checkout_id),
            timeout_s=timeout_s,
        )

    async def put_up(self, installation: Installation, notice: Notice, *, timeout_s: float) -> None:
        """Show a problem in the Dashboard."""
        await self._client.create_app_problem(
            SaleorApiUrl(installation.saleor_api_url),
            installation.token,
            key=notice.key,
            message=notice.message,
            critical=notice.critical,
            timeout_s=timeout_s,
        )

    async def take_down(self, installation: Installation, key: str, *, timeout_s: float) -> None:
        """Show a problem no longer."""
        url = SaleorApiUrl(installation.saleor_api_url)
        await self._client.dismiss_app_problem(url, installation.token, key, timeout_s=timeout_s)

    async def read(self, installation: Installation, *, timeout_s: float) -> Board:
        """Return which problems Saleor shows, and which staff have dismissed there."""
        url = SaleorApiUrl(installation.saleor_api_url)
        held = await self._client.read_app_problems(url, installation.token, timeout_s=timeout_s)
        return Board(
            open=frozenset(problem.key for problem in held if problem.dismissed_by is None),
            dismissed=frozenset(problem.key for problem in held if problem.dismissed_by is DismissedBy.USER),
        )

    async def fetch_key_set(self, installation: Installation, *, timeout_s: float) -> str:
        """Fetch the keys with which an installation's Saleor signs."""
        return await self._client.fetch_key_set(SaleorApiUrl(installation.saleor_api_url), timeout_s=timeout_s)


class Registrations:
    """Keeps proved registrations as installations, and takes up again what waited for them."""

    def __init__(self, installations: Installations, ledger: Ledger, wake: Callable[[], None]) -> None:
        self._installations = installations
        self._ledger = ledger
        self._wake = wake

    async def register(self, registration: Registration) -> None:
        """Store what registration has proved."""
        await self._installations.register(
            Installation(
                saleor_api_url=registration.saleor_api_url,
                app_id=registration.app_id,
                token=registration.token,
                key_set=registration.key_set,
                saleor_version=registration.saleor_version,
                app_base_url=registration.app_base_url,
            )
        )
        await self._ledger.take_up_again(registration.saleor_api_url)
        self._wake()
