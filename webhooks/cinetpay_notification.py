"""CinetPay's notification (IPN, guide 3.1): a hint that something changed, nothing more.

What arrives: a form that anybody can send, at every change of status, several times, at the same instant; or a GET or
HEAD that only asks whether we are there. What it does not tell: the truth. A known payment becomes due, and
`checkPayStatus` decides. A repeat costs one look at most; anything unknown or malformed changes nothing.

As anybody can send them, many are dealt with together: all that come while the database is asked share the next
question to it, so that a flood costs it no more than a trickle.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from saleor_cinetpay import metrics
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import LedgerUnavailable, TooBusy
from saleor_cinetpay.gathering import Gathering
from saleor_cinetpay.payments.nudges import Nudge
from saleor_cinetpay.payments.trans_id import transaction_id_of
from saleor_cinetpay.tracing import Trace, following
from webhooks.cinetpay_fields import read_fields

TOGETHER_S = 0.02
"""How far apart the database is asked at least: a flood costs 50 questions a second, a lone caller hardly waits."""
MOST_TOGETHER = 500
KNOWN_FOR = timedelta(minutes=1)
"""An account's key leads to the same site for ever, so this only bounds what is kept."""
LONGEST_KEY = 64
FIELDS_HEADER = "saleor-cinetpay-fields"
"""Says how many fields have arrived: the doctor compares it with what it has sent (saleor_cinetpay/doctor/means.py)."""

log = structlog.get_logger(__name__)


class SitesOfAccounts(Protocol):
    """Finds the accounts whose notification addresses were called."""

    async def sites_of(self, account_keys: Collection[str]) -> Mapping[str, str]:
        """Return the site ids of the accounts that have these keys."""
        ...


class TakesNudges(Protocol):
    """Makes payments due."""

    async def take(self, nudges: Collection[Nudge]) -> Mapping[Nudge, bool]:
        """Make these payments due, and say which of them there are."""
        ...


class NotificationDoor:
    """Takes notifications and makes payments due."""

    def __init__(
        self, *, accounts: SitesOfAccounts, nudges: TakesNudges, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._sites = Gathering(accounts.sites_of, spacing_s=TOGETHER_S, most=MOST_TOGETHER, clock=clock)
        self._nudges = Gathering(nudges.take, spacing_s=TOGETHER_S, most=MOST_TOGETHER, clock=clock)
        self._known: dict[str, tuple[datetime, str]] = {}
        self._clock = clock
        self._wake = wake

    def route(self) -> Route:
        """Return the route of the notification address."""
        return Route("/cinetpay/notify/{account_key}", self.take, methods=["GET", "HEAD", "POST"])

    async def take(self, request: Request) -> Response:
        """Answer 200 once what the notification calls for is written; 404 for no account, 503 where it can't be."""
        try:
            account_key = request.path_params["account_key"]
            site_id = await self._site_id_of(account_key)
            if site_id is None:
                metrics.notification("unknown_account").inc()
                return PlainTextResponse("no such account\n", status_code=404)
            outcome, fields = "ping", {}
            if request.method == "POST":
                fields = await read_fields(request)
                outcome = await self._heed(account_key, site_id, fields)
        except (LedgerUnavailable, TooBusy) as error:
            log.error("notification_not_written", error=str(error))
            metrics.notification("not_written").inc()
            return PlainTextResponse("try again later\n", status_code=503, headers={"Retry-After": "30"})
        metrics.notification(outcome).inc()
        return PlainTextResponse("OK\n", headers={FIELDS_HEADER: str(len(fields))})

    async def _site_id_of(self, account_key: str) -> str | None:
        """Return the site of an account; None where there is no account by that key."""
        now = self._clock.now()
        known_at, site_id = self._known.get(account_key, (now - KNOWN_FOR, ""))
        if now - known_at < KNOWN_FOR:
            return site_id
        self._known.pop(account_key, None)
        if not account_key.isprintable() or len(account_key) > LONGEST_KEY:
            return None
        found = await self._sites.ask(account_key)
        if found is not None:
            self._known[account_key] = (now, found)
        return found

    async def _heed(self, account_key: str, own_site_id: str, fields: dict[str, str]) -> str:
        trans_id = fields.get("cpm_trans_id", "").strip()
        site_id = fields.get("cpm_site_id", "").strip()
        if site_id not in ("", own_site_id) or transaction_id_of(trans_id) is None:
            log.info("notification_ignored", account_key=account_key, trans_id=trans_id[:40])
            return "ignored"
        with following(Trace.begun(trans_id)):
            makes_due = await self._nudges.ask(Nudge(trans_id, account_key)) is not None
            log.info("notification_taken", trans_id=trans_id, makes_due=makes_due)
        if makes_due:
            self._wake()
        return "makes_due" if makes_due else "changes_nothing"
