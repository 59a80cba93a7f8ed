"""Forms: what was typed, what was wrong with it, and whether somebody else saved meanwhile."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qsl

from starlette.requests import Request

from saleor_cinetpay.errors import CallRefused
from saleor_cinetpay.locale import Text, text

LARGEST_FORM_BYTES = 64 * 1024
MOST_FIELDS = 1000

EARLIEST, LATEST = date(2010, 1, 1), date(9999, 12, 30)
"""Before there was no CinetPay; after there is no next day, which a period ends with."""
NO_DATE = text("This is no date: choose one, or write it as 2026-03-31.")
WRONG_ORDER = text("The first day comes after the last.")
LARGEST_VERSION_DIGITS = 9

Errors = Mapping[str, Text]
"""What is wrong, by the name of the field."""

OVERTAKEN = text(
    "Somebody else has saved this meanwhile. What you typed is still here: compare it with what is stored now, "
    "then save again."
)


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed, as it came."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        """Return a field's text, stripped; empty where it is missing."""
        return self.fields.get(name, ("",))[-1].strip()

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field, as it came."""
        return self.fields.get(name, ())

    def version(self) -> int:
        """Return the version that the page had shown; -1, which nothing has, where it can't be one."""
        written = self.text("version")
        return int(written) if re.fullmatch(rf"[0-9]{{1,{LARGEST_VERSION_DIGITS}}}", written) else -1

    def checked(self, name: str) -> bool:
        """Say whether a box was ticked."""
        return name in self.fields


def plain(written: str) -> str:
    """Return what somebody has written without what no database takes as text."""
    return written.replace("\x00", "")


def read_day(written: str) -> date | None:
    """Read a day as browsers and people write it (`2026-03-31`); None where it is none that anything can be of."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST else None


async def read_form(request: Request) -> Form:
    """Read an urlencoded form.

    Raises:
        CallRefused: 413 where it is too large, 400 where it can't be read.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM_BYTES:
            raise CallRefused(413, "FORM_TOO_LARGE", "the form is too large")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise CallRefused(400, "FORM_UNREADABLE", "the form can't be read") from error
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), plain(value))
    return Form(fields)


def fingerprint(*shown: object) -> str:
    """Return a short mark of what a form showed; another one when it is saved means that somebody else was faster."""
    return hashlib.sha256(json.dumps(shown, default=str, sort_keys=True).encode()).hexdigest()[:16]
