"""Who may see the desk: the Dashboard's token, checked on every request."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.dashboard.answers import Visitor
from saleor_cinetpay.errors import CallRefused, LedgerUnavailable, SaleorError, UnknownKey
from saleor_cinetpay.locale import Language
from saleor_cinetpay.saleor.address import SaleorApiUrl, compile_pattern, normalised
from saleor_cinetpay.saleor.key_renewal import KeyRenewal, parsed_keys
from saleor_cinetpay.saleor.keys import DashboardUser, issuer_claimed, read_dashboard_token
from saleor_cinetpay.saleor.types import SaleorAppId
from saleor_cinetpay.shops.installations import Installation

PERMISSION = "HANDLE_PAYMENTS"
_BEARER = re.compile(r"Bearer +(\S+)", re.IGNORECASE)
_MOUNT = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_SAID_BY_CSP = re.compile(r"https?://(\*\.)?[^*/]+(:\*)?")
LONGEST_ADDRESS = 300

log = structlog.get_logger(__name__)


class Installations(Protocol):
    """Finds installations, and remembers where their Dashboards are."""

    async def find_now(self, saleor_api_url: str) -> Installation | None:
        """Return the installation of that Saleor."""
        ...

    async def remember_dashboard(self, installation: Installation, dashboard_url: str) -> None:
        """Store where a Dashboard is that brought a valid token."""
        ...


class Dashboards:
    """Which origins may frame the pages: the operator's DASHBOARD_URLS, or any https page.

    Raises:
        ValueError: where one of the patterns can't be read.
    """

    def __init__(self, allowed: Sequence[str], *, development: bool) -> None:
        # Whoever writes the whole address of a Dashboard means its origin.
        self._allowed = tuple(_origin_of(written) or written for written in allowed)
        self._patterns = tuple(compile_pattern(origin) for origin in self._allowed)
        self._schemes = ("https", "http") if development else ("https",)

    def frame_ancestors(self, referrer: str) -> str:
        """Write the policy's sources; a pattern that the policy can't express counts for the page that asks."""
        if not self._patterns:
            return " ".join(f"{scheme}:" for scheme in self._schemes)
        sources = [origin for origin in self._allowed if _SAID_BY_CSP.fullmatch(origin)]
        asking = _origin_of(referrer)
        if asking and self.admits(asking) and asking not in sources:
            sources.append(asking)
        return " ".join(sources) or "'none'"

    def admits(self, origin: str) -> bool:
        """Say whether the pages may stand in a page of that origin."""
        if self._patterns:
            return any(pattern.fullmatch(f"{origin}/") for pattern in self._patterns)
        return urlsplit(origin).scheme in self._schemes

    def address_of(self, said: str) -> str | None:
        """Read where a browser says that its Dashboard is: origin and mount path, without a slash at the end.

        None where that can't be, or may not.
        """
        if len(said) > LONGEST_ADDRESS:
            return None
        origin = _origin_of(said)
        try:
            normal = normalised(f"{origin}/").removesuffix("/")
        except SaleorError:
            return None
        mount = said[len(origin) :].rstrip("/")
        return f"{normal}{mount}" if self.admits(normal) and _MOUNT.fullmatch(mount) else None


class Gate:
    """Lets staff in."""

    def __init__(
        self, *, installations: Installations, keys: KeyRenewal[Installation], dashboards: Dashboards, clock: Clock
    ) -> None:
        self._installations = installations
        self._keys = keys
        self._dashboards = dashboards
        self._clock = clock

    async def admit(self, request: Request, language: Language) -> Visitor:
        """Return who is there.

        Raises:
            CallRefused: 401 where the token does not check for this shop and app, 403 where the person may not.
            LedgerUnavailable: where the installation can't be read.
        """
        bearer = _BEARER.fullmatch(request.headers.get("authorization", "").strip())
        if bearer is None:
            raise CallRefused(401, "TOKEN_MISSING", "there is no token of a Dashboard")
        token = bearer[1]
        installation = await self._installation(request, token)
        try:
            user = self._read(token, installation)
        except UnknownKey as unknown:
            installation = await self._keys.renewed(installation, unknown)
            user = self._read(token, installation)
        if PERMISSION not in user.permissions:
            raise CallRefused(403, "PERMISSION_MISSING", f"the person lacks {PERMISSION}")
        installation = await self._with_dashboard(request, installation)
        return Visitor(installation=installation, who=user.email or user.user_id or "?", language=language)

    async def _installation(self, request: Request, token: str) -> Installation:
        """Find the shop that the request names, else the one that the token names; the token is verified after that."""
        said = request.headers.get("saleor-api-url") or request.query_params.get("saleorApiUrl")
        try:
            saleor_api_url = normalised(said or issuer_claimed(token) or "")
        except SaleorError:
            raise CallRefused(401, "INSTALLATION_UNKNOWN", "the token names no shop") from None
        installation = await self._installations.find_now(saleor_api_url)
        if installation is None:
            raise CallRefused(401, "INSTALLATION_UNKNOWN", "the app is not installed in that Saleor")
        return installation

    def _read(self, token: str, installation: Installation) -> DashboardUser:
        return read_dashboard_token(
            token,
            parsed_keys(installation.key_set),
            issuer=SaleorApiUrl(installation.saleor_api_url),
            app_id=SaleorAppId(installation.app_id),
            now=self._clock.now(),
        )

    async def _with_dashboard(self, request: Request, installation: Installation) -> Installation:
        """Remember the Dashboard that brought the token, where it is another than before.

        An origin alone says nothing of the path below which the Dashboard stands, so it replaces no fuller address.
        """
        said = request.headers.get("dashboard-url", "").strip()
        address = self._dashboards.address_of(said)
        known = installation.dashboard_url or ""
        if address is None or address == known or (said == address and known.startswith(f"{address}/")):
            return installation
        try:
            await self._installations.remember_dashboard(installation, address)
        except LedgerUnavailable as error:
            log.warning("dashboard_not_remembered", saleor_api_url=installation.saleor_api_url, error=str(error))
            return installation
        log.info("dashboard_remembered", saleor_api_url=installation.saleor_api_url, dashboard_url=address)
        return replace(installation, dashboard_url=address)


def _origin_of(address: str) -> str:
    """Return scheme, host and port as written; empty where there is none."""
    scheme, separator, rest = address.strip().partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{host}" if separator and host else ""
