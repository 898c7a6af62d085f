"""Aggregates are loaded, decide, are saved and published, in one append."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate

from cahier_kernel.errors import Conflict, TooLarge
from cahier_ledger.aggregates import (
    AggregateNotFound,
    Aggregates,
    Publication,
    retry_on_conflict,
    stream_name,
)
from cahier_ledger.leaves import verify_disclosure
from cahier_ledger.model import (
    Appended,
    Idempotency,
    IdempotencyConflict,
    StoreUnavailable,
    StreamConflict,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Idea(BaseAggregate[UUID]):
    TOPIC = "town.idea"

    class Event(AggregateEvent):
        pass

    class Submitted(Event, AggregateCreated):
        TOPIC = "town.idea.submitted"
        title: str

    class Renamed(Event):
        TOPIC = "town.idea.renamed"
        title: str

        def apply(self, aggregate: Idea) -> None:
            aggregate.title = self.title

    class Noted(Event):
        TOPIC = "town.idea.noted"

    def __init__(self, title: str) -> None:
        self.title = title

    @classmethod
    def submit(cls, *, id: UUID, title: str, now: datetime) -> Idea:
        return cls._create(cls.Submitted, id=id, timestamp=now, title=title)

    def rename(self, title: str, *, now: datetime) -> None:
        self.trigger_event(self.Renamed, timestamp=now, title=title)

    def note(self, *, now: datetime) -> None:
        self.trigger_event(self.Noted, timestamp=now)


class Street(BaseAggregate[UUID]):
    TOPIC = "town.street"

    class Event(AggregateEvent):
        pass

    class Named(Event, AggregateCreated):
        TOPIC = "town.street.named"


def publish(event: Any, id: UUID) -> Publication | None:
    if isinstance(event, Idea.Submitted | Idea.Renamed):
        return Publication(
            "consultation.v1.idea.idea_titled",
            {"idea": str(id), "version": event.originator_version},
            {"title": event.title},
        )
    return None


@pytest.fixture
def ledger(place):
    ledger = place.open_ledger()
    yield ledger
    ledger.close_blocking()


@pytest.fixture
def aggregates(ledger) -> Aggregates:
    numbers = itertools.count(1)
    return Aggregates(
        ledger,
        "consultation",
        publish,
        lambda: f"leaf-{next(numbers)}",
        lambda: b'{"traceparent":"00-1"}',
    )


@pytest.fixture
def idea(aggregates) -> Idea:
    idea = Idea.submit(id=uuid4(), title="Bancs", now=NOW)
    aggregates.save(idea)
    return idea


def test_an_aggregate_is_loaded_as_it_was_saved(aggregates, idea):
    idea.rename("Des bancs", now=NOW + timedelta(seconds=1))
    aggregates.save(idea)
    loaded = aggregates.get(Idea, idea.id)
    assert loaded == idea
    assert (loaded.title, loaded.version) == ("Des bancs", 2)


def test_the_public_leaf_is_made_in_the_same_append(aggregates, ledger):
    idea = Idea.submit(id=uuid4(), title="Bancs", now=NOW)
    idea.note(now=NOW)
    idea.rename("Des bancs", now=NOW + timedelta(seconds=1))
    assert aggregates.save(idea) == Appended((1, 2, 3), (1, 2))
    first, second = ledger.read_public()
    assert [(row.seq, row.id) for row in (first, second)] == [(1, "leaf-1"), (3, "leaf-2")]
    body = json.loads(second.leaf)
    assert (body["svc"], body["t"], body["at"], body["data"]) == (
        "consultation",
        "consultation.v1.idea.idea_titled",
        "2026-11-22T09:00:01.000Z",
        {"idea": str(idea.id), "version": 3},
    )
    (title,) = ledger.disclosures("leaf-2")
    assert title.value == "Des bancs"
    assert verify_disclosure(second.leaf, title)
    assert b"bancs" not in second.leaf


def test_events_carry_their_time_and_trace_beside_them(aggregates, ledger, idea):
    (row,) = ledger.read_stream(stream_name(idea.id))
    assert row.type == "town.idea.submitted"
    assert row.recorded_at == "2026-11-22T09:00:00.000Z"
    assert row.meta == b'{"traceparent":"00-1"}'
    assert ledger.read_public()[0].meta == row.meta


def test_saving_without_news_stores_nothing(aggregates, ledger, idea):
    assert aggregates.save(idea) == Appended((), ())
    assert ledger.head_seq() == 1


def test_who_is_not_there_is_not_found(aggregates, idea):
    with pytest.raises(AggregateNotFound) as caught:
        aggregates.get(Idea, uuid4())
    assert caught.value.code == "idea_not_found"
    with pytest.raises(AggregateNotFound) as caught:
        aggregates.get(Street, idea.id)
    assert caught.value.code == "street_not_found"
    with pytest.raises(AggregateNotFound) as caught:
        aggregates.get(Idea, uuid4(), code="no_such_thing")
    assert caught.value.code == "no_such_thing"


def test_the_slower_of_two_savers_conflicts_and_saving_again_never_loses_silently(
    aggregates, ledger, idea
):
    slower = aggregates.get(Idea, idea.id)
    idea.rename("First", now=NOW)
    aggregates.save(idea)
    slower.rename("Second", now=NOW)
    for _ in range(2):
        with pytest.raises(Conflict):
            aggregates.save(slower)
    assert ledger.head_seq() == 2
    assert aggregates.get(Idea, idea.id).title == "First"


def test_reloading_and_deciding_again_resolves_a_conflict(aggregates, idea):
    interruptions = iter(["One", "Two"])

    def rename() -> int:
        mine = aggregates.get(Idea, idea.id)
        for title in itertools.islice(interruptions, 1):
            theirs = aggregates.get(Idea, idea.id)
            theirs.rename(title, now=NOW)
            aggregates.save(theirs)
        mine.rename(mine.title + "!", now=NOW)
        aggregates.save(mine)
        return mine.version

    assert retry_on_conflict(rename) == 4
    assert aggregates.get(Idea, idea.id).title == "Two!"


def test_conflicts_are_retried_a_bounded_number_of_times():
    calls = itertools.count(1)

    def always() -> None:
        next(calls)
        raise StreamConflict("s", 1, 2)

    with pytest.raises(StreamConflict):
        retry_on_conflict(always, attempts=3)
    assert next(calls) == 4


def test_several_aggregates_are_saved_together_or_not_at_all(aggregates, ledger, idea):
    slower = aggregates.get(Idea, idea.id)
    idea.note(now=NOW)
    aggregates.save(idea)
    street = Street._create(Street.Named, id=uuid4(), timestamp=NOW)
    slower.note(now=NOW)
    with pytest.raises(StreamConflict):
        aggregates.save(street, slower)
    assert ledger.stream_version(stream_name(street.id)) == 0
    fresh = aggregates.get(Idea, idea.id)
    fresh.note(now=NOW)
    assert aggregates.save(street, fresh) == Appended((3, 4), ())


def test_a_save_may_require_another_stream_unchanged(aggregates, idea):
    street = Street._create(Street.Named, id=uuid4(), timestamp=NOW)
    with pytest.raises(StreamConflict):
        aggregates.save(street, requires=((stream_name(idea.id), 7),))
    assert aggregates.save(street, requires=((stream_name(idea.id), 1),)) == Appended((2,), ())


def test_an_answer_is_kept_with_what_it_answers(aggregates, ledger, idea):
    kept = Idempotency("key", b"d", b"answer")
    idea.note(now=NOW)
    aggregates.save(idea, idempotency=kept)
    assert ledger.recall("key") == kept
    idea.note(now=NOW)
    with pytest.raises(IdempotencyConflict):
        aggregates.save(idea, idempotency=kept)
    assert ledger.stream_version(stream_name(idea.id)) == 2
    assert aggregates.save(
        aggregates.get(Idea, idea.id), idempotency=Idempotency("other", b"d", b"nothing to do")
    ) == Appended((), ())


def test_a_leaf_too_large_refuses_the_save(ledger, idea):
    def shout(event: Any, id: UUID) -> Publication:
        return Publication("consultation.v1.idea.shouted", {"text": "x" * 70_000})

    loud = Aggregates(ledger, "consultation", shout, lambda: "leaf-x")
    idea.note(now=NOW)
    with pytest.raises(TooLarge) as caught:
        loud.save(idea)
    assert caught.value.code == "leaf_too_large"
    assert ledger.head_seq() == 1


def test_a_publication_may_choose_its_id(ledger, idea):
    def named(event: Any, id: UUID) -> Publication:
        return Publication("t", {}, id=f"{id}-{event.originator_version}")

    idea.note(now=NOW)
    Aggregates(ledger, "consultation", named, lambda: "unused").save(idea)
    assert ledger.public_by_id(f"{idea.id}-2") is not None


def test_an_ill_typed_event_is_not_stored(aggregates, ledger, idea):
    idea.rename(7, now=NOW)
    with pytest.raises(TypeError):
        aggregates.save(idea)
    assert ledger.head_seq() == 1


async def test_aggregates_are_saved_in_threads_never_on_the_event_loop(aggregates, ledger):
    idea = Idea.submit(id=uuid4(), title="Bancs", now=NOW)
    with pytest.raises(RuntimeError):
        aggregates.save(idea)
    assert await asyncio.to_thread(aggregates.save, idea) == Appended((1,), (1,))


async def test_many_threads_save_through_one_group_commit(aggregates, ledger):
    ideas = [Idea.submit(id=uuid4(), title=f"Idea {n}", now=NOW) for n in range(40)]
    await asyncio.gather(*(asyncio.to_thread(aggregates.save, idea) for idea in ideas))
    assert [row.seq for row in ledger.read_all()] == list(range(1, 41))
    assert len(ledger.read_public()) == 40


def test_a_closed_store_is_unavailable(aggregates, ledger, idea):
    ledger.close_blocking()
    idea.note(now=NOW)
    with pytest.raises(StoreUnavailable):
        aggregates.save(idea)
