"""What a command learns of a city that is not, or only half, there."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from cahier_chassis.errors import CALL_TOO_LONG, ServiceError
from cahier_chassis.grpc_calls import DeadlineExceeded
from cahier_cli.city import CityError, CityFolder
from cahier_cli.doors import Doors, patiently
from cahier_kernel.errors import DomainError, Kind, Unavailable
from cahier_kernel.ports import free_port
from cahier_record.events import SERVICES

LATE = grpc.StatusCode.DEADLINE_EXCEEDED


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
    async with Doors(folder_that_tells(tmp_path, os.getpid())) as doors:
        with pytest.raises(Unavailable, match="portal_away"):
            await doors.settable_clock()
        with pytest.raises(Unavailable, match="portal_away"):
            await doors.set_clock(datetime(2030, 1, 1, tzinfo=UTC))


def test_what_a_killed_city_left_behind_is_no_city(tmp_path: Path) -> None:
    pid_max = int(Path("/proc/sys/kernel/pid_max").read_text("ascii"))
    with pytest.raises(CityError, match="no city runs on"):
        Doors(folder_that_tells(tmp_path, pid_max))
