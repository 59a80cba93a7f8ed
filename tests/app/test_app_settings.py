"""The settings pages over HTTP: accounts, channels, storefronts; two people at once; what is never sent back."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio
import structlog
from app_kit import SITE_ID, World, errors_of, running
from desk_kit import Staff, heading, plain
from sqlalchemy import delete

from saleor_cinetpay.sandbox.cinetpay.config import Merchant
from saleor_cinetpay.sandbox.saleor.catalogue import Channel
from saleor_cinetpay.sandbox.saleor.faults import FaultKind
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.channels import Channel as KeptChannel
from saleor_cinetpay.shops.tables import accounts, channels, shop_settings

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAKAR = Channel(pk=2, slug="dakar", name="Dakar")
PARIS = Channel(pk=3, slug="paris", name="Paris", currency_code="EUR")
OURS = Merchant(site_id="700001", api_key="the-shops-own-key")
NEW_KEY = Merchant(site_id="700001", api_key="the-shops-new-key")
OTHER = Merchant(site_id="700002", api_key="another-key-of-the-shop")
FORM = {
    "label": "Boutique d'Abidjan",
    "site_id": OURS.site_id,
    "api_key": OURS.api_key,
    "currency": "CFA",
    "minimum": "100",
    "maximum": "500 000",
    "step": "5",
    "default_prefix": "225",
    "language": "fr",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    merchants = (Merchant(), OURS, NEW_KEY, OTHER)
    folder = tmp_path_factory.mktemp("settings")
    async with running(folder, merchants=merchants, other_channels=(DAKAR, PARIS)) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(shared: World) -> World:
    """The running world, with nothing set."""
    await shared.sweep()
    async with shared.house.database.write() as connection:
        for table in (accounts, channels, shop_settings):
            await connection.execute(delete(table))
    return shared


@pytest.fixture
def awa(world: World) -> Staff:
    return Staff(world=world)


@pytest.fixture
def koffi(world: World) -> Staff:
    return Staff(world=world, email="koffi@example.com")


def ids(world: World) -> dict[str, str]:
    """Return the ids of the channels by their slugs."""
    return {channel.slug: channel.id for channel in world.saleor.store.channels}


def value(reply: httpx.Response, name: str) -> str:
    """Return what stands in a field of a form."""
    field = re.search(rf'<(?:input|select|textarea)[^>]* name="{re.escape(name)}"[^>]*>', reply.text)
    assert field is not None, f"there is no field {name}"
    if field[0].startswith("<input"):
        found = re.search(r' value="([^"]*)"', field[0])
        return unescape(found[1]) if found else ""
    rest = reply.text[field.end() :]
    if field[0].startswith("<textarea"):
        return unescape(rest.partition("</textarea>")[0])
    chosen = re.search(r'<option value="([^"]*)" selected>', rest.partition("</select>")[0])
    return unescape(chosen[1]) if chosen else ""


def error(reply: httpx.Response, name: str) -> str:
    """Return what is said to be wrong with a field."""
    found = re.search(rf'<p class="error" id="e-{re.escape(name)}">(.*?)</p>', reply.text)
    return unescape(found[1]) if found else ""


class Away:
    """While it lasts Saleor does not answer."""

    def __init__(self, world: World) -> None:
        self._faults = world.saleor.faults

    async def __aenter__(self) -> None:
        self._faults.set(FaultKind.UNAVAILABLE)

    async def __aexit__(self, *_: object) -> None:
        self._faults.lift()


async def own(world: World) -> list[Account]:
    return await world.house.accounts.of_shop(world.saleor.config.api_url)


async def entered(staff: Staff, **changes: Any) -> Account:
    """Enter an account, and return it as it is kept."""
    reply = await staff.posts("/settings/accounts/new", FORM | changes)
    assert "to" in reply.json(), reply.text
    return (await own(staff.world))[-1]


async def test_the_first_account_takes_the_first_payment(world: World, awa: Staff) -> None:
    """A shop's first account is tested, kept and used by the channels that were chosen; the others take nothing."""
    new = await awa.gets("/settings/accounts/new")
    assert [ids(world)[slug] for slug in ("default-channel", "dakar")] == re.findall(
        r'name="serves" value="([^"]+)" checked', new.text
    )
    reply = await awa.posts("/settings/accounts/new", FORM | {"serves": [ids(world)["default-channel"]]})
    assert {
        "to": "/dashboard/settings",
        "notice": {"text": "Saved. CinetPay knows this site id and this API key.", "status": "success"},
    } == reply.json()
    session = await world.opened()
    assert OURS.site_id == session.data["redirect"]["fields"]["cpm_site_id"]
    assert ["NOT_CONFIGURED"] == errors_of(await world.opened(world.saleor.create_checkout(channel="dakar")))
    (account,) = await own(world)
    assert ("Boutique d'Abidjan", 100, 500_000, 5, "225", "00") == (
        account.label,
        account.minimum,
        account.maximum,
        account.step,
        account.default_prefix,
        account.check_code,
    )


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"api_key": "a-key-of-nobody"}, "api_key", "CinetPay does not accept the API key"),
        ({"site_id": "999999"}, "site_id", "CinetPay does not know the site id"),
        ({"site_id": ""}, "site_id", "Enter the site id"),
        ({"api_key": ""}, "api_key", "Enter the API key"),
        ({"minimum": "4"}, "minimum", "Enter whole francs, 5 or more"),
        ({"maximum": "50"}, "maximum", "not fewer than the smallest amount"),
        ({"label": " "}, "label", "Give the account a name"),
        ({"environment": "test"}, "environment", "Please choose one"),
    ],
)
async def test_what_can_not_be_is_said_beside_its_field(
    world: World, awa: Staff, changes: dict[str, str], field: str, said: str
) -> None:
    """Nothing is kept, everything typed is still there, and the API key does not come back."""
    reply = await awa.posts("/settings/accounts/new", FORM | changes)
    assert 422 == reply.status_code
    if field != "environment":  # which has no field where the operator offers no tests
        assert said in error(reply, field)
    typed = {name: text for name, text in (FORM | changes).items() if name not in ("api_key", "environment")}
    assert {name: text.strip() for name, text in typed.items()} == {name: value(reply, name) for name in typed}
    assert ("", []) == (value(reply, "api_key"), await own(world))
    assert (FORM | changes)["api_key"] not in reply.text or not changes.get("api_key", "x")


