"""Accounts: the CinetPay sites of the shops, and which one a channel's payments go to."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Select, and_, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import Unreadable
from saleor_cinetpay.locale import Language, language_of
from saleor_cinetpay.recent import Recent
from saleor_cinetpay.shops.secrets import SecretBox, place_in
from saleor_cinetpay.shops.tables import accounts, channels
from saleor_cinetpay.stored import known

_OLDEST_FIRST = select(accounts).order_by(accounts.c.created_at, accounts.c.account_key)


class Environment(StrEnum):
    """Which CinetPay an account belongs to: the real one, or the operator's sandbox."""

    LIVE = "live"
    TEST = "test"


class AccountOrigin(StrEnum):
    """Who set an account up."""

    ENVIRONMENT = "environment"
    """The operator, by CINETPAY_SITE_ID and CINETPAY_API_KEY."""
    SHOP = "shop"
    """The shop itself, on its settings page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One CinetPay site of a shop. Its site id and its environment never change: another site is another account."""

    account_key: str
    """Stands in the account's notification address; opaque, and not secret."""
    saleor_api_url: str
    origin: AccountOrigin
    label: str
    site_id: str
    api_key: SecretStr
    currency: str = "CFA"
    """What CinetPay is sent for XOF: `CFA` or `XOF`."""
    minimum: int = 5
    maximum: int | None = None
    step: int = 1
    phone_required: bool = False
    default_prefix: str | None = None
    language: Language = Language.FRENCH
    environment: Environment = Environment.LIVE
    version: int = 1
    """Goes up with each change that an admin saves."""
    archived_at: datetime | None = None
    """Since when no new payment uses it; its old ones still do."""
    checked_at: datetime | None = None
    """When CinetPay was last asked about the credentials."""
    check_code: str | None = None
    """What came of it: `00`, a code of CinetPay's, or a word such as `unreachable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnopenedAccount:
    """An account that is kept, and that this process can't read: nobody can be asked about its payments."""

    account_key: str
    site_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentAccount:
    """The account that the operator gives to every installation that has none of its own."""

    site_id: str
    api_key: SecretStr
    currency: str


