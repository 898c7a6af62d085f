"""What a witness remembers of each log: one file, written through to the disk, tied to its key.

A witness that forgets can be made to sign a second history. So a state is made once, together
with the key, and never by serving: where the file is gone, the key must be retired with it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cahier_ledger.log.merkle import EMPTY_ROOT
from cahier_ledger.log.note import BadNote, Vkey

BUSY_TIMEOUT_S = 5.0
EVIDENCE_MAX = 16
"""Pairs of checkpoints kept as evidence for each log: the first ones, which tell most."""
_SCHEMA = """
CREATE TABLE witness (vkey TEXT NOT NULL);
CREATE TABLE seen (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    time_s INTEGER NOT NULL,
    checkpoint TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE evidence (
    origin TEXT NOT NULL,
    seen TEXT NOT NULL,
    denied_by TEXT NOT NULL,
    time_s INTEGER NOT NULL,
    PRIMARY KEY (origin, seen, denied_by)
) WITHOUT ROWID;
"""
_SELECT = "SELECT size, root, time_s, checkpoint FROM seen"


class StateUnavailable(RuntimeError):
    """The state cannot be read or written now; nothing was signed."""


class StateRefused(RuntimeError):
    """The state must not be used: it is missing, broken, there already, or another key's."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The last checkpoint that was cosigned. time_s: when, in seconds since 1970."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    time_s: int = 0
    checkpoint: str = ""


class WitnessState:
    """One witness' memory. Safe for many threads, and for several processes on one file."""

    def __init__(self, path: Path) -> None:
        """Opens a state that `create` made; raises StateRefused."""
        if not path.is_file():
            raise StateRefused(
                f"{path}: the witness' state is not there. It is made together with the key; "
                "where it was lost, retire the key and make both again"
            )
        self._lock = threading.Lock()
        try:
            self._db = _connect(path)
            row = self._db.execute("SELECT vkey FROM witness").fetchone()
            self.vkey = Vkey.parse(row[0])
        except (sqlite3.Error, BadNote, TypeError) as error:
            raise StateRefused(f"{path}: not a witness' state: {error}") from error

    @classmethod
    def create(cls, path: Path, vkey: Vkey) -> WitnessState:
        """Makes an empty state for this key; raises StateRefused where a file is there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise StateRefused(f"{path}: there is a file already") from None
        db = _connect(path)
        with db:
            db.executescript(_SCHEMA)
            db.execute("INSERT INTO witness VALUES (?)", (str(vkey),))
        db.close()
        return cls(path)

    def advance(self, origin: str, decide: Callable[[Seen], Seen]) -> Seen:
        """Puts what `decide` makes of the last checkpoint in its place, durably, and returns it.

        Nobody else changes the origin's row meanwhile. Where `decide` raises, nothing changes;
        where it returns what it was given, nothing is written.
        Raises StateUnavailable.
        """
        with self._transaction() as db:
            row = db.execute(f"{_SELECT} WHERE origin = ?", (origin,)).fetchone()
            last = Seen(*row) if row else Seen()
            seen = decide(last)
            if seen != last:
                db.execute(
                    "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)",
                    (origin, seen.size, seen.root, seen.time_s, seen.checkpoint),
                )
        return seen

    def seen(self) -> dict[str, Seen]:
        """The last cosigned checkpoints by origin; raises StateUnavailable."""
        with self._transaction() as db:
            rows = db.execute("SELECT origin, size, root, time_s, checkpoint FROM seen").fetchall()
        return {origin: Seen(*rest) for origin, *rest in rows}

    def keep_evidence(self, origin: str, seen: str, denied_by: str, time_s: int) -> None:
        """Keeps two checkpoints of one log that cannot both be true; at most EVIDENCE_MAX pairs.

        Raises StateUnavailable.
        """
        with self._transaction() as db:
            kept = db.execute("SELECT count(*) FROM evidence WHERE origin = ?", (origin,))
            if kept.fetchone()[0] < EVIDENCE_MAX:
                row = (origin, seen, denied_by, time_s)
                db.execute("INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?)", row)

    def evidence(self) -> list[tuple[str, str]]:
        """The pairs of contradicting checkpoints, oldest first; raises StateUnavailable."""
        with self._transaction() as db:
            return db.execute("SELECT seen, denied_by FROM evidence ORDER BY time_s").fetchall()

    def close(self) -> None:
        """Closes the file; waits for a request at work."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                    self._db.execute("COMMIT")
                finally:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise StateUnavailable("the witness cannot write its state now") from error


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S
    )
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    return db
