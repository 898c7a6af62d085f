"""People who follow proposals, change their minds, and leave by the link in a mail."""

from __future__ import annotations

import asyncio
import random

from cahier_contracts.notifications.v1 import notifications_service_pb2 as notifications
from cahier_notifications.adapters.letters import message_digest
from tests.simulation.people import People

LOOKS_MAX = 20
LOOK_EVERY_S = 0.5
UNSUBSCRIBING = 0.3


class Followers:
    """Each follow of a person and a proposal is asked for by one call after the other."""

    def __init__(self, people: People, random: random.Random) -> None:
        self._people = people
        self._told = people.told
        self._random = random

    async def follow(self, person: str, proposal: str) -> None:
        """At a drawn level, in a drawn language."""
        request = notifications.FollowRequest(
            thing_kind=notifications.THING_KIND_PROPOSAL,
            thing_id=proposal,
            level=self._random.choice([1, 2, 3]),
            language=self._random.choice(["en", "fr"]),
        )
        self._told.follows[proposal, person] = None
        self._told.stopped.pop((proposal, person), None)
        done = await self._people.do(
            "notifications", "Follow", request, "resident", person, until_allowed=True
        )
        self._told.follows[proposal, person] = done.follow_id

    async def unfollow(self, person: str, proposal: str) -> None:
        """Changes nothing for who does not follow."""
        request = notifications.UnfollowRequest(
            thing_kind=notifications.THING_KIND_PROPOSAL, thing_id=proposal
        )
        await self._people.do("notifications", "Unfollow", request, "resident", person)
        self._stopped(person, proposal)

    async def unsubscribe_some(self) -> None:
        """Some of those whose proposal the city has answered have heard enough."""
        async with asyncio.TaskGroup() as group:
            for (proposal, person), follow in self._told.follows.items():
                if follow and self._random.random() < UNSUBSCRIBING:
                    group.create_task(self._unsubscribe(person, proposal, follow))

    async def _unsubscribe(self, person: str, proposal: str, follow: str) -> None:
        """By the link in the mail about the answer, if that comes soon."""
        digest = message_digest(self._told.answers.get(proposal, ""), follow)
        for _ in range(LOOKS_MAX):
            token = self._people.city.post.way_out(digest)
            if token:
                request = notifications.UnsubscribeRequest(token=token)
                await self._people.do("notifications", "Unsubscribe", request, "")
                self._stopped(person, proposal)
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _stopped(self, person: str, proposal: str) -> None:
        follow = self._told.follows.get((proposal, person))
        self._told.follows[proposal, person] = ""
        if follow:
            self._told.leavers.add(follow)
            now_s = self._people.city.machine.loop.time()
            self._told.stopped[proposal, person] = (follow, now_s)
