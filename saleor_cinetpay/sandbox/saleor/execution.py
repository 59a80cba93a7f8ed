"""Runs GraphQL documents on the small Saleor's records."""

from collections.abc import Callable
from typing import Any, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLAbstractType,
    GraphQLResolveInfo,
    GraphQLSchema,
    execute,
)
from pydantic.alias_generators import to_snake

_TYPE_NAMES = {"Transaction": "TransactionItem", "Problem": "AppProblem"}


def execute_document(schema: GraphQLSchema, document: DocumentNode, root: object) -> ExecutionResult:
    """Run a document that needs no waiting: a query on records, or a subscription on one happening."""
    return cast(ExecutionResult, execute(schema, document, root, field_resolver=read_member, type_resolver=type_name))


def read_member(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """Read `chargedAmount` from a record's `charged_amount` or a dict's member; call it where it takes arguments.

    What the API shows otherwise than the record holds it stands in the record's `shown_...`.
    """
    name = to_snake(info.field_name)
    if isinstance(source, dict):
        value = source.get(info.field_name)
    else:
        value = getattr(source, f"shown_{name}" if hasattr(source, f"shown_{name}") else name)
    return cast(Callable[..., Any], value)(info, **arguments) if callable(value) else value


def type_name(value: Any, _info: GraphQLResolveInfo[Any], _type: GraphQLAbstractType) -> str:
    """Name the GraphQL type of a record."""
    if getattr(value, "kind", None) in ("OTHER", "CARD"):
        return "OtherPaymentMethodDetails" if value.kind == "OTHER" else "CardPaymentMethodDetails"
    name = type(value).__name__
    return _TYPE_NAMES.get(name, name)
