"""A proposal, an election or a report as it stood at a moment: its log folded up to then.

The folds are the record's own, the same that auditors replay with. The words come from the
disclosures that stand today: what was erased since reads as erased on every page, those of the
past included.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.texts import ERASED
from cahier_portal.catalogue import t
from cahier_portal.disclosed import Disclosed, Texts
from cahier_portal.places import position_of
from cahier_portal.publiclog import Entry
from cahier_record.budget import events as budget_events
from cahier_record.budget.rule_fields import fields_of_rules
from cahier_record.budget.views import BudgetView, ElectionView, ProjectView
from cahier_record.consultation import events as consultation_events
from cahier_record.consultation.views import ConsultationView, ProposalView
from cahier_record.reporting.views import ReportingView, ReportView

COMMENTS_SHOWN = 20
PROJECTS_SHOWN = 500


@dataclass(frozen=True)
class StoodComment:
    """A comment as it was written, and by which pseudonym."""

    author: str
    body: str
    at: str


@dataclass(frozen=True)
class StoodProposal:
    """A proposal at a moment. state: as in the catalogue's proposal_state."""

    title: str
    body: str
    state: str
    withdrawn: bool
    category: str
    district: str
    supports: int
    comments: int
    last_comments: Sequence[StoodComment]
    answer: str


@dataclass(frozen=True)
class StoodProject:
    """A project at a moment; its title is its own or its proposal's, as it reads today."""

    number: int
    proposal: str
    title: str
    cost_cents: int | None
    feasibility: str
    won: bool


@dataclass(frozen=True)
class StoodElection:
    """An election at a moment. ballots: in the log by the last entry that carries a time."""

    title: str
    description: str
    state: str
    created: budget_events.ElectionCreated
    rules: budget.Rules
    ballots: int
    projects: Sequence[StoodProject]
    count: budget_events.CountResult | None


@dataclass(frozen=True)
class StoodReport:
    """A report at a moment. position: None where none is known or it was erased."""

    category: str
    department: str
    state: str
    description: str
    address: str
    position: reporting.Position | None
    answer_by: str
    promise_missed: bool
    is_closed: bool
    duplicate_of: str
    answer: str


@dataclass
class _Words:
    """The disclosures of the events that a page shows, read at once."""

    disclosed: Disclosed
    entries: Sequence[Entry]
    found: dict[str, Texts] = field(default_factory=dict)

    async def read(self, event_ids: Iterable[str]) -> None:
        by_id = {entry.id: entry for entry in self.entries}
        wanted = [by_id[each] for each in dict.fromkeys(event_ids) if each in by_id]
        texts = await asyncio.gather(*(self.disclosed.of(entry) for entry in wanted))
        self.found |= {entry.id: text for entry, text in zip(wanted, texts, strict=True)}

    def text(self, event_id: str, name: str) -> str:
        found = self.found.get(event_id)
        text = found.get(name) if found is not None else ""
        return t("word.erased") if text == ERASED else text


async def proposal_at(
    entries: Sequence[Entry], proposal: str, disclosed: Disclosed
) -> StoodProposal | None:
    """The proposal after these entries; None before it was submitted."""
    found, shown = await asyncio.to_thread(_fold_proposal, entries, proposal)
    if found is None:
        return None
    words = _Words(disclosed, entries)
    await words.read([found.texts, found.answer, *(entry.id for entry in shown)])
    return StoodProposal(
        title=words.text(found.texts, "title"),
        body=words.text(found.texts, "body"),
        state=found.state,
        withdrawn=found.withdrawn,
        category=found.category,
        district=found.district,
        supports=len(found.supporters),
        comments=found.comments,
        last_comments=[
            StoodComment(str(each.data["author"]), words.text(each.id, "body"), each.at)
            for each in shown
        ],
        answer=words.text(found.answer, "text"),
    )


def _fold_proposal(
    entries: Sequence[Entry], proposal: str
) -> tuple[ProposalView | None, list[Entry]]:
    """The proposal, and its last comments. Takes long: off the event loop, as all folds here."""
    view = ConsultationView()
    for entry in _of(entries, "consultation"):
        view.apply(entry.leaf)
    said = [
        entry for entry in entries if isinstance(entry.leaf.event, consultation_events.CommentAdded)
    ]
    return view.proposals.get(proposal), said[-COMMENTS_SHOWN:]


async def election_at(
    entries: Sequence[Entry],
    election: str,
    ballots: int,
    disclosed: Disclosed,
    titles: dict[str, str],
) -> StoodElection | None:
    """The election after these entries; None before it was created.

    ballots: how many the log held then. titles: of proposals, by id, as far as they are known.
    """
    found = await asyncio.to_thread(_fold_election, entries, election)
    if found is None:
        return None
    words = _Words(disclosed, entries)
    titled = [own[0] for each in found.projects.values() if (own := found.own_title_of(each))]
    await words.read([found.event, *titled])
    return StoodElection(
        title=words.text(found.event, "title"),
        description=words.text(found.event, "description"),
        state=found.state,
        created=found.created,
        rules=budget.Rules(**fields_of_rules(found.rules)),
        ballots=ballots,
        projects=_projects(found, titles, words),
        count=found.count.result if found.count else None,
    )


def _fold_election(entries: Sequence[Entry], election: str) -> ElectionView | None:
    view = BudgetView()
    for entry in _of(entries, "budget"):
        view.apply(entry.recorded.index, entry.leaf)
    return view.elections.get(election)


def _projects(found: ElectionView, titles: dict[str, str], words: _Words) -> list[StoodProject]:
    def title_of(each: ProjectView) -> str:
        own = found.own_title_of(each)
        return words.text(*own) if own is not None else titles.get(each.proposal, "")

    won = found.count.result.selected if found.count else ()
    listed = sorted(found.projects.values(), key=lambda each: each.number)[:PROJECTS_SHOWN]
    return [
        StoodProject(
            each.number,
            each.proposal,
            title_of(each) or t("budget.untitled", number=each.number),
            each.cost_cents,
            each.feasibility,
            each.number in won,
        )
        for each in listed
    ]


async def report_at(
    categories: Sequence[Entry], entries: Sequence[Entry], report: str, disclosed: Disclosed
) -> StoodReport | None:
    """The report after these entries; None before it was received.

    categories: the definitions of its category up to the same moment.
    """
    view = await asyncio.to_thread(_fold_report, categories, entries, report)
    found = view.reports.get(report)
    if found is None:
        return None
    label = view.categories[found.category].label
    words = _Words(disclosed, [*categories, *entries])
    await words.read([label, found.texts, found.answer])
    return _report(found, label, words)


def _fold_report(
    categories: Sequence[Entry], entries: Sequence[Entry], report: str
) -> ReportingView:
    view = ReportingView()
    for entry in (*_of(categories, "reporting"), *_of(entries, "reporting")):
        if entry.kind == "category_defined" or entry.data.get("report") == report:
            view.apply(entry.leaf)
    return view


def _report(found: ReportView, label: str, words: _Words) -> StoodReport:
    return StoodReport(
        category=words.text(label, "label"),
        department=found.department,
        state=found.state,
        description=words.text(found.texts, "description"),
        address=words.text(found.texts, "address"),
        position=position_of(words.text(found.texts, "position")),
        answer_by=found.answer_by,
        promise_missed=found.promise_missed,
        is_closed=found.is_closed,
        duplicate_of=found.duplicate_of,
        answer=words.text(found.answer, "text"),
    )


def _of(entries: Sequence[Entry], service: str) -> list[Entry]:
    return [entry for entry in entries if entry.service == service]
