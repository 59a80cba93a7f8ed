"""Saleor's own JSON Schemas of webhook answers, where they are at hand (`../shared` beside the repository)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SHARED = Path(__file__).parents[3] / "shared" / "saleor"
VERSIONS = ("3.22", "3.23")


def at_hand() -> bool:
    """Say whether the schemas are there."""
    return all((SHARED / version / "responses").is_dir() for version in VERSIONS)


def complaints(event: str, answer: object) -> list[str]:
    """Return what each version of Saleor has against an answer to that event (`TRANSACTION_INITIALIZE_SESSION`)."""
    name = "".join(word.capitalize() for word in event.split("_"))
    return [
        f"{version} {name}: {error.message[:300]}"
        for version in VERSIONS
        for error in _validator(version, name).iter_errors(answer)
    ]


@cache
def _validator(version: str, name: str) -> Any:
    schema = json.loads((SHARED / version / "responses" / f"{name}.json").read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=FormatChecker())
