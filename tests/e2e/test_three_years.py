"""Three years after a vote, played on the city's own clock, to books that balance to the cent.

Real processes, a real result: contracts, invoices, delays, a river that stops a project, a picture
that somebody wants gone, followers who are told; and an auditor who finds the same from outside.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from cahier_chassis.grpc_client import ServiceChannel
from cahier_cli.doors import TokenSource
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1 import delivery_pb2 as own
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceStub
from cahier_kernel.clock import to_rfc3339

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
AUDIT = str(Path(sys.executable).parent / "cahier-audit")
MONTHS = 36
MONTH = timedelta(days=30)


def picture() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


class Years:
    """A city's staff and its clock."""

    def __init__(self, city: Any, election: str) -> None:
        self.city = city
        self.election = election
        self.random = Random(7)
        self.begun = datetime.now(UTC) + timedelta(days=1)

    def connect(self) -> None:
        """Opens the staff's line, in the loop that uses it."""
        self.channel = ServiceChannel(
            self.city.running["grpc"]["budget"],
            token=TokenSource(self.city.folder, "staff"),
            timeout_s=20,
        )
        self.budget: Any = BudgetServiceStub(self.channel)

    def go_to(self, month: int) -> date:
        """Sets the city's clock; the day."""
        now = self.begun + month * MONTH
        body = {"now": to_rfc3339(now)}
        answer = httpx.post(f"{self.city.url}/dev/clock", json=body, trust_env=False)
        assert answer.status_code == 200, answer.text
        return now.date()

    async def play(self, winners: list[Any]) -> None:
        """Three years: every winner is built but one."""
        tenders: dict[str, str] = {}
        milestones: dict[str, str] = {}
        for month in range(MONTHS):
            today = self.go_to(month)
            for place, each in enumerate(winners):
                about = {"election_id": self.election, "project_id": each.project_id}
                if place == 0 and month >= 20:
                    continue
                if month == 2 + place % 5:
                    milestones[each.project_id] = await self._begin(about, today)
                    tenders[each.project_id] = await self._tender(about, each.cost_cents, place)
                elif month == 12 and place % 2:
                    await self.budget.DelayMilestone(
                        own.DelayMilestoneRequest(
                            **about,
                            milestone_id=milestones[each.project_id],
                            due=(today + 12 * MONTH).isoformat(),
                            reason="the winter was long",
                        )
                    )
                elif month > 7 and month % 6 == place % 6:
                    await self._invoice(about, tenders[each.project_id])
            if month == 19:
                about = {"election_id": self.election, "project_id": winners[0].project_id}
                await self.budget.AbandonProject(
                    own.AbandonProjectRequest(**about, reason="a river was found")
                )
        await self._end(winners[1:], tenders, milestones)

    async def _begin(self, about: dict[str, str], today: date) -> str:
        planned = await self.budget.PlanMilestone(
            own.PlanMilestoneRequest(**about, title="Built", due=(today + 15 * MONTH).isoformat())
        )
        shown = await self.budget.AddPhoto(
            own.AddPhotoRequest(**about, data=picture(), alt="The place before")
        )
        if self.random.random() < 0.3:
            await self.budget.ErasePhoto(
                own.ErasePhotoRequest(**about, photo_id=shown.photo_id, basis="request")
            )
        return str(planned.milestone_id)

    async def _tender(self, about: dict[str, str], cost: int, place: int) -> str:
        books = await self.budget.GetBooks(own.GetBooksRequest(election_id=self.election))
        dearer = min(books.unallocated_cents, cost // 20) if place % 3 == 1 else -(cost // 10)
        request = own.AwardTenderRequest(
            **about,
            cents=max(1, cost + dearer),
            title="Works",
            contractor="Builders Ltd",
            top_up=dearer > 0,
            reason="steel is dear" if dearer > 0 else "",
        )
        return str((await self.budget.AwardTender(request)).tender_id)

    async def _invoice(self, about: dict[str, str], tender: str) -> None:
        told = await self.budget.GetDelivery(own.GetDeliveryRequest(**about))
        left = next(each.left_cents for each in told.tenders if each.tender_id == tender)
        if not left:
            return
        cents = max(1, left * self.random.randint(20, 60) // 100)
        paid = await self.budget.RecordExpenditure(
            own.RecordExpenditureRequest(
                **about, cents=cents, tender_id=tender, payee="Builders Ltd", reference="R/1"
            )
        )
        if self.random.random() < 0.1:
            await self.budget.ReverseExpenditure(
                own.ReverseExpenditureRequest(
                    **about, invoice_id=paid.invoice_id, reason="paid twice"
                )
            )

    async def _end(
        self, winners: list[Any], tenders: dict[str, str], milestones: dict[str, str]
    ) -> None:
        self.go_to(MONTHS)
        for each in winners:
            about = {"election_id": self.election, "project_id": each.project_id}
            await self._invoice(about, tenders[each.project_id])
            await self.budget.CloseTender(
                own.CloseTenderRequest(
                    **about, tender_id=tenders[each.project_id], reason="all is billed"
                )
            )
            await self.budget.ReachMilestone(
                own.ReachMilestoneRequest(**about, milestone_id=milestones[each.project_id])
            )
            await self.budget.FinishProject(own.FinishProjectRequest(**about, report="It stands."))
        await self.budget.CloseBooks(own.CloseBooksRequest(election_id=self.election))


def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AUDIT, *map(str, arguments)], capture_output=True, text=True, timeout=200, check=False
    )


