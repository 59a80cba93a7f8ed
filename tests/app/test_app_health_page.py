"""The Health page: what the doctor finds about a shop, in the admin's language, and the webhooks brought up to date."""

import asyncio

import pytest
from app_kit import World
from desk_kit import Staff, heading, plain

from saleor_cinetpay.sandbox.saleor.faults import FaultKind

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHECK = "/health?check=now"


def old_subscription(world: World) -> str:
    """Let the shop's Saleor hold what an older version of the app subscribed to; return the new one."""
    (app,) = world.saleor.store.apps.values()
    webhook = app.webhook_for("TRANSACTION_PROCESS_SESSION")
    assert webhook is not None
    new = webhook.query
    webhook.query = "subscription { event { __typename } }"
    return new


async def test_a_page_that_was_not_checked_says_so(world: World) -> None:
    """Opening the page asks nobody; it says what a check does and offers one."""
    before = len(world.saleor.log.after(0))
    reply = await Staff(world=world, email="first@example.com").gets("/health")
    assert (200, "Health") == (reply.status_code, heading(reply))
    assert "Check now" in plain(reply.text)
    assert before == len(world.saleor.log.after(0))


async def test_what_is_found_stands_there_with_what_to_do(world: World) -> None:
    """A check of a healthy shop tells each point, in English or in French, and no raw name of a check."""
    await world.opened()
    english = plain((await Staff(world=world).gets(CHECK)).text)
    french = plain((await Staff(world=world, language="fr").gets(CHECK)).text)
    for sentence in ("Saleor accepts the app's token.", "Saleor calls the app where and as it should.", "In order"):
        assert sentence in english
    for sentence in ("Saleor accepte le jeton de l’application.", "Du panier à la commande", "Vérifié"):
        assert sentence in french
    table = english.split("What was found, and what to do", 1)[1]
    assert [] == [word for word in table.split() if "_" in word and "/" not in word]


async def test_old_webhooks_are_found_and_updated(world: World) -> None:
    """What an upgrade changed is found, a button puts it right, and afterwards all is in order."""
    new = old_subscription(world)
    staff = Staff(world=world, email="awa@example.com")
    found = await staff.gets(CHECK)
    assert "transaction-process-session: query" in plain(found.text)
    assert 'action="/dashboard/health/webhooks"' in found.text
    done = await staff.posts("/health/webhooks")
    assert "/dashboard/health?check=now" == done.json()["to"]
    (app,) = world.saleor.store.apps.values()
    webhook = app.webhook_for("TRANSACTION_PROCESS_SESSION")
    assert webhook is not None
    assert new == webhook.query
    assert "Saleor calls the app where and as it should." in plain((await staff.gets(CHECK)).text)


async def test_a_saleor_that_does_not_answer_is_said(world: World) -> None:
    """Where the update could not be made the page says so, and nothing else is lost."""
    old_subscription(world)
    world.saleor.faults.set(FaultKind.UNAVAILABLE, calls=1)
    reply = await Staff(world=world).posts("/health/webhooks")
    assert (502, True) == (reply.status_code, "Saleor did not answer" in plain(reply.text))
    assert 200 == (await Staff(world=world).posts("/health/webhooks")).status_code


async def test_no_other_shop_is_touched(world: World) -> None:
    """Somebody without the permission neither sees nor changes anything."""
    stranger = Staff(world=world, permissions=("MANAGE_ORDERS",))
    old_subscription(world)
    assert [403, 403] == [
        (await stranger.gets(CHECK)).status_code,
        (await stranger.posts("/health/webhooks")).status_code,
    ]
    (app,) = world.saleor.store.apps.values()
    assert any(webhook.query == "subscription { event { __typename } }" for webhook in app.webhooks)
    await Staff(world=world).posts("/health/webhooks")


async def test_people_who_check_at_once_share_one_check(world: World) -> None:
    """Ten clicks at the same moment ask Saleor as often as one."""
    before = len(world.saleor.log.after(0))
    await Staff(world=world).gets(CHECK)
    once = len(world.saleor.log.after(0)) - before
    replies = await asyncio.gather(*(Staff(world=world).gets(CHECK) for _ in range(10)))
    assert [200] * 10 == [reply.status_code for reply in replies]
    assert len(world.saleor.log.after(0)) - before < 5 * once
