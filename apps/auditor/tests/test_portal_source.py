"""A portal as a source: the same audit by HTTP, over a real server that serves a bundle's files."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cahier_auditor.portal import PortalSource, address

AUDIT = Path(sys.executable).parent / "cahier-audit"


class Portal(ThreadingHTTPServer):
    """Answers a bundle's files under the addresses of a portal; asked: paths, in order."""

    daemon_threads = True

    def __init__(self, bundle: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bundle = bundle
        self.asked: list[str] = []
        self.missing: set[str] = set()
        self.epochs = 1
        self.drops = 0
        self.zips = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/city"

    def content(self, path: str) -> bytes | None:
        if path in self.missing:
            return None
        parts = path.split("/")
        if parts[0] == "tlog" and parts[2:] == ["epochs"]:
            return json.dumps([{"epoch": 1, "origin": "", "base": 0}] * self.epochs).encode()
        if parts[0] == "tlog" and parts[2:] == ["policy"]:
            return (self.bundle / "policy").read_bytes()
        if parts[0] == "tlog" and parts[2] == "policies":
            path = "/".join(parts[2:])
        if parts[0] == "tlog" and parts[2:] == ["checkpoints"]:
            folder = self.bundle / "checkpoints" / parts[1]
            files = list(folder.iterdir()) if folder.is_dir() else []
            return "".join(f"{size}\n" for size in sorted(int(f.name) for f in files)).encode()
        if parts[0] == "tlog" and parts[2] == "checkpoints":
            path = f"checkpoints/{parts[1]}/{parts[3]}"
        if parts[0] == "disclosures":
            path += ".json"
        file = self.bundle / path
        return file.read_bytes() if file.is_file() else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Portal

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.drops:
            self.server.drops -= 1
            self.close_connection = True
            return
        content = self.server.content(self.path.removeprefix("/city/"))
        self.send_response(404 if content is None else 200)
        body = content or b""
        if self.server.zips:
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def portal(bundle: Path) -> Iterator[Portal]:
    """Serves the bundle without SHA256SUMS until the test ends."""
    with serving(bundle) as server:
        yield server


@contextmanager
def serving(bundle: Path) -> Iterator[Portal]:
    server = Portal(bundle)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AUDIT, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_a_portal_verifies_and_recounts_as_its_bundle_does(portal: Portal) -> None:
    verified = audit("verify", portal.url)
    assert (verified.returncode, verified.stderr) == (0, "everything holds\n")
    assert "3 older checkpoints, witnessed by neighbour" in verified.stdout
    recounted = audit("recount", portal.url)
    assert recounted.returncode == 0
    assert "winners (2): 1, 3" in recounted.stdout
    assert audit("diff", portal.url, portal.bundle).returncode == 0


def test_no_file_is_asked_for_twice(portal: Portal) -> None:
    assert audit("recount", portal.url).returncode == 0
    assert len(portal.asked) == len(set(portal.asked))


def test_a_log_that_grows_while_it_is_read_is_not_taken_for_one_that_shrank(portal: Portal) -> None:
    """What it signed before is listed before its head is read: nothing in the list is newer."""
    assert audit("verify", portal.url).returncode == 0
    for service in ("budget", "consultation"):
        listed = portal.asked.index(f"/city/tlog/{service}/checkpoints")
        assert listed < portal.asked.index(f"/city/tlog/{service}/checkpoint")


def test_a_later_epoch_is_asked_for_by_its_number(portal: Portal) -> None:
    """A cache on the way may still have the first epoch's tiles under the plain address."""
    portal.epochs = 3
    source = PortalSource(portal.url)
    for path in ("tlog/budget/tile/0/000", "tlog/budget/1/tile/0/000", "checkpoints/budget/4"):
        source.read(path)
    assert portal.asked == [
        "/city/tlog/budget/epochs",
        "/city/tlog/budget/3/tile/0/000",
        "/city/tlog/budget/1/tile/0/000",
        "/city/tlog/budget/3/checkpoints/4",
    ]


def test_an_altered_answer_is_found(portal: Portal) -> None:
    file = portal.bundle / "tlog/budget/tile/entries/000.p/21"
    file.write_bytes(file.read_bytes().replace(b"feasible", b"feasibly", 1))
    done = audit("verify", portal.url)
    assert done.returncode == 1
    assert "FINDING budget leaf 3: " in done.stderr


def test_a_changed_text_is_found(portal: Portal) -> None:
    file = next((portal.bundle / "disclosures/consultation").iterdir())
    file.write_text(file.read_text("utf-8").replace("benches", "tanks").replace("Ideas", "Lies"))
    assert "a disclosed text has its digest in the leaf" in audit("verify", portal.url).stderr


def test_a_partial_tile_that_was_cleared_away_is_cut_from_the_full_one(
    city: Any, portal: Portal, tmp_path: Path
) -> None:
    """The log has grown past 256 leaves while it was read."""
    for place in ("entries/000", "0/000"):
        folder = portal.bundle / f"tlog/budget/tile/{place}.p"
        wider = (folder / "21").read_bytes()
        more = wider + (b"\0\1x" if "entries" in place else bytes(32))
        shutil.rmtree(folder)
        (portal.bundle / f"tlog/budget/tile/{place}").write_bytes(more)
    assert audit("verify", portal.url).returncode == 0


def test_a_lost_connection_is_tried_again(portal: Portal) -> None:
    portal.drops = 2
    assert audit("verify", portal.url).returncode == 0


def test_an_earlier_policy_that_a_vote_was_opened_under_is_read_from_its_log(large: Any) -> None:
    digest = large[0].policies[0].digest()
    with serving(large[1]) as portal:
        done = audit("verify", portal.url)
        assert (done.returncode, done.stderr) == (0, "everything holds\n")
        assert f"opened under an earlier policy, SHA-256 {digest}" in done.stdout
        portal.missing.add(f"tlog/budget/policies/{digest}")
        assert audit("verify", portal.url).returncode == 1


def test_compressed_answers_are_read(portal: Portal) -> None:
    portal.zips = True
    assert audit("verify", portal.url).returncode == 0


def test_a_portal_without_logs_cannot_be_audited(portal: Portal) -> None:
    shutil.rmtree(portal.bundle / "tlog")
    done = audit("verify", portal.url)
    assert done.returncode == 2
    assert "there is no public log" in done.stderr


def test_a_missing_tile_is_named(portal: Portal) -> None:
    portal.missing.add("tlog/budget/tile/0/000.p/21")
    done = audit("verify", portal.url)
    assert done.returncode == 1
    assert "tlog/budget/tile/0/000.p/21: every file of the log is there" in done.stderr


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("tlog/budget/tile/0/000.p/21", "tlog/budget/tile/0/000.p/21"),
        ("checkpoints/budget/7", "tlog/budget/checkpoints/7"),
        ("checkpoints/budget/epoch-1/7", "tlog/budget/1/checkpoints/7"),
        ("disclosures/budget/x.json", "disclosures/budget/x"),
    ],
)
def test_files_have_an_address(path: str, at: str) -> None:
    assert address(path) == at
