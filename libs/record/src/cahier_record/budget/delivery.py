"""What budget says in public once a result stands: its books, and how projects are built.

Each election has one set of books. Every event about money carries postings that sum to zero, so
that anybody who adds them up follows each cent from the envelope to an invoice, and sees that none
is missing. Money is in cents of the election's currency; dates are YYYY-MM-DD; projects stand in
postings by their number in the election. Titles, payees, reasons and alternative texts are
disclosed apart, and so is the SHA-256 of a photo.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cahier_record.events import PublicEvent, public_event

Account = Literal["grant", "unallocated", "reserved", "committed", "paid", "returned"]


class Posting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So much more, or less, on one account.

    account: `grant` is where the envelope comes from, the one account that stands below zero;
    `unallocated` is what nobody has a claim on; `reserved` (by project) what a result promised;
    `committed` (by project and tender) what a contract promises; `paid` (by project and invoice)
    what is gone; `returned` what went back to the city at the end. item: id of the tender or of
    the invoice.
    """

    account: Account
    cents: int
    project: int = 0
    item: str = ""


Postings = tuple[Posting, ...]


class BooksEvent(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all that moves money. postings: they sum to zero."""

    election: str
    postings: Postings


@public_event("budget.v1.books.books_opened")
class BooksOpened(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope is there to be spent; `result` is the event that announced the result."""

    result: str
    envelope_cents: int


@public_event("budget.v1.books.funds_reserved")
class FundsReserved(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Winners of a result got their cost set aside. A long list comes in several events."""

    result: str


@public_event("budget.v1.books.funds_released")
class FundsReleased(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A corrected result no longer names these projects: what was set aside is free again."""

    result: str


@public_event("budget.v1.books.reservation_raised")
class ReservationRaised(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A project got more out of what nobody had a claim on. Disclosed: reason."""

    project: str


@public_event("budget.v1.books.tender_awarded")
class TenderAwarded(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A contract was made. Disclosed: title, contractor, and reason where it cost more."""

    project: str
    tender: str


@public_event("budget.v1.books.tender_closed")
class TenderClosed(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing more will be billed; the rest is the project's again. Disclosed: reason."""

    project: str
    tender: str


@public_event("budget.v1.books.expenditure_recorded")
class ExpenditureRecorded(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """An invoice was paid, by a contract or without. Disclosed: payee, reference, subject."""

    project: str
    invoice: str
    tender: str = ""


@public_event("budget.v1.books.expenditure_reversed")
class ExpenditureReversed(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A payment came back, or was written down wrongly. Disclosed: reason."""

    project: str
    invoice: str


@public_event("budget.v1.books.books_closed")
class BooksClosed(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Every project has ended; what is left goes back to the city."""


@public_event("budget.v1.delivery.project_finished")
class ProjectFinished(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """It stands; what it did not need is free again. Disclosed: report."""

    project: str


@public_event("budget.v1.delivery.project_abandoned")
class ProjectAbandoned(BooksEvent, frozen=True, kw_only=True, omit_defaults=True):
    """It will not be built; what was not paid is free again. Disclosed: reason."""

    project: str


class DeliveryEvent(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Base of what is told of the building of a project beside its money."""

    election: str
    project: str


@public_event("budget.v1.delivery.milestone_planned")
class MilestonePlanned(DeliveryEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city wants to have reached this by the day `due`. Disclosed: title."""

    milestone: str
    due: str


@public_event("budget.v1.delivery.milestone_delayed")
class MilestoneDelayed(DeliveryEvent, frozen=True, kw_only=True, omit_defaults=True):
    """It will take until `due`. Disclosed: reason."""

    milestone: str
    due: str


@public_event("budget.v1.delivery.milestone_reached")
class MilestoneReached(DeliveryEvent, frozen=True, kw_only=True, omit_defaults=True):
    """It is done. Disclosed: note."""

    milestone: str


@public_event("budget.v1.delivery.photo_added")
class PhotoAdded(DeliveryEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A picture of the works. Disclosed: alt (what it shows, in words) and sha256 (in hex).

    When it is erased, the log says `content_erased` of this leaf.
    """

    photo: str
    media_type: str
    size_bytes: int
    milestone: str = ""
