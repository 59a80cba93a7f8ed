"""The one source of randomness. Whatever needs chance is handed a `Chance`, so that a simulation can replay it."""

import random
import secrets
from typing import Protocol


class Chance(Protocol):
    """Draws what must not be guessed, and what must not come at the same moment."""

    def token(self) -> str:
        """Return a new text that can't be guessed (24 characters that fit a URL)."""
        ...

    def fraction(self) -> float:
        """Return a number from 0 up to 1."""
        ...


class SystemChance:
    """The machine's randomness."""

    def token(self) -> str:
        """Draw from the machine's secure source."""
        return secrets.token_urlsafe(18)

    def fraction(self) -> float:
        """Draw a number for jitter."""
        return random.random()  # noqa: S311  jitter is no secret
