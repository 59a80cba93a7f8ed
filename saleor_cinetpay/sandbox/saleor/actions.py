"""What staff ask of a payment: refund, charge, cancel. A background worker carries it to the app."""

import asyncio
from decimal import Decimal

from saleor_cinetpay.sandbox.saleor.booking import Event, EventType
from saleor_cinetpay.sandbox.saleor.books import Books, Refusal
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.money import quantized
from saleor_cinetpay.sandbox.saleor.records import App, Transaction, Webhook
from saleor_cinetpay.sandbox.saleor.store import Store
from saleor_cinetpay.sandbox.saleor.webhooks import (
    Action,
    Sender,
    TransactionActionRequested,
    TransactionCancelationRequested,
    TransactionChargeRequested,
    TransactionRefundRequested,
)

_KINDS: dict[str, tuple[str, type[TransactionActionRequested]]] = {
    "CHARGE": ("TRANSACTION_CHARGE_REQUESTED", TransactionChargeRequested),
    "REFUND": ("TRANSACTION_REFUND_REQUESTED", TransactionRefundRequested),
    "CANCEL": ("TRANSACTION_CANCELATION_REQUESTED", TransactionCancelationRequested),
}


class StaffActions:
    """The requests of one Saleor's staff, and the worker that carries them out."""

    def __init__(self, config: SaleorConfig, store: Store, books: Books, sender: Sender) -> None:
        self._config = config
        self._store = store
        self._books = books
        self._sender = sender
        self._working: set[asyncio.Task[None]] = set()

    def request(
        self, transaction: Transaction, action: str, amount: Decimal | None = None, reason: str = ""
    ) -> Refusal | None:
        """Write a request down and hand it to the worker; without an amount it is all that there is, and never more."""
        amounts = transaction.amounts
        most = amounts.charged if action == "REFUND" else amounts.authorized
        asked = quantized(amount, transaction.currency) if amount is not None else most
        request = self._books.new_event(
            transaction,
            EventType(f"{action}_REQUEST"),
            min(asked or most, most),
            message=reason,
            counts=False,
            idempotency_key=str(self._store.new_key()),
        )
        app = self._store.apps.get(transaction.app_identifier)
        webhook = app.webhook_for(_KINDS[action][0]) if app else None
        if app is None or webhook is None:
            message = "No app or plugin is configured to handle transaction action requests."
            return Refusal(code="MISSING_TRANSACTION_ACTION_REQUEST_WEBHOOK", message=message)
        task = asyncio.create_task(self._carry_out(transaction, action, request, app, webhook))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return None

    async def idle(self) -> None:
        """Wait until the worker has nothing more to do."""
        while self._working:
            await asyncio.gather(*self._working)

    def stop(self) -> None:
        """Let go of what the worker still waits for."""
        for task in self._working:
            task.cancel()

    async def _carry_out(
        self, transaction: Transaction, action: str, request: Event, app: App, webhook: Webhook
    ) -> None:
        event, happening_type = _KINDS[action]
        asked = Action(action_type=action, amount=request.amount.amount, currency=transaction.currency)
        happening = happening_type(**self._sender.stamp(app), transaction=transaction, action=asked)
        reply = await self._sender.send(webhook, event, happening)
        for delay_s in self._config.retry_delays_s:
            if reply.status is None or reply.status < 500:
                break
            await self._config.sleep(delay_s)
            reply = await self._sender.send_bytes(webhook.target_url, event, b"")
        self._books.book_action(transaction, request, None if (reply.status or 500) >= 500 else reply.json)
