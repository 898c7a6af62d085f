"""Traces that outlive a process: W3C context in gRPC metadata, NATS headers and stored events.

Spans are made by the OpenTelemetry SDK in every process, so that logs and events carry trace ids
even where nobody collects them; they are exported only when an OTLP endpoint is set. What
belongs to a ballot is never traced: its callers do not use this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cahier_kernel.errors import DomainError

TRACEPARENT = "traceparent"
FLUSH_MS_MAX = 2_000
_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("cahier")


def configure_telemetry(
    service: str, otlp_endpoint: str | None = None, processors: Sequence[SpanProcessor] = ()
) -> TracerProvider:
    """Installs the process's tracer provider; called again it only adds processors."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(resource=Resource.create({"service.name": service}))
        trace.set_tracer_provider(provider)
    for processor in processors:
        provider.add_span_processor(processor)
    if otlp_endpoint:
        provider.add_span_processor(_exporter(otlp_endpoint))
    return provider


def _exporter(endpoint: str) -> SpanProcessor:
    # Imported here: the exporter is heavy, and most processes have no collector.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    insecure = not endpoint.startswith("https://")
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=insecure))


def flush_telemetry() -> None:
    """Sends what is left, within FLUSH_MS_MAX milliseconds."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.force_flush(FLUSH_MS_MAX)


def current_traceparent() -> str | None:
    """The W3C `traceparent` of the current span, or None outside of a trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(TRACEPARENT)


def trace_headers() -> dict[str, str]:
    """Headers (of gRPC, HTTP or NATS) that carry the current trace on; empty outside of one."""
    traceparent = current_traceparent()
    return {} if traceparent is None else {TRACEPARENT: traceparent}


def trace_meta() -> bytes:
    """The `meta` of an event appended now: `{"traceparent":"..."}`, or nothing without a trace."""
    headers = trace_headers()
    return json.dumps(headers, separators=(",", ":")).encode() if headers else b""


def traceparent_of(meta: bytes) -> str | None:
    """The `traceparent` in an event's meta, or None."""
    found = json.loads(meta).get(TRACEPARENT) if meta else None
    return found if isinstance(found, str) else None


@contextmanager
def continue_trace(
    traceparent: str | None, name: str, kind: SpanKind = SpanKind.CONSUMER, **attributes: str
) -> Iterator[Span]:
    """A span named `name` that goes on with a trace from elsewhere, or begins a new one.

    An exception that leaves the block marks the span as failed, by its type alone: messages may
    hold what a trace must not. A DomainError is an answer: its code is noted, nothing failed.
    """
    context = _PROPAGATOR.extract({TRACEPARENT: traceparent} if traceparent else {}, Context())
    with _span(name, kind, context, attributes) as opened:
        yield opened


@contextmanager
def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str) -> Iterator[Span]:
    """A span below the current one, or the first of a new trace; errors as in continue_trace."""
    with _span(name, kind, None, attributes) as opened:
        yield opened


@contextmanager
def _span(
    name: str, kind: SpanKind, context: Context | None, attributes: Mapping[str, str]
) -> Iterator[Span]:
    with _TRACER.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except DomainError as refusal:
            opened.set_attribute("error.type", refusal.code)
            raise
        except Exception as error:
            opened.set_attribute("error.type", type(error).__name__)
            opened.set_status(Status(StatusCode.ERROR))
            raise
