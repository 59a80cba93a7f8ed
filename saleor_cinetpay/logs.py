"""Logs: an event name with keys and values, as JSON or for a console, and never a secret among them."""

import io
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any, Literal, TextIO, cast

import structlog

_NAMES = r"api_?key|token|secret|signature|authorization|password|cel_phone_num|phone_?number"
SECRET_NAMES = re.compile(rf"(?i)({_NAMES})")
REDACTED = "[removed]"
LONGEST_VALUE = 2000
NAMES_KEPT = 1000
"""Names of values, each of which is judged once."""
ANYBODYS = frozenset(
    {
        "Invalid HTTP request received.",
        "notification_ignored",
        "notification_not_written",
        "notification_taken",
        "registration_refused",
        "return_not_taken",
        "webhook_refused",
        "webhook_unread",
    }
)
"""Events that strangers can cause in any number."""
A_SECOND_OF_THESE = 20

IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), REDACTED),
    (
        re.compile(
            rf"""(?ix) ( (?:{_NAMES}) \w* ["']? \s* (?: [=:] | %3D | ,\s (?=["']) ) \s* ["']? )
            (?! \[removed | (?:bearer|basic)\s | None\b | SecretStr\( | \*{{4}} ) [^\s"'&;,)}}\]]+"""
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"([?&]s=)[\w.~%-]+"), rf"\1{REDACTED}"),
    (re.compile(r"(://)[^\s/@:]*:[^\s/@]*@"), rf"\1{REDACTED}@"),
)
"""What in a running text is a secret: a bearer's token, a JWT, `apikey=...` of a form or `"apikey": "..."` of a record,
the proof of a link, the password of an address. Exceptions come as such texts, libraries' own lines too."""
_ANNOUNCING = re.compile(r"[\s=:,%]|eyJ")
"""What each of these needs somewhere: a text without any of it, such as an id, is no place for them."""


class LogLevel(StrEnum):
    """From how much weight on a thing is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure_logs(level: LogLevel, form: Literal["json", "console"], stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging alike, to that stream or to standard error.

    Our own events do not go through the standard library: that makes a line cost half.
    """
    stream = stream or sys.stderr or cast(TextIO, _Nowhere())
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    shared: list[structlog.types.Processor] = [
        Sparing(),
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        _tell_crash,
        structlog.processors.format_exc_info,  # here and in no renderer, so that it is redacted; it shows no locals
        redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=partial(_Lines, stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx2", "httpcore2", "gql", "aiosqlite", "asyncio", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
    access = logging.getLogger("uvicorn.access")  # our own events say more, and no proof that stands in an address
    access.handlers = []
    access.propagate = False


class _Nowhere(io.TextIOBase):
    """The standard error of a process that was started with none (`2>&-`)."""

    def write(self, text: str) -> int:
        """Drop a text."""
        return len(text)


class _Lines(structlog.WriteLogger):
    """Writes one line for each event of a module."""

    def __init__(self, stream: TextIO, name: str = "") -> None:
        super().__init__(stream)
        self.name = name

    def msg(self, message: str) -> None:
        """Write a line; where that can't be, as the disk is full or nobody reads, whatever goes on goes on."""
        with suppress(OSError, ValueError):  # ValueError: the stream is closed, or has no such characters
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


class _Handler(logging.StreamHandler[TextIO]):
    """Writes the lines of libraries, who need not know that one may be left out."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless it is left out."""
        with suppress(structlog.DropEvent):
            super().emit(record)


crash_listeners: list[Callable[[str, BaseException], None]] = []
"""Whoever wants to hear of each error that is logged with its trace, and of the event's name."""


def _tell_crash(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = event.get("exc_info")
    if isinstance(error, BaseException):
        for listener in crash_listeners:
            listener(str(event.get("event")), error)
    return event


class Sparing:
    """Leaves out what strangers cause beyond so many lines a second; the next line says how many were left out."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seconds: dict[str, tuple[int, int]] = {}
        self._left_out: dict[str, int] = {}

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Pass a line, or drop it."""
        name = event.get("event")
        if name not in ANYBODYS:
            return event
        second = int(self._monotonic())
        last, lines = self._seconds.get(name, (second, 0))
        lines = lines + 1 if last == second else 1
        self._seconds[name] = (second, lines)
        if lines > A_SECOND_OF_THESE:
            self._left_out[name] = self._left_out.get(name, 0) + 1
            raise structlog.DropEvent
        if left_out := self._left_out.pop(name, 0):
            event["left_out"] = left_out
        return event


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Remove what a secret's name announces, at any depth and in running text, and cut what is too long."""
    return {name: value if name.startswith("_") else _clean(name, value) for name, value in event.items()}


def redacted_text(text: str) -> str:
    """Remove what in a running text announces itself as a secret."""
    if _ANNOUNCING.search(text):
        for pattern, instead in IN_TEXT:
            text = pattern.sub(instead, text)
    return text


@lru_cache(maxsize=NAMES_KEPT)
def _announces_secret(name: str) -> bool:
    return SECRET_NAMES.search(name) is not None


def _clean(name: str, value: object) -> object:
    if _announces_secret(name) and value is not None and not isinstance(value, bool):
        return REDACTED
    match value:
        case str():
            return _clean_text(name, value)
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(key): _clean(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(name, inner) for inner in value]
        case _:
            return _clean_text(name, str(value))


def _clean_text(name: str, text: str) -> str:
    text = redacted_text(text if name == "exception" else text[: LONGEST_VALUE * 2])
    return text if name == "exception" or len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "..."
