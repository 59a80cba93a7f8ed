"""Installations: the Saleors that have installed the app, by their API URL."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr
from sqlalchemy import Row, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import LedgerUnavailable, Unreadable
from saleor_cinetpay.inserting import insert_or_replace
from saleor_cinetpay.recent import Recent
from saleor_cinetpay.shops.secrets import SecretBox, place_in
from saleor_cinetpay.shops.tables import installations

EXTENSIONS_SINCE = (3, 22)
KEY_SET_FETCH_EVERY = timedelta(seconds=10)
ASK_FOR_KEYS_EVERY = timedelta(seconds=1)
"""How often one process asks the database whether it may fetch: calls with made-up keys come in any number."""

_ONE = select(installations).where(installations.c.saleor_api_url == bindparam("of"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One Saleor that has installed the app."""

    saleor_api_url: str
    app_id: str
    token: SecretStr
    key_set: str
    """The JWKS, as JSON text."""
    saleor_version: str
    """Such as `3.23.28`."""
    app_base_url: str
    """Where this Saleor reaches us, without a slash at the end."""
    dashboard_url: str | None = None
    """The Dashboard that last showed our pages, without a slash at the end; None while none has."""

    def dashboard_page(self, path: str) -> str | None:
        """Return the address of one of our pages inside the shop's Dashboard; None while nobody knows where that is."""
        return None if self.dashboard_url is None else f"{self.dashboard_url}{self.app_path}{path}"

    @property
    def app_path(self) -> str:
        """Where our pages stand inside a Dashboard; one before 3.22 has another path for apps."""
        app = quote(self.app_id, safe="")
        return f"/extensions/app/{app}" if self.saleor_minor >= EXTENSIONS_SINCE else f"/apps/{app}/app"

    @property
    def saleor_minor(self) -> tuple[int, int]:
        """The version to compare with, such as `(3, 23)`; `(0, 0)` where Saleor does not say."""
        major, _, rest = self.saleor_version.partition(".")
        minor = rest.partition(".")[0]
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


