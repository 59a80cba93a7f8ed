"""How fast an account may be asked: one whose CinetPay fails is slowed down, and no other."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from saleor_cinetpay.clock import Clock

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
LONGEST_ASKED_PAUSE_S = 30.0
"""How long CinetPay's Retry-After counts at most: a failed look is tried again within half a minute."""
AT_ONCE = 8
AT_ONCE_WHILE_FAILING = 1


@dataclass(slots=True)
class _Failing:
    times: int
    until: datetime


class Pace:
    """Remembers, in this process, which accounts fail, and until when each is left alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failing: dict[str, _Failing] = {}

    def answered(self, account_key: str) -> None:
        """Let an account go at full speed again."""
        self._failing.pop(account_key, None)

    def failed(self, account_key: str, retry_after_s: float | None) -> None:
        """Leave an account alone for a moment, longer each time, or as long as CinetPay asks."""
        times = self._failing[account_key].times + 1 if account_key in self._failing else 1
        pause_s = min(FIRST_PAUSE_S * 2 ** min(times, 10), LONGEST_PAUSE_S)
        if retry_after_s is not None:
            pause_s = min(max(pause_s, retry_after_s), LONGEST_ASKED_PAUSE_S)
        self._failing[account_key] = _Failing(times, self._clock.now() + timedelta(seconds=pause_s))

    def paused(self) -> Collection[str]:
        """Return the accounts that are to be left alone now."""
        now = self._clock.now()
        return [key for key, failing in self._failing.items() if failing.until > now]

    def at_once(self, account_key: str) -> int:
        """Return how many looks at an account's payments may be under way at once."""
        return AT_ONCE_WHILE_FAILING if account_key in self._failing else AT_ONCE
