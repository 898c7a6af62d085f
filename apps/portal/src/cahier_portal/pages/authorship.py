"""What an author gets without asking for it: news of their own proposals, and the city's questions.

Nobody but the author's own session joins a person to what they wrote: proposals bear pseudonyms,
and notifications learns of a follow as of anybody's. So follows begin here, where the author is:
when a proposal is made, and at signing in for those of before, or where notifications was away.
A follow that was ended stays ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from cahier_chassis.logs import get_logger
from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.notifications.v1 import notifications_service_pb2 as notifications
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.catalogue import language
from cahier_portal.visit import Visit, or_none

FIRST_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
"""How long the bus takes to tell notifications of a new proposal, mostly."""
OWN_FOLLOWED_MAX = 20
"""Own proposals of before that are looked at when an author signs in, the newest ones."""
FOLLOWING_S_MAX = 2.0
ELECTIONS_MAX = 20
_LOG = get_logger(__name__)


@dataclass(frozen=True)
class Question:
    """The city asks the visitor, as a proposal's author, to agree to a merger or a split."""

    kind: str
    title: str
    project_id: str


async def follow_own(visit: Visit, proposal_id: str) -> None:
    """The visitor follows what they have just proposed, unless notifications is away.

    Notifications answers `thing_not_found` until the bus has told it of the proposal.
    """
    await _in_time(_follow_new(visit, proposal_id))


async def follow_own_of_before(visit: Visit) -> None:
    """The visitor follows what they ever proposed, where they never did."""
    await _in_time(_follow_all_own(visit))


async def _in_time(following: Coroutine[Any, Any, None]) -> None:
    """Nothing that people ask for waits long for this, or fails: the next sign-in makes up."""
    try:
        async with asyncio.timeout(FOLLOWING_S_MAX):
            await following
    except (DomainError, TimeoutError) as error:
        _LOG.info("own_proposals_not_followed", error=type(error).__name__)


async def _follow_new(visit: Visit, proposal_id: str) -> None:
    for pause_s in (*FIRST_PAUSES_S, 0.0):
        if await _follow(visit, proposal_id):
            return
        await asyncio.sleep(pause_s)


async def _follow_all_own(visit: Visit) -> None:
    own = await visit.consultation(consultation.ListOwnProposalsRequest())
    if not own.written:
        return
    listed = await visit.notifications(notifications.ListFollowsRequest())
    followed = {each.thing_id for each in listed.follows}
    for proposal in own.written[:OWN_FOLLOWED_MAX]:
        if proposal.proposal_id not in followed and not proposal.withdrawn:
            await _follow(visit, proposal.proposal_id)


async def _follow(visit: Visit, proposal_id: str) -> bool:
    """Whether asking again changes nothing: only a thing not heard of yet is worth a wait."""
    request = notifications.FollowRequest(
        thing_kind=notifications.THING_KIND_PROPOSAL,
        thing_id=proposal_id,
        level=notifications.FOLLOW_LEVEL_ESSENTIAL,
        language=language(),
        only_first=True,
    )
    try:
        await visit.notifications(request)
    except DomainError as error:
        return error.kind is not Kind.NOT_FOUND
    return True


async def questions_to(
    visit: Visit,
    elections: budget.ListElectionsResponse | None,
    own: consultation.ListOwnProposalsResponse | None,
) -> list[Question] | None:
    """What authors are asked and the visitor has not answered; None while that is not known.

    Budget tells of all that is asked and hears nothing of who looks for what.
    """
    if elections is None or own is None:
        return None
    titles = {each.proposal_id: each.title for each in own.written}
    if not titles:
        return []
    open_ones = [
        each.election_id
        for each in elections.elections
        if each.state == budget.ELECTION_STATE_PREPARING
    ]
    told = await asyncio.gather(
        *(
            or_none(visit.budget(life.GetElectionLifeRequest(election_id=each)))
            for each in open_ones[:ELECTIONS_MAX]
        )
    )
    if any(each is None for each in told):
        return None
    return [question for each in told for question in _asked(each.changes, titles)]


def _asked(changes: Iterable[life.ProjectChange], titles: dict[str, str]) -> list[Question]:
    return [
        Question(change.kind, titles[each.proposal_id], change.project_ids[0])
        for change in changes
        if change.state == "proposed"
        for each in change.consents
        if not each.consent and each.proposal_id in titles
    ]
