"""What a reconciliation finds, as it is printed: the values are public (docs/reconciliation.md)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from saleor_cinetpay.shops.accounts import Environment

CINETPAY = "cinetpay"


class FindingKind(StrEnum):
    """In what CinetPay, the ledger and Saleor can differ."""

    PAID_NOT_HERE = "paid_not_here"
    """CinetPay's history says "paid", and our payment is not accepted."""
    UNKNOWN_HERE = "unknown_here"
    """CinetPay's history says "paid" for a Saleor transaction that the ledger does not hold."""
    NOT_PAID_THERE = "not_paid_there"
    """Our payment is accepted, and CinetPay, asked about it once more, does not say so."""
    AMOUNT_DIFFERS = "amount_differs"
    MONEY_BACK = "money_back"
    """Our payment is accepted, and CinetPay gave the money back since (660, 661)."""
    UNDELIVERED = "undelivered"
    """Our payment is accepted, and its report still waits for Saleor to take it."""
    NOT_IN_SALEOR = "not_in_saleor"
    """Our payment is accepted and was reported, and Saleor holds no such charge."""
    SALEOR_AMOUNT_DIFFERS = "saleor_amount_differs"


class Remedy(StrEnum):
    """What was done about a difference."""

    ACCEPTED = "accepted"
    """CinetPay was asked and the payment is accepted now; Saleor gets its report unless it holds the charge already."""
    SUSPECT = "suspect"
    """CinetPay was asked and the payment is for a person to decide."""
    UNCHANGED = "unchanged"
    """CinetPay was asked, and does not say that the payment is paid; or did not answer."""
    REPORTED_AGAIN = "reported_again"
    """The report is due once more; a repeat is harmless."""
    PROBLEM_RAISED = "problem_raised"
    """It is for a person, and stands among the shop's problems."""
    LISTED = "listed"
    """Nothing: it stands here only."""
    DRY_RUN = "dry_run"
    """Nothing, because nothing was to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference."""

    kind: FindingKind
    remedy: Remedy
    day: date
    site_id: str
    account: str | None
    """The account's key; None where the shop is not known."""
    shop: str | None
    """The Saleor API URL, if it is known."""
    trans_id: str
    transaction: str | None
    """Saleor's id of the transaction."""
    cinetpay_amount: Decimal | None
    """What CinetPay's history shows."""
    cinetpay_code: str | None
    cinetpay_status: str | None
    ledger_amount: Decimal | None
    """What our payment is accepted for, or asks for."""
    saleor_amount: Decimal | None
    """What Saleor's transaction asks for or was charged, where Saleor was asked."""
    note: str = ""
    """Why, in a few words for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that could not be asked, so that differences may have stayed unseen."""

    day: date
    site_id: str
    whom: str
    """`cinetpay`, or the API URL of the Saleor."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of one day of one site."""

    day: date
    site_id: str
    environment: Environment
    seen: int = 0
    """Readable rows of CinetPay's history, one for each trans id."""
    unreadable: int = 0
    """Rows of the history that are no transactions."""
    other_systems: int = 0
    """Payments of the site that are none of ours; left alone."""
    unpaid: int = 0
    """Unpaid payments of Saleor transactions that the ledger does not hold; nothing is to be done about them."""
    unopened: int = 0
    """Payments that the ledger holds and no key opens; left out, and never taken for unknown ones."""
    findings: tuple[Finding, ...] = ()
    failures: tuple[Failure, ...] = ()
