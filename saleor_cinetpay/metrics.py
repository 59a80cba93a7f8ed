"""What is counted and timed, for Prometheus. Labels take few values, and never an id, a shop or a secret.

With several processes on one machine each writes into the folder that PROMETHEUS_MULTIPROC_DIR names, and whichever
is asked adds all of them up; `serve` sees to that by itself where WORKERS is more than one. What stands in the
database (payments by state, backlog) is no business of this module: `insight/` reads it when it is asked.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from saleor_cinetpay.errors import (
    AddressForbidden,
    AppError,
    CinetPayRefused,
    CinetPayUnavailable,
    CinetPayUnintelligible,
    SaleorRefused,
    SaleorUnavailable,
    SaleorUnintelligible,
)
from saleor_cinetpay.tracing import span

PREFIX = "saleor_cinetpay"
SEVERAL_PROCESSES = "PROMETHEUS_MULTIPROC_DIR"
QUICK_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PATIENT_S = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 86400, 7 * 86400)
OUTCOMES: tuple[tuple[type[AppError], str], ...] = (
    (CinetPayRefused, "refused"),
    (CinetPayUnavailable, "unavailable"),
    (CinetPayUnintelligible, "unintelligible"),
    (AddressForbidden, "forbidden"),
    (SaleorRefused, "refused"),
    (SaleorUnavailable, "unavailable"),
    (SaleorUnintelligible, "unintelligible"),
)

disable_created_metrics()  # type: ignore[no-untyped-call]
registry = CollectorRegistry()


def _counted(name: str, what: str, *labels: str) -> Counter:
    return Counter(name, what, labels, namespace=PREFIX, registry=registry)


def _timed_by(name: str, what: str, *labels: str, buckets: Sequence[float] = QUICK_S) -> Histogram:
    return Histogram(name, what, labels, namespace=PREFIX, registry=registry, buckets=buckets)


_requests = _timed_by(
    "http_request_seconds", "Requests by lane and class of status, and how long they took.", "lane", "status"
)
_refused = _counted("refused_requests", "Requests that the gate turned away, by lane and reason.", "lane", "reason")
_webhooks = _timed_by(
    "webhook_seconds", "Saleor's webhooks by event and result, and how long the answer took.", "event", "result"
)
_notifications = _counted("notifications", "CinetPay's notifications by what became of them.", "outcome")
_cinetpay_calls = _timed_by(
    "cinetpay_call_seconds", "Calls to CinetPay by method and outcome, and how long they took.", "method", "outcome"
)
_saleor_calls = _timed_by(
    "saleor_call_seconds", "Calls to Saleors by operation and outcome, and how long they took.", "operation", "outcome"
)
_looks = _counted("looks", "Looks at CinetPay by trigger and verdict.", "trigger", "verdict")
_settled = _timed_by(
    "settle_seconds",
    "Time from the opening of a payment to its acceptance or its final refusal.",
    "state",
    buckets=PATIENT_S,
)
_reported = _timed_by(
    "report_seconds",
    "Time from the writing of a report to its delivery, by type.",
    "type",
    buckets=QUICK_S + PATIENT_S[2:],
)
if SEVERAL_PROCESSES not in os.environ:
    ProcessCollector(registry=registry, namespace=PREFIX)


def requests(lane: str, status: int) -> Histogram:
    """Return where a request's time is written down."""
    return _requests.labels(lane, f"{status // 100}xx" if status else "none")


def refused(lane: str, reason: str) -> Counter:
    """Return where a refusal of the gate is counted."""
    return _refused.labels(lane, reason)


def webhook(event: str, result: str) -> Histogram:
    """Return where a webhook's time is written down; the result is Saleor's, or the code of a refusal."""
    return _webhooks.labels(event, result)


def notification(outcome: str) -> Counter:
    """Return where a notification is counted."""
    return _notifications.labels(outcome)


def look(trigger: str, verdict: str) -> Counter:
    """Return where a look at CinetPay is counted."""
    return _looks.labels(trigger, verdict)


def settled(state: str) -> Histogram:
    """Return where the time is written down that a payment took to end in that state."""
    return _settled.labels(state)


def reported(report_type: str) -> Histogram:
    """Return where the time is written down that a report took to reach Saleor."""
    return _reported.labels(report_type)


@contextmanager
def cinetpay_call(method: str) -> Iterator[None]:
    """Time a call to CinetPay, and tell how it ended."""
    with span("cinetpay", method=method), _timed(lambda outcome: _cinetpay_calls.labels(method, outcome)):
        yield


@contextmanager
def saleor_call(operation: str) -> Iterator[None]:
    """Time a call to a Saleor, and tell how it ended."""
    with span("saleor", operation=operation), _timed(lambda outcome: _saleor_calls.labels(operation, outcome)):
        yield


def scraped() -> CollectorRegistry:
    """Return the registry to show: this process's, or that of all processes that share a folder."""
    if SEVERAL_PROCESSES not in os.environ:
        return registry
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
    return everybody


@contextmanager
def _timed(found: Callable[[str], Histogram]) -> Iterator[None]:
    began_at, outcome = time.perf_counter(), "broken"
    try:
        yield
        outcome = "answered"
    except AppError as error:
        outcome = next((name for kind, name in OUTCOMES if isinstance(error, kind)), "broken")
        raise
    finally:
        found(outcome).observe(time.perf_counter() - began_at)
