"""The outermost layer of the site: security headers, language, HEAD, metrics, start of a trace.

Votes are not traced: what belongs to a ballot leaves no trace id anywhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opentelemetry.trace import Span, SpanKind

from cahier_chassis import metrics
from cahier_chassis.telemetry import continue_trace
from cahier_portal.catalogue import LANGUAGE_DEFAULT, speaking
from cahier_portal.languages import asked_language, choice_cookie, language_of

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Headers = Iterable[tuple[bytes, bytes]]
App = Callable[[Any, Any, Any], Awaitable[None]]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(self), microphone=()"),
)
_EMBEDDED = re.compile(r"/budgets/[0-9a-f-]{36}/results/embed")
_FRAMED = {
    b"content-security-policy": "; ".join(
        ("default-src 'none'", "style-src 'self'", "base-uri 'none'", "frame-ancestors *")
    ).encode(),
    b"cross-origin-resource-policy": b"cross-origin",
}
"""What the one page that other sites may frame has instead: no script, no form, no picture."""
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
_UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# As OpenTelemetry's semantic conventions call it.
_OTHER_METHOD = "_OTHER"
_UNTRACED = ("/healthz", "/readyz", "/metrics", "/traces", "/dev/", "/static/")


class Edge:
    """Wraps the application; every response, an error's too, passes here."""

    def __init__(self, app: App, *, is_https: bool, language: str = LANGUAGE_DEFAULT) -> None:
        self._app = app
        self._is_https = is_https
        self._language = language
        self._headers = (*_HEADERS, _STRICT_TRANSPORT) if is_https else _HEADERS

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serves one HTTP request; other protocols are not spoken here."""
        if scope["type"] != "http":
            return
        inner = dict(scope)
        if inner["method"] == "HEAD":
            # The server below leaves the body of an answer to HEAD out by itself.
            inner["method"] = "GET"
        headers = self._headers
        if asked := asked_language(inner):
            cookie = choice_cookie(asked, secure=self._is_https)
            headers = (*headers, (b"set-cookie", cookie))
        started_s, status = time.perf_counter(), 500

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                is_framed = status == 200 and _EMBEDDED.fullmatch(inner["path"])
                headed = _framed(message["headers"], headers) if is_framed else None
                message = {**message, "headers": headed or [*message["headers"], *headers]}
            await send(message)

        try:
            with speaking(language_of(inner, self._language)), _trace(inner) as span:
                await self._app(inner, receive, guarded)
                if span is not None:
                    span.update_name(f"{_method(scope)} {_route(inner)}")
        finally:
            _meter(_route(inner), status, time.perf_counter() - started_s)


def _framed(own: Headers, added: Headers) -> list[tuple[bytes, bytes]]:
    """Headers of a page that other sites show: theirs to frame, and never a cookie of ours."""
    left_out = {b"set-cookie", b"x-frame-options", *_FRAMED}
    kept = [pair for pair in (*own, *added) if pair[0].lower() not in left_out]
    return [*kept, *_FRAMED.items()]


def _trace(scope: MutableMapping[str, Any]) -> AbstractContextManager[Span | None]:
    path = scope["path"]
    if path.startswith(_UNTRACED) or "vote" in path.split("/"):
        return nullcontext()
    sent = next(
        (value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), ""
    )
    return continue_trace(sent or None, f"HTTP {_method(scope)}", SpanKind.SERVER)


def _method(scope: MutableMapping[str, Any]) -> str:
    """The request's method; one that HTTP does not know may hold any text of a stranger's."""
    method = scope["method"]
    return method if method in _METHODS else _OTHER_METHOD


def _route(scope: MutableMapping[str, Any]) -> str:
    template = scope.get("path_template")
    return template if isinstance(template, str) and template else _UNMATCHED


def _meter(route: str, status: int, duration_s: float) -> None:
    metrics.HTTP_REQUESTS.labels(route).inc()
    metrics.HTTP_DURATION.labels(route).observe(duration_s)
    if status >= 400:
        metrics.HTTP_ERRORS.labels(route, str(status)).inc()
