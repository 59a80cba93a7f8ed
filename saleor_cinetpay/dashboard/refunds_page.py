"""Refunds: what staff have asked for in Saleor and somebody is to pay back or decline, and what became of the rest."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from saleor_cinetpay.cinetpay import PhoneNumber
from saleor_cinetpay.dashboard.answers import (
    Alert,
    Answer,
    Done,
    NotThere,
    Page,
    PageRoute,
    Section,
    Tone,
    Visit,
    Visitor,
)
from saleor_cinetpay.dashboard.forms import EARLIEST, LATEST, Errors
from saleor_cinetpay.dashboard.words import NEWER
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.payments.desk_refunds import DeskRefunds, RefundFile
from saleor_cinetpay.payments.operators import operator_name
from saleor_cinetpay.payments.payment import Payment
from saleor_cinetpay.payments.refund import Refund, RefundState
from saleor_cinetpay.payments.refund_decisions import (
    LONGEST_NOTE,
    AlreadyDecided,
    NeedsConfirmation,
    NoSuchRefund,
    RefundDecisions,
    SaleorsView,
)

STATES: Mapping[RefundState, tuple[Text, str]] = {
    RefundState.WAITING: (text("To be paid"), "wait"),
    RefundState.PAID_BACK: (text("Paid back"), "good"),
    RefundState.DECLINED: (text("Declined"), "bad"),
    RefundState.REJECTED: (text("Turned away"), "plain"),
    RefundState.UNKNOWN: NEWER,
}
"""How a refund stands, in words, and the colour of it."""

WARNINGS: Mapping[SaleorsView, Text] = {
    SaleorsView.FAILED: text(
        "Saleor counts this request as failed: our answer was lost on the way. Staff may have asked for the same "
        "refund again, or paid it in another way. Check the order in Saleor first, so that the buyer is not paid twice."
    ),
    SaleorsView.PAID_BACK: text(
        "Saleor counts this request as paid back already. Check the order in Saleor first, so that the buyer is not "
        "paid twice."
    ),
    SaleorsView.UNKNOWN: text(
        "Saleor can't be asked just now whether it still waits for this refund. Check the order in Saleor first, so "
        "that the buyer is not paid twice."
    ),
}

NOTE_MISSING = text("Write by which payment the money went back, such as the operator's transaction number.")
REASON_MISSING = text("Write why the money is not given back; staff read it in Saleor.")
NOTE_TOO_LONG = text("Write at most {count} characters.", count=LONGEST_NOTE)


class RefundsPages:
    """The shop's refunds."""

    def __init__(self, refunds: DeskRefunds, decisions: RefundDecisions) -> None:
        self._refunds = refunds
        self._decisions = decisions
        self.section = Section(path="/refunds", title=text("Refunds"), order=30, count=self._count)

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [
            PageRoute("/refunds", self.show),
            PageRoute("/refunds/{reference}", self.one),
            PageRoute("/refunds/{reference}/paid", self.pay_back, method="POST"),
            PageRoute("/refunds/{reference}/declined", self.decline, method="POST"),
        ]

    async def show(self, visit: Visit) -> Answer:
        """Show what waits, and the history."""
        before = _moment(visit.asked("before"))
        waiting = [] if before else await self._refunds.waiting(visit.visitor.saleor_api_url)
        history = await self._refunds.decided(visit.visitor.saleor_api_url, before)
        values = {
            "waiting": waiting,
            "history": history,
            "states": STATES,
            "later": before is not None,
            "masked": masked,
        }
        return Page("refunds.html", text("Refunds"), values)

    async def one(self, visit: Visit) -> Answer:
        """Show one refund: what is asked and, while it waits, the number to pay to and the two decisions."""
        held = await self._refunds.one(visit.visitor.saleor_api_url, visit.part("reference"))
        return NotThere() if held is None else _page(held)

    async def pay_back(self, visit: Visit) -> Answer:
        """Take down that the buyer was paid back; a person confirms where Saleor does not wait for this refund."""
        form = await visit.form()
        typed = {"note": form.text("note")}
        if (error := _wrong(typed["note"], NOTE_MISSING)) is not None:
            return await self._again(visit, typed, errors={"note": error})
        try:
            refund = await self._decisions.pay_back(
                visit.visitor.saleor_api_url,
                visit.part("reference"),
                by=visit.visitor.who,
                note=typed["note"],
                confirmed=form.checked("confirmed"),
            )
        except NeedsConfirmation as needed:
            return await self._again(visit, typed, doubt=needed.view)
        except AlreadyDecided as late:
            return await self._late(visit, late.refund)
        except NoSuchRefund:
            return NotThere()
        return Done(_path(refund), text("Paid back. Saleor is being told."))

    async def decline(self, visit: Visit) -> Answer:
        """Take down that the buyer will not be paid back, and why."""
        typed = {"reason": (await visit.form()).text("reason")}
        if (error := _wrong(typed["reason"], REASON_MISSING)) is not None:
            return await self._again(visit, typed, errors={"reason": error})
        try:
            refund = await self._decisions.decline(
                visit.visitor.saleor_api_url, visit.part("reference"), by=visit.visitor.who, note=typed["reason"]
            )
        except AlreadyDecided as late:
            return await self._late(visit, late.refund)
        except NoSuchRefund:
            return NotThere()
        return Done(_path(refund), text("Declined. Saleor is being told."))

    async def _count(self, visitor: Visitor) -> int:
        return await self._refunds.count_waiting(visitor.saleor_api_url)

    async def _again(
        self,
        visit: Visit,
        typed: Mapping[str, str],
        *,
        errors: Errors | None = None,
        doubt: SaleorsView | None = None,
    ) -> Answer:
        """Show the page once more with what was typed, and what is wrong or has to be confirmed."""
        held = await self._refunds.one(visit.visitor.saleor_api_url, visit.part("reference"))
        if held is None:
            return NotThere()
        if held.refund.state is not RefundState.WAITING:
            return await self._late(visit, held.refund)
        alert = None if doubt is None else Alert(message=WARNINGS[doubt], tone=Tone.WARNING)
        return _page(held, typed=typed, errors=errors, status=422 if errors else 409, alert=alert, doubted=bool(doubt))

    async def _late(self, visit: Visit, refund: Refund) -> Answer:
        """Say that somebody else was quicker, and what they decided."""
        held = await self._refunds.one(visit.visitor.saleor_api_url, refund.reference)
        if held is None:
            return NotThere()
        said = text(
            "{who} has decided on this refund meanwhile. What you entered was not saved.", who=refund.decided_by or "?"
        )
        return _page(held, status=409, alert=Alert(message=said))


