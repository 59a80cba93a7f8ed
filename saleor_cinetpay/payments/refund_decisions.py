"""A person decides on a waiting refund: paid back, or declined. Recorded with who and when, and reported to Saleor.

State and report are written in one transaction, and only while the refund waits: never both, never twice.
"""

from enum import StrEnum

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.database import Database
from saleor_cinetpay.errors import SaleorError
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.money import XOF
from saleor_cinetpay.payments.delivery import InstallationsByUrl
from saleor_cinetpay.payments.history import Event, record
from saleor_cinetpay.payments.outbox import write_report
from saleor_cinetpay.payments.payment import Payment
from saleor_cinetpay.payments.problems import ProblemKind, Problems
from saleor_cinetpay.payments.refund import Refund, RefundState, refund_of_row
from saleor_cinetpay.payments.report import Report, ReportType
from saleor_cinetpay.payments.rows import payment_of
from saleor_cinetpay.payments.salvage import Transactions
from saleor_cinetpay.payments.surplus import settle_surplus
from saleor_cinetpay.payments.tables import payments, refunds
from saleor_cinetpay.saleor.types import SaleorTransaction, TransactionEventType
from saleor_cinetpay.shops.secrets import SecretBox

LONGEST_NOTE = 400
"""So that it reaches Saleor whole, which cuts a message at 512 characters."""
READ_S = 6.0

log = structlog.get_logger(__name__)


class SaleorsView(StrEnum):
    """How Saleor's own books have a refund."""

    WAITING = "waiting"
    """Saleor has our answer, and waits for the outcome."""
    FAILED = "failed"
    """Saleor never got our answer, or counts the refund as failed; staff may have asked again."""
    PAID_BACK = "paid_back"
    UNKNOWN = "unknown"
    """Saleor can't be asked just now."""


class AlreadyDecided(Exception):
    """Somebody else was quicker."""

    def __init__(self, refund: Refund) -> None:
        super().__init__(f"the refund is {refund.state} already")
        self.refund = refund


class NoSuchRefund(Exception):
    """This shop has no such refund."""


class NeedsConfirmation(Exception):
    """Paying this back may pay the buyer twice; a person has to say that it shall be done all the same."""

    def __init__(self, view: SaleorsView) -> None:
        super().__init__(f"Saleor's books have the refund as {view}")
        self.view = view


