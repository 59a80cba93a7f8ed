"""The accounts that shops set up themselves, and the channels that use them, on both engines."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes import NOON, SeededChance, TurnedClock
from payments_kit import CHANNEL_ID, SECRETS, SHOP, Heart, a_payment
from pydantic import SecretStr
from sqlalchemy import Engine, event

from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import ChangedMeanwhile, SiteTaken
from saleor_cinetpay.locale import Language
from saleor_cinetpay.shops.account_book import (
    DELETABLE_AFTER,
    MOST_ACCOUNTS,
    AccountBook,
    Check,
    Choices,
    TooManyAccounts,
)
from saleor_cinetpay.shops.accounts import Account, AccountOrigin, Accounts, Environment, EnvironmentAccount
from saleor_cinetpay.shops.channels import Channel, ChannelMap, UnknownAccountKey
from saleor_cinetpay.shops.shop_settings import ShopChoices, ShopSettings

OTHER_SHOP = "https://other.example/graphql/"
GIVEN = EnvironmentAccount(site_id="445160", api_key=SecretStr("the operator's"), currency="CFA")
ABIDJAN = Channel(id=CHANNEL_ID, slug="abidjan")
DAKAR = Channel(id="Q2hhbm5lbDoy", slug="dakar")
PROVED = Check(code="00", at=NOON)


class Shelf:
    """Everything about accounts on one database, as one process has it."""

    def __init__(self, database: Database, *, seed: int = 0, **given: Any) -> None:
        self.clock = TurnedClock()
        chance = SeededChance(seed)
        self.accounts = Accounts(database, SECRETS, self.clock, chance, **{"environment_account": GIVEN} | given)
        self.book = AccountBook(database, SECRETS, self.clock, chance, changed=self.accounts.forget)
        self.map = ChannelMap(database, self.clock, changed=self.accounts.forget)

    async def add(self, site_id: str = "700001", *serves: Channel, shop: str = SHOP, **changes: Any) -> Account:
        return await self.book.add(replace(self.draft(site_id, shop=shop), **changes), PROVED, serves)

    def draft(self, site_id: str = "700001", *, shop: str = SHOP) -> Account:
        return self.book.draft(
            shop,
            site_id=site_id,
            api_key=SecretStr(f"key of {site_id}"),
            environment=Environment.LIVE,
            choices=Choices(label="Abidjan"),
        )

    async def used(self, channel: Channel = ABIDJAN, shop: str = SHOP) -> Account | None:
        return await self.accounts.for_channel(shop, channel.id)


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


@pytest.fixture
def other_shelf(other_database: Database) -> Shelf:
    return Shelf(other_database, seed=1)


async def test_a_channel_uses_the_account_that_it_is_mapped_to(shelf: Shelf) -> None:
    """Once a shop has its own account, a channel uses what it is mapped to, and without that nothing."""
    operators = await shelf.used()
    assert operators is not None
    assert AccountOrigin.ENVIRONMENT is operators.origin
    ours = await shelf.add("700001", ABIDJAN)
    other = await shelf.add("700002")
    assert (ours, None) == (await shelf.used(), await shelf.used(DAKAR))
    await shelf.map.save(SHOP, {ABIDJAN: other.account_key, DAKAR: operators.account_key}, version=1)
    assert (other, operators) == (await shelf.used(), await shelf.used(DAKAR))
    await shelf.map.save(SHOP, {ABIDJAN: None}, version=2)
    assert (None, operators) == (await shelf.used(), await shelf.used(DAKAR))


async def test_an_account_is_kept_as_it_was_entered(shelf: Shelf, other_shelf: Shelf) -> None:
    """Every choice, the credentials and what CinetPay said of them are read back, by every process."""
    draft = shelf.book.draft(
        SHOP,
        site_id="700001",
        api_key=SecretStr("a key"),
        environment=Environment.TEST,
        choices=Choices(
            label="Dakar",
            currency="XOF",
            minimum=100,
            maximum=500_000,
            step=5,
            phone_required=True,
            default_prefix="221",
            language=Language.ENGLISH,
        ),
    )
    kept = await shelf.book.add(draft, Check(code="unreachable", at=NOON))
    assert kept == Account(
        account_key=draft.account_key,
        saleor_api_url=SHOP,
        origin=AccountOrigin.SHOP,
        label="Dakar",
        site_id="700001",
        api_key=SecretStr("a key"),
        currency="XOF",
        minimum=100,
        maximum=500_000,
        step=5,
        phone_required=True,
        default_prefix="221",
        language=Language.ENGLISH,
        environment=Environment.TEST,
        version=1,
        archived_at=None,
        checked_at=NOON,
        check_code="unreachable",
    )
    assert ([kept], kept, kept) == (
        await other_shelf.accounts.of_shop(SHOP),
        await other_shelf.accounts.by_key(kept.account_key),
        await other_shelf.book.find(SHOP, kept.account_key),
    )


async def test_a_rotated_key_counts_at_once(shelf: Shelf, other_shelf: Shelf) -> None:
    """A new key replaces the old one under the same account key, for every process; without one it stays."""
    account = await shelf.add("700001", ABIDJAN)
    renamed = await shelf.book.change(account, Choices(label="Boutique"), api_key=None, check=None)
    assert replace(account, label="Boutique", version=2) == renamed
    later = Check(code="00", at=NOON + timedelta(days=1))
    rotated = await shelf.book.change(renamed, Choices(label="Boutique"), api_key=SecretStr("new"), check=later)
    assert replace(renamed, api_key=SecretStr("new"), checked_at=later.at, version=3) == rotated
    assert (rotated, rotated) == (await other_shelf.used(), await other_shelf.accounts.by_key(account.account_key))


async def test_the_second_of_two_admins_is_told(shelf: Shelf, other_shelf: Shelf) -> None:
    """Who saves what somebody else has changed since they looked changes nothing."""
    seen = await shelf.add("700001", ABIDJAN)
    changed = await shelf.book.change(seen, Choices(label="First"), api_key=None, check=None)
    for second in (
        other_shelf.book.change(seen, Choices(label="Second"), api_key=SecretStr("another"), check=None),
        other_shelf.book.archive(seen),
        other_shelf.book.put_back(seen),
    ):
        with pytest.raises(ChangedMeanwhile):
            await second
    assert changed == await shelf.used()


async def test_of_many_who_save_at_once_one_does(shelf: Shelf, other_shelf: Shelf) -> None:
    """However many save in the same moment, one is saved, and the others are told."""
    seen = await shelf.add()
    saved = await asyncio.gather(
        *(
            one.book.change(seen, Choices(label=f"{number}"), api_key=None, check=None)
            for number, one in enumerate((shelf, other_shelf) * 3)
        ),
        return_exceptions=True,
    )
    assert 5 == sum(isinstance(one, ChangedMeanwhile) for one in saved)
    (kept,) = (one for one in saved if isinstance(one, Account))
    assert kept == await shelf.accounts.by_key(seen.account_key)


async def test_the_channels_are_changed_by_one_admin_at_a_time(shelf: Shelf, other_shelf: Shelf) -> None:
    """Who saves a map that was changed since they looked is told; so is who looked before an account was archived."""
    account, other = await shelf.add("700001", ABIDJAN), await shelf.add("700002")
    seen = await shelf.map.of(SHOP)
    assert ({ABIDJAN: account.account_key}, 1) == (seen.keys, seen.version)
    await shelf.map.save(SHOP, {DAKAR: other.account_key}, version=seen.version)
    with pytest.raises(ChangedMeanwhile):
        await other_shelf.map.save(SHOP, {ABIDJAN: None}, version=seen.version)
    await shelf.book.archive(other)
    with pytest.raises(ChangedMeanwhile):
        await other_shelf.map.save(SHOP, {ABIDJAN: None}, version=seen.version + 1)
    assert ({ABIDJAN: account.account_key}, 3) == ((left := await shelf.map.of(SHOP)).keys, left.version)


async def test_what_a_shop_chooses_is_changed_by_one_admin_at_a_time(database: Database) -> None:
    """Origins and grace time of a shop are saved only by who has seen those that are kept."""
    settings = ShopSettings(database, TurnedClock())
    first = ShopChoices(storefront_origins=frozenset({"https://a.example"}), complete_after=None)
    await settings.choose(SHOP, first)
    with pytest.raises(ChangedMeanwhile):
        await settings.choose(SHOP, replace(first, storefront_origins=frozenset({"https://b.example"})))
    assert replace(first, version=1) == await settings.of(SHOP)


async def test_an_archived_account_serves_no_channel_but_its_old_payments(shelf: Shelf, other_shelf: Shelf) -> None:
    """Archiving takes its channels away and changes nothing else; put back, it must be mapped anew."""
    account = await shelf.add("700001", ABIDJAN)
    archived = await shelf.book.archive(account)
    assert replace(account, archived_at=NOON, version=2) == archived
    assert (None, archived, [archived]) == (
        await other_shelf.used(),
        await other_shelf.accounts.by_key(account.account_key),
        await other_shelf.accounts.all(),
    )
    with pytest.raises(UnknownAccountKey):
        await shelf.map.save(SHOP, {ABIDJAN: account.account_key}, version=2)
    back = await other_shelf.book.put_back(archived)
    assert (replace(account, version=3), None) == (back, await shelf.used())


async def test_a_shop_that_archived_its_last_account_is_not_given_the_operators(shelf: Shelf) -> None:
    """Nobody's payments begin to flow to another account because somebody stopped using theirs."""
    await shelf.book.archive(await shelf.add("700001", ABIDJAN))
    assert await shelf.used() is None