async def test_where_cinetpay_is_away_an_account_is_kept_and_marked(world: World, awa: Staff) -> None:
    """Nobody is locked out: it is saved, with a warning, and can be tested again later."""
    await world.cinetpay.fail("error_500")
    reply = await awa.posts("/settings/accounts/new", FORM)
    assert "warning" == reply.json()["notice"]["status"]
    assert "Saved, but not confirmed. CinetPay did not answer" in reply.json()["notice"]["text"]
    assert "Not confirmed" in plain((await awa.gets("/settings")).text)
    await world.cinetpay.fail(None)
    (account,) = await own(world)
    again = await awa.posts(f"/settings/accounts/{account.account_key}/test")
    assert "success" == again.json()["notice"]["status"]
    assert "Not confirmed" not in plain((await awa.gets("/settings")).text)


async def test_a_key_that_cinetpay_refuses_does_not_replace_one_that_works(world: World, awa: Staff) -> None:
    """A wrong new key is refused beside its field; without one, everything else is saved."""
    account = await entered(awa)
    path = f"/settings/accounts/{account.account_key}"
    form = FORM | {"version": "1"}
    refused = await awa.posts(path, form | {"api_key": "a-key-of-nobody", "label": "Renamed"})
    assert (422, True) == (refused.status_code, "does not accept the API key" in error(refused, "api_key"))
    assert [account] == await own(world)
    await awa.posts(path, form | {"api_key": "", "label": "Renamed"})
    await awa.posts(path, form | {"api_key": NEW_KEY.api_key, "label": "Renamed", "version": "2"})
    (kept,) = await own(world)
    assert ("Renamed", NEW_KEY.api_key, 3) == (kept.label, kept.api_key.get_secret_value(), kept.version)


