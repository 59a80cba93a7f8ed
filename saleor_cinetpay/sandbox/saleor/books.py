"""Books what apps answer and report into the transactions that one Saleor holds."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from saleor_cinetpay.sandbox.saleor.answers import (
    NOT_DELIVERED,
    Answer,
    UnhandledError,
    Unreadable,
    read_action_answer,
    read_session_answer,
)
from saleor_cinetpay.sandbox.saleor.booking import (
    MAY_LACK_AMOUNT,
    NAMES_THE_PAYMENT,
    Event,
    EventType,
    failure_of,
    same_event,
    shortened,
)
from saleor_cinetpay.sandbox.saleor.graphql_schema import Version
from saleor_cinetpay.sandbox.saleor.money import ZERO, Money, quantized
from saleor_cinetpay.sandbox.saleor.records import App, PaymentMethod, Transaction
from saleor_cinetpay.sandbox.saleor.store import Store

OTHER_AMOUNT = "The transaction with provided `pspReference` and `type` already exists with different amount."
SECOND_AUTHORIZATION = (
    "Event with `AUTHORIZATION_SUCCESS` already reported for the transaction. "
    "Use `AUTHORIZATION_ADJUSTMENT` to change the authorization amount."
)
REQUESTS = (EventType.AUTHORIZATION_REQUEST, EventType.CHARGE_REQUEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error of an operation, in the shape that the API shows."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What an app gets for a report."""

    already_processed: bool | None = None
    transaction: Transaction | None = None
    transaction_event: Event | None = None
    errors: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An event that an app reports; a missing amount is taken from earlier events, a missing time is now."""

    type: EventType
    psp_reference: str
    amount: Decimal | None = None
    time: datetime | None = None
    message: str = ""
    external_url: str = ""
    available_actions: list[str] | None = None
    payment_method: PaymentMethod | None = None


class Books:
    """The books of one Saleor's transactions."""

    def __init__(self, store: Store, version: Version) -> None:
        self.store = store
        self.version = version

    def new_event(self, transaction: Transaction, event_type: EventType, amount: Decimal, **details: Any) -> Event:
        """Write an event into a transaction's books."""
        details.setdefault("created_at", self.store.now())
        money = Money(amount=amount, currency=transaction.currency)
        event = Event(pk=self.store.next_pk(), type=event_type, amount=money, **details)
        transaction.events.append(event)
        transaction.modified_at = self.store.now()
        return event

    def fail(self, transaction: Transaction, event: Event, cause: str) -> Event:
        """Book a failure that Saleor made itself; it does not count."""
        return self.new_event(
            transaction,
            failure_of(event.type),
            event.amount.amount,
            message=cause,
            psp_reference=event.psp_reference,
            counts=False,
        )

    def book_session(self, transaction: Transaction, request: Event, answer: object) -> Event:
        """Book what initialize or process answered; `None` is no usable answer."""
        if answer is None:
            return self.fail(transaction, request, NOT_DELIVERED)
        try:
            read = read_session_answer(answer, self.version)
        except Unreadable as error:
            return self.fail(transaction, request, str(error))
        if read.result in REQUESTS:
            event = self._turn_into_request(request, read)
        else:
            booked = self.book_answer(transaction, request, read)
            if isinstance(booked, str):
                return self.fail(transaction, request, booked)
            event = booked
            request.psp_reference = event.psp_reference
        if event.psp_reference:
            transaction.psp_reference = event.psp_reference
        if event.type in NAMES_THE_PAYMENT and read.actions is not None:
            transaction.actions = _distinct(read.actions)
        if read.payment_method:
            transaction.payment_method_details = read.payment_method
        return event

    def _turn_into_request(self, request: Event, read: Answer) -> Event:
        """An app that answers `..._REQUEST` makes Saleor's own request count as money on its way."""
        assert read.result is not None  # noqa: S101  the caller looked
        request.type = read.result
        request.amount = replace(request.amount, amount=read.amount or request.amount.amount)
        request.psp_reference = read.psp_reference or ""
        request.counts = True
        request.created_at = read.time or self.store.now()
        request.message = read.message
        request.external_url = read.external_url or request.external_url
        return request

    def book_answer(self, transaction: Transaction, request: Event, read: Answer) -> Event | str:
        """Book an answered event, or find it booked already; a text says why it can't be."""
        assert read.result is not None  # noqa: S101  the caller looked
        amount = read.amount or request.amount.amount
        reference = read.psp_reference or ""
        if complaint := self._contradiction(transaction, read.result, reference, amount):
            return complaint
        return same_event(transaction.events, read.result, reference) or self.new_event(
            transaction,
            read.result,
            amount,
            psp_reference=reference,
            created_at=read.time or self.store.now(),
            message=read.message,
            external_url=read.external_url,
        )

    def _contradiction(self, transaction: Transaction, event_type: EventType, reference: str, amount: Decimal) -> str:
        existing = same_event(transaction.events, event_type, reference)
        if existing:
            return "" if existing.amount.amount == amount else OTHER_AMOUNT
        if event_type is EventType.AUTHORIZATION_SUCCESS and any(e.type is event_type for e in transaction.events):
            return SECOND_AUTHORIZATION
        return ""

    def book_action(self, transaction: Transaction, request: Event, answer: object) -> None:
        """Book what a refund, charge or cancelation answered; one that Saleor trips over leaves it open for ever."""
        if answer is None:
            self.fail(transaction, request, NOT_DELIVERED)
            return
        try:
            read = read_action_answer(answer, request.type, self.version)
        except Unreadable as error:
            self.fail(transaction, request, str(error))
            return
        except UnhandledError:
            return
        if read.psp_reference is not None:
            request.psp_reference = read.psp_reference
            request.counts = True
        if read.result is not None:
            booked = self.book_answer(transaction, request, read)
            if isinstance(booked, str):
                self.fail(transaction, request, booked)
                return
        if read.actions is not None:
            transaction.actions = _distinct(read.actions)

    def report(self, app: App, transaction_id: str | None, token: UUID | None, report: Report) -> Reported:
        """Book what an app reports, once; a repeat with an equal amount is harmless.

        Raises:
            PermissionError: where the transaction belongs to another app.
        """
        transaction = self.store.transaction(transaction_id, token)
        if transaction is None:
            message = f"Couldn't resolve to a node: {transaction_id}"
            return Reported(errors=(Refusal(code="NOT_FOUND", message=message, field="id"),))
        if transaction.app_identifier != app.identifier:
            raise PermissionError
        amount = self._reported_amount(report)
        if amount is None:
            message = f"The `amount` field is required for {report.type.lower()} event."
            return Reported(errors=(Refusal(code="REQUIRED", message=message, field="amount"),))
        amount = quantized(amount, transaction.currency)
        complaint = self._contradiction(transaction, report.type, report.psp_reference, amount)
        if complaint:
            return self._refuse(transaction, report, amount, complaint)
        existing = same_event(transaction.events, report.type, report.psp_reference)
        event = existing or self._book_report(transaction, report, amount)
        if report.available_actions is not None:
            transaction.actions = _distinct(report.available_actions)
        if report.payment_method:
            transaction.payment_method_details = report.payment_method
        return Reported(already_processed=existing is not None, transaction=transaction, transaction_event=event)

    def _book_report(self, transaction: Transaction, report: Report, amount: Decimal) -> Event:
        if report.type in NAMES_THE_PAYMENT and not transaction.psp_reference:
            transaction.psp_reference = report.psp_reference
        return self.new_event(
            transaction,
            report.type,
            amount,
            psp_reference=report.psp_reference,
            created_at=report.time or self.store.now(),
            message=shortened(report.message),
            external_url=report.external_url,
        )

    def _refuse(self, transaction: Transaction, report: Report, amount: Decimal, complaint: str) -> Reported:
        """A contradiction leaves a failure in the books that does not count."""
        self.new_event(
            transaction,
            failure_of(report.type),
            amount,
            psp_reference=report.psp_reference,
            message=complaint,
            counts=False,
        )
        if complaint == OTHER_AMOUNT:
            return Reported(errors=(Refusal(code="INCORRECT_DETAILS", message=complaint, field="pspReference"),))
        return Reported(errors=(Refusal(code="ALREADY_EXISTS", message=complaint, field="type"),))

    def _reported_amount(self, report: Report) -> Decimal | None:
        if report.amount is not None or report.type not in MAY_LACK_AMOUNT:
            return report.amount
        if report.type is EventType.INFO:
            return ZERO
        earlier = [
            event
            for transaction in self.store.transactions.values()
            for event in transaction.events
            if event.psp_reference == report.psp_reference and event.type in _tells_amount_of(report.type)
        ]
        return max(earlier, key=lambda e: e.created_at).amount.amount if earlier else None


def _tells_amount_of(event_type: EventType) -> frozenset[EventType]:
    """Return the earlier events whose amount an event without one takes over."""
    charge = {EventType.CHARGE_SUCCESS, EventType.CHARGE_REQUEST}
    authorization = {EventType.AUTHORIZATION_SUCCESS, EventType.AUTHORIZATION_REQUEST}
    found: dict[EventType, set[EventType]] = {
        EventType.CHARGE_FAILURE: charge | authorization | {EventType.AUTHORIZATION_FAILURE},
        EventType.REFUND_FAILURE: charge
        | {EventType.REFUND_SUCCESS, EventType.REFUND_REQUEST, EventType.CHARGE_FAILURE},
        EventType.CANCEL_FAILURE: authorization
        | {EventType.CANCEL_SUCCESS, EventType.CANCEL_REQUEST, EventType.AUTHORIZATION_FAILURE},
        EventType.AUTHORIZATION_FAILURE: authorization,
        EventType.REFUND_REVERSE: {EventType.REFUND_SUCCESS},
        EventType.CHARGE_BACK: {EventType.CHARGE_SUCCESS},
    }
    return frozenset(found.get(event_type, set()))


def _distinct(actions: list[str]) -> list[str]:
    return list(dict.fromkeys(actions))
