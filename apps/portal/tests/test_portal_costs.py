"""Costs are folded from the log as it grows; a log that went on otherwise is read anew."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cahier_kernel.errors import Unavailable
from cahier_ledger.leaves import make_leaf
from cahier_portal.costs import StagedCosts
from cahier_portal.doors import LogDoors
from cahier_portal.publiclog import PublicLogs
from cahier_record.budget import events
from cahier_record.budget.events import Rules
from cahier_record.events import PublicEvent

ELECTION, PROJECT, PAGE = "e", "p", 2
CREATED = events.ElectionCreated(
    election=ELECTION,
    envelope_cents=5_000,
    currency="EUR",
    opens_at="",
    closes_at="",
    rules=Rules(vote_type="approval", rule="greedy"),
)
ADDED = events.ProjectAdded(election=ELECTION, project=PROJECT, number=1, proposal="q")


def costed(cents: int) -> PublicEvent:
    return events.ProjectCosted(election=ELECTION, project=PROJECT, cost_cents=cents)


class Budget:
    """Answers `/history/e` over HTTP as budget does, and counts what was asked."""

    def __init__(self) -> None:
        self.leaves: list[Any] = []
        self.asked: list[int] = []
        budget = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(budget.past(self.path)).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def write(self, *told: PublicEvent, name: str = "event") -> None:
        for event in told:
            seq = len(self.leaves) + 1
            at = datetime(2026, 3, seq, tzinfo=UTC)
            leaf = make_leaf("budget", event.TYPE, f"{name}-{seq}", at, event.data())
            self.leaves.append(json.loads(leaf.leaf))

    def past(self, path: str) -> dict[str, Any]:
        after = int(parse_qs(urlsplit(path).query)["after"][0])
        self.asked.append(after)
        entries = [
            {"seq": seq, "epoch": 1, "index": seq - 1, "ballots": 0, "leaf": leaf}
            for seq, leaf in enumerate(self.leaves, 1)
            if seq > after
        ]
        return {"entries": entries[:PAGE], "ballots": 0, "more": len(entries) > PAGE}


@pytest.fixture
def log() -> Iterator[Budget]:
    made = Budget()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
async def doors(log: Budget) -> Any:
    made = LogDoors({"budget": f"http://127.0.0.1:{log.server.server_port}"})
    yield made
    await made.close()


async def estimates(costs: StagedCosts) -> list[int]:
    told = await costs.of_project(ELECTION, PROJECT)
    return [each.cents for each in told.stages]


async def test_only_what_came_since_is_read_again(log: Budget, doors: LogDoors) -> None:
    costs = StagedCosts(PublicLogs(doors))
    log.write(CREATED, ADDED, costed(10), costed(20))
    assert await estimates(costs) == [10, 20]
    assert log.asked == [0, 2]
    log.asked.clear()
    log.write(costed(30))
    assert await estimates(costs) == [10, 20, 30]
    assert await estimates(costs) == [10, 20, 30]
    assert log.asked == [3, 4]


async def test_a_log_that_was_put_back_and_went_on_otherwise_is_read_anew(
    log: Budget, doors: LogDoors
) -> None:
    costs = StagedCosts(PublicLogs(doors))
    log.write(CREATED, ADDED, costed(10), costed(20))
    assert await estimates(costs) == [10, 20]
    del log.leaves[3:]
    log.write(costed(40), costed(50), name="other")
    assert await estimates(costs) == [10, 40, 50]
    del log.leaves[3:]
    assert await estimates(costs) == [10]


async def test_what_the_log_does_not_name_costs_nothing(log: Budget, doors: LogDoors) -> None:
    costs = StagedCosts(PublicLogs(doors))
    assert await estimates(costs) == []
    log.write(CREATED)
    assert (await costs.of_project(ELECTION, PROJECT)).stages == ()


async def test_without_a_log_nothing_is_said() -> None:
    costs = StagedCosts(PublicLogs(LogDoors({})))
    with pytest.raises(Unavailable):
        await costs.of_election(ELECTION)
