"""The small Saleor's RSA keys: it signs webhooks with the newest and shows them at `/.well-known/jwks.json`."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

ALGORITHM = "RS256"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One RSA key."""

    private: rsa.RSAPrivateKey

    @classmethod
    def generate(cls) -> "SigningKey":
        """Make a new one of 2048 bits."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=2048))

    @property
    def kid(self) -> str:
        """The key's thumbprint (RFC 7638)."""
        public = {name: self._public_jwk[name] for name in ("e", "kty", "n")}
        return base64url_encode(sha256(json.dumps(public, separators=(",", ":")).encode()).digest()).decode()

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half, as the key set shows it."""
        return self._public_jwk | {"use": "sig", "kid": self.kid, "alg": ALGORITHM}

    @property
    def _public_jwk(self) -> dict[str, Any]:
        return RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)

    def sign_detached(self, body: bytes) -> str:
        """Sign raw bytes: a JWS without the payload in it, `b64: false` (RFC 7797)."""
        return jwt.PyJWS().encode(
            body, self.private, ALGORITHM, headers={"kid": self.kid, "crit": ["b64"]}, is_payload_detached=True
        )

    def sign_token(self, claims: dict[str, Any]) -> str:
        """Sign claims as a JWT, such as the token that the Dashboard hands to an app's page."""
        return jwt.encode(claims, self.private, ALGORITHM, headers={"kid": self.kid})


class KeyRing:
    """The key in use. A rotated key is gone from the key set at once."""

    def __init__(self) -> None:
        self.current = SigningKey.generate()

    def rotate(self) -> None:
        """Put a new key in place of the current one."""
        self.current = SigningKey.generate()

    def jwks(self) -> dict[str, Any]:
        """Return the key set that `/.well-known/jwks.json` serves."""
        return {"keys": [self.current.jwk]}
