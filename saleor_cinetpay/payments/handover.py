"""How the buyer gets to the payment page: the signed form, and the address of our page that posts it for them."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select

from saleor_cinetpay.cinetpay import payment_form
from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.shops.accounts import Environment
from saleor_cinetpay.shops.secrets import SecretBox


class HandOver:
    """Makes forms and links of payments."""

    def __init__(self, *, checkout_urls: Mapping[Environment, str], secrets: SecretBox) -> None:
        self._checkout_urls = checkout_urls
        self._secrets = secrets

    def checkout_url(self, payment: Payment) -> str | None:
        """Return where the form is posted to; None for a test payment where there is no CinetPay for tests any more."""
        return self._checkout_urls.get(payment.environment)

    def form(self, payment: Payment) -> dict[str, str]:
        """Return the fields of the form: API key, signature and the buyer's number are in it, as v1 demands.

        Raises:
            ValueError: for a payment whose form is not known.
        """
        if payment.signature is None or payment.api_key is None:
            raise ValueError("a payment without a form")
        base = payment.app_base_url
        return payment_form(
            payment.fields,
            payment.api_key,
            payment.signature,
            notify_url=f"{base}/cinetpay/notify/{payment.account_key}",
            return_url=f"{base}/cinetpay/return/{payment.trans_id}",
            cancel_url=f"{base}/cinetpay/cancel/{payment.trans_id}",
        )

    def payment_url(self, payment: Payment) -> str:
        """Return the address of our page that hands the buyer over."""
        return f"{payment.app_base_url}/pay/{payment.trans_id}?s={self._secrets.prove(_claim(payment.trans_id))}"

    def proves(self, proof: str, trans_id: str) -> bool:
        """Say whether that proof belongs to the payment's page."""
        return self._secrets.proves(proof, _claim(trans_id))


async def links_end(database: Database) -> datetime | None:
    """Return until when a link that has been handed out can still lead a buyer to pay; None where there is none."""
    open_to_pay = select(func.max(payments.c.watch_until)).where(
        payments.c.state.in_([PaymentState.OPENING, PaymentState.PENDING])
    )
    async with database.read() as connection:
        latest: datetime | None = (await connection.execute(open_to_pay)).scalar_one()
    return latest


def _claim(trans_id: str) -> str:
    return f"pay/{trans_id}"
