"""The log of the messages to and fro, for tests and the live view. Tokens, keys and signatures are masked in it."""

import re
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

KEPT = 2000
MASKED = "•••"
_SECRET = re.compile(r"token|signature|authorization|api_?key|password", re.IGNORECASE)
_PHONE = re.compile(r"phone(number|_num)?$", re.IGNORECASE)


class MessageLog:
    """The last messages, numbered from 1."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._last_id = 0

    def add(self, sender: str, receiver: str, title: str, detail: object, *, ok: bool = True) -> None:
        """Write a message down."""
        self._last_id += 1
        self._messages.append(
            {
                "id": self._last_id,
                "at": self._now().isoformat(),
                "from": sender,
                "to": receiver,
                "title": title,
                "detail": masked(detail),
                "ok": ok,
            }
        )

    def after(self, message_id: int) -> list[dict[str, Any]]:
        """Return the messages that came after that one, oldest first; 0 for all."""
        return [message for message in self._messages if message["id"] > message_id]

    def clear(self) -> None:
        """Forget the messages; the numbering goes on."""
        self._messages.clear()


def masked(value: object, name: str = "") -> object:
    """Copy JSON without what must not be shown: secrets wholly, phone numbers but for their end."""
    if isinstance(value, dict):
        return {key: masked(member, str(key)) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [masked(member, name) for member in value]
    if isinstance(value, str) and value:
        if _SECRET.search(name):
            return MASKED
        if _PHONE.search(name):
            return f"{MASKED}{value[-2:]}"
    return value
