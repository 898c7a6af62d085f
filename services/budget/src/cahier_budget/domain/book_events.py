"""What happens to an election's books and to the building of its projects, as it is stored.

Money is in cents of the election's currency, dates are YYYY-MM-DD. Every event that moves money
says so by postings that sum to zero.
"""

from __future__ import annotations

from typing import Any

from eventsourcing.domain import Aggregate
from eventsourcing.utils import register_topic

from cahier_record.budget.delivery import Posting


class BooksChanged(Aggregate.Event):
    """Base: the aggregate takes each of them in the same way."""

    TOPIC = "budget.books.changed"
    election_id: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Registers the topic, as the library does for events that stand inside an aggregate."""
        super().__init_subclass__(**kwargs)
        register_topic(cls.TOPIC, cls)

    def apply(self, aggregate: Any) -> None:
        aggregate.take(self)


class FundsReserved(BooksChanged):
    """Winners of a result got their cost set aside."""

    TOPIC = "budget.books.funds_reserved"
    result: str
    postings: tuple[Posting, ...]


class FundsReleased(BooksChanged):
    """A corrected result no longer names these projects."""

    TOPIC = "budget.books.funds_released"
    result: str
    postings: tuple[Posting, ...]


class ReservationRaised(BooksChanged):
    """A project got more."""

    TOPIC = "budget.books.reservation_raised"
    project_id: str
    postings: tuple[Posting, ...]
    reason: str


class TenderAwarded(BooksChanged):
    """A contract was made."""

    TOPIC = "budget.books.tender_awarded"
    project_id: str
    tender_id: str
    postings: tuple[Posting, ...]
    title: str
    contractor: str
    reason: str


class TenderClosed(BooksChanged):
    """A contract's rest is the project's again."""

    TOPIC = "budget.books.tender_closed"
    project_id: str
    tender_id: str
    postings: tuple[Posting, ...]
    reason: str


class ExpenditureRecorded(BooksChanged):
    """An invoice was paid. tender_id: "" for none."""

    TOPIC = "budget.books.expenditure_recorded"
    project_id: str
    invoice_id: str
    tender_id: str
    postings: tuple[Posting, ...]
    payee: str
    reference: str
    subject: str


class ExpenditureReversed(BooksChanged):
    """A payment came back."""

    TOPIC = "budget.books.expenditure_reversed"
    project_id: str
    invoice_id: str
    postings: tuple[Posting, ...]
    reason: str


class ProjectFinished(BooksChanged):
    """It stands."""

    TOPIC = "budget.books.project_finished"
    project_id: str
    postings: tuple[Posting, ...]
    report: str


class ProjectAbandoned(BooksChanged):
    """It will not be built."""

    TOPIC = "budget.books.project_abandoned"
    project_id: str
    postings: tuple[Posting, ...]
    reason: str


class BooksClosed(BooksChanged):
    """What is left goes back."""

    TOPIC = "budget.books.closed"
    postings: tuple[Posting, ...]


class MilestonePlanned(BooksChanged):
    """Something that will be reached by a day."""

    TOPIC = "budget.books.milestone_planned"
    project_id: str
    milestone_id: str
    due: str
    title: str


class MilestoneDelayed(BooksChanged):
    """It takes longer, for a reason."""

    TOPIC = "budget.books.milestone_delayed"
    project_id: str
    milestone_id: str
    due: str
    reason: str


class MilestoneReached(BooksChanged):
    """It is reached."""

    TOPIC = "budget.books.milestone_reached"
    project_id: str
    milestone_id: str
    note: str


class PhotoAdded(BooksChanged):
    """A picture, whose bytes are kept apart. sha256: of them, in hex."""

    TOPIC = "budget.books.photo_added"
    project_id: str
    photo_id: str
    milestone_id: str
    media_type: str
    size_bytes: int
    alt: str
    sha256: str


class PhotoErased(BooksChanged):
    """The picture and its texts are gone. leaf, index: of the public event that showed it."""

    TOPIC = "budget.books.photo_erased"
    project_id: str
    photo_id: str
    leaf: str
    index: int
    basis: str


class TextsErased(BooksChanged):
    """The texts of an entry are gone. entry: its number; leaf, index: its public event."""

    TOPIC = "budget.books.texts_erased"
    project_id: str
    entry: int
    leaf: str
    index: int
    basis: str
