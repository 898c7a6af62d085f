"""Every stored event of every release can be read for ever: its golden file says so.

A file is written once and never changed. A new version of an event gets a file of its own; the
old one goes on being loaded through the upcasters.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import StoredEvent

from cahier_budget.application.stored import CODEC
from cahier_budget.domain import book_events, life, lineage, phases
from cahier_budget.domain.books import Books
from cahier_budget.domain.election import Election
from cahier_ledger.persistence import JsonTranscoder, TypedMapper

GOLDEN = Path(__file__).parent / "golden"
ELECTION_EVENTS = {
    event.TOPIC: event
    for owner in (Election, Books, book_events, life, lineage)
    for _, event in inspect.getmembers(owner, inspect.isclass)
    if issubclass(event, CanMutateAggregate) and hasattr(event, "TOPIC")
    if event not in (book_events.BooksChanged, phases.LifeChanged)
}


def newest_versions() -> dict[str, int]:
    versions = {
        topic: int(getattr(event, "class_version", 1)) for topic, event in ELECTION_EVENTS.items()
    }
    return versions | {topic: CODEC.codec(topic).version for topic in CODEC.topics}


def test_there_are_events_to_keep():
    assert len(newest_versions()) == 42


@pytest.mark.parametrize("topic", sorted(newest_versions()))
def test_every_version_of_every_stored_event_has_a_golden_file(topic):
    for version in range(1, newest_versions()[topic] + 1):
        assert (GOLDEN / f"{topic}.v{version}.json").exists(), f"{topic} version {version}"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_golden_file_is_read_to_its_last_field(path):
    topic, _, version = path.stem.rpartition(".v")
    data = path.read_bytes().strip()
    if topic in CODEC.topics:
        event = CODEC.decode(topic, data)
        written = CODEC.encode(event)[1]
    else:
        mapper = TypedMapper(JsonTranscoder())
        stored = StoredEvent(UUID(int=1), 1, topic, data)
        written = mapper.to_stored_event(mapper.to_domain_event(stored)).state
    if int(version) == newest_versions()[topic]:
        assert msgspec.json.decode(written) == msgspec.json.decode(data)
