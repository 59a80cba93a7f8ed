"""Only that Saleor's own signature over exactly these bytes passes."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from saleor_fake import API_URL, APP_ID, SigningKey, dashboard_claims, signing_key

from saleor_cinetpay.errors import CallRefused, SaleorUnintelligible, SignatureInvalid, UnknownKey
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.keys import DashboardUser, KeySet, read_dashboard_token, verify_webhook
from saleor_cinetpay.saleor.types import SaleorAppId

BODY = b'{"__typename": "TransactionInitializeSession", "action": {"amount": 12500.0}}'
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IN_FIVE_MINUTES_S = int((NOW + timedelta(minutes=5)).timestamp())

SHOP = signing_key("shop-key")
OTHER_SHOP = signing_key("other-key")
KEYS = KeySet.parse(json.dumps({"keys": [SHOP.jwk()]}))


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def public_pem(key: SigningKey) -> bytes:
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_genuine_webhook_passes() -> None:
    """A signature of that Saleor over these bytes passes."""
    verify_webhook(BODY, SHOP.sign_webhook(BODY), KEYS)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b"12500", b"12501"), BODY.replace(b": ", b":")])
def test_other_bytes_do_not_pass(body: bytes) -> None:
    """One byte more, less or other is no longer what was signed, even where the JSON means the same."""
    with pytest.raises(SignatureInvalid):
        verify_webhook(body, SHOP.sign_webhook(BODY), KEYS)


def test_other_shop_does_not_pass() -> None:
    """Another shop's signature does not pass under this shop's key id."""
    forged = SigningKey(SHOP.kid, OTHER_SHOP.private).sign_webhook(BODY)

    with pytest.raises(SignatureInvalid):
        verify_webhook(BODY, forged, KEYS)


def test_unknown_key_is_told_apart() -> None:
    """A key id that the set lacks is told apart, as a newer set may have it."""
    with pytest.raises(UnknownKey) as refusal:
        verify_webhook(BODY, OTHER_SHOP.sign_webhook(BODY), KEYS)

    assert ("other-key", 401) == (refusal.value.kid, refusal.value.status)


def header_of(**fields: object) -> str:
    return base64url(json.dumps(fields).encode())


def hs256(header: str, payload: bytes, secret: bytes) -> str:
    return base64url(hmac.new(secret, header.encode() + b"." + payload, hashlib.sha256).digest())


HS256_HEADER = header_of(alg="HS256", kid="shop-key", b64=False, crit=["b64"])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        ".",
        "..",
        "a.b.c.d",
        "é..é",
        "\ud800..x",
        "x" * 10_000,
        header_of(alg="none", kid="shop-key", b64=False, crit=["b64"]) + "..",
        HS256_HEADER + ".." + hs256(HS256_HEADER, BODY, public_pem(SHOP)),
        header_of(alg="RS256", kid="shop-key", b64=False, crit=["b64"]) + ".." + base64url(b"0" * 256),
        header_of(alg="RS256", kid=["shop-key"], b64=False, crit=["b64"]) + ".." + base64url(b"0" * 256),
        header_of(alg="RS256", b64=False, crit=["b64"]) + ".." + base64url(b"0" * 256),
        header_of(alg="HS256", kid="no such key", b64=False, crit=["b64"]) + ".." + base64url(b"0" * 32),
        SHOP.sign_webhook(BODY).replace("..", f".{base64url(BODY)}."),
        SHOP.sign_webhook(BODY, crit=["b64", "exp"], exp=1),
        jwt.PyJWS().encode(BODY, SHOP.private, "RS256", headers={"kid": "shop-key"}),
        SHOP.sign_webhook(BODY).rsplit(".", 1)[0] + ".",
    ],
)
def test_not_as_saleor_signs(signature: str) -> None:
    """No algorithm but RS256, no header but a detached one, no garbage passes, nor sends us for new keys."""
    with pytest.raises(SignatureInvalid):
        verify_webhook(BODY, signature, KEYS)


def test_b64_true_does_not_pass() -> None:
    """A header that declares an encoded payload is not verified against the raw body."""
    header = header_of(alg="RS256", kid="shop-key", b64=True, crit=["b64"])
    signed = jwt.get_algorithm_by_name("RS256").sign(header.encode() + b"." + BODY, SHOP.private)

    with pytest.raises(SignatureInvalid):
        verify_webhook(BODY, f"{header}..{base64url(signed)}", KEYS)


def test_a_token_of_that_saleor_signs_no_webhook() -> None:
    """Every shopper holds a token that is signed with the same key; it proves itself, and not a body beside it."""
    token = jwt.encode({"type": "access", "user_id": "a shopper"}, SHOP.private, "RS256", headers={"kid": "shop-key"})

    with pytest.raises(SignatureInvalid, match="not the body"):
        verify_webhook(BODY, token, KEYS)


@pytest.mark.parametrize(
    "json_text",
    [
        "",
        "<!doctype html><title>Sign in</title>",
        "null",
        "[]",
        "{}",
        '{"keys": null}',
        '{"keys": []}',
        '{"keys": ["x", 1, null]}',
        "[" * 100_000,
        json.dumps({"keys": [{"kty": "oct", "kid": "shop-key", "k": "c2VjcmV0"}]}),
        json.dumps({"keys": [SHOP.jwk(use="enc")]}),
        json.dumps({"keys": [SHOP.jwk(alg="PS256")]}),
        json.dumps({"keys": [SHOP.jwk(kid=None)]}),
        json.dumps({"keys": [SHOP.jwk(n="!!")]}),
        json.dumps({"keys": [SHOP.jwk(e="")]}),
    ],
)
def test_unusable_key_set(json_text: str) -> None:
    """A key set that can't be read, or that has no RSA signing key, is a broken contract of that Saleor."""
    with pytest.raises(SaleorUnintelligible):
        KeySet.parse(json_text)


