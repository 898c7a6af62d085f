"""How far the projects of an election are built, and the books that paid for it, from the log.

What breaks a rule of the books leaves them as they were and is told in one sentence, for the
faults of the log.
"""

from __future__ import annotations

import msgspec

from cahier_record.budget import delivery
from cahier_record.budget.books import Accounts, BooksError, check_flow
from cahier_record.budget.delivery import BooksEvent, DeliveryEvent
from cahier_record.events import Leaf


class MilestoneView(msgspec.Struct):
    """texts: id of the event whose disclosures name it. due: as planned or last delayed."""

    milestone: str
    due: str
    texts: str
    reached: str = ""
    delays: list[str] = msgspec.field(default_factory=list)


class WorksView(msgspec.Struct):
    """One project after the vote. state: waiting, building, finished or abandoned.

    photos: by photo, id of the event that shows it. tenders, invoices: by id, the same.
    """

    project: str
    state: str = "waiting"
    milestones: dict[str, MilestoneView] = msgspec.field(default_factory=dict)
    photos: dict[str, str] = msgspec.field(default_factory=dict)
    tenders: dict[str, str] = msgspec.field(default_factory=dict)
    invoices: dict[str, str] = msgspec.field(default_factory=dict)


class BooksView(msgspec.Struct):
    """An election's books. projects: numbers by id, as the election has them."""

    projects: dict[str, int]
    envelope_cents: int
    accounts: Accounts = msgspec.field(default_factory=Accounts)
    works: dict[str, WorksView] = msgspec.field(default_factory=dict)
    entries: int = 0
    closed: bool = False

    def apply(self, leaf: Leaf) -> None:
        """Takes an event of books or delivery; raises BooksError and changes nothing.

        Behind closed books what was built may still be shown, and nothing else is told.
        """
        event = leaf.event
        if self.closed and not isinstance(event, delivery.PhotoAdded):
            raise BooksError("it comes after the books were closed")
        if isinstance(event, BooksEvent):
            self._check_project(event)
            check_flow(event)
            self._check_opening(event)
            self.accounts.post(event.postings)
            self.entries += 1
            self.closed = isinstance(event, delivery.BooksClosed)
        if isinstance(event, BooksEvent | DeliveryEvent):
            project = getattr(event, "project", "")
            if project:
                works = self.works.setdefault(project, WorksView(project))
                _build(works, leaf)

    def _check_project(self, event: BooksEvent) -> None:
        """An event about one project moves no other project's money."""
        project = getattr(event, "project", "")
        if not project:
            return
        if project not in self.projects:
            raise BooksError("it names a project that the election does not have")
        own = self.projects[project]
        if any(posting.project not in (0, own) for posting in event.postings):
            raise BooksError("it moves another project's money")

    def _check_opening(self, event: BooksEvent) -> None:
        if isinstance(event, delivery.BooksOpened) != (self.entries == 0):
            raise BooksError("the books are opened first, and once")
        if isinstance(event, delivery.BooksOpened):
            granted = -sum(each.cents for each in event.postings if each.account == "grant")
            if not granted == event.envelope_cents == self.envelope_cents:
                raise BooksError("another sum is granted than the envelope")


def _build(works: WorksView, leaf: Leaf) -> None:
    if works.state == "waiting":
        works.state = "building"
    match leaf.event:
        case delivery.MilestonePlanned(milestone=milestone, due=due):
            works.milestones[milestone] = MilestoneView(milestone, due, leaf.id)
        case delivery.MilestoneDelayed(milestone=milestone, due=due):
            _milestone(works, milestone).delays.append(_milestone(works, milestone).due)
            _milestone(works, milestone).due = due
        case delivery.MilestoneReached(milestone=milestone):
            _milestone(works, milestone).reached = leaf.at or ""
        case delivery.PhotoAdded(photo=photo):
            works.photos[photo] = leaf.id
        case delivery.TenderAwarded(tender=tender):
            works.tenders[tender] = leaf.id
        case delivery.ExpenditureRecorded(invoice=invoice):
            works.invoices[invoice] = leaf.id
        case delivery.ProjectFinished():
            works.state = "finished"
        case delivery.ProjectAbandoned():
            works.state = "abandoned"
        case _:
            pass


def _milestone(works: WorksView, milestone: str) -> MilestoneView:
    found = works.milestones.get(milestone)
    if found is None:
        raise BooksError("it names a milestone that was not planned")
    return found