class Accounts:
    """Finds accounts. A payment keeps the account it began with, also when the shop's choice changes.

    What every payment asks for is read once a second; whoever changes accounts or channels calls `forget`.
    """

    def __init__(
        self,
        database: Database,
        secrets: SecretBox,
        clock: Clock,
        chance: Chance,
        environment_account: EnvironmentAccount | None,
        *,
        offered: Collection[Environment] = frozenset(Environment),
    ) -> None:
        """`offered` are the environments that the operator has an address for."""
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._chance = chance
        self._environment_account = environment_account
        self.offered = frozenset(offered)
        self._of_channels = Recent(self._for_channel, clock)
        self._by_key = Recent(self._with_key, clock)

    def forget(self) -> None:
        """Read everything anew: accounts, or what channels use, have been changed."""
        self._of_channels.forget()
        self._by_key.forget()

    async def for_channel(self, saleor_api_url: str, channel_id: str) -> Account | None:
        """Return the account that new payments of that channel use, or None where there is none.

        The operator's serves channels that are mapped to it, and all of a shop that has never had its own.
        """
        return await self._of_channels.of((saleor_api_url, channel_id))

    async def _for_channel(self, channel: tuple[str, str]) -> Account | None:
        saleor_api_url, channel_id = channel
        mapped = and_(
            channels.c.account_key == accounts.c.account_key,
            channels.c.saleor_api_url == saleor_api_url,
            channels.c.channel_id == channel_id,
        )
        wanted = select(accounts, channels.c.channel_id.label("mapped")).outerjoin(channels, mapped)
        rows = await self._rows(wanted.where(accounts.c.saleor_api_url == saleor_api_url))
        chosen = next((row for row in rows if row.mapped is not None), None)
        if chosen is not None and chosen.origin == AccountOrigin.SHOP:
            account = account_of_row(chosen, self._secrets)
            return account if account.archived_at is None and account.environment in self.offered else None
        if chosen is None and any(row.origin == AccountOrigin.SHOP for row in rows):
            return None
        return await self._todays(saleor_api_url, (account_of_row(row, self._secrets) for row in rows if _given(row)))

    async def candidates(self, saleor_api_url: str, channel_id: str) -> list[Account]:
        """Return the accounts that a payment of that channel may have been opened with, the likeliest first.

        One for each site: the channel's account of today, then all others of the shop, archived ones too.
        """
        first = await self.for_channel(saleor_api_url, channel_id)
        others = await self._several(accounts.c.saleor_api_url == saleor_api_url)
        sites: dict[tuple[Environment, str], Account] = {}
        for account in ([first] if first else []) + [self._today(account) for account in others]:
            sites.setdefault((account.environment, account.site_id), account)
        return list(sites.values())

    async def from_environment(self, saleor_api_url: str) -> Account | None:
        """Return the operator's account for that shop, kept where it is new; None where the operator gives none."""
        return await self._todays(
            saleor_api_url,
            await self._several(
                accounts.c.saleor_api_url == saleor_api_url, accounts.c.origin == AccountOrigin.ENVIRONMENT
            ),
        )

    async def preview(self, saleor_api_url: str) -> Account | None:
        """Return what `from_environment` would, and keep nothing."""
        given = self._environment_account
        if given is None:
            return None
        held = await self._held(saleor_api_url, given)
        if held is None:
            return self._new(saleor_api_url, given)
        return replace(held, api_key=given.api_key, currency=given.currency)

    async def of_shop(self, saleor_api_url: str) -> list[Account]:
        """Return the accounts that a shop has set up itself, archived ones too; the oldest first."""
        return await self._several(accounts.c.saleor_api_url == saleor_api_url, accounts.c.origin == AccountOrigin.SHOP)

    async def ever_of_shop(self, saleor_api_url: str) -> list[Account]:
        """Return every account that payments of a shop may have begun with, archived ones and the operator's too."""
        return [self._today(account) for account in await self._several(accounts.c.saleor_api_url == saleor_api_url)]

    async def all(self) -> list[Account]:
        """Return every account that is kept and can be read, of deleted installations too; the oldest first."""
        return [one for one in await self.kept() if isinstance(one, Account)]

    async def kept(self) -> list[Account | UnopenedAccount]:
        """Return every account that is kept, those that can't be read too; the oldest first."""
        return [self._held_or_not(row) for row in await self._rows(_OLDEST_FIRST)]

    async def by_key(self, account_key: str) -> Account | None:
        """Return the account whose notification address has that key."""
        return await self._by_key.of(account_key)

    async def _with_key(self, account_key: str) -> Account | None:
        found = await self._several(accounts.c.account_key == account_key)
        return self._today(found[0]) if found else None

    async def usable(self, account_key: str) -> Account | None:
        """Return the account of that key, None where its CinetPay is offered no more: nobody can pay there."""
        account = await self.by_key(account_key)
        return account if account is not None and account.environment in self.offered else None

    async def sites_of(self, account_keys: Collection[str]) -> Mapping[str, str]:
        """Return the site ids of the accounts that have these keys; nothing that is sealed is opened for it."""
        wanted = select(accounts.c.account_key, accounts.c.site_id).where(accounts.c.account_key.in_(account_keys))
        return {row.account_key: row.site_id for row in await self._rows(wanted)}

    async def _todays(self, saleor_api_url: str, held: Iterable[Account]) -> Account | None:
        """Return the operator's account as it is set today; `held` are those that the shop was given so far."""
        given = self._environment_account
        if given is None:
            return None
        account = next((one for one in held if one.site_id == given.site_id), None)
        if account is None:
            return await self._add(saleor_api_url, given)
        if account.api_key != given.api_key or account.currency != given.currency:
            return await self._renew(account, given)
        return account

    async def _held(self, saleor_api_url: str, given: EnvironmentAccount) -> Account | None:
        found = await self._several(
            accounts.c.saleor_api_url == saleor_api_url,
            accounts.c.origin == AccountOrigin.ENVIRONMENT,
            accounts.c.site_id == given.site_id,
        )
        return found[0] if found else None

    async def _several(self, *conditions: Any) -> list[Account]:
        return [account_of_row(row, self._secrets) for row in await self._rows(_OLDEST_FIRST.where(*conditions))]

    def _held_or_not(self, row: Any) -> Account | UnopenedAccount:
        try:
            return account_of_row(row, self._secrets)
        except Unreadable as error:
            return UnopenedAccount(account_key=row.account_key, site_id=row.site_id, reason=str(error))

    async def _rows(self, wanted: Select[Any]) -> list[Any]:
        async def work(connection: AsyncConnection) -> list[Any]:
            return list(await connection.execute(wanted))

        return await self._database.query(work)

    def _new(self, saleor_api_url: str, given: EnvironmentAccount) -> Account:
        return Account(
            account_key=self._chance.token(),
            saleor_api_url=saleor_api_url,
            origin=AccountOrigin.ENVIRONMENT,
            label="CinetPay",
            site_id=given.site_id,
            api_key=given.api_key,
            currency=given.currency,
        )

    async def _add(self, saleor_api_url: str, given: EnvironmentAccount) -> Account:
        account = self._new(saleor_api_url, given)
        row = row_of_account(account, self._secrets) | {"created_at": self._clock.now()}
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(accounts).values(row))
        except IntegrityError:  # another process was quicker; its account key is the one that counts
            held = await self._held(saleor_api_url, given)
            if held is None:
                raise
            return held
        return account

    async def _renew(self, held: Account, given: EnvironmentAccount) -> Account:
        renewed = replace(held, api_key=given.api_key, currency=given.currency)
        async with self._database.write() as connection:
            await connection.execute(
                update(accounts)
                .where(accounts.c.account_key == held.account_key)
                .values(sealed_api_key=sealed_api_key(renewed, self._secrets), currency=renewed.currency)
            )
        return renewed

    def _today(self, account: Account) -> Account:
        """Return the account with today's key: what the operator has set counts as soon as it is set."""
        given = self._environment_account
        if given is None or (account.origin, account.site_id) != (AccountOrigin.ENVIRONMENT, given.site_id):
            return account
        return replace(account, api_key=given.api_key)


