"""The site carries logs and receipts on as services answer, and says who is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cahier_chassis.health import HttpServer
from cahier_kernel.errors import NotFound, Unavailable
from cahier_portal.doors import LogDoors

Door = Callable[[dict[str, tuple[int, bytes, dict[str, str]]]], Any]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """Serves fixed answers by path on a free port; 404 for the rest."""
    servers: list[HttpServer] = []

    async def open_door(answers: dict[str, tuple[int, bytes, dict[str, str]]]) -> str:
        async def app(scope: Any, _: Any, send: Any) -> None:
            status, body, headers = answers.get(scope["path"], (404, b"", {}))
            raw = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": raw})
            await send({"type": "http.response.body", "body": body})

        servers.append(HttpServer(app))
        return f"http://127.0.0.1:{await servers[-1].start('127.0.0.1', 0)}"

    yield open_door
    for server in servers:
        await server.stop()


AWAY = "http://127.0.0.1:9"


async def test_bytes_pass_as_they_are_with_how_long_they_may_be_kept(door: Any) -> None:
    tile = bytes(range(256)) * 32
    told = {"cache-control": "public, immutable", "content-type": "application/octet-stream"}
    hidden = {"set-cookie": "a=b", "server": "inside"}
    url = await door({"/tlog/tile/0/000": (200, tile, told | hidden)})
    doors = LogDoors({"budget": url})
    carried = await doors.file("budget", "tile/0/000")
    assert (carried.status, carried.body, carried.headers) == (200, tile, told)
    await doors.close()


@pytest.mark.parametrize("path", ["tile/0/001", "../metrics", "a%2fb", "x" * 201, "Tile", ""])
async def test_a_file_that_no_log_has_is_not_found(door: Any, path: str) -> None:
    doors = LogDoors({"budget": await door({"/metrics": (200, b"inside", {})})})
    with pytest.raises(NotFound):
        await doors.file("budget", path)
    with pytest.raises(NotFound):
        await doors.file("portal", "checkpoint")
    await doors.close()


async def test_a_receipt_is_found_in_whichever_log_it_stands(door: Any) -> None:
    here = await door({"/receipts/e-1": (202, b"{}", {"retry-after": "1"})})
    doors = LogDoors({"identity": await door({}), "budget": here, "reporting": AWAY})
    carried = await doors.receipt("e-1")
    assert (carried.status, carried.headers) == (202, {"retry-after": "1"})
    with pytest.raises(Unavailable):
        await doors.receipt("e-2")
    await doors.close()


async def test_a_receipt_that_no_log_has_is_not_found(door: Any) -> None:
    doors = LogDoors({"identity": await door({}), "budget": await door({})})
    for event_id in ("e-1", "../tlog/key", "x" * 65, ""):
        with pytest.raises(NotFound):
            await doors.receipt(event_id)
    await doors.close()


@pytest.mark.parametrize("status", [500, 503])
async def test_a_service_that_is_away_is_not_a_missing_file(door: Any, status: int) -> None:
    broken = await door({"/tlog/checkpoint": (status, b"", {})})
    doors = LogDoors({"budget": broken, "identity": AWAY})
    for service in ("budget", "identity"):
        with pytest.raises(Unavailable):
            await doors.file(service, "checkpoint")
    await doors.close()
