"""Between protobuf messages and the application's values: parsing in, rendering out.

Parsing refuses what the application's types cannot hold; rules of the domain are not repeated.
"""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cahier_chassis.holdings import HeldItem
from cahier_consultation.application.ports import CommentRow, ProcessRow
from cahier_consultation.application.queries import Order, Seen
from cahier_consultation.domain.proposal import Answer
from cahier_contracts.consultation.v1 import consultation_service_pb2 as pb
from cahier_kernel.clock import from_rfc3339
from cahier_kernel.errors import Invalid
from cahier_record.places import Position

_NANOS = 1_000_000_000
_SECONDS_MAX = 253_402_300_799  # the end of the year 9999

_ANSWERS: dict[int, Answer] = {
    pb.PROPOSAL_STATE_EVALUATING: Answer.EVALUATING,
    pb.PROPOSAL_STATE_ACCEPTED: Answer.ACCEPTED,
    pb.PROPOSAL_STATE_REJECTED: Answer.REJECTED,
}
_STATES = {
    "": pb.PROPOSAL_STATE_UNSPECIFIED,
    "not_answered": pb.PROPOSAL_STATE_NOT_ANSWERED,
    "evaluating": pb.PROPOSAL_STATE_EVALUATING,
    "accepted": pb.PROPOSAL_STATE_ACCEPTED,
    "rejected": pb.PROPOSAL_STATE_REJECTED,
}
_NAMES_OF_STATES: dict[int, str] = {number: name for name, number in _STATES.items()}
_PHASES = {
    "planned": pb.IDEA_PHASE_PLANNED,
    "open": pb.IDEA_PHASE_OPEN,
    "closed": pb.IDEA_PHASE_CLOSED,
}
_ORDERS: dict[int, Order] = {
    pb.PROPOSAL_ORDER_UNSPECIFIED: Order.AS_SUBMITTED,
    pb.PROPOSAL_ORDER_NEWEST: Order.NEWEST,
    pb.PROPOSAL_ORDER_SUPPORTS: Order.SUPPORTS,
}


def parse_instant(request: Message, field: str) -> datetime:
    """An instant; raises Invalid `instant_required` or `instant_out_of_range`."""
    if not request.HasField(field):
        raise Invalid("instant_required", "this date is required", field=field)
    stamp: Timestamp = getattr(request, field)
    if not (0 <= stamp.seconds <= _SECONDS_MAX and 0 <= stamp.nanos < _NANOS):
        raise Invalid("instant_out_of_range", "not a date this city can have", field=field)
    return stamp.ToDatetime(tzinfo=UTC)


def parse_answer(state: int) -> Answer:
    """An answer; NOT_ANSWERED for everything that is none, which the domain refuses."""
    return _ANSWERS.get(state, Answer.NOT_ANSWERED)


def parse_state(state: int) -> str:
    """The state a list is filtered by, "" for any; raises Invalid `state_unknown`."""
    if state not in _NAMES_OF_STATES:
        raise Invalid("state_unknown", "not a state of proposals", field="state")
    return _NAMES_OF_STATES[state]


def parse_order(order: int) -> Order:
    """Raises Invalid `order_unknown`."""
    if order not in _ORDERS:
        raise Invalid("order_unknown", "not an order of proposals", field="order")
    return _ORDERS[order]


def parse_position(request: pb.SubmitProposalRequest) -> Position | None:
    """The request's position, if it has one."""
    if not request.HasField("position"):
        return None
    return Position(request.position.lat_e7, request.position.lon_e7)


def process_message(row: ProcessRow) -> pb.Process:
    return pb.Process(
        process_id=row.id,
        title=row.title,
        description=row.description,
        opens_at=_stamp(row.opens_at),
        closes_at=_stamp(row.closes_at),
        edit_window_seconds=row.edit_window_seconds,
        idea_phase=_PHASES[row.phase],
        proposals=row.proposals,
    )


def proposal_message(seen: Seen) -> pb.Proposal:
    row = seen.row
    position = Position.of_text(row.position)
    return pb.Proposal(
        proposal_id=row.id,
        process_id=row.process,
        title=row.title,
        body=row.body,
        category=row.category,
        district=row.district,
        author=row.author,
        state=_STATES[row.state],
        answer=row.answer,
        submitted_at=_stamp(row.submitted_at),
        answered_at=_stamp(row.answered_at) if row.answered_at else None,
        withdrawn=row.withdrawn,
        supports=row.supports,
        comments=row.comments,
        supported_by_caller=seen.supported,
        written_by_caller=seen.written,
        editable_by_caller=seen.editable,
        position=pb.Position(lat_e7=position.lat_e7, lon_e7=position.lon_e7) if position else None,
    )


def comment_message(row: CommentRow) -> pb.Comment:
    return pb.Comment(
        comment_id=row.id,
        proposal_id=row.proposal,
        parent_id=row.parent,
        author=row.author,
        body=row.body,
        added_at=_stamp(row.added_at),
    )


def held_item(item: HeldItem) -> pb.HeldItem:
    return pb.HeldItem(
        kind=item.kind, id=item.id, event_id=item.event_id, at=_stamp(item.at), values=item.values
    )


def _stamp(rfc3339: str) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(from_rfc3339(rfc3339))
    return stamp
