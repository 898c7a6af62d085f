"""Kills while ballots are in flight: what was acknowledged counts once, whatever dies.

The moments are seeded: CAHIER_FAULT_SEED reproduces a run.
"""

from __future__ import annotations

import asyncio
import os
import random
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import nats
import pytest

from cahier_chassis.grpc_client import ServiceChannel
from cahier_cli.bundle import read_log
from cahier_cli.calendar import Calendar
from cahier_cli.doors import Doors, TokenSource, patiently
from cahier_cli.generated import generated_election
from cahier_cli.importing import finish_election
from cahier_cli.importing.ideas import gather_ideas, register_voters, unfollowed
from cahier_cli.importing.reading import rules_of
from cahier_cli.importing.voting import prepare_election, seal_ballot
from cahier_cli.storage import open_stores
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceStub
from cahier_kernel import base64url
from cahier_kernel.errors import DomainError, Kind
from cahier_ledger.sealing import Sealer
from cahier_record.budget.ballots import BallotPaper
from cahier_record.budget.pabulib import read

pytestmark = pytest.mark.e2e
SEED = int(os.environ.get("CAHIER_FAULT_SEED", "1789"))
BALLOTS = 20_000
PER_CALL = 50
CALLS_AT_ONCE = 8
PROJECTS = 12
UNITS = ("budget", "nats", "consultation", "reporting", "notifications", "identity", "portal")
SERVERS = ("nats", "postgres")


def quiet(what: str, done: int, of: int) -> None:
    return None


@dataclass
class Vote:
    """An open election and what was sent to it."""

    election: pb.Election
    envelopes: list[pb.BallotEnvelope] = field(default_factory=list)
    choices: list[tuple[int, ...]] = field(default_factory=list)


async def open_vote(city: Any, doors: Doors) -> tuple[Vote, Calendar]:
    instance = read(generated_election(SEED, voters=10, projects=PROJECTS), "generated")
    calendar = Calendar.live(datetime.now(UTC) - timedelta(seconds=5))
    voters = await register_voters(doors, instance, quiet)
    process, proposals = await gather_ideas(doors, instance, calendar, voters, quiet, unfollowed)
    election = await prepare_election(
        doors, instance, calendar, rules_of(instance), process, proposals, quiet
    )
    await doors.budget.OpenVoting(pb.OpenVotingRequest(election_id=election))
    got = await doors.budget.GetElection(pb.GetElectionRequest(election_id=election))
    return Vote(got.election), calendar


def fill(vote: Vote, ballots: int, dice: random.Random) -> None:
    """Seals that many ballots of as many voters; three choices at the most."""
    sealer = Sealer(base64url.encode(vote.election.trustee_public_key))
    for number in range(ballots):
        choices = tuple(sorted(dice.sample(range(1, PROJECTS + 1), dice.randint(1, 3))))
        credential = urlsafe_b64encode(sha256(f"{SEED}/{number}".encode()).digest())
        vote.choices.append(choices)
        vote.envelopes.append(
            seal_ballot(
                sealer,
                vote.election,
                credential.decode().rstrip("="),
                BallotPaper(choices),
                sequence=1,
            )
        )


async def cast(city: Any, vote: Vote, numbers: Sequence[int], *, repeat: bool) -> set[int]:
    """Casts ballots by number in calls of PER_CALL; answers those that were acknowledged."""
    channel = ServiceChannel(
        city.running["grpc"]["budget"], token=TokenSource(city.folder, "importer"), timeout_s=60
    )
    booth: Any = BudgetServiceStub(channel)
    at_once, acknowledged = asyncio.Semaphore(CALLS_AT_ONCE), set[int]()

    async def call(part: Sequence[int]) -> None:
        away = await call_once(part)
        while repeat and away:
            await asyncio.sleep(0.1)
            away = await call_once(away)

    async def call_once(part: Sequence[int]) -> list[int]:
        """Those of the ballots that the store could not take."""
        request = pb.CastBallotsRequest(ballots=[vote.envelopes[n] for n in part])
        async with at_once:
            try:
                answer = await booth.CastBallots(request, repeat=repeat)
            except DomainError as error:
                if repeat or error.kind is not Kind.UNAVAILABLE:
                    raise
                return []
        away = []
        for number, result in zip(part, answer.results, strict=True):
            if result.error_code == "":
                acknowledged.add(number)
            elif result.error_code == "store_unavailable":
                away.append(number)
            else:
                raise AssertionError(result.error_code + ": " + result.error_rule)
        return away

    try:
        async with asyncio.TaskGroup() as group:
            for start in range(0, len(numbers), PER_CALL):
                group.create_task(call(numbers[start : start + PER_CALL]))
    finally:
        await channel.close()
    return acknowledged


async def kill_at_a_seeded_moment(city: Any, unit: str, dice: random.Random) -> None:
    await asyncio.sleep(dice.uniform(0.05, 0.5))
    city.kill_unit(unit)


