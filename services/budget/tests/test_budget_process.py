"""The process: killed with answers in flight it keeps what it has acknowledged; roles; settings."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest
from nats.js.errors import NotFoundError

from cahier_chassis.nats import connect
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceStub

BALLOTS = 3_000


@contextmanager
def process(town):
    """`python -m cahier_budget`; killed at the end by its pid if it still runs."""
    town.run_file.unlink(missing_ok=True)
    with (town.folder / "budget.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "cahier_budget"],
            env={**os.environ, **town.environment()},
            stderr=log,
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()


async def test_every_acknowledged_ballot_outlives_a_kill_once(town, kit):
    with process(town) as first:
        election = await town.open_election(kit)
        messages = [election.message(1, number=number) for number in range(BALLOTS)]
        acknowledged = await cast_until_killed(town, first, messages)
        await town.close_channels()
    assert 200 < len(acknowledged) < BALLOTS
    for part in (town.folder / "budget").glob("views.db*"):
        part.unlink()  # Disposable: folded again.
    with process(town) as second:
        importer = await town.stub(town.token("importer"))
        for number, event_id in acknowledged.items():
            asked = pb.GetBallotSequenceRequest(
                election_id=election.id, credential=kit.credential(number)
            )
            found = await importer.GetBallotSequence(asked)
            assert (found.sequence, found.event_id) == (1, event_id)
        for start in range(0, BALLOTS, 500):
            answer = await importer.CastBallots(
                pb.CastBallotsRequest(ballots=messages[start : start + 500])
            )
            assert all(result.event_id for result in answer.results)
        staff = await town.stub(town.token("staff"))
        asked_all = pb.GetElectionRequest(election_id=election.id)
        assert (await staff.GetElection(asked_all)).election.ballots == BALLOTS
        await staff.CloseVoting(pb.CloseVotingRequest(election_id=election.id, reason="done"))
        await staff.CountBallots(pb.CountBallotsRequest(election_id=election.id), timeout_s=60)
        result = await staff.GetResult(pb.GetResultRequest(election_id=election.id))
        assert (result.ballots_counted, result.ballots_invalid) == (BALLOTS, 0)
        await town.close_channels()
        second.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(second.wait, 20) == 0


async def cast_until_killed(town, running, messages):
    """Casts with 64 callers, kills the process after some hundred answers: {number: event id}."""
    port = (await town.running())["grpc"]
    acknowledged: dict[int, str] = {}
    waiting = iter(enumerate(messages))
    metadata = (("authorization", f"Bearer {town.token('importer')}"),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = BudgetServiceStub(channel)

        async def caller():
            for number, message in waiting:
                try:
                    answer = await stub.CastBallot(
                        pb.CastBallotRequest(ballot=message), metadata=metadata, timeout=10
                    )
                except grpc.aio.AioRpcError:
                    return
                acknowledged[number] = answer.event_id
                if len(acknowledged) == 400:
                    running.send_signal(signal.SIGKILL)

        await asyncio.gather(*(caller() for _ in range(64)))
    return acknowledged


async def test_without_a_bus_it_serves_commands_and_relays_them_when_the_bus_comes(
    town, new_request
):
    town.server.kill()
    with process(town):
        staff = await town.stub(town.token("staff"))
        created = await staff.CreateElection(new_request(town.clock.now()))
        asked = pb.GetElectionRequest(election_id=created.election_id)
        assert (await staff.GetElection(asked)).election.title == "Our city"
        readiness = {"status": "ready", "failing": {}, "degraded": {"nats": "not connected"}}
        assert await readyz(town) == readiness
        town.server.start()
        client = await connect(town.server.url, "reader")
        async with asyncio.timeout(20):
            while not await relayed(client.jetstream()):  # noqa: ASYNC110 - another process.
                await asyncio.sleep(0.05)
            # Consultation and identity have not said anything yet: that is no fault.
            waiting = {"projection proposals", "reactions"}
            while (await readyz(town))["degraded"].keys() != waiting:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await client.close()
        await town.close_channels()


async def readyz(town):
    url = f"http://127.0.0.1:{(await town.running())['http']}/readyz"
    with await asyncio.to_thread(urlopen, url) as answer:
        return json.load(answer)


async def relayed(js):
    """How many events the public stream holds."""
    with suppress(NotFoundError):
        return (await js.stream_info("PUBLIC_BUDGET")).state.messages
    return 0


async def test_helpers_end_with_a_killed_service(town, kit):
    with process(town) as first:
        election = await town.open_election(kit)
        importer = await town.stub(town.token("importer"))
        ballots = [election.message(1, number=number) for number in range(20)]
        await importer.CastBallots(pb.CastBallotsRequest(ballots=ballots))
        helpers = children_of(first.pid)
        assert len(helpers) == 1
        await town.close_channels()
        first.kill()
        first.wait()
        async with asyncio.timeout(10):
            while any(map(lives, helpers)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def lives(pid):
    """Whether a process is there and more than a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children_of(pid):
    """Pids of a process's children (Linux)."""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


@pytest.mark.parametrize("role", ["api", "relay", "project", "react"])
def test_split_roles_are_refused_in_one_line(role):
    ended = subprocess.run(
        [sys.executable, "-m", "cahier_budget", "--role", role],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "PostgreSQL" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_missing_setting_is_named():
    bare = {name: value for name, value in os.environ.items() if not name.startswith("BUDGET_")}
    ended = subprocess.run(
        [sys.executable, "-m", "cahier_budget"],
        env=bare,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "BUDGET_CITY" in ended.stderr
