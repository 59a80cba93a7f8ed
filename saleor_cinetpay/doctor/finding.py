"""What a check finds: how good or bad it is, about what, in words, and what to do."""

from dataclasses import dataclass
from enum import StrEnum

from saleor_cinetpay.locale import Text


class Grade(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    NOTE = "note"
    """Nothing is known to be wrong; a person may want to look themselves."""
    WARNING = "warning"
    """Payments work, or may work; something should be changed."""
    FAILURE = "failure"
    """Payments, or some of them, don't work, or secrets are in danger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check has found."""

    check: str
    """The stable name of what was checked: `public_address`."""
    grade: Grade
    said: Text
    """What was found, without secrets."""
    remedy: Text | None = None
    """What to do."""
    about: str = ""
    """Which shop, account or address, where there are several."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A check's voice about one thing: what it finds bears its name."""

    check: str
    about: str = ""

    def ok(self, said: Text) -> Finding:
        """Return that it is well."""
        return Finding(check=self.check, grade=Grade.OK, said=said, about=self.about)

    def note(self, said: Text, remedy: Text | None = None) -> Finding:
        """Return something worth knowing."""
        return Finding(check=self.check, grade=Grade.NOTE, said=said, remedy=remedy, about=self.about)

    def warning(self, said: Text, remedy: Text) -> Finding:
        """Return something that should be changed."""
        return Finding(check=self.check, grade=Grade.WARNING, said=said, remedy=remedy, about=self.about)

    def failure(self, said: Text, remedy: Text) -> Finding:
        """Return something that does not work."""
        return Finding(check=self.check, grade=Grade.FAILURE, said=said, remedy=remedy, about=self.about)


def english(message: str, **values: object) -> Text:
    """Mark a sentence that only the operator reads: the command line speaks English."""
    return Text(message, values)
