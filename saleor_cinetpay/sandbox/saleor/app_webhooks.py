"""What an app may do to its own webhooks: add, change and delete them with its own token, without any permission."""

from typing import Any

from graphql import GraphQLResolveInfo

from saleor_cinetpay.sandbox.saleor.books import Refusal
from saleor_cinetpay.sandbox.saleor.records import App, Webhook
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor


class AppWebhooks:
    """The mutations of webhooks. The caller's app is known: `GUARDED` lets nobody else in."""

    def __init__(self, saleor: SmallSaleor) -> None:
        self._saleor = saleor
        self._store = saleor.store

    def webhook_create(self, info: GraphQLResolveInfo[Any], input: dict[str, Any]) -> dict[str, Any]:
        """Add a webhook; asked twice, there are two."""
        if refused := self._refused(input):
            return refused
        webhook = Webhook(
            pk=self._store.next_pk(), name="", target_url="", sync=frozenset(), asynchronous=frozenset(), query=""
        )
        _fill(webhook, input)
        _app(info).webhooks.append(webhook)
        return {"webhook": webhook, "errors": []}

    def webhook_update(self, info: GraphQLResolveInfo[Any], id: str, input: dict[str, Any]) -> dict[str, Any]:
        """Change what is given, and leave the rest."""
        webhook = next((one for one in _app(info).webhooks if one.id == id), None)
        if webhook is None:
            return _missing(id)
        if refused := self._refused(input):
            return refused
        _fill(webhook, input)
        return {"webhook": webhook, "errors": []}

    def webhook_delete(self, info: GraphQLResolveInfo[Any], id: str) -> dict[str, Any]:
        """Take a webhook away."""
        app = _app(info)
        webhook = next((one for one in app.webhooks if one.id == id), None)
        if webhook is None:
            return _missing(id)
        app.webhooks.remove(webhook)
        return {"webhook": webhook, "errors": []}

    def _refused(self, input: dict[str, Any]) -> dict[str, Any] | None:
        query = input.get("query")
        complaint = self._saleor.complaint_about(query) if query else None
        if complaint is None:
            return None
        return {"webhook": None, "errors": [Refusal(code="INVALID", message=complaint, field="query")]}


def _fill(webhook: Webhook, input: dict[str, Any]) -> None:
    for name in ("name", "target_url", "query", "is_active"):
        if input.get(name) is not None:
            setattr(webhook, name, input[name])
    if input.get("sync_events") or input.get("async_events"):
        webhook.sync = frozenset(input.get("sync_events") or ())
        webhook.asynchronous = frozenset(input.get("async_events") or ())


def _app(info: GraphQLResolveInfo[Any]) -> App:
    app = info.context.app
    assert isinstance(app, App)  # noqa: S101  GUARDED says so
    return app


def _missing(id: str) -> dict[str, Any]:
    error = Refusal(code="NOT_FOUND", message=f"Couldn't resolve to a node: {id}", field="id")
    return {"webhook": None, "errors": [error]}
