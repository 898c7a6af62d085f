"""A city on PostgreSQL: restarts of the server, several processes of one service, kept choices."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_chassis.grpc_client import ServiceChannel
from cahier_cli.bundle import read_log
from cahier_cli.doors import TokenSource
from cahier_cli.storage import open_stores
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceStub
from cahier_ledger.postgres.server import children_of
from cahier_record.events import SERVICES

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
READY_S_MAX = 60.0


@pytest.fixture
def city(new_city: Callable[..., Any]) -> Any:
    """A fresh city on a PostgreSQL of its own."""
    fresh = new_city("--dev-clock", CAHIER_STORE="postgres")
    fresh.start()
    return fresh


class Process:
    """One more process of a service of a running city, with the settings of the city's own."""

    def __init__(self, city: Any, folder: Path, name: str, *roles: str) -> None:
        pid = city.running["pids"][name]
        raw = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        prefix = name.upper()
        self._environment = dict(line.decode().split("=", 1) for line in raw if line)
        self._environment |= {f"{prefix}_GRPC_PORT": "0", f"{prefix}_HTTP_PORT": "0"}
        self._run_file = folder / f"{name}-{'-'.join(roles) or 'all'}.json"
        self._environment[f"{prefix}_RUN_FILE"] = str(self._run_file)
        self._log = self._run_file.with_suffix(".log")
        arguments = ["--role", ",".join(roles)] if roles else []
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", f"cahier_{name}", *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_ready(self) -> dict[str, int]:
        """Its ports, once it is ready."""
        deadline = time.monotonic() + READY_S_MAX
        while time.monotonic() < deadline and self._popen.poll() is None:
            if self._run_file.exists() and self._answers():
                return self.ports
            time.sleep(0.1)
        raise AssertionError(self._log.read_text())

    @property
    def ports(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self._run_file.read_text())
        return found

    def health(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.ports['http']}/readyz"
        found: dict[str, Any] = httpx.get(url, timeout=5, trust_env=False).json()
        return found

    def _answers(self) -> bool:
        try:
            return self.health()["status"] == "ready"
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.terminate()
        self._popen.wait(30)


