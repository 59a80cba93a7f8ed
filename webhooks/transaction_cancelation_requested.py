"""TRANSACTION_CANCELATION_REQUESTED: staff ask that a payment come to nothing.

What arrives: the transaction; the amount is 0, as nothing of ours is ever authorized. What it does not tell: whether
the buyer has paid meanwhile, so CinetPay is asked once. A repeat asks once more, and is answered by what is true then.
"""

from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.locale import Language
from saleor_cinetpay.payments.cancelation import TEXTS, Cancelation, CancelationRequest, Cancelled
from saleor_cinetpay.payments.refund import reference_of
from saleor_cinetpay.payments.trans_id import trans_id_of
from webhooks.answers import LONGEST_MESSAGE, Answer, number
from webhooks.payloads import TransactionCancelationRequested
from webhooks.pipeline import Genuine


class TransactionCancelationDoor:
    """Cancels payments."""

    event = "transaction-cancelation-requested"
    payload = TransactionCancelationRequested

    def __init__(self, cancelation: Cancelation) -> None:
        self._cancelation = cancelation

    async def answer(self, call: Genuine[TransactionCancelationRequested]) -> Answer:
        """Answer whether the payment is let go of."""
        answer = await self._cancelation.cancel(
            CancelationRequest(
                saleor_api_url=call.installation.saleor_api_url,
                transaction_id=call.payload.transaction.transaction_id,
                deadline=call.deadline,
            )
        )
        language = answer.payment.merchant_language if answer.payment else Language.FRENCH
        return _answer(call.payload, answer.outcome, language)

    def failure(self, payload: TransactionCancelationRequested, error: PaymentImpossible) -> Answer:
        """Answer that nobody can tell now whether it was paid, so that it is not cancelled."""
        return _answer(payload, Cancelled.NO_ANSWER, Language.FRENCH)


def _answer(payload: TransactionCancelationRequested, outcome: Cancelled, language: Language) -> Answer:
    answer: Answer = {
        "result": "CANCEL_SUCCESS" if outcome is Cancelled.DONE else "CANCEL_FAILURE",
        "amount": number(payload.action.amount),
        "message": TEXTS[outcome].say(language)[:LONGEST_MESSAGE],
    }
    trans_id = trans_id_of(payload.transaction.transaction_id)
    answer["pspReference"] = trans_id if outcome is Cancelled.DONE else reference_of(trans_id, _key(payload))
    return answer


def _key(payload: TransactionCancelationRequested) -> str:
    """Return what tells this request from others; Saleor drops a second failure that has the reference of the first."""
    request = payload.transaction.request("CANCEL_REQUEST", payload.action.amount)
    return request.key if request else payload.issued_at.isoformat()
