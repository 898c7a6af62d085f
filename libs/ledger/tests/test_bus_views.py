"""The views' file: position and rows move together, and a changed view is built anew."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.views import View, ViewDatabase, ViewMoved, is_passing
from cahier_ledger.model import StoreUnavailable

NUMBERS = View("numbers", ("numbers",), "CREATE TABLE numbers(n INTEGER NOT NULL)")


@pytest.fixture
def views(place: Any) -> Iterator[ViewDatabase]:
    database: ViewDatabase = place.open_views()
    database.declare(NUMBERS)
    yield database
    database.close()


def fold(db: Sql, n: int) -> None:
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
        views.declare(View("x", ("x", "y"), "CREATE TABLE x(n INTEGER)"))
    assert views.position("x") == 0


def test_a_full_disk_takes_in_nothing_and_passes(sqlite_place: Any) -> None:
    views = sqlite_place.open_views()
    views.declare(NUMBERS)
    with views.transaction() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    views._db._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError) as caught:
        take(views, 0, *range(1, 5000))
    assert is_passing(caught.value)
    assert numbers(views) == []
    views._db._writer.execute("PRAGMA max_page_count = 100000")
    assert take(views, 0, *range(1, 5000)) == (4999, None)
    views.close()


@pytest.mark.parametrize("state", ["53100", "40001", "55P03", "57P01", "58030"])
def test_a_server_that_cannot_now_takes_in_nothing_and_passes(
    postgres_place: Any, state: str
) -> None:
    def failing(db: Sql, n: int) -> None:
        fold(db, n)
        if n == 2:
            db.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")

    views = postgres_place.open_views()
    views.declare(NUMBERS)
    with pytest.raises(StoreUnavailable) as caught:
        views.fold(NUMBERS, 0, [(1, 1), (2, 2)], failing)
    assert is_passing(caught.value)
    assert numbers(views) == []
    assert take(views, 0, 1, 2) == (2, None)
    views.close()


def test_an_error_that_a_fold_swallowed_is_not_taken_for_success(postgres_place: Any) -> None:
    def careless(db: Sql, n: int) -> None:
        fold(db, n)
        with contextlib.suppress(Exception):
            db.execute("SELECT nothing FROM nowhere")

    views = postgres_place.open_views()
    views.declare(NUMBERS)
    taken, error = views.fold(NUMBERS, 0, [(1, 1)], careless)
    assert (taken, numbers(views), views.position("numbers")) == (0, [], 0)
    assert error is not None
    views.close()


def test_two_projections_of_one_view_do_not_poison_each_other(postgres_place: Any) -> None:
    unique = replace(NUMBERS, schema="CREATE TABLE numbers(n INTEGER PRIMARY KEY)")
    first, second = postgres_place.open_views(), postgres_place.open_views()
    first.declare(unique)
    assert second.declare(unique) == 0
    assert first.fold(unique, 0, [(1, 1), (2, 2)], fold) == (2, None)
    with pytest.raises(ViewMoved):
        second.fold(unique, 0, [(1, 1)], fold)
    assert second.position("numbers") == 2
    first.close()
    second.close()


def test_views_declared_at_the_same_time_are_made_once(postgres_place: Any) -> None:
    def declare() -> None:
        views = postgres_place.open_views()
        views.declare(NUMBERS)
        views.close()

    with ThreadPoolExecutor(6) as pool:
        for each in [pool.submit(declare) for _ in range(6)]:
            each.result()


def test_readers_see_whole_transactions_and_cannot_write(views: ViewDatabase) -> None:
    take(views, 0, 10)
    with views.transaction() as db:
        db.execute("INSERT INTO numbers VALUES (20)")
        assert numbers(views) == [10]
    assert numbers(views) == [10, 20]
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.ReadOnlySqlTransaction)):
        views.fetch_all("INSERT INTO numbers VALUES (30)")


def test_a_snapshot_sees_one_moment(views: ViewDatabase) -> None:
    take(views, 0, 10)
    with views.snapshot() as moment:
        before = moment.execute("SELECT count(*) FROM numbers").fetchone()[0]
        take(views, 1, 20)
        assert moment.execute("SELECT count(*) FROM numbers").fetchone()[0] == before
    assert numbers(views) == [10, 20]


def test_position_survives_reopening(place: Any) -> None:
    for expected in range(3):
        views = place.open_views()
        assert views.declare(NUMBERS) == expected
        take(views, expected, expected)
        views.close()
        views.close()
