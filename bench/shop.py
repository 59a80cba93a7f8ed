"""The shop of a benchmark: signs its webhooks as Saleor does, and writes CinetPay's notifications."""

import json
import uuid
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from bench.http import request
from bench.stubs import APP_ID, IDENTIFIER
from saleor_cinetpay.payments.trans_id import TransactionId, trans_id_of
from saleor_cinetpay.sandbox.saleor.signing import SigningKey

SITE_ID = "123456"
API_KEY = "a-key-for-benchmarks"
VISITORS = 250


class Shop:
    """One Saleor with its signing key."""

    def __init__(self, saleor_api_url: str) -> None:
        self.saleor_api_url = saleor_api_url
        self._key = SigningKey.generate()

    @property
    def key_set(self) -> str:
        """What its `/.well-known/jwks.json` serves."""
        return json.dumps({"keys": [self._key.jwk]})

    def gateway_initialize(self) -> bytes:
        """Sign a question for the gateway."""
        body = self._call("PaymentGatewayInitializeSession", 5000) | {"amount": 5000.0}
        return self._webhook("payment-gateway-initialize-session", body)

    def initialize(self, transaction_id: TransactionId, francs: int) -> bytes:
        """Sign the opening of a payment."""
        body = self._call("TransactionInitializeSession", francs, transaction_id)
        return self._webhook("transaction-initialize-session", body)

    def process(self, transaction_id: TransactionId, francs: int) -> bytes:
        """Sign a question about a payment."""
        return self._webhook(
            "transaction-process-session", self._call("TransactionProcessSession", francs, transaction_id)
        )

    def registration(self) -> bytes:
        """Ask to be installed."""
        body = json.dumps({"auth_token": "a-token-for-benchmarks"}).encode()
        return request(
            "POST",
            "/api/register",
            body,
            Content_Type="application/json",
            Saleor_Api_Url=self.saleor_api_url,
            Saleor_Schema_Version="3.23",
        )

    def page(self, path: str, visitor: int = 0) -> bytes:
        """Ask for one of the admin's pages with a token of the Dashboard's, as one of many visitors behind a proxy."""
        claims: Mapping[str, Any] = {
            "iss": self.saleor_api_url,
            "type": "thirdparty",
            "app": APP_ID,
            "exp": int((datetime.now(UTC) + timedelta(minutes=5)).timestamp()),
            "user_id": "VXNlcjox",
            "email": "awa@example.com",
            "user_permissions": ["HANDLE_PAYMENTS"],
        }
        return request(
            "GET",
            path,
            Authorization=f"Bearer {self._key.sign_token(dict(claims))}",
            Saleor_Api_Url=self.saleor_api_url,
            Accept_Language="fr",
            X_Forwarded_For=f"203.0.113.{visitor % VISITORS}",
        )

    def _webhook(self, event: str, body: dict[str, Any]) -> bytes:
        written = json.dumps(body).encode()
        return request(
            "POST",
            f"/api/webhooks/{event}",
            written,
            Content_Type="application/json",
            Saleor_Event=event.replace("-", "_"),
            Saleor_Domain="127.0.0.1",
            Saleor_Api_Url=self.saleor_api_url,
            Saleor_Signature=self._key.sign_detached(written),
        )

    def _call(self, typename: str, francs: int, transaction_id: TransactionId | None = None) -> dict[str, Any]:
        """Write what the subscriptions select."""
        call: dict[str, Any] = {
            "__typename": typename,
            "issuedAt": datetime.now(UTC).isoformat(),
            "version": "3.23.28",
            "recipient": {"id": APP_ID, "identifier": IDENTIFIER},
            "data": {"returnUrl": "https://shop.example/checkout/done", "language": "fr"},
            "sourceObject": {
                "__typename": "Checkout",
                "id": b64encode(f"Checkout:{transaction_id}".encode()).decode()[:80],
                "channel": {"id": "Q2hhbm5lbDox", "slug": "abidjan", "currencyCode": "XOF"},
                "email": "awa@example.com",
                "languageCode": "FR",
                "totalPrice": {"gross": {"amount": float(francs), "currency": "XOF"}},
            },
        }
        if transaction_id is None:
            return call
        return call | {
            "merchantReference": "",
            "idempotencyKey": str(uuid.uuid4()),
            "action": {"amount": float(francs), "currency": "XOF", "actionType": "CHARGE"},
            "transaction": {
                "id": transaction_id,
                "token": str(uuid.uuid4()),
                "pspReference": "",
                "chargedAmount": {"amount": 0.0, "currency": "XOF"},
                "events": [],
            },
        }


def a_transaction() -> TransactionId:
    """Make a Saleor transaction's id."""
    return TransactionId(b64encode(f"TransactionItem:{uuid.uuid4()}".encode()).decode())


def notification(account_key: str, transaction_id: TransactionId) -> bytes:
    """Write CinetPay's notification; the floor finds the transaction in `cpm_custom`."""
    form = {
        "cpm_site_id": SITE_ID,
        "cpm_trans_id": trans_id_of(transaction_id),
        "cpm_custom": transaction_id,
        "cpm_amount": "5000",
        "cpm_currency": "CFA",
        "cpm_result": "00",
        "cpm_trans_status": "ACCEPTED",
    }
    return request(
        "POST",
        f"/cinetpay/notify/{account_key}",
        urlencode(form).encode(),
        Content_Type="application/x-www-form-urlencoded",
    )
