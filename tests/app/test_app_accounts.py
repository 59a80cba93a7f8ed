"""Which account a channel's payments go to, over HTTP: mapped, remapped, archived, rotated, never another shop's."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from app_kit import API_KEY, SITE_ID, World, errors_of, eventually, running
from desk_kit import Staff, heading, plain
from pydantic import SecretStr
from sqlalchemy import delete, update

from saleor_cinetpay.demo import address_of, listening, serving
from saleor_cinetpay.payments.tables import payment_events, payments
from saleor_cinetpay.payments.trans_id import TransId
from saleor_cinetpay.sandbox.cinetpay.config import Merchant
from saleor_cinetpay.sandbox.saleor.app import build_saleor
from saleor_cinetpay.sandbox.saleor.catalogue import Channel as SoldIn
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.payments import Session
from saleor_cinetpay.sandbox.saleor.records import Transaction
from saleor_cinetpay.shops.account_book import Check, Choices
from saleor_cinetpay.shops.accounts import Account, Environment
from saleor_cinetpay.shops.channels import Channel
from saleor_cinetpay.shops.tables import accounts, channels

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAKAR = SoldIn(pk=2, slug="dakar", name="Dakar")
PARIS = SoldIn(pk=3, slug="paris", name="Paris", currency_code="EUR")
OURS = Merchant(site_id="700001", api_key="the-shops-own-key")
ROTATED = Merchant(site_id="700001", api_key="the-shops-new-key")
OTHER = Merchant(site_id="700002", api_key="another-key-of-the-shop")
LIMITS = Choices(label="Dakar", minimum=100, maximum=500_000, step=5, phone_required=True, default_prefix="221")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    merchants = (Merchant(), OURS, ROTATED, OTHER)
    async with running(
        tmp_path_factory.mktemp("accounts"), merchants=merchants, other_channels=(DAKAR, PARIS)
    ) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(shared: World) -> World:
    """The running world, without payments, accounts and mapped channels."""
    await shared.sweep()
    async with shared.house.database.write() as connection:
        for table in (accounts, channels):
            await connection.execute(delete(table))
    return shared


async def set_up(world: World, merchant: Merchant, *slugs: str, choices: Choices = LIMITS, shop: str = "") -> Account:
    """Enter an account of the shop's, and map channels to it."""
    book = world.house.account_book
    draft = book.draft(
        shop or world.saleor.config.api_url,
        site_id=merchant.site_id,
        api_key=SecretStr(merchant.api_key),
        environment=Environment.LIVE,
        choices=choices,
    )
    check = Check(code="00", at=world.house.clock.now())
    return await book.add(draft, check, [mapped(world, slug) for slug in slugs])


def mapped(world: World, slug: str) -> Channel:
    channel = world.saleor.store.channel_of(slug)
    assert channel is not None
    return Channel(id=channel.id, slug=channel.slug)


async def remap(world: World, slug: str, account: Account) -> None:
    """Map a channel to another account."""
    url = world.saleor.config.api_url
    version = (await world.house.channel_map.of(url)).version
    await world.house.channel_map.save(url, {mapped(world, slug): account.account_key}, version=version)


async def rotate(world: World, account: Account, api_key: str) -> Account:
    """Enter another API key for an account."""
    choices = Choices(label=account.label)
    return await world.house.account_book.change(account, choices, api_key=SecretStr(api_key), check=None)


async def begun(world: World) -> tuple[Transaction, dict[str, str], str]:
    """Open a payment and bring its buyer to CinetPay; return Saleor's transaction, the form's fields, the trans id."""
    session = await world.opened()
    assert session.transaction is not None
    redirect = session.data["redirect"]
    return session.transaction, redirect["fields"], await world.cinetpay.open(redirect)


async def asked_again(world: World, transaction: Transaction) -> Session:
    """Initialize once more for the same transaction, as a storefront does that has lost the answer."""
    return await world.saleor.initialize(transaction.source, idempotency_key=transaction.idempotency_key)


