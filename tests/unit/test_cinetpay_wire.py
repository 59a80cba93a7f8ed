"""What CinetPay answers, and how it is judged."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from saleor_cinetpay.cinetpay import (
    CODES,
    CinetPayBalance,
    CinetPayFigures,
    CinetPayTransaction,
    CodeClass,
    History,
    TransactionStatus,
    decode_reply,
)
from saleor_cinetpay.cinetpay.wire import read_balance, read_history, read_signature, read_transaction
from saleor_cinetpay.errors import CinetPayRefused, CinetPayUnavailable, CinetPayUnintelligible

KEY = "21585943f75164bbc2.38014630"
READERS: tuple[Callable[[object], object], ...] = (read_signature, read_transaction, read_history, read_balance)
GUIDES_EXAMPLE = {
    "cpm_site_id": "296911",
    "signature": "4dfbf5b8f40818abffe754b8a8aa04e4d29af25f",
    "cpm_amount": "11",
    "cpm_trans_date": "04092017140045",
    "cpm_trans_id": "50445985950",
    "cpm_custom": "08373459U",
    "cpm_currency": "CFA",
    "cpm_payid": "MP170904.1401.A91088",
    "cpm_payment_date": "2017-09-04",
    "cpm_payment_time": "14:01:35",
    "cpm_error_message": "SUCCES",
    "payment_method": "OM",
    "cpm_phone_prefixe": "225",
    "cel_phone_num": "79557788",
    "cpm_ipn_ack": "Y",
    "created_at": "2017-09-04 14:00:54",
    "updated_at": "2017-09-04 14:01:06",
    "cpm_result": "00",
    "cpm_trans_status": "ACCEPTED",
    "cpm_designation": "Test",
    "buyer_name": "",
}


def transaction(**fields: object) -> CinetPayTransaction:
    return CinetPayTransaction.model_validate(fields)


def reply(content: object) -> bytes:
    return json.dumps(content).encode()


def test_the_guides_example_is_read() -> None:
    """The guide's own checkPayStatus example gives all that a verdict needs."""
    read = decode_reply(200, reply({"transaction": GUIDES_EXAMPLE}), read_transaction)

    assert read is not None
    assert GUIDES_EXAMPLE == read.model_dump() | {
        "signature": read.signature.get_secret_value(),
        "cel_phone_num": read.cel_phone_num.get_secret_value(),
    }
    assert (Decimal(11), TransactionStatus.ACCEPTED, "00") == (read.amount, read.status, read.cpm_result)
    assert datetime(2017, 9, 4, 14, 1, 35, tzinfo=UTC) == read.paid_at
    assert datetime(2017, 9, 4, 14, 0, 54, tzinfo=UTC) == read.began_at


def test_values_are_read_tolerantly() -> None:
    """Numbers, nothing, HTML entities, stray spaces, NULs and half surrogates all become clean text."""
    body = (
        b'{"transaction": {"cpm_amount": 5000.00, "cpm_site_id": 296911, "cpm_custom": null, "cpm_result": 0,'
        b'"cpm_designation": " L&#039;&quot;atelier&quot; \\u0000", "buyer_name": "\\ud800", "cpm_payid": ["x"],'
        b'"cpm_ipn_ack": true, "cpm_trans_status": " accepted ", "cpm_phone_prefix": 225, "payment_method": "\xe9"}}'
    )

    assert transaction(
        cpm_amount="5000.00",
        cpm_site_id="296911",
        cpm_result="00",
        cpm_designation='L\'"atelier"',
        buyer_name="?",
        cpm_trans_status="ACCEPTED",
        cpm_phone_prefixe="225",
        payment_method="\ufffd",
    ) == decode_reply(200, body, read_transaction)


def test_secrets_stay_out_of_a_transactions_repr() -> None:
    """Neither the signature nor the phone number nor the buyer's name shows in a transaction's repr."""
    shown = repr(transaction(signature="4dfbf5b8", cel_phone_num="79557788", buyer_name="a name"))

    assert [] == [secret for secret in ("4dfbf5b8", "79557788", "a name") if secret in shown]


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        *((Decimal(5000), written) for written in ("5000", " 5000 ", "5000.00", 5000, Decimal("5000.0"))),
        (Decimal("-5"), "-5"),
        *(
            (None, written)
            for written in ("", None, "NaN", "Infinity", "1e9", "5 000", "5_000", "5000,5", "٥", "9" * 16)
        ),
    ],
)
def test_an_amount_is_a_finite_number_or_nothing(amount: Decimal | None, written: object) -> None:
    """Every spelling of a plain number gives that number, anything else gives none."""
    assert amount == transaction(cpm_amount=written).amount