def _page(
    held: RefundFile,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Errors | None = None,
    status: int = 200,
    alert: Alert | None = None,
    doubted: bool = False,
) -> Page:
    phone = held.payment.phone
    waits = held.refund.state is RefundState.WAITING
    values = {
        "refund": held.refund,
        "payment": held.payment,
        "others": held.others,
        "operator": operator_name(held.payment.operator) if held.payment.operator else "–",
        "states": STATES,
        "phone": None if phone is None else _written(phone) if waits else masked(phone.number[-4:]),
        "waits": waits,
        "order_path": _order_path(held.payment),
        "typed": typed or {},
        "errors": errors or {},
        "doubted": doubted,
        "longest": LONGEST_NOTE,
    }
    return Page("refund.html", text("Refund"), values, status=status, alert=alert)


def masked(tail: str | None) -> str:
    """Write the last digits of a number, and nothing of the others."""
    return f"•••• {tail}" if tail else "–"


def _written(phone: PhoneNumber) -> str:
    """Write a number as people dial it, in pairs: `+225 07 07 08 09 10`."""
    digits = phone.number
    start = len(digits) % 2 or 2
    pairs = [digits[:start], *(digits[at : at + 2] for at in range(start, len(digits), 2))]
    return " ".join([*([f"+{phone.prefix}"] if phone.prefix else []), *pairs])


def _wrong(note: str, missing: Text) -> Text | None:
    if not note:
        return missing
    return NOTE_TOO_LONG if len(note) > LONGEST_NOTE else None


def _path(refund: Refund) -> str:
    return f"/refunds/{refund.reference}"


def _order_path(payment: Payment) -> str | None:
    """Return where the Dashboard shows the order, if one is known to be paid."""
    try:
        of_an_order = base64.b64decode(payment.source_id or "").startswith(b"Order:")
    except ValueError:
        return None
    return f"/orders/{quote(payment.source_id or '', safe='')}" if of_an_order else None


def _moment(written: str) -> datetime | None:
    """Read the moment that a link to older refunds carries; anything else is the first page."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if moment.tzinfo and EARLIEST <= moment.date() <= LATEST else None
