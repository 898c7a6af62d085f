"""What an auditor reads of the books of an election: where each part of the envelope is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cahier_kernel.money import format_cents
from cahier_record.budget.views import ElectionView
from cahier_record.budget.works import BooksView, WorksView

KINDS = ("unallocated", "reserved", "committed", "paid", "returned")


def books_lines(election: ElectionView) -> Iterator[str]:
    """The envelope by account, then a line for each project that something was said of."""
    for number, version in enumerate(election.versions, 1):
        if len(election.versions) > 1:
            told = "announced" if version.announced else "not announced"
            yield f"  count {number} of {len(election.versions)}: {told}, leaf {version.index}"
    if election.annulled:
        yield f"  ballots annulled: those of {len(election.annulled)} voters"
    books, currency = election.books, election.created.currency
    if books is None:
        return
    parts = (f"{format_cents(books.accounts.total(kind))} {kind}" for kind in KINDS)
    closed = ", closed" if books.closed else ""
    envelope = format_cents(books.accounts.envelope_cents)
    yield f"  books of {envelope} {currency}{closed}: {', '.join(parts)}"
    for works in books.works.values():
        yield f"    project {books.projects[works.project]}: {_project(books, works)}"


def _project(books: BooksView, works: WorksView) -> str:
    money = books.accounts.money(books.projects[works.project])
    reached = sum(bool(one.reached) for one in works.milestones.values())
    delays = sum(len(one.delays) for one in works.milestones.values())
    return (
        f"{works.state}, {format_cents(money.reserved_cents)} reserved, "
        f"{format_cents(money.committed_cents)} committed, {format_cents(money.paid_cents)} paid, "
        f"{reached} of {len(works.milestones)} milestones reached, {delays} delays, "
        f"{len(works.photos)} pictures"
    )


def books_json(election: ElectionView) -> dict[str, Any]:
    """The same for programs; nothing for an election without books."""
    books = election.books
    if books is None:
        return {}
    return {
        "books": {
            "envelope_cents": books.accounts.envelope_cents,
            "closed": books.closed,
            **{f"{kind}_cents": books.accounts.total(kind) for kind in KINDS},
        },
        "works": [
            {"number": books.projects[one.project], "project": one.project, "state": one.state}
            for one in books.works.values()
        ],
    }