@pytest.mark.parametrize(
    ("status", "written"),
    [
        (TransactionStatus.ACCEPTED, "ACCEPTED"),
        (TransactionStatus.ACCEPTED, " accepted"),
        (TransactionStatus.REFUSED, "REFUSED"),
        (TransactionStatus.CANCELED, "CANCELED"),
        (TransactionStatus.CANCELED, "CANCELLED"),
        (TransactionStatus.PENDING, "PENDING"),
        (TransactionStatus.PENDING, "WAITING_FOR_CUSTOMER"),
        (TransactionStatus.PENDING, "WAITING_CUSTOMER_PAYMENT"),
        (TransactionStatus.UNKNOWN, "WAITING"),
        (TransactionStatus.UNKNOWN, "ACCEPTED!"),
        (TransactionStatus.UNKNOWN, None),
    ],
)
def test_every_spelling_of_a_status_is_known(status: TransactionStatus, written: object) -> None:
    """A status is one of four, and UNKNOWN where it is none of their spellings."""
    assert status == transaction(cpm_trans_status=written).status


@pytest.mark.parametrize(
    ("day", "time"),
    [
        ("", ""),
        ("2017-09-04", ""),
        ("", "14:01:35"),
        ("0000-00-00", "00:00:00"),
        ("1970-01-01", "00:00:00"),
        ("2017-02-30", "10:00:00"),
        ("2017-09-04", "25:00:00"),
        ("yesterday", "noon"),
    ],
)
def test_a_senseless_time_is_none(day: str, time: str) -> None:
    """Empty, zero, impossible and prehistoric times give no time."""
    read = transaction(cpm_payment_date=day, cpm_payment_time=time, created_at=f"{day} {time}")

    assert (None, None) == (read.paid_at, read.began_at)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("code", sorted(CODES))
def test_a_bare_status_is_a_refusal(code: str, read: Callable[[object], object]) -> None:
    """An object that holds only a status is CinetPayRefused with that code's texts; 00 alone refuses nothing."""
    body = reply({"status": {"code": code, "message": CODES[code].name}})

    if code == "00":
        with pytest.raises(CinetPayUnintelligible):
            decode_reply(200, body, read)
        return
    with pytest.raises(CinetPayRefused) as refused:
        decode_reply(200, body, read)
    assert (code, CODES[code].buyer, CODES[code].merchant) == (
        refused.value.code,
        refused.value.buyer,
        refused.value.merchant,
    )
    assert f"CinetPay refused: {code} {CODES[code].name}" == str(refused.value)


def test_a_refusal_for_fraud_is_told_as_such() -> None:
    """A bare 664 whose message speaks of fraud does not tell the buyer to wait."""
    with pytest.raises(CinetPayRefused, match="664 FRAUD_DETECTED"):
        decode_reply(200, reply({"status": {"code": 664, "message": "FRAUD_DETECTED"}}), read_transaction)


@pytest.mark.parametrize("http_status", [200, 400, 401, 403, 404, 429])
def test_a_refusal_counts_with_any_4xx(http_status: int) -> None:
    """CinetPay's own status object is believed beside an HTTP 200 or 4xx."""
    with pytest.raises(CinetPayRefused):
        decode_reply(http_status, reply({"status": {"code": 609, "message": "AUTH_NOT_FOUND"}}), read_signature)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"<!doctype html><title>502</title>",
        b"[]",
        b"{}",
        b"null",
        b'""',
        b"NaN",
        b'{"transaction": {"cpm_result": "00"',
        b"95db7a68358e8cb8831db947d8abcfe002af755",
        b"\xff\xfe",
        b"[" * 60_000,
        b"1e99999999999999999999",
    ],
)
def test_no_word_of_cinetpay_is_unavailable(body: bytes, read: Callable[[object], object]) -> None:
    """A page, nothing, an empty value and broken JSON are CinetPay being away, never a refusal."""
    with pytest.raises(CinetPayUnavailable) as unavailable:
        decode_reply(200, body, read, retry_after_s=7)

    assert (True, 7) == (unavailable.value.maybe_carried_out, unavailable.value.retry_after_s)


