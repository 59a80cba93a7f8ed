"""Secrets at rest, and proofs in links: AES-256-GCM and HMAC-SHA256 with keys derived from SECRET_KEY."""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from saleor_cinetpay.errors import AppError

NONCE_BYTES = 12
PROOF_BYTES = 18


class Unsealable(AppError):
    """A sealed text that none of the keys opens, or that was bound to another place."""


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
        raw = base64.urlsafe_b64decode(sealed)
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()
            except InvalidTag:
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
