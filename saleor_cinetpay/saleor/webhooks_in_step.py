"""The webhooks that a Saleor holds for the app, compared with the manifest and brought in step with it.

Saleor copies webhooks from the manifest once, when the app is installed. Later changes are made here: an app may
read, add, change and delete its own webhooks with its own token and needs no permission for it (webhookCreate,
webhookUpdate and webhookDelete want MANAGE_APPS *or* an authenticated app, Saleor 3.20 to 3.23).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.types import SaleorWebhook, SaleorWebhookId


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What must be done so that a Saleor holds the webhooks of the manifest, each once, and no others."""

    create: tuple[Mapping[str, object], ...] = ()
    update: tuple[tuple[SaleorWebhookId, Mapping[str, object]], ...] = ()
    delete: tuple[SaleorWebhookId, ...] = ()
    differences: tuple[str, ...] = ()
    """What differs, for logs and for people who know the manifest: `transaction-process-session: query`."""

    @property
    def in_step(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.create or self.update or self.delete)


def steps_between(held: Sequence[SaleorWebhook], manifest: Mapping[str, Any]) -> Steps:
    """Compare the webhooks that a Saleor holds with those of the manifest that is made for it.

    A webhook is known again by the path that it calls, so that another public address of the app is a change of the
    same webhook. What calls no path of the manifest is deleted: it is left of an older version.
    """
    left = list(held)
    create: list[Mapping[str, object]] = []
    update: list[tuple[SaleorWebhookId, Mapping[str, object]]] = []
    differences: list[str] = []
    for declared in manifest["webhooks"]:
        wanted = _wanted(declared)
        same = [one for one in left if _place(one.target_url) == _place(declared["targetUrl"])]
        name = _place(declared["targetUrl"])
        if not same:
            create.append(wanted)
            differences.append(f"{name}: missing")
            continue
        kept = next((one for one in same if not _changes(one, wanted)), same[0])
        left.remove(kept)
        if changes := _changes(kept, wanted):
            update.append((kept.id, wanted))
            differences.append(f"{name}: {', '.join(changes)}")
    differences += [f"{_place(one.target_url)}: not in the manifest, or there twice" for one in left]
    return Steps(
        create=tuple(create),
        update=tuple(update),
        delete=tuple(one.id for one in left),
        differences=tuple(differences),
    )


async def bring_in_step(
    saleor: SaleorClient, saleor_api_url: SaleorApiUrl, token: SecretStr, manifest: Mapping[str, Any]
) -> Steps:
    """Do what is needed and return what it was. A repeat does nothing; what was broken off is finished by the next.

    What is missing comes first and what is too much goes last, so that no event is without a webhook meanwhile.

    Raises:
        SaleorError: where Saleor could not be asked, or refused; what was done until then stays.
    """
    steps = steps_between(await saleor.read_webhooks(saleor_api_url, token), manifest)
    for webhook in steps.create:
        await saleor.create_webhook(saleor_api_url, token, webhook)
    for webhook_id, webhook in steps.update:
        await saleor.update_webhook(saleor_api_url, token, webhook_id, webhook)
    for webhook_id in steps.delete:
        await saleor.delete_webhook(saleor_api_url, token, webhook_id)
    return steps


def _wanted(declared: Mapping[str, Any]) -> dict[str, object]:
    """Write a webhook of the manifest as the mutations' input, which has the same names."""
    return {
        "name": declared["name"],
        "targetUrl": declared["targetUrl"],
        "query": declared["query"],
        "isActive": declared.get("isActive", True),
        "syncEvents": sorted(declared.get("syncEvents", ())),
        "asyncEvents": sorted(declared.get("asyncEvents", ())),
    }


def _changes(held: SaleorWebhook, wanted: Mapping[str, object]) -> list[str]:
    """Name what of a webhook is not as the manifest wants it."""
    as_held = {
        "name": held.name,
        "targetUrl": held.target_url,
        "query": held.query,
        "isActive": held.is_active,
        "syncEvents": sorted(held.sync_events),
        "asyncEvents": sorted(held.async_events),
    }
    return [name for name, value in wanted.items() if as_held[name] != value]


def _place(target_url: str) -> str:
    """Return the last part of the address that a webhook calls, which names its event."""
    return urlsplit(target_url).path.rstrip("/").rpartition("/")[2]
