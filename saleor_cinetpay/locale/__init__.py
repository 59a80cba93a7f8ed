"""What the app says to people, in French and English.

A text is written in English where it is used, marked by `text(...)`, and translated when it is said.
The French stands in `fr/LC_MESSAGES/messages.po`; a test fails where one is missing.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po


class Language(StrEnum):
    """The languages that the app speaks."""

    FRENCH = "fr"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence for people, not yet in a language."""

    message: str
    """English, with `{named}` places."""
    values: dict[str, object] = field(default_factory=dict, hash=False)

    def say(self, language: Language) -> str:
        """Return the sentence in that language, its places filled."""
        message = self.message if language is Language.ENGLISH else _french().get(self.message, self.message)
        spoken = {name: v.say(language) if isinstance(v, Text) else v for name, v in self.values.items()}
        return message.format(**spoken) if spoken else message


def text(message: str, **values: object) -> Text:
    """Mark an English sentence as one that people read; values fill its `{named}` places, a `Text` among them too."""
    return Text(message, values)


def language_of(tag: str | None, default: Language) -> Language:
    """Take a language tag by its first part (`fr-CI` is French); one that we don't speak becomes the default."""
    first = (tag or "").strip().replace("_", "-").split("-")[0].lower()
    return Language(first) if first in set(Language) else default


@cache
def _french() -> dict[str, str]:
    with (Path(__file__).parent / "fr" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale="fr")
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
