"""Time as the small Saleor reads and tells it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the machine's time, aware and in UTC."""
    return datetime.now(UTC)


def parse_time(written: str) -> datetime:
    """Read ISO 8601; what names no zone is UTC.

    Raises:
        ValueError: where it is no time.
    """
    moment = datetime.fromisoformat(written)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
