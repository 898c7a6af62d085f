"""How far one project is built: the state that its events leave, and what may happen next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from cahier_budget.domain import book_events as told
from cahier_kernel.errors import FailedPrecondition, Invalid, NotFound
from cahier_kernel.texts import ERASED
from cahier_record.budget.delivery import Posting

MILESTONES_MAX = 100
PHOTOS_MAX = 200
TENDERS_MAX = 200
INVOICES_MAX = 2_000
ENDED = ("finished", "abandoned")
BASES = ("request", "order")


@dataclass(slots=True)
class Milestone:
    """due: YYYY-MM-DD, as planned or last delayed. reached: None until it is."""

    id: str
    title: str
    due: str
    planned_due: str
    reached: datetime | None = None


@dataclass(slots=True)
class Photo:
    """A picture that is shown. version: of the books, when it was added."""

    id: str
    milestone_id: str
    media_type: str
    alt: str
    sha256: str
    version: int


@dataclass(slots=True)
class Invoice:
    """A payment. tender_id: "" for none."""

    id: str
    tender_id: str
    payee: str


@dataclass(slots=True)
class Tender:
    """A contract; nothing is billed by a closed one."""

    id: str
    title: str
    is_closed: bool = False


@dataclass(slots=True)
class Works:
    """One project after the vote. state: waiting, building, finished or abandoned."""

    project_id: str
    state: str = "waiting"
    milestones: dict[str, Milestone] = field(default_factory=dict)
    photos: dict[str, Photo] = field(default_factory=dict)
    tenders: dict[str, Tender] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is built."""
        return self.state in ENDED

    def require_going_on(self) -> None:
        """Raises FailedPrecondition `project_ended`."""
        if self.is_ended:
            raise FailedPrecondition(
                "project_ended", "the project is finished or abandoned", state=self.state
            )

    def milestone(self, id: str) -> Milestone:
        """A milestone that is not reached; raises NotFound, FailedPrecondition."""
        found = self.milestones.get(id)
        if found is None:
            raise NotFound("milestone_not_found", "no such milestone", field="milestone_id")
        if found.reached is not None:
            raise FailedPrecondition("milestone_reached", "it is reached", field="milestone_id")
        return found

    def tender(self, id: str) -> Tender:
        """A contract that is not closed; raises NotFound, FailedPrecondition."""
        found = self.tenders.get(id)
        if found is None:
            raise NotFound("tender_not_found", "no such contract", field="tender_id")
        if found.is_closed:
            raise FailedPrecondition("tender_closed", "the contract is closed", field="tender_id")
        return found

    def photo(self, id: str) -> Photo:
        """A picture that is shown; raises NotFound."""
        found = self.photos.get(id)
        if found is None:
            raise NotFound("photo_not_found", "no such picture", field="photo_id")
        return found

    def forget(self, entry: Entry) -> None:
        """The texts of this entry are gone."""
        match entry.kind:
            case "milestone_planned":
                self.milestones[entry.item].title = ERASED
            case "tender_awarded":
                self.tenders[entry.item].title = ERASED
            case "expenditure_recorded":
                self.invoices[entry.item].payee = ERASED
            case _:
                pass

    def take(self, event: Any, version: int) -> None:
        """For events alone."""
        if self.state == "waiting":
            self.state = "building"
        match event:
            case told.TenderAwarded():
                self.tenders[event.tender_id] = Tender(event.tender_id, event.title)
            case told.TenderClosed():
                self.tenders[event.tender_id].is_closed = True
            case told.ExpenditureRecorded():
                self.invoices[event.invoice_id] = Invoice(
                    event.invoice_id, event.tender_id, event.payee
                )
            case told.ProjectFinished():
                self.state = "finished"
            case told.ProjectAbandoned():
                self.state = "abandoned"
            case _:
                self._take_progress(event, version)

    def _take_progress(self, event: Any, version: int) -> None:
        match event:
            case told.MilestonePlanned():
                self.milestones[event.milestone_id] = Milestone(
                    event.milestone_id, event.title, event.due, event.due
                )
            case told.MilestoneDelayed():
                self.milestones[event.milestone_id].due = event.due
            case told.MilestoneReached():
                self.milestones[event.milestone_id].reached = event.timestamp
            case told.PhotoAdded():
                self.photos[event.photo_id] = Photo(
                    event.photo_id,
                    event.milestone_id,
                    event.media_type,
                    event.alt,
                    event.sha256,
                    version,
                )
            case told.PhotoErased():
                self.photos.pop(event.photo_id, None)
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the books, for whoever reads them. kind: its name, lower_snake.

    texts: what was disclosed, by name. due: of a milestone. item: id of the contract, invoice,
    milestone or photo that it is about; tender_id: of the contract that an invoice is paid by.
    """

    version: int
    at: datetime
    kind: str
    project_id: str
    item: str
    tender_id: str
    due: str
    texts: dict[str, str]
    postings: tuple[Posting, ...]

    def without_texts(self) -> Entry:
        """As it reads once its texts are erased."""
        return replace(self, texts=dict.fromkeys(self.texts, ERASED))


_TEXTS = ("title", "contractor", "payee", "reference", "subject", "reason", "report", "note", "alt")
_ITEMS = ("invoice_id", "milestone_id", "photo_id", "tender_id")


def entry_of(event: Any) -> Entry:
    """An event as an entry."""
    return Entry(
        version=event.originator_version,
        at=event.timestamp,
        kind=event.TOPIC.rpartition(".")[2],
        project_id=getattr(event, "project_id", ""),
        item=_item_of(event),
        tender_id=getattr(event, "tender_id", ""),
        due=getattr(event, "due", ""),
        texts={name: text for name in _TEXTS if (text := getattr(event, name, ""))},
        postings=tuple(getattr(event, "postings", ())),
    )


def _item_of(event: Any) -> str:
    if isinstance(event, told.PhotoAdded | told.PhotoErased):
        return str(event.photo_id)
    return next((found for name in _ITEMS if (found := getattr(event, name, ""))), "")


def day(text: str, field_name: str) -> str:
    """A date as YYYY-MM-DD; raises Invalid `date_malformed`."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise Invalid("date_malformed", "a date as YYYY-MM-DD", field=field_name)
    return text


def require_room(held: int, most: int, what: str) -> None:
    """Raises FailedPrecondition `too_many_<what>`."""
    if held >= most:
        raise FailedPrecondition(f"too_many_{what}", f"at most {most} of them", max=most)
