"""The public log as strangers meet it: over the portal's address, checked by other code than ours.

What is needed of RFC 6962 and of signed notes stands here once more, written for these tests
alone; nothing of libs/ledger is asked whether a proof holds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cahier_cli.city import FILES, IN_THE_STORE
from cahier_cli.demo import STREETS
from cahier_cli.generated import generated_election
from cahier_record.events import SERVICES

pytestmark = pytest.mark.e2e
CHECKPOINT_S = 1.2
"""A little more than the least time between two checkpoints under `cahier up`."""
Cahier = Callable[..., CompletedProcess[str]]


def hashed(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def tree_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashed()
    if len(leaves) == 1:
        return hashed(b"\0", leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashed(b"\1", tree_root(leaves[:split]), tree_root(leaves[split:]))


def root_by_proof(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 6962's audit path, from the top down."""
    if size == 1:
        assert path == []
        return hashed(b"\0", leaf)
    split = 1
    while split * 2 < size:
        split *= 2
    if index < split:
        return hashed(b"\1", root_by_proof(leaf, index, split, path[:-1]), path[-1])
    return hashed(b"\1", path[-1], root_by_proof(leaf, index - split, size - split, path[:-1]))


def open_note(text: str, vkey: str) -> tuple[str, int, bytes]:
    """(origin, size, root) of a checkpoint, its signature by this key checked."""
    body, _, below = text.partition("\n\n")
    name, key_hash, key = vkey.split("+", 2)
    material = base64.b64decode(key)
    assert material[0] == 1
    expected = hashed(name.encode(), b"\n", material)[:4]
    assert expected.hex() == key_hash
    (line,) = [line for line in below.splitlines() if line.split(" ")[1] == name]
    raw = base64.b64decode(line.split(" ")[2])
    assert raw[:4] == expected
    public = Ed25519PublicKey.from_public_bytes(material[1:])
    public.verify(raw[4:], (body + "\n").encode())
    origin, size, root = body.split("\n")
    return origin, int(size), base64.b64decode(root)


class Stranger:
    """Reads one service's log from the portal."""

    def __init__(self, http: httpx.Client, service: str) -> None:
        self._http, self._service = http, service

    def get(self, path: str) -> httpx.Response:
        return self._http.get(f"/tlog/{self._service}/{path}")

    def checkpoint(self) -> tuple[str, int, bytes]:
        return open_note(self.get("checkpoint").text, self.get("key").text.splitlines()[0])

    def leaves(self, size: int) -> list[bytes]:
        leaves: list[bytes] = []
        while len(leaves) < size:
            number, width = len(leaves) // 256, min(256, size - len(leaves))
            suffix = "" if width == 256 else f".p/{width}"
            raw = self.get(f"tile/entries/{number:03d}{suffix}").raise_for_status().content
            while raw:
                length = int.from_bytes(raw[:2], "big")
                leaves.append(raw[2 : 2 + length])
                raw = raw[2 + length :]
        return leaves


