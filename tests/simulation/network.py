"""Connections between simulated processes: in order, late by a drawn time, cut at any moment.

What had been sent on a connection when it was cut is lost, or reaches the other side all the
same, after its sender has given the connection up.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Protocol

from tests.simulation.loop import PROCESS, WORLD, Process, SimulatedLoop

LATENCY_S_MEAN = 0.0005


class Peer(Protocol):
    """The server's side of a connection."""

    def received(self, data: bytes) -> None: ...

    def lost(self) -> None: ...


class Connection:
    """One connection; both directions keep their order."""

    def __init__(self, network: Network, protocol: Any, client: Context, server: Context) -> None:
        self._network = network
        self._loop = network.loop
        self._protocol = protocol
        self._client = client
        self._server = server
        self._to_server_s = 0.0
        self._to_client_s = 0.0
        self._held: list[bytes] | None = None
        self.peer: Peer | None = None
        self.open = True
        self.transport = ClientTransport(self)

    @property
    def process(self) -> Process:
        """Whose connection it is."""
        return self._client.get(PROCESS, WORLD)

    def to_server(self, data: bytes) -> None:
        if self.open:
            self._to_server_s = self._arrival(self._to_server_s)
            self._loop.call_at(self._to_server_s, self._arrive, data, context=self._server)

    def to_client(self, data: bytes) -> None:
        if self.open:
            self._to_client_s = self._arrival(self._to_client_s)
            self._loop.call_at(self._to_client_s, self._hand_over, data, context=self._client)

    def cut(self, *, late: bool = False) -> None:
        """Ends it for both sides. late: what the client has sent still arrives."""
        if not self.open:
            return
        self.open = False
        self._network.connections.remove(self)
        when_s = self._to_server_s if late else self._loop.time()
        self._loop.call_at(when_s, self._end_for_server, context=self._server)
        self._loop.call_soon(self._end_for_client, context=self._client)
        if not late:
            self._to_server_s = -1.0

    def _arrival(self, after_s: float) -> float:
        return max(after_s, self._loop.time() + self._network.latency_s())

    def _arrive(self, data: bytes) -> None:
        if self.peer is not None and self._to_server_s >= 0:
            self.peer.received(data)

    def _hand_over(self, data: bytes) -> None:
        if not self.open:
            return
        if self._held is not None:
            self._held.append(data)
        else:
            self._protocol.data_received(data)

    def _end_for_server(self) -> None:
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.lost()

    def _end_for_client(self) -> None:
        self._protocol.connection_lost(ConnectionResetError("the connection was cut"))

    def pause(self) -> None:
        self._held = self._held or []

    def resume(self) -> None:
        held, self._held = self._held or [], None
        for data in held:
            self._loop.call_soon(self._hand_over, data, context=self._client)


class ClientTransport(asyncio.Transport):
    """What asyncio's streams write to."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def write(self, data: Any) -> None:
        self._connection.to_server(bytes(data))

    def is_closing(self) -> bool:
        return not self._connection.open

    def close(self) -> None:
        self._connection.cut(late=True)

    def abort(self) -> None:
        self._connection.cut()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        self._connection.pause()

    def resume_reading(self) -> None:
        self._connection.resume()

    def get_write_buffer_size(self) -> int:
        return 0


Accept = Callable[[Connection], Peer]


class Network:
    """Who listens where, and what connects them."""

    def __init__(self, loop: SimulatedLoop, seed: int) -> None:
        self.loop = loop
        self.random = random.Random(f"network {seed}")
        self.latency_s_mean = LATENCY_S_MEAN
        self.connections: list[Connection] = []
        self._listeners: dict[str, tuple[Accept, Context]] = {}
        loop.connect = self._connect

    def latency_s(self) -> float:
        return self.random.expovariate(1 / self.latency_s_mean)

    def listen(self, host: str, accept: Accept) -> None:
        """Takes connections to a host; in the caller's process."""
        self._listeners[host] = (accept, copy_context())

    def close(self, host: str) -> None:
        """Nobody listens there any more; what is connected is cut by `cut_all`."""
        self._listeners.pop(host, None)

    async def _connect(self, protocol_factory: Any, host: str, port: int) -> Any:
        await asyncio.sleep(self.latency_s())
        if host not in self._listeners:
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}")
        accept, server = self._listeners[host]
        protocol = protocol_factory()
        connection = Connection(self, protocol, copy_context(), server)
        self.connections.append(connection)
        protocol.connection_made(connection.transport)
        connection.peer = accept(connection)
        return connection.transport, protocol

    def lose(self, process: Process) -> None:
        """A process has died: its side of all its connections is gone."""
        for connection in [each for each in self.connections if each.process is process]:
            connection.cut(late=self.random.random() < 0.5)
