"""What the doctor works with, taken from the house; for its command and for the desk's Health page."""

from typing import TYPE_CHECKING

from saleor_cinetpay.doctor.means import Means

if TYPE_CHECKING:
    from saleor_cinetpay.app import House


def means_of(house: "House") -> Means:
    """Return what the checks work with."""
    saleor_http, cinetpay_http = house.https[:2]
    return Means(
        settings=house.settings,
        clock=house.clock,
        database=house.database,
        secrets=house.secrets,
        installations=house.installations,
        accounts=house.accounts,
        shop_settings=house.shop_settings,
        saleor=house.saleor,
        cinetpays=house.cinetpays,
        http=saleor_http,
        cinetpay_http=cinetpay_http,
    )
