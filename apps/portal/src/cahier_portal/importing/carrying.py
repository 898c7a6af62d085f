"""Rows of a table into an election, through the commands that residents and staff use.

Each project is proposed, accepted, added, costed and judged, each step under a key of its own that
election and reference decide: an import that broke off goes on where it stopped, and one that is
repeated changes nothing. A project that the election has already under a reference is left as it
is, but for a cost or a judgement that it still lacks.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError, FailedPrecondition, Invalid, Kind
from cahier_portal.importing.projects import Reading, Refused, Row, read_projects

PATIENCE_S = 30.0
"""For what has to travel through a log first: an opening that a timer sees, an acceptance."""
PAUSE_S = 0.05
AT_ONCE = 8
PROCESS_LASTS = timedelta(days=2)
PROCESS_TITLE = "Projects of the city"
PROCESS_TEXT = "Projects that the city brought into its participatory budget from a file."
ACCEPTANCE = "The city brought this project in itself: it stands in the budget."
_ENDS_ALL = frozenset({Kind.UNAVAILABLE, Kind.UNAUTHENTICATED, Kind.FORBIDDEN, Kind.NOT_SERVED})


Tell = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


class Doors(Protocol):
    """Whose name the commands are given in; each method raises DomainError."""

    async def propose(self, request: Any, key: str) -> Any:
        """Asks consultation for those who propose."""

    async def consultation(self, request: Any, key: str = "") -> Any:
        """Asks consultation for the city's staff."""

    async def budget(self, request: Any, key: str = "") -> Any:
        """Asks budget for the city's staff."""


@dataclass
class Plan:
    """What a file would do to an election.

    rows: to be taken. there: those of them that the election has already. refused: in the order of
    their lines, with what the services refused once the plan was carried out. carried: how many of
    the new ones are projects now.
    """

    election: budget.Election
    rows: list[Row]
    there: dict[str, budget.Project]
    refused: list[Refused]
    ignored: list[str] = field(default_factory=list)
    carried: int = 0

    @property
    def new(self) -> list[Row]:
        """The rows that are new to the election."""
        return [row for row in self.rows if row.reference not in self.there]


async def plan_of(doors: Doors, election_id: str, raw: bytes) -> Plan:
    """Reads a file and holds it against the election: a dry run, which changes nothing.

    Raises Invalid for a file that cannot be taken as a whole, and FailedPrecondition for an
    election that takes no projects (any more, or at the moment).
    """
    answer = await doors.budget(budget.GetElectionRequest(election_id=election_id))
    election = answer.election
    if election.state != budget.ELECTION_STATE_PREPARING:
        raise FailedPrecondition(
            "election_not_preparing", "projects are added before voting opens", field="election"
        )
    reading = await asyncio.to_thread(read_projects, raw, list(election.districts))
    listed = await doors.budget(budget.ListProjectsRequest(election_id=election_id))
    by_reference = {each.reference: each for each in listed.projects if each.reference}
    plan = _plan(election, reading, by_reference)
    if plan.new:
        await _require_open(doors, election.process_id)
    return plan


def _plan(election: budget.Election, reading: Reading, projects: dict[str, budget.Project]) -> Plan:
    there, rows, refused = {}, [], list(reading.refused)
    for row in reading.rows:
        held = projects.get(row.reference)
        try:
            if held is not None:
                _require_same(row, held)
                there[row.reference] = held
            rows.append(row)
        except DomainError as error:
            refused.append(Refused(row.line, error, row.reference))
    refused.sort(key=lambda each: each.line)
    return Plan(election, rows, there, refused, reading.ignored)


def _require_same(row: Row, held: budget.Project) -> None:
    """Raises where the file says otherwise than was decided: an import decides nothing anew."""
    feasibility = budget.Feasibility.Name(held.feasibility).removeprefix("FEASIBILITY_").lower()
    if held.costed and row.cost_cents not in (None, held.cost_cents):
        raise Invalid("project_differs", "the election has this project at another cost",
                      field="cost")  # fmt: skip
    if row.feasibility not in ("", feasibility) and feasibility != "undecided":
        raise Invalid("project_differs", "the project's feasibility was decided otherwise",
                      field="feasibility")  # fmt: skip


async def _require_open(doors: Doors, process_id: str) -> None:
    """Raises unless the election's process takes proposals now."""
    if not process_id:
        return
    answer = await doors.consultation(consultation.GetProcessRequest(process_id=process_id))
    if answer.process.idea_phase != consultation.IDEA_PHASE_OPEN:
        raise FailedPrecondition(
            "idea_phase_not_open",
            "projects begin as proposals, and the election's process takes none now: "
            "let its idea phase be open first",
            field="process_id",
        )


def untold(what: str, done: int, of: int) -> None:
    """Nobody watches."""


