"""Words of ours that stand in the database.

A newer version of the app may run beside this one and write words that this one lacks. What is only shown reads them
as UNKNOWN; what is to be acted on is not read at all, and left to the version that knows the word.
"""

from enum import StrEnum
from typing import Any, Self, TypeVar

from sqlalchemy import Column, ColumnElement

from saleor_cinetpay.errors import OfANewerVersion

Word = TypeVar("Word", bound=StrEnum)


class StoredWord(StrEnum):
    """Words that stand in the database; one of a newer version reads as UNKNOWN, which is never written."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls("unknown")


def known(kind: type[Word], word: str) -> Word:
    """Read a word that something depends on.

    Raises:
        OfANewerVersion: where this version does not know it.
    """
    try:
        read = kind(word)
    except ValueError:
        read = None
    if read is None or read.name == "UNKNOWN":
        raise OfANewerVersion(f"{kind.__name__} {word!r} was written by a newer version of the app; run that one")
    return read


def known_words(column: Column[Any], kind: type[StoredWord]) -> ColumnElement[bool]:
    """Return the condition that a column holds a word of this version's."""
    return column.in_([word for word in kind if word is not kind("unknown")])
