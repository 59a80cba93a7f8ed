"""A small Saleor with state: it runs GraphQL for real, signs with real keys, and counts what it was asked."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from graphql import GraphQLError, GraphQLSchema, build_schema, graphql_sync
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from saleor_cinetpay.saleor.address import SaleorApiUrl

API_URL = SaleorApiUrl("https://shop.example/graphql/")
APP_ID = "QXBwOjE="
IDENTIFIER = "our.app"
TOKEN = "0123456789secret-token"

WRITTEN = """
    scalar PositiveDecimal
    scalar DateTime
    scalar UUID
    enum TransactionEventTypeEnum { CHARGE_SUCCESS CHARGE_FAILURE REFUND_SUCCESS INFO A_LATER_TYPE }
    enum TransactionActionEnum { CHARGE REFUND CANCEL }
    input PaymentMethodDetailsInput { other: OtherPaymentMethodDetailsInput }
    input OtherPaymentMethodDetailsInput { name: String! }
    type Query { app: App channels: [Channel!] shop: Shop! transaction(id: ID): Transaction checkout(id: ID): Checkout }
    type Mutation {
      transactionEventReport(
        id: ID type: TransactionEventTypeEnum! pspReference: String! amount: PositiveDecimal time: DateTime
        message: String availableActions: [TransactionActionEnum!] externalUrl: String
        paymentMethodDetails: PaymentMethodDetailsInput
      ): Report
      checkoutComplete(id: ID): Complete
    }
    type App { id: ID! identifier: String permissions: [Permission!] }
    type Permission { code: String! }
    type Shop { version: String! }
    type Money { amount: Float! currency: String! }
    type TaxedMoney { gross: Money! }
    type Channel { id: ID! slug: String! name: String! currencyCode: String! isActive: Boolean! }
    type Transaction {
      id: ID! token: UUID! pspReference: String! chargedAmount: Money! chargePendingAmount: Money!
      events: [Event!]! checkout: Checkout order: Order
    }
    type Event {
      type: TransactionEventTypeEnum pspReference: String! amount: Money! createdAt: DateTime! message: String!
      idempotencyKey: String
    }
    type Checkout {
      id: ID! token: UUID! chargeStatus: String! authorizeStatus: String! totalPrice: TaxedMoney! channel: Channel!
    }
    type Order { id: ID! number: String! chargeStatus: String! channel: Channel! }
    type Error { code: String! field: String message: String }
    type Report { alreadyProcessed: Boolean errors: [Error!]! }
    type Complete { order: Order errors: [Error!]! }
    """
SCHEMA = build_schema(WRITTEN)
OLDER = build_schema("".join(line for line in WRITTEN.splitlines(keepends=True) if "PaymentMethodDetails" not in line))


def money(amount: float) -> dict[str, Any]:
    return {"amount": amount, "currency": "XOF"}


@dataclass
class SigningKey:
    """A key pair as Saleor keeps it."""

    kid: str
    private: RSAPrivateKey

    def jwk(self, **changes: object) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(self.private.public_key()))
        return {**public, "use": "sig", "kid": self.kid, "alg": "RS256", **changes}

    def sign_webhook(self, body: bytes, **headers: object) -> str:
        header = {"kid": self.kid, "crit": ["b64"], **headers}
        return jwt.PyJWS().encode(body, self.private, "RS256", headers=header, is_payload_detached=True)

    def sign_token(self, claims: Mapping[str, object]) -> str:
        return jwt.encode(dict(claims), self.private, "RS256", headers={"kid": self.kid})


def signing_key(kid: str) -> SigningKey:
    return SigningKey(kid, generate_private_key(65537, 2048))


class Failure(GraphQLError):
    """A top-level error as Saleor writes it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message, extensions={"exception": {"code": kind}})


