"""The pages that buyers see. Server-rendered, in the buyer's language, without anything from elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from saleor_cinetpay.cinetpay import CodeClass, describe
from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import LedgerUnavailable, Unreadable
from saleor_cinetpay.locale import Language, Text, formats, language_of, text
from saleor_cinetpay.payments.handover import HandOver
from saleor_cinetpay.payments.ledger import Ledger
from saleor_cinetpay.payments.outcome import Outcome, Status, outcome_of
from saleor_cinetpay.payments.payment import Payment

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action {form_action}"
)

log = structlog.get_logger(__name__)

TITLES = {
    Status.ACCEPTED: text("Payment received"),
    Status.PENDING: text("Payment under way"),
    Status.REFUSED: text("Payment refused"),
    Status.REVIEW: text("Payment being checked"),
}


class CustomerPages:
    """Renders the buyers' pages, and serves `/pay/...`."""

    def __init__(self, *, ledger: Ledger, hand_over: HandOver, clock: Clock) -> None:
        self._ledger = ledger
        self._hand_over = hand_over
        self._clock = clock
        self._templates = Templates(
            loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
        )

    def routes(self) -> list[Route]:
        """Return the route of the hand-over page."""
        return [Route("/pay/{trans_id}", self.pay, methods=["GET"])]

    async def pay(self, request: Request) -> Response:
        """Hand the buyer over to CinetPay; once that makes no sense any more, tell how the payment stands."""
        trans_id = request.path_params["trans_id"]
        if not self._hand_over.proves(request.query_params.get("s", ""), trans_id):
            return self.not_found(request)
        try:
            payment = await self._ledger.find(trans_id)
            if payment is None or not payment.signed:
                return self.not_found(request)
            if not payment.open_to_pay or self._clock.now() >= payment.watch_until:
                return self.result(request, payment, onward=None)
            action = self._hand_over.checkout_url(payment)
            if action is None:
                return self._impossible(request)
            await self._ledger.hand_over(payment)
        except (LedgerUnavailable, Unreadable) as error:
            log.error("hand_over_not_shown", error=str(error))
            return self.try_later(request)
        return self._form(payment, action)

    def result(self, request: Request, payment: Payment, *, onward: str | None) -> Response:
        """Return the page that tells how a payment stands, with a link that shows where it leads."""
        outcome = outcome_of(payment, self._clock.now())
        return self._page(
            "result.html",
            payment.language,
            title=_title(outcome),
            outcome=outcome,
            amount=_amount(payment),
            onward=onward,
            onward_host=urlsplit(onward).netloc if onward else None,
            refresh=outcome.status is Status.PENDING and not outcome.can_retry and "/cinetpay/" in request.url.path,
        )

    def not_found(self, request: Request) -> Response:
        """Return the page for a payment that we don't know."""
        return self._message(
            request,
            404,
            text("This link does not lead to a payment"),
            text("Go back to the shop and start the payment again from there."),
        )

    def try_later(self, request: Request) -> Response:
        """Return the page for when we can't look anything up."""
        return self._message(
            request,
            503,
            text("Just a moment"),
            text("Your payment can't be looked up right now. Nothing is lost: please reload this page in a minute."),
        )

    def turned_away(self, request: Request, status: int) -> Response:
        """Return the page for a call that the gate does not let through."""
        return self._message(
            request,
            status,
            text("Just a moment"),
            text("Too much is going on at once. Nothing is lost: please reload this page in a minute."),
        )

    def _impossible(self, request: Request) -> Response:
        return self._message(
            request,
            503,
            text("This payment can't be made"),
            text("Go back to the shop and choose another way to pay, or ask the shop."),
        )

    def _form(self, payment: Payment, action: str) -> Response:
        return self._page(
            "pay.html",
            payment.language,
            title=text("To the payment page"),
            action=action,
            fields=self._hand_over.form(payment),
            amount=_amount(payment),
            form_action=f"https: {action}",
        )

    def _message(self, request: Request, status: int, title: Text, message: Text) -> Response:
        language = language_of(request.headers.get("accept-language", "").partition(",")[0], Language.FRENCH)
        return self._page("message.html", language, status=status, title=title, message=message)

    def _page(
        self, template: str, language: Language, *, status: int = 200, form_action: str = "'none'", **values: Any
    ) -> Response:
        def say(sentence: str | Text, **named: object) -> str:
            return (text(sentence, **named) if isinstance(sentence, str) else sentence).say(language)

        html = self._templates.get_template(template).render(say=say, language=language, **values)
        return HTMLResponse(html, status_code=status, headers=_headers(form_action))


def _headers(form_action: str) -> Mapping[str, str]:
    return {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY.format(form_action=form_action),
        "Cache-Control": "no-store",
        "Referrer-Policy": "strict-origin",
        "X-Content-Type-Options": "nosniff",
    }


def _title(outcome: Outcome) -> Text:
    """Name how a payment stands; what the buyers did themselves is no refusal in their eyes."""
    if outcome.cancelled:
        return text("Payment cancelled")
    if outcome.status is Status.REFUSED and describe(outcome.code or "").code_class is CodeClass.CANCELLED:
        return text("Payment cancelled")
    return TITLES[outcome.status]


def _amount(payment: Payment) -> str:
    """Write an amount as West Africans do: `12 500 F CFA`."""
    return f"{formats.number(payment.amount, payment.language)} F CFA"
