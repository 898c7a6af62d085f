"""Every metric of Cahier, declared once; telemetry/metrics.toml is its public register.

A process exposes `REGISTRY` at /metrics. Labels never hold anything about a person.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_CALL_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZE_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)

GRPC_REQUESTS = Counter(
    "cahier_grpc_requests_total", "gRPC calls answered.", ["method"], registry=REGISTRY
)
GRPC_ERRORS = Counter(
    "cahier_grpc_errors_total",
    "gRPC calls answered with a status other than OK.",
    ["method", "status"],
    registry=REGISTRY,
)
GRPC_DURATION = Histogram(
    "cahier_grpc_duration_seconds",
    "Time from the call's arrival to its answer.",
    ["method"],
    buckets=_CALL_BUCKETS_S,
    registry=REGISTRY,
)
HTTP_REQUESTS = Counter(
    "cahier_http_requests_total", "HTTP requests answered.", ["route"], registry=REGISTRY
)
HTTP_ERRORS = Counter(
    "cahier_http_errors_total",
    "HTTP requests answered with a status of 400 or more.",
    ["route", "status"],
    registry=REGISTRY,
)
HTTP_DURATION = Histogram(
    "cahier_http_duration_seconds",
    "Time from the request's arrival to its answer.",
    ["route"],
    buckets=_CALL_BUCKETS_S,
    registry=REGISTRY,
)
EVENTS_APPENDED = Counter(
    "cahier_ledger_events_appended_total", "Events durably appended.", registry=REGISTRY
)
COMMIT_APPENDS = Histogram(
    "cahier_ledger_commit_appends",
    "Appends that shared one commit.",
    buckets=_SIZE_BUCKETS,
    registry=REGISTRY,
)
COMMIT_DURATION = Histogram(
    "cahier_ledger_commit_duration_seconds",
    "Time of one commit, from its first statement until it is durable.",
    buckets=_CALL_BUCKETS_S,
    registry=REGISTRY,
)
OUTBOX_LAG = Gauge(
    "cahier_outbox_lag_events",
    "Public events committed and not yet on the bus.",
    registry=REGISTRY,
)
LOG_SIZE = Gauge(
    "cahier_log_size_events",
    "Public events that the served checkpoint of the public log reaches.",
    registry=REGISTRY,
)
LOG_LAG = Gauge(
    "cahier_log_lag_events",
    "Public events committed that the served checkpoint does not reach yet.",
    registry=REGISTRY,
)
LOG_CHECKPOINT_AGE = Gauge(
    "cahier_log_checkpoint_age_seconds",
    "Time since a checkpoint of the public log was last published.",
    registry=REGISTRY,
)
LOG_WITNESSES = Gauge(
    "cahier_log_witnesses",
    "Witnesses of the policy that cosigned the served checkpoint.",
    registry=REGISTRY,
)
LOG_QUORUM = Gauge(
    "cahier_log_quorum",
    "1 while the newest signed checkpoint has the quorum of witnesses that the policy asks for.",
    registry=REGISTRY,
)
LOG_REFUSED = Gauge(
    "cahier_log_refused",
    "1 while the public log stands still until a person has decided.",
    registry=REGISTRY,
)
WITNESS_REQUESTS = Counter(
    "cahier_witness_requests_total",
    "Requests for a cosignature answered by this witness.",
    ["outcome"],
    registry=REGISTRY,
)
WITNESS_LOG_SIZE = Gauge(
    "cahier_witness_log_size_leaves",
    "Leaves of the checkpoint of that log which this witness cosigned last.",
    ["log"],
    registry=REGISTRY,
)
WITNESS_LOG_AGE = Gauge(
    "cahier_witness_log_age_seconds",
    "Time since this witness last cosigned a checkpoint of that log.",
    ["log"],
    registry=REGISTRY,
)
WITNESS_LOG_FORKED = Gauge(
    "cahier_witness_log_forked",
    "1 for a log that signed two roots of one size, as this witness can prove.",
    ["log"],
    registry=REGISTRY,
)
PROJECTION_LAG = Gauge(
    "cahier_projection_lag_events",
    "Events that a projection has not folded yet.",
    ["projection"],
    registry=REGISTRY,
)
PROJECTION_STOPPED = Gauge(
    "cahier_projection_stopped",
    "1 while a projection stands still before an event that it cannot fold.",
    ["projection"],
    registry=REGISTRY,
)
REDELIVERIES = Counter(
    "cahier_consumer_redeliveries_total",
    "Messages that a consumer was handed again.",
    ["consumer"],
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "cahier_dead_letters", "Messages that were given up and wait for a person.", registry=REGISTRY
)
BALLOTS_ACCEPTED = Counter(
    "cahier_ballots_accepted_total", "Ballots durably accepted.", registry=REGISTRY
)
MAILS_HANDED_OVER = Counter(
    "cahier_mails_handed_over_total", "Mails that the mail server took.", registry=REGISTRY
)
MAILS_WAITING = Gauge(
    "cahier_mails_waiting", "Mails planned and not yet handed over.", registry=REGISTRY
)
MAIL_FAILURES = Counter(
    "cahier_mail_failures_total",
    "Hand-overs of mails that failed; they are tried again or given up.",
    ["reason"],
    registry=REGISTRY,
)
TIMER_ERRORS = Counter(
    "cahier_timer_errors_total",
    "Ticks of a timer that failed and will be tried again.",
    ["timer"],
    registry=REGISTRY,
)


def exposition() -> bytes:
    """All metrics of this process in the Prometheus text format 0.0.4."""
    return generate_latest(REGISTRY)


def meter_commit(appends: int, events: int, duration_s: float) -> None:
    """The ledger's `on_batch` hook."""
    EVENTS_APPENDED.inc(events)
    COMMIT_APPENDS.observe(appends)
    COMMIT_DURATION.observe(duration_s)
