import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ThingKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    THING_KIND_UNSPECIFIED: _ClassVar[ThingKind]
    THING_KIND_PROPOSAL: _ClassVar[ThingKind]
    THING_KIND_ELECTION: _ClassVar[ThingKind]
    THING_KIND_PROCESS: _ClassVar[ThingKind]
    THING_KIND_REPORT: _ClassVar[ThingKind]

class FollowLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FOLLOW_LEVEL_UNSPECIFIED: _ClassVar[FollowLevel]
    FOLLOW_LEVEL_MINIMAL: _ClassVar[FollowLevel]
    FOLLOW_LEVEL_ESSENTIAL: _ClassVar[FollowLevel]
    FOLLOW_LEVEL_ALL: _ClassVar[FollowLevel]
THING_KIND_UNSPECIFIED: ThingKind
THING_KIND_PROPOSAL: ThingKind
THING_KIND_ELECTION: ThingKind
THING_KIND_PROCESS: ThingKind
THING_KIND_REPORT: ThingKind
FOLLOW_LEVEL_UNSPECIFIED: FollowLevel
FOLLOW_LEVEL_MINIMAL: FollowLevel
FOLLOW_LEVEL_ESSENTIAL: FollowLevel
FOLLOW_LEVEL_ALL: FollowLevel

class FollowedThing(_message.Message):
    __slots__ = ("follow_id", "thing_kind", "thing_id", "level", "since")
    FOLLOW_ID_FIELD_NUMBER: _ClassVar[int]
    THING_KIND_FIELD_NUMBER: _ClassVar[int]
    THING_ID_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    follow_id: str
    thing_kind: ThingKind
    thing_id: str
    level: FollowLevel
    since: _timestamp_pb2.Timestamp
    def __init__(self, follow_id: _Optional[str] = ..., thing_kind: _Optional[_Union[ThingKind, str]] = ..., thing_id: _Optional[str] = ..., level: _Optional[_Union[FollowLevel, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CapturedMail(_message.Message):
    __slots__ = ("number", "received_at", "recipient", "subject", "message_id", "text", "html", "unsubscribe_url", "language")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    HTML_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_URL_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    number: int
    received_at: _timestamp_pb2.Timestamp
    recipient: str
    subject: str
    message_id: str
    text: str
    html: str
    unsubscribe_url: str
    language: str
    def __init__(self, number: _Optional[int] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recipient: _Optional[str] = ..., subject: _Optional[str] = ..., message_id: _Optional[str] = ..., text: _Optional[str] = ..., html: _Optional[str] = ..., unsubscribe_url: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class FollowRequest(_message.Message):
    __slots__ = ("thing_kind", "thing_id", "level", "language", "only_first")
    THING_KIND_FIELD_NUMBER: _ClassVar[int]
    THING_ID_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    ONLY_FIRST_FIELD_NUMBER: _ClassVar[int]
    thing_kind: ThingKind
    thing_id: str
    level: FollowLevel
    language: str
    only_first: bool
    def __init__(self, thing_kind: _Optional[_Union[ThingKind, str]] = ..., thing_id: _Optional[str] = ..., level: _Optional[_Union[FollowLevel, str]] = ..., language: _Optional[str] = ..., only_first: _Optional[bool] = ...) -> None: ...

class FollowResponse(_message.Message):
    __slots__ = ("follow_id",)
    FOLLOW_ID_FIELD_NUMBER: _ClassVar[int]
    follow_id: str
    def __init__(self, follow_id: _Optional[str] = ...) -> None: ...

class UnfollowRequest(_message.Message):
    __slots__ = ("thing_kind", "thing_id")
    THING_KIND_FIELD_NUMBER: _ClassVar[int]
    THING_ID_FIELD_NUMBER: _ClassVar[int]
    thing_kind: ThingKind
    thing_id: str
    def __init__(self, thing_kind: _Optional[_Union[ThingKind, str]] = ..., thing_id: _Optional[str] = ...) -> None: ...

class UnfollowResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UnsubscribeRequest(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class UnsubscribeResponse(_message.Message):
    __slots__ = ("thing_kind", "thing_id")
    THING_KIND_FIELD_NUMBER: _ClassVar[int]
    THING_ID_FIELD_NUMBER: _ClassVar[int]
    thing_kind: ThingKind
    thing_id: str
    def __init__(self, thing_kind: _Optional[_Union[ThingKind, str]] = ..., thing_id: _Optional[str] = ...) -> None: ...

class ListFollowsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListFollowsResponse(_message.Message):
    __slots__ = ("follows", "email", "language")
    FOLLOWS_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    follows: _containers.RepeatedCompositeFieldContainer[FollowedThing]
    email: str
    language: str
    def __init__(self, follows: _Optional[_Iterable[_Union[FollowedThing, _Mapping]]] = ..., email: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class ListCapturedMailsRequest(_message.Message):
    __slots__ = ("page_size", "before_number")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    before_number: int
    def __init__(self, page_size: _Optional[int] = ..., before_number: _Optional[int] = ...) -> None: ...

class ListCapturedMailsResponse(_message.Message):
    __slots__ = ("mails", "total")
    MAILS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    mails: _containers.RepeatedCompositeFieldContainer[CapturedMail]
    total: int
    def __init__(self, mails: _Optional[_Iterable[_Union[CapturedMail, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

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
