"""The webhooks that a Saleor holds are compared with the manifest, and what differs is named."""

from typing import Any

from saleor_cinetpay.saleor.types import SaleorWebhook, SaleorWebhookId
from saleor_cinetpay.saleor.webhooks_in_step import Steps, steps_between

BASE = "https://pay.example/api/webhooks"


def declared(event: str, **changes: object) -> dict[str, Any]:
    """Return a webhook as a manifest has it."""
    path = event.lower().replace("_", "-")
    return {
        "name": event,
        "targetUrl": f"{BASE}/{path}",
        "query": f"subscription {event}",
        "syncEvents": [event],
        **changes,
    }


def held(webhook_id: str, event: str, **changes: Any) -> SaleorWebhook:
    """Return that webhook as a Saleor holds it."""
    as_held: dict[str, Any] = {
        "id": SaleorWebhookId(webhook_id),
        "name": event,
        "target_url": f"{BASE}/{event.lower().replace('_', '-')}",
        "is_active": True,
        "query": f"subscription {event}",
        "sync_events": frozenset({event}),
        "async_events": frozenset(),
        **changes,
    }
    return SaleorWebhook(**as_held)


def wanted(event: str, **changes: object) -> dict[str, object]:
    """Return what the mutations are given for it."""
    return {**declared(event), "isActive": True, "asyncEvents": [], **changes}


def test_equal_is_in_step() -> None:
    """Where both say the same there is nothing to do."""
    steps = steps_between([held("1", "A_B"), held("2", "C")], {"webhooks": [declared("A_B"), declared("C")]})
    assert (Steps(), True) == (steps, steps.in_step)


def test_each_difference_is_named() -> None:
    """A webhook that differs is changed whole, and what differs is said."""
    old = held("1", "A_B", query="subscription old", is_active=False, async_events=frozenset({"X"}))
    expected = Steps(
        update=((SaleorWebhookId("1"), wanted("A_B")),), differences=("a-b: query, isActive, asyncEvents",)
    )
    assert expected == steps_between([old], {"webhooks": [declared("A_B")]})


def test_another_public_address_is_a_change() -> None:
    """The app that has moved changes its webhooks, and makes no second set."""
    moved = held("1", "A_B", target_url="https://old.example/here/api/webhooks/a-b")
    expected = Steps(update=((SaleorWebhookId("1"), wanted("A_B")),), differences=("a-b: targetUrl",))
    assert expected == steps_between([moved], {"webhooks": [declared("A_B")]})


def test_what_is_missing_is_created_and_what_is_left_over_deleted() -> None:
    """What only one side has is put right on Saleor's."""
    expected = Steps(
        create=(wanted("C"),),
        delete=(SaleorWebhookId("1"),),
        differences=("c: missing", "a-b: not in the manifest, or there twice"),
    )
    assert expected == steps_between([held("1", "A_B")], {"webhooks": [declared("C")]})


def test_of_two_the_right_one_stays() -> None:
    """Where two processes have created the same webhook, one that is right stays and nothing is changed."""
    steps = steps_between([held("1", "A_B", name="old"), held("2", "A_B")], {"webhooks": [declared("A_B")]})
    expected = Steps(delete=(SaleorWebhookId("1"),), differences=("a-b: not in the manifest, or there twice",))
    assert expected == steps


def test_an_asynchronous_event_is_compared_too() -> None:
    """The kind of an event counts, as Saleor keeps the two apart."""
    entry = declared("APP_DELETED", syncEvents=[], asyncEvents=["APP_DELETED"])
    right = held("1", "APP_DELETED", sync_events=frozenset(), async_events=frozenset({"APP_DELETED"}))
    assert steps_between([right], {"webhooks": [entry]}).in_step
    assert ("app-deleted: syncEvents, asyncEvents",) == steps_between(
        [held("1", "APP_DELETED")], {"webhooks": [entry]}
    ).differences
