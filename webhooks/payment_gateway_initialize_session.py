"""PAYMENT_GATEWAY_INITIALIZE_SESSION: can this cart be paid with mobile money, and within which limits?

Answered from our own settings; nobody is called. Saleor hands `data` to the storefront as it is.
"""

from saleor_cinetpay.errors import PaymentImpossible
from saleor_cinetpay.locale import Language
from saleor_cinetpay.money import XOF, Money
from saleor_cinetpay.payments.opening import Opening
from saleor_cinetpay.payments.storefront import check_amount, check_currency, spoken_language
from webhooks.answers import Answer, errors
from webhooks.payloads import PaymentGatewayInitializeSession
from webhooks.pipeline import Genuine


class PaymentGatewayInitializeDoor:
    """Says whether and how the shop takes mobile money."""

    event = "payment-gateway-initialize-session"
    payload = PaymentGatewayInitializeSession

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    async def answer(self, call: Genuine[PaymentGatewayInitializeSession]) -> Answer:
        """Answer with the account's limits; a given amount is checked against them."""
        channel = call.payload.source_object.channel
        currency = channel.currency_code
        check_currency(currency)
        account = await self._opening.account_for(call.installation.saleor_api_url, channel.id)
        if call.payload.amount is not None:
            check_amount(Money(amount=call.payload.amount, currency=currency), account)
        return {
            "data": {
                "available": True,
                "currency": XOF,
                "minimumAmount": account.minimum,
                "maximumAmount": account.maximum,
                "amountStep": account.step,
                "phoneRequired": account.phone_required,
                "environment": account.environment,
            }
        }

    def failure(self, payload: PaymentGatewayInitializeSession, error: PaymentImpossible) -> Answer:
        """Answer that mobile money is not to be had for this cart."""
        language = spoken_language(payload.data, Language.FRENCH)
        return {"data": {"available": False, **errors(error, language)}}
