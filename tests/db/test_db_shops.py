"""Installations, accounts and settings of shops, on both engines."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import SeededChance, TurnedClock
from payments_kit import API_KEY, SECRETS, SHOP, SITE_ID, TOKEN
from pydantic import SecretStr
from sqlalchemy import func, select, text

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.locale import Language
from saleor_cinetpay.shops.accounts import Account, AccountOrigin, Accounts, Environment, EnvironmentAccount
from saleor_cinetpay.shops.installations import Installation, Installations
from saleor_cinetpay.shops.secrets import SecretBox, Unsealable
from saleor_cinetpay.shops.shop_settings import ShopSettings
from saleor_cinetpay.shops.tables import accounts as accounts_table

OTHER_SHOP = "https://other.example/graphql/"
INSTALLATION = Installation(
    saleor_api_url=SHOP,
    app_id="QXBwOjE=",
    token=SecretStr(TOKEN),
    key_set='{"keys": []}',
    saleor_version="3.23.28",
    app_base_url="https://app.example",
)
GIVEN = EnvironmentAccount(site_id=SITE_ID, api_key=SecretStr(API_KEY), currency="CFA")


def installations_of(database: Database, clock: TurnedClock | None = None) -> Installations:
    return Installations(database, SECRETS, clock or TurnedClock())


def accounts_of(database: Database, given: EnvironmentAccount | None = GIVEN, *, seed: int = 0) -> Accounts:
    return Accounts(database, SECRETS, TurnedClock(), SeededChance(seed), given)


async def break_(database: Database, table: str) -> None:
    """Make every statement about a table fail from now on, as a database does that has lost it."""
    async with database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO gone"))


async def test_an_installation_is_found_by_its_url(database: Database, other_database: Database) -> None:
    """What one process registers another finds, token and all; other URLs have none."""
    await installations_of(database).register(INSTALLATION)
    assert INSTALLATION == await installations_of(other_database).find(SHOP)
    assert await installations_of(database).find(OTHER_SHOP) is None


async def test_the_newest_registration_counts(database: Database, other_database: Database) -> None:
    """A Saleor that registers again replaces what was known of it, for every process."""
    first, second = installations_of(database), installations_of(other_database)
    renewed = replace(INSTALLATION, token=SecretStr("new"), app_id="QXBwOjI=", saleor_version="3.24.0")
    await first.register(INSTALLATION)
    await second.register(renewed)
    assert renewed == await first.find(SHOP)


async def test_an_installation_is_remembered_while_the_database_is_away(
    database: Database, other_database: Database
) -> None:
    """A process that has seen an installation knows it without the database; one that has not says so."""
    knowing, new = installations_of(database), installations_of(database)
    await knowing.register(INSTALLATION)
    await break_(other_database, "installations")
    assert INSTALLATION == await knowing.find(SHOP)
    for installations, url in ((new, SHOP), (knowing, OTHER_SHOP)):
        with pytest.raises(LedgerUnavailable):
            await installations.find(url)


async def test_a_deleted_installation_is_forgotten(database: Database, other_database: Database) -> None:
    """Once the database has said that an installation is gone, memory does not bring it back."""
    installations = installations_of(database)
    await installations.register(INSTALLATION)
    async with other_database.write() as connection:
        await connection.execute(text("DELETE FROM installations"))
    assert await installations.find(SHOP) is None
    await break_(other_database, "installations")
    with pytest.raises(LedgerUnavailable):
        await installations.find(SHOP)


async def test_a_key_set_is_fetched_once_in_ten_seconds_by_all(database: Database, other_database: Database) -> None:
    """However many processes ask, one of them may fetch; after ten seconds one may again."""
    clock = TurnedClock()
    processes = [installations_of(database, clock), installations_of(other_database, clock)]
    await processes[0].register(INSTALLATION)
    allowed = []
    for seconds in (0, 8.9, 1.1, 8.9, 1.1):
        clock.turn(seconds)
        asked = await asyncio.gather(*(process.may_fetch_key_set(SHOP) for process in processes * 3))
        allowed.append(asked.count(True))
    assert [1, 0, 1, 0, 1] == allowed
    assert not await processes[0].may_fetch_key_set(OTHER_SHOP)


async def test_a_renewed_key_set_is_kept(database: Database, other_database: Database) -> None:
    """Every process reads the newly fetched keys, and the rest of the installation is as it was."""
    installations = installations_of(database)
    await installations.register(INSTALLATION)
    renewed = await installations.renew_key_set(INSTALLATION, '{"keys": [1]}')
    assert replace(INSTALLATION, key_set='{"keys": [1]}') == renewed
    assert renewed == await installations_of(other_database).find(SHOP)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("3.23.28", (3, 23)), ("3.22", (3, 22)), ("4.0.0-rc.1", (4, 0)), ("", (0, 0)), ("3", (0, 0)), ("x.y", (0, 0))],
)
def test_a_version_can_be_compared(version: str, expected: tuple[int, int]) -> None:
    """Major and minor are numbers; where Saleor does not say, both are zero."""
    assert expected == replace(INSTALLATION, saleor_version=version).saleor_minor


async def test_the_operators_account_is_given_to_each_shop_with_a_key_of_its_own(database: Database) -> None:
    """A shop's account keeps its key, and is found by it; no two shops share one."""
    accounts = accounts_of(database)
    one, other = await accounts.from_environment(SHOP), await accounts.from_environment(OTHER_SHOP)
    assert one is not None
    assert other is not None
    assert one == Account(
        account_key=one.account_key,
        saleor_api_url=SHOP,
        origin=AccountOrigin.ENVIRONMENT,
        label="CinetPay",
        site_id=SITE_ID,
        api_key=SecretStr(API_KEY),
        currency="CFA",
        minimum=5,
        maximum=None,
        step=1,
        phone_required=False,
        default_prefix=None,
        language=Language.FRENCH,
        environment=Environment.LIVE,
    )
    assert one.account_key != other.account_key
    assert (one, one, None) == (
        await accounts.from_environment(SHOP),
        await accounts.by_key(one.account_key),
        await accounts.by_key("unknown"),
    )


