"""Pictures that no event names are swept after a grace period, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cahier_budget.adapters.photos import PhotoFiles
from cahier_budget.application import sweeping
from cahier_budget.application.publishing import publish
from cahier_budget.application.sweeping import EVERY, GRACE, PhotoSweep
from cahier_budget.domain import progress
from cahier_budget.domain.books import Books, Winner
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import StreamConflict
from cahier_ledger.postgres.opening import open_ledger
from cahier_ledger.postgres.server import PostgresServer

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = NOW + GRACE
WINNER = Winner("p1", 1, 1_00)
PICTURE = progress.Picture("image/png", 1, "0" * 64)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), sync=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """An empty event store, once on each database."""
    if request.param == "sqlite":
        made = Ledger.open(tmp_path / "events.db")
    else:
        server = request.getfixturevalue("postgres")
        made = open_ledger(server.dsn, f"budget_{uuid4().hex[:12]}")
    yield made
    await made.close()


@pytest.fixture
def photos(tmp_path: Path) -> PhotoFiles:
    return PhotoFiles(tmp_path / "photos")


class Gallery:
    """An election's books and its pictures."""

    def __init__(self, ledger: Ledger, photos: PhotoFiles) -> None:
        self.aggregates = Aggregates(ledger, "budget", publish, lambda: str(uuid4()))
        self.photos, self.election = photos, uuid4()
        self.books = Books.open(self.election, "result", 10_00, now=NOW)
        self.sweep = PhotoSweep(self.aggregates, photos)

    def keep(self, id: UUID | None = None) -> str:
        """Bytes alone, as an append that failed leaves them."""
        name = str(id or uuid7(NOW))
        self.photos.keep(str(self.election), name, b"bytes")
        return name

    def show(self) -> str:
        name = self.keep()
        progress.add_photo(
            self.books, WINNER, PICTURE, photo_id=UUID(name), milestone_id="", alt="A", now=NOW
        )
        return name

    async def save(self) -> None:
        await asyncio.to_thread(self.aggregates.save, self.books)

    @property
    def left(self) -> list[str]:
        return self.photos.kept(str(self.election))


@pytest.fixture
def gallery(ledger: Ledger, photos: PhotoFiles) -> Gallery:
    return Gallery(ledger, photos)


async def test_a_picture_whose_append_failed_goes_when_its_grace_is_over(gallery):
    shown, failed = gallery.show(), gallery.keep()
    await gallery.save()
    assert await asyncio.to_thread(gallery.sweep.sweep, LATER - timedelta(seconds=1)) == 0
    assert sorted(gallery.left) == sorted([shown, failed])
    assert await asyncio.to_thread(gallery.sweep.sweep, LATER) == 1
    assert gallery.left == [shown]
    assert await asyncio.to_thread(gallery.sweep.sweep, LATER) == 0


async def test_what_an_append_that_really_fails_leaves_is_swept(gallery):
    """The bytes are durable, then somebody else's append comes first: nothing names them."""
    await gallery.save()
    stale = await asyncio.to_thread(gallery.aggregates.get, Books, gallery.books.id)
    shown = gallery.show()
    await gallery.save()
    gallery.books = stale
    failed = gallery.show()
    with pytest.raises(StreamConflict):
        await gallery.save()
    assert sorted(gallery.left) == sorted([shown, failed])
    await gallery.sweep(LATER)
    assert gallery.left == [shown]


async def test_pictures_of_books_that_are_not_there_go_too(gallery):
    gallery.keep()
    await gallery.sweep(LATER)
    assert gallery.left == []


async def test_what_a_crash_left_half_written_goes_as_well(gallery, tmp_path):
    await gallery.save()
    folder = tmp_path / "photos" / str(gallery.election)
    folder.mkdir(parents=True)
    half = folder / f".{uuid7(NOW)}.123.abcd"
    half.write_bytes(b"byt")
    await gallery.sweep(LATER)
    assert list(folder.iterdir()) == []


async def test_files_that_are_no_pictures_of_ours_stay(gallery, tmp_path):
    gallery.keep(uuid4())
    note = tmp_path / "photos" / str(gallery.election) / "README"
    note.write_text("kept by somebody")
    await gallery.sweep(LATER + 365 * GRACE)
    assert len(gallery.left) == 2


async def test_a_sweep_is_bounded_and_the_next_one_goes_on(gallery, monkeypatch):
    monkeypatch.setattr(sweeping, "SWEPT_MAX", 2)
    for _ in range(3):
        gallery.keep()
    await gallery.sweep(LATER)
    assert len(gallery.left) == 1
    await gallery.sweep(LATER + EVERY / 2)
    assert len(gallery.left) == 1
    await gallery.sweep(LATER + EVERY)
    assert gallery.left == []


async def test_books_are_read_only_where_pictures_are_new(gallery):
    """One that was looked up is known; one that came since is looked up and stays, too."""
    first = gallery.show()
    await gallery.save()
    assert await asyncio.to_thread(gallery.sweep.sweep, LATER) == 0
    second, failed = gallery.show(), gallery.keep()
    await gallery.save()
    assert await asyncio.to_thread(gallery.sweep.sweep, LATER) == 1
    assert sorted(gallery.left) == sorted([first, second])
    assert failed not in gallery.left
