"""What staff tell of the building of a project beside its money: milestones, delays, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cahier_budget.domain import book_events as told
from cahier_budget.domain import checks
from cahier_budget.domain.books import Books, Winner, require_basis
from cahier_budget.domain.election import event_id
from cahier_budget.domain.works import (
    BASES,
    MILESTONES_MAX,
    PHOTOS_MAX,
    Entry,
    Works,
    day,
    require_room,
)
from cahier_kernel.errors import FailedPrecondition, NotFound
from cahier_kernel.texts import ERASED

ALT_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is kept. sha256: of its bytes, in hex."""

    media_type: str
    size_bytes: int
    sha256: str


def plan_milestone(
    books: Books, winner: Winner, *, milestone_id: UUID, title: str, due: str, now: datetime
) -> None:
    """Something that is to be reached by the day `due` (YYYY-MM-DD)."""
    works = _going_on(books, winner)
    require_room(len(works.milestones), MILESTONES_MAX, "milestones")
    books.tell(
        told.MilestonePlanned,
        timestamp=now,
        project_id=winner.project_id,
        milestone_id=str(milestone_id),
        due=day(due, "due"),
        title=checks.line(title, "title", longest=checks.TITLE_CHARS_MAX, required=True),
    )


def delay_milestone(
    books: Books, winner: Winner, milestone_id: str, *, due: str, reason: str, now: datetime
) -> None:
    """A later day, with a public reason. Raises FailedPrecondition `delay_not_later`."""
    found = _going_on(books, winner).milestone(milestone_id)
    reason = checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX, required=True)
    if day(due, "due") <= found.due:
        raise FailedPrecondition(
            "delay_not_later", "a delay is a later day", field="due", due=found.due
        )
    books.tell(
        told.MilestoneDelayed,
        timestamp=now,
        project_id=winner.project_id,
        milestone_id=found.id,
        due=due,
        reason=reason,
    )


def reach_milestone(
    books: Books, winner: Winner, milestone_id: str, *, note: str, now: datetime
) -> None:
    """It is reached, now."""
    found = _going_on(books, winner).milestone(milestone_id)
    books.tell(
        told.MilestoneReached,
        timestamp=now,
        project_id=winner.project_id,
        milestone_id=found.id,
        note=checks.prose(note, "note", longest=checks.REASON_CHARS_MAX),
    )


def add_photo(
    books: Books,
    winner: Winner,
    picture: Picture,
    *,
    photo_id: UUID,
    milestone_id: str,
    alt: str,
    now: datetime,
) -> None:
    """A picture with words for those who do not see it. Also of a finished project."""
    works = books.works_of(winner.project_id)
    require_room(len(works.photos), PHOTOS_MAX, "photos")
    if milestone_id and milestone_id not in works.milestones:
        works.milestone(milestone_id)
    books.tell(
        told.PhotoAdded,
        timestamp=now,
        project_id=winner.project_id,
        photo_id=str(photo_id),
        milestone_id=milestone_id,
        media_type=picture.media_type,
        size_bytes=picture.size_bytes,
        alt=checks.line(alt, "alt", longest=ALT_CHARS_MAX, required=True),
        sha256=picture.sha256,
    )


def erase_photo(
    books: Books,
    winner: Winner,
    photo_id: str,
    *,
    leaf: str,
    index: int,
    basis: str,
    now: datetime,
) -> None:
    """Takes a picture down for ever. leaf, index: of the public event that showed it."""
    photo = books.works_of(winner.project_id).photo(photo_id)
    books.tell(
        told.PhotoErased,
        timestamp=now,
        project_id=winner.project_id,
        photo_id=photo.id,
        leaf=leaf,
        index=index,
        basis=require_basis(basis, BASES),
    )


def entry_to_erase(books: Books, winner: Winner, leaf: str) -> Entry:
    """The entry whose public event is `leaf`, and whose texts may be erased, also of closed books.

    Raises NotFound `entry_not_found`; FailedPrecondition `entry_is_picture` (a picture goes with
    its words), `entry_without_texts`, `texts_erased`.
    """
    for entry in books.entries:
        if entry.project_id == winner.project_id and event_id(books.id, entry.version) == leaf:
            break
    else:
        raise NotFound("entry_not_found", "no such entry", field="event_id")
    if entry.kind == "photo_added":
        raise FailedPrecondition("entry_is_picture", "erase the picture with its words")
    if not entry.texts:
        raise FailedPrecondition("entry_without_texts", "nothing was written there")
    if all(text == ERASED for text in entry.texts.values()):
        raise FailedPrecondition("texts_erased", "the texts are erased already")
    return entry


def erase_texts(
    books: Books, entry: Entry, *, leaf: str, index: int, basis: str, now: datetime
) -> None:
    """Deletes what people read beside an entry; the entry and its money stay."""
    books.tell(
        told.TextsErased,
        timestamp=now,
        project_id=entry.project_id,
        entry=entry.version,
        leaf=leaf,
        index=index,
        basis=require_basis(basis, BASES),
    )


def _going_on(books: Books, winner: Winner) -> Works:
    works = books.works_of(winner.project_id)
    works.require_going_on()
    if books.is_closed:
        raise FailedPrecondition("books_closed", "the books of this election are closed")
    return works
