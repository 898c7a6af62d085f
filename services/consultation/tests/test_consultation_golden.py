"""Every stored event type and version has a golden file that is readable for ever.

A new type or version needs a new file; a file that is here is never changed.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from cahier_consultation.application import stored
from cahier_ledger.model import StoredEvent

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))


def newest_names() -> set[str]:
    aggregates = {
        f"{topic}.v{getattr(event, 'class_version', 1)}"
        for topic, event in stored.aggregate_topics().items()
    }
    voices = {f"{topic}.v{stored.CODEC.codec(topic).version}" for topic in stored.CODEC.topics}
    return aggregates | voices


def read_golden(path: Path):
    topic = path.stem.rpartition(".v")[0]
    version = 1 if topic.endswith((".created", ".submitted")) or topic in stored.CODEC.topics else 2
    data = path.read_bytes().strip()
    row = StoredEvent(1, str(UUID(int=1)), version, topic, data, b"", "2026-03-01T08:00:00.000Z")
    return stored.read(row)


def test_every_event_type_has_a_golden_file_of_its_newest_version():
    assert newest_names() <= {path.stem for path in FILES}


def test_topics_name_the_service_and_no_python_path():
    for name in newest_names():
        assert name.startswith("consultation.")
        assert ":" not in name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_event_is_read_with_its_values(path):
    event = read_golden(path)
    topic = path.stem.rpartition(".v")[0]
    written = stored.CODEC.encode(event)[0] if topic in stored.CODEC.topics else event.TOPIC
    assert written == topic
    for name, value in msgspec.json.decode(path.read_bytes()).items():
        if name != "v":
            assert msgspec.json.decode(msgspec.json.encode(getattr(event, name))) == value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_event_of_the_newest_version_is_written_as_it_was(path):
    if path.stem not in newest_names():
        return
    event = read_golden(path)
    if path.stem.rpartition(".v")[0] in stored.CODEC.topics:
        _, data = stored.CODEC.encode(event)
    else:
        data = stored.mapper().to_stored_event(event).state
    assert data == path.read_bytes().strip()
