"""docs/guides/witness.md, typed line by line: two cities that witness one another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cahier_kernel.ports import free_ports
from cahier_ledger.log.note import Vkey, parse_note, verified_by
from cahier_ledger.log.policy import Policy

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guides/witness.md"
START_TIMEOUT_S = 90.0
COMMAND_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 40.0
SERVING = re.compile(r"witness serve|cahier up")
PORTS = ("7381", "7382", "8081", "8082")


class Terminal:
    """Types lines into a shell in one folder; those that serve stay until the end."""

    def __init__(self, folder: Path, ports: dict[str, str]) -> None:
        self._folder = folder
        self._ports = ports
        self._serving: list[subprocess.Popen[str]] = []

    def type(self, line: str) -> str:
        """Answers what the line printed; raises where it fails."""
        for written, free in self._ports.items():
            line = line.replace(written, free)
        line = line.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
        if SERVING.search(line):
            return self._serve(line)
        shell = ["bash", "-o", "pipefail", "-ec", line]
        done = subprocess.run(
            shell, cwd=self._folder, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _serve(self, line: str) -> str:
        errors = self._folder / f"serving-{len(self._serving)}.txt"
        with errors.open("w") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        self._serving.append(process)
        said = ""
        for each in process.stdout or ():
            said += each
            if each.startswith("ready "):
                return said
        raise AssertionError(f"{line}\n{said}{errors.read_text()}")

    def close(self) -> None:
        for process in reversed(self._serving):
            process.terminate()
        for process in reversed(self._serving):
            try:
                process.communicate(timeout=STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    terminal = Terminal(tmp_path, ports)
    yield terminal
    terminal.close()


def lines() -> Iterator[str]:
    """What the guide tells to type, in its order."""
    for block in re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL):
        yield from block.strip().splitlines()


def test_two_cities_witness_one_another_as_the_guide_says(
    terminal: Terminal, tmp_path: Path
) -> None:
    said = {}
    for line in lines():
        if line.startswith("curl"):
            wait_for_cosigned(terminal, line, tmp_path / "arles" / "policy")
        said[line] = terminal.type(line)
    (checkpoint,) = (text for line, text in said.items() if line.startswith("curl"))
    policy = Policy.parse((tmp_path / "arles" / "policy").read_text())
    assert policy.satisfied_by(checkpoint)
    note = parse_note(checkpoint)
    assert set(policy.witnessed_by(note)) == {"beaucaire"}
    assert len(verified_by(note, policy.log_vkeys)) == 1
    (shown,) = (text for line, text in said.items() if "witness show" in line)
    assert "arles.example/tlog/identity  " in shown
    neighbours = (tmp_path / "beaucaire" / "policy").read_text()
    theirs = [Vkey.parse(line.split()[1]) for line in neighbours.splitlines() if "log " in line]
    assert {each.name.partition("/")[0] for each in theirs} == {"beaucaire.example"}


def wait_for_cosigned(terminal: Terminal, curl: str, policy: Path) -> None:
    """A checkpoint is served as soon as it has its quorum; the guide's reader waits as well."""
    give_up_s = time.monotonic() + START_TIMEOUT_S
    wanted = Policy.parse(policy.read_text())
    while time.monotonic() < give_up_s:
        try:
            if wanted.satisfied_by(terminal.type(curl)):
                return
        except AssertionError:
            pass  # nothing is served yet
        time.sleep(0.5)
    raise AssertionError("no cosigned checkpoint was served")
