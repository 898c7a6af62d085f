"""A whole election from a Pabulib file, through the same doors that residents and staff use.

Every project is submitted, supported and accepted in consultation, becomes a costed, feasible
project in budget, and every valid ballot is sealed and cast. What the file says beyond that is
kept beside (`source`, and `extra` on each ballot), so that the election can be written back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cahier_chassis.errors import CALL_TOO_LONG
from cahier_cli.calendar import Calendar
from cahier_cli.doors import Doors, patiently
from cahier_cli.importing.ideas import Submitted, gather_ideas, register_voters, unfollowed
from cahier_cli.importing.reading import CannotImport, Progress, rules_of
from cahier_cli.importing.voting import cast_ballots, prepare_election
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_kernel.errors import DomainError, Kind
from cahier_record.budget.pabulib import Instance

__all__ = ["CannotImport", "Imported", "finish_election", "import_election", "rules_of"]

COUNT_S_MAX = 1_800.0


@dataclass(frozen=True)
class Imported:
    """Ids of what was made; how many ballots were taken, and in how many seconds."""

    process_id: str
    election_id: str
    ballots: int
    seconds: float


async def import_election(
    doors: Doors,
    instance: Instance,
    calendar: Calendar,
    progress: Progress,
    rule: str = "",
    submitted: Submitted = unfollowed,
) -> Imported:
    """Carries the file's election up to its last ballot; voting stays open.

    submitted: called for each proposal between its submission and the city's answer.

    Raises CannotImport before anything is sent, or DomainError when a service refuses.
    """
    rules = rules_of(instance, rule)
    await _reach(doors, calendar, calendar.ideas_open)
    voters = await register_voters(doors, instance, progress)
    process_id, proposals = await gather_ideas(
        doors, instance, calendar, voters, progress, submitted
    )
    await _reach(doors, calendar, calendar.ideas_close)
    election_id = await prepare_election(
        doors, instance, calendar, rules, process_id, proposals, progress
    )
    await _reach(doors, calendar, calendar.voting_opens)
    opening = pb.OpenVotingRequest(election_id=election_id)
    await _do_unless_done(
        doors, election_id, pb.ELECTION_STATE_OPEN, lambda: doors.budget.OpenVoting(opening)
    )
    seconds = await cast_ballots(doors, instance, election_id, voters, progress)
    return Imported(process_id, election_id, len(instance.ballots), seconds)


async def finish_election(doors: Doors, calendar: Calendar, election_id: str) -> Any:
    """Closes, counts and announces; answers budget's GetResultResponse."""
    await _reach(doors, calendar, calendar.voting_closes)
    reason = "" if calendar.walks else "the imported election is over"
    closing = pb.CloseVotingRequest(election_id=election_id, reason=reason)
    await _do_unless_done(
        doors, election_id, pb.ELECTION_STATE_CLOSED, lambda: doors.budget.CloseVoting(closing)
    )
    counting = pb.CountBallotsRequest(election_id=election_id)
    # A count takes longer than one call may, where there are many ballots. It goes on when its
    # caller leaves, and who asks again waits for the same one.
    await patiently(lambda: doors.budget.CountBallots(counting), *CALL_TOO_LONG, for_s=COUNT_S_MAX)
    await doors.budget.PublishResult(pb.PublishResultRequest(election_id=election_id))
    return await doors.budget.GetResult(pb.GetResultRequest(election_id=election_id))


async def _do_unless_done(
    doors: Doors, election_id: str, done: int, command: Callable[[], Awaitable[Any]]
) -> None:
    """Sends a command that the city's own timer may have been faster with."""
    try:
        await patiently(command, "voting_not_due")
    except DomainError as error:
        answer = await doors.budget.GetElection(pb.GetElectionRequest(election_id=election_id))
        if error.kind is not Kind.FAILED_PRECONDITION or answer.election.state != done:
            raise


async def _reach(doors: Doors, calendar: Calendar, instant: datetime) -> None:
    if calendar.walks:
        await doors.set_clock(instant)
