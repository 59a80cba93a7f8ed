"""What the handler of a page gets and gives: plain data."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from starlette.requests import Request

from saleor_cinetpay.dashboard.forms import Form, plain, read_form
from saleor_cinetpay.locale import Language, Text, text
from saleor_cinetpay.shops.installations import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person of the shop's staff who may handle payments, as the Dashboard's token says."""

    installation: Installation
    who: str
    """The e-mail address, or the user's id where the token has none: what is recorded with a decision."""
    language: Language

    @property
    def saleor_api_url(self) -> str:
        """The shop: everything that is shown or done is narrowed to it."""
        return self.installation.saleor_api_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a visitor's."""

    visitor: Visitor
    request: Request

    def part(self, name: str) -> str:
        """Return a `{named}` part of the path."""
        return plain(str(self.request.path_params[name]))

    def asked(self, name: str) -> str:
        """Return a value of the address's query, stripped; empty where there is none."""
        return plain(self.request.query_params.get(name, "")).strip()

    async def form(self) -> Form:
        """Read the form that was sent.

        Raises:
            CallRefused: 413 where it is too large.
        """
        return await read_form(self.request)


class Tone(StrEnum):
    """How something is said; the Dashboard's own words for its notifications."""

    GOOD = "success"
    NOTE = "info"
    WARNING = "warning"
    BAD = "error"


@dataclass(frozen=True, slots=True)
class Alert:
    """What stands on top of a page."""

    message: Text
    tone: Tone = Tone.BAD


@dataclass(frozen=True, slots=True)
class Page:
    """A page to show."""

    template: str
    title: Text
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    alert: Alert | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a form asked for is done; the desk goes on to a page (a path below `/dashboard`) and shows the notice."""

    to: str
    notice: Text
    tone: Tone = Tone.GOOD


@dataclass(frozen=True, slots=True)
class Download:
    """A file, sent as it is made."""

    name: str
    media_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class NotThere:
    """What is asked for does not exist, or is another shop's."""


Answer = Page | Done | Download | NotThere
Handler = Callable[[Visit], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """An address below `/dashboard` and who answers there."""

    path: str
    handler: Handler
    method: str = "GET"


async def _none(_visitor: Visitor) -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """An entry of the navigation."""

    path: str
    title: Text
    order: int
    count: Callable[[Visitor], Awaitable[int]] = _none
    """What waits for a person there."""


NOT_THERE = (
    text("There is nothing here"),
    text("The page may have moved, or belongs to another shop. Choose one above."),
)
