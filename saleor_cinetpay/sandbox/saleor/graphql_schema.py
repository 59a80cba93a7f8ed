"""The small Saleor's GraphQL schema: the written SDL, cut to one version, with Saleor's own scalars."""

from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from graphql import (
    REMOVE,
    DirectiveNode,
    FloatValueNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    Visitor,
    build_ast_schema,
    parse,
    value_from_ast_untyped,
    visit,
)
from pydantic.alias_generators import to_snake

from saleor_cinetpay.sandbox.saleor.times import parse_time

SDL = Path(__file__).with_name("schema.graphql")

Version = tuple[int, int]


@cache
def load_schema(version: Version) -> GraphQLSchema:
    """Build the schema that this version of Saleor has; what came later is not in it."""
    document = visit(parse(SDL.read_text("utf-8")), _Since(version))
    schema = build_ast_schema(document)
    for name, (output, value, literal) in _SCALARS.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)  # noqa: S101  the SDL says so
        scalar.coerce_output_value = output
        scalar.coerce_input_value = value
        scalar.coerce_input_literal = literal
    _speak_snake(schema)
    return schema


def minor_version(version: str) -> Version:
    """Take the first two numbers of `3.23.28`, by which Saleor names its schemas."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


class _Since(Visitor):
    """Takes away what `@since` says is newer than the version."""

    def __init__(self, version: Version) -> None:
        super().__init__()
        self.version = version

    def enter(self, node: Node, *_: Any) -> Any:
        for directive in getattr(node, "directives", None) or ():
            if directive.name.value == "since" and minor_version(_since(directive)) > self.version:
                return REMOVE
        return None


def _speak_snake(schema: GraphQLSchema) -> None:
    """Hand arguments to Python by their Python names."""
    for graphql_type in schema.type_map.values():
        if graphql_type.name.startswith("__"):
            continue  # introspection answers by itself
        if isinstance(graphql_type, GraphQLObjectType):
            for field in graphql_type.fields.values():
                for name, argument in field.args.items():
                    argument.out_name = to_snake(name)
        elif isinstance(graphql_type, GraphQLInputObjectType):
            for name, input_field in graphql_type.fields.items():
                input_field.out_name = to_snake(name)


def _since(directive: DirectiveNode) -> str:
    (argument,) = directive.arguments or ()
    assert isinstance(argument.value, StringValueNode)  # noqa: S101  the SDL says so
    return argument.value.value


def _positive_decimal(value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise GraphQLError(f"{value!r} is no PositiveDecimal") from None
    if not amount.is_finite() or amount < 0:
        raise GraphQLError(f"{value!r} is no PositiveDecimal")
    return amount


def _positive_decimal_literal(node: ValueNode) -> Decimal:
    if isinstance(node, FloatValueNode | IntValueNode):
        return _positive_decimal(node.value)
    raise GraphQLError("PositiveDecimal is written as a number")


def _json(value: object) -> object:
    """Take objects and lists; Saleor reads anything else as null."""
    return value if isinstance(value, dict | list) else None


def _json_literal(node: ValueNode) -> object:
    return value_from_ast_untyped(node) if isinstance(node, ObjectValueNode | ListValueNode) else None


def _from_string(parse_text: Any) -> Any:
    def parse_literal(node: ValueNode) -> Any:
        if not isinstance(node, StringValueNode):
            raise GraphQLError("expected a string")
        return parse_text(node.value)

    return parse_literal


def _time(value: object) -> Any:
    try:
        return parse_time(str(value))
    except ValueError:
        raise GraphQLError(f"{value!r} is no DateTime") from None


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise GraphQLError(f"{value!r} is no UUID") from None


_SCALARS: dict[str, tuple[Any, Any, Any]] = {
    "PositiveDecimal": (float, _positive_decimal, _positive_decimal_literal),
    "JSON": (lambda value: value, _json, _json_literal),
    "DateTime": (lambda value: value.isoformat(), _time, _from_string(_time)),
    "UUID": (str, _uuid, _from_string(_uuid)),
}
