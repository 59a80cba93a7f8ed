"""What was read from the database a moment ago, and may be taken for what stands there now.

What each webhook needs and nobody changes (the shop, its account) is read once a second instead of once a payment.
What this process changes it forgets at once; what another one changes is seen a second later, so whoever would
refuse somebody for what stands here reads anew first.
"""

from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from saleor_cinetpay.clock import Clock

RECENT = timedelta(seconds=1)
MOST = 10_000

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Keeps what was read, and when the reading began."""

    def __init__(self, read: Callable[[Key], Awaitable[Value | None]], clock: Clock) -> None:
        """`read` fetches one value; that there is none is not kept, as anybody may ask for what does not exist."""
        self._read = read
        self._clock = clock
        self._kept: dict[Key, _Kept[Value]] = {}

    async def of(self, key: Key) -> Value | None:
        """Return what stood there a second ago at most.

        Raises:
            Exception: whatever `read` raises.
        """
        now = self._clock.now()
        kept = self._kept.get(key)
        if kept is not None and timedelta() <= now - kept.read_at < RECENT:
            return kept.value
        keeping = self._kept
        value = await self._read(key)
        if value is None:
            keeping.pop(key, None)
        else:
            if len(keeping) >= MOST:
                keeping.clear()
            keeping[key] = _Kept(value, now)
        return value

    def forget(self) -> None:
        """Keep nothing, not even what is being read just now."""
        self._kept = {}


class _Kept(NamedTuple, Generic[Value]):
    value: Value
    read_at: datetime
