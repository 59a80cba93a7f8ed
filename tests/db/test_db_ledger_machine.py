"""Whatever two processes ask of the ledger, in whatever order and at whatever times, it does what a small model does.

The model is a dictionary of payments with their leases, hints and reports. It knows the rules, and nothing of SQL.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from fakes import NOON, SeededChance, TurnedClock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from payments_kit import SECRETS, a_payment, lose_ledger, trans_id

from saleor_cinetpay.database import Database
from saleor_cinetpay.payments.conclusion import Conclusion, report_of
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.ledger import LEASE, Ledger
from saleor_cinetpay.payments.payment import Payment, PaymentState
from saleor_cinetpay.payments.report import FAILURE_WAITS, DueReport, ReportState, ReportType

PROCESSES = st.sampled_from((0, 1))
NUMBERS = st.integers(1, 2)
SECONDS = st.sampled_from((0.5, 4.0, 29.0, 30.0, 31.0))
MEANT = st.sampled_from(("wait", "refuse", "accept"))
OPEN = {PaymentState.PENDING, PaymentState.REFUSED}


@dataclass
class Told:
    """A report, as the model knows it."""

    state: ReportState
    due_at: datetime | None
    lease: int | None = None
    """Which of the machine's claims holds it."""


@dataclass
class Known:
    """A payment, as the model knows it."""

    state: PaymentState = PaymentState.PENDING
    due_at: datetime | None = NOON
    hints: int = 0
    lease: int | None = None
    """Which of the machine's claims holds it."""
    back_at: datetime | None = None
    reports: dict[ReportType, Told] = field(default_factory=dict)
    happened: list[str] = field(default_factory=lambda: ["opened"])


