"""One trace from the call that came in to the calls that go out: W3C's `traceparent`, taken up, logged and passed on.

Saleor sends it with each webhook; a call that brings none begins a trace. What is about one payment in the background
(looks, reports, notifications) follows the payment's own, which is made from its trans id, so that what happens over
days is found together. A trace's id can't be read back, and says nothing.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count

import structlog

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})(-.*)?"
)
SAMPLED = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A trace that we take part in."""

    trace_id: str
    """32 hexadecimal digits."""
    sampled: bool

    @classmethod
    def begun(cls, seed: str) -> "Trace":
        """Begin a trace whose id is made from that text; the same text gives the same trace."""
        return cls(trace_id=hashlib.sha256(seed.encode()).hexdigest()[:32], sampled=False)

    @classmethod
    def taken_up(cls, traceparent: str | None) -> "Trace | None":
        """Read a `traceparent` header; None where there is none that can be read."""
        parts = _TRACEPARENT.fullmatch(traceparent or "")
        if parts is None:
            return None
        return cls(trace_id=parts["trace"], sampled=bool(int(parts["flags"], 16) & SAMPLED))


_followed: ContextVar[Trace | None] = ContextVar("followed", default=None)
_steps = count(1)


@contextmanager
def following(trace: Trace) -> Iterator[None]:
    """Log and pass on that trace while the block runs."""
    token = _followed.set(trace)
    try:
        with structlog.contextvars.bound_contextvars(trace=trace.trace_id):
            yield
    finally:
        _followed.reset(token)


def traceparent() -> dict[str, str]:
    """Return the header that passes the trace on with one call; none where no trace is followed."""
    trace = _followed.get()
    if trace is None:
        return {}
    step = hashlib.sha256(f"{trace.trace_id}/{next(_steps)}".encode()).hexdigest()[:16]
    return {"traceparent": f"00-{trace.trace_id}-{step}-{trace.sampled:02x}"}
