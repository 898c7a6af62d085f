import json

import msgspec
import pytest

from cahier_record.budget.events import BallotCast, VotingClosed
from cahier_record.events import PublicEvent, decode_leaf, public_event, upcast


def leaf(event_type: str, data: dict[str, object], **more: object) -> bytes:
    service = event_type.split(".")[0]
    return json.dumps(
        {"v": 1, "svc": service, "id": "e1", "t": event_type, "data": data, **more}
    ).encode()


def test_a_leaf_reads_as_its_typed_event() -> None:
    read = decode_leaf(leaf(VotingClosed.TYPE, {"election": "a"}, at="2026-01-01T00:00:00.000Z"))
    assert read.event == VotingClosed(election="a")
    assert read.at == "2026-01-01T00:00:00.000Z"


def test_a_ballot_leaf_has_no_time() -> None:
    data = {"election": "a", "electorate": "all", "scheme": "confidential", "credential": "c"}
    read = decode_leaf(leaf(BallotCast.TYPE, {**data, "sequence": 1, "sealed": "AA"}))
    assert read.at is None


def test_a_field_of_a_later_version_is_ignored() -> None:
    read = decode_leaf(leaf(VotingClosed.TYPE, {"election": "a", "later": 1}))
    assert read.event == VotingClosed(election="a")


def test_a_type_of_a_later_version_is_kept_as_unknown() -> None:
    read = decode_leaf(leaf("budget.v1.lottery.number_drawn", {"x": 1}))
    assert read.event is None
    assert read.type == "budget.v1.lottery.number_drawn"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"v":1}', b"\xff"])
def test_what_is_no_leaf_is_refused(raw: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decode_leaf(raw)


def test_a_wrong_type_in_a_known_event_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_leaf(leaf(VotingClosed.TYPE, {"election": 7}))


def test_a_type_has_one_class_and_a_proper_name() -> None:
    with pytest.raises(ValueError, match="two classes"):
        public_event(VotingClosed.TYPE)(VotingClosed)
    with pytest.raises(ValueError, match="not <service>"):
        public_event("Budget.closed")


def test_an_older_leaf_is_upcast_step_by_step() -> None:
    @public_event("budget.v1.test_only.renamed")
    class Renamed(PublicEvent, frozen=True, kw_only=True):
        new: str

    upcast(Renamed.TYPE, 1, lambda data: {"middle": data["old"]})
    upcast(Renamed.TYPE, 2, lambda data: {"new": data["middle"]})
    assert decode_leaf(leaf(Renamed.TYPE, {"old": "x"})).event == Renamed(new="x")
