"""What becomes public of the books: one public event for each private one."""

from __future__ import annotations

from functools import singledispatch

from cahier_budget.domain import book_events as told
from cahier_budget.domain.books import Books
from cahier_record.budget import delivery as public
from cahier_record.budget.events import ContentErased
from cahier_record.events import PublicEvent

Told = tuple[PublicEvent, dict[str, str]]


@singledispatch
def told_of_books(event: object) -> Told | None:
    """The public event of one of the books, with its texts; None for other aggregates' events."""
    return None


@told_of_books.register
def _(event: Books.Created) -> Told:
    return public.BooksOpened(
        election=event.election_id,
        result=event.result,
        envelope_cents=event.envelope_cents,
        postings=event.postings,
    ), {}


@told_of_books.register
def _(event: told.FundsReserved) -> Told:
    return public.FundsReserved(
        election=event.election_id, result=event.result, postings=event.postings
    ), {}


@told_of_books.register
def _(event: told.FundsReleased) -> Told:
    return public.FundsReleased(
        election=event.election_id, result=event.result, postings=event.postings
    ), {}


@told_of_books.register
def _(event: told.ReservationRaised) -> Told:
    return public.ReservationRaised(
        election=event.election_id, project=event.project_id, postings=event.postings
    ), {"reason": event.reason}


@told_of_books.register
def _(event: told.TenderAwarded) -> Told:
    return public.TenderAwarded(
        election=event.election_id,
        project=event.project_id,
        tender=event.tender_id,
        postings=event.postings,
    ), {"title": event.title, "contractor": event.contractor, "reason": event.reason}


@told_of_books.register
def _(event: told.TenderClosed) -> Told:
    return public.TenderClosed(
        election=event.election_id,
        project=event.project_id,
        tender=event.tender_id,
        postings=event.postings,
    ), {"reason": event.reason}


@told_of_books.register
def _(event: told.ExpenditureRecorded) -> Told:
    return public.ExpenditureRecorded(
        election=event.election_id,
        project=event.project_id,
        invoice=event.invoice_id,
        tender=event.tender_id,
        postings=event.postings,
    ), {"payee": event.payee, "reference": event.reference, "subject": event.subject}


@told_of_books.register
def _(event: told.ExpenditureReversed) -> Told:
    return public.ExpenditureReversed(
        election=event.election_id,
        project=event.project_id,
        invoice=event.invoice_id,
        postings=event.postings,
    ), {"reason": event.reason}


@told_of_books.register
def _(event: told.ProjectFinished) -> Told:
    return public.ProjectFinished(
        election=event.election_id, project=event.project_id, postings=event.postings
    ), {"report": event.report}


@told_of_books.register
def _(event: told.ProjectAbandoned) -> Told:
    return public.ProjectAbandoned(
        election=event.election_id, project=event.project_id, postings=event.postings
    ), {"reason": event.reason}


@told_of_books.register
def _(event: told.BooksClosed) -> Told:
    return public.BooksClosed(election=event.election_id, postings=event.postings), {}


@told_of_books.register
def _(event: told.MilestonePlanned) -> Told:
    return public.MilestonePlanned(
        election=event.election_id,
        project=event.project_id,
        milestone=event.milestone_id,
        due=event.due,
    ), {"title": event.title}


@told_of_books.register
def _(event: told.MilestoneDelayed) -> Told:
    return public.MilestoneDelayed(
        election=event.election_id,
        project=event.project_id,
        milestone=event.milestone_id,
        due=event.due,
    ), {"reason": event.reason}


@told_of_books.register
def _(event: told.MilestoneReached) -> Told:
    return public.MilestoneReached(
        election=event.election_id, project=event.project_id, milestone=event.milestone_id
    ), {"note": event.note}


@told_of_books.register
def _(event: told.PhotoAdded) -> Told:
    return public.PhotoAdded(
        election=event.election_id,
        project=event.project_id,
        photo=event.photo_id,
        media_type=event.media_type,
        size_bytes=event.size_bytes,
        milestone=event.milestone_id,
    ), {"alt": event.alt, "sha256": event.sha256}


@told_of_books.register
def _(event: told.PhotoErased) -> Told:
    return ContentErased(index=event.index, leaf=event.leaf, basis=event.basis), {}


@told_of_books.register
def _(event: told.TextsErased) -> Told:
    return ContentErased(index=event.index, leaf=event.leaf, basis=event.basis), {}
