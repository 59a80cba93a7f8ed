"""Which pages the desk has, and what each of them needs. A page is wired here and nowhere else."""

from typing import TYPE_CHECKING

from saleor_cinetpay.dashboard.desk import Desk
from saleor_cinetpay.dashboard.gate import Dashboards, Gate
from saleor_cinetpay.dashboard.payments_page import PaymentsPages
from saleor_cinetpay.payments.desk_payments import DeskPayments

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
            PaymentsPages(DeskPayments(house.database)),
        ],
    )
