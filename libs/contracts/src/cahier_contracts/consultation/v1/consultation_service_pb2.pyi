import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProposalState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROPOSAL_STATE_UNSPECIFIED: _ClassVar[ProposalState]
    PROPOSAL_STATE_NOT_ANSWERED: _ClassVar[ProposalState]
    PROPOSAL_STATE_EVALUATING: _ClassVar[ProposalState]
    PROPOSAL_STATE_ACCEPTED: _ClassVar[ProposalState]
    PROPOSAL_STATE_REJECTED: _ClassVar[ProposalState]

class IdeaPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IDEA_PHASE_UNSPECIFIED: _ClassVar[IdeaPhase]
    IDEA_PHASE_PLANNED: _ClassVar[IdeaPhase]
    IDEA_PHASE_OPEN: _ClassVar[IdeaPhase]
    IDEA_PHASE_CLOSED: _ClassVar[IdeaPhase]

class ProposalOrder(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROPOSAL_ORDER_UNSPECIFIED: _ClassVar[ProposalOrder]
    PROPOSAL_ORDER_NEWEST: _ClassVar[ProposalOrder]
    PROPOSAL_ORDER_SUPPORTS: _ClassVar[ProposalOrder]
PROPOSAL_STATE_UNSPECIFIED: ProposalState
PROPOSAL_STATE_NOT_ANSWERED: ProposalState
PROPOSAL_STATE_EVALUATING: ProposalState
PROPOSAL_STATE_ACCEPTED: ProposalState
PROPOSAL_STATE_REJECTED: ProposalState
IDEA_PHASE_UNSPECIFIED: IdeaPhase
IDEA_PHASE_PLANNED: IdeaPhase
IDEA_PHASE_OPEN: IdeaPhase
IDEA_PHASE_CLOSED: IdeaPhase
PROPOSAL_ORDER_UNSPECIFIED: ProposalOrder
PROPOSAL_ORDER_NEWEST: ProposalOrder
PROPOSAL_ORDER_SUPPORTS: ProposalOrder

class Process(_message.Message):
    __slots__ = ("process_id", "title", "description", "opens_at", "closes_at", "edit_window_seconds", "idea_phase", "proposals")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    EDIT_WINDOW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IDEA_PHASE_FIELD_NUMBER: _ClassVar[int]
    PROPOSALS_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    title: str
    description: str
    opens_at: _timestamp_pb2.Timestamp
    closes_at: _timestamp_pb2.Timestamp
    edit_window_seconds: int
    idea_phase: IdeaPhase
    proposals: int
    def __init__(self, process_id: _Optional[str] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., opens_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closes_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., edit_window_seconds: _Optional[int] = ..., idea_phase: _Optional[_Union[IdeaPhase, str]] = ..., proposals: _Optional[int] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("proposal_id", "process_id", "title", "body", "category", "district", "author", "state", "answer", "submitted_at", "answered_at", "withdrawn", "supports", "comments", "supported_by_caller", "written_by_caller", "editable_by_caller", "position")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    DISTRICT_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_AT_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_FIELD_NUMBER: _ClassVar[int]
    COMMENTS_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_BY_CALLER_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_BY_CALLER_FIELD_NUMBER: _ClassVar[int]
    EDITABLE_BY_CALLER_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    process_id: str
    title: str
    body: str
    category: str
    district: str
    author: str
    state: ProposalState
    answer: str
    submitted_at: _timestamp_pb2.Timestamp
    answered_at: _timestamp_pb2.Timestamp
    withdrawn: bool
    supports: int
    comments: int
    supported_by_caller: bool
    written_by_caller: bool
    editable_by_caller: bool
    position: Position
    def __init__(self, proposal_id: _Optional[str] = ..., process_id: _Optional[str] = ..., title: _Optional[str] = ..., body: _Optional[str] = ..., category: _Optional[str] = ..., district: _Optional[str] = ..., author: _Optional[str] = ..., state: _Optional[_Union[ProposalState, str]] = ..., answer: _Optional[str] = ..., submitted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., answered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., withdrawn: _Optional[bool] = ..., supports: _Optional[int] = ..., comments: _Optional[int] = ..., supported_by_caller: _Optional[bool] = ..., written_by_caller: _Optional[bool] = ..., editable_by_caller: _Optional[bool] = ..., position: _Optional[_Union[Position, _Mapping]] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("lat_e7", "lon_e7")
    LAT_E7_FIELD_NUMBER: _ClassVar[int]
    LON_E7_FIELD_NUMBER: _ClassVar[int]
    lat_e7: int
    lon_e7: int
    def __init__(self, lat_e7: _Optional[int] = ..., lon_e7: _Optional[int] = ...) -> None: ...

class Comment(_message.Message):
    __slots__ = ("comment_id", "proposal_id", "parent_id", "author", "body", "added_at")
    COMMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    ADDED_AT_FIELD_NUMBER: _ClassVar[int]
    comment_id: str
    proposal_id: str
    parent_id: str
    author: str
    body: str
    added_at: _timestamp_pb2.Timestamp
    def __init__(self, comment_id: _Optional[str] = ..., proposal_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., author: _Optional[str] = ..., body: _Optional[str] = ..., added_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateProcessRequest(_message.Message):
    __slots__ = ("title", "description", "opens_at", "closes_at", "edit_window_seconds")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    EDIT_WINDOW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    title: str
    description: str
    opens_at: _timestamp_pb2.Timestamp
    closes_at: _timestamp_pb2.Timestamp
    edit_window_seconds: int
    def __init__(self, title: _Optional[str] = ..., description: _Optional[str] = ..., opens_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closes_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., edit_window_seconds: _Optional[int] = ...) -> None: ...

class CreateProcessResponse(_message.Message):
    __slots__ = ("process_id", "event_id")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    event_id: str
    def __init__(self, process_id: _Optional[str] = ..., event_id: _Optional[str] = ...) -> None: ...

class RescheduleIdeaPhaseRequest(_message.Message):
    __slots__ = ("process_id", "opens_at", "closes_at", "reason")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    opens_at: _timestamp_pb2.Timestamp
    closes_at: _timestamp_pb2.Timestamp
    reason: str
    def __init__(self, process_id: _Optional[str] = ..., opens_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closes_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class RescheduleIdeaPhaseResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class SubmitProposalRequest(_message.Message):
    __slots__ = ("process_id", "title", "body", "category", "district", "on_behalf_of", "position")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    DISTRICT_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    title: str
    body: str
    category: str
    district: str
    on_behalf_of: str
    position: Position
    def __init__(self, process_id: _Optional[str] = ..., title: _Optional[str] = ..., body: _Optional[str] = ..., category: _Optional[str] = ..., district: _Optional[str] = ..., on_behalf_of: _Optional[str] = ..., position: _Optional[_Union[Position, _Mapping]] = ...) -> None: ...

class SubmitProposalResponse(_message.Message):
    __slots__ = ("proposal_id", "event_id")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    event_id: str
    def __init__(self, proposal_id: _Optional[str] = ..., event_id: _Optional[str] = ...) -> None: ...

class EditProposalRequest(_message.Message):
    __slots__ = ("proposal_id", "title", "body")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    title: str
    body: str
    def __init__(self, proposal_id: _Optional[str] = ..., title: _Optional[str] = ..., body: _Optional[str] = ...) -> None: ...

class EditProposalResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class AnswerChangeRequest(_message.Message):
    __slots__ = ("proposal_id", "change_id", "agrees")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    AGREES_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    change_id: str
    agrees: bool
    def __init__(self, proposal_id: _Optional[str] = ..., change_id: _Optional[str] = ..., agrees: _Optional[bool] = ...) -> None: ...

class AnswerChangeResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class WithdrawProposalRequest(_message.Message):
    __slots__ = ("proposal_id",)
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    def __init__(self, proposal_id: _Optional[str] = ...) -> None: ...

class WithdrawProposalResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class SupportProposalRequest(_message.Message):
    __slots__ = ("proposal_id", "on_behalf_of")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    on_behalf_of: str
    def __init__(self, proposal_id: _Optional[str] = ..., on_behalf_of: _Optional[str] = ...) -> None: ...

class SupportProposalResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class UnsupportProposalRequest(_message.Message):
    __slots__ = ("proposal_id",)
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    def __init__(self, proposal_id: _Optional[str] = ...) -> None: ...

class UnsupportProposalResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class AddCommentRequest(_message.Message):
    __slots__ = ("proposal_id", "parent_id", "body")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    parent_id: str
    body: str
    def __init__(self, proposal_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., body: _Optional[str] = ...) -> None: ...

class AddCommentResponse(_message.Message):
    __slots__ = ("comment_id", "event_id")
    COMMENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    comment_id: str
    event_id: str
    def __init__(self, comment_id: _Optional[str] = ..., event_id: _Optional[str] = ...) -> None: ...

class AnswerProposalRequest(_message.Message):
    __slots__ = ("proposal_id", "state", "text")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    state: ProposalState
    text: str
    def __init__(self, proposal_id: _Optional[str] = ..., state: _Optional[_Union[ProposalState, str]] = ..., text: _Optional[str] = ...) -> None: ...

class AnswerProposalResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class GetProcessRequest(_message.Message):
    __slots__ = ("process_id",)
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    def __init__(self, process_id: _Optional[str] = ...) -> None: ...

class GetProcessResponse(_message.Message):
    __slots__ = ("process",)
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    process: Process
    def __init__(self, process: _Optional[_Union[Process, _Mapping]] = ...) -> None: ...

class ListProcessesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProcessesResponse(_message.Message):
    __slots__ = ("processes",)
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    processes: _containers.RepeatedCompositeFieldContainer[Process]
    def __init__(self, processes: _Optional[_Iterable[_Union[Process, _Mapping]]] = ...) -> None: ...

class GetProposalRequest(_message.Message):
    __slots__ = ("proposal_id",)
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    def __init__(self, proposal_id: _Optional[str] = ...) -> None: ...

class GetProposalResponse(_message.Message):
    __slots__ = ("proposal",)
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    proposal: Proposal
    def __init__(self, proposal: _Optional[_Union[Proposal, _Mapping]] = ...) -> None: ...

class ListProposalsRequest(_message.Message):
    __slots__ = ("process_id", "state", "order", "page_size", "page_token", "include_withdrawn")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    state: ProposalState
    order: ProposalOrder
    page_size: int
    page_token: str
    include_withdrawn: bool
    def __init__(self, process_id: _Optional[str] = ..., state: _Optional[_Union[ProposalState, str]] = ..., order: _Optional[_Union[ProposalOrder, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., include_withdrawn: _Optional[bool] = ...) -> None: ...

class ListProposalsResponse(_message.Message):
    __slots__ = ("proposals", "next_page_token", "total")
    PROPOSALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    proposals: _containers.RepeatedCompositeFieldContainer[Proposal]
    next_page_token: str
    total: int
    def __init__(self, proposals: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total: _Optional[int] = ...) -> None: ...

class ListOwnProposalsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListOwnProposalsResponse(_message.Message):
    __slots__ = ("written", "supported")
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_FIELD_NUMBER: _ClassVar[int]
    written: _containers.RepeatedCompositeFieldContainer[Proposal]
    supported: _containers.RepeatedCompositeFieldContainer[Proposal]
    def __init__(self, written: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ..., supported: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ...) -> None: ...

class ListCommentsRequest(_message.Message):
    __slots__ = ("proposal_id", "page_size", "page_token")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    page_size: int
    page_token: str
    def __init__(self, proposal_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCommentsResponse(_message.Message):
    __slots__ = ("comments", "next_page_token")
    COMMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    comments: _containers.RepeatedCompositeFieldContainer[Comment]
    next_page_token: str
    def __init__(self, comments: _Optional[_Iterable[_Union[Comment, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetDisclosuresRequest(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class Disclosure(_message.Message):
    __slots__ = ("salt", "name", "value")
    SALT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    salt: bytes
    name: str
    value: str
    def __init__(self, salt: _Optional[bytes] = ..., name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class GetDisclosuresResponse(_message.Message):
    __slots__ = ("disclosures",)
    DISCLOSURES_FIELD_NUMBER: _ClassVar[int]
    disclosures: _containers.RepeatedCompositeFieldContainer[Disclosure]
    def __init__(self, disclosures: _Optional[_Iterable[_Union[Disclosure, _Mapping]]] = ...) -> None: ...

class ExportSubjectRequest(_message.Message):
    __slots__ = ("subject_id",)
    SUBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    subject_id: str
    def __init__(self, subject_id: _Optional[str] = ...) -> None: ...

class HeldItem(_message.Message):
    __slots__ = ("kind", "id", "event_id", "at", "values")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    event_id: str
    at: _timestamp_pb2.Timestamp
    values: _containers.ScalarMap[str, str]
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., event_id: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., values: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ExportSubjectResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[HeldItem]
    def __init__(self, items: _Optional[_Iterable[_Union[HeldItem, _Mapping]]] = ...) -> None: ...
