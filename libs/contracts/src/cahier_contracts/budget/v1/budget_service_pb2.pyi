import datetime

from cahier_contracts.budget.v1 import delivery_pb2 as _delivery_pb2
from cahier_contracts.budget.v1 import explaining_pb2 as _explaining_pb2
from cahier_contracts.budget.v1 import project_life_pb2 as _project_life_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ElectionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ELECTION_STATE_UNSPECIFIED: _ClassVar[ElectionState]
    ELECTION_STATE_PREPARING: _ClassVar[ElectionState]
    ELECTION_STATE_OPEN: _ClassVar[ElectionState]
    ELECTION_STATE_CLOSED: _ClassVar[ElectionState]
    ELECTION_STATE_COUNTED: _ClassVar[ElectionState]
    ELECTION_STATE_PUBLISHED: _ClassVar[ElectionState]

class Feasibility(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEASIBILITY_UNSPECIFIED: _ClassVar[Feasibility]
    FEASIBILITY_UNDECIDED: _ClassVar[Feasibility]
    FEASIBILITY_FEASIBLE: _ClassVar[Feasibility]
    FEASIBILITY_UNFEASIBLE: _ClassVar[Feasibility]
    FEASIBILITY_SUPERSEDED: _ClassVar[Feasibility]
ELECTION_STATE_UNSPECIFIED: ElectionState
ELECTION_STATE_PREPARING: ElectionState
ELECTION_STATE_OPEN: ElectionState
ELECTION_STATE_CLOSED: ElectionState
ELECTION_STATE_COUNTED: ElectionState
ELECTION_STATE_PUBLISHED: ElectionState
FEASIBILITY_UNSPECIFIED: Feasibility
FEASIBILITY_UNDECIDED: Feasibility
FEASIBILITY_FEASIBLE: Feasibility
FEASIBILITY_UNFEASIBLE: Feasibility
FEASIBILITY_SUPERSEDED: Feasibility

class Quota(_message.Message):
    __slots__ = ("district", "amount_cents")
    DISTRICT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_CENTS_FIELD_NUMBER: _ClassVar[int]
    district: str
    amount_cents: int
    def __init__(self, district: _Optional[str] = ..., amount_cents: _Optional[int] = ...) -> None: ...

class Alternatives(_message.Message):
    __slots__ = ("numbers",)
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    numbers: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, numbers: _Optional[_Iterable[int]] = ...) -> None: ...

class Rules(_message.Message):
    __slots__ = ("vote_type", "min_length", "max_length", "max_sum_cost_cents", "rule", "threshold_votes", "ties", "utility", "completion", "stop", "least_turnout", "least_votes", "quotas", "alternatives", "fixed", "max_points", "min_points", "max_sum_points", "min_sum_points", "point_decimals", "positions", "default_points", "proportion", "credits_cents")
    VOTE_TYPE_FIELD_NUMBER: _ClassVar[int]
    MIN_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MAX_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MAX_SUM_COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_VOTES_FIELD_NUMBER: _ClassVar[int]
    TIES_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    LEAST_TURNOUT_FIELD_NUMBER: _ClassVar[int]
    LEAST_VOTES_FIELD_NUMBER: _ClassVar[int]
    QUOTAS_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    FIXED_FIELD_NUMBER: _ClassVar[int]
    MAX_POINTS_FIELD_NUMBER: _ClassVar[int]
    MIN_POINTS_FIELD_NUMBER: _ClassVar[int]
    MAX_SUM_POINTS_FIELD_NUMBER: _ClassVar[int]
    MIN_SUM_POINTS_FIELD_NUMBER: _ClassVar[int]
    POINT_DECIMALS_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_POINTS_FIELD_NUMBER: _ClassVar[int]
    PROPORTION_FIELD_NUMBER: _ClassVar[int]
    CREDITS_CENTS_FIELD_NUMBER: _ClassVar[int]
    vote_type: str
    min_length: int
    max_length: int
    max_sum_cost_cents: int
    rule: str
    threshold_votes: int
    ties: str
    utility: str
    completion: str
    stop: str
    least_turnout: int
    least_votes: int
    quotas: _containers.RepeatedCompositeFieldContainer[Quota]
    alternatives: _containers.RepeatedCompositeFieldContainer[Alternatives]
    fixed: _containers.RepeatedScalarFieldContainer[int]
    max_points: int
    min_points: int
    max_sum_points: int
    min_sum_points: int
    point_decimals: int
    positions: _containers.RepeatedScalarFieldContainer[int]
    default_points: int
    proportion: _containers.RepeatedScalarFieldContainer[int]
    credits_cents: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, vote_type: _Optional[str] = ..., min_length: _Optional[int] = ..., max_length: _Optional[int] = ..., max_sum_cost_cents: _Optional[int] = ..., rule: _Optional[str] = ..., threshold_votes: _Optional[int] = ..., ties: _Optional[str] = ..., utility: _Optional[str] = ..., completion: _Optional[str] = ..., stop: _Optional[str] = ..., least_turnout: _Optional[int] = ..., least_votes: _Optional[int] = ..., quotas: _Optional[_Iterable[_Union[Quota, _Mapping]]] = ..., alternatives: _Optional[_Iterable[_Union[Alternatives, _Mapping]]] = ..., fixed: _Optional[_Iterable[int]] = ..., max_points: _Optional[int] = ..., min_points: _Optional[int] = ..., max_sum_points: _Optional[int] = ..., min_sum_points: _Optional[int] = ..., point_decimals: _Optional[int] = ..., positions: _Optional[_Iterable[int]] = ..., default_points: _Optional[int] = ..., proportion: _Optional[_Iterable[int]] = ..., credits_cents: _Optional[_Iterable[int]] = ...) -> None: ...

