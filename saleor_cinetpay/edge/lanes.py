"""Lanes: the kinds of addresses, and how much each takes. One lane that is full never fills another.

The numbers are for one process; `WORKERS` multiplies them. Saleor's webhooks have no rate: they all come from one
address, and so may a flood of forged ones (where a proxy hides who asks), so what counts for them is that a forged
one costs next to nothing (webhooks/pipeline.py).
"""

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """A kind of address."""

    WEBHOOK = "webhook"
    NOTIFICATION = "notification"
    REGISTRATION = "registration"
    MANIFEST = "manifest"
    BUYER = "buyer"
    DASHBOARD = "dashboard"
    STATIC = "static"
    OPERATOR = "operator"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a lane takes."""

    per_s: float | None
    """Calls a second from one caller, in the long run; None: as many as come."""
    burst: int
    """Calls at once from one caller, after a pause."""
    at_once: int | None
    """Calls under way from all callers together; None: as many as there are connections."""
    body_bytes: int | None
    """The gate reads bodies up to this size; None: the door does that itself, or takes none."""


KIB = 1024

LIMITS: dict[Lane, Limits] = {
    Lane.WEBHOOK: Limits(per_s=None, burst=0, at_once=None, body_bytes=None),
    Lane.NOTIFICATION: Limits(per_s=500, burst=1000, at_once=400, body_bytes=64 * KIB),
    Lane.REGISTRATION: Limits(per_s=200 / 60, burst=200, at_once=64, body_bytes=64 * KIB),
    Lane.MANIFEST: Limits(per_s=10, burst=300, at_once=100, body_bytes=None),
    Lane.BUYER: Limits(per_s=50, burst=300, at_once=200, body_bytes=None),
    Lane.DASHBOARD: Limits(per_s=50, burst=300, at_once=100, body_bytes=256 * KIB),
    Lane.STATIC: Limits(per_s=100, burst=1000, at_once=200, body_bytes=None),
    Lane.OPERATOR: Limits(per_s=50, burst=300, at_once=50, body_bytes=None),
    Lane.OTHER: Limits(per_s=50, burst=300, at_once=100, body_bytes=None),
}
"""A mobile operator hides thousands of buyers behind one address, so a buyer's lane is wide."""

_STARTS = (
    ("/api/webhooks/", Lane.WEBHOOK),
    ("/cinetpay/notify/", Lane.NOTIFICATION),
    ("/cinetpay/", Lane.BUYER),
    ("/pay/", Lane.BUYER),
    ("/static/", Lane.STATIC),
    ("/dashboard", Lane.DASHBOARD),
    ("/health/", Lane.OPERATOR),
)
_WHOLE = {"/api/register": Lane.REGISTRATION, "/api/manifest": Lane.MANIFEST, "/metrics": Lane.OPERATOR}


def lane_of(path: str) -> Lane:
    """Return the lane of an address."""
    for start, lane in _STARTS:
        if path.startswith(start):
            return lane
    return _WHOLE.get(path, Lane.OTHER)