async def test_an_account_that_no_payment_has_used_can_be_deleted(shelf: Shelf, heart: Heart) -> None:
    """Only an archived one, a minute later, and never one that a payment has begun with."""
    unused, used = await shelf.add("700001"), await shelf.add("700002")
    await heart.write(a_payment(account_key=used.account_key))
    assert not await shelf.book.delete(unused)
    archived = [await shelf.book.archive(account) for account in (unused, used)]
    assert [False, False] == [await shelf.book.delete(account) for account in archived]
    shelf.clock.turn(DELETABLE_AFTER.total_seconds())
    assert [False, True, False] == [
        await shelf.book.delete(unused),  # seen before it was archived
        await shelf.book.delete(archived[0]),
        await shelf.book.delete(archived[1]),
    ]
    assert [archived[1]] == await shelf.accounts.of_shop(SHOP)


async def test_a_site_stands_once_in_a_shop(shelf: Shelf, other_shelf: Shelf) -> None:
    """A second account of a site is refused, also an archived one's; in test, or in another shop, it is another."""
    account = await shelf.add("700001")
    with pytest.raises(SiteTaken):
        await other_shelf.add("700001")
    await shelf.book.archive(account)
    with pytest.raises(SiteTaken):
        await other_shelf.add("700001")
    await shelf.add("700001", environment=Environment.TEST)
    await other_shelf.add("700001", shop=OTHER_SHOP)
    assert [2, 1] == [len(await shelf.accounts.of_shop(shop)) for shop in (SHOP, OTHER_SHOP)]


