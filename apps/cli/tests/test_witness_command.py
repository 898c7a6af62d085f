"""`cahier witness`: real processes that are killed, asked by several ways, and set up wrongly."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import nats
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cahier_cli.__main__ import main
from cahier_cli.witness_meters import OUTCOMES
from cahier_ledger.bus.server import nats_server
from cahier_ledger.log import merkle
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.merkle import consistency_proof
from cahier_ledger.log.note import Vkey
from cahier_ledger.log.policy import Policy
from cahier_ledger.log.witness import request_bytes
from cahier_ledger.log.witness_state import WitnessState
from cahier_ledger.log.witnessing import Witnesses

ORIGIN = "a.example/tlog/budget"
LEAVES = 4_000
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
READY_S = 30


@dataclass(frozen=True)
class Log:
    """A neighbour's log, all in memory; a fork is another log with the same key."""

    private: Ed25519PrivateKey
    rows: list[list[bytes]]

    @classmethod
    def make(cls, fork: str = "") -> Log:
        rows = [merkle.leaf_hashes([f"{fork}{n}".encode() for n in range(LEAVES)])]
        while len(rows[-1]) > 1:
            rows.append(merkle.parents(rows[-1]))
        return cls(Ed25519PrivateKey.from_private_bytes(bytes(32)), rows)

    @property
    def vkey(self) -> Vkey:
        return Vkey.of(ORIGIN, self.private.public_key().public_bytes_raw())

    def read(self, level: int, index: int) -> bytes:
        return self.rows[level][index]

    def checkpoint(self, size: int) -> str:
        checkpoint = Checkpoint(ORIGIN, size, merkle.root_at(size, self.read))
        return sign_checkpoint(checkpoint, [(self.vkey, self.private.sign)])

    def request(self, old: int, new: int) -> bytes:
        return request_bytes(old, consistency_proof(old, new, self.read), self.checkpoint(new))


@dataclass(frozen=True)
class Place:
    """A witness' files."""

    folder: Path

    @property
    def files(self) -> list[str]:
        return ["--key", str(self.folder / "key.pem"), "--state", str(self.folder / "state.db")]

    @property
    def logs(self) -> Path:
        return self.folder / "logs.txt"


def cahier(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["witness", *map(str, arguments)])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A witness with a key, a state and one neighbour."""
    place = Place(tmp_path)
    made = cahier("key", *place.files, "--name", "w.example/w1")
    assert made.exit_code == 0, made.output
    place.logs.write_text(f"# our neighbour\nlog {Log.make().vkey}\n")
    return place


@pytest.fixture
def serve(place: Place) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Starts the witness as a process of its own and answers it with its address."""
    running: list[subprocess.Popen[str]] = []

    def start(*more: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "cahier_cli", "witness", "serve", *place.files]
        command += ["--logs", str(place.logs), "--port", "0", *more]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        running.append(process)
        killer = threading.Timer(READY_S, process.kill)
        killer.start()
        for line in process.stdout or ():
            if line.startswith("ready at "):
                killer.cancel()
                return process, line.split()[2]
        raise AssertionError("the witness did not start")

    yield start
    for process in running:
        process.kill()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def test_a_killed_witness_never_goes_back(place: Place, serve: Any) -> None:
    log, fork, random = Log.make(), Log.make("fork "), Random(4)
    cosigned = size = 0
    for _ in range(4):
        process, address = serve()
        killer = threading.Timer(random.uniform(0.2, 0.6), process.kill)
        with httpx.Client(base_url=address, timeout=30) as client:
            size = told_size(client, log)
            assert size >= cosigned
            if size:
                answer = client.post("/add-checkpoint", content=fork.request(size, size))
                assert answer.status_code == 409
            killer.start()
            try:
                while size < LEAVES:
                    new = min(LEAVES, size + random.randrange(1, 5))
                    answer = client.post("/add-checkpoint", content=log.request(size, new))
                    assert answer.status_code == 200, answer.text
                    cosigned = size = new
            except httpx.TransportError:
                pass
        assert process.wait(10) == -signal.SIGKILL
        state = WitnessState(place.folder / "state.db")
        seen = state.seen()[ORIGIN]
        state.close()
        assert cosigned <= seen.size <= cosigned + 4
        assert seen.root == merkle.root_at(seen.size, log.read)
    assert cosigned > 20


