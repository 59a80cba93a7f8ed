"""How often a caller may come: one number for each caller, and a bounded number of callers.

The generic cell rate algorithm (a leaky bucket): what is kept is the moment at which the caller would have spent
everything. The libraries for it (`limits` and what builds on it) bring storages, strategies and locks for what is
fifteen lines here, and grow with the number of callers.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, ip_address

MOST_CALLERS = 50_000
"""About 10 MB; beyond, whoever was away longest is forgotten."""
IPV6_OF_ONE_CALLER = 64
"""The bits of an IPv6 address that one caller can't choose."""


class Rates:
    """Counts the calls of each caller."""

    def __init__(
        self,
        *,
        per_s: float,
        burst: int,
        most_callers: int = MOST_CALLERS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each_s = 1 / per_s
        self._ahead_s = burst / per_s
        self._most_callers = most_callers
        self._monotonic = monotonic
        self._spent_at: OrderedDict[str, float] = OrderedDict()

    def take(self, caller: str) -> float:
        """Count a call and return 0; or, where it is one too many, count nothing and return the seconds to wait."""
        now = self._monotonic()
        spent_at = max(self._spent_at.get(caller, now), now) + self._each_s
        if spent_at - now > self._ahead_s:
            return spent_at - now - self._ahead_s
        self._spent_at[caller] = spent_at
        self._spent_at.move_to_end(caller)
        if len(self._spent_at) > self._most_callers:
            self._spent_at.popitem(last=False)
        return 0.0

    def __len__(self) -> int:
        return len(self._spent_at)


@lru_cache(maxsize=10_000)
def caller_of(address: str | None) -> str:
    """Return who an address belongs to: an IPv4 address alone, an IPv6 address with the network around it."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(ip, IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return f"{int(ip) >> (128 - IPV6_OF_ONE_CALLER):x}/{IPV6_OF_ONE_CALLER}"