def test_short_key_is_left_out() -> None:
    """A key that is too short to trust counts as none."""
    short = SigningKey("short", generate_private_key(65537, 1024))

    assert {"shop-key"} == KeySet.parse(json.dumps({"keys": [short.jwk(), SHOP.jwk()]})).keys.keys()


def test_key_set_after_a_rotation() -> None:
    """Every signing key of the set verifies, whatever else stands beside it."""
    keys = KeySet.parse(json.dumps({"keys": [{"kty": "EC"}, SHOP.jwk(), OTHER_SHOP.jwk()]}))

    verify_webhook(BODY, SHOP.sign_webhook(BODY), keys)
    verify_webhook(BODY, OTHER_SHOP.sign_webhook(BODY), keys)


def read(token: str, now: datetime = NOW) -> DashboardUser:
    return read_dashboard_token(token, KEYS, issuer=API_URL, app_id=SaleorAppId(APP_ID), now=now)


def test_dashboard_token() -> None:
    """A Dashboard's token tells who the person is and what that person may do."""
    expected = DashboardUser(
        user_id="VXNlcjox",
        email="staff@shop.example",
        permissions=frozenset({"HANDLE_PAYMENTS", "MANAGE_ORDERS"}),
    )

    assert expected == read(SHOP.sign_token(dashboard_claims(expires_at_s=IN_FIVE_MINUTES_S)))


def test_dashboard_token_with_audience() -> None:
    """An app with an audience gets tokens that carry one; they count as well."""
    assert "VXNlcjox" == read(SHOP.sign_token(dashboard_claims(expires_at_s=IN_FIVE_MINUTES_S, aud="x"))).user_id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://other.example/graphql/"}, "TOKEN_INVALID"),
        ({"iss": "https://shop.example/graphql/?x"}, "TOKEN_INVALID"),
        ({"iss": None}, "TOKEN_INVALID"),
        ({"app": "QXBwOjI="}, "TOKEN_INVALID"),
        ({"app": None}, "TOKEN_INVALID"),
        ({"type": "access"}, "TOKEN_INVALID"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"exp": "tomorrow"}, "TOKEN_INVALID"),
        ({"exp": int(NOW.timestamp())}, "TOKEN_EXPIRED"),
        ({"exp": 0}, "TOKEN_EXPIRED"),
        ({"user_permissions": None}, "TOKEN_INVALID"),
        ({"user_permissions": "HANDLE_PAYMENTS"}, "TOKEN_INVALID"),
    ],
)
def test_dashboard_token_for_something_else(changes: dict[str, object], code: str) -> None:
    """A token for another shop, app or purpose, or one that has expired, is refused."""
    claims = dashboard_claims(expires_at_s=IN_FIVE_MINUTES_S) | changes
    token = jwt.PyJWS().encode(json.dumps(claims).encode(), SHOP.private, "RS256", headers={"kid": "shop-key"})

    with pytest.raises(CallRefused) as refusal:
        read(token)

    assert (401, code) == (refusal.value.status, refusal.value.code)


def test_dashboard_token_of_another_shop() -> None:
    """A token that this shop's key did not sign is refused, whatever it claims."""
    claims = dashboard_claims(expires_at_s=IN_FIVE_MINUTES_S)
    unsigned = jwt.encode(claims, "", "none", headers={"kid": "shop-key"})

    with pytest.raises(SignatureInvalid):
        read(SigningKey("shop-key", OTHER_SHOP.private).sign_token(claims))
    with pytest.raises(UnknownKey):
        read(OTHER_SHOP.sign_token(claims))
    with pytest.raises(SignatureInvalid):
        read(unsigned)


@pytest.mark.parametrize(
    "token",
    [
        SHOP.sign_webhook(b"{}"),
        jwt.PyJWS().encode(b"no JSON", SHOP.private, "RS256", headers={"kid": "shop-key"}),
        "x" * 40_000,
    ],
)
def test_no_dashboard_token(token: str) -> None:
    """A detached signature, a signed text and something huge can't be presented as a token."""
    with pytest.raises(SignatureInvalid):
        read(token)


def test_issuer_is_compared_in_one_spelling() -> None:
    """The issuer counts however the shop spells its own address."""
    token = SHOP.sign_token(dashboard_claims(expires_at_s=IN_FIVE_MINUTES_S, iss="https://SHOP.example:443/graphql/"))

    assert "VXNlcjox" == read(token).user_id
    with pytest.raises(CallRefused):
        read_dashboard_token(
            token, KEYS, issuer=SaleorApiUrl("https://b.example/"), app_id=SaleorAppId(APP_ID), now=NOW
        )
