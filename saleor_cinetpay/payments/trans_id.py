"""CinetPay's `cpm_trans_id` made from Saleor's transaction id, and read back.

A Saleor transaction is known by a random UUID (`TransactionItem:<uuid>` in base64). Its 128 bits are written as
26 characters of Crockford's base32: unique, unguessable, short enough for every generation of CinetPay's API,
and, should our ledger be lost, enough to find the transaction again.
"""

import base64
import binascii
import uuid
from functools import lru_cache
from typing import NewType

TransId = NewType("TransId", str)
TransactionId = NewType("TransactionId", str)
"""Saleor's GraphQL id of a transaction."""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26
_KIND = "TransactionItem"


@lru_cache(maxsize=1000)
def trans_id_of(transaction_id: TransactionId) -> TransId:
    """Return the trans id of a Saleor transaction.

    Raises:
        ValueError: where that is no id of a transaction.
    """
    try:
        kind, _, token = base64.b64decode(transaction_id, validate=True).decode().partition(":")
        number = uuid.UUID(token).int
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ValueError("not the id of a Saleor transaction") from None
    if kind != _KIND:
        raise ValueError(f"the id of a {kind}, not of a Saleor transaction")
    characters = [ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(LENGTH))]
    return TransId("".join(characters))


def transaction_id_of(trans_id: str) -> TransactionId | None:
    """Return the Saleor transaction whose trans id this is, or None where it is none of ours."""
    if len(trans_id) != LENGTH or any(character not in ALPHABET for character in trans_id):
        return None
    number = 0
    for character in trans_id:
        number = number << 5 | ALPHABET.index(character)
    if number >> 128:
        return None
    return TransactionId(base64.b64encode(f"{_KIND}:{uuid.UUID(int=number)}".encode()).decode())