async def test_a_stored_key_that_stopped_working_locks_nobody_out(world: World, awa: Staff) -> None:
    """Where CinetPay refuses the key that is stored, other fields are saved all the same, and the warning says why."""
    account = await entered(awa)
    await world.cinetpay.fail("code:609")
    reply = await awa.posts(
        f"/settings/accounts/{account.account_key}", FORM | {"api_key": "", "maximum": "", "version": "1"}
    )
    await world.cinetpay.fail(None)
    assert "CinetPay does not accept the API key" in reply.json()["notice"]["text"]
    (kept,) = await own(world)
    assert (None, "609") == (kept.maximum, kept.check_code)
    assert "Refused by CinetPay" in plain((await awa.gets("/settings")).text)


async def test_the_second_of_two_people_is_told(world: World, awa: Staff, koffi: Staff) -> None:
    """What the second typed is still there, beside what is stored now; nothing is overwritten; saving again counts."""
    account = await entered(awa)
    path = f"/settings/accounts/{account.account_key}"
    form = FORM | {"api_key": "", "version": "1"}
    await awa.posts(path, form | {"label": "Awa's"})
    second = await koffi.posts(path, form | {"label": "Koffi's", "minimum": "200"})
    assert 409 == second.status_code
    assert "Somebody else has saved this meanwhile" in plain(second.text)
    assert ("Koffi's", "200", "2") == tuple(value(second, name) for name in ("label", "minimum", "version"))
    assert "Stored now: Awa's" in plain(second.text)
    assert "Awa's" == (await own(world))[0].label
    await koffi.posts(path, form | {"label": "Koffi's", "version": value(second, "version")})
    assert "Koffi's" == (await own(world))[0].label


async def test_a_mistake_does_not_hide_that_somebody_was_faster(world: World, awa: Staff, koffi: Staff) -> None:
    """A form that was refused keeps the version that it was opened with."""
    account = await entered(awa)
    path = f"/settings/accounts/{account.account_key}"
    await awa.posts(path, FORM | {"api_key": "", "version": "1", "label": "Awa's"})
    refused = await koffi.posts(path, FORM | {"api_key": "", "version": "1", "step": "0"})
    assert (422, "1") == (refused.status_code, value(refused, "version"))


async def test_a_channel_is_remapped(world: World, awa: Staff, koffi: Staff) -> None:
    """New payments go to the account that is chosen; who saves an older map is told, with what they chose."""
    first = await entered(awa, serves=[ids(world)["default-channel"]])
    second = await entered(awa, site_id=OTHER.site_id, api_key=OTHER.api_key, label="Dakar")
    page = await koffi.gets("/settings/channels")
    abidjan, dakar = (f"account:{ids(world)[slug]}" for slug in ("default-channel", "dakar"))
    assert (first.account_key, "", True) == (
        value(page, abidjan),
        value(page, dakar),
        "Sells in EUR" in plain(page.text),
    )
    form = {"version": value(page, "version"), abidjan: second.account_key, dakar: first.account_key}
    assert "Saved." == (await awa.posts("/settings/channels", form)).json()["notice"]["text"]
    session = await world.opened()
    assert OTHER.site_id == session.data["redirect"]["fields"]["cpm_site_id"]
    late = await koffi.posts("/settings/channels", form | {dakar: second.account_key})
    assert (409, second.account_key) == (late.status_code, value(late, dakar))
    assert "Stored now: Boutique d'Abidjan" in plain(late.text)


async def test_only_francs_and_accounts_of_the_shop_in_use_can_be_chosen(world: World, awa: Staff) -> None:
    """A channel in euros, an archived account and a key of nobody are refused beside their channel."""
    account = await entered(awa)
    archived = await entered(awa, site_id=OTHER.site_id, api_key=OTHER.api_key)
    await awa.posts(f"/settings/accounts/{archived.account_key}/archive", {"version": "1"})
    version = value(await awa.gets("/settings/channels"), "version")
    for slug, key, said in (
        ("paris", account.account_key, "CinetPay takes XOF only."),
        ("dakar", archived.account_key, "no longer in use"),
        ("dakar", "nobody", "no longer in use"),
    ):
        name = f"account:{ids(world)[slug]}"
        reply = await awa.posts("/settings/channels", {"version": version, name: key})
        assert 422 == reply.status_code
        assert said in reply.text
    assert {} == (await world.house.channel_map.of(world.saleor.config.api_url)).keys


