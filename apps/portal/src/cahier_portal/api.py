"""The JSON API for reading: processes, proposals, elections, projects, results.

Amounts are whole cents, instants RFC 3339 in UTC, ids UUIDs. Errors are problem details
(RFC 9457) with our stable `code`. The OpenAPI description is made from these types.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp
from litestar import Request, Router, get
from litestar.params import FromQuery, QueryParameter

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.clock import to_rfc3339
from cahier_portal.api_life import api_books, api_project, api_results
from cahier_portal.api_refusals import reads
from cahier_portal.ballots import rules_of
from cahier_portal.formats import instant
from cahier_portal.pages.processes import ORDERS, STATES
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_record.budget.rule_fields import fields_of_rules

State = Literal["not_answered", "evaluating", "accepted", "rejected"]
Order = Literal["submitted", "newest", "supports"]
PageSize = Annotated[int, QueryParameter(ge=1, le=200)]


class Process(msgspec.Struct):
    """A participatory process."""

    id: str
    title: str
    description: str
    idea_phase: str
    opens_at: str
    closes_at: str
    edit_window_seconds: int
    proposals: int


class Processes(msgspec.Struct):
    """All processes, newest first."""

    processes: list[Process]


class Proposal(msgspec.Struct, omit_defaults=True):
    """A proposal; lists leave `body` out."""

    id: str
    process_id: str
    title: str
    state: str
    author: str
    submitted_at: str
    supports: int
    comments: int
    category: str = ""
    district: str = ""
    body: str = ""
    answer: str = ""
    answered_at: str = ""
    withdrawn: bool = False


class Proposals(msgspec.Struct):
    """A page of proposals; `next` is the `after` of the next page, empty on the last one."""

    proposals: list[Proposal]
    total: int
    next: str


class Rules(msgspec.Struct):
    """How ballots look and are counted; 0 in a bound means none, as an empty list does.

    Points are whole numbers in units of 10^-point_decimals.
    """

    vote_type: str
    min_length: int
    max_length: int
    max_sum_cost_cents: int
    rule: str
    threshold_votes: int
    ties: str
    utility: str
    completion: str
    stop: str
    least_turnout: int
    least_votes: int
    quotas_cents: dict[str, int]
    alternatives: list[list[int]]
    fixed: list[int]
    max_points: int
    min_points: int
    max_sum_points: int
    min_sum_points: int
    point_decimals: int
    positions: list[int]
    default_points: int
    proportion: list[int]
    credits_cents: list[int]


class Election(msgspec.Struct):
    """An election. `voters` is how many have voted: turnout, never a tally."""

    id: str
    process_id: str
    title: str
    description: str
    state: str
    envelope_cents: int
    currency: str
    districts: list[str]
    opens_at: str
    closes_at: str
    rules: Rules
    projects: int
    voters: int


class Elections(msgspec.Struct):
    """All elections, newest first."""

    elections: list[Election]


class Project(msgspec.Struct, omit_defaults=True):
    """A project of an election; `cost_cents` is absent until the city has stated it."""

    id: str
    number: int
    proposal_id: str
    title: str
    feasibility: str
    reference: str = ""
    category: str = ""
    district: str = ""
    cost_cents: int | None = None
    unfeasibility_explanation: str = ""


class Projects(msgspec.Struct):
    """The projects of an election, by number."""

    projects: list[Project]


class Outcome(msgspec.Struct):
    """A project's fate. score: its points, in the rules' unit, where ballots weigh; else 0."""

    number: int
    votes: int
    selected: bool
    reason: str
    score: int


class Result(msgspec.Struct):
    """A published result, with what a stranger needs to count again."""

    election_id: str
    rules: Rules
    envelope_cents: int
    spent_cents: int
    selected: list[int]
    outcomes: list[Outcome]
    ballots_counted: int
    ballots_invalid: int
    log_size: int
    code_version: str


@reads("/processes")
async def api_processes(visit: Caller) -> Processes:
    """All processes, newest first."""
    answer = await visit.consultation(consultation.ListProcessesRequest())
    return Processes([_process(process) for process in answer.processes])


@reads("/processes/{process_id:uuid}/proposals")
async def api_proposals(
    visit: Caller,
    process_id: PathId,
    answered: Annotated[State | None, QueryParameter(name="state")] = None,
    order: FromQuery[Order] = "submitted",
    size: PageSize = 50,
    after: QueryText = "",
) -> Proposals:
    """The proposals of a process, a page at a time."""
    answer = await visit.consultation(
        consultation.ListProposalsRequest(
            process_id=str(process_id),
            state=STATES[answered] if answered else consultation.PROPOSAL_STATE_UNSPECIFIED,
            order=ORDERS[order],
            page_size=size,
            page_token=after,
        )
    )
    proposals = [_proposal(proposal) for proposal in answer.proposals]
    return Proposals(proposals, answer.total, answer.next_page_token)


@reads("/proposals/{proposal_id:uuid}")
async def api_proposal(visit: Caller, proposal_id: PathId) -> Proposal:
    """One proposal with its text."""
    answer = await visit.consultation(consultation.GetProposalRequest(proposal_id=str(proposal_id)))
    return _proposal(answer.proposal)


@reads("/elections")
async def api_elections(visit: Caller) -> Elections:
    """All elections, newest first."""
    answer = await visit.budget(budget.ListElectionsRequest())
    return Elections([_election(election) for election in answer.elections])


@reads("/elections/{election_id:uuid}")
async def api_election(visit: Caller, election_id: PathId) -> Election:
    """One election."""
    answer = await visit.budget(budget.GetElectionRequest(election_id=str(election_id)))
    return _election(answer.election)


@reads("/elections/{election_id:uuid}/projects")
async def api_projects(visit: Caller, election_id: PathId) -> Projects:
    """The projects of an election, by number."""
    answer = await visit.budget(budget.GetElectionRequest(election_id=str(election_id)))
    listed = await visit.budget(budget.ListProjectsRequest(election_id=str(election_id)))
    words = await visit.portal.texts.of(
        (project.proposal_id for project in listed.projects), answer.election.process_id
    )
    return Projects([_project(each, words.get(each.proposal_id)) for each in listed.projects])


@reads("/elections/{election_id:uuid}/result")
async def api_result(visit: Caller, election_id: PathId) -> Result:
    """The published result of an election."""
    answer = await visit.budget(budget.GetResultRequest(election_id=str(election_id)))
    return Result(
        election_id=answer.election_id,
        rules=_rules(answer.rules),
        envelope_cents=answer.envelope_cents,
        spent_cents=answer.spent_cents,
        selected=list(answer.selected),
        outcomes=[
            Outcome(each.number, each.votes, each.selected, each.reason, each.score)
            for each in answer.outcomes
        ],
        ballots_counted=answer.ballots_counted,
        ballots_invalid=answer.ballots_invalid,
        log_size=answer.log_size,
        code_version=answer.code_version,
    )


@get("/openapi.json", include_in_schema=False, media_type="application/vnd.oai.openapi+json")
async def api_description(request: Request[Any, Any, Any]) -> bytes:
    """This API as OpenAPI 3.1. Served here and not by the framework's own pages, whose answer to
    unknown addresses is not problem details."""
    return msgspec.json.encode(request.app.openapi_schema.to_schema())


# A session cookie is not read: the API answers everybody alike.
api_router = Router(
    "/api/v1",
    route_handlers=[
        api_processes,
        api_proposals,
        api_proposal,
        api_elections,
        api_election,
        api_projects,
        api_result,
        api_results,
        api_books,
        api_project,
        api_description,
    ],
    opt={"skip_session": True, "exclude_from_csrf": True},
    include_in_schema=True,
)


def _process(process: consultation.Process) -> Process:
    return Process(
        id=process.process_id,
        title=process.title,
        description=process.description,
        idea_phase=_name(consultation.IdeaPhase, process.idea_phase, "IDEA_PHASE_"),
        opens_at=_when(process.opens_at),
        closes_at=_when(process.closes_at),
        edit_window_seconds=process.edit_window_seconds,
        proposals=process.proposals,
    )


def _proposal(proposal: consultation.Proposal) -> Proposal:
    is_answered = proposal.HasField("answered_at")
    return Proposal(
        id=proposal.proposal_id,
        process_id=proposal.process_id,
        title=proposal.title,
        state=_name(consultation.ProposalState, proposal.state, "PROPOSAL_STATE_"),
        author=proposal.author,
        submitted_at=_when(proposal.submitted_at),
        supports=proposal.supports,
        comments=proposal.comments,
        category=proposal.category,
        district=proposal.district,
        body=proposal.body,
        answer=proposal.answer,
        answered_at=_when(proposal.answered_at) if is_answered else "",
        withdrawn=proposal.withdrawn,
    )


def _election(election: budget.Election) -> Election:
    return Election(
        id=election.election_id,
        process_id=election.process_id,
        title=election.title,
        description=election.description,
        state=_name(budget.ElectionState, election.state, "ELECTION_STATE_"),
        envelope_cents=election.envelope_cents,
        currency=election.currency,
        districts=list(election.districts),
        opens_at=_when(election.opens_at),
        closes_at=_when(election.closes_at),
        rules=_rules(election.rules),
        projects=election.projects,
        voters=election.ballots,
    )


def _project(project: budget.Project, words: consultation.Proposal | None) -> Project:
    return Project(
        id=project.project_id,
        number=project.number,
        proposal_id=project.proposal_id,
        title=project.title or (words.title if words else ""),
        feasibility=_name(budget.Feasibility, project.feasibility, "FEASIBILITY_"),
        reference=project.reference,
        category=project.category,
        district=project.district,
        cost_cents=project.cost_cents if project.costed else None,
        unfeasibility_explanation=project.unfeasibility_explanation,
    )


def _rules(rules: budget.Rules) -> Rules:
    """Field by field as the record names them; quotas as a map."""
    told = fields_of_rules(rules_of(rules))
    quotas = {quota["district"]: quota["amount_cents"] for quota in told.pop("quotas")}
    groups = [list(group["numbers"]) for group in told.pop("alternatives")]
    told = {name: list(each) if isinstance(each, tuple) else each for name, each in told.items()}
    return Rules(**told, quotas_cents=quotas, alternatives=groups)


def _name(enum: Any, value: int, prefix: str) -> str:
    return str(enum.Name(value)).removeprefix(prefix).lower()


def _when(stamp: Timestamp) -> str:
    return to_rfc3339(instant(stamp))
