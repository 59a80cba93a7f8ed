"""Traces (OpenTelemetry) and crash reports (Sentry): extras, off unless their own standard variables are set.

`pip install saleor-cinetpay[otel]` and OTEL_EXPORTER_OTLP_ENDPOINT send spans; `[sentry]` and SENTRY_DSN send crashes.
Both get names, numbers and types only: what is sent is built from a list of what may be, so that no header, body,
address, local variable or text of a foreign error is ever among it.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from saleor_cinetpay import __version__
from saleor_cinetpay.errors import AppError
from saleor_cinetpay.logs import crash_listeners
from saleor_cinetpay.tracing import Step, Trace, followed, record_spans_with

OTEL_ADDRESSES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SENTRY_ADDRESS = "SENTRY_DSN"
SERVICE = "saleor-cinetpay"
KEPT = frozenset({"event_id", "timestamp", "platform", "level", "release", "environment", "tags", "sdk"})
KEPT_OF_FRAMES = frozenset({"filename", "function", "module", "lineno", "in_app"})
REMOVED = "[removed]"

log = structlog.get_logger(__name__)


def set_up_telemetry() -> None:
    """Begin to send what the environment asks for."""
    if any(os.environ.get(name) for name in OTEL_ADDRESSES):
        try:
            record_spans_with(Spans(_exporting_provider()))
        except ImportError:
            log.warning("extra_missing", extra="otel", asked_by=OTEL_ADDRESSES[0])
    if os.environ.get(SENTRY_ADDRESS):
        try:
            send_crashes()
        except ImportError:
            log.warning("extra_missing", extra="sentry", asked_by=SENTRY_ADDRESS)


class Spans:
    """Records steps as OpenTelemetry's spans, below the trace that is followed."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace as api

        self._api = api
        self._tracer = provider.get_tracer("saleor_cinetpay", __version__)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
        """Record a step for as long as the block runs; of what goes wrong only the type is kept."""
        context = None if self._within() else self._below(followed())
        with self._tracer.start_as_current_span(
            name, context=context, attributes=dict(attributes), record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            finally:
                kind, _, _ = sys.exc_info()
                if kind is not None:
                    span.set_status(self._api.StatusCode.ERROR, kind.__name__)

    def step(self) -> Step | None:
        """Return the step that is under way."""
        context = self._api.get_current_span().get_span_context()
        if not context.is_valid:
            return None
        return Step(
            trace_id=f"{context.trace_id:032x}", span_id=f"{context.span_id:016x}", sampled=context.trace_flags.sampled
        )

    def _within(self) -> bool:
        return self._api.get_current_span().get_span_context().is_valid

    def _below(self, trace: Trace | None) -> Any:
        """Return the context of whoever called us; a trace that began here is recorded in any case."""
        if trace is None:
            return None
        parent = self._api.SpanContext(
            trace_id=int(trace.trace_id, 16),
            span_id=int(trace.parent_id or trace.trace_id[:16], 16) or 1,
            is_remote=True,
            trace_flags=self._api.TraceFlags(trace.sampled or trace.parent_id is None),
        )
        return self._api.set_span_in_context(self._api.NonRecordingSpan(parent))


def send_crashes(**options: Any) -> None:
    """Send to Sentry what our outer borders catch; its own integrations, which look into requests, stay off."""
    import sentry_sdk

    def _before_send(event: Any, hint: Any) -> Any:  # its types are Sentry's own
        return scrubbed(event, hint)

    sentry_sdk.init(
        release=f"{SERVICE}@{__version__}",
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=_before_send,
        **options,
    )

    def tell(event: str, error: BaseException) -> None:
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("event", event)
            if (trace := followed()) is not None:
                scope.set_tag("trace", trace.trace_id)
            sentry_sdk.capture_exception(error)

    crash_listeners.append(tell)


def scrubbed(event: Mapping[str, Any], hint: Mapping[str, Any]) -> dict[str, Any]:
    """Return a crash report with nothing in it but what may leave: types, places in the code, our own errors' texts."""
    ours = isinstance((hint.get("exc_info") or (None, None))[1], AppError)
    exceptions = [
        {
            "type": one.get("type"),
            "module": one.get("module"),
            "value": one.get("value") if ours and str(one.get("module", "")).startswith("saleor_cinetpay") else REMOVED,
            "stacktrace": {"frames": [_place(frame) for frame in (one.get("stacktrace") or {}).get("frames", [])]},
        }
        for one in (event.get("exception") or {}).get("values", [])
    ]
    return {name: value for name, value in event.items() if name in KEPT} | {"exception": {"values": exceptions}}


def _place(frame: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if name in KEPT_OF_FRAMES}


def _exporting_provider() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or SERVICE, "service.version": __version__}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
