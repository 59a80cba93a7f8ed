"""The log of messages to and fro, for the control API and a demo's live view. It holds no whole secret."""

from collections.abc import Mapping
from typing import Any

from saleor_cinetpay.sandbox.cinetpay.config import Clock
from saleor_cinetpay.sandbox.cinetpay.store import Store

APP, BUYER, CINETPAY = "app", "buyer", "cinetpay"
SHOWN_CHARACTERS = {"apikey": 0, "signature": 6}
PHONE_DIGITS_SHOWN = 2


class Journal:
    """Writes down who said what to whom."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def write(self, sender: str, receiver: str, title: str, detail: Mapping[str, Any], *, ok: bool) -> None:
        """Append one exchange; `ok` says whether the receiver did what it was asked for."""
        self._store.add_message(
            {
                "at": self._clock.now().isoformat(),
                "from": sender,
                "to": receiver,
                "title": title,
                "detail": masked(detail),
                "ok": ok,
            }
        )


def masked(value: Any, name: str = "") -> Any:
    """Copy something with keys, signatures and phone numbers cut short, however deep they stand."""
    if isinstance(value, Mapping):
        return {key: masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, name) for inner in value]
    if isinstance(value, str) and value:
        if name in SHOWN_CHARACTERS:
            return value[: SHOWN_CHARACTERS[name]] + "…"
        if name == "cel_phone_num":
            return "…" + value[-PHONE_DIGITS_SHOWN:]
    return value
