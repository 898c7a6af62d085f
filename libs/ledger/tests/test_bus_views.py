"""The views' file: position and rows move together, and a changed view is built anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cahier_ledger.bus.views import View, ViewDatabase, ViewMoved, is_passing

NUMBERS = View("numbers", ("numbers",), "CREATE TABLE numbers(n INTEGER NOT NULL)")


@pytest.fixture
def views(tmp_path: Path) -> Iterator[ViewDatabase]:
    database = ViewDatabase(tmp_path / "v" / "views.db")
    database.declare(NUMBERS)
    yield database
    database.close()


def fold(db: sqlite3.Connection, n: int) -> None:
    if n < 0:
        raise ValueError("negative")
    db.execute("INSERT INTO numbers VALUES (?)", (n,))


def numbers(views: ViewDatabase) -> list[int]:
    return [row["n"] for row in views.fetch_all("SELECT n FROM numbers ORDER BY n")]


def take(views: ViewDatabase, after: int, *values: int) -> tuple[int, Exception | None]:
    return views.fold(NUMBERS, after, list(enumerate(values, after + 1)), fold)


def test_rows_and_position_move_together(views: ViewDatabase) -> None:
    assert take(views, 0, 10, 20) == (2, None)
    assert views.position("numbers") == 2
    taken, error = take(views, 2, 30, -1, 40)
    assert taken == 1
    assert isinstance(error, ValueError)
    assert views.position("numbers") == 3
    assert numbers(views) == [10, 20, 30]


def test_first_event_poisonous_leaves_everything_as_it_was(views: ViewDatabase) -> None:
    assert take(views, 0, -1)[0] == 0
    assert views.position("numbers") == 0
    assert numbers(views) == []


def test_events_are_refused_after_another_position(views: ViewDatabase) -> None:
    take(views, 0, 10)
    with pytest.raises(ViewMoved):
        take(views, 0, 10)
    assert numbers(views) == [10]


def test_an_unchanged_view_keeps_its_place(views: ViewDatabase) -> None:
    take(views, 0, 10)
    assert views.declare(NUMBERS) == 1
    assert numbers(views) == [10]


@pytest.mark.parametrize(
    "changed",
    [
        replace(NUMBERS, schema="CREATE TABLE numbers(n INTEGER NOT NULL, more TEXT)"),
        replace(NUMBERS, version=2),
    ],
)
def test_a_changed_view_starts_again(views: ViewDatabase, changed: View) -> None:
    take(views, 0, 10)
    assert views.declare(changed) == 0
    assert numbers(views) == []
    assert views.position("numbers") == 0


def test_a_view_whose_table_was_dropped_starts_again(views: ViewDatabase) -> None:
    take(views, 0, 10)
    with views.transaction() as db:
        db.execute("DROP TABLE numbers")
    assert views.declare(NUMBERS) == 0
    assert numbers(views) == []


def test_a_schema_must_make_its_tables(views: ViewDatabase) -> None:
    with pytest.raises(ValueError, match="does not create"):
        views.declare(View("x", ("x", "y"), "CREATE TABLE x(n)"))
    assert views.position("x") == 0


def test_a_full_disk_takes_in_nothing_and_passes(views: ViewDatabase) -> None:
    with views.transaction() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    views._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError) as caught:
        take(views, 0, *range(1, 5000))
    assert is_passing(caught.value)
    assert numbers(views) == []
    views._writer.execute("PRAGMA max_page_count = 100000")
    assert take(views, 0, *range(1, 5000)) == (4999, None)


def test_readers_see_whole_transactions_and_cannot_write(views: ViewDatabase) -> None:
    take(views, 0, 10)
    with views.transaction() as db:
        db.execute("INSERT INTO numbers VALUES (20)")
        assert numbers(views) == [10]
    assert numbers(views) == [10, 20]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        views.fetch_all("INSERT INTO numbers VALUES (30)")


def test_a_snapshot_sees_one_moment(views: ViewDatabase) -> None:
    take(views, 0, 10)
    with views.snapshot() as moment:
        before = moment.execute("SELECT count(*) FROM numbers").fetchone()[0]
        take(views, 1, 20)
        assert moment.execute("SELECT count(*) FROM numbers").fetchone()[0] == before
    assert numbers(views) == [10, 20]


def test_position_survives_reopening(tmp_path: Path) -> None:
    for expected in range(3):
        views = ViewDatabase(tmp_path / "views.db")
        assert views.declare(NUMBERS) == expected
        take(views, expected, expected)
        views.close()
        views.close()
