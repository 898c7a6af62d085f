"""Deletes erased pictures again, after their folder came back from a backup."""

from __future__ import annotations

from uuid import UUID

from cahier_budget.application.ports import Photos
from cahier_budget.domain.books import Books, books_id
from cahier_ledger.aggregates import AggregateNotFound, Aggregates


def forget_erased_photos(aggregates: Aggregates, photos: Photos) -> None:
    """Blocks; may be repeated. Pictures that the books know nothing of are the sweep's."""
    for election_id in photos.elections():
        try:
            books = aggregates.get(Books, books_id(UUID(election_id)))
        except AggregateNotFound:
            continue
        for entry in books.entries:
            if entry.kind == "photo_erased":
                photos.delete(election_id, entry.item)
