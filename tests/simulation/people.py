"""People who call until they are answered, and who remember what they were told.

What was acknowledged is written down here, apart from the city, and held against its logs at the
end of the run.
"""

from __future__ import annotations

import asyncio
import importlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from tests.simulation.calls import Outcome
from tests.simulation.city import City

TRIES_MAX = 300
DUE = ("OpenVoting", "CloseVoting")
"""What a service also does by itself once its time has come: the event may be older than a call."""
NOT_YET = (
    "idea_phase_not_open",
    "proposal_not_accepted",
    "voting_not_due",
    "thing_not_found",
)


class StoryBroken(Exception):
    """An answer that no service should give here."""


@dataclass
class Vote:
    """One credential's ballots, as its voter remembers them."""

    credential: str
    acknowledged: list[tuple[int, ...]] = field(default_factory=list)
    unsure: bool = False


@dataclass
class Remembered:
    """What people were told. acknowledged: (service, event id) of every answered command.

    began: the virtual second at which the call began that an acknowledged event came from.
    supports: whether a person's support stands, by (proposal, person); None when nobody knows.
    titles: what a proposal is called. projects: the proposals that were voted on.
    follows: the follow's id where one stands, likewise; "" where none stands.
    stopped: where none stands any more, its id and the virtual second of the acknowledgement.
    leavers: ids of follows that ended at some time, even if they began again.
    answers: id of the event that answered a proposal. published: of the one that gave the result.
    """

    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    began: dict[str, float] = field(default_factory=dict)
    supports: dict[tuple[str, str], bool | None] = field(default_factory=dict)
    comments: Counter[str] = field(default_factory=Counter)
    unsure_comments: set[str] = field(default_factory=set)
    titles: dict[str, str] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    follows: dict[tuple[str, str], str | None] = field(default_factory=dict)
    stopped: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    leavers: set[str] = field(default_factory=set)
    answers: dict[str, str] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)
    votes: dict[str, Vote] = field(default_factory=dict)
    election: str = ""
    projects: list[str] = field(default_factory=list)
    published: str = ""
    result: Any = None
    costs: dict[int, int] = field(default_factory=dict)


class People:
    """Everybody's way of asking."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.told = Remembered()

    async def do(
        self,
        service: str,
        method: str,
        request: Any,
        role: str,
        person: str = "somebody",
        *,
        until_allowed: bool = False,
    ) -> Any:
        """The answer; a refusal breaks the story unless its time may still come."""
        key = self.city.channel.new_key()
        for _ in range(TRIES_MAX):
            outcome = await self.attempt(service, method, request, role, person, key=key)
            if outcome.answer is not None:
                return outcome.answer
            if not until_allowed or outcome.refusal.code not in NOT_YET:
                raise StoryBroken(f"{service} {method}: {outcome.refusal!r}")
            await asyncio.sleep(1.0)
        raise StoryBroken(f"{service} {method} is never allowed: {outcome.refusal!r}")

    async def attempt(
        self,
        service: str,
        method: str,
        request: Any,
        role: str,
        person: str = "somebody",
        *,
        key: str | None = None,
    ) -> Outcome:
        """The outcome, written down when it is an acknowledgement."""
        channel = self.city.channel
        roles = (role,) if role else ()
        token = self.city.token(service, person, *roles) if role else ""
        messages = f"cahier_contracts.{service}.v1.{service}_service_pb2"
        answer_type = getattr(importlib.import_module(messages), f"{method}Response")
        key = channel.new_key() if key is None else key
        began_s = self.city.machine.loop.time()
        outcome = await channel.insist(service, method, request, answer_type, token, key)
        event_id = getattr(outcome.answer, "event_id", "")
        if event_id:
            self.told.acknowledged.append((service, event_id))
            if method not in DUE:
                self.told.began[event_id] = began_s
        return outcome


def stamp(instant: datetime) -> Timestamp:
    """An instant as protobuf has it."""
    made = Timestamp()
    made.FromDatetime(instant)
    return made
