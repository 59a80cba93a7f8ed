"""CinetPay's notification (IPN, guide 3.1): a hint that something changed, nothing more.

What arrives: a form that anybody can send, at every change of status, several times, at the same instant; or a GET or
HEAD that only asks whether we are there. What it does not tell: the truth. A known payment becomes due, and
`checkPayStatus` decides. A repeat costs one look at most; anything unknown or malformed changes nothing.
"""

from collections.abc import Callable
from typing import Protocol

import structlog
from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.trans_id import transaction_id_of
from saleor_cinetpay.shops.accounts import Account

BODY_LIMIT_BYTES = 64 * 1024
MOST_FIELDS = 100

log = structlog.get_logger(__name__)


class AccountsByKey(Protocol):
    """Finds the account whose notification address was called."""

    async def by_key(self, account_key: str) -> Account | None:
        """Return the account, or None where there is none by that key."""
        ...


class NotificationDoor:
    """Takes notifications and makes payments due."""

    def __init__(self, *, accounts: AccountsByKey, ledger: Ledger, wake: Callable[[], None]) -> None:
        self._accounts = accounts
        self._ledger = ledger
        self._wake = wake

    def route(self) -> Route:
        """Return the route of the notification address."""
        return Route("/cinetpay/notify/{account_key}", self.take, methods=["GET", "HEAD", "POST"])

    async def take(self, request: Request) -> Response:
        """Answer 200 once what the notification calls for is written; 404 for no account, 503 where it can't be."""
        try:
            account_key = request.path_params["account_key"]
            account = await self._accounts.by_key(account_key) if account_key.isprintable() else None
            if account is None:
                return PlainTextResponse("no such account\n", status_code=404)
            if request.method == "POST":
                await self._heed(account, await _fields(request))
        except LedgerUnavailable as error:
            log.error("notification_not_written", error=str(error))
            return PlainTextResponse("try again later\n", status_code=503, headers={"Retry-After": "30"})
        return PlainTextResponse("OK\n")

    async def _heed(self, account: Account, fields: dict[str, str]) -> None:
        trans_id = fields.get("cpm_trans_id", "").strip()
        site_id = fields.get("cpm_site_id", "").strip()
        if site_id not in ("", account.site_id) or transaction_id_of(trans_id) is None:
            log.info("notification_ignored", account_key=account.account_key, trans_id=trans_id[:40])
            return
        payment = await self._ledger.nudge(trans_id, account_key=account.account_key)
        log.info("notification_taken", trans_id=trans_id, makes_due=payment is not None)
        if payment is not None:
            self._wake()


async def _fields(request: Request) -> dict[str, str]:
    """Read an urlencoded or a multipart body; none where it can't be read."""
    if int(request.headers.get("content-length", "0") or 0) > BODY_LIMIT_BYTES:
        return {}
    try:
        async with request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=BODY_LIMIT_BYTES) as form:
            return {name: value for name, value in form.items() if isinstance(value, str)}
    except (MultiPartException, FormParserError, HTTPException, ClientDisconnect, UnicodeDecodeError):
        return {}
