"""Everything sealed is sealed anew with the first key, beside the running app, and no column is forgotten."""

import asyncio
import string
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from payments_kit import API_KEY, TOKEN, Heart, World, build_heart, trans_id, transaction_id
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.database import Database, metadata
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.shops import rotation
from saleor_cinetpay.shops.rotation import Rotated, rotate, sealed_columns
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.shops.tables import accounts

OLD, BOTH, NEW = SecretBox(["a key for tests"]), SecretBox(["new", "a key for tests"]), SecretBox(["new"])


async def lived_with(database: Database, secrets: SecretBox, count: int = 3) -> Heart:
    """Install the app and open payments, one of them paid: a row in every table that holds secrets."""
    heart = build_heart(database, World(), secrets=secrets)
    await heart.install()
    for number in range(1, count + 1):
        await heart.open(number, data={"phoneNumber": "0707080910", "phonePrefix": "225"})
    heart.world.cinetpay.pays(trans_id(), phone="0707080910")
    await heart.ledger.nudge(trans_id())
    await heart.work_off()
    return heart


async def opened_with(database: Database, secrets: SecretBox) -> int:
    """Open every sealed text of every table, in its place; return how many there are."""
    count = 0
    async with database.read() as connection:
        for column in sealed_columns():
            key = list(column.table.primary_key)
            rows = (await connection.execute(select(*key, column).where(column.is_not(None)))).all()
            assert rows, f"the test stores nothing in {column}: let lived_with() fill it"
            for *values, sealed in rows:
                names = [part.name for part in key]
                place = column.info["place"].format(**dict(zip(names, values, strict=True)))
                secrets.open(sealed, place=place)
                count += 1
    return count


def test_every_sealed_column_says_what_it_is_bound_to() -> None:
    """Each names its table's whole primary key and no two the same place, so that no text opens in another's."""
    wrong, places = [], []
    for column in sealed_columns():
        template = column.info.get("place", "")
        named = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        if named != {part.name for part in column.table.primary_key}:
            wrong.append(str(column))
        places.append(template)
    assert [] == wrong
    assert len(set(places)) == len(places) >= 3


def test_no_secret_column_goes_by_another_name() -> None:
    """A column whose name speaks of a secret or of a buyer is sealed, or marked as personal, or known to be neither."""
    harmless = {
        "accounts.account_key",
        "payments.account_key",
        "accounts.phone_required",
        "installations.key_set",
        "installations.key_set_fetched_at",
        "problems.key",
        "refunds.request_key",
    }
    told = ("key", "token", "secret", "signature", "password", "phone", "mail", "proof", "payer", "buyer_name")
    suspicious = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if any(word in column.name for word in told)
        and not column.name.startswith("sealed_")
        and not column.info.get("personal")
    }
    assert suspicious <= harmless | {name for name in suspicious if name.endswith("account_key")}


async def test_afterwards_the_old_key_is_not_needed(database: Database) -> None:
    """Whatever the old key has sealed opens with the new one alone, and payments go on with it."""
    await lived_with(database, OLD)
    ends = await rotate(database, BOTH)
    assert [True] * len(ends) == [end.done for end in ends]
    assert sum(end.renewed for end in ends) == await opened_with(database, NEW)
    heart = build_heart(database, World(), secrets=NEW)
    assert API_KEY == (await heart.accounts.all())[0].api_key.get_secret_value()
    assert TOKEN == (await heart.installations.all())[0].token.get_secret_value()
    assert (await heart.held(2)).signature is not None


async def test_a_second_rotation_changes_nothing(database: Database) -> None:
    """What is sealed with the first key stays byte for byte."""
    await lived_with(database, OLD)
    await rotate(database, BOTH)
    async with database.read() as connection:
        before = (await connection.execute(select(payments.c.sealed_form))).all()
    assert [0] * len(list(sealed_columns())) == [end.renewed for end in await rotate(database, BOTH)]
    async with database.read() as connection:
        assert before == (await connection.execute(select(payments.c.sealed_form))).all()