class Election(_message.Message):
    __slots__ = ("election_id", "process_id", "title", "description", "envelope_cents", "currency", "districts", "opens_at", "closes_at", "rules", "state", "projects", "ballots", "trustee_public_key", "ballot_size_bytes", "trustee_private_key", "log_policy_digest")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_CENTS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    DISTRICTS_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    BALLOTS_FIELD_NUMBER: _ClassVar[int]
    TRUSTEE_PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    BALLOT_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TRUSTEE_PRIVATE_KEY_FIELD_NUMBER: _ClassVar[int]
    LOG_POLICY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    process_id: str
    title: str
    description: str
    envelope_cents: int
    currency: str
    districts: _containers.RepeatedScalarFieldContainer[str]
    opens_at: _timestamp_pb2.Timestamp
    closes_at: _timestamp_pb2.Timestamp
    rules: Rules
    state: ElectionState
    projects: int
    ballots: int
    trustee_public_key: bytes
    ballot_size_bytes: int
    trustee_private_key: bytes
    log_policy_digest: str
    def __init__(self, election_id: _Optional[str] = ..., process_id: _Optional[str] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., envelope_cents: _Optional[int] = ..., currency: _Optional[str] = ..., districts: _Optional[_Iterable[str]] = ..., opens_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closes_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rules: _Optional[_Union[Rules, _Mapping]] = ..., state: _Optional[_Union[ElectionState, str]] = ..., projects: _Optional[int] = ..., ballots: _Optional[int] = ..., trustee_public_key: _Optional[bytes] = ..., ballot_size_bytes: _Optional[int] = ..., trustee_private_key: _Optional[bytes] = ..., log_policy_digest: _Optional[str] = ...) -> None: ...

class Project(_message.Message):
    __slots__ = ("project_id", "election_id", "number", "proposal_id", "reference", "category", "district", "cost_cents", "costed", "feasibility", "unfeasibility_explanation", "title", "running_cost_cents", "instalments_cents")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    DISTRICT_FIELD_NUMBER: _ClassVar[int]
    COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    COSTED_FIELD_NUMBER: _ClassVar[int]
    FEASIBILITY_FIELD_NUMBER: _ClassVar[int]
    UNFEASIBILITY_EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    RUNNING_COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    INSTALMENTS_CENTS_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    election_id: str
    number: int
    proposal_id: str
    reference: str
    category: str
    district: str
    cost_cents: int
    costed: bool
    feasibility: Feasibility
    unfeasibility_explanation: str
    title: str
    running_cost_cents: int
    instalments_cents: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, project_id: _Optional[str] = ..., election_id: _Optional[str] = ..., number: _Optional[int] = ..., proposal_id: _Optional[str] = ..., reference: _Optional[str] = ..., category: _Optional[str] = ..., district: _Optional[str] = ..., cost_cents: _Optional[int] = ..., costed: _Optional[bool] = ..., feasibility: _Optional[_Union[Feasibility, str]] = ..., unfeasibility_explanation: _Optional[str] = ..., title: _Optional[str] = ..., running_cost_cents: _Optional[int] = ..., instalments_cents: _Optional[_Iterable[int]] = ...) -> None: ...

