"""Accounts: the CinetPay sites of the shops, and which one a channel's payments go to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import SecretStr
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.locale import Language
from saleor_cinetpay.shops.secrets import SecretBox, place_in
from saleor_cinetpay.shops.tables import accounts


class Environment(StrEnum):
    """Which CinetPay an account belongs to: the real one, or the operator's sandbox."""

    LIVE = "live"
    TEST = "test"


class AccountOrigin(StrEnum):
    """Who set an account up."""

    ENVIRONMENT = "environment"
    """The operator, by CINETPAY_SITE_ID and CINETPAY_API_KEY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One CinetPay site of a shop."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentAccount:
    """The account that the operator gives to every installation that has none of its own."""

    site_id: str
    api_key: SecretStr
    currency: str


class Accounts:
    """Keeps accounts. A payment keeps the account it began with, also when the shop's choice changes."""

    def __init__(
        self,
        database: Database,
        secrets: SecretBox,
        clock: Clock,
        chance: Chance,
        environment_account: EnvironmentAccount | None,
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._chance = chance
        self._environment_account = environment_account

    async def for_shop(self, saleor_api_url: str) -> Account | None:
        """Return the account that new payments of that shop use, or None where there is none."""
        given = self._environment_account
        if given is None:
            return None
        held = await self._held(saleor_api_url, given)
        if held is None:
            return await self._add(saleor_api_url, given)
        if held.api_key != given.api_key or held.currency != given.currency:
            return await self._renew(held, given)
        return held

    async def preview(self, saleor_api_url: str) -> Account | None:
        """Return what `for_shop` would, and keep nothing."""
        given = self._environment_account
        if given is None:
            return None
        held = await self._held(saleor_api_url, given)
        if held is None:
            return self._new(saleor_api_url, given)
        return replace(held, api_key=given.api_key, currency=given.currency)

    async def all(self) -> list[Account]:
        """Return every account that is kept, of shops that have deleted the app too; the oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(accounts).order_by(accounts.c.created_at))
            return [self._read(row) for row in rows]

    async def by_key(self, account_key: str) -> Account | None:
        """Return the account whose notification address has that key."""
        account = await self._one(accounts.c.account_key == account_key)
        return None if account is None else self._today(account)

    async def by_keys(self, account_keys: Collection[str]) -> Mapping[str, Account]:
        """Return the accounts that have these keys."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(accounts).where(accounts.c.account_key.in_(account_keys)))
            return {row.account_key: self._read(row) for row in rows}

    async def _held(self, saleor_api_url: str, given: EnvironmentAccount) -> Account | None:
        return await self._one(
            accounts.c.saleor_api_url == saleor_api_url,
            accounts.c.origin == AccountOrigin.ENVIRONMENT,
            accounts.c.site_id == given.site_id,
        )

    async def _one(self, *conditions: Any) -> Account | None:
        wanted = select(accounts).where(*conditions)

        async def work(connection: AsyncConnection) -> Any:
            return (await connection.execute(wanted)).one_or_none()

        row = await self._database.query(work)
        return None if row is None else self._read(row)

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
        row = {
            "account_key": account.account_key,
            "saleor_api_url": account.saleor_api_url,
            "origin": account.origin,
            "label": account.label,
            "site_id": account.site_id,
            "sealed_api_key": self._seal(account),
            "currency": account.currency,
            "minimum": account.minimum,
            "maximum": account.maximum,
            "step": account.step,
            "phone_required": account.phone_required,
            "default_prefix": account.default_prefix,
            "language": account.language,
            "environment": account.environment,
            "created_at": self._clock.now(),
        }
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
                .values(sealed_api_key=self._seal(renewed), currency=renewed.currency)
            )
        return renewed

    def _today(self, account: Account) -> Account:
        """Return the account with today's key: what the operator has set counts as soon as it is set."""
        given = self._environment_account
        if given is None or (account.origin, account.site_id) != (AccountOrigin.ENVIRONMENT, given.site_id):
            return account
        return replace(account, api_key=given.api_key)

    def _seal(self, account: Account) -> str:
        return self._secrets.seal(account.api_key.get_secret_value(), place=_api_key_place(account.account_key))

    def _read(self, row: Any) -> Account:
        return Account(
            account_key=row.account_key,
            saleor_api_url=row.saleor_api_url,
            origin=AccountOrigin(row.origin),
            label=row.label,
            site_id=row.site_id,
            api_key=SecretStr(self._secrets.open(row.sealed_api_key, place=_api_key_place(row.account_key))),
            currency=row.currency,
            minimum=row.minimum,
            maximum=row.maximum,
            step=row.step,
            phone_required=row.phone_required,
            default_prefix=row.default_prefix,
            language=Language(row.language),
            environment=Environment(row.environment),
        )


def _api_key_place(account_key: str) -> str:
    return place_in(accounts.c.sealed_api_key, account_key=account_key)
