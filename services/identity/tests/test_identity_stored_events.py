"""Every private event that was ever stored can be read for ever: one golden file each."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import StoredEvent

from cahier_identity.application.stored import CODEC
from cahier_identity.domain.resident import AddressHolder, CensusRowHolder, Resident
from cahier_ledger.persistence import JsonTranscoder, TypedMapper

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))


def newest() -> dict[str, int]:
    """Every topic that this release writes, with its version."""
    versions = {topic: CODEC.codec(topic).version for topic in CODEC.topics}
    for aggregate in (Resident, AddressHolder, CensusRowHolder):
        for name, event in vars(aggregate).items():
            is_event = isinstance(event, type) and issubclass(event, CanMutateAggregate)
            if is_event and name != "Event":
                versions[event.TOPIC] = getattr(event, "class_version", 1)
    return versions


def read_and_write(topic: str, data: bytes) -> bytes:
    """Reads stored bytes and writes what was read in the newest version."""
    if topic in CODEC.topics:
        return CODEC.codec(topic).encode(CODEC.decode(topic, data))
    mapper = TypedMapper(JsonTranscoder())
    event = mapper.to_domain_event(StoredEvent(UUID(int=1), 1, topic, data))
    return bytes(mapper.to_stored_event(event).state)


def test_every_event_type_has_a_golden_file() -> None:
    wanted = {f"{topic}.v{version}" for topic, version in newest().items()}
    assert len(wanted) == 16
    assert wanted <= {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_was_stored_is_read(file: Path) -> None:
    topic, _, version = file.stem.rpartition(".v")
    data = file.read_bytes().strip()
    written = read_and_write(topic, data)
    if newest()[topic] == int(version):
        assert written == data
