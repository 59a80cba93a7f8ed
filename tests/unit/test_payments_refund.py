"""A refund's reference, and which of a transaction's events a call is about."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from fakes import NOON
from payments_kit import trans_id, transaction_id

from saleor_cinetpay.cinetpay import CinetPayTransaction, PhoneNumber
from saleor_cinetpay.payments.refund import reference_of
from webhooks.payloads import SaleorActedTransaction, TransactionRefundRequested


def test_a_reference_is_the_keys() -> None:
    """The same key gives the same reference for ever; another key, or another payment, gives another."""
    assert "00000000000000000000000001-YPF7Q7B8R86CKPDV" == reference_of(trans_id(), "key")
    others = {reference_of(trans_id(number), key) for number in (1, 2) for key in ("key", "", "Key", "k" * 512)}
    assert 8 == len(others)
    assert {43} == {len(reference) for reference in others}


def an_event(kind: str = "REFUND_REQUEST", key: str | None = "k", **changes: Any) -> dict[str, Any]:
    event = {
        "id": f"event of {key}",
        "type": kind,
        "pspReference": "",
        "amount": {"amount": Decimal("5000.0"), "currency": "XOF"},
        "createdAt": NOON.isoformat(),
        "message": "",
        "idempotencyKey": key,
    }
    return event | changes


@pytest.mark.parametrize(
    ("events", "key"),
    [
        ([an_event()], "k"),
        ([an_event(key="old"), an_event(key="new", createdAt=(NOON + timedelta(seconds=1)).isoformat())], "new"),
        ([an_event(key="new", createdAt=(NOON + timedelta(seconds=1)).isoformat()), an_event(key="old")], "new"),
        ([an_event(key="first"), an_event(key="second")], "second"),
        ([an_event(key="ours"), an_event(key="answered", pspReference="R1")], "ours"),
        ([an_event(key="ours"), an_event("REFUND_FAILURE", key="failure")], "ours"),
        ([an_event(key="ours"), an_event(key="other", amount={"amount": 2000, "currency": "XOF"})], "ours"),
        ([an_event(key="other", amount={"amount": 2000, "currency": "XOF"})], "other"),
        ([an_event(key=None)], "event of None"),
        ([an_event(key="")], "event of "),
        ([an_event("CHARGE_SUCCESS")], None),
        ([], None),
    ],
)
def test_the_request_is_the_newest_without_reference(events: list[dict[str, Any]], key: str | None) -> None:
    """A call's own key stands in the newest open request of its amount; where there is no key, the event's id does."""
    transaction = SaleorActedTransaction.model_validate({"id": transaction_id(), "events": events})
    found = transaction.request("REFUND_REQUEST", Decimal(5000))
    assert key == (found.key if found else None)


def test_what_can_not_be_stored_is_dropped() -> None:
    """NUL and half surrogates in what staff typed, or in a key, do not keep a request from being written."""
    event = an_event(key="k\x00\ud800", message="a\x00b\udfff")
    (read,) = SaleorActedTransaction.model_validate({"id": transaction_id(), "events": [event]}).events
    assert ("k?", "ab?") == (read.key, read.message)


@pytest.mark.parametrize(
    ("principal", "name"),
    [({"email": "awa@shop.example"}, "awa@shop.example"), ({"name": "POS"}, "POS"), ({}, ""), (None, None)],
)
def test_who_asked(principal: dict[str, str] | None, name: str | None) -> None:
    """A user is known by the e-mail address, an app by its name; Saleor may say nothing."""
    call = TransactionRefundRequested.model_validate(
        {
            "__typename": "TransactionRefundRequested",
            "issuedAt": NOON.isoformat(),
            "recipient": {"id": "QXBwOjE="},
            "issuingPrincipal": principal,
            "action": {"amount": Decimal(5), "currency": "XOF"},
            "transaction": {"id": transaction_id(), "events": []},
        }
    )
    assert name == (call.issuing_principal and call.issuing_principal.name)


@pytest.mark.parametrize(
    ("number", "prefix", "phone"),
    [
        ("0707080910", "225", PhoneNumber("225", "0707080910")),
        ("07 07 08 09 10", "+225", PhoneNumber("225", "0707080910")),
        ("+2250707080910", "", PhoneNumber("225", "0707080910")),
        ("0707080910", "", PhoneNumber("", "0707080910")),
        ("0707080910", "none", PhoneNumber("", "0707080910")),
        ("", "225", None),
        ("1234", "225", None),
        ("a number", "225", None),
    ],
)
def test_the_number_that_paid(number: str, prefix: str, phone: PhoneNumber | None) -> None:
    """The number is read as CinetPay shows it, also without a prefix; what can't be a number is none."""
    shown = CinetPayTransaction.model_validate({"cel_phone_num": number, "cpm_phone_prefixe": prefix})
    assert phone == shown.phone