@pytest.fixture
def more(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts further processes, which are stopped at the end."""
    started: list[Process] = []

    def start(city: Any, name: str, *roles: str) -> Process:
        started.append(Process(city, tmp_path, name, *roles))
        return started[-1]

    yield start
    for process in started:
        process.stop()


def metric(city: Any, unit: str, name: str) -> str:
    text = httpx.get(f"{city.running['metrics'][unit]}/metrics", trust_env=False).text
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} "))


def leaves(city: Any, service: str) -> list[bytes]:
    with open_stores(city.folder) as stores_of:
        return [row.leaf for row in read_log(stores_of(service))]


def test_a_server_that_restarts_in_the_middle_of_an_import_loses_nothing(
    city: Any, small_pb: Path, cahier: Any, tmp_path: Path
) -> None:
    command = [str(Path(sys.executable).parent / "cahier"), "import", "pabulib", str(small_pb)]
    importing = subprocess.Popen(
        [*command, "--data", str(city.folder.root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for how in (signal.SIGKILL, signal.SIGINT):
        time.sleep(1.5)
        before = city.running["pids"]["postgres"]
        os.kill(before, how)
        city.wait_until(
            "postgres is back",
            lambda before=before: city.running["pids"]["postgres"] != before,
        )
    output, complaint = importing.communicate(timeout=200)
    if importing.returncode != 0:  # It gave up on the absence; what was done must not be lost.
        pytest.fail(complaint)
    assert Counter(b"ballot_cast" in leaf for leaf in leaves(city, "budget"))[True] == 300
    assert city.stop() == 0
    bundle = tmp_path / "bundle"
    assert cahier("export", "bundle", bundle, "--data", city.folder.root).returncode == 0
    audit = subprocess.run(
        [str(Path(sys.executable).parent / "cahier-audit"), "recount", str(bundle)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert output.strip()


def test_a_frozen_server_makes_the_city_unready_and_no_process_hang(city: Any) -> None:
    server = city.running["pids"]["postgres"]
    processes = [server, *children_of(server)]
    url = city.running["metrics"]["budget"]
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        city.wait_until("the store is said to be away", lambda: "store" in failing(url))
        began = time.monotonic()
        for unit in ("identity", "consultation", "reporting", "budget", "notifications"):
            base = city.running["metrics"][unit]
            city.wait_until(f"{unit} is not ready", lambda base=base: failing(base))
            assert httpx.get(f"{base}/healthz", timeout=10, trust_env=False).is_success
        assert time.monotonic() - began < 30
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)
    for name in SERVICES:
        city.wait_until(f"{name} is ready", lambda name=name: city.answers(name))
    assert city.running["pids"]["postgres"] == server, "it was not restarted"


def failing(url: str) -> dict[str, str]:
    """The checks that a unit does not pass."""
    answer = httpx.get(f"{url}/readyz", timeout=15, trust_env=False)
    found: dict[str, str] = answer.json()["failing"]
    return found


def test_a_server_that_was_killed_is_back_and_so_is_the_city(city: Any) -> None:
    server = city.running["pids"]["postgres"]
    city.kill_unit("postgres")
    city.wait_until("postgres is back", lambda: city.running["pids"]["postgres"] != server)
    for name in (*SERVICES, "portal"):
        city.wait_until(f"{name} is ready", lambda name=name: city.answers(name))


async def test_two_replicas_of_a_service_serve_and_one_takes_over_from_the_other(
    city: Any, more: Any, small_pb: Path, cahier: Any
) -> None:
    replica = more(city, "budget")
    ports = await asyncio.to_thread(replica.wait_ready)
    imported = await asyncio.to_thread(
        cahier, "import", "pabulib", small_pb, "--data", city.folder.root
    )
    assert imported.returncode == 0, imported.stderr
    election = imported.stdout.splitlines()[-1]
    token = TokenSource(city.folder, "staff")
    channel = ServiceChannel(f"127.0.0.1:{ports['grpc']}", token=token)
    stub: Any = BudgetServiceStub(channel)
    found = await stub.GetElection(pb.GetElectionRequest(election_id=election))
    assert found.election.state == pb.ELECTION_STATE_PUBLISHED, "the other's commands are seen"
    city.kill_unit("budget")
    found = await stub.GetElection(pb.GetElectionRequest(election_id=election))
    assert found.election.ballots == 300
    await channel.close()
    again = await asyncio.to_thread(
        cahier, "import", "pabulib", small_pb, "--data", city.folder.root
    )
    assert again.returncode == 0, again.stderr
    assert Counter(b"ballot_cast" in leaf for leaf in leaves(city, "budget"))[True] == 600


def test_a_service_split_by_role_does_what_one_process_did(
    city: Any, more: Any, small_pb: Path, cahier: Any
) -> None:
    """The city's own process answers calls; what it did besides has gone to three others."""
    parts = [more(city, "consultation", role) for role in ("relay", "project", "react")]
    for part in parts:
        part.wait_ready()
    own = city.running["pids"]["consultation"]
    city.kill_unit("consultation")
    city.wait_until("it is back", lambda: city.running["pids"]["consultation"] != own)
    city.wait_until("it is ready", lambda: city.answers("consultation"))
    assert metric(city, "consultation", "cahier_outbox_lag_events") == "NaN", "another relays"
    imported = cahier("import", "pabulib", small_pb, "--data", city.folder.root)
    assert imported.returncode == 0, imported.stderr
    assert Counter(b"proposal_answered" in leaf for leaf in leaves(city, "consultation"))[True] > 0
    for part in parts:
        assert part.health()["status"] == "ready"
        assert "grpc" not in part.ports


def test_a_city_keeps_the_store_that_it_began_with(city: Any, cahier: Any, port: int) -> None:
    assert city.stop() == 0
    other = subprocess.run(
        [
            str(Path(sys.executable).parent / "cahier"),
            *("up", "--data", str(city.folder.root), "--port", str(port)),
        ],
        env=os.environ | {"CAHIER_STORE": "sqlite"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert other.returncode == 2
    assert other.stderr.count("\n") == 1
    assert "postgres" in other.stderr
    assert city.folder.store == "postgres"
