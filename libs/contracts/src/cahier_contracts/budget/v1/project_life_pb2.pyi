import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PlannedPhase(_message.Message):
    __slots__ = ("phase", "starts_at")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    phase: str
    starts_at: _timestamp_pb2.Timestamp
    def __init__(self, phase: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PlanPhasesRequest(_message.Message):
    __slots__ = ("election_id", "phases", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PHASES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    phases: _containers.RepeatedCompositeFieldContainer[PlannedPhase]
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., phases: _Optional[_Iterable[_Union[PlannedPhase, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class PlanPhasesResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class EnterPhaseRequest(_message.Message):
    __slots__ = ("election_id", "phase", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    phase: str
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., phase: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class EnterPhaseResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class ReopenPhaseRequest(_message.Message):
    __slots__ = ("election_id", "phase", "phases", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    PHASES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    phase: str
    phases: _containers.RepeatedCompositeFieldContainer[PlannedPhase]
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., phase: _Optional[str] = ..., phases: _Optional[_Iterable[_Union[PlannedPhase, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class ReopenPhaseResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class ChooseAnalysisRequest(_message.Message):
    __slots__ = ("election_id", "analysis")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    ANALYSIS_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    analysis: str
    def __init__(self, election_id: _Optional[str] = ..., analysis: _Optional[str] = ...) -> None: ...

class ChooseAnalysisResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class AssessProjectRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "role", "feasibility", "estimate_cents", "running_cost_cents", "grounds")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    FEASIBILITY_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_CENTS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    GROUNDS_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    role: str
    feasibility: str
    estimate_cents: int
    running_cost_cents: int
    grounds: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., role: _Optional[str] = ..., feasibility: _Optional[str] = ..., estimate_cents: _Optional[int] = ..., running_cost_cents: _Optional[int] = ..., grounds: _Optional[str] = ...) -> None: ...

class AssessProjectResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class StateRunningCostRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "running_cost_cents")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    RUNNING_COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    running_cost_cents: int
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., running_cost_cents: _Optional[int] = ...) -> None: ...

class StateRunningCostResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class ResultText(_message.Message):
    __slots__ = ("title", "description")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    title: str
    description: str
    def __init__(self, title: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...

class ProposeMergeRequest(_message.Message):
    __slots__ = ("election_id", "project_ids", "result", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_IDS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_ids: _containers.RepeatedScalarFieldContainer[str]
    result: ResultText
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_ids: _Optional[_Iterable[str]] = ..., result: _Optional[_Union[ResultText, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ProposeMergeResponse(_message.Message):
    __slots__ = ("change_id", "event_id")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    event_id: str
    def __init__(self, change_id: _Optional[str] = ..., event_id: _Optional[str] = ...) -> None: ...

class ProposeSplitRequest(_message.Message):
    __slots__ = ("election_id", "project_id", "results", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    project_id: str
    results: _containers.RepeatedCompositeFieldContainer[ResultText]
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., project_id: _Optional[str] = ..., results: _Optional[_Iterable[_Union[ResultText, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class ProposeSplitResponse(_message.Message):
    __slots__ = ("change_id", "event_id")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    event_id: str
    def __init__(self, change_id: _Optional[str] = ..., event_id: _Optional[str] = ...) -> None: ...

class WithdrawChangeRequest(_message.Message):
    __slots__ = ("election_id", "change_id", "reason")
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    change_id: str
    reason: str
    def __init__(self, election_id: _Optional[str] = ..., change_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class WithdrawChangeResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class AuthorConsent(_message.Message):
    __slots__ = ("proposal_id", "consent")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    consent: str
    def __init__(self, proposal_id: _Optional[str] = ..., consent: _Optional[str] = ...) -> None: ...

class ProjectChange(_message.Message):
    __slots__ = ("change_id", "kind", "state", "project_ids", "results", "made_project_ids", "consents", "reason", "proposed_at")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_IDS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    MADE_PROJECT_IDS_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_AT_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    kind: str
    state: str
    project_ids: _containers.RepeatedScalarFieldContainer[str]
    results: _containers.RepeatedCompositeFieldContainer[ResultText]
    made_project_ids: _containers.RepeatedScalarFieldContainer[str]
    consents: _containers.RepeatedCompositeFieldContainer[AuthorConsent]
    reason: str
    proposed_at: _timestamp_pb2.Timestamp
    def __init__(self, change_id: _Optional[str] = ..., kind: _Optional[str] = ..., state: _Optional[str] = ..., project_ids: _Optional[_Iterable[str]] = ..., results: _Optional[_Iterable[_Union[ResultText, _Mapping]]] = ..., made_project_ids: _Optional[_Iterable[str]] = ..., consents: _Optional[_Iterable[_Union[AuthorConsent, _Mapping]]] = ..., reason: _Optional[str] = ..., proposed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Assessment(_message.Message):
    __slots__ = ("role", "feasibility", "estimate_cents", "running_cost_cents", "grounds", "assessed_at", "assessor")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    FEASIBILITY_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_CENTS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_COST_CENTS_FIELD_NUMBER: _ClassVar[int]
    GROUNDS_FIELD_NUMBER: _ClassVar[int]
    ASSESSED_AT_FIELD_NUMBER: _ClassVar[int]
    ASSESSOR_FIELD_NUMBER: _ClassVar[int]
    role: str
    feasibility: str
    estimate_cents: int
    running_cost_cents: int
    grounds: str
    assessed_at: _timestamp_pb2.Timestamp
    assessor: str
    def __init__(self, role: _Optional[str] = ..., feasibility: _Optional[str] = ..., estimate_cents: _Optional[int] = ..., running_cost_cents: _Optional[int] = ..., grounds: _Optional[str] = ..., assessed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., assessor: _Optional[str] = ...) -> None: ...

class Reopening(_message.Message):
    __slots__ = ("phase", "reason", "reopened_at")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REOPENED_AT_FIELD_NUMBER: _ClassVar[int]
    phase: str
    reason: str
    reopened_at: _timestamp_pb2.Timestamp
    def __init__(self, phase: _Optional[str] = ..., reason: _Optional[str] = ..., reopened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PhaseStep(_message.Message):
    __slots__ = ("phase", "starts_at", "entered_at")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENTERED_AT_FIELD_NUMBER: _ClassVar[int]
    phase: str
    starts_at: _timestamp_pb2.Timestamp
    entered_at: _timestamp_pb2.Timestamp
    def __init__(self, phase: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., entered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetElectionLifeRequest(_message.Message):
    __slots__ = ("election_id",)
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    election_id: str
    def __init__(self, election_id: _Optional[str] = ...) -> None: ...

class GetElectionLifeResponse(_message.Message):
    __slots__ = ("phases", "phase", "reopenings", "analysis", "changes")
    PHASES_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    REOPENINGS_FIELD_NUMBER: _ClassVar[int]
    ANALYSIS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    phases: _containers.RepeatedCompositeFieldContainer[PhaseStep]
    phase: str
    reopenings: _containers.RepeatedCompositeFieldContainer[Reopening]
    analysis: str
    changes: _containers.RepeatedCompositeFieldContainer[ProjectChange]
    def __init__(self, phases: _Optional[_Iterable[_Union[PhaseStep, _Mapping]]] = ..., phase: _Optional[str] = ..., reopenings: _Optional[_Iterable[_Union[Reopening, _Mapping]]] = ..., analysis: _Optional[str] = ..., changes: _Optional[_Iterable[_Union[ProjectChange, _Mapping]]] = ...) -> None: ...

class GetProjectRequest(_message.Message):
    __slots__ = ("project_id",)
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    def __init__(self, project_id: _Optional[str] = ...) -> None: ...

class GetProjectResponse(_message.Message):
    __slots__ = ("project_id", "election_id", "text", "assessments", "changes", "came_from", "became")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    ELECTION_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ASSESSMENTS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    CAME_FROM_FIELD_NUMBER: _ClassVar[int]
    BECAME_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    election_id: str
    text: ResultText
    assessments: _containers.RepeatedCompositeFieldContainer[Assessment]
    changes: _containers.RepeatedCompositeFieldContainer[ProjectChange]
    came_from: _containers.RepeatedScalarFieldContainer[str]
    became: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project_id: _Optional[str] = ..., election_id: _Optional[str] = ..., text: _Optional[_Union[ResultText, _Mapping]] = ..., assessments: _Optional[_Iterable[_Union[Assessment, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[ProjectChange, _Mapping]]] = ..., came_from: _Optional[_Iterable[str]] = ..., became: _Optional[_Iterable[str]] = ...) -> None: ...

class ListProposalProjectsRequest(_message.Message):
    __slots__ = ("proposal_id",)
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    def __init__(self, proposal_id: _Optional[str] = ...) -> None: ...

class ListProposalProjectsResponse(_message.Message):
    __slots__ = ("projects",)
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[GetProjectResponse]
    def __init__(self, projects: _Optional[_Iterable[_Union[GetProjectResponse, _Mapping]]] = ...) -> None: ...
