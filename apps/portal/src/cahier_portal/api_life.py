"""The JSON API on what surrounds a vote: a project's life, the books, the versions of a result.

Conventions are those of the module api.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp
from litestar.params import QueryParameter

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import delivery_pb2 as delivery
from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_kernel.clock import to_rfc3339
from cahier_portal.api_refusals import reads
from cahier_portal.costs import Costs
from cahier_portal.formats import difference_percent, instant
from cahier_portal.parameters import Caller, PathId, QueryCount
from cahier_record.budget import costs as costs_record

EntriesAtOnce = Annotated[int, QueryParameter(ge=1, le=500)]


class BookPosting(msgspec.Struct, omit_defaults=True):
    """So much more, or less, on one account; `project` is a number in the election."""

    account: str
    cents: int
    project: int = 0
    item_id: str = ""


class BookEntry(msgspec.Struct, omit_defaults=True):
    """An entry of the books that moves money; its postings sum to zero.

    `texts` by name: title, contractor, payee, reference, subject, reason, report. A text that was
    erased is `[erased]`.
    """

    number: int
    event_id: str
    at: str
    kind: str
    postings: list[BookPosting]
    texts: dict[str, str]
    project_id: str = ""
    item_id: str = ""
    tender_id: str = ""


class ProjectMoney(msgspec.Struct):
    """Where a project's money is; `cost_cents` is what the announced result gave it."""

    project_id: str
    number: int
    state: str
    cost_cents: int
    reserved_cents: int
    committed_cents: int
    paid_cents: int


class Books(msgspec.Struct):
    """An election's books and a page of their entries, oldest first.

    `next` is the `after` of the next page, 0 on the last one. The envelope is the sum of
    unallocated, reserved, committed, paid and returned.
    """

    election_id: str
    currency: str
    envelope_cents: int
    unallocated_cents: int
    reserved_cents: int
    committed_cents: int
    paid_cents: int
    returned_cents: int
    closed: bool
    projects: list[ProjectMoney]
    entries: list[BookEntry]
    next: int


class ResultVersion(msgspec.Struct):
    """A result that was announced; `reason` says why it corrects the one before."""

    version: int
    event_id: str
    announced_event_id: str
    counted_at: str
    announced_at: str
    reason: str
    rule: str
    selected: list[int]
    spent_cents: int
    ballots_counted: int
    ballots_invalid: int
    ballots_annulled: int
    log_size: int
    code_version: str


class ResultVersions(msgspec.Struct):
    """Every result that was announced, oldest first; the last one is in force."""

    election_id: str
    versions: list[ResultVersion]


class Assessment(msgspec.Struct):
    """What one of three roles found; `assessor` is a pseudonym for this project alone."""

    role: str
    assessor: str
    feasibility: str
    estimate_cents: int
    running_cost_cents: int
    grounds: str
    assessed_at: str


class Consent(msgspec.Struct):
    """What a proposal's author said: agreed, refused, not_asked; empty while it is open."""

    proposal_id: str
    consent: str


class Change(msgspec.Struct):
    """A merger or split that was proposed."""

    id: str
    kind: str
    state: str
    project_ids: list[str]
    made_project_ids: list[str]
    consents: list[Consent]
    reason: str
    proposed_at: str


class Milestone(msgspec.Struct, omit_defaults=True):
    """Something to be reached by `due`; `planned_due` is the day that was planned first."""

    id: str
    title: str
    due: str
    planned_due: str
    reached_at: str = ""


class Tender(msgspec.Struct):
    """A contract and what is still to be billed by it."""

    id: str
    title: str
    left_cents: int
    closed: bool


class Payment(msgspec.Struct):
    """A payment; 0 cents for one that was taken back."""

    id: str
    payee: str
    cents: int


class Photo(msgspec.Struct, omit_defaults=True):
    """A picture of the works, below the site's address."""

    id: str
    alt: str
    path: str
    milestone_id: str = ""


class Delivery(msgspec.Struct):
    """How far a project is built."""

    money: ProjectMoney
    milestones: list[Milestone]
    tenders: list[Tender]
    payments: list[Payment]
    photos: list[Photo]


