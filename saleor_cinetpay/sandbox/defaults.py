"""What the simulated CinetPay is when nobody says anything else; read by the command line, which builds none."""

from enum import StrEnum

DEFAULT_SITE_ID = "445160"
DEFAULT_API_KEY = "sandbox-api-key-not-secret"


class NotifyMode(StrEnum):
    """How the shop's server hears of a change of status."""

    ONCE = "once"
    TWICE = "twice"
    FIVE = "five"
    LATE = "late"
    NEVER = "never"

    def delays_s(self, late_s: float) -> tuple[float, ...]:
        """Return when the notifications of one change are sent, in seconds after it; `five` are sent at one instant."""
        return {
            NotifyMode.ONCE: (0.0,),
            NotifyMode.TWICE: (0.0, 1.0),
            NotifyMode.FIVE: (0.0,) * 5,
            NotifyMode.LATE: (late_s,),
            NotifyMode.NEVER: (),
        }[self]
