"""What CinetPay's answers mean. Money rests on this."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments_kit import SIGNATURE, SITE_ID, a_payment, a_reply, an_opening_payment, trans_id
from pydantic import SecretStr

from saleor_cinetpay.cinetpay import CODES, CinetPayTransaction, CodeClass, TransactionStatus
from saleor_cinetpay.payments.verdict import (
    Found,
    NoAnswer,
    NotStarted,
    Observation,
    OnlyStatus,
    Verdict,
    VerdictKind,
    verdict,
)

PAYMENT = a_payment()
STATUSES = ["ACCEPTED", "REFUSED", "CANCELED", "CANCELLED", "PENDING", "WAITING_FOR_CUSTOMER", "", "SOMETHING_NEW"]
REFUSING_STATUSES = {"REFUSED", "CANCELED", "CANCELLED"}
REFUSING_CLASSES = {CodeClass.REFUSED, CodeClass.OPERATOR_UNAVAILABLE, CodeClass.CANCELLED}
UNKNOWN_CODES = ["", "999", "ABC"]

DIFFERENCES: Mapping[str, Mapping[str, str]] = {
    "another site": {"cpm_site_id": "445161"},
    "no site": {"cpm_site_id": ""},
    "another trans id": {"cpm_trans_id": trans_id(2)},
    "no trans id": {"cpm_trans_id": ""},
    "trans id in small letters": {"cpm_trans_id": PAYMENT.trans_id.lower() + "x"},
    "less": {"cpm_amount": "4999"},
    "a centime less": {"cpm_amount": "4999.99"},
    "more": {"cpm_amount": "50000"},
    "negative": {"cpm_amount": "-5000"},
    "no amount": {"cpm_amount": ""},
    "an amount that is none": {"cpm_amount": "5000 CFA"},
    "an amount with an exponent": {"cpm_amount": "5E3"},
    "an amount in other digits": {"cpm_amount": "٥٠٠٠"},
    "central African francs": {"cpm_currency": "XAF"},
    "another currency": {"cpm_currency": "USD"},
    "no currency": {"cpm_currency": ""},
    "another signature": {"signature": "forged"},
    "a signature cut short": {"signature": SIGNATURE[:-1]},
    "a signature in capitals": {"signature": SIGNATURE.upper()},
    "no signature": {"signature": ""},
    "a signature that is no ASCII": {"signature": "é"},
}
EQUALS: Mapping[str, Mapping[str, str]] = {
    "everything as stored": {},
    "the amount with decimals": {"cpm_amount": "5000.00"},
    "the amount with spaces": {"cpm_amount": " 5000 "},
    "the amount with leading zeros": {"cpm_amount": "005000"},
    "the currency's other name": {"cpm_currency": "XOF"},
    "the currency in small letters": {"cpm_currency": "cfa"},
    "spaces around everything": {"cpm_site_id": f" {SITE_ID} ", "signature": f" {SIGNATURE}\n", "cpm_result": " 00 "},
    "another phone, date and means of payment": {"cel_phone_num": "0101", "cpm_trans_date": "x", "payment_method": "?"},
}


def kind_of(code: str, status: str, difference: Mapping[str, str]) -> VerdictKind:
    """Say what the design asks for, in its own words, for a reply with every field filled in."""
    code_class = CODES[code].code_class if code in CODES else CodeClass.UNKNOWN
    if code == "00" and status == "ACCEPTED" and not difference:
        return VerdictKind.ACCEPTED
    if code == "00" or status == "ACCEPTED" or code_class is CodeClass.MONEY_BACK:
        return VerdictKind.SUSPECT
    said_otherwise = any(difference.values()) or difference.keys() & {"cpm_site_id", "cpm_trans_id"}
    if status in REFUSING_STATUSES and code_class in REFUSING_CLASSES and not said_otherwise:
        return VerdictKind.REFUSED
    return VerdictKind.PENDING


@pytest.mark.parametrize("code", [*CODES, *UNKNOWN_CODES])
def test_every_code_with_every_status_and_every_single_difference(code: str) -> None:
    """Only 00, ACCEPTED and all five equalities are accepted; only an explicit refusal about this payment refuses."""
    for status, (name, difference) in product(STATUSES, {"none": {}, **DIFFERENCES}.items()):
        seen = a_reply(PAYMENT, cpm_result=code, cpm_trans_status=status, **difference)
        assert (status, name, kind_of(code, status, difference)) == (status, name, verdict(PAYMENT, seen).kind)


@pytest.mark.parametrize("equal", EQUALS.values(), ids=EQUALS)
def test_what_is_equal_is_accepted(equal: Mapping[str, str]) -> None:
    """Equal is what means the same: amounts as numbers, CFA and XOF, and without stray spaces."""
    expected = Verdict(kind=VerdictKind.ACCEPTED, code="00", reason="accepted")
    assert expected == verdict(PAYMENT, a_reply(PAYMENT, **equal))


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        ("another site", "site_id"),
        ("another trans id", "trans_id"),
        ("less", "amount"),
        ("central African francs", "currency"),
        ("another signature", "signature"),
    ],
)
def test_paid_with_a_difference_is_suspect_and_says_which(difference: str, reason: str) -> None:
    """Whatever says "paid" without everything right is suspect, and its reason names the field."""
    expected = Verdict(kind=VerdictKind.SUSPECT, code="00", reason=reason)
    assert expected == verdict(PAYMENT, a_reply(PAYMENT, **DIFFERENCES[difference]))


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [("00", "REFUSED", "status"), ("00", "", "status"), ("604", "ACCEPTED", "result"), ("", "ACCEPTED", "result")],
)
def test_half_a_yes_is_suspect(code: str, status: str, reason: str) -> None:
    """00 with another status, and ACCEPTED with another code, are suspect."""
    seen = a_reply(PAYMENT, cpm_result=code, cpm_trans_status=status)
    assert Verdict(kind=VerdictKind.SUSPECT, code=code or None, reason=reason) == verdict(PAYMENT, seen)


def test_a_payment_without_a_signature_is_never_accepted() -> None:
    """Where we have no signature none is equal, not even an empty one."""
    for unsigned in (an_opening_payment(), a_payment(signature=SecretStr(""))):
        for shown in ("", SIGNATURE):
            assert "signature" == verdict(unsigned, a_reply(unsigned, signature=shown)).reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("601", "configuration"),
        ("609", "configuration"),
        ("613", "configuration"),
        ("605", "closed"),
        ("620", "closed"),
        ("604", "refused"),
        ("00", "accepted"),
        ("999", "unknown"),
    ],
)
def test_a_code_without_a_transaction_says_nothing_about_the_payment(code: str, reason: str) -> None:
    """A reply with only `status` leaves the payment pending, and what was known before stands."""
    expected = Verdict(kind=VerdictKind.PENDING, code=code, reason=reason, silent=True)
    assert expected == verdict(PAYMENT, OnlyStatus(code))


def test_nothing_begun_and_no_answer() -> None:
    """An empty reply is pending and silent; no reply is unavailable, with its reason."""
    assert Verdict(kind=VerdictKind.PENDING, reason="not_started", silent=True) == verdict(PAYMENT, NotStarted())
    assert Verdict(kind=VerdictKind.UNAVAILABLE, reason="gone") == verdict(PAYMENT, NoAnswer("gone"))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("FRAUD_DETECTED", Verdict(kind=VerdictKind.SUSPECT, code="664", reason="fraud")),
        ("Suspicion of fraud", Verdict(kind=VerdictKind.SUSPECT, code="664", reason="fraud")),
        ("WAITING_CUSTOMER_PAYMENT_AT_OPERATOR_SIDE", Verdict(kind=VerdictKind.PENDING, code="664", reason="pending")),
        ("", Verdict(kind=VerdictKind.PENDING, code="664", reason="pending")),
    ],
)
def test_664_is_fraud_only_where_its_message_says_so(message: str, expected: Verdict) -> None:
    """Two sources disagree about 664; its message decides."""
    seen = a_reply(PAYMENT, cpm_result="664", cpm_trans_status="PENDING", cpm_error_message=message)
    assert expected == verdict(PAYMENT, seen)


@pytest.mark.parametrize(
    ("code", "status", "bounded", "reason"),
    [
        ("999", "PENDING", True, "unknown"),
        ("624", "REFUSED", True, "unknown"),
        ("", "REFUSED", True, "no_code"),
        ("", "", False, "no_code"),
        ("607", "PENDING", False, "pending"),
        ("604", "PENDING", False, "refused"),
        ("609", "REFUSED", False, "configuration"),
        ("605", "REFUSED", False, "closed"),
    ],
)
def test_pending_is_bounded_where_nobody_knows_the_code(code: str, status: str, bounded: bool, reason: str) -> None:
    """An unknown code, or a refusal without one, waits a bounded time; what is known waits as long as it takes."""
    expected = Verdict(kind=VerdictKind.PENDING, code=code or None, reason=reason, bounded=bounded)
    assert expected == verdict(PAYMENT, a_reply(PAYMENT, cpm_result=code, cpm_trans_status=status))


@pytest.mark.parametrize("difference", [name for name in DIFFERENCES if not name.startswith("no ")])
def test_a_refusal_of_another_payment_says_nothing_about_this_one(difference: str) -> None:
    """A refusal that names another site, payment, amount, currency or form is a wrong reply."""
    seen = a_reply(PAYMENT, cpm_result="604", cpm_trans_status="REFUSED", **DIFFERENCES[difference])
    assert Verdict(kind=VerdictKind.PENDING, reason="wrong_reply", silent=True) == verdict(PAYMENT, seen)


@pytest.mark.parametrize("difference", ["no amount", "no currency", "no signature"])
def test_a_refusal_may_leave_fields_empty(difference: str) -> None:
    """A refusal about this very payment counts although it doesn't repeat amount, currency or signature."""
    seen = a_reply(PAYMENT, cpm_result="627", cpm_trans_status="CANCELLED", **DIFFERENCES[difference])
    assert Verdict(kind=VerdictKind.REFUSED, code="627", reason="cancelled") == verdict(PAYMENT, seen)


