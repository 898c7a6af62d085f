"""A simulated city: its services on one machine, their keys, and what goes wrong around them."""

from __future__ import annotations

import asyncio
import importlib
import random
import shutil
import sqlite3
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import nats

import cahier_chassis.grpc_calls
import cahier_chassis.supervision
import cahier_chassis.unit
from cahier_chassis.keys import write_key_pair
from cahier_chassis.tokens import TokenIssuer
from cahier_chassis.unit import TaskDied
from cahier_ledger.bus.dead import RedriveFailed, list_dead, redrive
from cahier_ledger.bus.streams import DEAD_STREAM, DEAD_SUBJECT
from cahier_record.events import SERVICES
from tests.simulation.broker import read_headers
from tests.simulation.calls import Channel
from tests.simulation.curse import Curse
from tests.simulation.disk import Fault, Statement
from tests.simulation.loop import PROCESS, WORLD, Process
from tests.simulation.machine import BROKER_URL, Machine
from tests.simulation.node import CITY, CityClock, Node, SkewedClock
from tests.simulation.post import PostOffice
from tests.simulation.stand_ins import Complaints, PlainPasswords, cursed, is_injected
from tests.simulation.threads import Patches

FED_BY = {
    "proposals": "consultation",
    "consultation_things": "consultation",
    "budget_things": "budget",
    "reporting_things": "reporting",
}
"""Whose stream a view is fed from; all others are fed from their own store."""
OF_LEAVES = ("history",)
"""Views of the own store's public leaves rather than of its events."""
RESTART_S = (0.05, 4.0)
CALM_S_MAX = 3_000.0
QUIET_S = 4.0
LOOK_EVERY_S = 1.0
DELAY_S_MAX = 20.0
"""Of a reaction's tries: the last ones come amid misfortunes, not after ten minutes of silence."""


class NeverCalm(Exception):
    """The faults have ended long ago and the city still does not run as it should."""


@dataclass
class Faults:
    """What may go wrong; probabilities per statement, mean seconds between blows."""

    statement: dict[Fault, float] = field(default_factory=dict)
    kill_every_s: float = 0.0
    stop_every_s: float = 0.0
    broker_every_s: float = 0.0
    cut_every_s: float = 0.0
    slow_every_s: float = 0.0
    forget_views: float = 0.0


