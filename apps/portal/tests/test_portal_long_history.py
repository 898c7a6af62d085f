"""A history, which anybody may ask for, has a bound, and is put together beside the event loop."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from cahier_chassis.health import HttpServer
from cahier_ledger.leaves import make_leaf
from cahier_portal.disclosed import Texts
from cahier_portal.doors import LogDoors
from cahier_portal.pages.history import _in_order, _stood_at
from cahier_portal.publiclog import LEAVES_MAX, Entry, PublicLogs, Recorded
from cahier_portal.standing import election_at, proposal_at, report_at
from cahier_record.events import Leaf

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAGE = 500


class Watched(Entry):
    """Notes the threads that decode leaves."""

    threads: set[int] = set()

    @property
    def leaf(self) -> Leaf:
        self.threads.add(threading.get_ident())
        return super().leaf


class NoTexts:
    async def of(self, _: Entry) -> Texts:
        return Texts({}, 0)


def entry(number: int, event: str, **data: Any) -> Watched:
    service = event.partition(".")[0]
    leaf = make_leaf(service, event, f"e{number}", NOON + timedelta(seconds=number), data)
    recorded = Recorded(number, msgspec.Raw(leaf.leaf), seq=number + 1, service=service)
    return Watched(recorded)


def supported(count: int) -> list[Entry]:
    made = entry(
        0, "consultation.v1.proposal.proposal_submitted", process="p", proposal="x", author="a"
    )
    voices = (
        entry(n, "consultation.v1.support.proposal_supported", proposal="x", supporter=f"s{n}")
        for n in range(1, count)
    )
    return [made, *voices]


@pytest.fixture
async def log_of() -> AsyncIterator[Callable[[list[Entry]], Any]]:
    """Serves a thing's entries in pages, as a service does; answers the logs as a portal's."""
    open_now: list[Any] = []

    async def serve(entries: list[Entry]) -> PublicLogs:
        async def app(scope: Any, _: Any, send: Any) -> None:
            after = int(parse_qs(scope["query_string"].decode())["after"][0])
            page = [each.recorded for each in entries[after : after + PAGE]]
            told = {"entries": page, "ballots": 0, "more": after + PAGE < len(entries)}
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": msgspec.json.encode(told)})

        server = HttpServer(app)
        url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        doors = LogDoors({"consultation": url})
        open_now[:] = [server, doors]
        return PublicLogs(doors)

    yield serve
    server, doors = open_now
    await doors.close()
    await server.stop()


@pytest.mark.parametrize(("count", "is_cut"), [(LEAVES_MAX, False), (LEAVES_MAX + 700, True)])
async def test_a_history_has_a_bound_and_says_when_it_is_longer(
    log_of: Any, count: int, is_cut: bool
) -> None:
    logs = await log_of(supported(count))
    past = await logs.past("consultation", "x")
    assert (len(past.entries), past.cut) == (LEAVES_MAX, is_cut)


async def test_what_several_logs_tell_has_the_same_bound() -> None:
    entries = supported(LEAVES_MAX)
    assert await _in_order(entries[::-1]) == (entries, False)
    more = [*entries, entry(LEAVES_MAX, "budget.v1.election.project_added", project="p")]
    assert await _in_order(more[::-1]) == (entries, True)


async def test_leaves_are_decoded_and_folded_beside_the_event_loop() -> None:
    Watched.threads.clear()
    stood = await proposal_at(supported(50), "x", NoTexts())  # type: ignore[arg-type]
    assert stood is not None
    assert stood.supports == 49
    rules = {"vote_type": "approval", "rule": "greedy", "min_length": 1, "max_length": 2}
    about = {"envelope_cents": 1, "currency": "EUR", "opens_at": "a", "closes_at": "b"}
    made = entry(0, "budget.v1.election.election_created", election="e", rules=rules, **about)
    assert await election_at([made], "e", 0, NoTexts(), {}) is not None  # type: ignore[arg-type]
    lamp = {"category": "c", "department": "d"}
    defined = entry(0, "reporting.v1.category.category_defined", promise_days=1, **lamp)
    received = entry(
        1, "reporting.v1.report.report_received", report="r", state="unconfirmed", **lamp
    )
    assert await report_at([defined], [received], "r", NoTexts()) is not None  # type: ignore[arg-type]
    assert Watched.threads
    assert threading.get_ident() not in Watched.threads


def test_a_page_that_was_cut_shows_what_stood_at_its_end_and_not_today() -> None:
    last = "2026-11-22T13:00:00.000Z"
    end = datetime(2026, 11, 22, 13, tzinfo=UTC)
    assert _stood_at(None, "") is None
    assert _stood_at(NOON, "") == NOON
    assert _stood_at(None, last) == end
    assert _stood_at(end + timedelta(days=1), last) == end
    assert _stood_at(NOON, last) == NOON
