"""TRANSACTION_REFUND_REQUESTED: staff ask to give money back, which a person will do by hand, or decline.

What arrives: the amount, the transaction, and among its events the request itself. What it does not tell: the request's
own key; that stands in its event, the newest REFUND_REQUEST that has no `pspReference` yet. A repeat is recognised
by that key; it gets the same reference again, or the same failure. Any answer but a 200 would ask for trouble: Saleor
repeats after a 5xx with an empty body, and books a 4xx like a 200.
"""

from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.locale import Language, text
from saleor_cinetpay.payments.refund import RefundReference, reference_of
from saleor_cinetpay.payments.refunds import RefundRequest, Refunds
from saleor_cinetpay.payments.trans_id import trans_id_of
from webhooks.answers import LONGEST_MESSAGE, Answer, number
from webhooks.payloads import SaleorRequestEvent, TransactionRefundRequested
from webhooks.pipeline import Genuine


class TransactionRefundDoor:
    """Takes refund requests."""

    event = "transaction-refund-requested"
    payload = TransactionRefundRequested

    def __init__(self, refunds: Refunds) -> None:
        self._refunds = refunds

    async def answer(self, call: Genuine[TransactionRefundRequested]) -> Answer:
        """Answer with the refund's reference alone, which tells Saleor that its outcome will be reported."""
        payload = call.payload
        asked = _request(payload)
        answer = await self._refunds.request(
            RefundRequest(
                saleor_api_url=call.installation.saleor_api_url,
                transaction_id=payload.transaction.transaction_id,
                request_key=_key(payload),
                money=payload.action.money,
                reason=asked.message if asked else "",
                asked_by=payload.issuing_principal.name if payload.issuing_principal else None,
            )
        )
        if answer.rejection is None:
            return {"pspReference": answer.reference}
        return _failure(payload, answer.reference, answer.rejection)

    def failure(self, payload: TransactionRefundRequested, error: PaymentImpossible) -> Answer:
        """Answer that it failed, as nobody can say more now; it may have been written all the same."""
        unsure = text(
            "The CinetPay app could not take the request just now. Before you ask again, look at its page Refunds: "
            "the request may be waiting there already."
        )
        reference = reference_of(trans_id_of(payload.transaction.transaction_id), _key(payload))
        return _failure(payload, reference, unsure.say(Language.FRENCH))


def _request(payload: TransactionRefundRequested) -> SaleorRequestEvent | None:
    return payload.transaction.request("REFUND_REQUEST", payload.action.amount)


def _key(payload: TransactionRefundRequested) -> str:
    request = _request(payload)
    return request.key if request else payload.issued_at.isoformat()


def _failure(payload: TransactionRefundRequested, reference: RefundReference, message: str) -> Answer:
    """Fail under the request's own reference: Saleor takes a second failure without one for the first, and drops it."""
    return {
        "result": "REFUND_FAILURE",
        "pspReference": reference,
        "amount": number(payload.action.amount),
        "message": message[:LONGEST_MESSAGE],
    }
