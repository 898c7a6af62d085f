"""From the file's rows to residents and their accepted proposals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from cahier_cli.calendar import Calendar
from cahier_cli.doors import Doors, patiently
from cahier_cli.importing.reading import (
    TITLE_CHARS_MAX,
    Progress,
    body_of,
    category_of,
    chunks,
    district_of,
    position_of,
    shortened,
    title_of,
)
from cahier_contracts.consultation.v1 import consultation_service_pb2 as pb
from cahier_contracts.identity.v1 import identity_service_pb2 as identity_pb
from cahier_record.budget.pabulib import Instance, Project

RESIDENTS_PER_CALL = 1_000
SOURCE_CHARS_MAX = 200
EDIT_WINDOW_S = 3_600
CALLS_AT_ONCE = 16
Submitted = Callable[[int, str], Awaitable[None]]
"""Takes a project's place in the file and its proposal's id."""
ACCEPTANCE = "The city takes this on: it stands for the vote."


async def unfollowed(place: int, proposal_id: str) -> None:
    """Nobody waits for proposals to be submitted."""


def stamp(instant: datetime) -> Timestamp:
    """An instant as protobuf has it."""
    message = Timestamp()
    message.FromDatetime(instant)
    return message


async def register_voters(doors: Doors, instance: Instance, progress: Progress) -> list[str]:
    """Resident ids in the order of the ballots; one proposer where nobody voted."""
    named = (instance.meta.get(key, "") for key in ("country", "unit", "subunit", "instance"))
    source = ("pabulib:" + "/".join(named))[:SOURCE_CHARS_MAX]
    references = [ballot.voter for ballot in instance.ballots] or ["proposer"]
    ids: list[str] = []
    for chunk in chunks(references, RESIDENTS_PER_CALL):
        request = identity_pb.ImportResidentsRequest(source=source, references=chunk)
        ids.extend((await doors.identity.ImportResidents(request, repeat=True)).resident_ids)
        progress("residents", len(ids), len(references))
    return ids


async def gather_ideas(
    doors: Doors,
    instance: Instance,
    calendar: Calendar,
    voters: Sequence[str],
    progress: Progress,
    submitted: Submitted,
) -> tuple[str, list[str]]:
    """A process with every project as an accepted proposal: its id and theirs, in file order.

    submitted: called for each proposal between its submission and the city's answer.
    """
    unit = instance.meta.get("unit", "")
    description = instance.meta.get("description", "") or f"Participatory budget {unit}"
    created = await doors.consultation.CreateProcess(
        pb.CreateProcessRequest(
            title=shortened(description, TITLE_CHARS_MAX),
            description=f"Ideas for the participatory budget of {unit or 'the city'}.",
            opens_at=stamp(calendar.ideas_open),
            closes_at=stamp(calendar.ideas_close),
            edit_window_seconds=EDIT_WINDOW_S,
        )
    )
    at_once, done = asyncio.Semaphore(CALLS_AT_ONCE), 0

    async def propose(place: int, project: Project) -> str:
        nonlocal done
        author, supporter = voters[place % len(voters)], voters[(place + 1) % len(voters)]
        async with at_once:
            proposal_id = await _propose(doors, created.process_id, project, author, supporter)
            await submitted(place, proposal_id)
            await _accept(doors, proposal_id)
        done += 1
        progress("proposals", done, len(instance.projects))
        return proposal_id

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(propose(place, project))
            for place, project in enumerate(instance.projects)
        ]
    return created.process_id, [task.result() for task in tasks]


async def _propose(
    doors: Doors, process_id: str, project: Project, author: str, supporter: str
) -> str:
    submit = pb.SubmitProposalRequest(
        process_id=process_id,
        title=shortened(title_of(project), TITLE_CHARS_MAX),
        body=body_of(project),
        category=category_of(project),
        district=district_of(project),
        on_behalf_of=author,
    )
    if (position := position_of(project)) is not None:
        submit.position.lat_e7, submit.position.lon_e7 = position
    submitted = await patiently(
        lambda: doors.proposers.SubmitProposal(submit), "idea_phase_not_open"
    )
    support = pb.SupportProposalRequest(proposal_id=submitted.proposal_id, on_behalf_of=supporter)
    await doors.proposers.SupportProposal(support, repeat=True)
    return str(submitted.proposal_id)


async def _accept(doors: Doors, proposal_id: str) -> None:
    await doors.consultation.AnswerProposal(
        pb.AnswerProposalRequest(
            proposal_id=proposal_id, state=pb.PROPOSAL_STATE_ACCEPTED, text=ACCEPTANCE
        )
    )
