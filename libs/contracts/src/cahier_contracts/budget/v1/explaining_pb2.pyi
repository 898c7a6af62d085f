from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Satisfied(_message.Message):
    __slots__ = ("voters", "with_one", "average_cost_cents", "average_projects_milli")
    VOTERS_FIELD_NUMBER: _ClassVar[int]
    WITH_ONE_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_PROJECTS_MILLI_FIELD_NUMBER: _ClassVar[int]
    voters: int
    with_one: int
    average_cost_cents: int
    average_projects_milli: int
    def __init__(self, voters: _Optional[int] = ..., with_one: _Optional[int] = ..., average_cost_cents: _Optional[int] = ..., average_projects_milli: _Optional[int] = ...) -> None: ...

class DistrictServed(_message.Message):
    __slots__ = ("district", "projects", "winners", "spent_cents", "with_one_here", "satisfaction")
    DISTRICT_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    WINNERS_FIELD_NUMBER: _ClassVar[int]
    SPENT_CENTS_FIELD_NUMBER: _ClassVar[int]
    WITH_ONE_HERE_FIELD_NUMBER: _ClassVar[int]
    SATISFACTION_FIELD_NUMBER: _ClassVar[int]
    district: str
    projects: int
    winners: int
    spent_cents: int
    with_one_here: int
    satisfaction: Satisfied
    def __init__(self, district: _Optional[str] = ..., projects: _Optional[int] = ..., winners: _Optional[int] = ..., spent_cents: _Optional[int] = ..., with_one_here: _Optional[int] = ..., satisfaction: _Optional[_Union[Satisfied, _Mapping]] = ...) -> None: ...

class OtherWay(_message.Message):
    __slots__ = ("rule", "utility", "completion")
    RULE_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_FIELD_NUMBER: _ClassVar[int]
    rule: str
    utility: str
    completion: str
    def __init__(self, rule: _Optional[str] = ..., utility: _Optional[str] = ..., completion: _Optional[str] = ...) -> None: ...

class OtherCost(_message.Message):
    __slots__ = ("number", "cost_cents")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    number: int
    cost_cents: int
    def __init__(self, number: _Optional[int] = ..., cost_cents: _Optional[int] = ...) -> None: ...

class WhatIfRequest(_message.Message):
    __slots__ = ("election_id", "envelope_cents", "way", "costs")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_CENTS_FIELD_NUMBER: _ClassVar[int]
    WAY_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    envelope_cents: int
    way: OtherWay
    costs: _containers.RepeatedCompositeFieldContainer[OtherCost]
    def __init__(self, election_id: _Optional[str] = ..., envelope_cents: _Optional[int] = ..., way: _Optional[_Union[OtherWay, _Mapping]] = ..., costs: _Optional[_Iterable[_Union[OtherCost, _Mapping]]] = ...) -> None: ...

class OtherFate(_message.Message):
    __slots__ = ("number", "cost_cents", "selected", "reason")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    number: int
    cost_cents: int
    selected: bool
    reason: str
    def __init__(self, number: _Optional[int] = ..., cost_cents: _Optional[int] = ..., selected: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class WhatIfResponse(_message.Message):
    __slots__ = ("way", "envelope_cents", "spent_cents", "selected", "fates", "satisfaction", "more", "less")
    WAY_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_CENTS_FIELD_NUMBER: _ClassVar[int]
    SPENT_CENTS_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    FATES_FIELD_NUMBER: _ClassVar[int]
    SATISFACTION_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    LESS_FIELD_NUMBER: _ClassVar[int]
    way: OtherWay
    envelope_cents: int
    spent_cents: int
    selected: _containers.RepeatedScalarFieldContainer[int]
    fates: _containers.RepeatedCompositeFieldContainer[OtherFate]
    satisfaction: Satisfied
    more: int
    less: int
    def __init__(self, way: _Optional[_Union[OtherWay, _Mapping]] = ..., envelope_cents: _Optional[int] = ..., spent_cents: _Optional[int] = ..., selected: _Optional[_Iterable[int]] = ..., fates: _Optional[_Iterable[_Union[OtherFate, _Mapping]]] = ..., satisfaction: _Optional[_Union[Satisfied, _Mapping]] = ..., more: _Optional[int] = ..., less: _Optional[int] = ...) -> None: ...

class GetOwnShareRequest(_message.Message):
    __slots__ = ("election_id", "credential")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    credential: str
    def __init__(self, election_id: _Optional[str] = ..., credential: _Optional[str] = ...) -> None: ...

class ProjectPaid(_message.Message):
    __slots__ = ("number", "cost_cents", "votes", "share_cents", "by_voters")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    SHARE_CENTS_FIELD_NUMBER: _ClassVar[int]
    BY_VOTERS_FIELD_NUMBER: _ClassVar[int]
    number: int
    cost_cents: int
    votes: int
    share_cents: int
    by_voters: bool
    def __init__(self, number: _Optional[int] = ..., cost_cents: _Optional[int] = ..., votes: _Optional[int] = ..., share_cents: _Optional[int] = ..., by_voters: _Optional[bool] = ...) -> None: ...

class GetOwnShareResponse(_message.Message):
    __slots__ = ("event_id", "choices", "paid", "total_cents", "held_cents", "left_cents", "refused")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    PAID_FIELD_NUMBER: _ClassVar[int]
    TOTAL_CENTS_FIELD_NUMBER: _ClassVar[int]
    HELD_CENTS_FIELD_NUMBER: _ClassVar[int]
    LEFT_CENTS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    choices: _containers.RepeatedScalarFieldContainer[int]
    paid: _containers.RepeatedCompositeFieldContainer[ProjectPaid]
    total_cents: int
    held_cents: int
    left_cents: int
    refused: str
    def __init__(self, event_id: _Optional[str] = ..., choices: _Optional[_Iterable[int]] = ..., paid: _Optional[_Iterable[_Union[ProjectPaid, _Mapping]]] = ..., total_cents: _Optional[int] = ..., held_cents: _Optional[int] = ..., left_cents: _Optional[int] = ..., refused: _Optional[str] = ...) -> None: ...
