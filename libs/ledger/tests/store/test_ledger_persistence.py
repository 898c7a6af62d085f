"""The eventsourcing library's own tests of a recorder, run against ours, and what we add."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import AggregateCreated, AggregateEvent, BaseAggregate
from eventsourcing.persistence import (
    InfrastructureFactory,
    IntegrityError,
    MapperDeserialisationError,
    Notification,
    NotSupportedError,
    OperationalError,
    StoredEvent,
)

from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, StreamAppend
from cahier_ledger.persistence import (
    JsonTranscoder,
    LedgerRecorder,
    TypedMapper,
    explicit_topic,
    stream_name,
)

# The library's tests also know a cipher, whose packages nobody here needs: its name is enough.
with patch.dict(sys.modules, {"eventsourcing.cipher": Mock(spec=["AESCipher"])}):
    from eventsourcing.tests.persistence import ApplicationRecorderTestCase

NOW = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)


class VersionsFromZero(LedgerRecorder):
    """The library's tests count some versions from 0; a ledger's stream begins at 1."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        return super().insert_events([_moved(event, 1) for event in stored_events], **kwargs)

    def select_events(self, *args: Any, **kwargs: Any) -> Sequence[StoredEvent]:
        return [_moved(event, -1) for event in super().select_events(*args, **kwargs)]

    def select_notifications(self, *args: Any, **kwargs: Any) -> Sequence[Notification]:
        return [
            Notification(
                row.originator_id, row.originator_version - 1, row.topic, row.state, row.id
            )
            for row in super().select_notifications(*args, **kwargs)
        ]


def _moved(event: StoredEvent, by: int) -> StoredEvent:
    return StoredEvent(event.originator_id, event.originator_version + by, event.topic, event.state)


class TestTheLibrarysRecorderTests(ApplicationRecorderTestCase[LedgerRecorder]):
    INITIAL_VERSION = 0

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ledger = Ledger.open(Path(folder.name) / "ledger.db")
        self.addCleanup(self.ledger.close_blocking)

    def create_recorder(self) -> LedgerRecorder:
        return VersionsFromZero(self.ledger)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTheLibrarysRecorderTestsOnPostgres(TestTheLibrarysRecorderTests):
    @pytest.fixture(autouse=True)
    def _schema(self, postgres_place):
        self.place = postgres_place

    def setUp(self) -> None:
        self.ledger = self.place.open_ledger()
        self.addCleanup(self.ledger.close_blocking)


@pytest.fixture
def recorder(place):
    ledger = place.open_ledger()
    yield LedgerRecorder(ledger)
    ledger.close_blocking()


def stored(id: UUID, version: int) -> StoredEvent:
    return StoredEvent(id, version, "topic", b"{}")


class TestRecorder:
    def test_a_version_too_high_is_refused_as_one_too_low(self, recorder):
        one = uuid4()
        recorder.insert_events([stored(one, 1)])
        for version in (1, 3):
            with pytest.raises(IntegrityError):
                recorder.insert_events([stored(one, version)])

    def test_events_are_selected_by_version_in_either_order_across_pages(
        self, recorder, monkeypatch
    ):
        monkeypatch.setattr("cahier_ledger.persistence.PAGE", 3)
        one = uuid4()
        recorder.insert_events([stored(one, version) for version in range(1, 11)])

        def versions(**options: Any) -> list[int]:
            return [event.originator_version for event in recorder.select_events(one, **options)]

        assert versions() == list(range(1, 11))
        assert versions(gt=3, lte=8) == [4, 5, 6, 7, 8]
        assert versions(gt=3, limit=4) == [4, 5, 6, 7]
        assert versions(desc=True, limit=2) == [10, 9]
        assert versions(desc=True, lte=6, limit=1) == [6]
        assert versions(desc=True) == list(range(10, 0, -1))
        assert versions(gt=10) == []

    def test_notifications_are_selected_across_pages(self, recorder, monkeypatch):
        monkeypatch.setattr("cahier_ledger.persistence.PAGE", 3)
        one = uuid4()
        recorder.insert_events([stored(one, version) for version in range(1, 11)])
        rows = recorder.select_notifications(start=3, limit=5, stop=9)
        assert [row.id for row in rows] == [3, 4, 5, 6, 7]
        assert recorder.select_notifications(start=1, limit=5, topics=["other"]) == []

    def test_streams_that_are_no_aggregates_are_notified_of_too(self, recorder):
        recorder.ledger.append_blocking(
            Append((StreamAppend("ballot-x", 0, (NewEvent("t", b""),)),))
        )
        (row,) = recorder.select_notifications(start=1, limit=5)
        assert (row.originator_id, row.id) == ("ballot-x", 1)

    def test_tracking_is_refused_rather_than_forgotten(self, recorder):
        with pytest.raises(NotSupportedError):
            recorder.insert_events([stored(uuid4(), 1)], tracking=object())
        assert recorder.max_notification_id() is None

    def test_an_unavailable_store_is_an_operational_error(self, recorder):
        recorder.ledger.close_blocking()
        with pytest.raises(OperationalError):
            recorder.insert_events([stored(uuid4(), 1)])


class Point(msgspec.Struct, frozen=True):
    x: int


class Plan(BaseAggregate[UUID]):
    TOPIC = "test.plan"

    class Event(AggregateEvent):
        pass

    class Drawn(Event, AggregateCreated):
        TOPIC = "test.plan.drawn"
        class_version = 3
        name: str
        cents: int
        points: tuple[Point, ...] = ()
        author: UUID | None = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["cents"] = state.pop("euros") * 100

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["name"] = state["name"].strip()

    class Approved(Event):
        TOPIC = "test.plan.approved"