async def carry(doors: Doors, plan: Plan, now: Timestamp, tell: Tell = untold) -> None:
    """Carries the plan out; what services refuse is added to `plan.refused`, the rest goes on.

    now: the city's time. Raises DomainError where nobody can go on: a service that is away, a
    caller who may not.
    """
    process_id = plan.election.process_id
    if not process_id and plan.new:
        process_id = await _process_for(doors, plan.election, now)
    proposals = await _propose_all(doors, plan, process_id, tell)
    project_ids = {name: each.project_id for name, each in plan.there.items()}
    # One after the other: numbers go by the order of adding, which shall be the file's.
    for done, row in enumerate(plan.rows, 1):
        proposal_id = proposals.get(row.reference, "")
        if row.reference in project_ids or proposal_id:
            async with _Refusals(plan, row):
                if row.reference not in project_ids:
                    project_ids[row.reference] = await _add(doors, plan, row, proposal_id)
                await _decide(doors, plan, row, project_ids[row.reference])
                plan.carried += row.reference not in plan.there
        tell("projects", done, len(plan.rows))
    plan.refused.sort(key=lambda each: each.line)


class _Refusals:
    """Notes what refuses one row; lets out what would refuse every row."""

    def __init__(self, plan: Plan, row: Row) -> None:
        self._plan, self._row = plan, row

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, DomainError) or error.kind in _ENDS_ALL:
            return False
        self._plan.refused.append(Refused(self._row.line, error, self._row.reference))
        return True


async def _process_for(doors: Doors, election: budget.Election, now: Timestamp) -> str:
    """A process for an election that has none, the same one for a whole day."""
    day = Timestamp(seconds=now.seconds // 86_400 * 86_400)
    until = Timestamp()
    until.FromDatetime(day.ToDatetime() + PROCESS_LASTS)
    answer = await doors.consultation(
        consultation.CreateProcessRequest(
            title=PROCESS_TITLE, description=PROCESS_TEXT, opens_at=day, closes_at=until
        ),
        key_of(election.election_id, str(day.seconds), "process"),
    )
    return str(answer.process_id)


async def _propose_all(doors: Doors, plan: Plan, process_id: str, tell: Tell) -> dict[str, str]:
    """Proposes and accepts what is new; the proposals' ids by reference."""
    at_once, proposals, done = asyncio.Semaphore(AT_ONCE), dict[str, str](), 0

    async def propose(row: Row) -> None:
        nonlocal done
        async with at_once, _Refusals(plan, row):
            proposals[row.reference] = await _propose(doors, plan, row, process_id)
        done += 1
        tell("proposals", done, len(plan.new))

    await gathered(propose(row) for row in plan.new)
    return proposals


async def _propose(doors: Doors, plan: Plan, row: Row, process_id: str) -> str:
    election_id = plan.election.election_id
    submit = consultation.SubmitProposalRequest(
        process_id=process_id,
        title=row.title,
        body=row.description,
        category=row.category,
        district=row.district,
    )
    if row.position is not None:
        submit.position.lat_e7, submit.position.lon_e7 = row.position
    key = key_of(election_id, row.reference, "submit")
    submitted = await patiently(lambda: doors.propose(submit, key), "idea_phase_not_open")
    await doors.consultation(
        consultation.AnswerProposalRequest(
            proposal_id=submitted.proposal_id,
            state=consultation.PROPOSAL_STATE_ACCEPTED,
            text=ACCEPTANCE,
        ),
        key_of(election_id, row.reference, "answer"),
    )
    return str(submitted.proposal_id)


async def _add(doors: Doors, plan: Plan, row: Row, proposal_id: str) -> str:
    election_id = plan.election.election_id
    add = budget.AddProjectRequest(
        election_id=election_id, proposal_id=proposal_id, reference=row.reference
    )
    key = key_of(election_id, row.reference, "add")
    added = await patiently(lambda: doors.budget(add, key), "proposal_not_accepted")
    return str(added.project_id)


async def _decide(doors: Doors, plan: Plan, row: Row, project_id: str) -> None:
    """States cost and feasibility where the file says them and the election has none yet."""
    held = plan.there.get(row.reference, budget.Project())
    named = {"election_id": plan.election.election_id, "project_id": project_id}
    if row.cost_cents is not None and not held.costed:
        await doors.budget(
            budget.CostProjectRequest(**named, cost_cents=row.cost_cents),
            key_of(project_id, row.reference, "cost"),
        )
    undecided = held.feasibility in (
        budget.FEASIBILITY_UNSPECIFIED,
        budget.FEASIBILITY_UNDECIDED,
    )
    if row.feasibility and undecided:
        await doors.budget(
            budget.JudgeFeasibilityRequest(
                **named,
                feasibility=budget.Feasibility.Value(f"FEASIBILITY_{row.feasibility.upper()}"),
                reason=row.reason,
            ),
            key_of(project_id, row.reference, "judge"),
        )


def key_of(thing: str, reference: str, step: str) -> str:
    """The idempotency key of one step: printable, whatever the reference holds."""
    digest = hashlib.sha256(f"{thing}\n{reference}\n{step}".encode()).hexdigest()[:40]
    return f"projects-{step}-{digest}"


async def patiently(call: Callable[[], Awaitable[Any]], code: str) -> Any:
    """Repeats a call that is refused with `code` for PATIENCE_S, then lets the refusal out."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await call()
        except DomainError as error:
            if error.code != code or time.monotonic() > deadline_s:
                raise
        await asyncio.sleep(PAUSE_S)


async def gathered(calls: Iterable[Awaitable[None]]) -> Sequence[None]:
    """Waits for all; the first error ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
