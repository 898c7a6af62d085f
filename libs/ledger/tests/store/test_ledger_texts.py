"""Texts stand once, apart from their events, are put back on reading, and can be erased."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate
from hypothesis import given
from hypothesis import strategies as st

from cahier_kernel.texts import ERASED
from cahier_ledger import texts
from cahier_ledger.aggregates import Aggregates, Publication
from cahier_ledger.leaves import make_leaf
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import (
    Append,
    Disclosure,
    Erasure,
    NewEvent,
    StoredEvent,
    StreamAppend,
    StreamConflict,
)
from cahier_ledger.sqlite import BUSY_TIMEOUT_S

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CANARY = "Jeanne Canari, 3 rue des Lilas"
LINES = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


def told(leaf_id: str, data: dict[str, object], private=(), **disclosed: str) -> NewEvent:
    leaf = make_leaf("t", "t.v1.thing.done", leaf_id, NOW, {}, disclosed)
    return texts.apart(NewEvent("t.done", json.dumps(data).encode(), public=leaf), private)


def one(stream: str, *events: NewEvent, version: int = 0) -> Append:
    return Append((StreamAppend(stream, version, events),))


def files_with(folder: Path, canary: str) -> list[str]:
    return [
        file.name
        for file in folder.rglob("*")
        if file.is_file() and canary.encode() in file.read_bytes()
    ]


class TestTakingApart:
    def test_what_the_leaf_discloses_leaves_the_event(self):
        event = told("l1", {"author": "a", "title": "Bancs"}, title="Bancs")
        assert event.data == b'{"~":{"l1":["title"]},"author":"a"}'
        assert event.texts == ()

    def test_private_texts_leave_the_event_too(self):
        event = told("l1", {"title": "Bancs", "mail": "a@b.c"}, ("mail",), title="Bancs")
        assert event.data == b'{"~":{"l1":["title"],"@":["mail"]}}'
        assert event.texts == (("mail", "a@b.c"),)

    def test_a_field_that_says_something_else_than_its_disclosure_stays(self):
        assert told("l1", {"title": "secret"}, title="shown").data == b'{"title": "secret"}'

    def test_an_event_without_texts_is_left_alone(self):
        event = NewEvent("t.done", b"no object")
        assert texts.apart(event) is event

    def test_a_private_field_is_text(self):
        with pytest.raises(TypeError, match="is text"):
            texts.apart(NewEvent("t.done", b'{"n":1}'), ("n",))

    def test_a_version_stays_in_front(self):
        new = told("l1", {"v": 2, "title": "Bancs", "n": 1}, title="Bancs")
        stored = StoredEvent(1, "s", 1, new.type, new.data, b"", None)
        (whole,) = texts.filled([stored], lambda ids: [("l1", "title", "Bancs")])
        assert whole.data == b'{"v":2,"n":1,"title":"Bancs"}'

    @given(st.dictionaries(LINES.filter(lambda name: "}" not in name and name != "~"), LINES))
    def test_what_was_taken_apart_reads_as_before(self, values):
        names = list(values)
        event = told("leaf", {"n": 1, **values}, names[::2], **{n: values[n] for n in names[1::2]})
        stored = StoredEvent(7, "s", 3, event.type, event.data, b"", None)
        disclosed = event.public.disclosures if event.public else ()
        kept = [("leaf", each.name, each.value) for each in disclosed]
        kept += [("s@3", name, value) for name, value in event.texts]
        (whole,) = texts.filled([stored], lambda ids: kept)
        assert json.loads(whole.data) == {"n": 1, **values}
        (gone,) = texts.filled([stored], lambda ids: [])
        assert json.loads(gone.data) == {"n": 1, **dict.fromkeys(values, ERASED)}


class TestStoring:
    async def test_a_text_is_stored_once_and_read_in_its_place(self, store):
        event = told("l1", {"title": "Bancs", "mail": "a@b.c"}, ("mail",), title="Bancs")
        await store.append(one("s", event))
        for rows in (store.read_stream("s"), store.read_all()):
            assert json.loads(rows[0].data) == {"title": "Bancs", "mail": "a@b.c"}
        assert [each.name for each in store.disclosures("l1")] == ["title"]
        assert [each.value for each in store.disclosures("s@1")] == ["a@b.c"]
        assert next(iter(store.iter_data("t.done")))[1] == event.data

    async def test_erased_texts_are_gone_and_read_as_erased(self, store):
        gone = told("l1", {"title": "Bancs", "mail": "a@b.c"}, ("mail",), title="Bancs")
        stays = told("l2", {"title": "Arbres"}, title="Arbres")
        await store.append(one("s", gone, stays))
        leaf = store.public_by_id("l1").leaf
        erases = (Erasure("l1"), Erasure(texts.place_of("s", 1)))
        await store.append(Append(one("e", NewEvent("t.erased", b"{}")).streams, erases=erases))
        first, second, _ = store.read_all()
        assert json.loads(first.data) == {"title": ERASED, "mail": ERASED}
        assert json.loads(second.data) == {"title": "Arbres"}
        assert store.disclosures("l1") == store.disclosures("s@1") == []
        assert store.public_by_id("l1").leaf == leaf

    async def test_a_text_that_an_older_release_stored_inside_is_erased_there(self, store):
        leaf = make_leaf("t", "t.v1.thing.done", "l1", NOW, {}, {"title": "Bancs"})
        inside = NewEvent("t.done", b'{"title":"Bancs","mail":"a@b.c","n":1,"lat":4}', public=leaf)
        await store.append(one("s", inside))
        assert json.loads(store.read_all()[0].data)["title"] == "Bancs"
        erases = (Erasure("l1"), Erasure("s@1", inside=("mail", "lat")))
        await store.append(Append(one("e", NewEvent("t.erased", b"{}")).streams, erases=erases))
        found = json.loads(store.read_all()[0].data)
        assert found == {"title": ERASED, "mail": ERASED, "n": 1, "lat": None}

    async def test_an_append_that_conflicts_erases_nothing(self, store):
        await store.append(one("s", told("l1", {"title": "Bancs"}, title="Bancs")))
        late = one("s", NewEvent("t.erased", b"{}"))
        with pytest.raises(StreamConflict):
            await store.append(Append(late.streams, erases=(Erasure("l1"),)))
        assert store.disclosures("l1") != []

    async def test_erasing_twice_and_what_never_was_does_no_harm(self, store):
        for version in range(2):
            erases = (Erasure("nothing"), Erasure("no-stream@1"))
            part = StreamAppend("e", version, (NewEvent("t.erased", b"{}"),))
            await store.append(Append((part,), erases=erases))
        assert store.head_seq() == 2


def test_no_file_of_the_store_holds_an_erased_text(tmp_path):
    ledger = Ledger.open(tmp_path / "events.db")
    for number in range(200):  # neighbours on every page, short and long
        text = f"{number} {CANARY} " + "x" * (number * 37 % 6000)
        event = told(f"l{number}", {"title": text, "mail": CANARY}, ("mail",), title=text)
        ledger.append_blocking(one(f"s{number}", event))
    assert files_with(tmp_path, CANARY)
    erases = tuple(Erasure(id) for n in range(200) for id in (f"l{n}", f"s{n}@1"))
    ledger.append_blocking(Append(one("e", NewEvent("t.erased", b"{}")).streams, erases=erases))
    assert files_with(tmp_path, CANARY) == []
    ledger.close_blocking()
    assert files_with(tmp_path, CANARY) == []


def test_a_reader_in_the_way_delays_the_scrubbing_and_does_not_fail_the_append(tmp_path):
    ledger = Ledger.open(tmp_path / "events.db")
    ledger.append_blocking(one("s", told("l1", {"title": CANARY}, title=CANARY)))
    reader = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM events").fetchall()
    part = StreamAppend("e", 0, (NewEvent("t.erased", b"{}"),))
    started = time.monotonic()
    ledger.append_blocking(Append((part,), erases=(Erasure("l1"),)))
    assert time.monotonic() - started < BUSY_TIMEOUT_S  # no commit waits for a long reader
    assert files_with(tmp_path, CANARY)
    reader.close()
    ledger.append_blocking(one("next", NewEvent("t.done", b"{}")))
    assert files_with(tmp_path, CANARY) == []
    ledger.close_blocking()


class Note(BaseAggregate[UUID]):
    TOPIC = "texts.note"

    class Event(AggregateEvent):
        pass

    class Written(Event, AggregateCreated):
        TOPIC = "texts.note.written"
        PRIVATE = ("mail",)
        title: str
        mail: str

    @classmethod
    def write(cls, title: str, mail: str) -> Note:
        return cls._create(cls.Written, id=uuid4(), timestamp=NOW, title=title, mail=mail)

    def __init__(self, title: str, mail: str) -> None:
        self.title, self.mail = title, mail


async def test_aggregates_keep_their_texts_apart_and_have_them_back(place):
    ledger = place.open_ledger()

    def publish(event, id):
        return Publication("t.v1.note.written", {}, {"title": event.title}, f"leaf-{id}")

    def work() -> None:
        aggregates = Aggregates(ledger, "t", publish, lambda: "unused")
        note = Note.write("Bancs", "a@b.c")
        aggregates.save(note)
        (_, stored), *_ = ledger.iter_data("texts.note.written")
        assert b"Bancs" not in stored
        assert b"a@b.c" not in stored
        assert vars(aggregates.get(Note, note.id))["mail"] == "a@b.c"
        note = Note.write("Erasing", "")
        first = next(iter(ledger.read_all()))
        erases = (Erasure(f"leaf-{first.stream}"), Erasure(texts.place_of(first.stream, 1)))
        aggregates.save(note, erases=erases)
        erased = aggregates.get(Note, UUID(first.stream))
        assert (erased.title, erased.mail) == (ERASED, ERASED)

    import asyncio

    await asyncio.to_thread(work)
    await ledger.close()


def test_reading_events_without_texts_asks_for_none():
    rows = [StoredEvent(1, "s", 1, "t", msgspec.json.encode({"a": 1}), b"", None)]

    def find(ids):
        raise AssertionError

    assert texts.filled(rows, find) is rows


def test_a_salt_of_a_private_text_is_empty_and_says_nothing(tmp_path):
    ledger = Ledger.open(tmp_path / "events.db")
    ledger.append_blocking(one("s", texts.apart(NewEvent("t", b'{"mail":"m"}'), ("mail",))))
    assert ledger.disclosures("s@1") == [Disclosure("mail", b"", "m")]
    ledger.close_blocking()
