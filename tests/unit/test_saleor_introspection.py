"""A Saleor's schema is taken as it is told, and what tells none is said to."""

import json
from typing import Any

import httpx2 as httpx
import pytest
from graphql import build_schema, introspection_from_schema

from saleor_cinetpay.errors import SaleorError, SaleorUnavailable, SaleorUnintelligible
from saleor_cinetpay.saleor.address import SaleorApiUrl
from saleor_cinetpay.saleor.introspection import fetch_schema, fetch_schema_version, misunderstood

URL = SaleorApiUrl("https://shop.example/graphql/")
SDL = """
    enum Format { ORIGINAL WEBP }
    type Shop { schemaVersion: String! logo(format: Format = ORIGINAL): String }
    type Query { shop: Shop! }
"""


def answering(reply: Any, status: int = 200) -> httpx.AsyncBaseTransport:
    """Return a transport whose every request gets this answer."""
    content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    return httpx.MockTransport(lambda _request: httpx.Response(status, content=content))


def introspected() -> dict[str, Any]:
    """Return what a Saleor tells of its schema."""
    read: dict[str, Any] = json.loads(json.dumps({"data": introspection_from_schema(build_schema(SDL))}))
    return read


async def test_a_schema_with_saleors_own_mistakes_is_taken() -> None:
    """Saleor writes some defaults of enums as texts, which GraphQL forbids; documents can be checked all the same."""
    told = introspected()
    (shop,) = [one for one in told["data"]["__schema"]["types"] if one["name"] == "Shop"]
    (logo,) = [field for field in shop["fields"] if field["name"] == "logo"]
    logo["args"][0]["defaultValue"] = '"ORIGINAL"'
    async with answering(told) as http:
        schema = await fetch_schema(http, URL)
    wrong = misunderstood(schema, "3.23")
    assert "Cannot query field 'app' on type 'Query'." in wrong["identify.graphql"]


async def test_a_version_is_read() -> None:
    """The version decides which documents are checked."""
    async with answering({"data": {"shop": {"schemaVersion": "3.22"}}}) as http:
        assert "3.22" == await fetch_schema_version(http, URL)


@pytest.mark.parametrize(
    ("reply", "status", "error", "said"),
    [
        (b"<html>", 200, SaleorUnintelligible, "something else than Saleor answers 200"),
        ({"data": {}}, 200, SaleorUnintelligible, "no schema"),
        ({"data": {"__schema": {"types": []}}}, 200, SaleorUnintelligible, "no schema"),
        ({"errors": [{"message": "Introspection is off"}]}, 400, SaleorUnintelligible, "Introspection is off"),
        ([], 200, SaleorUnintelligible, "no GraphQL"),
        (b"x" * (33 * 1024 * 1024), 200, SaleorUnavailable, "more than"),
    ],
    ids=["html", "empty", "bare", "refused", "list", "endless"],
)
async def test_what_is_no_schema_is_said(reply: Any, status: int, error: type[SaleorError], said: str) -> None:
    """Whatever answers in a schema's place is an error of Saleor's, with words."""
    async with answering(reply, status) as http:
        with pytest.raises(error, match=said):
            await fetch_schema(http, URL)