def row_of_account(account: Account, secrets: SecretBox) -> dict[str, Any]:
    """Return what is stored of an account, save for when it was made."""
    return {
        "account_key": account.account_key,
        "saleor_api_url": account.saleor_api_url,
        "origin": account.origin,
        "label": account.label,
        "site_id": account.site_id,
        "sealed_api_key": sealed_api_key(account, secrets),
        "currency": account.currency,
        "minimum": account.minimum,
        "maximum": account.maximum,
        "step": account.step,
        "phone_required": account.phone_required,
        "default_prefix": account.default_prefix,
        "language": account.language,
        "environment": account.environment,
        "version": account.version,
        "archived_at": account.archived_at,
        "checked_at": account.checked_at,
        "check_code": account.check_code,
    }


def account_of_row(row: Any, secrets: SecretBox) -> Account:
    """Read a stored account, its API key opened.

    Raises:
        Unreadable: where SECRET_KEY is not the one that it was stored with, or a newer version has stored it.
    """
    return Account(
        account_key=row.account_key,
        saleor_api_url=row.saleor_api_url,
        origin=known(AccountOrigin, row.origin),
        label=row.label,
        site_id=row.site_id,
        api_key=SecretStr(secrets.open(row.sealed_api_key, place=_api_key_place(row.account_key))),
        currency=row.currency,
        minimum=row.minimum,
        maximum=row.maximum,
        step=row.step,
        phone_required=row.phone_required,
        default_prefix=row.default_prefix,
        language=language_of(row.language, Language.FRENCH),
        environment=known(Environment, row.environment),
        version=row.version,
        archived_at=row.archived_at,
        checked_at=row.checked_at,
        check_code=row.check_code,
    )


def sealed_api_key(account: Account, secrets: SecretBox) -> str:
    """Return the API key as it is stored with its account."""
    return secrets.seal(account.api_key.get_secret_value(), place=_api_key_place(account.account_key))


def _given(row: Any) -> bool:
    return bool(row.origin == AccountOrigin.ENVIRONMENT)


def _api_key_place(account_key: str) -> str:
    return place_in(accounts.c.sealed_api_key, account_key=account_key)