class Installations:
    """Keeps installations, and remembers each in memory for when the database is down."""

    def __init__(self, database: Database, secrets: SecretBox, clock: Clock) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._remembered: dict[str, Installation] = {}
        self._recent = Recent(self.find_now, clock)
        self._asked_for_keys: dict[str, datetime] = {}

    async def register(self, installation: Installation) -> None:
        """Store an installation; the newest registration of a Saleor replaces the one before."""
        now = self._clock.now()
        row = {
            "saleor_api_url": installation.saleor_api_url,
            "app_id": installation.app_id,
            "sealed_token": self._secrets.seal(
                installation.token.get_secret_value(), place=_token_place(installation.saleor_api_url)
            ),
            "key_set": installation.key_set,
            "key_set_fetched_at": now - KEY_SET_FETCH_EVERY,
            "saleor_version": installation.saleor_version,
            "app_base_url": installation.app_base_url,
            "registered_at": now,
        }
        async with self._database.write() as connection:
            await connection.execute(insert_or_replace(connection, installations, row))
        self._remember(installation)

    async def forget(self, saleor_api_url: str, app_id: str) -> bool:
        """Erase token and keys of an installation that was deleted, unless another has taken its place; say whether."""
        async with self._database.write() as connection:
            erased = await connection.execute(
                delete(installations).where(
                    installations.c.saleor_api_url == saleor_api_url, installations.c.app_id == app_id
                )
            )
        if erased.rowcount == 1:
            self._remembered.pop(saleor_api_url, None)
            self._recent.forget()
        return erased.rowcount == 1

    async def find(self, saleor_api_url: str) -> Installation | None:
        """Return the installation of that Saleor as it stood a second ago at most.

        Raises:
            LedgerUnavailable: as `find_now`.
        """
        return await self._recent.of(saleor_api_url)

    async def find_now(self, saleor_api_url: str) -> Installation | None:
        """Return the installation of that Saleor; from memory where the database does not answer.

        Raises:
            LedgerUnavailable: where the database does not answer and memory holds nothing.
        """

        async def work(connection: AsyncConnection) -> Any:
            return (await connection.execute(_ONE, {"of": saleor_api_url})).one_or_none()

        try:
            row = await self._database.query(work)
        except LedgerUnavailable:
            if saleor_api_url in self._remembered:
                return self._remembered[saleor_api_url]
            raise
        if row is None:
            self._remembered.pop(saleor_api_url, None)
            return None
        installation = self._read(row)
        self._remembered[saleor_api_url] = installation
        return installation

    def recall(self, saleor_api_url: str) -> Installation | None:
        """Return the installation as this process knew it last; the database may know better."""
        return self._remembered.get(saleor_api_url)

    async def find_all(self, saleor_api_urls: Collection[str]) -> Mapping[str, Installation | Unreadable]:
        """Return the installations of those Saleors; from memory where the database does not answer.

        One that can't be read stands there as the reason, so that it holds up none of the others.

        Raises:
            LedgerUnavailable: where the database does not answer and memory holds none of them.
        """
        try:
            async with self._database.read() as connection:
                rows = await connection.execute(
                    select(installations).where(installations.c.saleor_api_url.in_(saleor_api_urls))
                )
                found = {row.saleor_api_url: self._read_or_not(row) for row in rows}
        except LedgerUnavailable:
            remembered = {url: self._remembered[url] for url in saleor_api_urls if url in self._remembered}
            if remembered:
                return remembered
            raise
        for url in saleor_api_urls:
            self._remembered.pop(url, None)
        self._remembered.update({url: one for url, one in found.items() if isinstance(one, Installation)})
        return found

    async def all(self) -> list[Installation]:
        """Return every installation, and remember them."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(installations).order_by(installations.c.registered_at))
            found = [self._read(row) for row in rows]
        self._remembered.update({installation.saleor_api_url: installation for installation in found})
        return found

    async def may_fetch_key_set(self, saleor_api_url: str) -> bool:
        """Claim the one fetch of a shop's key set that is allowed in ten seconds, for all processes together."""
        now = self._clock.now()
        if (asked_at := self._asked_for_keys.get(saleor_api_url)) and now - asked_at < ASK_FOR_KEYS_EVERY:
            return False
        self._asked_for_keys[saleor_api_url] = now
        async with self._database.write() as connection:
            claimed = await connection.execute(
                update(installations)
                .where(
                    installations.c.saleor_api_url == saleor_api_url,
                    installations.c.key_set_fetched_at <= now - KEY_SET_FETCH_EVERY,
                )
                .values(key_set_fetched_at=now)
            )
        return claimed.rowcount == 1

    async def renew_key_set(self, installation: Installation, key_set: str) -> Installation:
        """Store a newly fetched key set, and return the installation with it."""
        return await self._renew(installation, key_set=key_set)

    async def renew_version(self, installation: Installation, saleor_version: str) -> Installation:
        """Store what an installation's Saleor has become, and return the installation with it."""
        return await self._renew(installation, saleor_version=saleor_version)

    async def remember_dashboard(self, installation: Installation, dashboard_url: str) -> None:
        """Store where the shop's Dashboard is."""
        await self._renew(installation, dashboard_url=dashboard_url)

    async def _renew(self, installation: Installation, **changes: Any) -> Installation:
        """Store and remember what has changed of an installation; its columns are named as its fields."""
        async with self._database.write() as connection:
            await connection.execute(
                update(installations)
                .where(installations.c.saleor_api_url == installation.saleor_api_url)
                .values(changes)
            )
        return self._remember(replace(installation, **changes))

    def _remember(self, changed: Installation) -> Installation:
        self._remembered[changed.saleor_api_url] = changed
        self._recent.forget()
        return changed

    def _read_or_not(self, row: Row[tuple[str | datetime, ...]]) -> Installation | Unreadable:
        try:
            return self._read(row)
        except Unreadable as error:
            return error

    def _read(self, row: Row[tuple[str | datetime, ...]]) -> Installation:
        return Installation(
            saleor_api_url=row.saleor_api_url,
            app_id=row.app_id,
            token=SecretStr(self._secrets.open(row.sealed_token, place=_token_place(row.saleor_api_url))),
            key_set=row.key_set,
            saleor_version=row.saleor_version,
            app_base_url=row.app_base_url,
            dashboard_url=row.dashboard_url,
        )


def payment_page(trans_id: str) -> str:
    """Return the path of a payment's page below our own in the Dashboard."""
    return f"/payments/{trans_id}"


def _token_place(saleor_api_url: str) -> str:
    return place_in(installations.c.sealed_token, saleor_api_url=saleor_api_url)
