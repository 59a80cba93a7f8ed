"""A report: one Saleor event that must reach Saleor, frozen when it is written, its time too."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from saleor_cinetpay.money import CinetPayAmount
from saleor_cinetpay.payments.trans_id import TransactionId, TransId
from saleor_cinetpay.stored import StoredWord

FAILURE_WAITS = timedelta(seconds=5)
"""How long a failure waits before its first delivery. Once Saleor has it, Saleor answers `transactionProcess` by itself
and without our text; so the storefront that the buyer comes back to gets to ask first."""


class ReportType(StoredWord):
    """The events that the app reports, in Saleor's words."""

    CHARGE_SUCCESS = "CHARGE_SUCCESS"
    CHARGE_FAILURE = "CHARGE_FAILURE"
    REFUND_SUCCESS = "REFUND_SUCCESS"
    REFUND_FAILURE = "REFUND_FAILURE"
    UNKNOWN = "unknown"
    """What a newer version has written."""


class ReportState(StoredWord):
    """Where a report stands."""

    DUE = "due"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    """A failure that an acceptance overtook before Saleor had heard of it."""
    UNKNOWN = "unknown"
    """What a newer version has written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One event for Saleor. Its key is trans id, `psp_reference` and type, as Saleor's own."""

    trans_id: TransId
    transaction_id: TransactionId
    saleor_api_url: str
    type: ReportType
    psp_reference: str
    amount: CinetPayAmount
    currency: str
    time: datetime
    message: str
    """For staff; at most 512 characters reach Saleor."""
    operator: str | None = None
    """Who took the money, in CinetPay's word; None where nobody did, or nobody knows."""

    @property
    def subject(self) -> str:
        """What a problem about this report is about: a payment's charge, or one of its refunds."""
        return f"{self.psp_reference}:{self.type}"

    @property
    def waits(self) -> timedelta:
        """How long after it is written the report is delivered first."""
        return FAILURE_WAITS if self.type is ReportType.CHARGE_FAILURE else timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class DueReport:
    """A report that somebody has claimed to deliver."""

    id: int
    report: Report
    created_at: datetime
    attempts: int
    lease: str