async def test_no_shop_sees_or_uses_another_ones_account(shelf: Shelf) -> None:
    """Another shop's key finds, changes, archives, deletes and maps nothing; its channels have ids of their own."""
    theirs = await shelf.add("700001", ABIDJAN, shop=OTHER_SHOP)
    ours = await shelf.add("700002")
    assert (None, None, [ours]) == (
        await shelf.used(),
        await shelf.book.find(SHOP, theirs.account_key),
        await shelf.accounts.of_shop(SHOP),
    )
    claimed = replace(theirs, saleor_api_url=SHOP)
    with pytest.raises(ChangedMeanwhile):
        await shelf.book.change(claimed, Choices(label="ours now"), api_key=None, check=None)
    with pytest.raises(ChangedMeanwhile):
        await shelf.book.archive(claimed)
    with pytest.raises(UnknownAccountKey):
        await shelf.map.save(SHOP, {ABIDJAN: theirs.account_key}, version=0)
    assert (theirs, {}) == (await shelf.used(shop=OTHER_SHOP), (await shelf.map.of(SHOP)).keys)


async def test_the_operators_account_is_no_admins_to_change(shelf: Shelf) -> None:
    """A shop's page neither finds nor changes what comes from the environment."""
    operators = await shelf.used()
    assert operators is not None
    assert await shelf.book.find(SHOP, operators.account_key) is None
    with pytest.raises(ChangedMeanwhile):
        await shelf.book.change(operators, Choices(label="ours now"), api_key=None, check=None)


