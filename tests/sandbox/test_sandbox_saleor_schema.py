"""The small Saleor speaks the real one's language: nothing in its schema that the real schema has not."""

from functools import cache
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from saleor_cinetpay.sandbox.saleor.graphql_schema import load_schema, minor_version

REAL = Path(__file__).parents[2] / ".." / "shared" / "saleor"
VERSIONS = ("3.20", "3.21", "3.22", "3.23")
WEBHOOK_IDS = ["Mutation.webhookDelete(id: ID)", "Mutation.webhookUpdate(id: ID)"]
KNOWN = {
    "3.20": [*WEBHOOK_IDS, "TransactionAction.amount: PositiveDecimal! is PositiveDecimal"],
    "3.21": WEBHOOK_IDS,
    "3.22": WEBHOOK_IDS,
}
"""An amount became non-null in 3.21, a webhook's id optional in 3.23; neither harms who sends and expects more."""


@cache
def real_schema(version: str) -> GraphQLSchema:
    path = REAL / version / "schema.graphql"
    if not path.exists():
        pytest.skip("the real schemas are not at hand")
    return build_schema(path.read_text("utf-8"), assume_valid=True, assume_valid_sdl=True)


def strangers(ours: GraphQLNamedType, real: GraphQLNamedType | None) -> list[str]:
    """List what of our type the real one lacks or spells otherwise."""
    if real is None or type(real) is not type(ours):
        return [f"{ours.name} is no {type(ours).__name__}"]
    if isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
        assert isinstance(real, GraphQLObjectType | GraphQLInterfaceType)
        found = [
            f"{ours.name} implements {i}" for i in ours.interfaces if i.name not in {r.name for r in real.interfaces}
        ]
        for name, field in ours.fields.items():
            theirs = real.fields.get(name)
            if theirs is None or str(theirs.type) != str(field.type):
                found.append(f"{ours.name}.{name}: {field.type} is {theirs and theirs.type}")
                continue
            for argument, details in field.args.items():
                their_argument = theirs.args.get(argument)
                if their_argument is None or str(their_argument.type) != str(details.type):
                    found.append(f"{ours.name}.{name}({argument}: {details.type})")
            found += [
                f"{ours.name}.{name} lacks {a}"
                for a, d in theirs.args.items()
                if str(d.type).endswith("!") and a not in field.args
            ]
        return found
    if isinstance(ours, GraphQLInputObjectType):
        assert isinstance(real, GraphQLInputObjectType)
        theirs_by_name = {name: str(field.type) for name, field in real.fields.items()}
        return [f"{ours.name}.{n}" for n, f in ours.fields.items() if theirs_by_name.get(n) != str(f.type)]
    if isinstance(ours, GraphQLEnumType):
        assert isinstance(real, GraphQLEnumType)
        return [f"{ours.name}.{value}" for value in ours.values if value not in real.values]
    if isinstance(ours, GraphQLUnionType):
        assert isinstance(real, GraphQLUnionType)
        return [f"{ours.name} holds {t}" for t in ours.types if t.name not in {r.name for r in real.types}]
    return []


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_stands_in_the_real_schema(version: str) -> None:
    """Every type, field, argument and enum value of ours stands in that version's real one, of the same type."""
    real = real_schema(version)
    ours = load_schema(minor_version(version))
    found = [
        complaint
        for name, ours_type in ours.type_map.items()
        if not name.startswith("__")
        for complaint in strangers(ours_type, real.type_map.get(name))
    ]
    assert KNOWN.get(version, []) == found


def test_a_stranger_is_found() -> None:
    """The comparison itself notices a field, a type and an enum value that the real schema has not."""
    ours = build_schema("type Query { a: Int! b: String } enum E { X Y } ").type_map
    real = build_schema("type Query { a: Int } enum E { X }").type_map
    assert ["Query.a: Int! is Int", "Query.b: String is None"] == strangers(ours["Query"], real["Query"])
    assert ["E.Y"] == strangers(ours["E"], real["E"])
    assert ["E is no GraphQLEnumType"] == strangers(ours["E"], None)


@pytest.mark.parametrize(("version", "known"), [("3.21", False), ("3.22", True)])
def test_older_versions_lack_what_came_later(version: str, known: bool) -> None:
    """What `@since` names is in the schema from that version on."""
    schema = load_schema(minor_version(version))
    transaction = schema.type_map["TransactionItem"]
    assert isinstance(transaction, GraphQLObjectType)
    assert known == ("paymentMethodDetails" in transaction.fields)
    assert known == ("PaymentMethodDetails" in schema.type_map)
