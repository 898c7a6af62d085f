"""What a command learns of a city that is not, or only half, there."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner

from cahier_chassis.errors import CALL_TOO_LONG, ServiceError
from cahier_chassis.grpc_calls import DeadlineExceeded
from cahier_cli.city import CityError, CityFolder, CityLock
from cahier_cli.doors import Doors, patiently
from cahier_cli.token import token
from cahier_kernel.errors import DomainError, Kind, Unavailable
from cahier_kernel.ports import free_port
from cahier_record.events import SERVICES

LATE = grpc.StatusCode.DEADLINE_EXCEEDED


def folder_that_tells(root: Path) -> CityFolder:
    """A city's folder whose run.json names a portal that does not answer."""
    away = f"127.0.0.1:{free_port()}"
    running = {
        "portal": f"http://{away}",
        "grpc": dict.fromkeys(SERVICES, away),
    }
    (root / "run.json").write_text(json.dumps(running), "utf-8")
    return CityFolder(root)


async def test_a_call_that_takes_longer_than_calls_may_is_asked_for_again() -> None:
    answers = iter(
        [
            DeadlineExceeded(30.0),
            ServiceError(Kind.UNAVAILABLE, "grpc_deadline_exceeded", "late", status=LATE),
            "counted",
        ]
    )

    async def count() -> str:
        answer = next(answers)
        if isinstance(answer, DomainError):
            raise answer
        return answer

    assert await patiently(count, *CALL_TOO_LONG) == "counted"


async def test_patience_ends_and_another_refusal_has_none() -> None:
    async def refuse() -> str:
        raise DeadlineExceeded(30.0)

    with pytest.raises(DeadlineExceeded):
        await patiently(refuse, *CALL_TOO_LONG, for_s=0.0)
    with pytest.raises(DeadlineExceeded):
        await patiently(refuse, "voting_not_due")


async def test_a_portal_that_is_being_started_again_is_away(tmp_path: Path) -> None:
    lock = CityLock(folder_that_tells(tmp_path))
    async with Doors(CityFolder(tmp_path)) as doors:
        with pytest.raises(Unavailable, match="portal_away"):
            await doors.settable_clock()
        with pytest.raises(Unavailable, match="portal_away"):
            await doors.set_clock(datetime(2030, 1, 1, tzinfo=UTC))
    lock.release()


def test_what_a_killed_city_left_behind_is_no_city(tmp_path: Path) -> None:
    CityLock(folder_that_tells(tmp_path)).release()
    with pytest.raises(CityError, match="no city runs on"):
        Doors(CityFolder(tmp_path))


def test_a_city_may_start_while_somebody_asks_whether_it_runs(tmp_path: Path) -> None:
    asked = CityLock(CityFolder(tmp_path))
    threading.Timer(0.08, asked.release).start()
    CityLock(CityFolder(tmp_path)).release()


def test_no_token_is_made_without_the_citys_key(tmp_path: Path) -> None:
    folder = CityFolder(tmp_path)
    folder.prepare("demo")
    folder.token_private_key.unlink()
    done = CliRunner().invoke(token, ["staff", "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "No such file or directory" in done.stderr
