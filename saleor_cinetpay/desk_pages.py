"""Which pages the desk has, and what each of them needs. A page is wired here and nowhere else."""

from typing import TYPE_CHECKING

from saleor_cinetpay.dashboard.desk import Desk
from saleor_cinetpay.dashboard.gate import Dashboards, Gate
from saleor_cinetpay.dashboard.health_page import HealthPages
from saleor_cinetpay.dashboard.home_page import HomePages
from saleor_cinetpay.dashboard.payments_page import PaymentsPages
from saleor_cinetpay.dashboard.refunds_page import RefundsPages
from saleor_cinetpay.examining import means_of
from saleor_cinetpay.payments.desk_payments import DeskPayments
from saleor_cinetpay.payments.desk_refunds import DeskRefunds
from saleor_cinetpay.payments.figures import FiguresOfShops
from saleor_cinetpay.shops.accounts import Account, Accounts

if TYPE_CHECKING:
    from saleor_cinetpay.app import House


def build_desk(house: "House") -> Desk:
    """Build the desk and all its pages."""
    settings = house.settings
    dashboards = Dashboards(settings.dashboard_urls, development=not settings.production)
    return Desk(
        gate=Gate(installations=house.installations, keys=house.keys, dashboards=dashboards, clock=house.clock),
        dashboards=dashboards,
        pages=[
            HomePages(
                figures=FiguresOfShops(house.database),
                problems=house.problems,
                balances=house.balances,
                accounts=_AccountsInUse(house.accounts),
                settings=house.shop_settings,
                clock=house.clock,
            ),
            PaymentsPages(DeskPayments(house.database)),
            HealthPages(means_of(house)),
            RefundsPages(DeskRefunds(house.database, house.secrets), house.refund_decisions),
        ],
    )


class _AccountsInUse:
    """The accounts of a shop's new payments, as the first page wants to know them."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def in_use(self, saleor_api_url: str) -> list[Account]:
        """Return them."""
        account = await self._accounts.for_shop(saleor_api_url)
        return [] if account is None else [account]

    async def channels_served(self, saleor_api_url: str) -> bool:
        """Say whether any channel has one."""
        return await self._accounts.for_shop(saleor_api_url) is not None
