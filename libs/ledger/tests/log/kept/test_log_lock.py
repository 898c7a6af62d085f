"""The lock row moves by comparing, so that two histories are never signed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from cahier_ledger.log.lock import Locked, LogLocks, open_locks
from cahier_ledger.log.refusals import LockMoved

ROW = Locked("budget", 1, "a.example/tlog/budget", 0, 0, b"r" * 32, "zero", "key\n")


def test_a_row_is_as_it_was_set(lock_place: LogLocks) -> None:
    assert lock_place.current("budget") is None
    lock_place.begin(ROW)
    moved = lock_place.move(ROW, 7, b"s" * 32, "seven", "key\nkey2\n")
    assert lock_place.current("budget") == moved
    assert (moved.size, moved.root, moved.checkpoint) == (7, b"s" * 32, "seven")
    assert lock_place.current("identity") is None


def test_who_saw_an_older_row_moves_nothing(lock_place: LogLocks) -> None:
    lock_place.begin(ROW)
    moved = lock_place.move(ROW, 7, b"s" * 32, "seven", "key\n")
    for seen in (ROW, replace(moved, size=6), replace(moved, root=b"t" * 32)):
        with pytest.raises(LockMoved):
            lock_place.move(seen, 9, b"u" * 32, "nine", "key\n")
    assert lock_place.current("budget") == moved


def test_a_log_is_begun_once(lock_place: LogLocks) -> None:
    lock_place.begin(ROW)
    with pytest.raises(LockMoved):
        lock_place.begin(replace(ROW, checkpoint="another"))
    assert lock_place.current("budget") == ROW


def test_an_ended_epoch_never_moves_again(lock_place: LogLocks) -> None:
    lock_place.begin(ROW)
    second = replace(ROW, epoch=2, origin=f"{ROW.origin}/2", base=5)
    lock_place.begin(second)
    with pytest.raises(LockMoved):
        lock_place.move(ROW, 7, b"s" * 32, "seven", "key\n")
    assert lock_place.epochs("budget") == [ROW, second]
    assert lock_place.current("budget") == second


def test_of_many_at_once_one_moves_the_row(lock_place: LogLocks) -> None:
    lock_place.begin(ROW)

    def move(number: int) -> bool:
        try:
            lock_place.move(ROW, number, bytes([number]) * 32, str(number), "key\n")
        except LockMoved:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(move, range(1, 25)))
    assert won.count(True) == 1
    current = lock_place.current("budget")
    assert current is not None
    assert current.size == won.index(True) + 1


def test_rows_outlive_the_process(tmp_path: Path) -> None:
    place = str(tmp_path / "locks" / "budget.db")
    locks = open_locks(place)
    locks.begin(ROW)
    locks.close()
    again = open_locks(place)
    assert again.current("budget") == ROW
    again.close()


def test_a_row_never_shrinks(lock_place: LogLocks) -> None:
    lock_place.begin(ROW)
    moved = lock_place.move(ROW, 7, b"s" * 32, "seven", "key\n")
    with pytest.raises(LockMoved):
        lock_place.move(moved, 6, b"t" * 32, "six", "key\n")
    assert lock_place.current("budget") == moved


def test_cosignatures_are_kept_of_the_newest_row(lock_place: LogLocks) -> None:
    older, newer = replace(ROW, size=5), replace(ROW, size=7)
    lock_place.keep_cosigned(newer, "seven, cosigned")
    lock_place.keep_cosigned(newer, "seven, cosigned twice")
    lock_place.keep_cosigned(older, "five, cosigned")
    assert lock_place.cosigned(newer) == "seven, cosigned twice"
    assert lock_place.cosigned(older) is None
    assert lock_place.cosigned(replace(newer, epoch=2)) is None
