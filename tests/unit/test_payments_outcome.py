"""What storefronts and buyers are told of a payment."""

from datetime import timedelta

import pytest
from fakes import NOON
from payments_kit import POLICY, a_payment, an_opening_payment

from saleor_cinetpay.cinetpay import describe
from saleor_cinetpay.locale import Language
from saleor_cinetpay.payments.outcome import ACCEPTED, ENDED, PENDING, REVIEW, Outcome, Status, outcome_of
from saleor_cinetpay.payments.payment import Payment, PaymentState

END = NOON + POLICY.watch
WRONG_CODE = describe("604").buyer


@pytest.mark.parametrize(
    ("payment", "expected"),
    [
        (
            a_payment(state=PaymentState.ACCEPTED, code="00"),
            Outcome(status=Status.ACCEPTED, code="00", message=ACCEPTED, can_retry=False),
        ),
        (
            a_payment(state=PaymentState.SUSPECT, code="00"),
            Outcome(status=Status.REVIEW, code="00", message=REVIEW, can_retry=False),
        ),
        (
            a_payment(state=PaymentState.REFUSED, code="604"),
            Outcome(status=Status.REFUSED, code="604", message=WRONG_CODE, can_retry=True),
        ),
        (a_payment(), Outcome(status=Status.PENDING, code=None, message=PENDING, can_retry=False)),
        (an_opening_payment(), Outcome(status=Status.PENDING, code=None, message=PENDING, can_retry=False)),
    ],
)
def test_each_state_has_its_outcome(payment: Payment, expected: Outcome) -> None:
    """Status, code, text and whether to try again follow from the state, also long after."""
    assert expected == outcome_of(payment, NOON)
    if expected.status is not Status.PENDING:
        assert expected == outcome_of(payment, END + timedelta(days=1))


def test_a_refusal_in_its_grace_says_what_the_attempt_met() -> None:
    """The payment is pending, and the buyer reads why the last attempt failed and that the page takes another."""
    outcome = outcome_of(a_payment(code="604", refusal_seen_at=NOON), NOON)
    message = outcome.message.say(Language.ENGLISH)
    assert (Status.PENDING, "604", False) == (outcome.status, outcome.code, outcome.can_retry)
    assert f"{WRONG_CODE.say(Language.ENGLISH)} You can try again on the payment page." == message


def test_a_payment_that_was_never_paid_ends() -> None:
    """After its watch a pending payment may be started again."""
    just_before = outcome_of(a_payment(), END - timedelta(seconds=1))
    assert (PENDING, False) == (just_before.message, just_before.can_retry)
    assert Outcome(status=Status.PENDING, code=None, message=ENDED, can_retry=True) == outcome_of(a_payment(), END)


@pytest.mark.parametrize("state", PaymentState)
def test_who_is_watched_and_who_can_pay(state: PaymentState) -> None:
    """Only an acceptance or the end ends the watch; only a pending payment with its form can be paid."""
    payment = a_payment(state=state)
    watched = state is not PaymentState.ACCEPTED
    assert [watched, False] == [payment.watched(END - timedelta(seconds=1)), payment.watched(END)]
    assert (state is PaymentState.PENDING) is payment.open_to_pay
    assert not a_payment(state=state, api_key=None).open_to_pay
