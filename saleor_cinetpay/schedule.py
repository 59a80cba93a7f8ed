"""When an unpaid payment is looked at again, and how a failed attempt waits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import repeat

MAX_STEPS = 100_000
RETRY_AT_LEAST_S = 2.0
RETRY_FIRST_TEN_MINUTES_S = 30.0
RETRY_AT_MOST_S = 6 * 3600.0
JITTER = 0.1
"""How much later a look, or sooner a retry, may come, so that what failed together does not return together."""


def parse_delays_s(written: str) -> tuple[float, ...]:
    """Read `5,10,300*12,21600` (CHECK_DELAYS_S): seconds from one look to the next, `300*12` meaning twelve times.

    Raises:
        ValueError: where a part is no positive number, or nothing is left.
    """
    delays: list[float] = []
    for part in (p.strip() for p in written.split(",")):
        seconds, _, times = part.partition("*")
        try:
            delay_s, count = float(seconds), int(times) if times else 1
        except ValueError:
            raise ValueError(f"{part!r} is no delay: write seconds, or seconds*times") from None
        if not 0 < delay_s <= 366 * 86400 or not 1 <= count <= MAX_STEPS:
            raise ValueError(f"{part!r} is no delay: both numbers must be above 0 and sensible")
        delays.extend(repeat(delay_s, count))
        if len(delays) > MAX_STEPS:
            raise ValueError(f"more than {MAX_STEPS} delays")
    return tuple(delays)


def next_look_at(opened_at: datetime, now: datetime, delays_s: Sequence[float]) -> datetime:
    """Return the first moment after `now` of the timetable that began when the payment was opened.

    The last delay repeats for ever; the end of the watch is the caller's business.
    """
    moment = opened_at
    for delay_s in delays_s:
        moment += timedelta(seconds=delay_s)
        if moment > now:
            return moment
    last = timedelta(seconds=delays_s[-1])
    return moment + last * ((now - moment) // last + 1)


def retry_delay_s(failing_for: timedelta) -> float:
    """Return how long a failed look or report waits before it is tried again.

    At most 30 s during the first ten minutes, then ever more slowly, up to six hours.
    """
    elapsed_s = max(failing_for.total_seconds(), 0.0)
    return min(max(RETRY_AT_LEAST_S, min(elapsed_s / 2, RETRY_FIRST_TEN_MINUTES_S), elapsed_s / 20), RETRY_AT_MOST_S)
