"""Keys, trees and notes for the tests of the public log's formats."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cahier_kernel.clock import ManualClock
from cahier_ledger.log import merkle
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.note import COSIGNATURE_V1, ED25519, Sign, Vkey
from cahier_ledger.log.witness import Witness
from cahier_ledger.log.witness_state import WitnessState


@dataclass(frozen=True)
class NamedKey:
    """A key that is the same in every run."""

    vkey: Vkey
    sign: Sign


@dataclass(frozen=True)
class Tree:
    """All nodes of a small tree in memory: the plainest ReadNode."""

    hashes: Sequence[bytes]

    def read(self, level: int, index: int) -> bytes:
        row = list(self.hashes[index << level : (index + 1) << level])
        if len(row) != 1 << level:
            raise LookupError(f"no complete subtree {level}, {index}")
        while len(row) > 1:
            row = merkle.parents(row)
        return row[0]

    def root(self, size: int) -> bytes:
        return merkle.root_of(self.hashes[:size])


@pytest.fixture(scope="session")
def log_key() -> Callable[..., NamedKey]:
    """Makes the key of a name and algorithm; `number` tells several of one name apart."""

    def make(name: str, algorithm: int = ED25519, number: int = 0) -> NamedKey:
        seed = hashlib.sha256(f"{name} {algorithm} {number}".encode()).digest()
        private = Ed25519PrivateKey.from_private_bytes(seed)
        public = private.public_key().public_bytes_raw()
        return NamedKey(Vkey.of(name, public, algorithm), private.sign)

    return make


@pytest.fixture(scope="session")
def log_tree() -> Callable[..., Tree]:
    """Makes a tree of `size` leaves; another `fork` has other leaves from `fork_at` on."""

    def make(size: int, fork: str = "", fork_at: int = 0) -> Tree:
        leaves = [f"leaf {n}{fork if n >= fork_at else ''}".encode() for n in range(size)]
        return Tree(merkle.leaf_hashes(leaves))

    return make


@pytest.fixture(scope="session")
def log_checkpoint() -> Callable[..., str]:
    """Makes a checkpoint's text, signed by these keys, of which the first names the origin."""

    def make(size: int, root: bytes, *keys: NamedKey) -> str:
        checkpoint = Checkpoint(keys[0].vkey.name, size, root)
        return sign_checkpoint(checkpoint, [(key.vkey, key.sign) for key in keys])

    return make


@pytest.fixture
def witness_key(log_key: Callable[..., NamedKey]) -> NamedKey:
    """The key of the witness under test."""
    return log_key("witness.example/w1", COSIGNATURE_V1)


@pytest.fixture
def witness_clock() -> ManualClock:
    """Stands at 1,700,000,000 seconds."""
    return ManualClock(datetime.fromtimestamp(1_700_000_000, UTC))


@pytest.fixture
def witness_of(
    tmp_path: Path, witness_key: NamedKey, witness_clock: ManualClock
) -> Iterator[Callable[..., Witness]]:
    """Opens the witness under test, knowing these logs; made at first, opened again after."""
    file = tmp_path / "witness" / "state.db"
    opened: list[WitnessState] = []

    def open_witness(*logs: NamedKey, sign: Sign = witness_key.sign) -> Witness:
        state = WitnessState(file) if opened else WitnessState.create(file, witness_key.vkey)
        opened.append(state)
        return Witness(state, sign, [log.vkey for log in logs], witness_clock)

    yield open_witness
    for state in opened:
        state.close()


@pytest.fixture
async def serve_app() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Serves an ASGI application on a free port of this machine and answers its address."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def serve(app: Any) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
        running.append((server, asyncio.create_task(server.serve([listener]))))
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield serve
    for server, task in running:
        server.should_exit = server.force_exit = True
        await asyncio.wait_for(task, 10)
