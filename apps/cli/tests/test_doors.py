"""What a command learns of a city that is not, or only half, there."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from cahier_cli.city import CityError, CityFolder
from cahier_cli.doors import Doors
from cahier_cli.token import token
from cahier_kernel.errors import Unavailable
from cahier_kernel.ports import free_port
from cahier_record.events import SERVICES


def folder_that_tells(root: Path, pid: int) -> CityFolder:
    """A city's folder whose run.json names one process, and a portal that does not answer."""
    away = f"127.0.0.1:{free_port()}"
    running = {
        "portal": f"http://{away}",
        "grpc": dict.fromkeys(SERVICES, away),
        "pids": {"nats": pid},
    }
    (root / "run.json").write_text(json.dumps(running), "utf-8")
    return CityFolder(root)


async def test_a_portal_that_is_being_started_again_is_away(tmp_path: Path) -> None:
    async with Doors(folder_that_tells(tmp_path, os.getpid())) as doors:
        with pytest.raises(Unavailable, match="portal_away"):
            await doors.settable_clock()
        with pytest.raises(Unavailable, match="portal_away"):
            await doors.set_clock(datetime(2030, 1, 1, tzinfo=UTC))


def test_what_a_killed_city_left_behind_is_no_city(tmp_path: Path) -> None:
    pid_max = int(Path("/proc/sys/kernel/pid_max").read_text("ascii"))
    with pytest.raises(CityError, match="no city runs on"):
        Doors(folder_that_tells(tmp_path, pid_max))


def test_no_token_is_made_without_the_citys_key(tmp_path: Path) -> None:
    folder = CityFolder(tmp_path)
    folder.prepare("demo")
    folder.token_private_key.unlink()
    done = CliRunner().invoke(token, ["staff", "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "No such file or directory" in done.stderr
