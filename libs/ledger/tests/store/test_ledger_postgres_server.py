"""The small server that `cahier up` and the tests run: private, and gone with its parent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psycopg
import pytest

from cahier_ledger.postgres.connections import wait_until_answering
from cahier_ledger.postgres.server import (
    PostgresFailed,
    PostgresServer,
    children_of,
    dsn_of,
    prepare,
    server_command,
)

PARENT = """
    import sys, time
    from pathlib import Path
    from cahier_ledger.postgres.server import PostgresServer

    server = PostgresServer(Path(sys.argv[1]), sync=False)
    server.start()
    print(server.dsn, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder below one that nobody else may enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    return closed / "postgres"


def command_of(pid: int) -> bytes:
    """Empty for a process that is gone or has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def test_it_runs_below_a_private_folder_and_opens_none(private: Path) -> None:
    server = PostgresServer(private, sync=False)
    server.start()
    try:
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert private.parent.stat().st_mode & 0o777 == 0o700
        assert (private / "data").stat().st_mode & 0o777 == 0o700
        assert (private / "password").stat().st_mode & 0o777 == 0o600
    finally:
        server.stop()
        server.stop()
    assert server.pid is None


def test_nobody_comes_in_without_the_password(private: Path) -> None:
    server = PostgresServer(private, sync=False)
    server.start()
    try:
        user, _, host = server.dsn.rpartition("@")
        assert user
        for other in ("", "cahier@", "cahier:guess@", "postgres@"):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(f"postgresql://{other}{host}", connect_timeout=5)
    finally:
        server.stop()


def test_it_dies_with_its_parent(private: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(private)], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    dsn = parent.stdout.readline().decode().strip()
    assert wait_until_answering(dsn, 5)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while wait_until_answering(dsn, 0.1):
        assert time.monotonic() < deadline, "the server outlives its parent"
    again = PostgresServer(private, sync=False)
    again.start()
    again.stop()


def test_a_killed_server_answers_nobody_any_more_and_starts_again_at_once(private: Path) -> None:
    server = PostgresServer(private, sync=False)
    server.start()
    sessions = [psycopg.connect(server.dsn, autocommit=True) for _ in range(8)]
    for session in sessions:
        session.execute("CREATE TABLE IF NOT EXISTS t(n int)")
    pid = server.pid
    assert pid is not None
    processes = children_of(pid)
    assert len(processes) > len(sessions)
    for each in processes:  # as on a machine that is too busy for them to notice anything
        os.kill(each, signal.SIGSTOP)
    try:
        server.kill()
        for session in sessions:
            with pytest.raises(psycopg.OperationalError):
                session.execute("INSERT INTO t VALUES (1)")
        assert not [each for each in processes if command_of(each)], "none but ended ones"
        server.kill()
        began = server.log_path.stat().st_size
        server.start()
        assert "still in use" not in server.log_path.read_text()[began:]
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    finally:
        server.stop()


def test_a_database_that_was_left_half_made_is_made_anew(private: Path) -> None:
    (private / "data.new").mkdir(parents=True)
    (private / "data.new" / "PG_VERSION").write_text("half")
    prepare(private, sync=False)
    prepare(private, sync=False)
    assert not (private / "data.new").exists()
    assert (private / "data" / "PG_VERSION").read_text().strip() == "18"
    assert dsn_of(private, 5432).endswith("@127.0.0.1:5432/postgres")


def test_a_server_that_cannot_start_says_where_its_log_is(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(private, sync=False)
    (private / "data" / "postgresql.conf").write_text("nonsense = 1\n")
    monkeypatch.setattr("cahier_ledger.postgres.server.READY_TIMEOUT_S", 1.0)
    server = PostgresServer(private, sync=False)
    with pytest.raises(PostgresFailed, match=r"postgres\.log"):
        server.start()
    assert "nonsense" in server.log_path.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
def test_root_keeps_no_right_but_to_pass_folders(private: Path) -> None:
    command = server_command(private, 1)
    identity = command[: command.index(next(part for part in command if "bin/postgres" in part))]
    shown = subprocess.run(
        [*identity, "cat", "/proc/self/status"], capture_output=True, text=True, check=True
    ).stdout
    status = dict(line.split(":\t", 1) for line in shown.splitlines() if ":\t" in line)
    assert set(status["Uid"].split()) == {"65534"}
    assert int(status["CapEff"], 16) == 1 << 1, "CAP_DAC_OVERRIDE"
