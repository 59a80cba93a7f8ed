"""How GraphQL travels to Saleor: over the shared HTTP client, with exact decimals, and answers told apart."""

import json
from collections.abc import AsyncGenerator
from decimal import Decimal

import httpx2 as httpx
from gql import GraphQLRequest
from gql.transport import AsyncTransport
from graphql import DocumentNode, ExecutionResult, print_ast
from pydantic import SecretStr

from saleor_cinetpay.errors import SaleorError, SaleorRefused, SaleorUnavailable, SaleorUnintelligible
from saleor_cinetpay.exchange import Answer
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.asking import post_json

REPLY_LIMIT_BYTES = 1024 * 1024
MESSAGE_LIMIT = 500

_TOKEN_ERRORS = frozenset({"InvalidTokenError", "InvalidSignatureError", "ExpiredSignatureError", "DecodeError"})
_REQUEST_ERRORS = frozenset({"GraphQLError", "GraphQLSyntaxError", "QueryCostError", "ValidationError"})


class SharedTransport(AsyncTransport):
    """Carries gql's requests over the shared HTTP client; gql's own transport would open a pool for each."""

    def __init__(self, http: httpx.AsyncBaseTransport, url: SaleorApiUrl, token: SecretStr, timeout_s: float) -> None:
        self._http = http
        self._url = url
        self._token = token
        self._timeout_s = timeout_s

    async def connect(self) -> None:
        """Do nothing; the HTTP client is open."""

    async def close(self) -> None:
        """Do nothing; the HTTP client stays open for others."""

    async def execute(self, request: GraphQLRequest) -> ExecutionResult:
        """Send one operation."""
        answer = await post_json(
            self._http,
            self._url,
            exact_json({"query": _text(request.document), "variables": request.variable_values or {}}),
            headers={"authorization": f"Bearer {self._token.get_secret_value()}"},
            limit_bytes=REPLY_LIMIT_BYTES,
            timeout_s=self._timeout_s,
        )
        return _result(answer)

    def subscribe(self, request: GraphQLRequest) -> AsyncGenerator[ExecutionResult, None]:
        """Refuse; the app asks no subscriptions."""
        raise NotImplementedError


def _text(document: DocumentNode) -> str:
    """Return a document as it was written: printing it anew, or telling it by its tree, takes longer than sending."""
    return document.loc.source.body if document.loc else print_ast(document)


def exact_json(value: object) -> str:
    """Write JSON with decimals as exact numbers: never through a float, never in quotes."""
    match value:
        case Decimal():
            return f"{value:f}"
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{exact_json(item)}" for name, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(exact_json(item) for item in value) + "]"
        case _:
            return json.dumps(value)


def _result(answer: Answer) -> ExecutionResult:
    """Tell Saleor's own word, which comes with 200 or 400, from whatever else may answer at its address.

    Data beside a top-level error does not count.
    """
    maybe_carried_out = answer.status == 200 or answer.status >= 500
    if answer.status != 200 and not 400 <= answer.status < 500:
        raise SaleorUnavailable(f"Saleor's address answers {answer.status}", maybe_carried_out=maybe_carried_out)
    try:
        reply = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        log = f"something else than Saleor answers {answer.status} at its address"
        raise SaleorUnavailable(log, maybe_carried_out=maybe_carried_out) from error
    match reply:
        case {"errors": [first, *_]}:
            raise _error_of(first)
        case {"data": dict() as data}:
            return ExecutionResult(data=data)
        case _:
            log = f"Saleor answers {answer.status} with JSON that is no GraphQL"
            raise SaleorUnintelligible(log, maybe_carried_out=maybe_carried_out)


def _error_of(error: object) -> SaleorError:
    """Read a top-level error: `extensions.exception.code` is the name of its class in Saleor."""
    match error:
        case {"message": str() as message, "extensions": {"exception": {"code": str() as kind}}}:
            pass
        case _:
            message, kind = str(error), "GraphQLError"
    if kind == "PermissionDenied":
        return SaleorRefused(code="PERMISSION_DENIED", message=message[:MESSAGE_LIMIT])
    if kind in _TOKEN_ERRORS:
        return SaleorRefused(code="UNAUTHENTICATED", message=message[:MESSAGE_LIMIT])
    if kind in _REQUEST_ERRORS:
        return SaleorRefused(code="GRAPHQL_ERROR", message=message[:MESSAGE_LIMIT])
    return SaleorUnavailable(f"Saleor failed inside: {kind[:MESSAGE_LIMIT]}", maybe_carried_out=True)