async def test_a_channel_that_saleor_deleted_can_be_taken_off_the_map(world: World, awa: Staff) -> None:
    """It is still shown, and says that Saleor does not know it any more."""
    await entered(awa, serves=[ids(world)["dakar"]])
    async with world.house.database.write() as connection:
        await connection.execute(channels.update().values(channel_id="Q2hhbm5lbDo5OQ==", slug="gone"))
    page = await awa.gets("/settings/channels")
    assert "Saleor does not know this channel any more." in plain(page.text)
    name = "account:Q2hhbm5lbDo5OQ=="
    reply = await awa.posts("/settings/channels", {"version": value(page, "version"), name: ""})
    assert "to" in reply.json()
    assert {} == (await world.house.channel_map.of(world.saleor.config.api_url)).keys


async def test_while_saleor_is_away_what_is_mapped_is_shown(tmp_path: Path) -> None:
    """The pages say that Saleor did not answer, show the channels that are mapped, and what is chosen is saved."""
    async with running(tmp_path, merchants=(Merchant(), OURS)) as world:
        awa = Staff(world=world)
        async with Away(world):
            await awa.posts("/settings/accounts/new", FORM)
        (account,) = await own(world)
        channel = world.saleor.store.channel
        mapped = {KeptChannel(id=channel.id, slug=channel.slug): account.account_key}
        await world.house.channel_map.save(world.saleor.config.api_url, mapped, version=0)
        async with Away(world):
            page = await awa.gets("/settings/channels")
            overview = await awa.gets("/settings")
            reply = await awa.posts(
                "/settings/channels", {"version": value(page, "version"), f"account:{channel.id}": ""}
            )
    for one in (page, overview):
        assert "Saleor did not answer" in plain(one.text)
    assert (account.account_key, "Saved.") == (
        value(page, f"account:{channel.id}"),
        reply.json()["notice"]["text"],
    )


async def test_the_operators_account_is_shown_and_not_changed(world: World, awa: Staff) -> None:
    """It serves every channel of a shop without one of its own, has its addresses, and no form."""
    page = await awa.gets("/settings")
    operators = await world.house.accounts.from_environment(world.saleor.config.api_url)
    assert operators is not None
    assert "can't be changed here" in plain(page.text)
    assert f"{world.app}/cinetpay/notify/{operators.account_key}" in page.text
    for path in (f"/settings/accounts/{operators.account_key}", "/settings/accounts/nobody"):
        assert 404 == (await awa.gets(path)).status_code
        assert 404 == (await awa.posts(path, FORM)).status_code
    await entered(awa)
    name = f"account:{ids(world)['dakar']}"
    await awa.posts("/settings/channels", {"version": "0", name: operators.account_key})
    session = await world.opened(world.saleor.create_checkout(channel="dakar"))
    assert SITE_ID == session.data["redirect"]["fields"]["cpm_site_id"]


async def test_an_account_is_archived_put_back_and_deleted(world: World, awa: Staff, koffi: Staff) -> None:
    """Its channels take nothing then; who acts on an older version is told."""
    account = await entered(awa, serves=[ids(world)["default-channel"]])
    path = f"/settings/accounts/{account.account_key}"
    await awa.posts(f"{path}/archive", {"version": "1"})
    assert ["NOT_CONFIGURED"] == errors_of(await world.opened())
    late = await koffi.posts(f"{path}/put-back", {"version": "1"})
    assert "Somebody else" in late.json()["notice"]["text"]
    early = await awa.posts(f"{path}/delete", {"version": "2"})
    assert "can't be deleted" in early.json()["notice"]["text"]
    assert "archived" in plain((await awa.gets(path)).text)
    back = await awa.posts(f"{path}/put-back", {"version": "2"})
    assert "/dashboard/settings/channels" == back.json()["to"]
    assert account.account_key in (await awa.gets("/settings/channels")).text


