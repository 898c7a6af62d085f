"""The list of erasures: who was forgotten, kept apart from the backups.

A backup holds what was erased after it was made. So every service writes each erasure down here
first, and reads the list before it serves: a database that was put back from a backup forgets
again what it had forgotten. The list names persons by a digest only, and must not be restored.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One person to forget. subject: cahier_record.erasure.subject_digest of the person's id."""

    erasure: str
    subject: str
    basis: str


class ErasureListUnreadable(Exception):
    """The list holds something else than orders; a person has to look at it."""


class ErasureList:
    """One file of JSON lines, appended to by several processes. Blocks; thread-safe."""

    def __init__(self, path: Path) -> None:
        """path: made with its folder when the first order comes."""
        self._path = path

    def add(self, order: Order) -> Order:
        """Writes the order down, synced, unless the person stands on the list: then that order.

        Raises OSError and ErasureListUnreadable.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked() as file:
            there = self._read(file)
            known = next((each for each in there if each.subject == order.subject), None)
            if known is None:
                os.write(file, msgspec.json.encode(order) + b"\n")
                os.fsync(file)
        return known or order

    def orders(self) -> list[Order]:
        """All orders, oldest first; raises OSError and ErasureListUnreadable."""
        if not self._path.exists():
            return []
        with self._locked() as file:
            return self._read(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _read(self, file: int) -> list[Order]:
        content = os.pread(file, os.fstat(file).st_size, 0)
        whole, _, cut = content.rpartition(b"\n")
        if cut:  # A crash in the middle of a line: the order was not acknowledged.
            os.ftruncate(file, len(content) - len(cut))
        try:
            return [msgspec.json.decode(line, type=Order) for line in whole.splitlines()]
        except msgspec.MsgspecError as error:
            raise ErasureListUnreadable(f"{self._path}: {error}") from error
