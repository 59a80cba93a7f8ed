"""Saleor's signatures: its key set, signed webhooks and the tokens of its Dashboard. No network here.

Webhooks come with a detached JWS over the raw body (RS256, `b64: false`); it does not cover the headers and has no
time in it, so what must be trusted is compared in the body. The Dashboard's token is a JWT of the same keys.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWS, PyJWTError
from jwt.algorithms import RSAAlgorithm

from saleor_cinetpay.errors import AddressForbidden, CallRefused, SaleorUnintelligible, SignatureInvalid, UnknownKey
from saleor_cinetpay.saleor.address import SaleorApiUrl, normalised
from saleor_cinetpay.saleor.types import SaleorAppId

ALGORITHM = "RS256"
MAX_KEYS = 20
MIN_KEY_BITS = 2048
MAX_KEY_BITS = 8192
MAX_SIGNATURE_LENGTH = 8192
MAX_TOKEN_LENGTH = 32768
MAX_NAME_LENGTH = 255
HEADERS_KEPT = 1000
"""Headers of signatures, each of which is read once."""

_JWS = PyJWS(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The RSA keys with which one Saleor signs, by key id; parsed once and kept."""

    keys: Mapping[str, RSAPublicKey]

    @classmethod
    def parse(cls, json_text: str) -> Self:
        """Read a JWKS and keep what can verify RS256.

        Raises:
            SaleorUnintelligible: where it can't be read, or holds no such key.
        """
        try:
            document = json.loads(json_text)
        except (ValueError, RecursionError) as error:
            raise SaleorUnintelligible("Saleor's key set is no JSON", maybe_carried_out=False) from error
        listed = document.get("keys") if isinstance(document, dict) else None
        found = [_signing_key(entry) for entry in listed[:MAX_KEYS]] if isinstance(listed, list) else []
        keys = dict(pair for pair in found if pair is not None)
        if not keys:
            raise SaleorUnintelligible("Saleor's key set has no RSA signing key", maybe_carried_out=False)
        return cls(keys=keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardUser:
    """A person who is logged in to the shop's Dashboard."""

    user_id: str
    """The person's GraphQL id; empty where the token does not say."""
    email: str
    """Empty where the token does not say."""
    permissions: frozenset[str]
    """The person's own, such as `HANDLE_PAYMENTS`; not cut down to the app's."""


def issuer_claimed(token: str) -> str | None:
    """Return the issuer that a token names, unverified: only good for looking up whose keys must verify it."""
    if len(token) > MAX_TOKEN_LENGTH:
        return None
    try:
        claims = json.loads(_JWS.decode(token, options={"verify_signature": False}))
    except (PyJWTError, ValueError, RecursionError):
        return None
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else None


def verify_webhook(body: bytes, signature: str, keys: KeySet) -> None:
    """Pass where the signature is that Saleor's over exactly these bytes.

    Raises:
        UnknownKey: where it names a key that the set lacks.
        SignatureInvalid: in every other case.
    """
    if len(signature) > MAX_SIGNATURE_LENGTH:
        raise SignatureInvalid("the signature is too long")
    _verified(signature, keys, body)


def read_dashboard_token(
    token: str, keys: KeySet, *, issuer: SaleorApiUrl, app_id: SaleorAppId, now: datetime
) -> DashboardUser:
    """Return the person whom a Dashboard's token speaks for.

    Raises:
        UnknownKey: where it is signed with a key that the set lacks.
        SignatureInvalid: where it is not signed by that Saleor.
        CallRefused: `TOKEN_EXPIRED`, or `TOKEN_INVALID` where it was made for another app, shop or purpose.
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise SignatureInvalid("the token is too long")
    try:
        claims = json.loads(_verified(token, keys, None))
    except (ValueError, RecursionError) as error:
        raise SignatureInvalid("the token holds no JSON") from error
    match claims:
        case {
            "iss": str() as token_issuer,
            "type": "thirdparty",
            "app": str() as token_app,
            "exp": int() | float() as expires_at,
            "user_permissions": [*permissions],
        }:
            pass
        case _:
            raise CallRefused(401, "TOKEN_INVALID", "the token is none that the Dashboard hands to apps")
    if not _same_address(token_issuer, issuer) or token_app != app_id:
        raise CallRefused(401, "TOKEN_INVALID", "the token was made for another shop or another app")
    if not now.timestamp() < expires_at:
        raise CallRefused(401, "TOKEN_EXPIRED", "the token has expired")
    granted = frozenset(permission for permission in permissions if isinstance(permission, str))
    return DashboardUser(user_id=_text(claims, "user_id"), email=_text(claims, "email"), permissions=granted)


def _signing_key(entry: object) -> tuple[str, RSAPublicKey] | None:
    match entry:
        case {"kty": "RSA", "kid": str() as kid, "n": str() as n, "e": str() as e, **rest}:
            pass
        case _:
            return None
    if rest.get("use", "sig") != "sig" or rest.get("alg", ALGORITHM) != ALGORITHM:
        return None
    try:
        key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": n, "e": e})
    except (PyJWTError, ValueError):
        return None
    if not isinstance(key, RSAPublicKey) or not MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        return None
    return kid, key


def _verified(signed: str, keys: KeySet, detached: bytes | None) -> bytes:
    """Return the payload; the algorithm is judged before the key, so that only RS256 can send us for new keys."""
    try:
        header = _header(signed.partition(".")[0])
        if header.kid is None:
            raise SignatureInvalid(f"not signed with {ALGORITHM} by a named key")
        if detached is not None and not header.detached:  # older PyJWT would verify what such a token holds
            raise SignatureInvalid("signed is a token's own content, and not the body")
        if header.kid not in keys.keys:
            raise UnknownKey(header.kid)
        payload: bytes = _JWS.decode(signed, keys.keys[header.kid], algorithms=[ALGORITHM], detached_payload=detached)
        return payload
    except (PyJWTError, UnicodeError) as error:
        raise SignatureInvalid("the signature does not check") from error


class _Header(NamedTuple):
    kid: str | None
    """The key that is named; None where there is none, or one for another algorithm than ours."""
    detached: bool


@lru_cache(maxsize=HEADERS_KEPT)
def _header(written: str) -> _Header:
    """Read the first part of a signature: a Saleor's is the same on every call.

    Raises:
        PyJWTError: where it is none.
    """
    read: dict[str, Any] = _JWS.get_unverified_header(f"{written}..")
    kid = read.get("kid")
    named = read.get("alg") == ALGORITHM and isinstance(kid, str)
    return _Header(kid=kid if named else None, detached=read.get("b64") is False)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    return value[:MAX_NAME_LENGTH] if isinstance(value, str) else ""


def _same_address(token_issuer: str, issuer: SaleorApiUrl) -> bool:
    try:
        return normalised(token_issuer) == issuer
    except AddressForbidden:
        return False
