"""Every document that leaves the app is valid for every Saleor that it supports."""

import re
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

from saleor_cinetpay.saleor.introspection import DOCUMENTS_SINCE, documents_for

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / ".." / "shared" / "saleor"
DOCUMENTS = sorted((ROOT / "saleor_cinetpay" / "saleor" / "documents").glob("*.graphql"))
SUBSCRIPTIONS = sorted((ROOT / "webhooks").glob("*.graphql"))


@cache
def schema(version: str) -> GraphQLSchema:
    path = SCHEMAS / version / "schema.graphql"
    if not path.exists():
        pytest.skip("Saleor's schemas stand beside the checkout, and are not here")
    # Descriptions are two thirds of the text, and validation does not read them.
    return build_schema(re.sub(r'"""(?:[^"]|"(?!""))*"""', "", path.read_text("utf-8")), assume_valid=True)


@pytest.mark.parametrize("version", ["3.20", "3.21", "3.22", "3.23"])
@pytest.mark.parametrize("path", DOCUMENTS + SUBSCRIPTIONS, ids=lambda path: path.stem)
def test_document_is_valid(path: Path, version: str) -> None:
    """A document has only what that Saleor's schema knows; one unknown field would fail a whole install."""
    known = version >= DOCUMENTS_SINCE.get(path.stem, "3.20")
    assert known == ([] == validate(schema(version), parse(path.read_text("utf-8"))))


@pytest.mark.parametrize(("version", "sent"), [("3.20", False), ("3.21", False), ("3.22", True), ("3.23", True)])
def test_what_is_later_is_not_sent_before(version: str, sent: bool) -> None:
    """The doctor checks for each Saleor what it really gets: later documents only from their version on."""
    documents = documents_for(version)
    assert sent is ("app_problem_create.graphql" in documents)
    assert {"identify.graphql", "webhooks.graphql"} <= set(documents)


@pytest.mark.parametrize("path", SUBSCRIPTIONS, ids=lambda path: path.stem)
def test_subscription_names_who_is_called_and_when(path: Path) -> None:
    """A signature covers neither header nor time, so each body says its type, time and recipient."""
    (operation,) = parse(path.read_text("utf-8")).definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert "subscription" == operation.operation.value

    text = re.sub(r"\s+", " ", path.read_text("utf-8"))

    event = "".join(word.capitalize() for word in path.stem.split("_"))
    assert f"event {{ ... on {event} {{ __typename issuedAt version recipient {{ id identifier }} " in text
