"""Pages a second of the portal, against the bare page of its web framework in the same run.

What the services behind the portal do for a page counts by the clock; processor seconds are the
portal's alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx
import psutil

from benchmarks.bare_page import PREFIX
from benchmarks.city import City, open_city
from benchmarks.processes import Server, running
from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes

CALLERS = 8
BARE_TIMES = 10
"""The bare page is asked for so many times as often, so that its rounds are not too short."""


@dataclass
class Page:
    """One page. per_wall, per_cpu: pages a second and a processor second, by round."""

    name: str
    path: str
    server: Server
    times: int
    per_wall: list[float] = field(default_factory=list)
    per_cpu: list[float] = field(default_factory=list)
    size_bytes: int = 0


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table and the ratios."""
    report = Report(f"pages: of the portal, {CALLERS} callers that keep their connections")
    with open_city(folder) as city, running("benchmarks.bare_page", folder, PREFIX, {}) as bare:
        pages = _pages(city, bare, sizes)
        for number in range(sizes.rounds + 1):
            for page in pages:
                asyncio.run(_measure(page, keep=number > 0))
    report.table(
        ("pages a second (median of rounds)", "bytes", "wall", "server CPU"),
        [(p.name, p.size_bytes, median(p.per_wall), median(p.per_cpu)) for p in pages],
    )
    bare_page, *ours = pages
    for page in ours:
        report.ratio(
            f"{page.name}, to the bare page, wall", ratio_of(page.per_wall, bare_page.per_wall)
        )
        report.ratio(
            f"{page.name}, to the bare page, CPU", ratio_of(page.per_cpu, bare_page.per_cpu)
        )
    return report


def _pages(city: City, bare: Server, sizes: Sizes) -> list[Page]:
    portal = Server(urlsplit(city.portal).netloc, psutil.Process(city.pids["portal"]))
    with httpx.Client(base_url=f"{city.portal}/api/v1", trust_env=False) as http:
        process = http.get("/processes").json()["processes"][0]["id"]
    election = city.election_id
    return [
        Page("bare page", "/", bare, sizes.pages * BARE_TIMES),
        Page("proposal list", f"/processes/{process}", portal, sizes.pages),
        Page("budget page", f"/budgets/{election}", portal, sizes.pages),
    ]


async def _measure(page: Page, *, keep: bool) -> None:
    turns = iter(range(page.times))
    cpu_s, started_s = page.server.cpu_s(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(_caller(page, turns)) for _ in range(CALLERS)]
    wall_s = time.perf_counter() - started_s
    page.size_bytes = callers[0].result()
    if keep:
        page.per_wall.append(page.times / wall_s)
        page.per_cpu.append(page.times / max(page.server.cpu_s() - cpu_s, 1e-9))


async def _caller(page: Page, turns: Iterator[int]) -> int:
    """Asks in turn, by HTTP/1.1 as plain as can be; answers the size of the last body."""
    host, _, port = page.server.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    asked = f"GET {page.path} HTTP/1.1\r\nHost: {page.server.address}\r\n\r\n".encode()
    size = 0
    for _ in turns:
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{page.path}: {head.splitlines()[0]!r}")
        lines = head.lower().split(b"\r\n")
        size = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        await reader.readexactly(size)
    writer.close()
    return size
