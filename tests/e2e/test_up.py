"""`cahier up`, to the letter of its contract."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e
UNITS = ("nats", "identity", "consultation", "reporting", "budget", "notifications", "portal")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def all_gone(pids: dict[str, int]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not any(map(alive, pids.values())):
            return True
        time.sleep(0.05)
    return False


def test_a_city_says_where_it_is(new_city: Callable[..., Any]) -> None:
    city = new_city()
    assert city.start() == f"ready http://127.0.0.1:{city.port}"
    running = city.running
    assert running["portal"] == city.url
    assert set(running) == {"portal", "nats", "grpc", "metrics", "pids"}
    assert set(running["grpc"]) == {
        "identity",
        "consultation",
        "reporting",
        "budget",
        "notifications",
    }
    assert set(running["metrics"]) == {
        "identity",
        "consultation",
        "reporting",
        "budget",
        "notifications",
        "portal",
    }
    own = {"postgres"} if city.folder.store == "postgres" else set()
    assert set(running["pids"]) == set(UNITS) | own
    assert city.folder.database_file.exists() == bool(own)
    for base in running["metrics"].values():
        for path in ("healthz", "readyz", "metrics"):
            assert httpx.get(f"{base}/{path}", trust_env=False).status_code == 200, (base, path)
    assert city.stop() == 0
    assert all_gone(running["pids"])
    assert not city.folder.run_file.exists()
    assert not city.folder.database_file.exists()


def test_a_second_city_on_a_live_folder_exits_2(shared_city: Any, cahier: Any) -> None:
    second = cahier("up", "--data", shared_city.folder.root, "--port", "1")
    assert second.returncode == 2
    assert "already running" in second.stderr


def test_a_taken_port_exits_2(shared_city: Any, cahier: Any, tmp_path: Any) -> None:
    second = cahier("up", "--data", tmp_path / "other", "--port", shared_city.port)
    assert second.returncode == 2
    assert "--port" in second.stderr


def test_a_folder_that_cannot_be_made_exits_2_with_one_line(cahier: Any, tmp_path: Any) -> None:
    (tmp_path / "file").touch()
    for command in (("up",), ("demo", "--exit")):
        refused = cahier(*command, "--data", tmp_path / "file" / "city", "--port", "1")
        assert refused.returncode == 2, command
        assert refused.stderr.endswith(f"Not a directory: '{tmp_path}/file/city'\n")
        assert len(refused.stderr.splitlines()) == 1


def test_a_name_that_no_city_can_have_is_not_kept(cahier: Any, tmp_path: Any, port: int) -> None:
    refused = cahier("up", "--data", tmp_path / "c", "--city", "New Town.>", "--port", port)
    assert refused.returncode == 2
    assert "not a city's name: 'New Town.>'" in refused.stderr
    assert not (tmp_path / "c" / "city.json").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_city_that_is_stopped_while_it_starts_ends_cleanly(
    new_city: Callable[..., Any], how: signal.Signals
) -> None:
    city = new_city()

    def start() -> None:
        with suppress(RuntimeError):  # It never says that it is ready.
            city.start()

    starting = threading.Thread(target=start)
    starting.start()
    city.wait_until("a service starts", (city.folder.root / "logs" / "identity.log").exists)
    city.process.send_signal(how)
    starting.join()
    assert city.process.returncode == 0
    assert not city.folder.run_file.exists()


def test_a_stopped_city_keeps_its_name(city: Any, cahier: Any) -> None:
    assert city.stop(signal.SIGINT) == 0
    renamed = cahier("up", "--data", city.folder.root, "--city", "other", "--port", city.port)
    assert renamed.returncode == 2
    assert "belongs to the city demo" in renamed.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_a_killed_unit_is_started_again(shared_city: Any, unit: str) -> None:
    killed = shared_city.kill_unit(unit)
    shared_city.wait_until(
        f"{unit} has a new pid", lambda: shared_city.running["pids"][unit] != killed
    )
    for name in UNITS[1:]:
        shared_city.wait_until(f"{name} answers again", lambda name=name: shared_city.answers(name))


def test_units_are_restarted_while_nobody_can_be_told(shared_city: Any) -> None:
    """As on a full disk: run.json stays as it was, and is true again as soon as it can be."""
    before = shared_city.running["pids"]["notifications"]
    in_the_way = shared_city.folder.root / "run.json.new"
    in_the_way.mkdir()
    shared_city.kill_unit("notifications")
    shared_city.wait_until("it is gone", lambda: not alive(before))
    shared_city.wait_until("it answers again", lambda: shared_city.answers("notifications"))
    assert shared_city.running["pids"]["notifications"] == before
    in_the_way.rmdir()
    shared_city.wait_until(
        "run.json is true", lambda: alive(shared_city.running["pids"]["notifications"])
    )
    again = shared_city.kill_unit("notifications")
    shared_city.wait_until(
        "it is started again", lambda: shared_city.running["pids"]["notifications"] != again
    )


def test_a_terminals_interrupt_reaches_the_supervisor_alone(shared_city: Any) -> None:
    pids = shared_city.running["pids"].values()
    assert [os.getpgid(pid) for pid in pids] == list(pids)


def test_units_die_with_their_parent(city: Any, cahier: Any, small_pb: Any) -> None:
    pids = city.running["pids"]
    city.stop(signal.SIGKILL)
    assert all_gone(pids)
    # What it left behind is not taken for a city that runs.
    assert city.folder.run_file.exists()
    for command in (("dead", "list"), ("import", "pabulib", small_pb)):
        refused = cahier(*command, "--data", city.folder.root)
        assert refused.returncode == 2, refused.stderr
        assert "no city runs on" in refused.stderr


def test_a_token_is_printed_on_the_last_line(shared_city: Any, cahier: Any, tmp_path: Any) -> None:
    printed = cahier("token", "staff", "--data", shared_city.folder.root)
    assert printed.returncode == 0
    assert printed.stdout.splitlines()[-1].count(".") == 2
    assert cahier("token", "king", "--data", shared_city.folder.root).returncode == 2
    nowhere = cahier("token", "staff", "--data", tmp_path / "nowhere")
    assert nowhere.returncode == 2
    assert "holds no city" in nowhere.stderr


def test_the_clock_is_set_only_where_the_city_allows_it(
    shared_city: Any, new_city: Callable[..., Any]
) -> None:
    def set_clock(url: str) -> int:
        body = {"now": "2022-10-03T00:00:00Z"}
        return httpx.post(f"{url}/dev/clock", json=body, trust_env=False).status_code

    assert set_clock(shared_city.url) == 200
    told = httpx.get(f"{shared_city.url}/dev/clock", trust_env=False).json()["now"]
    assert told.startswith("2022-10-03")
    strict = new_city(name="strict")
    strict.start()
    assert set_clock(strict.url) == 404


def test_commands_of_later_releases_say_so(cahier: Any, tmp_path: Any) -> None:
    asked = cahier("open311", "key", "an app", "--data", tmp_path)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr.startswith("cahier open311 key: Open311 is served by a later release")
