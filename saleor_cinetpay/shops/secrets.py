"""Secrets at rest, and proofs in links: AES-256-GCM and HMAC-SHA256 with keys derived from SECRET_KEY.

Every sealed text stands in a column `sealed_...`, which says by `sealed_for` which place its texts are bound to.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column

from saleor_cinetpay.errors import Unreadable

NONCE_BYTES = 12
PROOF_BYTES = 18


class Unsealable(Unreadable):
    """A sealed text that none of the keys opens, or that was bound to another place."""


def sealed_for(template: str) -> dict[str, str]:
    """Say of a column (its `info`) which place its texts are sealed for: `payments/{trans_id}/form`.

    The names are those of the table's primary key, so that a text that was copied to another row does not open there.
    """
    return {"place": template}


def place_in(column: Column[Any], **key: object) -> str:
    """Return the place that a column's text is bound to in the row with that primary key."""
    template: str = column.info["place"]
    return template.format(**key)


class SecretBox:
    """Seals texts so that only a holder of SECRET_KEY reads them, and only in the place they were sealed for.

    The first key seals; every key opens, so that keys can be rotated without a pause.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("a secret box needs at least one key")
        self._ciphers = [AESGCM(_derive(key, "seal")) for key in keys]
        self._provers = [_derive(key, "prove") for key in keys]

    def seal(self, plain: str, *, place: str) -> str:
        """Encrypt a text for one place (such as `payments/<trans id>/form`)."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, plain.encode(), place.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *, place: str) -> str:
        """Decrypt what was sealed for that place.

        Raises:
            Unsealable: where no key opens it there.
        """
        return self._opened(sealed, place)[0]

    def renew(self, sealed: str, *, place: str) -> str | None:
        """Seal with the first key what another has sealed; None where the first has sealed it already.

        Raises:
            Unsealable: where no key opens it there.
        """
        plain, opener = self._opened(sealed, place)
        return self.seal(plain, place=place) if opener else None

    def _opened(self, sealed: str, place: str) -> tuple[str, int]:
        """Return the text, and the number of the key that opened it."""
        try:
            raw = base64.urlsafe_b64decode(sealed)
        except (binascii.Error, ValueError):
            raw = b""
        for number, cipher in enumerate(self._ciphers):
            try:
                return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode(), number
            except (InvalidTag, ValueError):  # the latter for a nonce that is too short
                continue
        raise Unsealable(f"no key opens the secret of {place}; is SECRET_KEY the one it was stored with?")

    def prove(self, claim: str) -> str:
        """Make the proof that stands in a link of ours (24 characters that fit a URL)."""
        return _proof(self._provers[0], claim)

    def proves(self, proof: str, claim: str) -> bool:
        """Say whether we made that proof for that claim; in constant time."""
        given = proof.encode()
        return any(hmac.compare_digest(given, _proof(key, claim).encode()) for key in self._provers)


def _derive(key: str, purpose: str) -> bytes:
    return hashlib.sha256(f"saleor-cinetpay/{purpose}/".encode() + hashlib.sha256(key.encode()).digest()).digest()


def _proof(key: bytes, claim: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, claim.encode(), "sha256")[:PROOF_BYTES]).decode()