async def test_what_was_broken_off_is_finished(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation that ends in the middle leaves everything readable, and the next one does the rest."""
    monkeypatch.setattr(rotation, "BATCH", 2)
    await lived_with(database, OLD, count=5)

    def interrupt(_rotated: Rotated) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rotate(database, BOTH, interrupt)
    total = await opened_with(database, BOTH)
    ends = await rotate(database, BOTH)
    assert 0 < sum(end.renewed for end in ends) < total
    assert total == await opened_with(database, NEW)


class Overtaken(Database):
    """A database in which somebody else writes just before we do, as often as they are said to."""

    def __init__(self, url: str, write_first: Callable[[AsyncConnection], Awaitable[object]], times: int) -> None:
        super().__init__(url)
        self._write_first = write_first
        self._times = times

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        if self._times:
            self._times -= 1
            async with super().write() as connection:
                await self._write_first(connection)
        async with super().write() as connection:
            yield connection


async def test_a_newer_value_is_not_overwritten(database: Database, database_url: str) -> None:
    """What somebody wrote between our reading and our writing stays, and is met again in the next pass."""
    await lived_with(database, OLD)
    (account,) = await build_heart(database, World(), secrets=OLD).accounts.all()
    place = f"accounts/{account.account_key}/api_key"
    newer = NEW.seal("a newer key", place=place)

    async def change_the_key(connection: AsyncConnection) -> None:
        await connection.execute(update(accounts).values(sealed_api_key=newer))

    overtaken = Overtaken(database_url, change_the_key, times=1)
    ends = await rotate(overtaken, BOTH)
    await overtaken.close()
    assert "accounts.sealed_api_key" == ends[0].column, "what is overtaken must come first"
    assert (0, True) == (ends[0].renewed, all(end.done for end in ends))
    async with database.read() as connection:
        assert newer == (await connection.execute(select(accounts.c.sealed_api_key))).scalar_one()


async def test_who_still_seals_with_the_old_key_is_noticed(database: Database, database_url: str) -> None:
    """A process that was not restarted keeps writing with the old key: the rotation says that it is not done."""
    await lived_with(database, OLD)
    (account,) = await build_heart(database, World(), secrets=OLD).accounts.all()

    async def seal_with_the_old(connection: AsyncConnection) -> None:
        sealed = OLD.seal(API_KEY, place=f"accounts/{account.account_key}/api_key")
        await connection.execute(update(accounts).values(sealed_api_key=sealed))

    stubborn = Overtaken(database_url, seal_with_the_old, times=100)
    ends = await rotate(stubborn, BOTH)
    await stubborn.close()
    assert ["accounts.sealed_api_key"] == [end.column for end in ends if not end.done]


async def test_what_no_key_opens_is_named_and_left(database: Database) -> None:
    """A text of a lost key is told with its place, and everything else is renewed."""
    await lived_with(database, OLD)
    lost = SecretBox(["lost"]).seal("{}", place=f"payments/{trans_id(2)}/form")
    async with database.write() as connection:
        await connection.execute(update(payments).where(payments.c.trans_id == trans_id(2)).values(sealed_form=lost))
    ends = {end.column: end for end in await rotate(database, BOTH)}
    assert (f"payments/{trans_id(2)}/form",) == ends["payments.sealed_form"].unreadable
    assert (2, False) == (ends["payments.sealed_form"].renewed, ends["payments.sealed_form"].done)
    assert ends["accounts.sealed_api_key"].done


async def test_the_app_goes_on_meanwhile(
    database: Database, other_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While everything is sealed anew another process takes payments, and nothing of either is lost."""
    monkeypatch.setattr(rotation, "BATCH", 1)
    await lived_with(database, OLD, count=8)
    beside = build_heart(other_database, World(), secrets=BOTH, seed=1)

    async def take_payments() -> None:
        for number in range(20, 26):
            await beside.open(number)
            beside.world.cinetpay.pays(trans_id(number))
            await beside.ledger.nudge(trans_id(number))
            await beside.work_off()

    await asyncio.gather(rotate(database, BOTH), take_payments())
    assert [5000] * 6 == [beside.world.saleor.charged(transaction_id(number)) for number in range(20, 26)]
    assert all(end.done for end in await rotate(database, BOTH))
    assert 8 + 6 + 3 == await opened_with(database, NEW)