async def gateway(world: World, slug: str | None = None) -> Any:
    """Return what the storefront of a channel is told of mobile money."""
    checkout = world.saleor.create_checkout(channel=slug)
    return (await world.saleor.gateway_initialize(checkout)).data


async def test_a_mapped_channel_has_its_accounts_limits(world: World) -> None:
    """The storefront learns the limits of the account of its own channel."""
    await set_up(world, OURS, "dakar")
    assert {
        "available": True,
        "currency": "XOF",
        "minimumAmount": 100,
        "maximumAmount": 500_000,
        "amountStep": 5,
        "phoneRequired": True,
        "environment": "live",
    } == await gateway(world, "dakar")


async def test_an_unmapped_channel_is_not_configured_once_a_shop_has_an_account(world: World) -> None:
    """Before, the operator's account serves every channel; afterwards only what is mapped takes payments."""
    assert [True, True] == [(await gateway(world, slug))["available"] for slug in (None, "dakar")]
    await set_up(world, OURS, "dakar")
    answer = await gateway(world)
    assert (False, ["NOT_CONFIGURED"]) == (answer["available"], [error["code"] for error in answer["errors"]])
    assert ["NOT_CONFIGURED"] == errors_of(await world.opened())
    assert 0 == await world.cinetpay.calls("getSignatureByPost")


async def test_a_channel_in_another_currency_takes_none(world: World) -> None:
    """Only francs can be paid, whatever the channel is mapped to."""
    await set_up(world, OURS, "paris")
    answer = await gateway(world, "paris")
    assert (False, ["CURRENCY_NOT_SUPPORTED"]) == (answer["available"], [error["code"] for error in answer["errors"]])


async def test_a_payment_keeps_its_account_when_its_channel_is_remapped(world: World) -> None:
    """The old form stays good, its notification and its look go to the old account; new payments use the new one."""
    old = await set_up(world, OURS, "default-channel", choices=Choices(label="Old"))
    new = await set_up(world, OTHER, choices=Choices(label="New"))
    transaction, form, trans_id = await begun(world)
    await remap(world, "default-channel", new)
    await world.house.account_book.archive(old)
    repeated, later = await asked_again(world, transaction), await world.opened()
    assert form == repeated.data["redirect"]["fields"]
    assert (OURS.site_id, OTHER.site_id) == (form["cpm_site_id"], later.data["redirect"]["fields"]["cpm_site_id"])
    assert form["notify_url"].endswith(f"/{old.account_key}")
    await world.cinetpay.settle(trans_id)
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_after_a_rotation_payments_are_looked_up_with_the_new_key(world: World) -> None:
    """A key that CinetPay does not know finds nothing, the right one does, under the same notification address."""
    account = await set_up(world, OURS, "default-channel", choices=Choices(label="Ours"))
    transaction, _, trans_id = await begun(world)
    await world.cinetpay.settle(trans_id, notify="never")
    account = await rotate(world, account, "a-key-of-nobody")
    assert "pending" == (await world.saleor.process(transaction)).data["status"]
    await rotate(world, account, ROTATED.api_key)
    reply = await world.http.post(f"{world.app}/cinetpay/notify/{account.account_key}", data={"cpm_trans_id": trans_id})
    assert 200 == reply.status_code
    await world.reported(transaction, "CHARGE_SUCCESS")


async def test_after_a_rotation_the_old_form_is_not_handed_out(world: World) -> None:
    """It carries the old key; whoever comes back for it starts again."""
    account = await set_up(world, OURS, "default-channel", choices=Choices(label="Ours"))
    transaction, _, _ = await begun(world)
    await rotate(world, account, ROTATED.api_key)
    assert ["START_AGAIN"] == errors_of(await asked_again(world, transaction))


