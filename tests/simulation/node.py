"""One service as a simulated process: its own bootstrap in the chassis's own unit.

Only what would touch the machine is replaced: no HTTP port, no gRPC port (calls are handed to
the registered methods), no log output, and a clock that follows virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import Unit
from tests.simulation.loop import PROCESS, Process
from tests.simulation.machine import BROKER_URL, Machine
from tests.simulation.threads import EPOCH_S

CITY = "simville"

Bootstrap = Callable[[Unit, Any], Awaitable[None]]


class CityClock:
    """Virtual time, shifted: the story jumps from phase to phase, and each machine is a bit off."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.shift_s = 0.0

    def now(self) -> datetime:
        return self.at(0.0)

    def at(self, skew_s: float) -> datetime:
        return datetime.fromtimestamp(
            EPOCH_S + self._machine.loop.time() + self.shift_s + skew_s, UTC
        )


class SkewedClock:
    """One machine's idea of the city's time."""

    def __init__(self, city: CityClock, skew_s: float) -> None:
        self._city = city
        self._skew_s = skew_s

    def now(self) -> datetime:
        return self._city.at(self._skew_s)


class NoHttp:
    """Stands where the unit's HTTP server would listen."""

    port = 0

    async def start(self, host: str, port: int) -> None:
        """Nobody asks for health over HTTP here."""

    async def wait(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Nothing was opened."""


class DirectServer:
    """The methods of a GrpcServer, wrapped by its policy as ever, without a port."""

    port = 0

    def __init__(self, server: GrpcServer) -> None:
        self._handlers = server._registry.handlers
        self._calls: set[asyncio.Task[Any]] = set()
        self.serving = False

    async def start(self, host: str, port: int) -> int:
        self.serving = True
        return 0

    async def set_serving(self, serving: bool) -> None:
        """What the health service would answer."""

    async def stop(self, drain_s: float = 5.0) -> None:
        """Takes no more calls, lets those at work finish for a while, then cancels them."""
        self.serving = False
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=drain_s)
            for task in late:
                task.cancel()

    def method(self, path: str) -> Any:
        details = _Details(path)
        return next(found for each in self._handlers if (found := each.service(details)))

    def watch(self, task: asyncio.Task[Any]) -> None:
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)


class _Details:
    def __init__(self, method: str) -> None:
        self.method = method
        self.invocation_metadata = ()


class SimulatedUnit(Unit):
    """The chassis's unit on a simulated machine."""

    def __init__(self, settings: ServiceSettings, name: str, clock: SkewedClock) -> None:
        super().__init__(settings, name)
        self.clock = clock
        self._http = NoHttp()  # type: ignore[assignment]
        self.server: DirectServer | None = None

    def serve_grpc(self, server: GrpcServer) -> None:
        self.server = DirectServer(server)
        self._grpc = self.server  # type: ignore[assignment]


class Node:
    """A service that is started, killed and started again on the same folder."""

    def __init__(
        self,
        machine: Machine,
        name: str,
        folder: Path,
        bootstrap: Bootstrap,
        settings_type: type[ServiceSettings],
        clock: SkewedClock,
        **settings: Any,
    ) -> None:
        self.name = name
        self.folder = folder
        self._machine = machine
        self._bootstrap = bootstrap
        self._settings = settings_type(city=CITY, data_dir=folder, nats_url=BROKER_URL, **settings)
        self._clock = clock
        self.process = Process(name)
        self.process.alive = False
        self.context: Context = copy_context()
        self.unit: SimulatedUnit | None = None
        self.lives = 0
        self.on_error: Callable[[Exception], None] = lambda error: None

    def start(self) -> None:
        """A new life, unless it lives."""
        if self.process.alive:
            return
        self.lives += 1
        self.process = Process(self.name)
        self.context = copy_context()
        self.context.run(PROCESS.set, self.process)
        self.unit = None
        self._machine.loop.call_soon(self._boot, self.process, context=self.context)

    def kill(self) -> None:
        """SIGKILL."""
        self._machine.kill(self.process)

    def stop(self) -> None:
        """SIGTERM."""
        if self.process.alive and self.unit is not None:
            self._machine.loop.call_soon(self.unit.stop, context=self.context.copy())

    @property
    def server(self) -> DirectServer | None:
        """Where calls go, while it takes any."""
        server = self.unit.server if self.unit is not None else None
        return server if server is not None and server.serving and self.process.alive else None

    def failing(self) -> dict[str, str] | str:
        """Why it is not ready; empty when it is."""
        if not self.process.alive or self.unit is None:
            return "down"
        return self.unit.health.failing()

    def _boot(self, process: Process) -> None:
        asyncio.get_running_loop().create_task(self._serve(process))

    async def _serve(self, process: Process) -> None:
        try:
            self.unit = SimulatedUnit(self._settings, self.name, self._clock)
            await self.unit.serve(partial(self._bootstrap, self.unit, self._settings))
        except Exception as error:
            if process.alive:
                self.on_error(error)
        finally:
            self._machine.kill(process)


class Abort(Exception):
    """What grpc's context.abort raises, with what it would send."""

    def __init__(self, code: grpc.StatusCode, details: str, metadata: Any) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.metadata = metadata


class CallContext:
    """A grpc.aio context as far as the chassis reads it."""

    def __init__(self, metadata: list[tuple[str, str]], ends_s: float, now_s: Any) -> None:
        self._metadata = metadata
        self._ends_s = ends_s
        self._now_s = now_s

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return self._metadata

    def time_remaining(self) -> float:
        return float(self._ends_s - self._now_s())

    async def abort(self, code: Any, details: str = "", trailing_metadata: Any = ()) -> None:
        raise Abort(code, details, trailing_metadata)
