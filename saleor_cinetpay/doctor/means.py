"""What checks work with; built once by the command and by the desk."""

from dataclasses import dataclass
from typing import Protocol

import httpx2 as httpx

from saleor_cinetpay.cinetpay import CinetPayBalance, CinetPayTransaction
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.settings import Settings
from saleor_cinetpay.shops.accounts import Account, Accounts
from saleor_cinetpay.shops.installations import Installation, Installations
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.shops.shop_settings import ShopSettings

CALL_S = 6.0
"""The limit of each call out."""
INSTANCE = "instance"
"""What the proof in `/health/live` proves: that whoever answers there has our SECRET_KEY."""
INSTANCE_HEADER = "saleor-cinetpay-instance"
FIELDS_HEADER = "saleor-cinetpay-fields"
"""In which the notification address says how many fields have arrived (webhooks/cinetpay_notification.py)."""


class CinetPays(Protocol):
    """The CinetPay of each account."""

    async def get_compte_status(self, account: Account, *, timeout_s: float) -> CinetPayBalance:
        """Return what the purses of an account hold."""
        ...

    async def check_pay_status(
        self, account: Account, trans_id: TransId, *, timeout_s: float
    ) -> CinetPayTransaction | None:
        """Look a payment up."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Everything that the checks look at and call with."""

    settings: Settings
    clock: Clock
    database: Database
    secrets: SecretBox
    installations: Installations
    accounts: Accounts
    shop_settings: ShopSettings
    saleor: SaleorClient
    cinetpays: CinetPays
    http: httpx.AsyncBaseTransport
    """The guarded client: it goes to no address that shops may not lead us to."""
    cinetpay_http: httpx.AsyncBaseTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One installation, looked at."""

    installation: Installation

    @property
    def url(self) -> str:
        """The Saleor's API URL."""
        return self.installation.saleor_api_url


def base_url_of(means: Means, shop: Shop) -> str:
    """Return the public address of the app as that shop reaches it."""
    given = means.settings.app_api_base_url
    return (given or shop.installation.app_base_url).rstrip("/")
