"""Whatever CinetPay answers, in whatever order and at whatever times, money is counted right."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from fakes import NOON
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from payments_kit import AMOUNT, POLICY, a_payment, a_reply

from saleor_cinetpay.payments.conclusion import conclude
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.report import Report, ReportType
from saleor_cinetpay.payments.verdict import NoAnswer, NotStarted, Observation, OnlyStatus, verdict

RIGHT: Mapping[str, str] = {}
REPLIES: list[Mapping[str, str]] = [
    {"cpm_result": "604", "cpm_trans_status": "REFUSED"},
    {"cpm_result": "627", "cpm_trans_status": "CANCELLED"},
    {"cpm_result": "662", "cpm_trans_status": "PENDING"},
    {"cpm_result": "999", "cpm_trans_status": "REFUSED"},
    {"cpm_result": "660", "cpm_trans_status": "ACCEPTED"},
    {"cpm_amount": "4999"},
    {"signature": "forged"},
    {"cpm_trans_status": "REFUSED"},
]
WORDLESS: list[Observation] = [NotStarted(), NoAnswer("gone"), OnlyStatus("609"), OnlyStatus("605")]


class OnePayment(RuleBasedStateMachine):
    """A payment from its opening on, as CinetPay, the buyer and the clock please."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.payment = a_payment(due_at=NOON + timedelta(seconds=5))
        self.reports: list[Report] = []
        self.paid = False
        self.doubted = False

    @rule(seconds=st.integers(0, 4000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.payment.due_at is not None)
    @rule()
    def the_next_look_is_due(self) -> None:
        assert self.payment.due_at is not None
        self.now = max(self.now, self.payment.due_at)

    @rule()
    def the_buyer_comes_back(self) -> None:
        self.payment = replace(self.payment, buyer_back_at=self.payment.buyer_back_at or self.now)

    @rule()
    def the_buyer_goes_to_pay(self) -> None:
        self.payment = replace(self.payment, buyer_back_at=None)

    @rule()
    def initialize_fails(self) -> None:
        if self.payment.state is not PaymentState.ACCEPTED:
            self.payment = replace(self.payment, failure_told_at=self.now)

    @rule(reply=st.sampled_from(REPLIES), draw=st.floats(0, 0.999))
    def cinetpay_says(self, reply: Mapping[str, str], draw: float) -> None:
        self._look(a_reply(self.payment, **reply), draw)

    @rule(draw=st.floats(0, 0.999))
    def the_buyer_comes_back_refused(self, draw: float) -> None:
        self.the_buyer_comes_back()
        self._look(a_reply(self.payment, **REPLIES[0]), draw)

    @rule(seen=st.sampled_from(WORDLESS), draw=st.floats(0, 0.999))
    def cinetpay_says_nothing(self, seen: Observation, draw: float) -> None:
        self._look(seen, draw)

    @rule(paid_s_ago=st.integers(-100, 4000), draw=st.floats(0, 0.999))
    def cinetpay_says_that_all_is_paid(self, paid_s_ago: int, draw: float) -> None:
        paid_at = self.now - timedelta(seconds=paid_s_ago)
        self.paid = True
        self._look(
            a_reply(self.payment, cpm_payment_date=f"{paid_at:%Y-%m-%d}", cpm_payment_time=f"{paid_at:%H:%M:%S}"), draw
        )
        assert PaymentState.ACCEPTED is self.payment.state

    @invariant()
    def accepted_means_paid_and_is_final(self) -> None:
        assert self.paid is (self.payment.state is PaymentState.ACCEPTED)

    @invariant()
    def saleor_is_told_the_truth_once(self) -> None:
        successes = self._times(ReportType.CHARGE_SUCCESS)
        failures = self._times(ReportType.CHARGE_FAILURE)
        assert int(self.paid) == len(successes)
        assert len(failures) <= 1
        assert {AMOUNT} >= {report.amount for report in self.reports}
        if successes and self.payment.failure_told_at is not None:
            assert successes[0] >= self.payment.failure_told_at + timedelta(seconds=1)
        if successes and failures:
            assert ReportType.CHARGE_SUCCESS is self.reports[-1].type
            assert successes[0] >= failures[0] + timedelta(seconds=1)

    @invariant()
    def a_suspicion_is_lifted_only_by_an_acceptance(self) -> None:
        self.doubted = self.doubted or self.payment.state is PaymentState.SUSPECT
        assert not self.doubted or self.payment.state in {PaymentState.SUSPECT, PaymentState.ACCEPTED}

    @invariant()
    def what_is_not_paid_stays_watched(self) -> None:
        if self.payment.due_at is None and not self.paid:
            assert self.now + timedelta(seconds=POLICY.delays_s[-1]) >= self.payment.watch_until

    def _look(self, seen: Observation, draw: float) -> None:
        concluded = conclude(
            self.payment,
            seen,
            verdict(self.payment, seen),
            began_at=self.now,
            now=self.now,
            policy=POLICY,
            draw=draw,
        )
        self.payment = concluded.payment
        if concluded.report is not None:
            self.reports.append(concluded.report)

    def _times(self, report_type: ReportType) -> list[datetime]:
        return [report.time for report in self.reports if report.type is report_type]


OnePayment.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestOnePayment = OnePayment.TestCase
