"""What CinetPay does with payments: signs them, opens them, lets buyers try, and tells the shop."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal

from saleor_cinetpay.sandbox.cinetpay.codes import (
    ACCEPTED,
    CANCELED,
    CLOSED,
    DOUBLE_PAYMENT,
    INCORRECT_SETTINGS,
    MONEY_BACK,
    PENDING,
    SIGNATURE_DONT_MATCH,
    WAITING,
    Refusal,
    message_of,
    status_of,
)
from saleor_cinetpay.sandbox.cinetpay.config import Merchant, SandboxConfig, is_web_address
from saleor_cinetpay.sandbox.cinetpay.fields import (
    WRONG_DATE,
    check_payment,
    demand,
    merchant_of,
)
from saleor_cinetpay.sandbox.cinetpay.jobs import Jobs
from saleor_cinetpay.sandbox.cinetpay.journal import Journal
from saleor_cinetpay.sandbox.cinetpay.notifications import Notifier
from saleor_cinetpay.sandbox.cinetpay.payments import Addresses, Payment
from saleor_cinetpay.sandbox.cinetpay.store import Job, Store
from saleor_cinetpay.sandbox.defaults import NotifyMode

COMMISSION = Decimal("0.04")
"""What CinetPay keeps: the guide's example of a balance is 35 received, 1.4 kept."""
SAMPLE_PREFIX, SAMPLE_PHONE = "225", "0700000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt to pay ends, and how the shop hears of it."""

    code: str
    status: str = ""
    message: str = ""
    operator: str = ""
    prefix: str = ""
    phone: str = ""
    notify: NotifyMode
    late_s: float
    delay_s: float = 0.0
    """Above 0 the payment is pending for that long first."""


