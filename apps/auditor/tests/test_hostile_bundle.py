"""A bundle made to hurt whoever audits it: links, pipes, and a log that claims to have no end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cahier_auditor.findings import CannotAudit
from cahier_auditor.folder import FolderSource
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint

AUDIT = Path(sys.executable).parent / "cahier-audit"
TIMEOUT_S = 60
ENDLESS = 1 << 60


def audit(command: str, place: object) -> subprocess.CompletedProcess[str]:
    """Within a time that an audit which waits or never ends does not keep."""
    return subprocess.run(
        [AUDIT, command, str(place)], capture_output=True, text=True, timeout=TIMEOUT_S
    )


def test_a_file_that_is_a_link_is_not_read(bundle: Path, tmp_path: Path) -> None:
    file = bundle / "tlog/budget/tile/entries/000.p/21"
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    done = audit("verify", bundle)
    assert done.returncode == 2
    assert "entries/000.p/21: " in done.stderr
    assert "symbolic link" in done.stderr


def test_a_file_behind_a_folder_that_is_a_link_is_not_read(bundle: Path, tmp_path: Path) -> None:
    (bundle / "tlog/budget/tile").rename(tmp_path / "elsewhere")
    (bundle / "tlog/budget/tile").symlink_to(tmp_path / "elsewhere")
    done = audit("verify", bundle)
    assert done.returncode == 2
    assert "a symbolic link leads there" in done.stderr


def test_a_bundle_may_itself_be_reached_by_a_link(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bundle)
    assert audit("verify", tmp_path / "link").returncode == 0


@pytest.mark.parametrize("name", ["policy", "SHA256SUMS", "tlog/budget/checkpoint"])
def test_a_pipe_is_refused_and_not_waited_for(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    done = audit("verify", bundle)
    assert done.returncode == 2
    assert done.stderr.startswith("cahier-audit: ")


def test_a_device_is_refused_a_folder_is_no_file(bundle: Path) -> None:
    source = FolderSource(str(bundle))
    (bundle / "zero").symlink_to("/dev/zero")
    with pytest.raises(CannotAudit, match="symbolic"):
        source.read("zero")
    os.mkfifo(bundle / "pipe")
    with pytest.raises(CannotAudit, match="it is not a regular file"):
        source.read("pipe")
    assert source.read("tlog") is None
    assert source.read("tlog/nothing/there") is None


def claim(city: Any, bundle: Path, size: int) -> None:
    """A checkpoint over so many leaves, rightly signed."""
    origin = city.keys.origin("budget")
    signer = (city.keys.vkey(origin), city.keys.key(origin).sign)
    text = sign_checkpoint(Checkpoint(origin, size, bytes(32)), [signer])
    (bundle / "tlog/budget/checkpoint").write_text(text)


def require_end(done: subprocess.CompletedProcess[str], code: int) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("command", "code"), [("verify", 1), ("replay", 1), ("recount", 2)])
def test_a_log_that_claims_no_end_is_read_to_its_first_gap(
    city: Any, bundle: Path, resum: Callable[[Path], None], command: str, code: int
) -> None:
    claim(city, bundle, ENDLESS)
    resum(bundle)
    done = audit(command, bundle)
    require_end(done, code)
    if command == "verify":
        told = json.loads(
            subprocess.run(
                [AUDIT, "verify", bundle, "--json"], capture_output=True, timeout=TIMEOUT_S
            ).stdout
        )
        files = [one for one in told["findings"] if one["rule"] == "every file of the log is there"]
        assert 0 < len(files) <= 1_000
        (gap,) = [one for one in told["findings"] if one["rule"].startswith("a log goes on")]
        assert gap["found"] == f"the {ENDLESS - 65_536} leaves from 65536 on were not looked at"
        (root,) = [
            one for one in told["findings"] if "lead to the checkpoint's root" in one["rule"]
        ]
        assert root["found"] == "no root, as leaves are missing"


@pytest.fixture
def site(city: Any, bundle: Path) -> Iterator[str]:
    """A portal whose log claims to have no end."""
    claim(city, bundle, ENDLESS)
    for service in (bundle / "tlog").iterdir():
        shutil.copy(bundle / "policy", service / "policy")

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(bundle))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_portal_whose_log_claims_no_end_is_read_to_its_first_gap(site: str) -> None:
    done = audit("verify", site)
    require_end(done, 1)
