"""What a shop's admins do to its accounts: add, change, archive, put back, delete.

Each is one transaction that fails where somebody else has saved meanwhile. Everything is bound to one shop: the key of
another shop's account is as good as none.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import column, delete, exists, insert, select, table, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.chance import Chance
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import ChangedMeanwhile, SiteTaken
from saleor_cinetpay.locale import Language
from saleor_cinetpay.shops.accounts import (
    Account,
    AccountOrigin,
    Environment,
    account_of_row,
    row_of_account,
    sealed_api_key,
)
from saleor_cinetpay.shops.channels import Channel, map_in, unmap_in
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.shops.tables import accounts

MOST_ACCOUNTS = 50
"""Accounts of one shop; each is read whenever a payment is opened."""
DELETABLE_AFTER = timedelta(minutes=1)
"""An account is archived so long before it can be deleted: what was being opened with it is written down by then."""

_payments = table("payments", column("account_key"))
"""The ledger's; only whether an account stands in it is of interest here."""


class TooManyAccounts(ValueError):
    """A shop has as many accounts as it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What an admin may change of an account at any time."""

    label: str
    currency: str = "CFA"
    minimum: int = 5
    maximum: int | None = None
    step: int = 1
    phone_required: bool = False
    default_prefix: str | None = None
    language: Language = Language.FRENCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What CinetPay said about credentials, and when."""

    code: str
    at: datetime


class AccountBook:
    """Changes the accounts of shops."""

    def __init__(
        self, database: Database, secrets: SecretBox, clock: Clock, chance: Chance, *, changed: Callable[[], None]
    ) -> None:
        """`changed` is told after every change, so that nobody goes on with what was read before."""
        self._changed = changed
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._chance = chance

    def draft(
        self, saleor_api_url: str, *, site_id: str, api_key: SecretStr, environment: Environment, choices: Choices
    ) -> Account:
        """Return a new account that is not kept yet, so that its credentials can be tested."""
        return Account(
            account_key=self._chance.token(),
            saleor_api_url=saleor_api_url,
            origin=AccountOrigin.SHOP,
            site_id=site_id,
            api_key=api_key,
            environment=environment,
            **asdict(choices),
        )

    async def find(self, saleor_api_url: str, account_key: str) -> Account | None:
        """Return one of the shop's own accounts, or None where it has none of that key."""
        async with self._database.read() as connection:
            return await self._find(connection, saleor_api_url, account_key)

    async def add(self, draft: Account, check: Check, serves: Sequence[Channel] = ()) -> Account:
        """Keep a new account; those of the channels that are mapped to none yet are mapped to it.

        Raises:
            SiteTaken: where the shop has an account of that site in that environment.
            TooManyAccounts: where it has as many as it may.
        """
        account = replace(draft, checked_at=check.at, check_code=check.code)
        now = self._clock.now()
        try:
            async with self._write() as connection:
                await self._has_room(connection, account.saleor_api_url)
                row = row_of_account(account, self._secrets) | {"created_at": now}
                await connection.execute(insert(accounts).values(row))
                await map_in(connection, account.saleor_api_url, serves, account.account_key, now)
        except IntegrityError as error:
            raise SiteTaken(f"there is an account of site {account.site_id} already") from error
        return account

    async def change(
        self,
        account: Account,
        choices: Choices,
        *,
        api_key: SecretStr | None,
        check: Check | None,
    ) -> Account:
        """Save an admin's choices, and a new API key where one is given; `account` is what the admin has seen.

        Raises:
            ChangedMeanwhile: where it is not what is kept.
        """
        changed = replace(
            account,
            api_key=api_key or account.api_key,
            checked_at=check.at if check else account.checked_at,
            check_code=check.code if check else account.check_code,
            **asdict(choices),
        )
        values = asdict(choices) | {"checked_at": changed.checked_at, "check_code": changed.check_code}
        if api_key is not None:
            values["sealed_api_key"] = sealed_api_key(changed, self._secrets)
        return await self._save(changed, values)

    async def archive(self, account: Account) -> Account:
        """Use an account for no new payment any more: its channels are mapped to none. Its old payments keep it.

        Raises:
            ChangedMeanwhile: where it is not what is kept.
        """
        archived = replace(account, archived_at=account.archived_at or self._clock.now())
        return await self._save(archived, {"archived_at": archived.archived_at}, unmapped=True)

    async def put_back(self, account: Account) -> Account:
        """Let an archived account be used again; channels must be mapped to it anew.

        Raises:
            ChangedMeanwhile: where it is not what is kept.
        """
        return await self._save(replace(account, archived_at=None), {"archived_at": None})

    async def delete(self, account: Account) -> bool:
        """Delete an archived account that no payment has ever used; say whether that could be done."""
        before = self._clock.now() - DELETABLE_AFTER
        gone = delete(accounts).where(
            *_this(account),
            accounts.c.archived_at <= before,
            ~exists(select(_payments.c.account_key).where(_payments.c.account_key == account.account_key)),
        )
        async with self._write() as connection:
            return (await connection.execute(gone)).rowcount == 1

    async def note_check(self, account: Account, check: Check) -> None:
        """Note what CinetPay said about an account as it is kept; one that was changed meanwhile is left alone."""
        noted = update(accounts).where(*_this(account)).values(checked_at=check.at, check_code=check.code)
        async with self._write() as connection:
            await connection.execute(noted)

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._database.write() as connection:
                yield connection
        finally:
            self._changed()

    async def _find(self, connection: AsyncConnection, saleor_api_url: str, account_key: str) -> Account | None:
        wanted = select(accounts).where(
            accounts.c.account_key == account_key,
            accounts.c.saleor_api_url == saleor_api_url,
            accounts.c.origin == AccountOrigin.SHOP,
        )
        row = (await connection.execute(wanted)).one_or_none()
        return None if row is None else account_of_row(row, self._secrets)

    async def _save(self, account: Account, values: dict[str, Any], *, unmapped: bool = False) -> Account:
        renewed = replace(account, version=account.version + 1)
        saved = update(accounts).where(*_this(account)).values(**values, version=renewed.version)
        async with self._write() as connection:
            if unmapped:
                await unmap_in(connection, account.saleor_api_url, account.account_key)
            if (await connection.execute(saved)).rowcount != 1:
                raise ChangedMeanwhile(f"account {account.account_key} is not at version {account.version} any more")
        return renewed

    async def _has_room(self, connection: AsyncConnection, saleor_api_url: str) -> None:
        keys = await connection.execute(
            select(accounts.c.account_key).where(accounts.c.saleor_api_url == saleor_api_url).limit(MOST_ACCOUNTS)
        )
        if len(keys.all()) >= MOST_ACCOUNTS:
            raise TooManyAccounts(f"{saleor_api_url} has {MOST_ACCOUNTS} accounts")


def _this(account: Account) -> tuple[Any, ...]:
    """The shop's own account of that key, as it was seen."""
    return (
        accounts.c.account_key == account.account_key,
        accounts.c.saleor_api_url == account.saleor_api_url,
        accounts.c.origin == AccountOrigin.SHOP,
        accounts.c.version == account.version,
    )
