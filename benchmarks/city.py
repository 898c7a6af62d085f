"""A whole city by `cahier up`, with an election in which one may vote."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.election import BallotPress, OpenElection, importer_token
from benchmarks.processes import STOP_S_MAX, Server
from cahier_chassis.tokens import TokenIssuer
from cahier_cli.calendar import Calendar
from cahier_cli.city import CityFolder
from cahier_cli.doors import Doors
from cahier_cli.generated import generated_election
from cahier_cli.importing import import_election
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_kernel import base64url
from cahier_kernel.clock import SystemClock
from cahier_kernel.launch import dying_with_parent
from cahier_kernel.ports import free_port
from cahier_record.budget.pabulib import read

PROJECTS = 12
VOTERS = 20


@dataclass(frozen=True)
class City:
    """A running city. budget: its budget service. portal: its base URL."""

    portal: str
    election_id: str
    pids: dict[str, int]
    budget: Server
    press: BallotPress
    importer_token: str


@contextmanager
def open_city(folder: Path) -> Iterator[City]:
    """Starts a city, carries a small election up to its voting, stops the city at the end."""
    place = CityFolder(folder / "city")
    with _up(place, folder / "up.log"):
        election = asyncio.run(_open_election(place))
        running = place.running()
        issuer = TokenIssuer(place.token_private_key.read_bytes(), place.name)
        pids = {name: int(pid) for name, pid in running["pids"].items()}
        budget = Server(running["grpc"]["budget"], psutil.Process(pids["budget"]))
        budget.wait_until_calm()
        press = BallotPress(election, issuer)
        yield City(running["portal"], election.id, pids, budget, press, importer_token(issuer))


@contextmanager
def _up(place: CityFolder, log: Path) -> Iterator[None]:
    cahier = Path(sys.executable).parent / "cahier"
    command = [cahier, "up", "--data", place.root, "--port", str(free_port())]
    with log.open("wb") as errors:
        child = subprocess.Popen(
            dying_with_parent([*map(str, command)]),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        line = child.stdout.readline() if child.stdout else ""
        if not line.startswith("ready "):
            raise RuntimeError(f"the city did not start:\n{log.read_text()[-2_000:]}")
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


async def _open_election(place: CityFolder) -> OpenElection:
    """Everything up to the voting, and the first few ballots, by the importer's own way."""
    instance = read(generated_election(7, voters=VOTERS, projects=PROJECTS), "generated.pb")
    calendar = Calendar.live(SystemClock().now())
    async with Doors(place) as doors:
        imported = await import_election(doors, instance, calendar, _silent)
        found = await doors.budget.GetElection(
            pb.GetElectionRequest(election_id=imported.election_id)
        )
    election = found.election
    key = base64url.encode(election.trustee_public_key)
    size_bytes = election.ballot_size_bytes
    return OpenElection(place.root, election.election_id, key, size_bytes, PROJECTS)


def _silent(*_: Any) -> None:
    """Progress that nobody watches."""
