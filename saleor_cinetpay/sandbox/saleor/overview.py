"""What a small Saleor holds, as JSON: for tests over HTTP and for the live view. Amounts are decimal texts."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from saleor_cinetpay.sandbox.saleor.booking import Event
from saleor_cinetpay.sandbox.saleor.records import App, Checkout, Order, Purchase, Transaction

if TYPE_CHECKING:
    from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor


def overview(saleor: "SmallSaleor") -> dict[str, Any]:
    """Show everything, newest first."""
    store = saleor.store
    return {
        "version": saleor.config.version,
        "apiUrl": saleor.config.api_url,
        "apps": [app_shown(app) for app in store.apps.values()],
        "checkouts": [_checkout(checkout) for checkout in reversed(store.checkouts.values())],
        "orders": [_order(order) for order in reversed(store.orders.values())],
        "transactions": [_transaction(transaction) for transaction in reversed(store.transactions.values())],
    }


def app_shown(app: App) -> dict[str, Any]:
    """Show an app, without its token."""
    return {
        "id": app.id,
        "identifier": app.identifier,
        "name": app.name,
        "version": app.version,
        "appUrl": app.app_url,
        "permissions": list(app.permission_codes),
        "webhooks": sorted(event for webhook in app.webhooks for event in webhook.events),
        "problems": [
            {"key": p.key, "message": p.message, "count": p.count} for p in app.problems if p.dismissed_by is None
        ],
    }


def _purchase(purchase: Purchase) -> dict[str, Any]:
    return {
        "created": purchase.created.isoformat(),
        "email": purchase.email,
        "total": _amount(purchase.total_amount),
        "currency": purchase.currency,
        "lines": [{"product": line.product.name, "quantity": line.quantity} for line in purchase.lines],
        "transactions": [transaction.id for transaction in purchase.transactions],
    }


def _checkout(checkout: Checkout) -> dict[str, Any]:
    return {"id": checkout.id, "chargeStatus": checkout.charge_status, **_purchase(checkout)}


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "number": order.number,
        "checkoutId": order.checkout_id,
        "chargeStatus": order.charge_status,
        **_purchase(order),
    }


def _transaction(transaction: Transaction) -> dict[str, Any]:
    amounts = transaction.amounts
    return {
        "id": transaction.id,
        "created": transaction.created_at.isoformat(),
        "app": transaction.app_identifier,
        "pspReference": transaction.psp_reference,
        "checkout": transaction.checkout.id if transaction.checkout else None,
        "order": transaction.order.number if transaction.order else None,
        "currency": transaction.currency,
        "charged": _amount(amounts.charged),
        "chargePending": _amount(amounts.charge_pending),
        "refunded": _amount(amounts.refunded),
        "refundPending": _amount(amounts.refund_pending),
        "actions": transaction.actions,
        "paymentMethod": transaction.payment_method_details.name if transaction.payment_method_details else None,
        "events": [_event(event) for event in transaction.events],
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "type": event.type,
        "amount": _amount(event.amount.amount),
        "time": event.created_at.isoformat(),
        "pspReference": event.psp_reference,
        "message": event.message,
        "counts": event.counts,
    }


def _amount(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
