"""Traces and crash reports: what leaves is names, numbers and types; where nobody asks for them, nothing does."""

import json
from collections.abc import Iterator

import pytest
import sentry_sdk
import structlog
from logs_kit import logged
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from saleor_cinetpay import metrics
from saleor_cinetpay.errors import LedgerUnavailable
from saleor_cinetpay.insight.telemetry import Spans, send_crashes, set_up_telemetry
from saleor_cinetpay.logs import LogLevel, crash_listeners
from saleor_cinetpay.tracing import Trace, following, record_spans_with, span, traceparent

SECRET = "an API key that is secret"
REMOTE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

log = structlog.get_logger(__name__)


class Kept(Transport):
    """Keeps what Sentry would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Record spans into memory."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    record_spans_with(Spans(provider))
    yield exporter
    record_spans_with(None)


@pytest.fixture
def sentry() -> Iterator[Kept]:
    """Send crashes into memory, with logs set up as in production."""
    kept = Kept()
    with logged(LogLevel.ERROR):
        send_crashes(dsn="https://public@sentry.example/1", transport=kept)
        yield kept
    crash_listeners.clear()
    sentry_sdk.init()


def test_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without their variables neither extra is set up."""
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "SENTRY_DSN"):
        monkeypatch.delenv(name, raising=False)
    set_up_telemetry()
    assert [] == crash_listeners
    with span("request", lane="webhook"):
        assert {} == traceparent()


def test_spans_hang_together(spans: InMemorySpanExporter) -> None:
    """A request and the call out that it makes are one trace with the caller's, and the call carries its own step."""
    taken_up = Trace.taken_up(REMOTE)
    assert taken_up is not None
    with following(taken_up), span("request", lane="webhook", method="POST"), metrics.cinetpay_call("checkPayStatus"):
        sent = traceparent()["traceparent"]
    call, request = spans.get_finished_spans()
    assert ["cinetpay", "request"] == [call.name, request.name]
    assert request.parent is not None
    assert call.parent is not None
    assert REMOTE.split("-")[2] == format_span_id(request.parent.span_id)
    assert request.context.span_id == call.parent.span_id
    assert {REMOTE.split("-")[1]} == {format_trace_id(one.context.trace_id) for one in (call, request)}
    assert f"00-{format_trace_id(call.context.trace_id)}-{format_span_id(call.context.span_id)}-01" == sent
    assert {"method": "checkPayStatus"} == dict(call.attributes or {})


def test_a_trace_of_a_payment_is_recorded(spans: InMemorySpanExporter) -> None:
    """What the clock does for a payment is in the payment's own trace."""
    trace = Trace.begun("0" * 26)
    with following(trace), span("look"):
        pass
    (look,) = spans.get_finished_spans()
    assert trace.trace_id == format_trace_id(look.context.trace_id)


def test_a_span_tells_no_text(spans: InMemorySpanExporter) -> None:
    """Of what goes wrong a span keeps the type, and neither text nor trace."""
    with pytest.raises(RuntimeError), span("request"):
        raise RuntimeError(SECRET)
    (request,) = spans.get_finished_spans()
    assert SECRET not in request.to_json()
    assert "RuntimeError" == request.status.description
    assert () == request.events


def test_a_crash_is_told_without_what_is_secret(sentry: Kept) -> None:
    """A crash report says which error, where and in which trace; no text of a foreign error, no local, no request."""
    api_key = SECRET
    with following(Trace.begun("x")):
        try:
            raise RuntimeError(f"could not send {api_key}")
        except RuntimeError as error:
            log.error("request_broke", path=f"/pay/{SECRET}", exc_info=error)
    (envelope,) = sentry.envelopes
    event = envelope.get_event()
    assert event is not None
    assert SECRET not in json.dumps(event, default=str)
    assert {"event": "request_broke", "trace": Trace.begun("x").trace_id} == event["tags"]
    (exception,) = event["exception"]["values"]
    assert ("RuntimeError", "[removed]") == (exception["type"], exception["value"])
    assert "test_a_crash_is_told_without_what_is_secret" == exception["stacktrace"]["frames"][-1]["function"]
    assert "vars" not in exception["stacktrace"]["frames"][-1]


def test_our_own_errors_keep_their_text(sentry: Kept) -> None:
    """The text of an error of ours is made for the log, and holds no secret."""
    log.error("webhook_broke", exc_info=LedgerUnavailable("the database can't be used: SQLITE_FULL"))
    event = sentry.envelopes[0].get_event()
    assert event is not None
    assert "the database can't be used: SQLITE_FULL" == event["exception"]["values"][0]["value"]


def test_what_is_no_crash_is_not_told(sentry: Kept) -> None:
    """An error that is expected and logged without its trace is nobody's business."""
    log.error("worker_waits", error="away")
    assert [] == sentry.envelopes
