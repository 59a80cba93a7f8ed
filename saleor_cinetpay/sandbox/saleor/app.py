"""Serves a small Saleor over HTTP: its API, its keys, its storefront, and the sandbox's own control API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from graphql import ExecutionResult, FieldNode, GraphQLError, OperationDefinitionNode, execute, parse, validate
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from saleor_cinetpay.sandbox.dashboard.pages import dashboard_routes
from saleor_cinetpay.sandbox.saleor.answers import UnhandledError
from saleor_cinetpay.sandbox.saleor.api import Api, Caller, read_guarded
from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.control import control_routes
from saleor_cinetpay.sandbox.saleor.execution import type_name
from saleor_cinetpay.sandbox.saleor.faults import FaultMiddleware
from saleor_cinetpay.sandbox.saleor.small_saleor import SmallSaleor
from saleor_cinetpay.sandbox.shop.pages import shop_routes

FROM_ANYWHERE = Middleware(
    CORSMiddleware,
    allow_origin_regex=".*",
    allow_credentials=True,
    allow_methods=["POST", "OPTIONS"],
    allow_headers=["Origin", "Content-Type", "Accept", "Authorization", "Source-Service-Name", "Authorization-Bearer"],
    max_age=600,
)
"""Storefronts of any origin may ask the API from the browser, as Saleor's own settings have it."""


def build_saleor(config: SaleorConfig) -> Starlette:
    """Build the ASGI app of a small Saleor; `app.state.saleor` is its inside."""
    return serve_saleor(SmallSaleor(config))


def serve_saleor(saleor: SmallSaleor) -> Starlette:
    """Build the ASGI app of a small Saleor that the caller holds already."""
    graphql = GraphQLEndpoint(saleor)

    async def jwks(_request: Request) -> Response:
        return JSONResponse(saleor.keys.jwks())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await saleor.close()

    app = Starlette(
        routes=[
            Route("/graphql/", graphql.answer, methods=["POST", "OPTIONS"], middleware=[FROM_ANYWHERE]),
            Route("/.well-known/jwks.json", jwks),
            Mount("/_sandbox", routes=control_routes(saleor)),
            *dashboard_routes(saleor, app_origins=saleor.config.payment_origins),
            *shop_routes(gateway_id=saleor.config.gateway_id, payment_origins=saleor.config.payment_origins),
        ],
        middleware=[Middleware(FaultMiddleware, faults=saleor.faults)],
        lifespan=lifespan,
    )
    app.state.saleor = saleor
    return app


class GraphQLEndpoint:
    """Answers GraphQL over HTTP, and writes down what was asked and answered."""

    def __init__(self, saleor: SmallSaleor) -> None:
        self._saleor = saleor
        self._root = Api(saleor)

    async def answer(self, request: Request) -> Response:
        """Answer one operation: 200 with data and errors, 400 where it could not be run at all."""
        try:
            asked = _Asked.model_validate_json(await request.body())
        except ValidationError:
            return JSONResponse({"errors": [{"message": "Unable to parse query."}]}, 400)
        caller = self._caller(request)
        who, title = "app" if caller.app else "storefront", _title(asked)
        self._saleor.log.add(who, "saleor", title, {"variables": asked.variables})
        status, body = await self._run(asked, caller)
        self._saleor.log.add("saleor", who, title, body, ok=not _failed(body))
        return JSONResponse(body, status)

    def _caller(self, request: Request) -> Caller:
        header = request.headers.get("authorization-bearer") or request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ").strip()
        return Caller(self._saleor.store.app_of(token), request.client.host if request.client else None)

    async def _run(self, asked: "_Asked", caller: Caller) -> tuple[int, dict[str, Any]]:
        try:
            document = parse(asked.query)
        except GraphQLError as error:
            return 400, {"errors": [_shown(error)]}
        if errors := validate(self._saleor.schema, document):
            return 400, {"errors": [_shown(error) for error in errors]}
        running = execute(
            self._saleor.schema,
            document,
            self._root,
            caller,
            asked.variables,
            asked.operation_name,
            field_resolver=read_guarded,
            type_resolver=type_name,
        )
        result = running if isinstance(running, ExecutionResult) else await running
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [_shown(error) for error in result.errors]
        return 200, body


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


def _shown(error: GraphQLError) -> dict[str, Any]:
    """Show an error as Saleor does: what it did not foresee is an internal error."""
    shown = dict(error.formatted)
    if isinstance(error.original_error, UnhandledError):
        shown |= {"message": "Internal Server Error"}
    return {"extensions": {"exception": {"code": "GraphQLError"}}} | shown


def _title(asked: _Asked) -> str:
    """Name an operation for the log: by its fields, as `transactionEventReport`."""
    try:
        operations = [d for d in parse(asked.query).definitions if isinstance(d, OperationDefinitionNode)]
    except GraphQLError:
        return "unreadable"
    named = [o for o in operations if o.name and o.name.value == asked.operation_name] or operations
    fields = [s.name.value for o in named[:1] for s in o.selection_set.selections if isinstance(s, FieldNode)]
    return ", ".join(fields) or "nothing"


def _failed(body: dict[str, Any]) -> bool:
    """Tell whether an answer holds errors, of the request or of an operation."""
    operations = (body.get("data") or {}).values()
    return bool(body.get("errors")) or any(isinstance(o, dict) and o.get("errors") for o in operations)
