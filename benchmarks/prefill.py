"""Stores that hold many ballots already: the rows that budget writes, with noise for seals."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from benchmarks.election import OpenElection
from benchmarks.raw import ballot_appends, insert_raw

CHUNK = 10_000


def fill(election: OpenElection, ballots: int) -> Path:
    """Adds so many ballots of random credentials to the election's store; returns its file."""
    file = election.data_dir / "events.db"
    for first in range(0, ballots, CHUNK):
        count = min(CHUNK, ballots - first)
        insert_raw(file, ballot_appends("stored", first, count, election), group=CHUNK)
    _settle(file)
    return file


def _settle(file: Path) -> None:
    """Moves the write-ahead log into the file, so that what is measured next starts even."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
