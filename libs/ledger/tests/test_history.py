"""A thing's history holds every leaf that names it, and of ballots their number alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.history import (
    EPOCHS,
    GROWTH_POINTS_MAX,
    HISTORY,
    PAGE_SIZE,
    History,
    HistoryProjection,
    fold_history,
)
from cahier_ledger.leaves import make_leaf
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, StreamAppend

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Told:
    """A service's store that says things, and the index of what it said."""

    def __init__(self, ledger: Ledger, views: ViewDatabase) -> None:
        self.ledger = ledger
        self.projection = HistoryProjection(ledger, views, HISTORY, fold_history)
        self.history = History(ledger, views)
        self.said = 0

    async def say(self, kind: str, *, at: datetime | None = START, **data: Any) -> str:
        """One public event; gives its id."""
        self.said += 1
        leaf_id = f"leaf-{self.said}"
        leaf = make_leaf("budget", f"budget.v1.thing.{kind}", leaf_id, at, data)
        event = NewEvent("t", b"{}", public=leaf)
        await self.ledger.append(Append((StreamAppend(f"s-{self.said}", 0, (event,)),)))
        return leaf_id

    async def seen(self) -> None:
        assert await self.projection.wait_for(self.ledger.public_head(), 20)

    def types(self, thing: str) -> list[str]:
        entries = self.history.of(thing).entries
        return [json.loads(entry.leaf)["t"].rpartition(".")[2] for entry in entries]


@pytest.fixture
async def told(place: Any) -> AsyncIterator[Told]:
    ledger, views = place.open_ledger(), place.open_views()
    made = Told(ledger, views)
    async with running(made.projection):
        yield made
    await ledger.close()
    views.close()


@asynccontextmanager
async def running(projection: HistoryProjection) -> AsyncIterator[None]:
    task = asyncio.create_task(projection.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_history_holds_the_leaves_that_name_the_thing_in_their_order(told: Told) -> None:
    await told.say("election_created", election="e1", process="p1")
    await told.say("project_added", election="e1", project="j1", proposal="x1", number=1)
    await told.say("project_added", election="e2", project="j2", proposal="x2", number=1)
    await told.say("project_costed", election="e1", project="j1", cost_cents=5)
    await told.seen()

    assert told.types("e1") == ["election_created", "project_added", "project_costed"]
    assert told.types("x1") == ["project_added"]
    assert told.types("p1") == ["election_created"]
    assert told.types("unknown") == []
    places = [entry.place for entry in told.history.of("j1").entries]
    assert [(each.public_seq, each.epoch, each.index) for each in places] == [(2, 1, 1), (4, 1, 3)]


async def test_ballots_are_counted_and_never_listed(told: Told) -> None:
    await told.say("voting_opened", election="e1")
    for number in range(5):
        await told.say("ballot_cast", at=None, election="e1", sealed=str(number))
    await told.say("ballot_cast", at=None, election="e2", sealed="x")
    await told.say("voting_closed", election="e1")
    await told.seen()

    past = told.history.of("e1")
    assert told.types("e1") == ["voting_opened", "voting_closed"]
    assert [entry.ballots for entry in past.entries] == [0, 5]
    assert past.ballots == 5
    assert told.history.of("e2").entries == ()
    assert told.history.of("e2").ballots == 1


async def test_a_leaf_is_found_by_its_id_even_a_ballots(told: Told) -> None:
    await told.say("voting_opened", election="e1")
    ballot = await told.say("ballot_cast", at=None, election="e1", sealed="x")
    await told.seen()

    found = told.history.leaf(ballot)
    assert found is not None
    assert found.place.index == 1
    assert json.loads(found.leaf)["id"] == ballot
    assert told.history.leaf("nobody's") is None


async def test_an_erasure_stands_in_the_history_of_what_it_erased(told: Told) -> None:
    written = await told.say("proposal_submitted", proposal="x1", process="p1")
    await told.say("content_erased", index=0, leaf=written, basis="request")
    await told.seen()

    assert told.types("x1") == ["proposal_submitted", "content_erased"]
    assert told.types("p1") == ["proposal_submitted", "content_erased"]


async def test_in_a_new_epoch_an_index_counts_from_its_first_leaf(told: Told) -> None:
    await told.say("report_received", report="r1")
    await told.say("epoch_opened", epoch=2, previous_size=1)
    await told.say("report_closed", report="r1")
    await told.seen()

    first, second = (entry.place for entry in told.history.of("r1").entries)
    assert (first.epoch, first.index) == (1, 0)
    assert (second.epoch, second.index, second.public_seq) == (2, 1, 3)
    assert told.types(EPOCHS) == ["epoch_opened"]


async def test_a_category_is_told_by_its_definitions_alone(told: Told) -> None:
    await told.say("category_defined", category="LAMP")
    await told.say("report_received", report="r1", category="LAMP")
    await told.seen()

    assert told.types("LAMP") == ["category_defined"]


async def test_a_long_history_comes_in_pages(told: Told) -> None:
    for _ in range(5):
        await told.say("proposal_supported", proposal="x1")
    await told.seen()

    first = told.history.of("x1", size=3)
    assert first.more
    last = told.history.of("x1", after=first.entries[-1].place.public_seq, size=3)
    assert not last.more
    assert [entry.place.index for entry in (*first.entries, *last.entries)] == [0, 1, 2, 3, 4]
    assert len(told.history.of("x1", size=10 * PAGE_SIZE).entries) == 5


async def test_growth_tells_ballots_with_the_next_leaf_that_has_a_time(told: Told) -> None:
    await told.say("voting_opened", election="e1")
    await told.say("ballot_cast", at=None, election="e1")
    await told.seen()
    assert told.history.growth() == [("2026-11-22T12:00", 1)]
    await told.say("voting_closed", at=START + timedelta(minutes=3), election="e1")
    await told.seen()
    assert told.history.growth() == [("2026-11-22T12:00", 1), ("2026-11-22T12:03", 3)]


async def test_growth_over_long_times_is_told_more_coarsely(place: Any) -> None:
    views: ViewDatabase = place.open_views()
    views.declare(HISTORY)
    with views.transaction() as db:
        for number in range(GROWTH_POINTS_MAX + 20):
            at = START + timedelta(minutes=number)
            db.execute(
                "INSERT INTO history_growth VALUES (?, ?)", (at.isoformat()[:16], number + 1)
            )
    ledger = place.open_ledger()
    points = History(ledger, views).growth()
    assert points[0] == ("2026-11-22T12", 60)
    assert points[-1] == ("2026-11-22T18", GROWTH_POINTS_MAX + 20)
    await ledger.close()
    views.close()