class City:
    """Use as a context; `machine.run(...)` then runs a story in it."""

    def __init__(self, seed: int, folder: Path, services: tuple[str, ...] = SERVICES) -> None:
        self.seed = seed
        self.folder = folder
        self.random = random.Random(f"faults {seed}")
        self.machine = Machine(seed, judge=self._judge, delay_s_max=DELAY_S_MAX)
        self.clock = CityClock(self.machine)
        self.post = PostOffice(seed)
        self.curse = Curse(seed)
        self.forgotten: list[str] = []
        self.faults = Faults()
        self.unexplained: list[str] = []
        self.trace: list[str] = []
        self.nodes = {name: self._node(name) for name in services}
        self.channel = Channel(self.machine, self.nodes, seed)
        self.channel.in_vain = lambda: "; ".join(self.unexplained[:3])
        self._tokens: dict[Any, str] = {}
        self._issuer = TokenIssuer(_keys()[0].read_bytes(), issuer=CITY)
        self._stack = ExitStack()
        self._restarts = True

    def _node(self, name: str) -> Node:
        package = f"cahier_{name}"
        settings = importlib.import_module(f"{package}.settings")
        bootstrap = importlib.import_module(f"{package}.bootstrap").bootstrap
        more: dict[str, Any] = {"token_public_keys": _keys()[1]}
        if name == "identity":
            more["token_private_key"] = _keys()[0]
        if name == "budget":
            more["opening_processes"] = 0
        if name == "notifications":
            more["smtp_url"] = "smtp://post:25"
        clock = SkewedClock(self.clock, self.random.uniform(-2.0, 2.0))
        settings_type = getattr(settings, f"{name.title()}Settings")
        folder = self.folder / name
        node = Node(self.machine, name, folder, bootstrap, settings_type, clock, **more)
        node.on_error = partial(self._ended, node)
        return node

    def _ended(self, node: Node, error: Exception) -> None:
        """A life has ended by an error: the disk's, or one that should not be."""
        self.note(f"{node.name} ends: {type(error).__name__}: {error}")
        if not (is_injected(error) or isinstance(error, TaskDied)):
            self.unexplained.append(f"{node.name} ended: {error!r}")

    def __enter__(self) -> City:
        self._stack.enter_context(self.machine)
        patches = self._stack.enter_context(Patches())
        unit = cahier_chassis.unit
        patches.set(unit, "configure_logs", _nothing)
        patches.set(unit.telemetry, "configure_telemetry", _nothing)
        patches.set(cahier_chassis.grpc_calls, "_LOG", Complaints(self.unexplained))
        patches.set(cahier_chassis.supervision, "_LOG", Complaints(self.unexplained))
        identity = importlib.import_module("cahier_identity.bootstrap")
        patches.set(identity, "Argon2Passwords", PlainPasswords)
        notifications = importlib.import_module("cahier_notifications.bootstrap")
        patches.set(notifications, "SmtpServer", lambda *_: self.post)
        planning = importlib.import_module("cahier_notifications.application.planning").Planning
        patches.set(planning, "_plans", cursed(planning._plans, self.curse))
        self.machine.on_death = self._died
        self.machine.bus.add_stream({"name": DEAD_STREAM, "subjects": [DEAD_SUBJECT]})
        self.machine.start_broker()
        for node in self.nodes.values():
            node.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._restarts = False
        self._stack.close()

    def token(self, audience: str, subject: str, *roles: str, thing: str = "") -> str:
        """An access token, signed as identity does."""
        key = (audience, subject, roles, thing)
        if key not in self._tokens:
            self._tokens[key] = self._issuer.issue(
                subject,
                roles=roles,
                audience=[audience],
                thing=thing,
                verified=bool(thing),
                email=f"{subject}@example.org" if audience == "notifications" else "",
            )
        return self._tokens[key]

    def note(self, line: str) -> None:
        """A line of the run's trace: what happened, when, to whom."""
        # The folder has another name in each run of a seed.
        line = line.replace(str(self.folder), "")
        self.trace.append(f"{self.machine.loop.time():10.4f} {line}")

    # -- what goes wrong ----------------------------------------------------------------------

    def _judge(self, statement: Statement) -> Fault:
        if statement.kind in ("pragma", "rollback") or not statement.process.alive:
            return Fault.NONE
        if statement.process is WORLD or not self.faults.statement:
            return Fault.NONE
        drawn = self.random.random()
        for fault, chance in self.faults.statement.items():
            drawn -= chance
            if drawn < 0:
                told = (statement.process.name, statement.file, statement.kind, fault.value)
                self.note("disk of {}: {} {} {}".format(*told))
                return fault
        return Fault.NONE

    def _died(self, process: Process) -> None:
        node = self.nodes.get(process.name)
        if node is None or node.process is not process:
            return
        self.note(f"{process.name} is dead")
        self.channel.lost(process)
        if self._restarts:
            delay_s = self.random.uniform(*RESTART_S)
            self._in_world(delay_s, self._restart, node)

    def _restart(self, node: Node) -> None:
        if self.random.random() < self.faults.forget_views:
            self.note(f"{node.name} loses its views")
            for file in node.folder.glob("views.db*"):
                file.unlink()
        self.note(f"{node.name} starts")
        node.start()

    def _in_world(self, delay_s: float, call: Any, *arguments: Any) -> None:
        context = self._world()
        self.machine.loop.call_later(delay_s, call, *arguments, context=context)

    def _world(self) -> Any:
        context = next(iter(self.nodes.values())).context.copy()
        context.run(PROCESS.set, WORLD)
        return context

    async def be_unkind(self) -> None:
        """Strikes at drawn moments until it is cancelled."""
        faults = self.faults
        async with asyncio.TaskGroup() as group:
            for every_s, strike in (
                (faults.kill_every_s, self._kill_one),
                (faults.stop_every_s, self._stop_one),
                (faults.broker_every_s, self._kill_broker),
                (faults.cut_every_s, self._cut_one),
                (faults.slow_every_s, self._slow_down),
            ):
                if every_s:
                    group.create_task(self._strike(every_s, strike))

    async def _strike(self, every_s: float, strike: Any) -> None:
        while True:
            await asyncio.sleep(self.random.expovariate(1 / every_s))
            await strike()

    async def _kill_one(self) -> None:
        node = self.random.choice(list(self.nodes.values()))
        self.note(f"kill {node.name}")
        node.kill()

    async def _stop_one(self) -> None:
        node = self.random.choice(list(self.nodes.values()))
        self.note(f"stop {node.name}")
        node.stop()

    async def _kill_broker(self) -> None:
        self.note("kill the broker")
        self.machine.kill_broker()
        await asyncio.sleep(self.random.uniform(0.05, 6.0))
        self.note("the broker starts")
        self.machine.start_broker()

    async def _cut_one(self) -> None:
        connections = self.machine.network.connections
        if connections:
            connection = self.random.choice(connections)
            late = self.random.random() < 0.5
            self.note(f"cut {connection.process.name} late={late}")
            connection.cut(late=late)

    async def _slow_down(self) -> None:
        network = self.machine.network
        before, network.latency_s_mean = network.latency_s_mean, self.random.uniform(0.05, 2.0)
        self.note(f"the network slows down to {network.latency_s_mean:.2f} s")
        await asyncio.sleep(self.random.uniform(0.5, 8.0))
        network.latency_s_mean = before

    # -- the end ------------------------------------------------------------------------------

    async def calm_down(self) -> None:
        """Ends all faults and waits until the city is well; raises NeverCalm."""
        self.faults = Faults()
        chance = self.machine.chance
        chance.lose = chance.repeat = chance.reorder = 0.0
        self.post.be_kind()
        self.curse.chance = 0.0
        self.machine.network.latency_s_mean = 0.0005
        if self.machine.broker is None:
            self.machine.start_broker()
        await self._until_quiet()
        self.curse.lift()
        if self.machine.bus.streams[DEAD_STREAM].messages or self.curse.struck:
            await self._redrive()
            await self._until_quiet()

    async def _redrive(self) -> None:
        """What a person does about dead letters once the fault is mended."""
        client = await nats.connect(BROKER_URL)
        letters = await list_dead(client.jetstream())
        buried = {self._event_id(letter.stream, letter.stream_seq) for letter in letters}
        self.forgotten = sorted(self.curse.struck - buried)
        for letter in letters:
            self.note(f"re-drive {letter.consumer} {letter.stream_seq}")
            try:
                await redrive(client, CITY, letter.number)
            except RedriveFailed as error:
                self.unexplained.append(f"re-driving {letter.consumer} failed: {error}")
        await client.close()

    def _event_id(self, stream: str, seq: int) -> str:
        return read_headers(self.machine.bus.streams[stream].messages[seq].headers)["ce-id"]

    async def _until_quiet(self) -> None:
        loop = self.machine.loop
        end_s = loop.time() + CALM_S_MAX
        seen, since_s = None, loop.time()
        while loop.time() < end_s:
            await asyncio.sleep(LOOK_EVERY_S)
            failing = {name: node.failing() for name, node in self.nodes.items()}
            now = (self.positions(), self.bus_heads()) if not any(failing.values()) else None
            if now is None or now != seen:
                seen, since_s = now, loop.time()
            elif loop.time() - since_s >= QUIET_S and self._is_level(now):
                return
        raise NeverCalm(f"not ready: {failing}; positions and streams: {seen}")

    def _is_level(self, now: tuple[dict[str, dict[str, int]], dict[str, int]]) -> bool:
        positions, heads = now
        for name in self.nodes:
            logged = self.rows(name, "SELECT count(*) FROM public")[0][0]
            if heads.get(name, 0) != logged:
                return False
        if self.rows("notifications", "SELECT count(*) FROM mails", "views.db") != [(0,)]:
            return False
        for stream in self.machine.bus.streams.values():
            if any(each.pending or each.unseen() for each in stream.consumers.values()):
                return False
        return all(
            place == self._head(name, view, heads)
            for name, views in positions.items()
            for view, place in views.items()
        )

    def _head(self, service: str, view: str, heads: dict[str, int]) -> int:
        """Where a view stands that has taken in everything."""
        if view in FED_BY:
            return heads.get(FED_BY[view], 0)
        table = "public" if view in OF_LEAVES else "events"
        return int(self.rows(service, f"SELECT count(*) FROM {table}")[0][0])

    def dead(self) -> list[int]:
        """Numbers of the dead letters that wait for a person."""
        return sorted(self.machine.bus.streams[DEAD_STREAM].messages)

    def bus_heads(self) -> dict[str, int]:
        """How many messages each service's stream holds."""
        return {
            name: self.machine.bus.streams[f"PUBLIC_{name.upper()}"].last_seq
            for name in self.nodes
            if f"PUBLIC_{name.upper()}" in self.machine.bus.streams
        }

    def positions(self) -> dict[str, dict[str, int]]:
        """Each view's position, by service."""
        return {
            name: dict(self.rows(name, "SELECT name, position FROM positions", "views.db"))
            for name in self.nodes
        }

    def rows(self, service: str, sql: str, file: str = "events.db") -> list[Any]:
        """What a service's file holds, read as a stranger would."""
        path = self.nodes[service].folder / file
        connection = sqlite3.connect(path, timeout=1.0, isolation_level=None)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    async def rebuild_views(self) -> None:
        """Every service is stopped, loses its views, and builds them again."""
        self._restarts = False
        for node in self.nodes.values():
            node.kill()
            for file in node.folder.glob("views.db*"):
                file.unlink()
            node.start()
        self._restarts = True
        await self._until_quiet()


def _nothing(*_: Any, **__: Any) -> None:
    """Logs and traces have no place to go to here."""


@cache
def _keys() -> tuple[Path, Path]:
    """One token key pair for all runs of this Python process."""
    import atexit
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="cahier-simulation-keys-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return write_key_pair(folder, "token")