@pytest.mark.parametrize("http_status", [201, 204, 301, 302, 307, 500, 502, 503])
@pytest.mark.parametrize(
    "content", [{"status": {"code": "609", "message": "AUTH_NOT_FOUND"}}, {"transaction": GUIDES_EXAMPLE}]
)
def test_3xx_and_5xx_are_unavailable_whatever_they_say(http_status: int, content: object) -> None:
    """A redirect, a server error and an odd success are CinetPay being away, even with a body that would do."""
    with pytest.raises(CinetPayUnavailable, match=f"HTTP {http_status}"):
        decode_reply(http_status, reply(content), read_transaction)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "content",
    [
        {"foo": "bar"},
        [1],
        0,
        False,
        "two words",
        {"status": "error"},
        {"status": {"message": "no code"}},
        {"status": {"code": KEY, "message": "x"}},
        {"status": {"code": "609", "message": "AUTH_NOT_FOUND"}, "more": 1},
        {"transaction": "text"},
        {"Transactions": "text"},
        {"user": []},
        {"user": {}},
    ],
)
def test_undocumented_json_is_unintelligible(content: object, read: Callable[[object], object]) -> None:
    """JSON of no documented shape is neither a refusal nor an outage, and its error quotes nothing of it."""
    with pytest.raises(CinetPayUnintelligible) as unintelligible:
        decode_reply(200, reply(content), read)

    assert KEY not in repr(unintelligible.value)


@pytest.mark.parametrize("signature", ["95db7a68358e8cb8831db947d8abcfe002af755", "a" * 40, "f" * 68, "=+/"])
def test_a_signature_is_opaque_text(signature: str) -> None:
    """A bare JSON string is the signature, whatever its length; spaces around it fall."""
    assert SecretStr(signature) == decode_reply(200, reply(f" {signature}\n"), read_signature)


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_an_empty_transaction_is_a_payment_not_begun(nothing: object) -> None:
    """A reply whose transaction is empty says nothing, which is neither refused nor an error."""
    assert None is decode_reply(200, reply({"transaction": nothing}), read_transaction)


FIRST, SECOND = {"cpm_trans_id": "T1"}, {"cpm_trans_id": "T2"}


@pytest.mark.parametrize(
    ("trans_ids", "unreadable", "transactions"),
    [
        (["T1", "T2"], 0, {"transaction": [FIRST, SECOND]}),
        (["T1"], 0, {"transaction": FIRST}),
        ([], 0, {"transaction": []}),
        ([], 0, {"transaction": None}),
        ([], 0, {"other": 1}),
        ([], 0, {}),
        ([], 0, []),
        ([], 0, None),
        ([], 0, ""),
        (["T1", "T2"], 4, {"transaction": [FIRST, "text", None, [], {"cpm_amount": "5"}, SECOND]}),
        ([], 1, {"transaction": "text"}),
    ],
)
def test_one_unreadable_row_hides_no_other(trans_ids: list[str], unreadable: int, transactions: object) -> None:
    """A history is a list, one object or nothing; rows that are no transactions are counted and skipped."""
    history = decode_reply(200, reply({"Transactions": transactions}), read_history)

    assert trans_ids == [row.cpm_trans_id for row in history.transactions]
    assert unreadable == history.unreadable


def test_a_balance_is_decimals_that_may_be_empty() -> None:
    """The guide's example gives decimals; empty figures and a missing purse give none."""
    compte = {"solde": "865.4", "credit": 900, "debit": ""}
    figures = CinetPayFigures(solde=Decimal("865.4"), credit=Decimal(900), debit=None)

    assert CinetPayBalance(compte=figures) == decode_reply(200, reply({"user": {"compte": compte}}), read_balance)
    assert CinetPayBalance(service=figures) == decode_reply(
        200, reply({"user": {"compte": [], "service": compte}}), read_balance
    )


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "code", "message", "transaction", "Transactions", "user", "compte", "solde"])
            | st.sampled_from(list(GUIDES_EXAMPLE)),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.binary(max_size=64) | json_values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(READERS),
    st.sampled_from([200, 204, 302, 404, 429, 500]),
)
def test_any_bytes_are_judged(body: bytes, read: Callable[[object], object], http_status: int) -> None:
    """Whatever arrives is a typed result or one of CinetPay's errors, and every property of a result can be read."""
    try:
        result = decode_reply(http_status, body, read)
    except (CinetPayRefused, CinetPayUnavailable, CinetPayUnintelligible):
        return
    assert 200 == http_status
    assert result is None or isinstance(result, SecretStr | CinetPayTransaction | History | CinetPayBalance)
    for row in result.transactions if isinstance(result, History) else [result]:
        if isinstance(row, CinetPayTransaction):
            assert row.status in TransactionStatus
            assert row.amount is None or row.amount.is_finite()
            assert all(moment is None or moment.tzinfo is UTC for moment in (row.paid_at, row.began_at))
            row.model_dump_json().encode()


def test_a_result_leads_to_its_code() -> None:
    """A history row's normalised result is a key of the code table."""
    assert CodeClass.REFUSED == CODES[transaction(cpm_result=604).cpm_result].code_class
