"""What is logged, as in production."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from saleor_cinetpay.logs import LogLevel, configure_logs


@contextmanager
def logged(
    level: LogLevel = LogLevel.DEBUG, form: Literal["json", "console"] = "json", into: io.StringIO | None = None
) -> Iterator[io.StringIO]:
    """Log into a text while the block runs; the logging of before is put back in the end."""
    root = logging.getLogger()
    before, root_level, configured = root.handlers, root.level, structlog.get_config()
    lines = io.StringIO() if into is None else into
    configure_logs(level, form, lines)
    try:
        yield lines
    finally:
        root.handlers, root.level = before, root_level
        structlog.configure(**configured)


class Failing(io.StringIO):
    """A stream that can't be written to, for as long as it has a failure."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self.failure: Exception | None = failure

    def write(self, text: str) -> int:
        """Write, or fail."""
        if self.failure is not None:
            raise self.failure
        return super().write(text)
