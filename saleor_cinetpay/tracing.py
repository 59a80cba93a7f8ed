"""One trace from the call that came in to the calls that go out: W3C's `traceparent`, taken up, logged and passed on.

Saleor sends it with each webhook; a call that brings none begins a trace. What is about one payment in the background
(looks, reports, notifications) follows the payment's own, which is made from its trans id, so that what happens over
days is found together. A trace's id can't be read back, and says nothing.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import structlog

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<parent>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(-.*)?"
)
SAMPLED = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A trace that we take part in."""

    trace_id: str
    """32 hexadecimal digits."""
    sampled: bool
    parent_id: str | None = None
    """The caller's step, 16 hexadecimal digits; None where the trace began with us."""

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
        sampled = bool(int(parts["flags"], 16) & SAMPLED)
        return cls(trace_id=parts["trace"], sampled=sampled, parent_id=parts["parent"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a trace, as it goes with a call out."""

    trace_id: str
    span_id: str
    sampled: bool


class Spans(Protocol):
    """Records the steps of traces somewhere (insight/telemetry.py)."""

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[None]:
        """Record a step for as long as the block runs."""
        ...

    def step(self) -> Step | None:
        """Return the step that is under way."""
        ...


_spans: list[Spans] = []
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


def followed() -> Trace | None:
    """Return the trace that is followed just now."""
    return _followed.get()


def record_spans_with(spans: Spans | None) -> None:
    """Record steps there from now on; with None, nowhere."""
    _spans[:] = [] if spans is None else [spans]


def span(name: str, **attributes: str) -> AbstractContextManager[None]:
    """Record a step for as long as the block runs, where anybody wants to know; without ids and secrets."""
    return _spans[0].span(name, attributes) if _spans else nullcontext()


def traceparent() -> dict[str, str]:
    """Return the header that passes the trace on with one call; none where no trace is followed."""
    if _spans and (under_way := _spans[0].step()) is not None:
        sampled = f"{under_way.sampled:02x}"
        return {"traceparent": f"00-{under_way.trace_id}-{under_way.span_id}-{sampled}"}
    trace = _followed.get()
    if trace is None:
        return {}
    step = hashlib.sha256(f"{trace.trace_id}/{next(_steps)}".encode()).hexdigest()[:16]
    return {"traceparent": f"00-{trace.trace_id}-{step}-{trace.sampled:02x}"}
