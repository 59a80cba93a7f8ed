"""Everything that can go wrong, drawn from one seed."""

import random
from dataclasses import dataclass, replace

from saleor_cinetpay.errors import (
    CinetPayError,
    CinetPayUnavailable,
    CinetPayUnintelligible,
    SaleorError,
    SaleorUnavailable,
    SaleorUnintelligible,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How bad it gets. Shares are of messages or steps, numbers of a whole run."""

    messages_lost: float = 0.0
    messages_slow: float = 0.0
    """Slow ones take up to a minute, more than anybody waits; what they ask for is done all the same."""
    messages_doubled: float = 0.0
    steps_stalled: float = 0.0
    """A stall is longer than a lease."""
    writes_uncertain: float = 0.0
    """The database does not answer, before or after it has done its work."""
    steps_to_live: int | None = None
    """How many steps a process lives, on average; None: for ever."""
    outages: int = 0
    """How often CinetPay, Saleor or the database is away for a while."""

    @property
    def fair(self) -> bool:
        """Whether nothing at all goes wrong."""
        return self == FAIR


FAIR = Weather()
ROUGH = Weather(
    messages_lost=0.05,
    messages_slow=0.03,
    messages_doubled=0.05,
    steps_stalled=0.004,
    writes_uncertain=0.004,
    steps_to_live=250,
    outages=2,
)
WEATHERS = (
    FAIR,
    ROUGH,
    replace(ROUGH, steps_to_live=60, outages=0),
    replace(ROUGH, messages_lost=0.15, messages_slow=0.06, outages=1),
    replace(FAIR, outages=5),
    replace(FAIR, steps_stalled=0.02),
)

LONGEST_LATENCY_S = 0.1
LONGEST_SLOWNESS_S = 60.0
STALL_S = (31.0, 90.0)
LIFE_SPREAD = 2.0


class Fate:
    """Draws what happens, in an order that the seed alone decides; once it is `calm`, nothing goes wrong any more."""

    def __init__(self, seed: int, weather: Weather) -> None:
        self.random = random.Random(seed)
        self.weather = weather

    def calm_down(self) -> None:
        self.weather = FAIR

    def happens(self, share: float) -> bool:
        return share > 0 and self.random.random() < share

    def trip_s(self) -> float | None:
        """Return how long a message is under way; None where it is lost."""
        if self.happens(self.weather.messages_lost):
            return None
        longest_s = LONGEST_SLOWNESS_S if self.happens(self.weather.messages_slow) else LONGEST_LATENCY_S
        return self.random.random() * longest_s

    def stall_s(self) -> float:
        """Return how long a process is held up before its next step: mostly not at all."""
        return self.random.uniform(*STALL_S) if self.happens(self.weather.steps_stalled) else 0.0

    def steps_to_live(self) -> int | None:
        """Return how many steps a new process will live; None: for ever."""
        mean = self.weather.steps_to_live
        return None if mean is None else 1 + int(self.random.random() * LIFE_SPREAD * mean)

    def cinetpay_trouble(self) -> CinetPayError:
        return self.random.choice(
            [
                CinetPayUnavailable("down", maybe_carried_out=False),
                CinetPayUnavailable("busy", maybe_carried_out=False, retry_after_s=20.0),
                CinetPayUnintelligible("an unknown answer", maybe_carried_out=True),
            ]
        )

    def saleor_trouble(self) -> SaleorError:
        return self.random.choice(
            [
                SaleorUnavailable("down", maybe_carried_out=False),
                SaleorUnintelligible("an unknown answer", maybe_carried_out=True),
            ]
        )
