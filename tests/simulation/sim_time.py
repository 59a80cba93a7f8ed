"""Time that jumps: an event loop on which nothing waits, so that a week passes in a moment and always alike."""

import asyncio
import selectors
from datetime import timedelta

from fakes import NOON, TurnedClock


class Stuck(Exception):
    """Somebody waits for what can never happen: nothing runs, and no timer is set."""


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: where the loop would wait, the clock is turned to its next timer."""

    def __init__(self, clock: TurnedClock) -> None:
        super().__init__()
        self.elapsed_s = 0.0
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self.elapsed_s += timeout
            self._clock.moment = NOON + timedelta(seconds=self.elapsed_s)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs tasks in the order in which their timers end, and turns the clock of the simulated world."""

    def __init__(self, clock: TurnedClock) -> None:
        self._jumping = _Jumping(clock)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the seconds that have passed in the simulated world."""
        return self._jumping.elapsed_s