def told_size(client: httpx.Client, log: Log) -> int:
    """The size that the witness saw last, by asking from a size that it cannot have seen."""
    answer = client.post("/add-checkpoint", content=log.request(LEAVES - 1, LEAVES))
    assert answer.status_code == 409
    return int(answer.text)


def test_it_stops_when_asked_and_goes_on_where_it_was(place: Place, serve: Any) -> None:
    log = Log.make()
    for old, new in ((0, 7), (7, 9)):
        process, address = serve()
        answer = httpx.post(f"{address}/add-checkpoint", content=log.request(old, new))
        assert answer.status_code == 200
        assert httpx.get(f"{address}/healthz").status_code == 200
        assert httpx.get(f"{address}/key").text.startswith("w.example/w1+")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    shown = cahier("show", *place.files[2:])
    assert shown.exit_code == 0
    assert f"{ORIGIN}  9 leaves" in shown.output


def test_a_log_collects_cosignatures_over_http_and_nats(
    place: Place, serve: Any, tmp_path: Path
) -> None:
    log = Log.make()
    with nats_server(tmp_path / "nats") as broker:
        _, address = serve("--nats", broker.url, "--subject", "witness.w1")
        vkey = httpx.get(f"{address}/key").text.strip()
        await_no_degradation(address)

        async def collect() -> None:
            client = await nats.connect(broker.url)
            async with httpx.AsyncClient() as http:
                for size, url in ((5, address), (900, "nats://witness.w1"), (901, address)):
                    text = f"log {log.vkey}\nwitness w1 {vkey} {url}\nquorum w1\n"
                    policy = Policy.parse(text)
                    checkpoint = log.checkpoint(size)
                    lines = await Witnesses(policy, http, client).collect(checkpoint, log.read)
                    assert policy.satisfied_by(checkpoint + "".join(lines))
            await client.close()

        asyncio.run(collect())


def await_no_degradation(address: str) -> None:
    give_up_s = time.monotonic() + 20
    while httpx.get(f"{address}/readyz").json()["degraded"]:
        assert time.monotonic() < give_up_s
        time.sleep(0.05)


def test_http_does_not_wait_for_a_broker_that_is_away(place: Place, serve: Any) -> None:
    _, address = serve("--nats", "nats://127.0.0.1:9", "--subject", "witness.w1")
    assert httpx.get(f"{address}/readyz").json()["degraded"] == {"nats": "not connected"}
    answer = httpx.post(f"{address}/add-checkpoint", content=Log.make().request(0, 3))
    assert answer.status_code == 200


def test_a_forked_log_is_shown(place: Place, serve: Any) -> None:
    _, address = serve()
    httpx.post(f"{address}/add-checkpoint", content=Log.make().request(0, 3))
    httpx.post(f"{address}/add-checkpoint", content=Log.make("fork ").request(3, 3))
    degraded = httpx.get(f"{address}/readyz").json()["degraded"]
    assert degraded == {"logs": f"{ORIGIN} is forked"}
    _, restarted = serve()
    assert httpx.get(f"{restarted}/readyz").json()["degraded"] == degraded
    shown = cahier("show", *place.files[2:])
    assert shown.exit_code == 1
    assert f"FORKED: {ORIGIN} signed two roots of 3 leaves" in shown.output
    assert shown.output.count(f"— {ORIGIN} ") == 2


