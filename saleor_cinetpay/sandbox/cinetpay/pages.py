"""The payment page that buyers see (guide 2.2 and 4), with a panel from which the tester decides."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from saleor_cinetpay.sandbox.cinetpay import texts
from saleor_cinetpay.sandbox.cinetpay.codes import ACCEPTED, CANCELED, WAITING, Refusal, message_of
from saleor_cinetpay.sandbox.cinetpay.desk import Attempt, Desk
from saleor_cinetpay.sandbox.cinetpay.fields import DIGITS, read_form
from saleor_cinetpay.sandbox.cinetpay.journal import BUYER, CINETPAY
from saleor_cinetpay.sandbox.cinetpay.payments import OPERATORS, Payment
from saleor_cinetpay.sandbox.defaults import NotifyMode

HERE = Path(__file__).parent
LATER = "later"
ABANDONED = "abandoned"
DEFAULT_AFTER_S = 5
MAX_DELAY_S = 86_400.0
RETURN_AFTER_S = 8
PAYMENTS_AT_HOME = 20


class Pages:
    """The page of each payment, at an address that nobody can guess."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )

    async def home(self, request: Request) -> Response:
        """Say what this is, to somebody who came without a form."""
        payments = self._desk.store.payments(limit=PAYMENTS_AT_HOME)
        return self._page("home.html", texts.language_of(request.query_params.get("lang", "")), payments=payments)

    async def arrive(self, request: Request) -> Response:
        """Take the form of a shop, and lead the buyer to the payment's page."""
        form = await read_form(request)
        language = texts.language_of(form.get("cpm_language", ""))
        try:
            payment = self._desk.open(form)
        except Refusal as refusal:
            self._note("payment form", {"form": form, "refusal": str(refusal)}, ok=False)
            return self._impossible(refusal, language)
        self._note("payment form", {"form": form}, ok=True)
        return RedirectResponse(f"/pay/{payment.token}", 303)

    async def show(self, request: Request) -> Response:
        """Show where the payment stands, and what the buyer can do."""
        payment = self._payment(request)
        language = self._language(request, payment)
        if payment is None:
            return self._page("message.html", language, 404, title="unknown", about=None)
        if ABANDONED in request.query_params:
            return self._page("abandoned.html", language, payment=payment)
        return self._till(payment, language)

    async def state(self, request: Request) -> Response:
        """Tell the page's script whether it is still up to date."""
        payment = self._payment(request)
        return JSONResponse({"code": payment.code if payment else None}, headers={"cache-control": "no-store"})

    async def act(self, request: Request) -> Response:
        """Do what the buyer pressed: pay or cancel."""
        payment = self._payment(request)
        language = self._language(request, payment)
        if payment is None:
            return self._page("message.html", language, 404, title="unknown", about=None)
        form = await read_form(request)
        try:
            return self._cancel(payment, form, language) if "cancel" in form else self._pay(payment, form, language)
        except Refusal as refusal:
            return self._impossible(refusal, language)

    def _pay(self, payment: Payment, form: dict[str, str], language: str) -> Response:
        number = payment.fields["cel_phone_num"] or "".join(form.get("cel_phone_num", "").split())
        if form.get("operator") not in OPERATORS:
            return self._till(payment, language, status=422, wrong="operator")
        if not DIGITS.fullmatch(number) or not 8 <= len(number) <= 15:
            return self._till(payment, language, status=422, wrong="phone")
        outcome = form.get("outcome", ACCEPTED)
        self._note("pays", {"trans_id": payment.trans_id, "operator": form["operator"], "outcome": outcome}, ok=True)
        here = f"/pay/{payment.token}?lang={language}"
        if outcome == ABANDONED:
            return RedirectResponse(f"{here}&{ABANDONED}=1", 303)
        attempt = Attempt(
            code=ACCEPTED if outcome == LATER else outcome if outcome in texts.CODES else ACCEPTED,
            operator=form["operator"],
            prefix=payment.fields["cpm_phone_prefixe"] or form.get("cpm_phone_prefixe", ""),
            phone=number,
            notify=self._notify_mode(form),
            late_s=_seconds(form.get("late_s", ""), self._desk.config.late_s),
            delay_s=_seconds(form.get("after_s", ""), DEFAULT_AFTER_S) if outcome == LATER else 0.0,
        )
        self._desk.attempt(payment, attempt)
        return RedirectResponse(here, 303)

    def _cancel(self, payment: Payment, form: dict[str, str], language: str) -> Response:
        late_s = _seconds(form.get("late_s", ""), self._desk.config.late_s)
        payment = self._desk.cancel(payment, self._notify_mode(form), late_s)
        url = payment.addresses.cancel_url
        self._note("cancels", {"trans_id": payment.trans_id, "cancel_url": url}, ok=True)
        if not url:
            return RedirectResponse(f"/pay/{payment.token}?lang={language}", 303)
        if form.get("cancel_method") == "POST":
            return self._page("leave.html", language, url=url, fields=payment.posted_fields())
        return RedirectResponse(url, 303)

    def _till(self, payment: Payment, language: str, *, status: int = 200, wrong: str = "") -> Response:
        return self._page(
            f"{_stage(payment)}.html",
            language,
            status,
            payment=payment,
            wrong=wrong,
            operators=OPERATORS,
            outcomes={
                "outcome_paid": texts.PAID_OUTCOMES,
                "outcome_refused": texts.REFUSED_OUTCOMES,
                "outcome_unavailable": texts.UNAVAILABLE_OUTCOMES,
                "outcome_else": texts.OTHER_OUTCOMES,
            },
            modes=list(NotifyMode),
            config=self._desk.config,
            after_s=DEFAULT_AFTER_S,
            return_after_s=RETURN_AFTER_S,
            fields=payment.posted_fields(),
        )

    def _impossible(self, refusal: Refusal, language: str) -> Response:
        detail = f"{refusal.code} {message_of(refusal.code)}"
        return self._page("message.html", language, 400, title="impossible", about="impossible_about", code=detail)

    def _page(self, template: str, language: str, status: int = 200, **values: Any) -> Response:
        body = self._templates.get_template(template).render(
            language=language,
            t=lambda key, *places: texts.say(key, language, *places),
            t_code=lambda code: texts.say_code(code, language),
            francs=texts.francs,
            CANCELED=CANCELED,
            WAITING=WAITING,
            **values,
        )
        return HTMLResponse(body, status, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        """Allow nothing from elsewhere; forms may go to any shop, and a shop's answer may lead on."""
        framed_by = " ".join(self._desk.config.frame_ancestors) or "'none'"
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            f"form-action 'self' http: https:; base-uri 'none'; frame-ancestors {framed_by}"
        )
        return {
            "content-security-policy": policy,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        }

    def _payment(self, request: Request) -> Payment | None:
        payment = self._desk.store.payment_by_token(request.path_params["token"])
        return payment if payment and payment.opened_at else None

    def _language(self, request: Request, payment: Payment | None) -> str:
        return texts.language_of(
            request.query_params.get("lang", ""), payment.fields["cpm_language"] if payment else ""
        )

    def _notify_mode(self, form: dict[str, str]) -> NotifyMode:
        chosen = form.get("notify")
        return NotifyMode(chosen) if chosen in set(NotifyMode) else self._desk.config.notify

    def _note(self, title: str, detail: dict[str, Any], *, ok: bool) -> None:
        self._desk.journal.write(BUYER, CINETPAY, title, detail, ok=ok)


def _stage(payment: Payment) -> str:
    """Name the template: the buyer has paid, is asked on the phone, or can choose how to pay."""
    if payment.closed:
        return "paid"
    return "pending" if payment.on_phone else "choose"


def _seconds(written: str, default: float) -> float:
    return min(float(written), MAX_DELAY_S) if DIGITS.fullmatch(written) else default