async def test_storefronts_and_closed_tabs(world: World, awa: Staff, koffi: Staff) -> None:
    """Addresses become origins, one for each line; the time for closed tabs is minutes or never; the later is told."""
    form = {
        "version": "0",
        "origins": "https://www.Shop.example/fr?x=1\n\n http://127.0.0.1:3000 ",
        "completion": "after",
        "minutes": "30",
    }
    assert "to" in (await awa.posts("/settings/storefront", form)).json()
    chosen = await world.house.shop_settings.of(world.saleor.config.api_url)
    assert (["http://127.0.0.1:3000", "https://www.shop.example"], 1800.0) == (
        sorted(chosen.storefront_origins),
        chosen.complete_after.total_seconds() if chosen.complete_after else None,
    )
    late = await koffi.posts("/settings/storefront", form | {"origins": "https://koffi.example", "completion": "never"})
    assert (409, "https://koffi.example", "never") == (
        late.status_code,
        value(late, "origins"),
        value(late, "completion"),
    )
    wrong = await awa.posts("/settings/storefront", form | {"version": "1", "origins": "shop", "minutes": "0"})
    assert (422, "shop", "1") == (wrong.status_code, value(wrong, "origins"), value(wrong, "version"))
    assert ("“shop” is no address", "Enter whole minutes") == (
        error(wrong, "origins")[:20],
        error(wrong, "minutes")[:19],
    )
    never = form | {"version": value(late, "version"), "completion": "never", "minutes": ""}
    assert "to" in (await awa.posts("/settings/storefront", never)).json()
    assert (await world.house.shop_settings.of(world.saleor.config.api_url)).complete_after is None


async def test_a_secret_is_never_sent_back_nor_logged(world: World, awa: Staff) -> None:
    """No page and no line of the log holds an API key, whoever's it is; who changed what does stand there."""
    with structlog.testing.capture_logs() as logs:
        account = await entered(awa)
        await awa.posts(f"/settings/accounts/{account.account_key}", FORM | {"version": "1", "label": "Renamed"})
        pages = [
            (await awa.gets(path)).text
            for path in ("/settings", f"/settings/accounts/{account.account_key}", "/settings/channels")
        ]
    said = " ".join([*pages, repr(logs)])
    assert [] == [one.api_key for one in (Merchant(), OURS) if one.api_key in said]
    (changed,) = (line for line in logs if line["event"] == "account_changed")
    assert ("awa@example.com", account.account_key, ["label"]) == (
        changed["who"],
        changed["account_key"],
        changed["changed"],
    )


@pytest.mark.parametrize("way", ["return", "cancel"])
async def test_the_addresses_of_the_back_office_lead_to_the_payment(world: World, way: str) -> None:
    """A return without a trans id in its address is led on by its field; without one it is unknown."""
    _, trans_id = await world.at_cinetpay()
    address = f"{world.app}/cinetpay/{way}"
    replies = [
        await world.http.post(address, data={"cpm_trans_id": trans_id, "cpm_amount": "1"}),
        await world.http.get(address, params={"cpm_trans_id": trans_id}),
    ]
    assert [(303, f"/cinetpay/{way}/{trans_id}")] * 2 == [(r.status_code, r.headers["location"]) for r in replies]
    for trans_id in ("", "//evil.example/", "x" * 26):
        assert 404 == (await world.http.post(address, data={"cpm_trans_id": trans_id})).status_code


async def test_the_pages_speak_french(world: World) -> None:
    """Everything is said in the Dashboard's language."""
    awa = Staff(world=world, language="fr")
    await entered(awa)
    assert ["Réglages", "Nouveau compte", "Canaux de vente", "Boutiques en ligne et onglets fermés"] == [
        heading(await awa.gets(path))
        for path in ("/settings", "/settings/accounts/new", "/settings/channels", "/settings/storefront")
    ]
