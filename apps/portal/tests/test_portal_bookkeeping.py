"""Books are added up again by the portal, which reads an entry once."""

from __future__ import annotations

import pytest

from cahier_contracts.budget.v1 import delivery_pb2 as delivery
from cahier_portal import bookkeeping
from cahier_portal.bookkeeping import AddedUp


class Books:
    """An election's entries as the service tells them, and what was asked of it."""

    def __init__(self) -> None:
        self.entries = [entry(1, grant=-100_00, unallocated=100_00)]
        self.asked: list[int] = []

    def told(self, **cents: int) -> delivery.GetBooksResponse:
        names = {f"{name}_cents": value for name, value in cents.items()}
        return delivery.GetBooksResponse(envelope_cents=100_00, entries=len(self.entries), **names)

    async def ask(
        self, request: delivery.ListBookEntriesRequest
    ) -> delivery.ListBookEntriesResponse:
        self.asked.append(request.after)
        behind = [each for each in self.entries if each.number > request.after]
        some = behind[: request.limit]
        return delivery.ListBookEntriesResponse(entries=some, more=len(behind) > len(some))


def entry(number: int, **cents: int) -> delivery.BookEntry:
    postings = [
        delivery.BookPosting(account=name, cents=value, project=int(name in PROJECTS))
        for name, value in cents.items()
    ]
    return delivery.BookEntry(number=number, postings=postings)


PROJECTS = ("reserved", "committed", "paid")


async def test_only_entries_that_came_since_are_read_again() -> None:
    books, sums = Books(), AddedUp()
    assert await sums.agrees(books.ask, "e", books.told(unallocated=100_00))
    books.entries.append(entry(2, unallocated=-30_00, reserved=30_00))
    books.asked.clear()
    assert await sums.agrees(books.ask, "e", books.told(unallocated=70_00, reserved=30_00))
    assert books.asked == [1]


async def test_sums_that_do_not_agree_are_said_and_never_kept() -> None:
    books, sums = Books(), AddedUp()
    assert not await sums.agrees(books.ask, "e", books.told(unallocated=99_99))
    assert not await sums.agrees(books.ask, "e", books.told(unallocated=70_00, reserved=30_00))
    assert await sums.agrees(books.ask, "e", books.told(unallocated=100_00))


async def test_what_was_written_after_the_books_were_asked_for_is_left_for_the_next() -> None:
    books, sums = Books(), AddedUp()
    told = books.told(unallocated=100_00)
    books.entries.append(entry(2, unallocated=-30_00, reserved=30_00))
    assert await sums.agrees(books.ask, "e", told)
    assert await sums.agrees(books.ask, "e", books.told(unallocated=70_00, reserved=30_00))


async def test_books_that_were_restored_are_added_up_from_the_start() -> None:
    books, sums = Books(), AddedUp()
    books.entries.append(entry(2, unallocated=-30_00, reserved=30_00))
    assert await sums.agrees(books.ask, "e", books.told(unallocated=70_00, reserved=30_00))
    books.entries[1:] = [entry(2, unallocated=-20_00, reserved=20_00)]
    assert await sums.agrees(books.ask, "e", books.told(unallocated=80_00, reserved=20_00))
    del books.entries[1:]
    assert await sums.agrees(books.ask, "e", books.told(unallocated=100_00))


async def test_long_books_are_read_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeping, "READ_MAX", 2)
    books, sums = Books(), AddedUp()
    for number in range(2, 7):
        books.entries.append(entry(number, unallocated=-10_00, reserved=10_00))
    assert await sums.agrees(books.ask, "e", books.told(unallocated=50_00, reserved=50_00))
    assert books.asked == [0, 2, 4]
