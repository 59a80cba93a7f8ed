"""What a small Saleor is told at its start."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from saleor_cinetpay.sandbox.saleor.catalogue import Channel
from saleor_cinetpay.sandbox.saleor.graphql_schema import Version, minor_version
from saleor_cinetpay.sandbox.saleor.times import utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleorConfig:
    """Where the small Saleor is reached, which Saleor it stands for, and how patient it is."""

    url: str = "http://127.0.0.1:8010"
    """Its public address; API, keys, storefront and live view are all there."""
    version: str = "3.23.28"
    """Any from 3.20 on; the schema is cut to it."""
    gateway_id: str = "saleor.app.payment.cinetpay"
    """The identifier of the app that the storefront pays through."""
    payment_origins: tuple[str, ...] = ()
    """Where the storefront may lead buyers: the origins of the payment page and of the app."""
    cinetpay_sandbox_url: str | None = None
    """The CinetPay sandbox whose messages the live view shows too."""
    flow_strategy: str = "CHARGE"
    """What the channel asks apps for: CHARGE or AUTHORIZATION."""
    allow_unpaid_orders: bool = False
    """Whether the channel lets checkouts complete that are not paid in full."""
    other_channels: tuple[Channel, ...] = ()
    """What the shop sells in besides the storefront's channel."""
    connect_timeout_s: float = 2.0
    read_timeout_s: float = 18.0
    retry_delays_s: tuple[float, ...] = (10.0, 20.0, 40.0, 80.0, 160.0)
    """How long Saleor waits before it asks again for a refund, charge or cancelation that met a 5xx."""
    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @property
    def api_url(self) -> str:
        """The address of the GraphQL API."""
        return f"{self.url}/graphql/"

    @property
    def domain(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc

    @property
    def schema_version(self) -> Version:
        """The version as schemas are named by: major and minor."""
        return minor_version(self.version)
