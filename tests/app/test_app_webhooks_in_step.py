"""An installed app brings its webhooks in step with its manifest, without a re-install."""

import pytest
from app_kit import World

from saleor_cinetpay.errors import SaleorRefused
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.manifest import build_manifest, declared_webhooks
from saleor_cinetpay.saleor.webhooks_in_step import bring_in_step, steps_between
from saleor_cinetpay.sandbox.saleor.records import Webhook

pytestmark = pytest.mark.asyncio(loop_scope="session")


def manifest(world: World) -> dict[str, object]:
    """Return the manifest for the world's Saleor."""
    return build_manifest(
        base_url=world.app,
        app_id=world.settings.manifest_app_id,
        schema_version=world.saleor.config.version,
        webhooks=declared_webhooks(),
    )


def pictured(webhooks: list[Webhook]) -> list[tuple[object, ...]]:
    """Return what counts of the webhooks that the Saleor holds."""
    return sorted((w.name, w.target_url, w.query, w.is_active, sorted(w.events)) for w in webhooks)


async def test_a_fresh_install_is_in_step(world: World) -> None:
    """What Saleor copied from the manifest is what the manifest says."""
    (installed,) = await world.house.installations.all()
    held = await world.house.saleor.read_webhooks(SaleorApiUrl(installed.saleor_api_url), installed.token)
    assert steps_between(held, manifest(world)).in_step


async def test_whatever_differs_is_put_right(world: World) -> None:
    """An old query, a disabled webhook, one missing, one left over: afterwards all is as if installed anew."""
    (app,) = world.saleor.store.apps.values()
    (installed,) = await world.house.installations.all()
    right = pictured(app.webhooks)
    app.webhooks[0].query = "subscription { event { __typename } }"
    app.webhooks[1].is_active = False
    old = app.webhooks.pop(2)
    old.target_url, old.sync = f"{world.app}/api/webhooks/transaction-charge-requested", frozenset()
    app.webhooks.append(old)

    where = SaleorApiUrl(installed.saleor_api_url), installed.token
    first = await bring_in_step(world.house.saleor, *where, manifest(world))
    second = await bring_in_step(world.house.saleor, *where, manifest(world))

    assert (1, 2, 1) == (len(first.create), len(first.update), len(first.delete))
    assert second.in_step
    assert right == pictured(app.webhooks)


async def test_a_refusal_is_said(world: World) -> None:
    """Where Saleor refuses a subscription, its reason comes back."""
    (installed,) = await world.house.installations.all()
    wrong = manifest(world) | {
        "webhooks": [{"name": "x", "targetUrl": f"{world.app}/x", "query": "subscription { nothing }"}]
    }
    with pytest.raises(SaleorRefused, match="INVALID query: Cannot query field 'nothing'"):
        await bring_in_step(world.house.saleor, SaleorApiUrl(installed.saleor_api_url), installed.token, wrong)
