"""A live Saleor's schema, by introspection, and what of the app it would not understand."""

import json
from importlib.resources import files
from pathlib import Path

import httpx2 as httpx
from graphql import GraphQLError, GraphQLSchema, build_client_schema, get_introspection_query, parse, validate

from saleor_cinetpay.errors import SaleorUnintelligible
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.asking import post_json
from saleor_cinetpay.saleor.manifest import build_manifest, declared_webhooks

DOCUMENTS_SINCE = {
    "app_problem_create": "3.22",
    "app_problem_dismiss": "3.22",
    "app_problems": "3.22",
    "transaction_event_report_with_method": "3.22",
}
"""Documents that are sent only to Saleors of that version on; all others go to every Saleor."""
SCHEMA_LIMIT_BYTES = 32 * 1024 * 1024
SCHEMA_TIMEOUT_S = 30.0


async def fetch_schema(http: httpx.AsyncBaseTransport, saleor_api_url: SaleorApiUrl) -> GraphQLSchema:
    """Return the schema of a Saleor; it tells it to anybody, unless its operator has switched introspection off.

    Raises:
        SaleorError: where it does not answer, or not with a schema.
        AddressForbidden: from the network guard.
    """
    data = await _ask(http, saleor_api_url, get_introspection_query(descriptions=False))
    try:
        # Saleor's own schema has defaults that GraphQL does not allow (`"ORIGINAL"` for an enum's ORIGINAL).
        schema = build_client_schema(data, assume_valid=True)  # type: ignore[arg-type]
    except (TypeError, ValueError, KeyError, GraphQLError) as error:
        raise SaleorUnintelligible("what Saleor shows is no schema", maybe_carried_out=False) from error
    if schema.query_type is None:
        raise SaleorUnintelligible("what Saleor shows is no schema: it has no queries", maybe_carried_out=False)
    return schema


async def fetch_schema_version(http: httpx.AsyncBaseTransport, saleor_api_url: SaleorApiUrl) -> str:
    """Return which Saleor it says it is, such as `3.23`.

    Raises:
        SaleorError: where it does not answer.
    """
    match await _ask(http, saleor_api_url, "{ shop { schemaVersion } }"):
        case {"shop": {"schemaVersion": str() as version}}:
            return version
        case _:
            raise SaleorUnintelligible("Saleor does not say which version it is", maybe_carried_out=False)


def misunderstood(schema: GraphQLSchema, schema_version: str) -> dict[str, list[str]]:
    """Return what that schema does not know of the documents and subscriptions that a Saleor of that version gets."""
    found = {}
    for name, document in documents_for(schema_version).items():
        errors = validate(schema, parse(document))
        if errors:
            found[name] = [error.message for error in errors]
    return found


def documents_for(schema_version: str) -> dict[str, str]:
    """Return every document that is sent to a Saleor of that version, and every subscription of its manifest."""
    folder = files(__package__) / "documents"
    asked = _minor(schema_version)
    sent = {
        entry.name: entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".graphql") and _minor(DOCUMENTS_SINCE.get(Path(entry.name).stem, "3.20")) <= asked
    }
    manifest = build_manifest(
        base_url="https://app.example", app_id="app", schema_version=schema_version, webhooks=declared_webhooks()
    )
    return sent | {webhook["name"]: webhook["query"] for webhook in manifest["webhooks"]}


def _minor(version: str) -> tuple[int, ...]:
    """Read `3.23` or `3.23.28` as what can be compared."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


async def _ask(http: httpx.AsyncBaseTransport, url: SaleorApiUrl, query: str) -> object:
    answer = await post_json(
        http, url, json.dumps({"query": query}), limit_bytes=SCHEMA_LIMIT_BYTES, timeout_s=SCHEMA_TIMEOUT_S
    )
    try:
        reply = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        log = f"something else than Saleor answers {answer.status} at its address"
        raise SaleorUnintelligible(log, maybe_carried_out=False) from error
    match reply:
        case {"data": dict() as data} if "errors" not in reply:
            return data
        case {"errors": [{"message": str() as message}, *_]}:
            raise SaleorUnintelligible(f"Saleor refuses the question: {message[:200]}", maybe_carried_out=False)
        case _:
            raise SaleorUnintelligible("Saleor answers JSON that is no GraphQL", maybe_carried_out=False)
