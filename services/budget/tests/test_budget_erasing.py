"""Budget knows no persons: it confirms an erasure, and every ballot stays counted.

Pictures that were erased stay erased when their folder comes back from a backup.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from cahier_budget.adapters.photos import PhotoFiles
from cahier_budget.application.forgetting import forget_erased_photos
from cahier_budget.application.publishing import publish
from cahier_budget.application.stored import CODEC
from cahier_budget.domain import progress
from cahier_budget.domain.books import Books, Winner
from cahier_chassis.erasing import Erasing, NothingHeld
from cahier_chassis.erasures import ErasureList, Order
from cahier_kernel.clock import ManualClock
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.ledger import Ledger
from cahier_record.budget import events
from cahier_record.erasure import subject_digest
from cahier_record.events import decode_leaf

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


async def test_an_erasure_is_confirmed_and_deletes_nothing(tmp_path):
    ledger = Ledger.open(tmp_path / "events.db")
    erasures = ErasureList(tmp_path / "erasures" / "list")
    erasing = Erasing("budget", ledger, CODEC, events, NothingHeld(), erasures, ManualClock(NOW))
    order = Order(
        erasure="01a20291-0000-758c-9184-e3aa32402cca", subject=subject_digest("p"), basis="request"
    )
    for _ in range(2):
        await erasing.erase(order)
    (row,) = ledger.read_public()
    confirmed = decode_leaf(row.leaf).event
    assert isinstance(confirmed, events.ErasureConfirmed)
    assert (confirmed.erasure, confirmed.erased, confirmed.kept) == (order.erasure, 0, ())
    assert erasing.unfinished() == []
    await ledger.close()


async def test_an_erased_picture_that_came_back_from_a_backup_is_deleted_again(tmp_path):
    ledger = Ledger.open(tmp_path / "events.db")
    aggregates = Aggregates(ledger, "budget", publish, lambda: str(uuid4()))
    photos, election, winner = PhotoFiles(tmp_path / "photos"), uuid4(), Winner("p1", 1, 1_00)
    books = Books.open(election, "result", 10_00, now=NOW)
    kept, erased, lost = (str(uuid4()) for _ in range(3))
    for id in (kept, erased):
        picture = progress.Picture("image/png", 1, "0" * 64)
        progress.add_photo(
            books, winner, picture, photo_id=id, milestone_id="", alt="A tree", now=NOW
        )
    progress.erase_photo(books, winner, erased, leaf="x", index=1, basis="request", now=NOW)
    await asyncio.to_thread(aggregates.save, books)
    elsewhere = str(uuid4())
    for id in (kept, erased, lost):
        photos.keep(str(election), id, b"bytes")
    photos.keep(elsewhere, lost, b"bytes")
    forget_erased_photos(aggregates, photos)
    left = {path.name for path in (tmp_path / "photos" / str(election)).iterdir()}
    assert left == {kept, lost}
    assert photos.elections() == sorted([str(election), elsewhere])
    await ledger.close()
