"""`/healthz`, `/readyz` and `/metrics` of a unit: what supervisors, charts and operators ask.

Alive means that the event loop answers. Ready means that commands are served: every named check
passes. A unit that lacks what its commands do not need, such as the bus, is ready and degraded:
taking its callers away would turn a late page into none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from cahier_chassis import metrics
from cahier_chassis.logs import get_logger

CHECK_FAILED = "check failed"
_LOG = get_logger(__name__)

# "" when it passes, else the reason. Checks read a flag; they do no I/O.
Check = Callable[[], str]
Answer = tuple[int, str, bytes]
Render = Callable[[], Answer]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]


class Health:
    """The named checks of one unit. A check that raises does not pass."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._degradations: dict[str, Check] = {}
        self._pages: dict[str, Render] = {}
        self._mounted: dict[str, App] = {}

    def add_check(self, name: str, check: Check) -> None:
        """Makes readiness depend on `check`; a second check of that name replaces the first."""
        self._checks[name] = check

    def add_degradation(self, name: str, check: Check) -> None:
        """Has `/readyz` name `check` while it does not pass; readiness does not depend on it.

        A second one of that name replaces the first.
        """
        self._degradations[name] = check

    def add_page(self, path: str, render: Render) -> None:
        """Answers `path` beside the health paths, which it cannot replace."""
        self._pages[path] = render

    def mount(self, prefix: str, app: App) -> None:
        """Hands every path below `prefix`, such as `/history`, to an ASGI application."""
        self._mounted[prefix] = app

    def mounted(self, path: str) -> App | None:
        """The application below whose prefix the path lies, or None."""
        first = "/" + path.lstrip("/").partition("/")[0]
        return self._mounted.get(first)

    def failing(self) -> dict[str, str]:
        """Reasons by name of the checks that fail; empty when ready."""
        return _reasons(self._checks)

    def degraded(self) -> dict[str, str]:
        """Reasons by name of what is missing though commands are served."""
        return _reasons(self._degradations)

    def answer(self, path: str) -> Answer | None:
        """(status, content type, body) of a health path, or None for another path."""
        if path == "/healthz":
            return 200, "application/json", b'{"status":"alive"}'
        if path == "/readyz":
            failing = self.failing()
            status = "not ready" if failing else "ready"
            body = {"status": status, "failing": failing, "degraded": self.degraded()}
            return 503 if failing else 200, "application/json", json.dumps(body).encode()
        if path == "/metrics":
            return 200, metrics.CONTENT_TYPE, metrics.exposition()
        page = self._pages.get(path)
        return page() if page else None


class HealthApp:
    """The ASGI application of a Health; the portal mounts it, other units serve it alone."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            return
        app = self._health.mounted(scope["path"])
        if app is not None:
            await app(scope, receive, send)
            return
        path = scope["path"].rstrip("/") or "/"
        found = self._health.answer(path)
        status, content_type, body = found or (404, "text/plain", b"not found")
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class HttpServer:
    """Serves an ASGI application on one port until it is stopped; leaves signals alone."""

    def __init__(self, app: Any, *, drain_s: int = 5) -> None:
        config = uvicorn.Config(
            app,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=drain_s,
        )
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> int:
        """Listens and returns the port taken; raises OSError when it is not free."""
        listener = socket.create_server((host, port), backlog=512)
        # Connections inherit it. asyncio sets it only on sockets of its own making; without it the
        # body of an answer waits up to 40 ms for the acknowledgement of its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = int(listener.getsockname()[1])
        self._task = asyncio.create_task(self._server.serve([listener]), name="http")
        while not (self._server.started or self._task.done()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return self.port

    async def wait(self) -> None:
        """Returns when the server has stopped."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Finishes the requests at work, within `drain_s`, and closes the port."""
        self._server.should_exit = True
        await self.wait()


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process's own signal handling decides when to stop.
        yield


def _reasons(checks: dict[str, Check]) -> dict[str, str]:
    reasons = {name: _reason(check) for name, check in checks.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _reason(check: Check) -> str:
    try:
        return check()
    except Exception:
        _LOG.exception("health_check_failed")
        return CHECK_FAILED