class CostStage(msgspec.Struct, omit_defaults=True):
    """A stage of what a project costs: estimate, price (as voted on), contract, paid (so far).

    `by` says who stated it: staff or a role. `items` counts contracts or payments, of which `at`
    and `event_id` are the last one's. `difference_percent` is from the stage before, such as
    `-10.0`, and absent where there is none. `final` is false while more may be paid.
    """

    stage: str
    cents: int
    at: str
    event_id: str
    by: str = ""
    items: int = 0
    difference_percent: str = ""
    final: bool = True


class RunningCost(msgspec.Struct):
    """What a project's first year of use costs, who stated it and when."""

    cents: int
    by: str
    at: str
    event_id: str


class ProjectLife(msgspec.Struct, omit_defaults=True):
    """One project from its making to its last invoice.

    `phase` is its election's, empty without a plan. `cost_cents` is absent until it is stated.
    `cost_stages` are folded from the public log, in their order; `running_cost` is absent where
    nobody stated it.
    `came_from` and `became` are projects before and after mergers and splits. `delivery` is absent
    where nothing is built.
    """

    id: str
    election_id: str
    number: int
    proposal_id: str
    title: str
    feasibility: str
    phase: str
    analysis: str
    assessments: list[Assessment]
    changes: list[Change]
    came_from: list[str]
    became: list[str]
    description: str = ""
    cost_cents: int | None = None
    running_cost_cents: int | None = None
    cost_stages: list[CostStage] = []
    running_cost: RunningCost | None = None
    unfeasibility_explanation: str = ""
    delivery: Delivery | None = None


@reads("/elections/{election_id:uuid}/books")
async def api_books(
    visit: Caller, election_id: PathId, after: QueryCount = 0, size: EntriesAtOnce = 200
) -> Books:
    """The books of an election whose result is announced, and a page of their entries."""
    id = str(election_id)
    asked = delivery.ListBookEntriesRequest(
        election_id=id, after=after, limit=size, money_only=True
    )
    books, listed, answer = await asyncio.gather(
        visit.budget(delivery.GetBooksRequest(election_id=id)),
        visit.budget(asked),
        visit.budget(budget.GetElectionRequest(election_id=id)),
    )
    return Books(
        election_id=id,
        currency=answer.election.currency,
        envelope_cents=books.envelope_cents,
        unallocated_cents=books.unallocated_cents,
        reserved_cents=books.reserved_cents,
        committed_cents=books.committed_cents,
        paid_cents=books.paid_cents,
        returned_cents=books.returned_cents,
        closed=books.closed,
        projects=[_money(each) for each in books.projects],
        entries=[_entry(each) for each in listed.entries],
        next=listed.entries[-1].number if listed.more else 0,
    )


@reads("/elections/{election_id:uuid}/results")
async def api_results(visit: Caller, election_id: PathId) -> ResultVersions:
    """Every announced result of an election, corrected ones too."""
    id = str(election_id)
    answer = await visit.budget(delivery.ListResultVersionsRequest(election_id=id))
    announced = [each for each in answer.versions if each.announced_event_id]
    return ResultVersions(id, [_version(n, each) for n, each in enumerate(announced, 1)])


@reads("/projects/{project_id:uuid}")
async def api_project(visit: Caller, project_id: PathId) -> ProjectLife:
    """One project: its phase, analyses, mergers and splits, costs, and how it is built."""
    id = str(project_id)
    found = await visit.budget(life.GetProjectRequest(project_id=id))
    told, answer, listed, built, costs = await asyncio.gather(
        visit.budget(life.GetElectionLifeRequest(election_id=found.election_id)),
        visit.budget(budget.GetElectionRequest(election_id=found.election_id)),
        visit.budget(budget.ListProjectsRequest(election_id=found.election_id)),
        visit.budget(delivery.GetDeliveryRequest(election_id=found.election_id, project_id=id)),
        visit.portal.costs.of_project(found.election_id, id),
    )
    project = next(each for each in listed.projects if each.project_id == id)
    words = await visit.portal.texts.of((project.proposal_id,), answer.election.process_id)
    proposal = words.get(project.proposal_id)
    return ProjectLife(
        id=id,
        election_id=found.election_id,
        number=project.number,
        proposal_id=project.proposal_id,
        title=project.title or (proposal.title if proposal else ""),
        feasibility=budget.Feasibility.Name(project.feasibility)
        .removeprefix("FEASIBILITY_")
        .lower(),
        phase=told.phase,
        analysis=told.analysis,
        assessments=[_assessment(each) for each in found.assessments],
        changes=[_change(each) for each in found.changes],
        came_from=list(found.came_from),
        became=list(found.became),
        description=found.text.description,
        cost_cents=project.cost_cents if project.costed else None,
        running_cost_cents=project.running_cost_cents or None,
        cost_stages=[_cost_stage(each) for each in costs.stages],
        running_cost=_running(costs),
        unfeasibility_explanation=project.unfeasibility_explanation,
        delivery=_delivery(found.election_id, built) if built.delivered else None,
    )


