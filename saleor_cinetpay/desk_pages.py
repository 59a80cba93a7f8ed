"""Which pages the desk has, and what each of them needs. A page is wired here and nowhere else."""

from typing import TYPE_CHECKING

from saleor_cinetpay.dashboard.accounts_page import AccountPages
from saleor_cinetpay.dashboard.channels_page import ChannelPages
from saleor_cinetpay.dashboard.desk import Desk
from saleor_cinetpay.dashboard.gate import Dashboards, Gate
from saleor_cinetpay.dashboard.health_page import HealthPages
from saleor_cinetpay.dashboard.history_page import HistoryPages
from saleor_cinetpay.dashboard.home_page import HomePages
from saleor_cinetpay.dashboard.order_page import OrderPage
from saleor_cinetpay.dashboard.payments_page import PaymentsPages, PaymentWork
from saleor_cinetpay.dashboard.refunds_page import RefundsPages
from saleor_cinetpay.dashboard.settings_page import SettingsPages
from saleor_cinetpay.dashboard.shop_means import ShopMeans
from saleor_cinetpay.examining import means_of
from saleor_cinetpay.payments.books import Books
from saleor_cinetpay.payments.desk_payments import DeskPayments
from saleor_cinetpay.payments.desk_refunds import DeskRefunds
from saleor_cinetpay.payments.figures import FiguresOfShops
from saleor_cinetpay.payments.side_by_side import SideBySide
from saleor_cinetpay.saleor.channel_lists import ChannelLists
from saleor_cinetpay.shops.accounts import Account, Accounts
from saleor_cinetpay.shops.channels import ChannelMap

if TYPE_CHECKING:
    from saleor_cinetpay.app import House


def build_desk(house: "House") -> Desk:
    """Build the desk and all its pages."""
    settings = house.settings
    payments = DeskPayments(house.database)
    dashboards = Dashboards(settings.dashboard_urls, development=not settings.production)
    means = _shop_means(house)
    return Desk(
        gate=Gate(installations=house.installations, keys=house.keys, dashboards=dashboards, clock=house.clock),
        dashboards=dashboards,
        pages=[
            HomePages(
                figures=FiguresOfShops(house.database),
                problems=house.problems,
                balances=house.balances,
                accounts=_AccountsInUse(house.accounts, house.channel_map),
                settings=house.shop_settings,
                clock=house.clock,
            ),
            HistoryPages(
                side_by_side=SideBySide(
                    reconciliation=house.reconciliation, books=Books(house.database, house.secrets, house.clock)
                ),
                accounts=_AccountsInUse(house.accounts, house.channel_map),
                clock=house.clock,
            ),
            SettingsPages(means),
            AccountPages(means),
            ChannelPages(means),
            HealthPages(means_of(house)),
            RefundsPages(DeskRefunds(house.database, house.secrets), house.refund_decisions),
            PaymentsPages(
                PaymentWork(
                    payments=payments,
                    ledger=house.ledger,
                    settlement=house.settlement,
                    decisions=house.decisions,
                    books=Books(house.database, house.secrets, house.clock),
                    orders=house.orders,
                    offered=house.accounts.offered,
                    clock=house.clock,
                )
            ),
            OrderPage(payments=payments, orders=house.orders, saleor=house.saleors),
        ],
    )


class _AccountsInUse:
    """The accounts of a shop's new payments, as the first page wants to know them."""

    def __init__(self, accounts: Accounts, channel_map: ChannelMap) -> None:
        self._accounts = accounts
        self._channel_map = channel_map

    async def in_use(self, saleor_api_url: str) -> list[Account]:
        """Return those that a shop has set up and not archived, and the operator's where a channel uses it."""
        operators = await self._accounts.from_environment(saleor_api_url)
        own = await self._accounts.of_shop(saleor_api_url)
        mapped = set((await self._channel_map.of(saleor_api_url)).keys.values())
        serves = operators is not None and (not own or operators.account_key in mapped)
        in_use = [account for account in own if account.archived_at is None]
        return [operators, *in_use] if operators is not None and serves else in_use

    async def ever(self, saleor_api_url: str) -> list[Account]:
        """Return all that the shop has or had, the operator's among them."""
        await self._accounts.from_environment(saleor_api_url)
        return await self._accounts.ever_of_shop(saleor_api_url)

    async def channels_served(self, saleor_api_url: str) -> bool:
        """Say whether any channel has one."""
        if await self._accounts.of_shop(saleor_api_url):
            return bool((await self._channel_map.of(saleor_api_url)).keys)
        return await self._accounts.from_environment(saleor_api_url) is not None


def _shop_means(house: "House") -> ShopMeans:
    address = house.settings.app_api_base_url
    return ShopMeans(
        accounts=house.accounts,
        book=house.account_book,
        channel_map=house.channel_map,
        lists=ChannelLists(house.saleor, house.clock),
        credentials=house.credentials,
        shop_settings=house.shop_settings,
        base_url=address.rstrip("/") if address else None,
        development=not house.settings.production,
    )
