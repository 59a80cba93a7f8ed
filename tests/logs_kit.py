"""What is logged, as in production."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from saleor_cinetpay.logs import LogLevel, configure_logs


@contextmanager
def logged(level: LogLevel = LogLevel.DEBUG, form: Literal["json", "console"] = "json") -> Iterator[io.StringIO]:
    """Log into a text while the block runs; the logging of before is put back in the end."""
    root = logging.getLogger()
    before, root_level, configured = root.handlers, root.level, structlog.get_config()
    lines = io.StringIO()
    configure_logs(level, form, lines)
    try:
        yield lines
    finally:
        root.handlers, root.level = before, root_level
        structlog.configure(**configured)