def ballots_in_log(city: Any) -> Counter[str]:
    """How often each ballot's leaf stands in budget's own log."""
    found: Counter[str] = Counter()
    with open_stores(city.folder) as stores_of:
        rows = read_log(stores_of("budget"))
        found.update(row.id for row in rows if b"ballot_cast" in row.leaf)
    return found


async def assert_streams_hold_every_event_once(city: Any) -> None:
    """Each PUBLIC_ stream against its service's log, by Cahier-Seq and by bytes."""
    for service in ("identity", "consultation", "reporting", "budget", "notifications"):
        with open_stores(city.folder) as stores_of:
            rows = list(read_log(stores_of(service)))
        head = len(rows)
        connection = await nats.connect(city.running["nats"])
        stream = connection.jetstream()
        name = f"PUBLIC_{service.upper()}"
        for _ in range(600):
            if (await stream.stream_info(name)).state.messages >= head:
                break
            await asyncio.sleep(0.05)
        subscription = await stream.subscribe("", stream=name, ordered_consumer=True)
        for row in rows:
            message = await subscription.next_msg(timeout=10)
            assert message.headers is not None
            assert int(message.headers["Cahier-Seq"]) == row.public_seq
            assert message.data == row.leaf
        assert (await stream.stream_info(name)).state.messages == head
        await connection.close()


def expected_votes(vote: Vote, numbers: Sequence[int]) -> list[int]:
    votes = Counter(choice for number in numbers for choice in vote.choices[number])
    return [votes[number] for number in range(1, PROJECTS + 1)]


async def test_kills_of_every_unit_lose_and_double_nothing(city: Any) -> None:
    dice = random.Random(SEED)
    async with Doors(city.folder) as doors:
        vote, calendar = await open_vote(city, doors)
        fill(vote, BALLOTS, dice)
        acknowledged: set[int] = set()
        units = (*UNITS, "postgres") if "postgres" in city.running["pids"] else UNITS
        share = BALLOTS // len(units)
        for place, unit in enumerate(units):
            end = BALLOTS if unit == units[-1] else (place + 1) * share
            numbers = range(place * share, end)
            before = city.running["pids"][unit]
            casting = asyncio.create_task(cast(city, vote, numbers, repeat=True))
            await kill_at_a_seeded_moment(city, unit, dice)
            acknowledged |= await casting
            await asyncio.to_thread(
                city.wait_until,
                f"{unit} is back",
                lambda unit=unit, before=before: (
                    city.running["pids"][unit] != before
                    and all(city.answers(name) for name in units if name not in SERVERS)
                ),
            )
        assert acknowledged == set(range(BALLOTS))
        result = await patiently(
            lambda: finish_election(doors, calendar, vote.election.election_id), "grpc_unavailable"
        )
    assert result.ballots_counted == BALLOTS
    assert result.ballots_invalid == 0
    assert [one.votes for one in result.outcomes] == expected_votes(vote, range(BALLOTS))
    stored = ballots_in_log(city)
    assert len(stored) == BALLOTS
    assert set(stored.values()) == {1}
    await assert_streams_hold_every_event_once(city)


async def test_an_answer_is_given_after_the_ballot_is_durable(city: Any) -> None:
    """Nobody repeats here: what the killed service acknowledged must be there, nothing twice."""
    dice = random.Random(SEED + 1)
    async with Doors(city.folder) as doors:
        vote, calendar = await open_vote(city, doors)
        fill(vote, 4_000, dice)
        casting = asyncio.create_task(cast(city, vote, range(4_000), repeat=False))
        await kill_at_a_seeded_moment(city, "budget", dice)
        acknowledged = await casting
        await asyncio.to_thread(city.wait_until, "budget is back", lambda: city.answers("budget"))
        stored = ballots_in_log(city)
        assert len(acknowledged) <= len(stored) <= 4_000
        again = await cast(city, vote, sorted(acknowledged), repeat=True)
        assert again == acknowledged
        assert ballots_in_log(city) == stored  # each acknowledged ballot was there already
        rest = await cast(city, vote, range(4_000), repeat=True)
        assert rest == set(range(4_000))
        result = await finish_election(doors, calendar, vote.election.election_id)
    assert result.ballots_counted == 4_000
    assert [one.votes for one in result.outcomes] == expected_votes(vote, range(4_000))
    assert set(ballots_in_log(city).values()) == {1}


async def test_a_city_without_its_broker_still_takes_ballots(city: Any) -> None:
    """The city stands alone: the relay catches up when the broker is back."""
    import signal

    dice = random.Random(SEED + 2)
    async with Doors(city.folder) as doors:
        vote, _ = await open_vote(city, doors)
        fill(vote, 500, dice)
        broker = city.running["pids"]["nats"]
        os.kill(broker, signal.SIGSTOP)
        try:
            assert len(await cast(city, vote, range(500), repeat=True)) == 500
        finally:
            os.kill(broker, signal.SIGCONT)
    await assert_streams_hold_every_event_once(city)