async def test_a_lost_payment_is_found_at_the_account_it_began_with(world: World) -> None:
    """Although its channel uses another account by now, a payment without a row is adopted from its own site."""
    old = await set_up(world, OURS, "default-channel", choices=Choices(label="Old"))
    new = await set_up(world, OTHER, choices=Choices(label="New"))
    transaction, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="never")
    async with world.house.database.write() as connection:
        for table in (payments, payment_events):
            await connection.execute(delete(table).where(table.c.trans_id == trans_id))
    await remap(world, "default-channel", new)
    assert "accepted" == (await world.saleor.process(transaction)).data["status"]
    adopted = await world.house.ledger.find(TransId(trans_id))
    assert adopted is not None
    assert (old.account_key, OURS.site_id) == (adopted.account_key, adopted.fields.site_id)


async def test_a_test_account_whose_cinetpay_was_taken_away(world: World) -> None:
    """Nobody is led to a page that is not there, and the real CinetPay is asked nothing; each is told so in words."""
    await set_up(world, OURS, "default-channel", choices=Choices(label="Essais"))
    session = await world.opened()
    transaction, link = session.transaction, session.data["paymentUrl"]
    assert transaction is not None
    async with world.house.database.write() as connection:  # as if this world once had a CinetPay for tests
        for table in (accounts, payments):
            await connection.execute(update(table).values(environment=Environment.TEST))
    world.house.accounts.forget()
    asked = await world.cinetpay.messages()
    page = await world.http.get(link, headers={"Accept-Language": "en"})
    assert (503, "This payment can't be made") == (page.status_code, heading(page))
    assert "<form" not in page.text
    assert ["NOT_CONFIGURED"] == [error["code"] for error in (await gateway(world))["errors"]]
    assert ["NOT_CONFIGURED"] == errors_of(await asked_again(world, transaction))
    assert ["NOT_CONFIGURED"] == errors_of(await world.opened())
    reply = await world.saleor.send_webhook("TRANSACTION_PROCESS_SESSION", transaction)
    assert "pending" == reply.json["data"]["status"]
    assert asked == await world.cinetpay.messages()
    staff = Staff(world=world)
    for path in ("/settings", urlsplit(link).path.replace("/pay/", "/payments/")):
        assert "there is no CinetPay for tests here" in plain((await staff.gets(path)).text)


async def test_two_shops_never_share_an_account(world: World) -> None:
    """A second Saleor with channels of the same ids has its own account, and its own notification address."""
    socket = listening(0)
    url = address_of(socket)
    other = build_saleor(SaleorConfig(url=url, gateway_id=world.settings.manifest_app_id, other_channels=(DAKAR,)))
    async with serving(other, socket):
        saleor = other.state.saleor
        await saleor.install_app(f"{world.app}/api/manifest")
        ours = await set_up(world, OURS, "default-channel", "dakar")
        theirs = await saleor.initialize(saleor.create_checkout(), data=None)
        assert (SITE_ID, API_KEY) == tuple(theirs.data["redirect"]["fields"][f] for f in ("cpm_site_id", "apikey"))
        await set_up(world, OTHER, "dakar", shop=saleor.config.api_url, choices=Choices(label="Theirs"))
        assert ["NOT_CONFIGURED"] == errors_of(await saleor.initialize(saleor.create_checkout(), data=None))
        in_dakar = await saleor.initialize(saleor.create_checkout(channel="dakar"), data=None)
        assert OTHER.site_id == in_dakar.data["redirect"]["fields"]["cpm_site_id"]

        trans_id = await world.cinetpay.open(in_dakar.data["redirect"])
        await world.cinetpay.settle(trans_id, notify="never")
        looked = await world.cinetpay.calls("checkPayStatus")
        reply = await world.http.post(
            f"{world.app}/cinetpay/notify/{ours.account_key}", data={"cpm_trans_id": trans_id, "cpm_site_id": ""}
        )
        assert (200, looked) == (reply.status_code, await world.cinetpay.calls("checkPayStatus"))
        await world.http.post(f"{world.app}/cinetpay/notify/{theirs_key(in_dakar)}", data={"cpm_trans_id": trans_id})
        await eventually(lambda: in_dakar.transaction.amounts.charged)


def theirs_key(session: Any) -> str:
    """Return the account key in the notification address of a form."""
    return str(session.data["redirect"]["fields"]["notify_url"].rsplit("/", 1)[1])