class RefundDecisions:
    """Carries people's decisions on refunds out."""

    def __init__(
        self,
        *,
        database: Database,
        secrets: SecretBox,
        transactions: Transactions,
        installations: InstallationsByUrl,
        clock: Clock,
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._transactions = transactions
        self._installations = installations
        self._clock = clock
        self._problems = Problems(database)

    async def pay_back(
        self, saleor_api_url: str, reference: str, *, by: str, note: str, confirmed: bool = False
    ) -> Refund:
        """Note that the money was given back, by that payment (`note`), and have Saleor told. Moves money in its books.

        Unless it is `confirmed`, Saleor is read first, and has to wait for this very refund.

        Raises:
            NeedsConfirmation: where Saleor does not wait for it, or can't be asked.
            AlreadyDecided: where somebody has decided on it.
            NoSuchRefund: where this shop has none of that reference.
        """
        if not confirmed:
            refund = await self._find(saleor_api_url, reference)
            view = await self.view_of(refund)
            if view is not SaleorsView.WAITING and refund.state is RefundState.WAITING:
                raise NeedsConfirmation(view)
        message = text("Paid back by hand: {note}", note=_kept(note))
        return await self._decide(saleor_api_url, reference, RefundState.PAID_BACK, by, note, message)

    async def decline(self, saleor_api_url: str, reference: str, *, by: str, note: str) -> Refund:
        """Note that the money will not be given back, and why (`note`), and have Saleor told.

        Raises:
            AlreadyDecided: where somebody has decided on it.
            NoSuchRefund: where this shop has none of that reference.
        """
        message = text("Declined: {note}", note=_kept(note))
        return await self._decide(saleor_api_url, reference, RefundState.DECLINED, by, note, message)

    async def view_of(self, refund: Refund) -> SaleorsView:
        """Ask Saleor how its books have a refund."""
        installation = await self._installations.find(refund.saleor_api_url)
        if installation is None:
            return SaleorsView.UNKNOWN
        try:
            transaction = await self._transactions.read_transaction(
                installation, refund.transaction_id, timeout_s=READ_S
            )
        except SaleorError as error:
            log.warning("refund_not_read", reference=refund.reference, error=str(error))
            return SaleorsView.UNKNOWN
        return SaleorsView.UNKNOWN if transaction is None else _view(transaction, refund)

    async def _decide(
        self, saleor_api_url: str, reference: str, state: RefundState, by: str, note: str, message: Text
    ) -> Refund:
        now = self._clock.now()
        conditions = (refunds.c.reference == reference, refunds.c.saleor_api_url == saleor_api_url)
        values = {"state": state, "note": _kept(note), "decided_by": by[:255], "decided_at": now}
        async with self._database.write() as connection:
            decided = await connection.execute(
                update(refunds)
                .where(*conditions, refunds.c.state == RefundState.WAITING)
                .values(values)
                .returning(refunds)
            )
            row = decided.one_or_none()
            if row is not None:
                await self._carry_out(connection, refund_of_row(row), message)
        if row is None:
            raise AlreadyDecided(await self._find(saleor_api_url, reference))
        refund = refund_of_row(row)
        log.info("refund_decided", trans_id=refund.trans_id, reference=reference, state=state)
        return refund

    async def _carry_out(self, connection: AsyncConnection, refund: Refund, message: Text) -> None:
        now = self._clock.now()
        row = (await connection.execute(select(payments).where(payments.c.trans_id == refund.trans_id))).one()
        payment = payment_of(row, self._secrets)
        await write_report(connection, _report(refund, payment, message), now)
        detail = {
            "reference": refund.reference,
            "amount": str(refund.money),
            "by": refund.decided_by,
            "note": refund.note,
        }
        paid_back = refund.state is RefundState.PAID_BACK
        event = Event(kind="refund_paid_back" if paid_back else "refund_declined", detail=detail)
        await record(connection, refund.trans_id, now, event)
        await self._problems.solve_in(connection, ProblemKind.REFUND_WAITING, refund.reference, now)
        if paid_back:
            await settle_surplus(connection, payment, self._problems, now)

    async def _find(self, saleor_api_url: str, reference: str) -> Refund:
        async with self._database.read() as connection:
            row = (
                await connection.execute(
                    select(refunds).where(
                        refunds.c.reference == reference,
                        refunds.c.saleor_api_url == saleor_api_url,
                        refunds.c.state != RefundState.REJECTED,
                    )
                )
            ).one_or_none()
        if row is None:
            raise NoSuchRefund(reference)
        return refund_of_row(row)


def _report(refund: Refund, payment: Payment, message: Text) -> Report:
    assert refund.decided_at is not None  # noqa: S101  it has just been decided on
    paid_back = refund.state is RefundState.PAID_BACK
    return Report(
        trans_id=refund.trans_id,
        transaction_id=refund.transaction_id,
        saleor_api_url=refund.saleor_api_url,
        type=ReportType.REFUND_SUCCESS if paid_back else ReportType.REFUND_FAILURE,
        psp_reference=refund.reference,
        amount=refund.amount,
        currency=XOF,
        time=refund.decided_at,
        message=message.say(payment.merchant_language),
    )


def _view(transaction: SaleorTransaction, refund: Refund) -> SaleorsView:
    """Judge by the events that bear our reference; Saleor writes it into its request when it gets our answer."""
    types = {event.type for event in transaction.events if event.psp_reference == refund.reference}
    if TransactionEventType.REFUND_SUCCESS in types:
        return SaleorsView.PAID_BACK
    if TransactionEventType.REFUND_REQUEST in types and TransactionEventType.REFUND_FAILURE not in types:
        return SaleorsView.WAITING
    return SaleorsView.FAILED


def _kept(note: str) -> str:
    return " ".join(note.split())[:LONGEST_NOTE]
