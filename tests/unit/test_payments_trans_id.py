"""A trans id is a Saleor transaction's id in other letters."""

import base64
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments_kit import transaction_id

from saleor_cinetpay.payments.trans_id import ALPHABET, LENGTH, TransactionId, trans_id_of, transaction_id_of


def b64(written: str) -> str:
    return base64.b64encode(written.encode()).decode()


@given(number=st.uuids().map(lambda token: token.int) | st.sampled_from([0, 1, 2**128 - 1]))
def test_a_transaction_is_found_again_from_its_trans_id(number: int) -> None:
    """The two ids are one-to-one, and the trans id is 26 characters of Crockford's base32."""
    trans_id = trans_id_of(transaction_id(number))
    assert (LENGTH, set()) == (len(trans_id), set(trans_id) - set(ALPHABET))
    assert transaction_id(number) == transaction_id_of(trans_id)


def test_a_trans_id_is_the_same_for_ever() -> None:
    """What CinetPay was sent years ago is still found."""
    known = TransactionId(b64("TransactionItem:0f6a7f3c-9d1e-4b52-8c3a-5e2b7d914a60"))
    assert "0FD9ZKS78Y9D98REJY5DYS2JK0" == trans_id_of(known)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "no base64",
        "VHJhbnNhY3Rpb25JdGVtOjE",
        "é",
        b64("TransactionItem:1"),
        b64("TransactionItem:"),
        b64("TransactionItem"),
        b64(f"Checkout:{uuid.UUID(int=1)}"),
        base64.b64encode(b"TransactionItem:\xff").decode(),
    ],
)
def test_what_is_no_transaction_has_no_trans_id(written: str) -> None:
    """Ids of other things, and texts that are no ids, are refused."""
    with pytest.raises(ValueError, match="of a Saleor transaction"):
        trans_id_of(TransactionId(written))


@pytest.mark.parametrize(
    "written", ["", "T1", "0" * 25, "0" * 27, "0" * 25 + "o", "0" * 25 + "U", "8" + "0" * 25, "Z" * 26, "０" * 26]
)
def test_a_strangers_trans_id_is_nobodys(written: str) -> None:
    """Other lengths, letters outside the alphabet, and numbers beyond 128 bits are none of ours."""
    assert transaction_id_of(written) is None
