"""Keeps a city's units running: starts them in order, restarts what dies, stops all cleanly.

Units die with their parent (the kernel kills them), so a killed supervisor leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from cahier_chassis.files import write_whole
from cahier_cli.city import CityFolder
from cahier_cli.storage import UNIT as POSTGRES_UNIT
from cahier_cli.units import Unit, environment_of
from cahier_kernel.launch import dying_with_parent
from cahier_kernel.ports import LOOPBACK
from cahier_ledger.postgres.connections import wait_until_answering
from cahier_ledger.postgres.server import dsn_of

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.05
RESTART_PAUSE_S_FIRST = 0.1
RESTART_PAUSE_S_MAX = 5.0
STEADY_AFTER_S = 10.0
LAST_WORDS_BYTES = 64 * 1024


class UnitFailed(Exception):
    """A unit did not become ready; the text names it and its log."""


class Supervisor:
    """Runs units until it is stopped. One event loop, on the process's main thread."""

    def __init__(self, folder: CityFolder, units: list[Unit], say: Callable[[str], None]) -> None:
        """say: takes a line for the terminal, for what an operator should know."""
        self._folder = folder
        self._units = units
        self._say = say
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._restarted = asyncio.Event()
        self._stopping = False

    async def start(self) -> None:
        """Starts all units and returns when every one answers; raises UnitFailed."""
        for unit in self._units:
            await self._spawn(unit)
            if not unit.ready_url:  # What the others begin with.
                await self._wait_ready(unit)
        await asyncio.gather(*(self._wait_ready(unit) for unit in self._units))
        self._write_run_file()
        self._keepers = [
            *(asyncio.create_task(self._keep(unit)) for unit in self._units),
            asyncio.create_task(self._tell_restarts()),
        ]

    async def stop(self) -> None:
        """Asks each unit to end, the last started first; SIGKILL to what does not end in time."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        for unit in reversed(self._units):
            await self._end(unit)
        for file in (self._folder.run_file, self._folder.database_file):
            with suppress(FileNotFoundError):
                file.unlink()

    async def _spawn(self, unit: Unit) -> None:
        self._folder.unit(unit.name).mkdir(parents=True, exist_ok=True)
        with self._folder.log(unit.name).open("ab") as log:
            self._processes[unit.name] = await asyncio.create_subprocess_exec(
                *dying_with_parent(unit.command),
                env=environment_of(unit),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the supervisor alone, which stops the units in order.
                process_group=0,
            )

    async def _wait_ready(self, unit: Unit) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as http:
            while time.monotonic() < deadline:
                process = self._processes[unit.name]
                if process.returncode is not None:
                    raise UnitFailed(self._failure(unit, f"ended with {process.returncode}"))
                if await self._is_ready(http, unit):
                    return
                await asyncio.sleep(POLL_S)
        raise UnitFailed(self._failure(unit, f"was not ready in {READY_TIMEOUT_S:.0f} s"))

    async def _is_ready(self, http: httpx.AsyncClient, unit: Unit) -> bool:
        if unit.ready_url:
            return await _answers(http, unit.ready_url)
        if unit.name == POSTGRES_UNIT:
            dsn = dsn_of(self._folder.unit(unit.name), unit.port)
            return await asyncio.to_thread(wait_until_answering, dsn, POLL_S)
        return await _greets(unit)

    def _failure(self, unit: Unit, what: str) -> str:
        log = self._folder.log(unit.name)
        reason = last_reason(log)
        return f"{unit.name} {what}{': ' + reason if reason else ''}; its log is {log}"

    async def _keep(self, unit: Unit) -> None:
        pause_s = RESTART_PAUSE_S_FIRST
        while True:
            started_s = time.monotonic()
            code = await self._processes[unit.name].wait()
            if self._stopping:
                return
            if time.monotonic() - started_s > STEADY_AFTER_S:
                pause_s = RESTART_PAUSE_S_FIRST
            self._say(f"{unit.name} ended ({code}); starting it again")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RESTART_PAUSE_S_MAX)
            try:
                await self._spawn(unit)
            except OSError as error:  # The disk is full, or the machine has no more processes.
                self._say(f"{unit.name} cannot be started: {error}")
                continue
            self._restarted.set()

    async def _tell_restarts(self) -> None:
        """Keeps run.json true, however long a full disk forbids it: units live on meanwhile."""
        while True:
            await self._restarted.wait()
            self._restarted.clear()
            try:
                self._write_run_file()
            except OSError as error:
                self._say(f"run.json cannot be written: {error}")
                self._restarted.set()
                await asyncio.sleep(RESTART_PAUSE_S_MAX)

    async def _end(self, unit: Unit) -> None:
        process = self._processes.get(unit.name)
        if process is None or process.returncode is not None:
            return
        process.send_signal(unit.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._say(f"{unit.name} did not stop in {STOP_TIMEOUT_S:.0f} s; killing it")
            process.kill()
            await process.wait()

    def _write_run_file(self) -> None:
        portal = self._units[-1]
        running = {
            "portal": f"http://{LOOPBACK}:{portal.port}",
            "nats": f"nats://{LOOPBACK}:{self._units[0].port}",
            "grpc": {unit.name: unit.grpc for unit in self._units if unit.grpc},
            "metrics": {
                unit.name: f"http://{LOOPBACK}:{unit.port}"
                for unit in self._units
                if unit.ready_url
            },
            "pids": {name: process.pid for name, process in self._processes.items()},
        }
        _write(self._folder.run_file, running)
        for unit in self._units:
            if unit.name == POSTGRES_UNIT:
                _write(self._folder.database_file, {"address": f"{LOOPBACK}:{unit.port}"})


def _write(file: Path, told: dict[str, Any]) -> None:
    write_whole(file, (json.dumps(told, indent=2) + "\n").encode(), mode=0o644)


def last_reason(log: Path) -> str:
    """Why a unit did not start, as its last words say; "" if they do not."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        last = json.loads(log.read_bytes()[-LAST_WORDS_BYTES:].splitlines()[-1])
        if last.get("event") == "unit_not_started":
            return str(last.get("reason", ""))
    return ""


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


async def _greets(unit: Unit) -> bool:
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, unit.port)
        greeting = await asyncio.wait_for(reader.read(5), 1.0)
        writer.close()
    except (OSError, TimeoutError):
        return False
    return greeting == b"INFO "
