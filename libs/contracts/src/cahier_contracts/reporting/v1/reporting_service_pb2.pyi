import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReportState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPORT_STATE_UNSPECIFIED: _ClassVar[ReportState]
    REPORT_STATE_UNCONFIRMED: _ClassVar[ReportState]
    REPORT_STATE_CONFIRMED: _ClassVar[ReportState]
    REPORT_STATE_INVESTIGATING: _ClassVar[ReportState]
    REPORT_STATE_PLANNED: _ClassVar[ReportState]
    REPORT_STATE_IN_PROGRESS: _ClassVar[ReportState]
    REPORT_STATE_ACTION_SCHEDULED: _ClassVar[ReportState]
    REPORT_STATE_FIXED: _ClassVar[ReportState]
    REPORT_STATE_UNABLE_TO_FIX: _ClassVar[ReportState]
    REPORT_STATE_NOT_RESPONSIBLE: _ClassVar[ReportState]
    REPORT_STATE_DUPLICATE: _ClassVar[ReportState]
    REPORT_STATE_INTERNAL_REFERRAL: _ClassVar[ReportState]

class UpdateKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPDATE_KIND_UNSPECIFIED: _ClassVar[UpdateKind]
    UPDATE_KIND_ROUTED: _ClassVar[UpdateKind]
    UPDATE_KIND_ANSWERED: _ClassVar[UpdateKind]
    UPDATE_KIND_CLOSED: _ClassVar[UpdateKind]
    UPDATE_KIND_PROMISE_MISSED: _ClassVar[UpdateKind]
REPORT_STATE_UNSPECIFIED: ReportState
REPORT_STATE_UNCONFIRMED: ReportState
REPORT_STATE_CONFIRMED: ReportState
REPORT_STATE_INVESTIGATING: ReportState
REPORT_STATE_PLANNED: ReportState
REPORT_STATE_IN_PROGRESS: ReportState
REPORT_STATE_ACTION_SCHEDULED: ReportState
REPORT_STATE_FIXED: ReportState
REPORT_STATE_UNABLE_TO_FIX: ReportState
REPORT_STATE_NOT_RESPONSIBLE: ReportState
REPORT_STATE_DUPLICATE: ReportState
REPORT_STATE_INTERNAL_REFERRAL: ReportState
UPDATE_KIND_UNSPECIFIED: UpdateKind
UPDATE_KIND_ROUTED: UpdateKind
UPDATE_KIND_ANSWERED: UpdateKind
UPDATE_KIND_CLOSED: UpdateKind
UPDATE_KIND_PROMISE_MISSED: UpdateKind

class Position(_message.Message):
    __slots__ = ("lat_e7", "lon_e7")
    LAT_E7_FIELD_NUMBER: _ClassVar[int]
    LON_E7_FIELD_NUMBER: _ClassVar[int]
    lat_e7: int
    lon_e7: int
    def __init__(self, lat_e7: _Optional[int] = ..., lon_e7: _Optional[int] = ...) -> None: ...

class Category(_message.Message):
    __slots__ = ("code", "label", "department", "promise_days", "anonymous")
    CODE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    PROMISE_DAYS_FIELD_NUMBER: _ClassVar[int]
    ANONYMOUS_FIELD_NUMBER: _ClassVar[int]
    code: str
    label: str
    department: str
    promise_days: int
    anonymous: bool
    def __init__(self, code: _Optional[str] = ..., label: _Optional[str] = ..., department: _Optional[str] = ..., promise_days: _Optional[int] = ..., anonymous: _Optional[bool] = ...) -> None: ...

class Update(_message.Message):
    __slots__ = ("kind", "state", "department", "text", "happened_at")
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    HAPPENED_AT_FIELD_NUMBER: _ClassVar[int]
    kind: UpdateKind
    state: ReportState
    department: str
    text: str
    happened_at: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[_Union[UpdateKind, str]] = ..., state: _Optional[_Union[ReportState, str]] = ..., department: _Optional[str] = ..., text: _Optional[str] = ..., happened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("report_id", "category", "category_label", "department", "state", "closed", "position", "address", "description", "received_at", "answer_by", "promise_missed", "answer", "answered_at", "duplicate_of", "reporter", "reported_by_caller", "updates")
    REPORT_ID_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_LABEL_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_BY_FIELD_NUMBER: _ClassVar[int]
    PROMISE_MISSED_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_AT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_OF_FIELD_NUMBER: _ClassVar[int]
    REPORTER_FIELD_NUMBER: _ClassVar[int]
    REPORTED_BY_CALLER_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    report_id: str
    category: str
    category_label: str
    department: str
    state: ReportState
    closed: bool
    position: Position
    address: str
    description: str
    received_at: _timestamp_pb2.Timestamp
    answer_by: _timestamp_pb2.Timestamp
    promise_missed: bool
    answer: str
    answered_at: _timestamp_pb2.Timestamp
    duplicate_of: str
    reporter: str
    reported_by_caller: bool
    updates: _containers.RepeatedCompositeFieldContainer[Update]
    def __init__(self, report_id: _Optional[str] = ..., category: _Optional[str] = ..., category_label: _Optional[str] = ..., department: _Optional[str] = ..., state: _Optional[_Union[ReportState, str]] = ..., closed: _Optional[bool] = ..., position: _Optional[_Union[Position, _Mapping]] = ..., address: _Optional[str] = ..., description: _Optional[str] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., answer_by: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., promise_missed: _Optional[bool] = ..., answer: _Optional[str] = ..., answered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duplicate_of: _Optional[str] = ..., reporter: _Optional[str] = ..., reported_by_caller: _Optional[bool] = ..., updates: _Optional[_Iterable[_Union[Update, _Mapping]]] = ...) -> None: ...

class DefineCategoryRequest(_message.Message):
    __slots__ = ("category",)
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    category: Category
    def __init__(self, category: _Optional[_Union[Category, _Mapping]] = ...) -> None: ...

class DefineCategoryResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class ReportProblemRequest(_message.Message):
    __slots__ = ("category", "position", "address", "description", "on_behalf_of")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    category: str
    position: Position
    address: str
    description: str
    on_behalf_of: str
    def __init__(self, category: _Optional[str] = ..., position: _Optional[_Union[Position, _Mapping]] = ..., address: _Optional[str] = ..., description: _Optional[str] = ..., on_behalf_of: _Optional[str] = ...) -> None: ...

class ReportProblemResponse(_message.Message):
    __slots__ = ("report_id", "event_id", "answer_by")
    REPORT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_BY_FIELD_NUMBER: _ClassVar[int]
    report_id: str
    event_id: str
    answer_by: _timestamp_pb2.Timestamp
    def __init__(self, report_id: _Optional[str] = ..., event_id: _Optional[str] = ..., answer_by: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RouteReportRequest(_message.Message):
    __slots__ = ("report_id", "department", "reason")
    REPORT_ID_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    report_id: str
    department: str
    reason: str
    def __init__(self, report_id: _Optional[str] = ..., department: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RouteReportResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class AnswerReportRequest(_message.Message):
    __slots__ = ("report_id", "state", "text")
    REPORT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    report_id: str
    state: ReportState
    text: str
    def __init__(self, report_id: _Optional[str] = ..., state: _Optional[_Union[ReportState, str]] = ..., text: _Optional[str] = ...) -> None: ...

class AnswerReportResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class CloseReportRequest(_message.Message):
    __slots__ = ("report_id", "outcome", "text", "duplicate_of")
    REPORT_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_OF_FIELD_NUMBER: _ClassVar[int]
    report_id: str
    outcome: ReportState
    text: str
    duplicate_of: str
    def __init__(self, report_id: _Optional[str] = ..., outcome: _Optional[_Union[ReportState, str]] = ..., text: _Optional[str] = ..., duplicate_of: _Optional[str] = ...) -> None: ...

class CloseReportResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class GetReportRequest(_message.Message):
    __slots__ = ("report_id",)
    REPORT_ID_FIELD_NUMBER: _ClassVar[int]
    report_id: str
    def __init__(self, report_id: _Optional[str] = ...) -> None: ...

class GetReportResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: Report
    def __init__(self, report: _Optional[_Union[Report, _Mapping]] = ...) -> None: ...

class ListReportsRequest(_message.Message):
    __slots__ = ("state", "category", "department", "reported_by_caller", "page_size", "page_token")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    REPORTED_BY_CALLER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    state: ReportState
    category: str
    department: str
    reported_by_caller: bool
    page_size: int
    page_token: str
    def __init__(self, state: _Optional[_Union[ReportState, str]] = ..., category: _Optional[str] = ..., department: _Optional[str] = ..., reported_by_caller: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReportsResponse(_message.Message):
    __slots__ = ("reports", "next_page_token", "total")
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    next_page_token: str
    total: int
    def __init__(self, reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total: _Optional[int] = ...) -> None: ...

class ListNearbyRequest(_message.Message):
    __slots__ = ("position", "radius_m", "limit", "category")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    position: Position
    radius_m: int
    limit: int
    category: str
    def __init__(self, position: _Optional[_Union[Position, _Mapping]] = ..., radius_m: _Optional[int] = ..., limit: _Optional[int] = ..., category: _Optional[str] = ...) -> None: ...

class NearbyReport(_message.Message):
    __slots__ = ("report", "distance_m")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_M_FIELD_NUMBER: _ClassVar[int]
    report: Report
    distance_m: int
    def __init__(self, report: _Optional[_Union[Report, _Mapping]] = ..., distance_m: _Optional[int] = ...) -> None: ...

class ListNearbyResponse(_message.Message):
    __slots__ = ("reports",)
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[NearbyReport]
    def __init__(self, reports: _Optional[_Iterable[_Union[NearbyReport, _Mapping]]] = ...) -> None: ...

class ListCategoriesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListCategoriesResponse(_message.Message):
    __slots__ = ("categories",)
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    categories: _containers.RepeatedCompositeFieldContainer[Category]
    def __init__(self, categories: _Optional[_Iterable[_Union[Category, _Mapping]]] = ...) -> None: ...

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