class Desk:
    """Every rule about payments, in one place; the API, the page and the control API are its callers."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.store = Store(config.state)
        self.journal = Journal(self.store, config.clock)
        self.jobs = Jobs(self.store, config.clock, self._do)
        self._notifier = Notifier(config, self.journal)

    async def aclose(self) -> None:
        """Stop; what is still to be done stays in the store."""
        await self.jobs.stop()
        await self._notifier.aclose()
        self.store.close()

    async def reset(self) -> None:
        """Forget every payment, message and thing to do."""
        await self.jobs.stop()
        self.store.clear()

    def sign(self, form: Mapping[str, str]) -> str:
        """Give the signature of a payment; asked again with the very same fields, the same one while it is unpaid.

        Raises:
            Refusal: the first check that fails; 620 where the trans id is taken by other fields, or paid.
        """
        merchant, fields = check_payment(form, self.config.merchants)
        known = self.store.payment(merchant.site_id, fields["cpm_trans_id"])
        if known is not None:
            if known.fields != fields or known.closed:
                raise Refusal(DOUBLE_PAYMENT)
            return known.signature
        payment = Payment(
            site_id=merchant.site_id,
            trans_id=fields["cpm_trans_id"],
            token=secrets.token_urlsafe(24),
            signature=secrets.token_hex(20),
            fields=fields,
            signed_at=self.config.clock.now(),
            prefix=fields["cpm_phone_prefixe"],
            phone=fields["cel_phone_num"],
        )
        self.store.save(payment)
        return payment.signature

    def open(self, form: Mapping[str, str]) -> Payment:
        """Take the form that a shop sends its buyer with; the same form opens the same page again.

        Raises:
            Refusal: the first check that fails; 619 where it is not the form that was signed, 605 where it is paid.
        """
        demand(form, "signature")
        merchant, fields = check_payment(form, self.config.merchants)
        payment = self.store.payment(merchant.site_id, fields["cpm_trans_id"])
        if payment is None or payment.fields != fields or payment.signature != form["signature"]:
            raise Refusal(SIGNATURE_DONT_MATCH)
        return self.open_signed(payment, form)

    def open_signed(self, payment: Payment, form: Mapping[str, str]) -> Payment:
        """Open the page of a signed payment; `form` needs hold nothing but its addresses.

        Raises:
            Refusal: 606 where an address is none of the web, 605 where the payment is paid.
        """
        merchant = next((m for m in self.config.merchants if m.site_id == payment.site_id), Merchant())
        addresses = Addresses(
            notify_url=form.get("notify_url") or merchant.notify_url,
            return_url=form.get("return_url") or merchant.return_url,
            cancel_url=form.get("cancel_url") or merchant.cancel_url,
        )
        if not all(is_web_address(address) for address in asdict(addresses).values() if address):
            raise Refusal(INCORRECT_SETTINGS)
        if payment.closed:
            raise Refusal(CLOSED)
        payment = replace(payment, addresses=addresses)
        if payment.opened_at is None:
            payment = replace(self._marked(payment, WAITING), opened_at=self.config.clock.now())
        self.store.save(payment)
        return payment

    def attempt(self, payment: Payment, attempt: Attempt) -> Payment:
        """Let the buyer try to pay.

        Raises:
            Refusal: 605 where the money has arrived already, save for its way back (660, 661).
        """
        if payment.closed and attempt.code not in MONEY_BACK:
            raise Refusal(CLOSED)
        payment = replace(
            payment,
            operator=attempt.operator or payment.operator or "OM",
            prefix=attempt.prefix or payment.prefix or SAMPLE_PREFIX,
            phone=attempt.phone or payment.phone or SAMPLE_PHONE,
            tried_at=self.config.clock.now(),
        )
        if attempt.delay_s <= 0:
            return self._change(payment, attempt)
        outcome = replace(attempt, delay_s=0.0)
        payment = self._change(payment, replace(outcome, code=PENDING, status="", message=""))
        self.jobs.add("attempt", payment, asdict(outcome), delay_s=attempt.delay_s)
        return payment

    def cancel(self, payment: Payment, notify: NotifyMode, late_s: float) -> Payment:
        """Note that the buyer gave up; one who still has a request on the phone can approve it all the same.

        Raises:
            Refusal: 605 where the money has arrived already.
        """
        if payment.closed:
            raise Refusal(CLOSED)
        if payment.on_phone:
            return payment
        return self._change(payment, Attempt(code=CANCELED, notify=notify, late_s=late_s))

    def disguise(self, payment: Payment, shown: Mapping[str, str | None]) -> Payment:
        """Have `checkPayStatus` show these values in place of the truth; None leaves a field out."""
        payment = replace(payment, shown=dict(shown))
        self.store.save(payment)
        return payment

    def look_up(self, form: Mapping[str, str]) -> Payment | None:
        """Find a payment for `checkPayStatus`; None where no buyer has opened it."""
        demand(form, "apikey", "cpm_site_id", "cpm_trans_id")
        merchant = merchant_of(form, self.config.merchants)
        payment = self.store.payment(merchant.site_id, form["cpm_trans_id"])
        return payment if payment and payment.opened_at else None

    def history(self, form: Mapping[str, str]) -> list[Payment]:
        """List a site's opened payments, newest first, by every filter of the guide (3.3) that is not empty."""
        site_id = merchant_of(form, self.config.merchants).site_id
        first, last = _day(form.get("date_debut", "")), _day(form.get("date_fin", ""))
        return [
            payment
            for payment in self.store.payments(site_id)
            if payment.opened_at
            and (not first or first.date() <= payment.opened_at.date())
            and (not last or payment.opened_at.date() <= last.date())
            and form.get("cpm_payid", "") in ("", payment.payid)
            and form.get("cel_phone_num", "") in ("", payment.phone)
            and form.get("cpm_trans_id", "") in ("", payment.trans_id)
        ]

    def balances(self, form: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Return the balance of the merchant's whole account and of this site (guide 3.4)."""
        merchant = merchant_of(form, self.config.merchants)
        sites = [m.site_id for m in self.config.merchants if m.api_key == merchant.api_key]
        return {"compte": self._balance(*sites), "service": self._balance(merchant.site_id)}

    def _balance(self, *site_ids: str) -> dict[str, str]:
        closed = [payment for payment in self.store.payments(*site_ids) if payment.closed]
        credit = Decimal(sum(payment.amount for payment in closed))
        debit = credit * COMMISSION + sum(p.amount for p in closed if p.code in MONEY_BACK)
        amounts = {"solde": credit - debit, "credit": credit, "debit": debit}
        return {name: f"{amount.normalize():f}" for name, amount in amounts.items()}

    def _marked(self, payment: Payment, code: str, status: str = "", message: str = "") -> Payment:
        return replace(
            payment,
            code=code,
            status=status or status_of(code),
            message=message or message_of(code),
            updated_at=self.config.clock.now(),
        )

    def _change(self, payment: Payment, attempt: Attempt) -> Payment:
        """Write the new status down, and have the shop notified of it."""
        payment = self._marked(payment, attempt.code, attempt.status, attempt.message)
        if attempt.code == ACCEPTED:
            payid = f"MP{self.config.clock.now():%y%m%d.%H%M}.A{secrets.randbelow(100_000):05d}"
            payment = replace(payment, payid=payid)
        self.store.save(payment)
        if payment.addresses.notify_url:
            for delay_s in attempt.notify.delays_s(attempt.late_s):
                self.jobs.add("notify", payment, {"tries": 1}, delay_s=delay_s)
        return payment

    async def _do(self, job: Job) -> None:
        payment = self.store.payment(job.site_id, job.trans_id)
        if payment is None:
            return
        if job.kind == "notify":
            await self._notify(payment, job.data["tries"])
        elif not payment.closed:
            attempt = Attempt(**(job.data | {"notify": NotifyMode(job.data["notify"])}))
            self.attempt(payment, attempt)

    async def _notify(self, payment: Payment, tries: int) -> None:
        if await self._notifier.send(payment):
            latest = self.store.payment(payment.site_id, payment.trans_id)
            if latest and not latest.acknowledged:
                self.store.save(replace(latest, acknowledged=True))
        elif tries <= len(self.config.notify_retries_s):
            self.jobs.add("notify", payment, {"tries": tries + 1}, delay_s=self.config.notify_retries_s[tries - 1])


def _day(written: str) -> datetime | None:
    if not written:
        return None
    try:
        return datetime.strptime(written, "%d-%m-%Y")  # noqa: DTZ007  a day in GMT, as all of CinetPay's
    except ValueError:
        raise Refusal(WRONG_DATE) from None
