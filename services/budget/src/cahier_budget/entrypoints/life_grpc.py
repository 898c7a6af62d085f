"""gRPC: phases, analyses, mergers and splits, each read, asked and written in one place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cahier_budget.application.commands import Done, Keep
from cahier_budget.application.life import ROLES, LifeCommands
from cahier_budget.application.life_queries import LifeAnswer, LifeQueries, ProjectAnswer
from cahier_budget.domain.life import NewAssessment
from cahier_budget.domain.phases import Assessment, Change, Planned, Text, read_phase
from cahier_budget.entrypoints.translate import read_instant
from cahier_chassis.calls import current_claims
from cahier_chassis.idempotency import Record, once
from cahier_chassis.tokens import require_role
from cahier_contracts.budget.v1 import project_life_pb2 as pb
from cahier_ledger.store import LedgerReader

Answer = TypeVar("Answer", bound=Message)


class LifeGrpc:
    """The methods of BudgetService on the way to the vote."""

    _ledger: LedgerReader
    _life: LifeCommands
    _life_queries: LifeQueries

    async def PlanPhases(self, request: pb.PlanPhasesRequest, context: Any) -> Any:
        return await self._told(
            request,
            pb.PlanPhasesResponse,
            lambda keep: self._life.plan_phases(
                current_claims(),
                request.election_id,
                read_plan(request.phases),
                request.reason,
                keep,
            ),
        )

    async def EnterPhase(self, request: pb.EnterPhaseRequest, context: Any) -> Any:
        return await self._told(
            request,
            pb.EnterPhaseResponse,
            lambda keep: self._life.enter_phase(
                current_claims(), request.election_id, request.phase, request.reason, keep
            ),
        )

    async def ReopenPhase(self, request: pb.ReopenPhaseRequest, context: Any) -> Any:
        return await self._told(
            request,
            pb.ReopenPhaseResponse,
            lambda keep: self._life.reopen_phase(
                current_claims(),
                request.election_id,
                request.phase,
                read_plan(request.phases),
                request.reason,
                keep,
            ),
        )

    async def ChooseAnalysis(self, request: pb.ChooseAnalysisRequest, context: Any) -> Any:
        return await self._told(
            request,
            pb.ChooseAnalysisResponse,
            lambda keep: self._life.choose_analysis(
                current_claims(), request.election_id, request.analysis, keep
            ),
        )

    async def AssessProject(self, request: pb.AssessProjectRequest, context: Any) -> Any:
        new = NewAssessment(
            request.project_id,
            request.role,
            "",
            request.feasibility,
            request.estimate_cents,
            request.running_cost_cents,
            request.grounds,
        )
        return await self._told(
            request,
            pb.AssessProjectResponse,
            lambda keep: self._life.assess(current_claims(), request.election_id, new, keep),
        )

    async def StateRunningCost(self, request: pb.StateRunningCostRequest, context: Any) -> Any:
        return await self._told(
            request,
            pb.StateRunningCostResponse,
            lambda keep: self._life.state_running_cost(
                current_claims(),
                request.election_id,
                request.project_id,
                request.running_cost_cents,
                keep,
            ),
        )

    async def ProposeMerge(self, request: pb.ProposeMergeRequest, context: Any) -> Any:
        return await self._changed(
            request,
            pb.ProposeMergeResponse,
            lambda keep: self._life.propose_merge(
                current_claims(),
                request.election_id,
                list(request.project_ids),
                Text(request.result.title, request.result.description),
                request.reason,
                keep,
            ),
        )

    async def ProposeSplit(self, request: pb.ProposeSplitRequest, context: Any) -> Any:
        return await self._changed(
            request,
            pb.ProposeSplitResponse,
            lambda keep: self._life.propose_split(
                current_claims(),
                request.election_id,
                request.project_id,
                [Text(each.title, each.description) for each in request.results],
                request.reason,
                keep,
            ),
        )

    async def WithdrawChange(self, request: pb.WithdrawChangeRequest, context: Any) -> Any:
        return await self._told(
            request,
            pb.WithdrawChangeResponse,
            lambda keep: self._life.withdraw_change(
                current_claims(), request.election_id, request.change_id, request.reason, keep
            ),
        )

    async def GetElectionLife(
        self, request: pb.GetElectionLifeRequest, context: Any
    ) -> pb.GetElectionLifeResponse:
        return write_life(await self._life_queries.election(request.election_id))

    async def GetProject(
        self, request: pb.GetProjectRequest, context: Any
    ) -> pb.GetProjectResponse:
        return write_project_life(await self._life_queries.project(request.project_id))

    async def ListProposalProjects(
        self, request: pb.ListProposalProjectsRequest, context: Any
    ) -> pb.ListProposalProjectsResponse:
        found = await self._life_queries.of_proposal(request.proposal_id)
        return pb.ListProposalProjectsResponse(projects=map(write_project_life, found))

    async def _told(
        self,
        request: Message,
        answer_type: type[Any],
        command: Callable[[Keep], Awaitable[Done]],
    ) -> Any:
        return await self._run(
            request, answer_type, lambda done: answer_type(event_id=done.event_id), command
        )

    async def _changed(
        self,
        request: Message,
        answer_type: type[Any],
        command: Callable[[Keep], Awaitable[Done]],
    ) -> Any:
        return await self._run(
            request,
            answer_type,
            lambda done: answer_type(change_id=done.change_id, event_id=done.event_id),
            command,
        )

    async def _run(
        self,
        request: Message,
        answer_type: type[Answer],
        answer: Callable[[Done], Answer],
        command: Callable[[Keep], Awaitable[Done]],
    ) -> Answer:
        """Runs a command once for each idempotency key.

        A role comes first, so that strangers learn nothing of what else is wrong; which of them
        it must be, the commands check themselves.
        """
        require_role(current_claims(), "staff", *ROLES)

        async def handle(record: Record) -> Answer:
            return answer(await command(lambda done: record(answer(done))))

        return await once(self._ledger, request, answer_type, handle)


def read_plan(phases: Iterable[pb.PlannedPhase]) -> list[Planned]:
    """Raises Invalid `phase_unknown`, `instant_invalid`."""
    return [
        Planned(
            read_phase(each.phase, "phases"),
            read_instant(each.starts_at, each.HasField("starts_at"), "phases"),
        )
        for each in phases
    ]


def write_life(answer: LifeAnswer) -> pb.GetElectionLifeResponse:
    return pb.GetElectionLifeResponse(
        phases=[
            pb.PhaseStep(
                phase=each.phase,
                starts_at=_stamp(each.starts_at),
                entered_at=_stamp(answer.entered[each.phase])
                if each.phase in answer.entered
                else None,
            )
            for each in answer.plan
        ],
        phase=answer.phase,
        reopenings=[
            pb.Reopening(phase=each.phase, reason=each.reason, reopened_at=_stamp(each.at))
            for each in answer.reopenings
        ],
        analysis=answer.analysis,
        changes=map(write_change, answer.changes),
    )


def write_project_life(answer: ProjectAnswer) -> pb.GetProjectResponse:
    project = answer.project
    return pb.GetProjectResponse(
        project_id=project.id,
        election_id=str(answer.election_id),
        text=pb.ResultText(title=project.title, description=project.description),
        assessments=map(write_assessment, answer.assessments),
        changes=map(write_change, answer.changes),
        came_from=project.came_from,
        became=project.became,
    )


def write_assessment(said: Assessment) -> pb.Assessment:
    return pb.Assessment(
        role=said.role,
        feasibility=said.feasibility,
        estimate_cents=said.estimate_cents,
        running_cost_cents=said.running_cents,
        grounds=said.grounds,
        assessed_at=_stamp(said.at),
        assessor=said.assessor,
    )


def write_change(change: Change) -> pb.ProjectChange:
    return pb.ProjectChange(
        change_id=change.id,
        kind=change.kind,
        state=change.state,
        project_ids=change.projects,
        results=[
            pb.ResultText(title=each.title, description=each.description) for each in change.results
        ],
        made_project_ids=change.made,
        consents=[
            pb.AuthorConsent(proposal_id=each, consent=change.consents.get(each, ""))
            for each in change.asked
        ],
        reason=change.reason,
        proposed_at=_stamp(change.at),
    )


def _stamp(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp
