import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AwardTenderRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "cents", "title", "contractor", "top_up", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CONTRACTOR_FIELD_NUMBER: _ClassVar[int]
    TOP_UP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    cents: int
    title: str
    contractor: str
    top_up: bool
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., cents: _Optional[int] = ..., title: _Optional[str] = ..., contractor: _Optional[str] = ..., top_up: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class AwardTenderResponse(_message.Message):
    __slots__ = ("event_id", "tender_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TENDER_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    tender_id: str
    def __init__(self, event_id: _Optional[str] = ..., tender_id: _Optional[str] = ...) -> None: ...

class CloseTenderRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "tender_id", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    TENDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    tender_id: str
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., tender_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CloseTenderResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class RecordExpenditureRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "cents", "tender_id", "payee", "reference", "subject")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    TENDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAYEE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    cents: int
    tender_id: str
    payee: str
    reference: str
    subject: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., cents: _Optional[int] = ..., tender_id: _Optional[str] = ..., payee: _Optional[str] = ..., reference: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class RecordExpenditureResponse(_message.Message):
    __slots__ = ("event_id", "invoice_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    INVOICE_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    invoice_id: str
    def __init__(self, event_id: _Optional[str] = ..., invoice_id: _Optional[str] = ...) -> None: ...

class ReverseExpenditureRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "invoice_id", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    INVOICE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    invoice_id: str
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., invoice_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ReverseExpenditureResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class RaiseReservationRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "cents", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    cents: int
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., cents: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class RaiseReservationResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class PlanMilestoneRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "title", "due")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    title: str
    due: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., title: _Optional[str] = ..., due: _Optional[str] = ...) -> None: ...

class PlanMilestoneResponse(_message.Message):
    __slots__ = ("event_id", "milestone_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    MILESTONE_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    milestone_id: str
    def __init__(self, event_id: _Optional[str] = ..., milestone_id: _Optional[str] = ...) -> None: ...

class DelayMilestoneRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "milestone_id", "due", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    MILESTONE_ID_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    milestone_id: str
    due: str
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., milestone_id: _Optional[str] = ..., due: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DelayMilestoneResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class ReachMilestoneRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "milestone_id", "note")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    MILESTONE_ID_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    milestone_id: str
    note: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., milestone_id: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class ReachMilestoneResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class AddPhotoRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "data", "alt", "milestone_id")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ALT_FIELD_NUMBER: _ClassVar[int]
    MILESTONE_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    data: bytes
    alt: str
    milestone_id: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., data: _Optional[bytes] = ..., alt: _Optional[str] = ..., milestone_id: _Optional[str] = ...) -> None: ...

class AddPhotoResponse(_message.Message):
    __slots__ = ("event_id", "photo_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PHOTO_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    photo_id: str
    def __init__(self, event_id: _Optional[str] = ..., photo_id: _Optional[str] = ...) -> None: ...

class ErasePhotoRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "photo_id", "basis")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PHOTO_ID_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    photo_id: str
    basis: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., photo_id: _Optional[str] = ..., basis: _Optional[str] = ...) -> None: ...

class ErasePhotoResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class EraseTextsRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "event_id", "basis")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    event_id: str
    basis: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., event_id: _Optional[str] = ..., basis: _Optional[str] = ...) -> None: ...

class EraseTextsResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class FinishProjectRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "report")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    report: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., report: _Optional[str] = ...) -> None: ...

class FinishProjectResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class AbandonProjectRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AbandonProjectResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class CloseBooksRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class CloseBooksResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class GetBooksRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class ProjectBooks(_message.Message):
    __slots__ = ("project_id", "number", "state", "reserved_cents", "committed_cents", "paid_cents", "cost_cents")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RESERVED_CENTS_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_CENTS_FIELD_NUMBER: _ClassVar[int]
    PAID_CENTS_FIELD_NUMBER: _ClassVar[int]
    COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    number: int
    state: str
    reserved_cents: int
    committed_cents: int
    paid_cents: int
    cost_cents: int
    def __init__(self, project_id: _Optional[str] = ..., number: _Optional[int] = ..., state: _Optional[str] = ..., reserved_cents: _Optional[int] = ..., committed_cents: _Optional[int] = ..., paid_cents: _Optional[int] = ..., cost_cents: _Optional[int] = ...) -> None: ...

class GetBooksResponse(_message.Message):
    __slots__ = ("envelope_cents", "unallocated_cents", "reserved_cents", "committed_cents", "paid_cents", "returned_cents", "closed", "entries", "projects")
    ENVELOPE_CENTS_FIELD_NUMBER: _ClassVar[int]
    UNALLOCATED_CENTS_FIELD_NUMBER: _ClassVar[int]
    RESERVED_CENTS_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_CENTS_FIELD_NUMBER: _ClassVar[int]
    PAID_CENTS_FIELD_NUMBER: _ClassVar[int]
    RETURNED_CENTS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    envelope_cents: int
    unallocated_cents: int
    reserved_cents: int
    committed_cents: int
    paid_cents: int
    returned_cents: int
    closed: bool
    entries: int
    projects: _containers.RepeatedCompositeFieldContainer[ProjectBooks]
    def __init__(self, envelope_cents: _Optional[int] = ..., unallocated_cents: _Optional[int] = ..., reserved_cents: _Optional[int] = ..., committed_cents: _Optional[int] = ..., paid_cents: _Optional[int] = ..., returned_cents: _Optional[int] = ..., closed: _Optional[bool] = ..., entries: _Optional[int] = ..., projects: _Optional[_Iterable[_Union[ProjectBooks, _Mapping]]] = ...) -> None: ...

class ListBookEntriesRequest(_message.Message):
    __slots__ = ("election_id", "after", "limit", "project_id", "money_only")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    MONEY_ONLY_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    after: int
    limit: int
    project_id: str
    money_only: bool
    def __init__(self, election_id: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ..., project_id: _Optional[str] = ..., money_only: _Optional[bool] = ...) -> None: ...

class BookPosting(_message.Message):
    __slots__ = ("account", "cents", "project", "item")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    account: str
    cents: int
    project: int
    item: str
    def __init__(self, account: _Optional[str] = ..., cents: _Optional[int] = ..., project: _Optional[int] = ..., item: _Optional[str] = ...) -> None: ...

class BookEntry(_message.Message):
    __slots__ = ("number", "event_id", "at", "kind", "project_id", "item_id", "tender_id", "due", "texts", "postings")
    class TextsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TENDER_ID_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    number: int
    event_id: str
    at: _timestamp_pb2.Timestamp
    kind: str
    project_id: str
    item_id: str
    tender_id: str
    due: str
    texts: _containers.ScalarMap[str, str]
    postings: _containers.RepeatedCompositeFieldContainer[BookPosting]
    def __init__(self, number: _Optional[int] = ..., event_id: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., project_id: _Optional[str] = ..., item_id: _Optional[str] = ..., tender_id: _Optional[str] = ..., due: _Optional[str] = ..., texts: _Optional[_Mapping[str, str]] = ..., postings: _Optional[_Iterable[_Union[BookPosting, _Mapping]]] = ...) -> None: ...

class ListBookEntriesResponse(_message.Message):
    __slots__ = ("entries", "more")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[BookEntry]
    more: bool
    def __init__(self, entries: _Optional[_Iterable[_Union[BookEntry, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class GetDeliveryRequest(_message.Message):
    __slots__ = ("election_id", "project_id")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ...) -> None: ...

class Milestone(_message.Message):
    __slots__ = ("milestone_id", "title", "due", "planned_due", "reached_at")
    MILESTONE_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    PLANNED_DUE_FIELD_NUMBER: _ClassVar[int]
    REACHED_AT_FIELD_NUMBER: _ClassVar[int]
    milestone_id: str
    title: str
    due: str
    planned_due: str
    reached_at: _timestamp_pb2.Timestamp
    def __init__(self, milestone_id: _Optional[str] = ..., title: _Optional[str] = ..., due: _Optional[str] = ..., planned_due: _Optional[str] = ..., reached_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Tender(_message.Message):
    __slots__ = ("tender_id", "title", "left_cents", "closed")
    TENDER_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    LEFT_CENTS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    tender_id: str
    title: str
    left_cents: int
    closed: bool
    def __init__(self, tender_id: _Optional[str] = ..., title: _Optional[str] = ..., left_cents: _Optional[int] = ..., closed: _Optional[bool] = ...) -> None: ...

class Invoice(_message.Message):
    __slots__ = ("invoice_id", "payee", "cents")
    INVOICE_ID_FIELD_NUMBER: _ClassVar[int]
    PAYEE_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    invoice_id: str
    payee: str
    cents: int
    def __init__(self, invoice_id: _Optional[str] = ..., payee: _Optional[str] = ..., cents: _Optional[int] = ...) -> None: ...

class DeliveryPhoto(_message.Message):
    __slots__ = ("photo_id", "alt", "milestone_id")
    PHOTO_ID_FIELD_NUMBER: _ClassVar[int]
    ALT_FIELD_NUMBER: _ClassVar[int]
    MILESTONE_ID_FIELD_NUMBER: _ClassVar[int]
    photo_id: str
    alt: str
    milestone_id: str
    def __init__(self, photo_id: _Optional[str] = ..., alt: _Optional[str] = ..., milestone_id: _Optional[str] = ...) -> None: ...

class GetDeliveryResponse(_message.Message):
    __slots__ = ("books", "milestones", "tenders", "invoices", "photos", "delivered")
    BOOKS_FIELD_NUMBER: _ClassVar[int]
    MILESTONES_FIELD_NUMBER: _ClassVar[int]
    TENDERS_FIELD_NUMBER: _ClassVar[int]
    INVOICES_FIELD_NUMBER: _ClassVar[int]
    PHOTOS_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    books: ProjectBooks
    milestones: _containers.RepeatedCompositeFieldContainer[Milestone]
    tenders: _containers.RepeatedCompositeFieldContainer[Tender]
    invoices: _containers.RepeatedCompositeFieldContainer[Invoice]
    photos: _containers.RepeatedCompositeFieldContainer[DeliveryPhoto]
    delivered: bool
    def __init__(self, books: _Optional[_Union[ProjectBooks, _Mapping]] = ..., milestones: _Optional[_Iterable[_Union[Milestone, _Mapping]]] = ..., tenders: _Optional[_Iterable[_Union[Tender, _Mapping]]] = ..., invoices: _Optional[_Iterable[_Union[Invoice, _Mapping]]] = ..., photos: _Optional[_Iterable[_Union[DeliveryPhoto, _Mapping]]] = ..., delivered: _Optional[bool] = ...) -> None: ...

class GetPhotoRequest(_message.Message):
    __slots__ = ("election_id", "photo_id")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PHOTO_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    photo_id: str
    def __init__(self, election_id: _Optional[str] = ..., photo_id: _Optional[str] = ...) -> None: ...

class GetPhotoResponse(_message.Message):
    __slots__ = ("media_type", "data")
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    media_type: str
    data: bytes
    def __init__(self, media_type: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class AnnulBallotsRequest(_message.Message):
    __slots__ = ("election_id", "credentials", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    credentials: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., credentials: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...

class AnnulBallotsResponse(_message.Message):
    __slots__ = ("event_id", "annulled")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ANNULLED_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    annulled: int
    def __init__(self, event_id: _Optional[str] = ..., annulled: _Optional[int] = ...) -> None: ...

class ListResultVersionsRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class ResultVersion(_message.Message):
    __slots__ = ("event_id", "counted_at", "announced_event_id", "announced_at", "reason", "selected", "spent_cents", "ballots_counted", "ballots_invalid", "ballots_annulled", "log_size", "code_version", "rule")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    COUNTED_AT_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    SPENT_CENTS_FIELD_NUMBER: _ClassVar[int]
    BALLOTS_COUNTED_FIELD_NUMBER: _ClassVar[int]
    BALLOTS_INVALID_FIELD_NUMBER: _ClassVar[int]
    BALLOTS_ANNULLED_FIELD_NUMBER: _ClassVar[int]
    LOG_SIZE_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    counted_at: _timestamp_pb2.Timestamp
    announced_event_id: str
    announced_at: _timestamp_pb2.Timestamp
    reason: str
    selected: _containers.RepeatedScalarFieldContainer[int]
    spent_cents: int
    ballots_counted: int
    ballots_invalid: int
    ballots_annulled: int
    log_size: int
    code_version: str
    rule: str
    def __init__(self, event_id: _Optional[str] = ..., counted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., announced_event_id: _Optional[str] = ..., announced_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., selected: _Optional[_Iterable[int]] = ..., spent_cents: _Optional[int] = ..., ballots_counted: _Optional[int] = ..., ballots_invalid: _Optional[int] = ..., ballots_annulled: _Optional[int] = ..., log_size: _Optional[int] = ..., code_version: _Optional[str] = ..., rule: _Optional[str] = ...) -> None: ...

class ListResultVersionsResponse(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[ResultVersion]
    def __init__(self, versions: _Optional[_Iterable[_Union[ResultVersion, _Mapping]]] = ...) -> None: ...
