"""Between protobuf messages and the application's values: parsing in, rendering out.

Parsing refuses what the application's types cannot hold; rules of the domain are not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cahier_chassis.holdings import HeldItem
from cahier_contracts.reporting.v1 import reporting_service_pb2 as pb
from cahier_kernel.clock import from_rfc3339
from cahier_kernel.errors import Invalid
from cahier_record.places import Position
from cahier_reporting.application.ports import CategoryRow, UpdateRow
from cahier_reporting.application.queries import Seen
from cahier_reporting.domain.states import State

_ID_CHARS = 36
_STATES: dict[State, pb.ReportState] = {
    state: getattr(pb, f"REPORT_STATE_{state.name}") for state in State
}
_STATES_BY_NUMBER: dict[int, State] = {number: state for state, number in _STATES.items()}
_KINDS = {
    "routed": pb.UPDATE_KIND_ROUTED,
    "answered": pb.UPDATE_KIND_ANSWERED,
    "closed": pb.UPDATE_KIND_CLOSED,
    "promise_missed": pb.UPDATE_KIND_PROMISE_MISSED,
}


def parse_id(text: str, field: str) -> UUID:
    """A UUID in its canonical form; raises Invalid `id_malformed`."""
    try:
        parsed = UUID(text) if len(text) == _ID_CHARS else None
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text.lower():
        raise Invalid("id_malformed", "a UUID such as 01890a5d-ac96-774b-...", field=field)
    return parsed


def parse_optional_id(text: str, field: str) -> UUID | None:
    """As `parse_id`; None for nothing."""
    return parse_id(text, field) if text else None


def parse_state(state: int) -> State:
    """A state; UNCONFIRMED for everything that is none, which the domain refuses."""
    return _STATES_BY_NUMBER.get(state, State.UNCONFIRMED)


def parse_state_filter(state: int) -> str:
    """The state a list is filtered by, "" for any; raises Invalid `state_unknown`."""
    if state == pb.REPORT_STATE_UNSPECIFIED:
        return ""
    if state not in _STATES_BY_NUMBER:
        raise Invalid("state_unknown", "not a state of reports", field="state")
    return _STATES_BY_NUMBER[state].value


def parse_position(request: Message) -> Position | None:
    """The request's position, if it has one."""
    if not request.HasField("position"):
        return None
    position: pb.Position = request.position  # type: ignore[attr-defined]
    return Position(position.lat_e7, position.lon_e7)


def parse_category(request: pb.DefineCategoryRequest) -> CategoryRow:
    given = request.category
    return CategoryRow(
        given.code, given.label, given.department, given.promise_days, given.anonymous
    )


def category_message(row: CategoryRow) -> pb.Category:
    return pb.Category(
        code=row.code,
        label=row.label,
        department=row.department,
        promise_days=row.promise_days,
        anonymous=row.anonymous,
    )


def report_message(seen: Seen, updates: Iterable[UpdateRow] = ()) -> pb.Report:
    row = seen.row
    position = row.position
    return pb.Report(
        report_id=row.id,
        category=row.category,
        category_label=row.category_label,
        department=row.department,
        state=_STATES[State(row.state)],
        closed=row.is_closed,
        position=pb.Position(lat_e7=position.lat_e7, lon_e7=position.lon_e7) if position else None,
        address=row.address,
        description=row.description,
        received_at=stamp(row.received_at),
        answer_by=stamp(row.answer_by),
        promise_missed=row.promise_missed,
        answer=row.answer,
        answered_at=stamp(row.answered_at),
        duplicate_of=row.duplicate_of,
        reporter=row.reporter,
        reported_by_caller=seen.is_own,
        updates=map(_update_message, updates),
    )


def _update_message(row: UpdateRow) -> pb.Update:
    return pb.Update(
        kind=_KINDS[row.kind],
        state=_STATES[State(row.state)],
        department=row.department,
        text=row.text,
        happened_at=stamp(row.happened_at),
    )


def held_item(item: HeldItem) -> pb.HeldItem:
    return pb.HeldItem(
        kind=item.kind, id=item.id, event_id=item.event_id, at=stamp(item.at), values=item.values
    )


def stamp(rfc3339: str) -> Timestamp | None:
    """An instant as protobuf has it; None for ""."""
    if not rfc3339:
        return None
    message = Timestamp()
    message.FromDatetime(from_rfc3339(rfc3339))
    return message