@pytest.fixture
def years(new_city: Callable[..., Any], cahier: Any, small_pb: Path) -> Years:
    city = new_city("--dev-clock")
    city.start()
    done = cahier("import", "pabulib", small_pb, "--data", city.folder.root)
    assert done.returncode == 0, done.stderr + city.logs()
    return Years(city, str(done.stdout.splitlines()[-1]))


def test_three_years_of_delivery_end_in_books_that_balance(
    years: Years, visitor_class: Any, tmp_path: Path, cahier: Any
) -> None:
    city, election = years.city, years.election
    follower = visitor_class(city.url)
    follower.register("Ann", "ann@example.org")
    follower.go(f"/budgets/{election}")
    projects = follower.http.get(f"/api/v1/elections/{election}/projects").json()["projects"]

    async def play() -> Any:
        years.connect()
        asked = own.GetBooksRequest(election_id=election)
        books = await years.budget.GetBooks(asked)
        by_id = {each["id"]: each for each in projects}
        follow(follower, by_id[books.projects[1].project_id])
        await years.play(list(books.projects))
        ended = await years.budget.GetBooks(asked)
        result = await years.budget.GetResult(pb.GetResultRequest(election_id=election))
        await years.channel.close()
        return ended, result

    books, result = asyncio.run(play())
    assert books.closed
    assert books.envelope_cents == result.envelope_cents
    assert books.paid_cents + books.returned_cents == books.envelope_cents
    assert books.reserved_cents == books.committed_cents == books.unallocated_cents == 0
    assert {each.state for each in books.projects} == {"finished", "abandoned"}
    page = httpx.get(f"{city.url}/budgets/{election}/books", trust_env=False).text
    assert "they balance to the cent" in page
    text = httpx.get(f"{city.url}/budgets/{election}/books.csv", trust_env=False).text
    rows = list(csv.DictReader(io.StringIO(text)))
    cents = [round(float(row["amount"]) * 100) for row in rows]
    assert sum(cents) == 0
    paid = sum(n for n, row in zip(cents, rows, strict=True) if row["account"] == "paid")
    assert paid == books.paid_cents
    city.wait_until("Ann is told", lambda: "Finished: a project that you follow" in inbox(city))
    assert "Delayed: a project that you follow" in inbox(city)
    bundle = tmp_path / "bundle"
    done = cahier("export", "bundle", bundle, "--data", city.folder.root)
    assert done.returncode == 0, done.stderr
    replayed = audit("replay", bundle, "--json")
    assert replayed.returncode == 0, replayed.stderr
    told = next(
        each for each in json.loads(replayed.stdout)["elections"] if each["election"] == election
    )
    assert told["books"]["paid_cents"] == books.paid_cents
    assert told["books"]["returned_cents"] == books.returned_cents
    half = to_rfc3339(years.begun + 15 * MONTH)
    then = json.loads(audit("replay", bundle, "--at", half, "--json").stdout)["elections"][0]
    assert 0 < then["books"]["paid_cents"] < books.paid_cents
    assert not then["books"]["closed"]
    assert audit("recount", bundle, election).returncode == 0


def follow(visitor: Any, project: dict[str, Any]) -> None:
    proposal = project["proposal_id"]
    visitor.go(f"/proposals/{proposal}")
    visitor.send("/me/follows", level="all", step="follow")
    assert visitor.page.status_code == 200, visitor.page.text


def inbox(city: Any) -> str:
    return httpx.get(f"{city.url}/dev/inbox", trust_env=False).text