class BallotEnvelope(_message.Message):
    __slots__ = ("election_id", "electorate", "scheme", "credential", "sequence", "sealed", "signature")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    ELECTORATE_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    electorate: str
    scheme: str
    credential: str
    sequence: int
    sealed: bytes
    signature: bytes
    def __init__(self, election_id: _Optional[str] = ..., electorate: _Optional[str] = ..., scheme: _Optional[str] = ..., credential: _Optional[str] = ..., sequence: _Optional[int] = ..., sealed: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CreateElectionRequest(_message.Message):
    __slots__ = ("title", "description", "process_id", "envelope_cents", "currency", "districts", "opens_at", "closes_at", "rules", "ballot_extra_bytes", "source")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_CENTS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    DISTRICTS_FIELD_NUMBER: _ClassVar[int]
    OPENS_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    BALLOT_EXTRA_BYTES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    title: str
    description: str
    process_id: str
    envelope_cents: int
    currency: str
    districts: _containers.RepeatedScalarFieldContainer[str]
    opens_at: _timestamp_pb2.Timestamp
    closes_at: _timestamp_pb2.Timestamp
    rules: Rules
    ballot_extra_bytes: int
    source: str
    def __init__(self, title: _Optional[str] = ..., description: _Optional[str] = ..., process_id: _Optional[str] = ..., envelope_cents: _Optional[int] = ..., currency: _Optional[str] = ..., districts: _Optional[_Iterable[str]] = ..., opens_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closes_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rules: _Optional[_Union[Rules, _Mapping]] = ..., ballot_extra_bytes: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class CreateElectionResponse(_message.Message):
    __slots__ = ("election_id", "event_id")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    event_id: str
    def __init__(self, election_id: _Optional[str] = ..., event_id: _Optional[str] = ...) -> None: ...

class ChangeRulesRequest(_message.Message):
    __slots__ = ("election_id", "rules", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    rules: Rules
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., rules: _Optional[_Union[Rules, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ChangeRulesResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class AddProjectRequest(_message.Message):
    __slots__ = ("election_id", "proposal_id", "reference", "source")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    proposal_id: str
    reference: str
    source: str
    def __init__(self, election_id: _Optional[str] = ..., proposal_id: _Optional[str] = ..., reference: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...

class AddProjectResponse(_message.Message):
    __slots__ = ("project_id", "number", "event_id")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    number: int
    event_id: str
    def __init__(self, project_id: _Optional[str] = ..., number: _Optional[int] = ..., event_id: _Optional[str] = ...) -> None: ...

class CostProjectRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "cost_cents", "instalments_cents")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    INSTALMENTS_CENTS_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    cost_cents: int
    instalments_cents: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., cost_cents: _Optional[int] = ..., instalments_cents: _Optional[_Iterable[int]] = ...) -> None: ...

class CostProjectResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class JudgeFeasibilityRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "feasibility", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    FEASIBILITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    feasibility: Feasibility
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., feasibility: _Optional[_Union[Feasibility, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class JudgeFeasibilityResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class OpenVotingRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class OpenVotingResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class CastBallotRequest(_message.Message):
    __slots__ = ("ballot",)
    BALLOT_FIELD_NUMBER: _ClassVar[int]
    ballot: BallotEnvelope
    def __init__(self, ballot: _Optional[_Union[BallotEnvelope, _Mapping]] = ...) -> None: ...

class CastBallotResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class CastBallotsRequest(_message.Message):
    __slots__ = ("ballots",)
    BALLOTS_FIELD_NUMBER: _ClassVar[int]
    ballots: _containers.RepeatedCompositeFieldContainer[BallotEnvelope]
    def __init__(self, ballots: _Optional[_Iterable[_Union[BallotEnvelope, _Mapping]]] = ...) -> None: ...

class CastBallotsResult(_message.Message):
    __slots__ = ("event_id", "error_code", "error_field", "error_rule")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_FIELD_NUMBER: _ClassVar[int]
    ERROR_RULE_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    error_code: str
    error_field: str
    error_rule: str
    def __init__(self, event_id: _Optional[str] = ..., error_code: _Optional[str] = ..., error_field: _Optional[str] = ..., error_rule: _Optional[str] = ...) -> None: ...

class CastBallotsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[CastBallotsResult]
    def __init__(self, results: _Optional[_Iterable[_Union[CastBallotsResult, _Mapping]]] = ...) -> None: ...

class GetBallotSequenceRequest(_message.Message):
    __slots__ = ("election_id", "credential")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    credential: str
    def __init__(self, election_id: _Optional[str] = ..., credential: _Optional[str] = ...) -> None: ...

class GetBallotSequenceResponse(_message.Message):
    __slots__ = ("sequence", "event_id")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    event_id: str
    def __init__(self, sequence: _Optional[int] = ..., event_id: _Optional[str] = ...) -> None: ...

class CloseVotingRequest(_message.Message):
    __slots__ = ("election_id", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CloseVotingResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class CountBallotsRequest(_message.Message):
    __slots__ = ("election_id", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CountBallotsResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class PublishResultRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class PublishResultResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class GetElectionRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class GetElectionResponse(_message.Message):
    __slots__ = ("election",)
    ELECTION_FIELD_NUMBER: _ClassVar[int]
    election: Election
    def __init__(self, election: _Optional[_Union[Election, _Mapping]] = ...) -> None: ...

class ListElectionsRequest(_message.Message):
    __slots__ = ("process_id",)
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    def __init__(self, process_id: _Optional[str] = ...) -> None: ...

class ListElectionsResponse(_message.Message):
    __slots__ = ("elections",)
    ELECTIONS_FIELD_NUMBER: _ClassVar[int]
    elections: _containers.RepeatedCompositeFieldContainer[Election]
    def __init__(self, elections: _Optional[_Iterable[_Union[Election, _Mapping]]] = ...) -> None: ...

class ListProjectsRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class ListProjectsResponse(_message.Message):
    __slots__ = ("projects",)
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[Project]
    def __init__(self, projects: _Optional[_Iterable[_Union[Project, _Mapping]]] = ...) -> None: ...

class ListCandidatesRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("proposal_id", "category", "district")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    DISTRICT_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    category: str
    district: str
    def __init__(self, proposal_id: _Optional[str] = ..., category: _Optional[str] = ..., district: _Optional[str] = ...) -> None: ...

class ListCandidatesResponse(_message.Message):
    __slots__ = ("candidates",)
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    def __init__(self, candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ...) -> None: ...

class GetResultRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class ProjectOutcome(_message.Message):
    __slots__ = ("number", "votes", "selected", "reason", "score")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    number: int
    votes: int
    selected: bool
    reason: str
    score: int
    def __init__(self, number: _Optional[int] = ..., votes: _Optional[int] = ..., selected: _Optional[bool] = ..., reason: _Optional[str] = ..., score: _Optional[int] = ...) -> None: ...

class GetResultResponse(_message.Message):
    __slots__ = ("election_id", "rules", "envelope_cents", "spent_cents", "selected", "outcomes", "ballots_counted", "ballots_invalid", "log_size", "code_version", "published")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_CENTS_FIELD_NUMBER: _ClassVar[int]
    SPENT_CENTS_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    BALLOTS_COUNTED_FIELD_NUMBER: _ClassVar[int]
    BALLOTS_INVALID_FIELD_NUMBER: _ClassVar[int]
    LOG_SIZE_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    rules: Rules
    envelope_cents: int
    spent_cents: int
    selected: _containers.RepeatedScalarFieldContainer[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[ProjectOutcome]
    ballots_counted: int
    ballots_invalid: int
    log_size: int
    code_version: str
    published: bool
    def __init__(self, election_id: _Optional[str] = ..., rules: _Optional[_Union[Rules, _Mapping]] = ..., envelope_cents: _Optional[int] = ..., spent_cents: _Optional[int] = ..., selected: _Optional[_Iterable[int]] = ..., outcomes: _Optional[_Iterable[_Union[ProjectOutcome, _Mapping]]] = ..., ballots_counted: _Optional[int] = ..., ballots_invalid: _Optional[int] = ..., log_size: _Optional[int] = ..., code_version: _Optional[str] = ..., published: _Optional[bool] = ...) -> None: ...

class ExplainResultRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class ProjectExplanation(_message.Message):
    __slots__ = ("number", "reason", "left_cents", "missing_cents", "round", "effective_votes_milli", "supporters_money_cents", "cost_to_win_cents", "votes_to_win")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LEFT_CENTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_CENTS_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_VOTES_MILLI_FIELD_NUMBER: _ClassVar[int]
    SUPPORTERS_MONEY_CENTS_FIELD_NUMBER: _ClassVar[int]
    COST_TO_WIN_CENTS_FIELD_NUMBER: _ClassVar[int]
    VOTES_TO_WIN_FIELD_NUMBER: _ClassVar[int]
    number: int
    reason: str
    left_cents: int
    missing_cents: int
    round: int
    effective_votes_milli: int
    supporters_money_cents: int
    cost_to_win_cents: int
    votes_to_win: int
    def __init__(self, number: _Optional[int] = ..., reason: _Optional[str] = ..., left_cents: _Optional[int] = ..., missing_cents: _Optional[int] = ..., round: _Optional[int] = ..., effective_votes_milli: _Optional[int] = ..., supporters_money_cents: _Optional[int] = ..., cost_to_win_cents: _Optional[int] = ..., votes_to_win: _Optional[int] = ...) -> None: ...

class Satisfaction(_message.Message):
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

class Alternative(_message.Message):
    __slots__ = ("rule", "utility", "completion", "spent_cents", "selected", "satisfaction", "more", "less")
    RULE_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_FIELD_NUMBER: _ClassVar[int]
    SPENT_CENTS_FIELD_NUMBER: _ClassVar[int]
    SELECTED_FIELD_NUMBER: _ClassVar[int]
    SATISFACTION_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    LESS_FIELD_NUMBER: _ClassVar[int]
    rule: str
    utility: str
    completion: str
    spent_cents: int
    selected: _containers.RepeatedScalarFieldContainer[int]
    satisfaction: Satisfaction
    more: int
    less: int
    def __init__(self, rule: _Optional[str] = ..., utility: _Optional[str] = ..., completion: _Optional[str] = ..., spent_cents: _Optional[int] = ..., selected: _Optional[_Iterable[int]] = ..., satisfaction: _Optional[_Union[Satisfaction, _Mapping]] = ..., more: _Optional[int] = ..., less: _Optional[int] = ...) -> None: ...

class PurchaseRound(_message.Message):
    __slots__ = ("number", "price_cents", "paying", "supporters")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PRICE_CENTS_FIELD_NUMBER: _ClassVar[int]
    PAYING_FIELD_NUMBER: _ClassVar[int]
    SUPPORTERS_FIELD_NUMBER: _ClassVar[int]
    number: int
    price_cents: int
    paying: int
    supporters: int
    def __init__(self, number: _Optional[int] = ..., price_cents: _Optional[int] = ..., paying: _Optional[int] = ..., supporters: _Optional[int] = ...) -> None: ...

class ExplainResultResponse(_message.Message):
    __slots__ = ("election_id", "projects", "satisfaction", "alternatives", "rounds", "share_cents", "districts")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    SATISFACTION_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    SHARE_CENTS_FIELD_NUMBER: _ClassVar[int]
    DISTRICTS_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    projects: _containers.RepeatedCompositeFieldContainer[ProjectExplanation]
    satisfaction: Satisfaction
    alternatives: _containers.RepeatedCompositeFieldContainer[Alternative]
    rounds: _containers.RepeatedCompositeFieldContainer[PurchaseRound]
    share_cents: int
    districts: _containers.RepeatedCompositeFieldContainer[_explaining_pb2.DistrictServed]
    def __init__(self, election_id: _Optional[str] = ..., projects: _Optional[_Iterable[_Union[ProjectExplanation, _Mapping]]] = ..., satisfaction: _Optional[_Union[Satisfaction, _Mapping]] = ..., alternatives: _Optional[_Iterable[_Union[Alternative, _Mapping]]] = ..., rounds: _Optional[_Iterable[_Union[PurchaseRound, _Mapping]]] = ..., share_cents: _Optional[int] = ..., districts: _Optional[_Iterable[_Union[_explaining_pb2.DistrictServed, _Mapping]]] = ...) -> None: ...

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
