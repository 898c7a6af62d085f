"""From accepted proposals to an election with every ballot sealed and cast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial

from cahier_cli.calendar import Calendar
from cahier_cli.doors import Doors, patiently
from cahier_cli.importing.ideas import stamp
from cahier_cli.importing.reading import (
    TITLE_CHARS_MAX,
    CannotImport,
    Progress,
    chunks,
    currency_of,
    districts_of,
    election_source,
    envelope_cents,
    extra_bytes,
    instalments_of,
    papers_of,
    project_source,
    shortened,
)
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.identity.v1 import identity_service_pb2 as identity_pb
from cahier_kernel import base64url
from cahier_kernel.errors import Unavailable
from cahier_ledger.sealing import Sealer, ballot_binding
from cahier_record.budget.ballots import (
    ELECTORATE,
    SCHEME_CONFIDENTIAL,
    BallotPaper,
    encode_paper,
)
from cahier_record.budget.events import Rules
from cahier_record.budget.pabulib import Instance
from cahier_record.budget.rule_fields import fields_of_rules, rules_from_fields

CREDENTIALS_PER_CALL = 1_000
BALLOTS_PER_CALL = 100
CALLS_AT_ONCE = 4
STORE_AWAY = "store_unavailable"


async def prepare_election(
    doors: Doors,
    instance: Instance,
    calendar: Calendar,
    rules: Rules,
    process_id: str,
    proposals: Sequence[str],
    progress: Progress,
) -> str:
    """An election with every project costed and feasible; its id."""
    unit = instance.meta.get("unit", "")
    title = instance.meta.get("description", "") or f"Participatory budget {unit}"
    created = await doors.budget.CreateElection(
        pb.CreateElectionRequest(
            title=shortened(title, TITLE_CHARS_MAX),
            description=instance.meta.get("comment", ""),
            process_id=process_id,
            envelope_cents=envelope_cents(instance),
            currency=currency_of(instance),
            districts=districts_of(instance),
            opens_at=stamp(calendar.voting_opens),
            closes_at=stamp(calendar.voting_closes),
            rules=pb.Rules(**fields_of_rules(rules)),
            ballot_extra_bytes=extra_bytes(papers_of(instance, rules)),
            source=election_source(instance),
        )
    )
    election_id = str(created.election_id)
    await _add_projects(doors, instance, election_id, proposals, progress)
    return election_id


async def _add_projects(
    doors: Doors,
    instance: Instance,
    election_id: str,
    proposals: Sequence[str],
    progress: Progress,
) -> None:
    """All are added before any is judged: an election with an undecided project does not open."""
    project_ids = []
    for project, proposal_id in zip(instance.projects, proposals, strict=True):
        add = pb.AddProjectRequest(
            election_id=election_id,
            proposal_id=proposal_id,
            reference=project.id,
            source=project_source(project),
        )
        added = await patiently(partial(doors.budget.AddProject, add), "proposal_not_accepted")
        project_ids.append(added.project_id)
        progress("projects", len(project_ids), len(instance.projects))
    for place, (project, project_id) in enumerate(zip(instance.projects, project_ids, strict=True)):
        named = {"election_id": election_id, "project_id": project_id}
        cost = pb.CostProjectRequest(
            **named, cost_cents=project.cents(), instalments_cents=instalments_of(project)
        )
        await doors.budget.CostProject(cost)
        await doors.budget.JudgeFeasibility(
            pb.JudgeFeasibilityRequest(**named, feasibility=pb.FEASIBILITY_FEASIBLE)
        )
        progress("costs", place + 1, len(instance.projects))


async def cast_ballots(
    doors: Doors,
    instance: Instance,
    election_id: str,
    voters: Sequence[str],
    progress: Progress,
) -> float:
    """Seals and casts every ballot; answers for how many seconds ballots were on their way.

    Raises CannotImport when a ballot is refused, naming its voter and the rule.
    """
    if not instance.ballots:
        return 0.0
    credentials = await _credentials(doors, election_id, voters)
    answer = await doors.budget.GetElection(pb.GetElectionRequest(election_id=election_id))
    sealed = list(_sealed(instance, answer.election, credentials))
    at_once, done = asyncio.Semaphore(CALLS_AT_ONCE), 0

    async def cast(ballots: Sequence[pb.BallotEnvelope], first: int) -> None:
        nonlocal done
        async with at_once:
            answer = await patiently(partial(_cast_some, doors, ballots), STORE_AWAY)
        for place, result in enumerate(answer.results):
            if result.error_code:
                voter = instance.ballots[first + place].voter
                raise CannotImport(f"ballot of voter {voter}: {result.error_rule}")
        done += len(ballots)
        progress("ballots", done, len(sealed))

    started_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, chunk in enumerate(chunks(sealed, BALLOTS_PER_CALL)):
            group.create_task(cast(chunk, number * BALLOTS_PER_CALL))
    return time.monotonic() - started_s


async def _cast_some(doors: Doors, ballots: Sequence[pb.BallotEnvelope]) -> pb.CastBallotsResponse:
    """Raises Unavailable while budget's store is away; a ballot that it took counts once anyhow."""
    request = pb.CastBallotsRequest(ballots=ballots)
    answer: pb.CastBallotsResponse = await doors.booth.CastBallots(request, repeat=True)
    for result in answer.results:
        if result.error_code == STORE_AWAY:
            raise Unavailable(STORE_AWAY, result.error_rule)
    return answer


async def _credentials(doors: Doors, election_id: str, voters: Sequence[str]) -> list[str]:
    credentials: list[str] = []
    for chunk in chunks(voters, CREDENTIALS_PER_CALL):
        request = identity_pb.IssueCredentialsRequest(election_id=election_id, resident_ids=chunk)
        answer = await doors.identity.IssueCredentials(request, repeat=True)
        credentials.extend(answer.credentials)
    return credentials


def _sealed(
    instance: Instance, election: pb.Election, credentials: Sequence[str]
) -> Iterator[pb.BallotEnvelope]:
    sealer = Sealer(base64url.encode(election.trustee_public_key))
    rules = rules_from_fields((field.name, value) for field, value in election.rules.ListFields())
    for paper, credential in zip(papers_of(instance, rules), credentials, strict=True):
        yield seal_ballot(sealer, election, credential, paper, sequence=1)


def seal_ballot(
    sealer: Sealer, election: pb.Election, credential: str, paper: BallotPaper, *, sequence: int
) -> pb.BallotEnvelope:
    """A paper in its envelope, bound to election, credential and sequence."""
    binding = ballot_binding(
        election.election_id, ELECTORATE, SCHEME_CONFIDENTIAL, credential, sequence
    )
    return pb.BallotEnvelope(
        election_id=election.election_id,
        electorate=ELECTORATE,
        scheme=SCHEME_CONFIDENTIAL,
        credential=credential,
        sequence=sequence,
        sealed=sealer.seal(
            encode_paper(paper), binding=binding, padded_size=election.ballot_size_bytes
        ),
    )
