"""TRANSACTION_PROCESS_SESSION: the storefront asks how a payment stands.

What arrives: the Saleor transaction; `data` is ignored. What it does not tell: anything about the payment, so CinetPay
is asked. A repeat is harmless: an accepted payment is answered from the ledger, any other is looked at once more.
"""

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.locale import Language, text
from saleor_cinetpay.payments.outcome import PENDING
from saleor_cinetpay.payments.processing import Processing, ProcessRequest
from saleor_cinetpay.payments.trans_id import trans_id_of
from saleor_cinetpay.shops.installations import payment_page
from webhooks.answers import Answer, impossible, number, standing
from webhooks.payloads import TransactionProcessSession
from webhooks.pipeline import Genuine


class TransactionProcessDoor:
    """Tells how payments stand."""

    event = "transaction-process-session"
    payload = TransactionProcessSession

    def __init__(self, processing: Processing, clock: Clock) -> None:
        self._processing = processing
        self._clock = clock

    async def answer(self, call: Genuine[TransactionProcessSession]) -> Answer:
        """Answer with the payment's state after a look."""
        payload = call.payload
        payment = await self._processing.process(
            ProcessRequest(
                saleor_api_url=call.installation.saleor_api_url,
                app_base_url=call.installation.app_base_url,
                transaction_id=payload.transaction.transaction_id,
                money=payload.action.money,
                source=payload.source_object.source,
                charged_before=payload.transaction.charged_amount.amount > 0,
                failed_at=payload.transaction.failed_at,
                deadline=call.deadline,
            )
        )
        if payment is None:
            return _cannot_know(payload)
        return standing(
            payment,
            now=self._clock.now(),
            saleor=call.installation.saleor_minor,
            page=call.installation.dashboard_page(payment_page(payment.trans_id)),
        )

    def failure(self, payload: TransactionProcessSession, error: PaymentImpossible) -> Answer:
        """Answer that a new transaction is needed; or, where nobody can know just now, that the payment is pending."""
        if error.code == "START_AGAIN":
            return impossible(error, payload.action.money, Language.FRENCH, merchant_language=Language.FRENCH)
        return _cannot_know(payload)


def _cannot_know(payload: TransactionProcessSession) -> Answer:
    return {
        "result": "CHARGE_ACTION_REQUIRED",
        "pspReference": trans_id_of(payload.transaction.transaction_id),
        "amount": number(payload.action.amount),
        "message": text("The payment's state could not be looked up; the app will ask again.").say(Language.FRENCH),
        "data": {"status": "pending", "code": None, "message": PENDING.say(Language.FRENCH), "canRetry": False},
    }
