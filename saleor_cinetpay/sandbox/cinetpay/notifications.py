"""The calls to a shop's notification URL (guide 3.1)."""

import asyncio

import httpx2 as httpx

from saleor_cinetpay.sandbox.cinetpay.config import SandboxConfig
from saleor_cinetpay.sandbox.cinetpay.journal import APP, CINETPAY, Journal
from saleor_cinetpay.sandbox.cinetpay.payments import Payment

USER_AGENT = "cinetpay-v1-sandbox"


class Notifier:
    """Calls the shop: until it has once answered, first by GET to see whether it is there, then by POST."""

    def __init__(self, config: SandboxConfig, journal: Journal) -> None:
        self._journal = journal
        self._http = httpx.AsyncClient(
            transport=config.transport,
            timeout=config.notify_timeout_s,
            trust_env=False,
            headers={"user-agent": USER_AGENT},
        )
        self._timeout_s = config.notify_timeout_s

    async def aclose(self) -> None:
        """Hang up."""
        await self._http.aclose()

    async def send(self, payment: Payment) -> bool:
        """Notify once; True where the shop answered with a 200."""
        if not payment.acknowledged and not await self._call("GET", payment):
            return False
        return await self._call("POST", payment)

    async def _call(self, method: str, payment: Payment) -> bool:
        url = payment.addresses.notify_url
        fields = payment.posted_fields() if method == "POST" else {}
        try:
            async with asyncio.timeout(self._timeout_s), self._http.stream(method, url, data=fields or None) as reply:
                outcome = str(reply.status_code)
        except TimeoutError:
            outcome = "no answer in time"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            outcome = type(error).__name__
        detail = {"trans_id": payment.trans_id, "url": url, "fields": fields, "answer": outcome}
        self._journal.write(CINETPAY, APP, f"notification {method}", detail, ok=outcome == "200")
        return outcome == "200"