wire_text = st.one_of(st.text(max_size=30), st.sampled_from(["", "00", "0", "ACCEPTED", SITE_ID, SIGNATURE, "5000"]))
TRUTH = a_reply(PAYMENT).transaction.model_dump() | {"signature": SIGNATURE}
fields_said = {
    name: st.one_of(st.just(TRUTH[name]), wire_text)
    for name in ("cpm_site_id", "cpm_trans_id", "cpm_amount", "cpm_currency", "signature")
} | {
    "cpm_result": st.one_of(st.sampled_from([*CODES, *UNKNOWN_CODES]), wire_text),
    "cpm_trans_status": st.one_of(st.sampled_from(STATUSES), wire_text),
    "cpm_error_message": wire_text,
}
transactions = st.fixed_dictionaries({}, optional=fields_said).map(CinetPayTransaction.model_validate)
observations: st.SearchStrategy[Observation] = st.one_of(
    transactions.map(Found), st.just(NotStarted()), wire_text.map(OnlyStatus), wire_text.map(NoAnswer)
)


@given(seen=observations)
def test_whatever_is_seen_gets_one_verdict(seen: Observation) -> None:
    """No answer whatever makes the verdict raise; accepted and refused come only with their explicit words."""
    meant = verdict(PAYMENT, seen)
    if meant.kind is VerdictKind.ACCEPTED:
        assert isinstance(seen, Found)
        shown = seen.transaction
        assert (SITE_ID, PAYMENT.trans_id, Decimal(5000), SIGNATURE, "00", TransactionStatus.ACCEPTED) == (
            shown.cpm_site_id,
            shown.cpm_trans_id,
            shown.amount,
            shown.signature.get_secret_value(),
            shown.cpm_result,
            shown.status,
        )
        assert shown.cpm_currency.upper() in {"CFA", "XOF"}
    if meant.kind is VerdictKind.REFUSED:
        assert isinstance(seen, Found)
        assert seen.transaction.cpm_trans_status in REFUSING_STATUSES
        assert seen.transaction.cpm_trans_id == PAYMENT.trans_id
    if meant.kind is VerdictKind.UNAVAILABLE:
        assert isinstance(seen, NoAnswer)


@given(seen=transactions)
def test_another_payment_never_profits_from_this_ones_reply(seen: CinetPayTransaction) -> None:
    """No reply is an acceptance of two payments."""
    other = replace(PAYMENT, fields=replace(PAYMENT.fields, trans_id=trans_id(2)))
    accepted = [VerdictKind.ACCEPTED is verdict(payment, Found(seen)).kind for payment in (PAYMENT, other)]
    assert [True, True] != accepted