def _money(project: delivery.ProjectBooks) -> ProjectMoney:
    return ProjectMoney(
        project_id=project.project_id,
        number=project.number,
        state=project.state,
        cost_cents=project.cost_cents,
        reserved_cents=project.reserved_cents,
        committed_cents=project.committed_cents,
        paid_cents=project.paid_cents,
    )


def _entry(entry: delivery.BookEntry) -> BookEntry:
    return BookEntry(
        number=entry.number,
        event_id=entry.event_id,
        at=_when(entry.at),
        kind=entry.kind,
        postings=[
            BookPosting(each.account, each.cents, each.project, each.item)
            for each in entry.postings
        ],
        texts=dict(sorted(entry.texts.items())),
        project_id=entry.project_id,
        item_id=entry.item_id,
        tender_id=entry.tender_id,
    )


def _version(number: int, version: delivery.ResultVersion) -> ResultVersion:
    return ResultVersion(
        version=number,
        event_id=version.event_id,
        announced_event_id=version.announced_event_id,
        counted_at=_when(version.counted_at),
        announced_at=_when(version.announced_at),
        reason=version.reason,
        rule=version.rule,
        selected=list(version.selected),
        spent_cents=version.spent_cents,
        ballots_counted=version.ballots_counted,
        ballots_invalid=version.ballots_invalid,
        ballots_annulled=version.ballots_annulled,
        log_size=version.log_size,
        code_version=version.code_version,
    )


def _assessment(found: life.Assessment) -> Assessment:
    return Assessment(
        role=found.role,
        assessor=found.assessor,
        feasibility=found.feasibility,
        estimate_cents=found.estimate_cents,
        running_cost_cents=found.running_cost_cents,
        grounds=found.grounds,
        assessed_at=_when(found.assessed_at),
    )


def _cost_stage(found: costs_record.CostStage) -> CostStage:
    return CostStage(
        stage=found.stage,
        cents=found.cents,
        at=found.at,
        event_id=found.event,
        by=found.by,
        items=found.items,
        difference_percent=difference_percent(found.per_mille),
        final=found.is_final,
    )


def _running(costs: Costs) -> RunningCost | None:
    found = costs.running
    if found is None or not found.cents:
        return None
    return RunningCost(found.cents, found.by, found.at, found.event)


def _change(change: life.ProjectChange) -> Change:
    return Change(
        id=change.change_id,
        kind=change.kind,
        state=change.state,
        project_ids=list(change.project_ids),
        made_project_ids=list(change.made_project_ids),
        consents=[Consent(each.proposal_id, each.consent) for each in change.consents],
        reason=change.reason,
        proposed_at=_when(change.proposed_at),
    )


def _delivery(election_id: str, built: delivery.GetDeliveryResponse) -> Delivery:
    return Delivery(
        money=_money(built.books),
        milestones=list(_milestones(built.milestones)),
        tenders=[
            Tender(each.tender_id, each.title, each.left_cents, each.closed)
            for each in built.tenders
        ],
        payments=[Payment(each.invoice_id, each.payee, each.cents) for each in built.invoices],
        photos=[
            Photo(
                each.photo_id,
                each.alt,
                f"/budgets/{election_id}/photos/{each.photo_id}",
                each.milestone_id,
            )
            for each in built.photos
        ],
    )


def _milestones(found: Iterable[delivery.Milestone]) -> Iterable[Milestone]:
    for each in found:
        reached = _when(each.reached_at) if each.HasField("reached_at") else ""
        yield Milestone(each.milestone_id, each.title, each.due, each.planned_due, reached)


def _when(stamp: Timestamp) -> str:
    return to_rfc3339(instant(stamp))