def figures(address: str) -> dict[str, float]:
    """The witness' own metrics, by name and label."""
    text = httpx.get(f"{address}/metrics").text
    lines = (line for line in text.splitlines() if line.startswith("cahier_witness_"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_it_says_what_it_answered_and_how_far_each_log_is(place: Place, serve: Any) -> None:
    log, of = Log.make(), f'{{log="{ORIGIN}"}}'
    _, address = serve()
    first = figures(address)
    assert first[f"cahier_witness_log_size_leaves{of}"] == 0
    assert math.isnan(first[f"cahier_witness_log_age_seconds{of}"])
    asked = {
        "cosigned": [log.request(0, 7), log.request(7, 9)],
        "conflict": [log.request(0, 9), Log.make("fork ").request(9, 9)],
        "bad_proof": [log.request(9, 12).replace(b"old 9\n", b"old 9\n" + b"A" * 43 + b"=\n")],
        "bad_signature": [Log(OTHER_KEY, log.rows).request(9, 12)],
        "unknown_log": [log.request(9, 12).replace(ORIGIN.encode(), b"b.example/tlog/budget")],
        "malformed": [b"", b"x" * 200_000],
    }
    for bodies in asked.values():
        for body in bodies:
            httpx.post(f"{address}/add-checkpoint", content=body)
    give_up_s = time.monotonic() + READY_S
    while (told := figures(address))[f"cahier_witness_log_size_leaves{of}"] != 9:
        assert time.monotonic() < give_up_s
        time.sleep(0.1)
    counted = {
        outcome: told[f'cahier_witness_requests_total{{outcome="{outcome}"}}']
        for outcome in OUTCOMES.values()
    }
    expected = {outcome: len(asked.get(outcome, ())) for outcome in OUTCOMES.values()}
    assert counted == expected
    assert 0 <= told[f"cahier_witness_log_age_seconds{of}"] < READY_S
    assert told[f"cahier_witness_log_forked{of}"] == 1


def test_key_makes_both_files_once_and_then_prints_the_vkey(place: Place) -> None:
    key, state = place.folder / "key.pem", place.folder / "state.db"
    assert key.stat().st_mode & 0o777 == state.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    again = cahier("key", *place.files)
    assert again.exit_code == 0
    assert again.output.startswith("w.example/w1+")
    assert key.read_bytes() == before
    assert "called w.example/w1" in cahier("key", *place.files, "--name", "other").output


def test_a_witness_that_lost_its_state_does_not_start(place: Place) -> None:
    (place.folder / "state.db").unlink()
    for command in (
        ("key", *place.files, "--name", "w.example/w1"),
        ("serve", *place.files, "--logs", place.logs),
    ):
        refused = cahier(*command)
        assert refused.exit_code == 2
        assert "ey" in refused.output
        assert not (place.folder / "state.db").exists()


def test_a_state_of_another_key_is_refused(place: Place, tmp_path: Path) -> None:
    other = Place(tmp_path / "other")
    cahier("key", *other.files, "--name", "other.example")
    mixed = [*other.files[:2], *place.files[2:]]
    refused = cahier("serve", *mixed, "--logs", place.logs)
    assert refused.exit_code == 2
    assert "another key" in refused.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "does not end"),
        ("# nobody\n", "there is no log"),
        ("log broken\n", "line 1"),
        ("quorum none\n", "line 1"),
    ],
)
def test_a_broken_list_of_logs_is_named(place: Place, text: str, told: str) -> None:
    place.logs.write_text(text)
    refused = cahier("serve", *place.files, "--logs", place.logs)
    assert refused.exit_code == 2
    assert told in refused.output


def test_what_makes_no_sense_is_refused(place: Place, tmp_path: Path) -> None:
    fresh = Place(tmp_path / "fresh")
    assert "needs a --name" in cahier("key", *fresh.files).output
    assert cahier("key", *fresh.files, "--name", "two words").exit_code == 2
    assert not fresh.folder.exists()
    half = cahier("serve", *place.files, "--logs", place.logs, "--nats", "nats://x")
    assert half.exit_code == 2
    assert "go together" in half.output
