"""TRANSACTION_INITIALIZE_SESSION: open a payment, and hand the storefront CinetPay's form.

What arrives: the Saleor transaction, the amount that the shopper chose, and whatever the storefront put into `data`.
What it does not tell: whether this is a repeat. A repeat is recognised by the transaction's id; it gets the first
form, or what became of the payment, and never opens a second one.
"""

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.locale import Language
from saleor_cinetpay.payments.handover import HandOver
from saleor_cinetpay.payments.opening import Opening, OpenRequest
from saleor_cinetpay.payments.storefront import spoken_language
from saleor_cinetpay.shops.installations import payment_page
from webhooks.answers import Answer, impossible, standing
from webhooks.payloads import TransactionInitializeSession
from webhooks.pipeline import Genuine


class TransactionInitializeDoor:
    """Opens payments."""

    event = "transaction-initialize-session"
    payload = TransactionInitializeSession

    def __init__(self, opening: Opening, hand_over: HandOver, clock: Clock) -> None:
        self._opening = opening
        self._hand_over = hand_over
        self._clock = clock

    async def answer(self, call: Genuine[TransactionInitializeSession]) -> Answer:
        """Answer with the form of the open payment, or with what became of it."""
        payload = call.payload
        payment = await self._opening.open(
            OpenRequest(
                saleor_api_url=call.installation.saleor_api_url,
                app_base_url=call.installation.app_base_url,
                transaction_id=payload.transaction.transaction_id,
                money=payload.action.money,
                data=payload.data,
                source=payload.source_object.source,
                known_reference=payload.transaction.psp_reference,
                charged_before=payload.transaction.charged_amount.amount > 0,
                failed_at=payload.transaction.failed_at,
                deadline=call.deadline,
            )
        )
        answer = standing(
            payment,
            now=self._clock.now(),
            saleor=call.installation.saleor_minor,
            page=call.installation.dashboard_page(payment_page(payment.trans_id)),
        )
        if payment.open_to_pay:
            answer["data"] = {
                "redirect": {
                    "url": self._hand_over.checkout_url(payment),
                    "method": "POST",
                    "fields": self._hand_over.form(payment),
                },
                "paymentUrl": self._hand_over.payment_url(payment),
            }
        return answer

    def failure(self, payload: TransactionInitializeSession, error: PaymentImpossible) -> Answer:
        """Answer that no payment could be opened, and why."""
        language = spoken_language(payload.data, Language.FRENCH)
        return impossible(error, payload.action.money, language, merchant_language=Language.FRENCH)