@pytest.fixture(scope="module")
def voted_city(shared_city: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A city with an election of 300 voters in its logs, all of it published."""
    file = tmp_path_factory.mktemp("pb") / "small.pb"
    file.write_bytes(generated_election(7, voters=300, projects=12).encode())
    command = [str(Path(sys.executable).parent / "cahier"), "import", "pabulib", str(file)]
    subprocess.run([*command, "--data", str(shared_city.folder.root)], check=True, timeout=240)
    return shared_city


@pytest.fixture
def http(voted_city: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=voted_city.url, trust_env=False, timeout=10) as client:
        yield client


def settled(city: Any, stranger: Stranger, at_least: int = 1) -> int:
    """Waits until the log has so many leaves and does not grow."""
    sizes = [-1]

    def same() -> bool:
        time.sleep(CHECKPOINT_S)
        sizes.append(stranger.checkpoint()[1])
        return sizes[-1] == sizes[-2] >= at_least

    city.wait_until("the log is published", same)
    return sizes[-1]


@pytest.mark.parametrize("service", SERVICES)
def test_a_stranger_can_check_every_log_over_the_portals_address(
    voted_city: Any, http: httpx.Client, service: str
) -> None:
    stranger = Stranger(http, service)
    size = settled(voted_city, stranger, 0 if service in ("reporting", "notifications") else 10)
    origin, size, root = stranger.checkpoint()
    assert origin == f"demo.cahier.localhost/tlog/{service}"
    leaves = stranger.leaves(size)
    assert tree_root(leaves) == root
    assert all(json.loads(leaf)["svc"] == service for leaf in leaves)


def test_every_event_has_a_receipt_that_a_stranger_can_check(
    voted_city: Any, http: httpx.Client
) -> None:
    stranger = Stranger(http, "budget")
    settled(voted_city, stranger, 300)
    vkey = stranger.get("key").text.splitlines()[0]
    leaves = stranger.leaves(stranger.checkpoint()[1])
    for index, leaf in enumerate(leaves):
        answer = http.get(f"/receipts/{json.loads(leaf)['id']}")
        assert answer.status_code == 200
        head, _, note = answer.text.partition("\n\n")
        magic, told, *path = head.split("\n")
        assert (magic, told) == ("c2sp.org/tlog-proof@v1", f"index {index}")
        _, size, root = open_note(note, vkey)
        proof = [base64.b64decode(line) for line in path]
        assert root_by_proof(leaf, index, size, proof) == root


def test_what_never_changes_may_be_kept_and_what_grows_may_not(
    voted_city: Any, http: httpx.Client
) -> None:
    stranger = Stranger(http, "budget")
    settled(voted_city, stranger, 257)
    for path in ("tile/0/000", "tile/entries/000", "tile/0/001.p/1", "tile/entries/000.p/7"):
        cache = stranger.get(path).raise_for_status().headers["cache-control"]
        assert cache == "public, max-age=31536000, immutable", path
    for path in ("checkpoint", "key", "policy"):
        cache = stranger.get(path).raise_for_status().headers["cache-control"]
        assert cache == "public, max-age=1", path
    leaf = json.loads(stranger.leaves(1)[0])
    assert http.get(f"/receipts/{leaf['id']}").headers["cache-control"] == "no-cache"


def test_what_no_log_has_is_not_found(http: httpx.Client) -> None:
    for path in (
        "/tlog/budget/tile/0/999",
        "/tlog/budget/tile/0/000.p/0",
        "/tlog/budget/tile/0/000.p/256",
        "/tlog/budget/tile/9/000",
        "/tlog/budget/2/checkpoint",
        "/tlog/budget/checkpoints/1789178917891789",
        "/tlog/budget/..%2f..%2fevents.db",
        "/tlog/portal/checkpoint",
        "/tlog/budget/metrics",
        "/receipts/nobody-said-this",
        "/receipts/%2e%2e%2fx",
    ):
        answer = http.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"].startswith("application/problem+json"), path


@pytest.mark.slow
def test_a_stopped_city_goes_on_with_the_same_log(
    new_city: Callable[..., Any], small_csv: Path, more_csv: Path, cahier: Cahier
) -> None:
    city = new_city("--dev-clock")
    city.start()
    assert cahier("import", "311", small_csv, "--data", city.folder.root).returncode == 0
    assert city.stop() == 0
    city.start()
    with httpx.Client(base_url=city.url, trust_env=False) as http:
        stranger = Stranger(http, "reporting")
        _, size, root = stranger.checkpoint()
        assert size > 40
        assert tree_root(stranger.leaves(size)) == root
        assert cahier("import", "311", more_csv, "--data", city.folder.root).returncode == 0
        grown = settled(city, stranger, size + 1)
        leaves = stranger.leaves(grown)
        assert tree_root(leaves[:size]) == root
        assert tree_root(leaves) == stranger.checkpoint()[2]


@pytest.fixture
def more_csv(tmp_path: Path) -> Path:
    """Requests that `small_csv` does not have: an import of the same ones changes nothing."""
    lines = STREETS.read_bytes().splitlines(keepends=True)
    file = tmp_path / "more.csv"
    file.write_bytes(b"".join([lines[0], *lines[41:61]]))
    return file


LOST_ALL = "all copies"
LOST_STORE = "the store"


@pytest.mark.parametrize(
    ("lost", "tiles"),
    [
        pytest.param(LOST_STORE, FILES, marks=pytest.mark.slow),
        pytest.param(LOST_STORE, IN_THE_STORE, marks=pytest.mark.slow),
        (LOST_ALL, FILES),
    ],
)
def test_a_backup_over_a_newer_log_is_refused_and_told_to_everybody(
    new_city: Callable[..., Any],
    small_csv: Path,
    more_csv: Path,
    cahier: Cahier,
    tmp_path: Path,
    lost: str,
    tiles: str,
) -> None:
    city = new_city("--dev-clock", CAHIER_LOG_TILES=tiles)
    root = city.folder.root
    city.start()
    assert cahier("import", "311", small_csv, "--data", root).returncode == 0
    city.stop()
    units = ("reporting",) if lost == LOST_STORE else ("reporting", "nats")
    city.back_up(tmp_path / "backup", *units)
    city.start()
    assert cahier("import", "311", more_csv, "--data", root).returncode == 0
    with httpx.Client(base_url=city.url, trust_env=False) as http:
        before = settled(city, Stranger(http, "reporting"), 60)
    city.stop()
    city.put_back(tmp_path / "backup", *units)

    with pytest.raises(RuntimeError, match="reporting ended with 2: the event store of reporting"):
        city.start()
    assert cahier("log", "epoch", "budget", "--reason", "none", "--data", root).returncode == 2
    opened = cahier("log", "epoch", "reporting", "--reason", "a disk broke", "--data", root)
    assert opened.returncode == 0, opened.stderr

    city.start()
    with httpx.Client(base_url=city.url, trust_env=False) as http:
        stranger = Stranger(http, "reporting")
        settled(city, stranger)
        origin, size, _ = stranger.checkpoint()
        assert origin == "demo.cahier.localhost/tlog/reporting/2"
        first = json.loads(stranger.leaves(size)[0])
        assert first["t"] == "reporting.v1.log.epoch_opened"
        told = first["data"]
        signed = told["previous_size"]
        assert (told["epoch"], signed >= before) == (2, True)
        assert "a disk broke" not in json.dumps(first)
        count = len(told["lost"]) if isinstance(told["lost"], list) else told["lost"]
        assert count == signed - told["kept"] > 0
        old = Stranger(http, "reporting/1")
        _, old_size, old_root = old.checkpoint()
        assert old_size == (signed if lost == LOST_STORE else told["kept"])
        assert tree_root(old.leaves(old_size)) == old_root
        kept = json.loads(old.leaves(old_size)[0])
        assert http.get(f"/receipts/{kept['id']}").status_code == 200
    assert cahier("import", "311", more_csv, "--data", root).returncode == 0
    city.wait_until("all units are well", lambda: all(map(city.answers, SERVICES)))
    bundle = tmp_path / "bundle"
    assert cahier("export", "bundle", bundle, "--data", root).returncode == 0
    audit = run_audit("verify", bundle)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert "reporting/2: began anew" in audit.stdout
    assert city.folder.log_files("reporting").exists() == (tiles == FILES)
    if tiles == IN_THE_STORE:  # Whose files nothing but the store's own code can read.
        city.stop()
        bundle = tmp_path / "stopped"
        assert cahier("export", "bundle", bundle, "--data", root).returncode == 0
        assert run_audit("verify", bundle).returncode == 0


def run_audit(*arguments: object) -> CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "cahier-audit"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)
