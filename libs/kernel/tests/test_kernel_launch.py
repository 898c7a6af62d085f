"""The launcher against real processes: same pid, same streams, and no life without the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cahier_kernel.launch import dying_with_parent

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="Linux alone tells children of their parent's death"
)
BY_NAME = [sys.executable, "-m", "cahier_kernel.launch"]
PARENT = """
import subprocess, sys, time
from cahier_kernel.launch import dying_with_parent
child = subprocess.Popen(dying_with_parent(["sleep", "60"]))
time.sleep({head_start_s})
print(child.pid, flush=True)
time.sleep(60)
"""


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.parametrize("launcher", [[], BY_NAME], ids=["by path", "by name"])
def test_a_command_runs_with_its_arguments_and_exit_code(launcher: list[str]) -> None:
    command = ["sh", "-c", 'echo "$1"; exit 7', "sh", "a b"]
    argv = [*launcher, str(os.getpid()), *command] if launcher else dying_with_parent(command)
    done = run(argv)
    assert (done.stdout, done.stderr, done.returncode) == ("a b\n", "", 7)


def test_a_command_keeps_the_process_id_that_its_parent_knows() -> None:
    child = subprocess.Popen(
        dying_with_parent(["sh", "-c", "echo $$"]), stdout=subprocess.PIPE, text=True
    )
    said, _ = child.communicate(timeout=30)
    assert int(said) == child.pid


def test_a_command_sees_the_environment_that_it_was_given() -> None:
    done = subprocess.run(
        dying_with_parent(["/usr/bin/env"]),
        env={"PYTHONPATH": "/nowhere", "CITY": "demo"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert set(done.stdout.split()) >= {"PYTHONPATH=/nowhere", "CITY=demo"}


@linux_only
def test_a_command_starts_with_default_signals() -> None:
    done = run(dying_with_parent(["grep", "SigIgn", "/proc/self/status"]))
    ignored = int(done.stdout.split()[1], 16)
    assert ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)) == 0


@linux_only
@pytest.mark.parametrize("head_start_s", [0, 1], ids=["while it starts", "when it runs"])
def test_a_command_dies_with_its_parent(head_start_s: int) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(head_start_s=head_start_s)],
        stdout=subprocess.PIPE,
        text=True,
    )
    if parent.stdout is None:
        raise RuntimeError("no pipe")
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait(30)
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert is_gone(pid)


def test_a_command_whose_parent_is_already_gone_does_not_start() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(30)
    done = run([*BY_NAME, str(gone.pid), "echo", "started"])
    assert (done.stdout, done.returncode) == ("", 125)
    assert "not the parent" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["1"], 2),
        (["me", "echo"], 2),
        ([str(os.getpid()), "/nowhere/at-all"], 127),
        ([str(os.getpid()), "/etc/passwd"], 126),
    ],
)
def test_what_cannot_be_run_is_said_in_one_line(arguments: list[str], code: int) -> None:
    done = run([*BY_NAME, *arguments])
    assert (done.stdout, done.returncode) == ("", code)
    assert len(done.stderr.splitlines()) == 1