async def test_a_channel_that_is_mapped_to_the_operators_account_follows_it(shelf: Shelf, database: Database) -> None:
    """The operator's site of today is used, whatever it was at the time of mapping; where there is none, none."""
    operators = await shelf.used()
    assert operators is not None
    await shelf.add()
    await shelf.map.save(SHOP, {ABIDJAN: operators.account_key}, version=0)
    moved = Shelf(database, seed=1, environment_account=replace(GIVEN, site_id="445161"))
    used = await moved.used()
    assert used is not None
    assert "445161" == used.site_id
    assert await Shelf(database, environment_account=None).used() is None


async def test_a_test_account_needs_an_operator_who_offers_tests(shelf: Shelf, database: Database) -> None:
    """Where the operator's address for tests is gone, a channel that uses a test account takes no payments."""
    account = await shelf.add("700001", ABIDJAN, environment=Environment.TEST)
    assert account == await shelf.used()
    assert await Shelf(database, offered={Environment.LIVE}).used() is None


async def test_a_channel_that_was_mapped_meanwhile_stays(shelf: Shelf) -> None:
    """A new account takes over only those of its channels that are mapped to none."""
    first, second = await shelf.add("700001", ABIDJAN), await shelf.add("700002", ABIDJAN, DAKAR)
    assert (first, second) == (await shelf.used(), await shelf.used(DAKAR))


async def test_a_shop_has_only_so_many_accounts(shelf: Shelf) -> None:
    """Beyond the limit none is added; all of them are read for each payment."""
    for number in range(MOST_ACCOUNTS):
        await shelf.add(f"{number}")
    with pytest.raises(TooManyAccounts):
        await shelf.add("one more")


async def test_a_lost_payment_is_looked_for_at_every_site_of_its_shop(shelf: Shelf) -> None:
    """The channel's account is asked first, then the others, archived and the operator's too, each site once."""
    operators = await shelf.used()
    first, second = await shelf.add("700001"), await shelf.add("700002", ABIDJAN)
    same_site = await shelf.add("700002", environment=Environment.TEST)
    archived = await shelf.book.archive(first)
    assert operators is not None
    found = await shelf.accounts.candidates(SHOP, ABIDJAN.id)
    assert second == found[0]
    assert {one.account_key for one in (operators, archived, second, same_site)} == {one.account_key for one in found}
    assert 4 == len(found)


async def test_of_two_accounts_of_a_site_the_channels_is_asked(shelf: Shelf) -> None:
    """Where the shop's own account is of the operator's site, the one that the channel uses stands for both."""
    operators, ours = await shelf.used(), await shelf.add(GIVEN.site_id, ABIDJAN)
    assert operators is not None
    await shelf.map.save(SHOP, {DAKAR: operators.account_key}, version=1)
    assert [[ours], [operators]] == [
        list(await shelf.accounts.candidates(SHOP, channel.id)) for channel in (ABIDJAN, DAKAR)
    ]


async def test_an_account_is_found_in_one_question(shelf: Shelf) -> None:
    """What each webhook asks for, an account by channel or by key, costs one statement."""
    account = await shelf.add("700001", ABIDJAN)
    for n in range(3):
        await shelf.add(f"80000{n}")
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert account == await shelf.used()
        assert account == await shelf.accounts.by_key(account.account_key)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert 2 == len(asked)


async def test_what_cinetpay_said_is_noted(shelf: Shelf) -> None:
    """A later test is kept with the account without counting as a change; one of an older version is not."""
    account = await shelf.add()
    await shelf.book.note_check(account, Check(code="609", at=NOON + timedelta(hours=1)))
    noted = await shelf.accounts.by_key(account.account_key)
    assert replace(account, checked_at=NOON + timedelta(hours=1), check_code="609") == noted
    await shelf.book.change(account, Choices(label="Abidjan"), api_key=SecretStr("new"), check=PROVED)
    await shelf.book.note_check(account, Check(code="609", at=NOON + timedelta(hours=2)))
    kept = await shelf.accounts.by_key(account.account_key)
    assert kept is not None
    assert "00" == kept.check_code