async def test_without_an_account_of_the_operators_a_shop_has_none(database: Database) -> None:
    """Nothing is made up, but what a payment began with is still found."""
    began_with = await accounts_of(database).from_environment(SHOP)
    assert began_with is not None
    later = accounts_of(database, None)
    assert (None, began_with) == (await later.from_environment(SHOP), await later.by_key(began_with.account_key))


async def test_a_shop_gets_one_account_however_many_ask(database: Database, other_database: Database) -> None:
    """Two processes that ask in the same moment get the same account."""
    processes = [accounts_of(database, seed=1), accounts_of(other_database, seed=2)]
    found = await asyncio.gather(*(process.from_environment(SHOP) for process in processes * 5))
    assert [found[0]] * 10 == found
    async with database.read() as connection:
        assert 1 == (await connection.execute(select(func.count()).select_from(accounts_table))).scalar_one()


async def test_a_rotated_key_reaches_the_account(database: Database) -> None:
    """A new API key or currency renews the account under the key that it had; another site is another account."""
    first = await accounts_of(database).from_environment(SHOP)
    rotated = replace(GIVEN, api_key=SecretStr("rotated"), currency="XOF")
    renewed = await accounts_of(database, rotated).from_environment(SHOP)
    assert first is not None
    assert replace(first, api_key=SecretStr("rotated"), currency="XOF") == renewed
    assert renewed == await accounts_of(database, None).by_key(first.account_key)
    elsewhere = await accounts_of(database, replace(rotated, site_id="445161"), seed=1).from_environment(SHOP)
    assert elsewhere is not None
    assert first.account_key != elsewhere.account_key
    assert renewed == await accounts_of(database, rotated).from_environment(SHOP)


async def test_a_lost_secret_key_is_told(database: Database) -> None:
    """Where SECRET_KEY is another one, secrets are not guessed at."""
    await installations_of(database).register(INSTALLATION)
    with pytest.raises(Unsealable, match="SECRET_KEY"):
        await Installations(database, SecretBox(["another"]), TurnedClock()).find(SHOP)


async def test_a_shop_that_no_key_opens_holds_up_no_other(database: Database) -> None:
    """Asked for together, as strangers are, each gets its own answer; what can't be read says why."""
    await installations_of(database).register(INSTALLATION)
    await Installations(database, SecretBox(["lost"]), TurnedClock()).register(
        replace(INSTALLATION, saleor_api_url=OTHER_SHOP)
    )
    fresh = installations_of(database)
    found = await fresh.find_all([SHOP, OTHER_SHOP, "https://nobody.example/graphql/"])
    assert {SHOP, OTHER_SHOP} == set(found)
    assert INSTALLATION == found[SHOP] == fresh.recall(SHOP)
    assert isinstance(found[OTHER_SHOP], Unsealable)
    assert fresh.recall(OTHER_SHOP) is None


async def test_storefront_origins_are_each_shops_own(database: Database) -> None:
    """A shop has none at first; setting them replaces them, for that shop only."""
    settings = ShopSettings(database, TurnedClock())
    assert frozenset() == await settings.storefront_origins(SHOP)
    await settings.set_storefront_origins(SHOP, ["https://b.example", "https://a.example"])
    await settings.set_storefront_origins(SHOP, ["https://c.example"])
    assert frozenset({"https://c.example"}) == await settings.storefront_origins(SHOP)
    assert frozenset() == await settings.storefront_origins(OTHER_SHOP)


async def test_the_clock_of_a_key_set_is_its_registration(database: Database) -> None:
    """A registration counts as no fetch: keys that are rotated right after it are fetched at once, and then once."""
    clock = TurnedClock()
    installations = installations_of(database, clock)
    await installations.register(INSTALLATION)
    clock.turn(timedelta(days=1).total_seconds())
    await installations.register(INSTALLATION)
    assert [True, False] == [await installations.may_fetch_key_set(SHOP) for _ in range(2)]