class TwoProcesses(RuleBasedStateMachine):
    """Two processes at work on one ledger."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = TurnedClock()
        self.databases = [Database(url), Database(url)]
        self.ledgers = [
            Ledger(database, SECRETS, self.clock, SeededChance(seed)) for seed, database in enumerate(self.databases)
        ]
        self.run(lose_ledger(self.databases[0]))
        self.known: dict[int, Known] = {}
        self.claimed: dict[int, tuple[int, Payment]] = {}
        """What has been claimed by whom: claims of payments that may still be saved, however late."""
        self.deliveries: dict[int, tuple[int, DueReport]] = {}
        self.claims = 0

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        for database in self.databases:
            self.run(database.close())
        self.runner.close()

    # -- payments ------------------------------------------------------------------------------------------------

    @initialize()
    def some_are_open(self) -> None:
        for number in (1, 2):
            self.opens(0, number)
            self.known[number] = Known()

    @rule(process=PROCESSES, number=NUMBERS)
    def opens(self, process: int, number: int) -> None:
        self.run(self.ledgers[process].open(a_payment(number, due_at=NOON), Event(kind="opened")))

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.clock.turn(seconds)

    @rule(process=PROCESSES, number=NUMBERS, due_only=st.booleans())
    def claims_one(self, process: int, number: int, due_only: bool) -> None:
        known = self.known.get(number)
        free = known is not None and known.state in OPEN and (known.lease is None or self._is_due(known))
        expected = free and (not due_only or (known is not None and self._is_due(known)))
        claimed = self.run(self.ledgers[process].claim(trans_id(number), due_only=due_only))
        assert expected is (claimed is not None)
        if claimed is not None:
            self._leased(process, claimed)

    @rule(process=PROCESSES, limit=st.integers(1, 2))
    def claims_what_is_due(self, process: int, limit: int) -> None:
        due = {number: known.due_at for number, known in self.known.items() if self._is_due(known)}
        if len(set(due.values())) < len(due):
            limit = 2  # of two that are due since the same moment the database takes either: not to be played again
        claimed = self.run(self.ledgers[process].claim_due(limit))
        assert min(limit, len(due)) == len(claimed)
        taken = {self._number(payment) for payment in claimed}
        left = [due[number] for number in due.keys() - taken]
        assert all(due[number] <= moment for number in taken for moment in left)  # type: ignore[operator]
        for payment in sorted(claimed, key=self._number):  # the database returns them in any order
            self._leased(process, payment)

    @rule(process=PROCESSES, number=NUMBERS, back=st.booleans())
    def is_told_that_something_changed(self, process: int, number: int, back: bool) -> None:
        known = self.known.get(number)
        heeded = self.run(self.ledgers[process].nudge(trans_id(number), buyer_back=back))
        assert (known is not None and known.state in OPEN) is (heeded is not None)
        if known is None or heeded is None:
            return
        known.hints += 1
        known.back_at = (known.back_at or self.clock.moment) if back else known.back_at
        if known.lease is None or self._is_due(known):
            known.due_at = min(known.due_at or self.clock.moment, self.clock.moment)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data(), meant=MEANT, wait_s=SECONDS)
    def saves_what_it_saw(self, data: st.DataObject, meant: str, wait_s: float) -> None:
        claim = data.draw(st.sampled_from(sorted(self.claimed)))
        process, claimed = self.claimed.pop(claim)
        known, now = self.known[self._number(claimed)], self.clock.moment
        state = {"accept": PaymentState.ACCEPTED, "refuse": PaymentState.REFUSED, "wait": known.state}[meant]
        due_at = None if meant == "accept" else now + timedelta(seconds=wait_s)

        def decide(payment: Payment) -> Conclusion:
            after = replace(payment, state=state, due_at=due_at)
            told = {"accept": ReportType.CHARGE_SUCCESS, "refuse": ReportType.CHARGE_FAILURE}.get(meant)
            return Conclusion(payment=after, report=report_of(after, told, now) if told else None)

        after = self.run(self.ledgers[process].save(claimed, decide, lambda _before, _after: Event(kind=meant)))
        assert (known.lease == claim) is (after is not None)
        if after is None:
            return
        hints_since = known.hints - claimed.hints
        known.state, known.lease, known.hints, known.due_at = state, None, hints_since, due_at
        if hints_since and state in OPEN:
            known.due_at = now
        known.happened.append(meant)
        if meant == "accept":
            overtaken = known.reports.get(ReportType.CHARGE_FAILURE)
            if overtaken is not None and overtaken.state is ReportState.DUE and not self._on_its_way(overtaken):
                known.reports[ReportType.CHARGE_FAILURE] = Told(ReportState.SUPERSEDED, None)
            known.reports.setdefault(ReportType.CHARGE_SUCCESS, Told(ReportState.DUE, now))
        if meant == "refuse":
            known.reports.setdefault(ReportType.CHARGE_FAILURE, Told(ReportState.DUE, now + FAILURE_WAITS))

    @rule(process=PROCESSES, number=NUMBERS, data=st.data(), meant=MEANT, wait_s=SECONDS, told=st.booleans())
    def looks(self, process: int, number: int, data: st.DataObject, meant: str, wait_s: float, told: bool) -> None:
        self.claims_one(process, number, due_only=False)
        if told:
            self.is_told_that_something_changed(1 - process, number, back=False)
        if self.claimed:
            self.saves_what_it_saw(data, meant, wait_s)

    # -- reports -------------------------------------------------------------------------------------------------

    @rule(process=PROCESSES)
    def takes_reports(self, process: int) -> None:
        due = {
            (number, told)
            for number, known in self.known.items()
            for told, report in known.reports.items()
            if report.due_at is not None and report.due_at <= self.clock.moment
            if told is ReportType.CHARGE_FAILURE or not self._failure_goes_first(known)
        }
        claimed: list[DueReport] = self.run(self.ledgers[process].claim_due_reports(9))
        assert due == {(self._number(one.report), one.report.type) for one in claimed}
        for one in sorted(claimed, key=lambda one: (self._number(one.report), one.report.type)):
            self.claims += 1
            report = self.known[self._number(one.report)].reports[one.report.type]
            report.lease, report.due_at = self.claims, self.clock.moment + LEASE
            self.deliveries[self.claims] = (process, one)

    @rule(process=PROCESSES)
    def outlives_its_lease_while_it_delivers(self, process: int) -> None:
        self.takes_reports(process)
        self.clock.turn(31)
        self.takes_reports(1 - process)

    @precondition(lambda self: self.deliveries)
    @rule(data=st.data(), taken=st.booleans(), wait_s=SECONDS)
    def hears_from_saleor(self, data: st.DataObject, taken: bool, wait_s: float) -> None:
        claim = data.draw(st.sampled_from(sorted(self.deliveries)))
        process, due = self.deliveries.pop(claim)
        report = self.known[self._number(due.report)].reports[due.report.type]
        again = self.clock.moment + timedelta(seconds=wait_s)
        if taken:
            self.run(self.ledgers[process].report_delivered(due, already_processed=False))
        else:
            self.run(self.ledgers[process].report_failed(due, reason="down", retry_at=again))
        if report.lease == claim:
            report.state, report.due_at = (ReportState.DELIVERED, None) if taken else (ReportState.DUE, again)
            report.lease = None
            accepted = self.known[self._number(due.report)].state is PaymentState.ACCEPTED
            if not taken and accepted and due.report.type is ReportType.CHARGE_FAILURE:
                report.state, report.due_at = ReportState.SUPERSEDED, None
            self.known[self._number(due.report)].happened.append("report_delivered" if taken else "report_failed")

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_holds_what_the_model_holds(self) -> None:
        for number, known in self.known.items():
            held = self.run(self.ledgers[0].find(trans_id(number)))
            assert (known.state, known.due_at, known.hints, known.back_at, known.lease is not None) == (
                held.state,
                held.due_at,
                held.hints,
                held.buyer_back_at,
                held.lease is not None,
            )

    @invariant()
    def nothing_that_happened_is_missing(self) -> None:
        for number, known in self.known.items():
            history = self.run(self.ledgers[1].history(trans_id(number)))
            assert known.happened == [event.kind for _, event in history]

    @invariant()
    def reports_are_written_once_and_never_unwritten(self) -> None:
        for number, known in self.known.items():
            written = self.run(self.ledgers[1].reports_of(trans_id(number)))
            assert len(known.reports) == len(written)
            assert {told: report.state for told, report in known.reports.items()} == {
                report.type: state for report, state in written
            }

    def _is_due(self, known: Known) -> bool:
        return known.due_at is not None and known.due_at <= self.clock.moment

    def _on_its_way(self, report: Told) -> bool:
        return report.lease is not None and report.due_at is not None and report.due_at > self.clock.moment

    def _failure_goes_first(self, known: Known) -> bool:
        """Tell whether the payment's failure is due too, and older than its success, or just on its way."""
        failure = known.reports.get(ReportType.CHARGE_FAILURE)
        if failure is None or failure.due_at is None:
            return False
        return failure.due_at <= self.clock.moment or self._on_its_way(failure)

    def _leased(self, process: int, payment: Payment) -> None:
        self.claims += 1
        known = self.known[self._number(payment)]
        known.lease, known.due_at = self.claims, self.clock.moment + LEASE
        assert (known.due_at, known.hints) == (payment.due_at, payment.hints)
        self.claimed[self.claims] = (process, payment)

    @staticmethod
    def _number(named: Any) -> int:
        return next(number for number in (1, 2) if trans_id(number) == named.trans_id)


def test_two_processes_on_one_ledger(database_url: str) -> None:
    """Leases, hints, states and reports are what the rules say, after every single step, on both engines."""

    class OnThisLedger(TwoProcesses):
        def __init__(self) -> None:
            super().__init__(database_url)

    checks = settings(max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(OnThisLedger, settings=checks)
