"""A unit: one process of a city, from its settings to its last committed event.

`bootstrap(unit)` of a service wires its parts into the unit; the unit starts, supervises and
stops them in the one order that loses nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

from nats.aio.client import Client

from cahier_chassis import nats, telemetry
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.health import Health, HealthApp, HttpServer
from cahier_chassis.keys import load_public_keys
from cahier_chassis.logs import configure_logs, get_logger
from cahier_chassis.roles import ALL_ROLES, Role
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.supervision import Supervisor, Work
from cahier_chassis.timers import INTERVAL_S_MAX, Action, Timer
from cahier_chassis.tokens import TokenVerifier
from cahier_chassis.traces import RecentTraces
from cahier_kernel.clock import Clock

STEP_S_MAX = 5.0
HEALTH_POLL_S = 0.25
_LOG = get_logger(__name__)

Step = Callable[[], Awaitable[Any]]


class TaskDied(Exception):
    """A background task ended though nobody had asked it to."""


class Unit:
    """One process: logs, telemetry, health, NATS, gRPC, timers and supervised tasks.

    Order of stopping: not ready; gRPC takes no more calls and drains; timers finish; `drain`
    steps (relay what is committed) run, in order; tasks are cancelled; `on_close` steps run, last
    added first. Every step is bounded by STEP_S_MAX and none keeps the others from running.
    """

    def __init__(
        self, settings: ServiceSettings, name: str, roles: frozenset[Role] = ALL_ROLES
    ) -> None:
        self.settings = settings
        self.name = name
        self.roles = roles
        self.stores = settings.stores(name)
        self.clock: Clock = settings.clock()
        self.health = Health()
        self._work: list[tuple[str, Work]] = []
        self._timers: list[Timer] = []
        self._timers_turn = False
        self._tasks = Supervisor()
        self._drains: list[tuple[str, Step]] = []
        self._closers: list[tuple[str, Step]] = []
        self._grpc: GrpcServer | None = None
        self._app: Any = HealthApp(self.health)
        self._http = HttpServer(self._answer_http)
        self._nats: asyncio.Task[Client] | None = None
        self._state = "starting"
        self._stop = asyncio.Event()
        self.health.add_check("unit", lambda: "" if self._state == "running" else self._state)
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        configure_logs(name, settings.log_level)
        telemetry.configure_telemetry(f"cahier-{name}", settings.otlp_endpoint, self._kept_traces())
        self.on_close("telemetry", lambda: asyncio.to_thread(telemetry.flush_telemetry))

    def _kept_traces(self) -> list[RecentTraces]:
        if not self.settings.keep_traces:
            return []
        traces = RecentTraces(f"cahier-{self.name}")
        self.health.add_page("/traces", traces.answer)
        return [traces]

    # -- wiring, called by bootstrap ---------------------------------------------------------

    def verifier(self) -> TokenVerifier:
        """Checks access tokens of this city that are meant for this unit."""
        keys = load_public_keys(self.settings.token_public_keys)
        return TokenVerifier(keys, audience=self.name, issuer=self.settings.city)

    async def nats(self) -> Client:
        """The unit's NATS client: connects at the first call, waiting until the server answers.

        Without the server the unit is degraded, not unready: commands need its own store alone.
        """
        if self._nats is None:
            self.health.add_degradation("nats", lambda: nats.NOT_CONNECTED)
            name = f"{self.settings.city}-{self.name}"
            self._nats = asyncio.create_task(nats.connect(self.settings.nats_url, name))
            self.on_close("nats", self._close_nats)
        client = await asyncio.shield(self._nats)
        self.health.add_degradation("nats", nats.connected(client))
        return client

    def serve_grpc(self, server: GrpcServer) -> None:
        """Serves it on `grpc_port` while the unit runs; its health follows readiness.

        In the role api; otherwise nothing is served.
        """
        if Role.API in self.roles:
            self._grpc = server

    def serve_http(self, app: Any) -> None:
        """Serves an ASGI application instead of the bare health application (the portal)."""
        self._app = app

    def timer(self, name: str, action: Action, *, interval_s: float = INTERVAL_S_MAX) -> None:
        """Runs `action(now)` every interval on the unit's clock, in one process at a time.

        In the role react.
        """

        async def in_turn(now: datetime) -> None:
            if self._timers_turn:
                await action(now)

        if Role.REACT in self.roles:
            self._timers.append(Timer(name, self.clock, in_turn, interval_s=interval_s))

    def spawn(
        self, name: str, work: Work, *, role: Role | None = None, stand_by: Work | None = None
    ) -> None:
        """Runs `work()` in the background while the unit runs; it must not end by itself.

        role: runs in units of that role only. stand_by: runs instead while another process of the
        service does the work: with it the work is done in one process at a time.
        """
        if role is not None and role not in self.roles:
            return
        if stand_by is not None:
            work = partial(self.stores.alone, name, work, stand_by)
        if self._state == "running":
            self._tasks.start(name, work)
        else:
            self._work.append((name, work))

    def drain(self, name: str, step: Step) -> None:
        """Runs `step()` when no new work arrives any more, before tasks are cancelled."""
        self._drains.append((name, step))

    def on_close(self, name: str, step: Step) -> None:
        """Runs `step()` at the end; what was opened last is closed first."""
        self._closers.append((name, step))

    # -- running, called by process.run ------------------------------------------------------

    def stop(self) -> None:
        """Asks the unit to stop; `serve` then returns when all is finished."""
        self._stop.set()

    async def serve(self, wire: Step) -> None:
        """Wires the unit and runs it until `stop`.

        Raises TaskDied after an orderly stop if a task died, and whatever `wire` raises.
        """
        try:
            await self._http.start(self.settings.host, self.settings.http_port)
            if await self._unless_stopped(wire):
                await self._start()
                await self._until_stopped()
        finally:
            await self.close()
        if self._tasks.dead:
            raise TaskDied(self._tasks.dead)

    async def _start(self) -> None:
        self._tasks.start("http", self._http.wait)
        for name, work in self._work:
            self._tasks.start(name, work)
        for timer in self._timers:
            self._tasks.start(_task_name(timer), timer.run)
        if self._timers:
            self._tasks.start("turn of timers", self._take_timers_turn)
        if self._grpc is not None:
            await self._grpc.start(self.settings.host, self.settings.grpc_port)
            self._tasks.start("grpc health", self._follow_readiness)
        self._state = "running"
        self._write_run_file()
        _LOG.info("unit_running", **self.ports())

    async def _take_timers_turn(self) -> None:
        await self.stores.alone("timers", self._hold_timers_turn)

    async def _hold_timers_turn(self) -> None:
        self._timers_turn = True
        try:
            await asyncio.Event().wait()
        finally:
            self._timers_turn = False

    def ports(self) -> dict[str, int]:
        """The ports in use, by `grpc` and `http`."""
        ports = {"http": self._http.port}
        return ports if self._grpc is None else {**ports, "grpc": self._grpc.port}

    def _write_run_file(self) -> None:
        path = self.settings.run_file
        if path is not None:
            fresh = path.with_name(path.name + ".new")
            fresh.write_text(json.dumps({"pid": os.getpid(), **self.ports()}))
            fresh.replace(path)

    async def _follow_readiness(self) -> None:
        ready = None
        while self._grpc is not None:
            now_ready = not self.health.failing()
            if now_ready is not ready:
                ready = now_ready
                await self._grpc.set_serving(ready)
            await asyncio.sleep(HEALTH_POLL_S)

    async def _answer_http(self, scope: Any, receive: Any, send: Any) -> None:
        # Health answers while the unit is still being wired.
        await self._app(scope, receive, send)

    async def _unless_stopped(self, wire: Step) -> bool:
        wiring = asyncio.ensure_future(wire())
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait((wiring, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if wiring.done():
            await wiring
            return True
        wiring.cancel()
        await asyncio.wait((wiring,))
        return False

    async def _until_stopped(self) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self._stop, self._tasks.died)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    # -- stopping ----------------------------------------------------------------------------

    async def close(self) -> None:
        """Stops everything in order; errors and delays are logged, never raised."""
        self._state = "stopping"
        self._tasks.release()
        if self._grpc is not None:
            await self._bounded("grpc", self._grpc.stop, STEP_S_MAX + 1)
        await self._bounded("timers", self._finish_timers)
        for name, step in self._drains:
            await self._bounded(name, step)
        await self._bounded("tasks", self._tasks.cancel)
        while self._closers:
            await self._bounded(*self._closers.pop())
        await self._bounded("http", self._http.stop, STEP_S_MAX + 1)
        _LOG.info("unit_stopped")

    async def _close_nats(self) -> None:
        if self._nats is None:
            return
        if self._nats.done() and not self._nats.cancelled():
            await self._nats.result().close()
        self._nats.cancel()

    async def _finish_timers(self) -> None:
        for timer in self._timers:
            timer.stop()
        await self._tasks.finish([_task_name(timer) for timer in self._timers])

    async def _bounded(self, name: str, step: Step, limit_s: float = STEP_S_MAX) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await step()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            _LOG.error("stop_step_cancelled", step=name)
        except Exception:
            _LOG.exception("stop_step_failed", step=name)


def _task_name(timer: Timer) -> str:
    return f"timer {timer.name}"
