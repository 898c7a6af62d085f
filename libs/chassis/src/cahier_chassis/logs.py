"""Logs are JSON lines on stderr with the unit's name and trace ids, and carry no personal data.

Requests, tokens and bodies are never logged. Libraries' own logs take the same form.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace

FRAMES_MAX = 30
# httpx names every address asked for: receipts are asked for by their ids.
_CHATTY = (
    "uvicorn.error",
    "uvicorn.access",
    "asyncio",
    "faststream",
    "nats",
    "mail.log",
    "httpx",
    "httpcore",
)
# Their messages quote the value that was wrong, which may be somebody's.
_QUOTING = (ValueError, TypeError, LookupError, AttributeError)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}


def configure_logs(unit: str, level: str = "info") -> None:
    """Sends the logs of this process, the libraries' too, to stderr as JSON lines."""

    def add_unit(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["unit"] = unit
        return event

    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_unit,
        _add_trace,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _add_exception,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS.get(level, logging.ERROR))
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; events are snake_case names, facts are keyword arguments."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event


def _add_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The exception's type and where it came from; never local variables, seldom its message."""
    exc_info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if exc_info is True else exc_info
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
        event["error"] = type(error).__name__
        event["error_at"] = [f"{each.filename}:{each.lineno} {each.name}" for each in frames]
        if not isinstance(error, _QUOTING):
            event["error_message"] = str(error)
    return event