@pytest.fixture
def mapper() -> TypedMapper:
    return TypedMapper(JsonTranscoder())


def drawn(**changes: Any) -> Plan.Drawn:
    fields: dict[str, Any] = {
        "originator_id": uuid4(),
        "originator_version": 1,
        "timestamp": NOW,
        "originator_topic": "test.plan",
        "name": "Bancs",
        "cents": 500,
        "points": (Point(1), Point(2)),
        "author": uuid4(),
    }
    return Plan.Drawn(**{**fields, **changes})


class TestMapper:
    def test_an_event_is_read_with_its_types_as_it_was_written(self, mapper):
        event = drawn()
        row = mapper.to_stored_event(event)
        assert row.topic == "test.plan.drawn"
        assert row.state.startswith(b'{"v":3,"timestamp":"2026-11-22T09:00:00.123456Z",')
        assert mapper.to_domain_event(row) == event

    def test_defaults_and_unknown_fields_make_no_difference(self, mapper):
        state = (
            b'{"v":3,"timestamp":"2026-11-22T09:00:00.123456Z","originator_topic":"test.plan",'
            b'"name":"Bancs","cents":500,"later":true}'
        )
        event = drawn(points=(), author=None)
        row = StoredEvent(event.originator_id, 1, "test.plan.drawn", state)
        assert mapper.to_domain_event(row) == event

    def test_older_versions_are_upcast(self, mapper):
        state = (
            b'{"timestamp":"2026-11-22T09:00:00Z","originator_topic":"test.plan",'
            b'"name":" Bancs ","euros":5}'
        )
        event: Any = mapper.to_domain_event(StoredEvent(uuid4(), 1, "test.plan.drawn", state))
        assert (event.name, event.cents) == ("Bancs", 500)

    @pytest.mark.parametrize(
        ("topic", "change"),
        [
            ("test.plan.drawn", {"cents": "500"}),
            ("test.plan.drawn", {"cents": 5.5}),
            ("test.plan.drawn", {"name": None}),
            ("test.plan.drawn", {"points": [{"x": "1"}]}),
            ("test.plan.drawn", {"author": "nobody"}),
            ("test.plan.drawn", {"timestamp": "yesterday"}),
            ("test.plan.drawn", {"v": 4}),
            ("test.plan.unknown", {}),
        ],
    )
    def test_stored_fields_of_a_wrong_type_are_refused(self, mapper, topic, change):
        row = mapper.to_stored_event(drawn())
        fields = {**msgspec.json.decode(row.state), **change}
        bad = StoredEvent(row.originator_id, 1, topic, msgspec.json.encode(fields))
        with pytest.raises(MapperDeserialisationError):
            mapper.to_domain_event(bad)

    @pytest.mark.parametrize(
        "change",
        [
            {"cents": "500"},
            {"name": 7},
            {"points": [{"y": 1}]},
            {"timestamp": NOW.replace(tzinfo=None)},
        ],
    )
    def test_an_event_that_could_not_be_read_back_is_not_written(self, mapper, change):
        with pytest.raises(TypeError):
            mapper.to_stored_event(drawn(**change))

    def test_an_event_without_a_topic_of_its_own_is_not_written(self, mapper):
        class Pathless(AggregateEvent):
            pass

        with pytest.raises(TypeError, match="no explicit TOPIC"):
            mapper.to_stored_event(Pathless(uuid4(), 1, NOW))

    def test_two_classes_cannot_share_a_topic(self):
        class Copied(AggregateEvent):
            TOPIC = "test.plan.drawn"

        with pytest.raises(TypeError, match=r"test\.plan\.drawn"):
            explicit_topic(Copied)

    def test_a_topic_is_not_a_path(self):
        class Path(AggregateEvent):
            TOPIC = "module:Class"

        with pytest.raises(TypeError):
            explicit_topic(Path)


class TestFactory:
    def test_the_library_finds_and_uses_the_module(self, place):
        env = {
            "PERSISTENCE_MODULE": "cahier_ledger.persistence",
            **(
                {"LEDGER_PATH": str(place.folder / "ledger.db")}
                if place.dsn is None
                else {"LEDGER_DSN": place.dsn, "LEDGER_SCHEMA": place.schema}
            ),
        }
        application: Application[UUID] = Application(env)
        plan = Plan._create(Plan.Drawn, id=uuid4(), timestamp=NOW, name="Bancs", cents=5)
        plan.trigger_event(Plan.Approved, timestamp=NOW)
        application.save(plan)
        assert application.repository.get(plan.id).version == 2
        assert [item.id for item in application.notification_log.select(1, 10)] == [1, 2]
        application.close()
        again = place.open_ledger()
        assert [row.type for row in again.read_stream(stream_name(plan.id))] == [
            "test.plan.drawn",
            "test.plan.approved",
        ]
        again.close_blocking()

    def test_what_the_ledger_does_not_keep_is_refused(self, tmp_path):
        with pytest.raises(OperationalError, match="LEDGER_PATH"):
            InfrastructureFactory.construct({"PERSISTENCE_MODULE": "cahier_ledger.persistence"})
        factory: Any = InfrastructureFactory.construct(
            {
                "PERSISTENCE_MODULE": "cahier_ledger.persistence",
                "LEDGER_PATH": str(tmp_path / "ledger.db"),
            }
        )
        for refuse in (
            factory.tracking_recorder,
            factory.process_recorder,
            lambda: factory.aggregate_recorder("snapshots"),
        ):
            with pytest.raises(NotSupportedError):
                refuse()
        factory.close()
