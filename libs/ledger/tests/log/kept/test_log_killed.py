"""SIGKILL at every step of a sequencer, one after the other, on one log: the root stays.

Wherever the log's files lie: what is published was written and committed before.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from cahier_ledger.log.checkpoint import open_checkpoint, parse_checkpoint
from cahier_ledger.log.note import Vkey
from cahier_ledger.stores import Stores

CHILD = """
import os, signal, sys
from pathlib import Path
from cahier_ledger.log.lock import open_locks
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.sequencer import Sequencer
from cahier_ledger.log.signing import open_signers
from cahier_ledger.log.storage import FolderTiles
from cahier_ledger.sqlite import SqliteReader
from cahier_ledger.stores import Stores

folder, origin, dies_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
kind, service, dsn = sys.argv[4:]
calls = 0

def hook(step, done):
    global calls
    calls += 1
    if calls == dies_at:
        os.kill(os.getpid(), signal.SIGKILL)

tiles = FolderTiles(folder / "tlog")
if kind == "store":
    tiles = Stores(service, folder, dsn or None).open_tiles()
sequencer = Sequencer(
    "budget", origin, SqliteReader(folder / "ledger.db"), tiles,
    open_locks(str(folder / "locks" / "budget.db")), open_signers(str(folder / "k.pem")), hook=hook,
)
publisher = Publisher(tiles, hook=hook)
row = sequencer.begin()
publisher.publish(row, row.checkpoint)
while True:
    taken = sequencer.take_in()
    row = sequencer.seal()
    if row is not None:
        publisher.publish(row, row.checkpoint)
    if not taken:
        break
"""
KILLED = -9


def run(folder: Path, origin: str, dies_at: int, *tiles: str) -> int:
    command = [sys.executable, "-c", CHILD, str(folder), origin, str(dies_at), *tiles]
    return subprocess.run(command, timeout=120).returncode


@pytest.fixture(params=["folder", "sqlite", "postgres"])
def placed(kept: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """Where the files of `kept` lie, as the child is told: kind, service, DSN."""
    if request.param == "folder":
        yield ("folder", "", "")
        return
    service, dsn = "budget", ""
    if request.param == "postgres":
        place = request.getfixturevalue("postgres_place")
        service, dsn = place.schema, place.dsn
    kept.tiles = Stores(service, tmp_path, dsn or None).open_tiles()
    yield ("store", service, dsn)
    kept.tiles.close()


@pytest.mark.slow
async def test_a_killed_sequencer_begins_again_at_the_same_root(
    kept: Any, placed: tuple[str, ...], memory_key: Callable[[int], Any], tmp_path: Path
) -> None:
    key = memory_key(1)
    (tmp_path / "k.pem").write_bytes(
        key._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    vkey = Vkey.of(kept.origin, key.public)
    dies_at, killed = 0, 0
    while True:
        dies_at += 1
        await kept.say(130)
        if run(tmp_path, kept.origin, dies_at, *placed) == 0:
            break
        killed += 1
        row = kept.locks.current("budget")
        shown = kept.tiles.get("1/checkpoint")
        if shown is not None:
            checkpoint = open_checkpoint(shown, [vkey])
            assert checkpoint.size <= row.size
            assert checkpoint.root == kept.root(checkpoint.size)
        assert row is None or row.root == kept.root(row.size)
    # Each of the five steps was met before and after it was done.
    assert killed >= 10
    row = kept.locks.current("budget")
    assert (row.size, row.root) == (130 * (killed + 1), kept.root(row.size))
    for size in kept.served().history(row):
        raw = kept.tiles.get(f"1/checkpoints/{size}")
        assert parse_checkpoint(raw)[0].root == kept.root(size)