@dataclass
class FakeSaleor:
    """The state of one shop; change it freely."""

    jwks: str = '{"keys": []}'
    permissions: tuple[str, ...] = ("HANDLE_PAYMENTS",)
    identifier: str | None = IDENTIFIER
    transactions: dict[str, dict[str, Any]] = field(default_factory=dict)
    checkouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    channels: list[dict[str, Any]] | None = None
    reports: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    requests: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    key_set_reads: int = 0
    fixed_answer: Response | None = None
    delay_s: float = 0.0
    failure: Failure | None = None
    schema: GraphQLSchema = field(default_factory=lambda: SCHEMA)

    def http(self) -> httpx.AsyncBaseTransport:
        return httpx.ASGITransport(app=self.server())

    def server(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/graphql/", self._graphql, methods=["POST"]),
                Route("/.well-known/jwks.json", self._key_set, methods=["GET"]),
            ]
        )

    async def _key_set(self, request: Request) -> Response:
        self.key_set_reads += 1
        return Response(self.jwks, media_type="application/json")

    async def _graphql(self, request: Request) -> Response:
        self.requests.append(await request.body())
        self.headers.append(dict(request.headers))
        await asyncio.sleep(self.delay_s)
        if self.fixed_answer is not None:
            return self.fixed_answer
        sent = json.loads(self.requests[-1])
        root = self if request.headers.get("authorization") == f"Bearer {TOKEN}" else _Stranger()
        result = graphql_sync(self.schema, sent["query"], root, variable_values=sent.get("variables"))
        return JSONResponse(result.formatted, status_code=200 if result.data is not None else 400)

    def app(self, info: object) -> dict[str, Any]:
        granted = [{"code": code} for code in self.permissions]
        return {"id": APP_ID, "identifier": self.identifier, "permissions": granted}

    def shop(self, info: object) -> dict[str, Any]:
        return {"version": "3.23.28"}

    def transaction(self, info: object, id: str) -> dict[str, Any] | None:
        if self.failure:
            raise self.failure
        return self.transactions.get(id)

    def checkout(self, info: object, id: str) -> dict[str, Any] | None:
        return self.checkouts.get(id)

    def transactionEventReport(self, info: object, **event: Any) -> dict[str, Any]:
        if event["id"] not in self.transactions:
            return {"errors": [{"code": "NOT_FOUND", "field": "id", "message": "no such transaction"}]}
        known = self.reports.setdefault((event["id"], event["pspReference"], event["type"]), event)
        if known["amount"] != event["amount"]:
            return {"errors": [{"code": "INCORRECT_DETAILS", "field": "pspReference", "message": "another amount"}]}
        return {"alreadyProcessed": known is not event, "errors": []}

    def checkoutComplete(self, info: object, id: str) -> dict[str, Any]:
        checkout = self.checkouts.get(id)
        if checkout is None or checkout["chargeStatus"] != "FULL":
            return {"errors": [{"code": "CHECKOUT_NOT_FULLY_PAID", "field": None, "message": "not paid"}]}
        return {"order": {"id": f"order-of-{id}"}, "errors": []}


class _Stranger:
    """What a caller sees whose token is nobody's."""

    app = None
    channels = None

    def shop(self, info: object) -> dict[str, Any]:
        return {"version": "3.23.28"}

    def transaction(self, info: object, id: str) -> None:
        raise Failure("PermissionDenied", "To access this path, you need HANDLE_PAYMENTS")

    def transactionEventReport(self, info: object, **event: object) -> None:
        raise Failure("PermissionDenied", "To access this path, you need HANDLE_PAYMENTS")


def dashboard_claims(*, expires_at_s: int, **changes: object) -> dict[str, object]:
    """Return what Saleor writes into a Dashboard's token for the app."""
    return {
        "iss": str(API_URL),
        "type": "thirdparty",
        "app": APP_ID,
        "exp": expires_at_s,
        "user_id": "VXNlcjox",
        "email": "staff@shop.example",
        "permissions": ["HANDLE_PAYMENTS"],
        "user_permissions": ["HANDLE_PAYMENTS", "MANAGE_ORDERS"],
        "owner": "saleor",
        **changes,
    }
