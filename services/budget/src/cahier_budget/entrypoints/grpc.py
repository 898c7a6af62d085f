"""gRPC: each method reads its message, calls the application, writes the answer.

Ballots come in here too: nothing on their way is traced, logged or kept under a key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from cahier_budget.application.book_queries import BookQueries
from cahier_budget.application.casting import Casting
from cahier_budget.application.commands import Commands, Done, Keep
from cahier_budget.application.delivering import Delivering
from cahier_budget.application.explaining import Explaining
from cahier_budget.application.life import LifeCommands
from cahier_budget.application.life_queries import LifeQueries
from cahier_budget.application.own_shares import OwnShares
from cahier_budget.application.persons import Exporting
from cahier_budget.application.queries import Queries
from cahier_budget.domain import checks
from cahier_budget.domain.ballots import ballot_id
from cahier_budget.entrypoints import translate
from cahier_budget.entrypoints.delivery_grpc import BOOKS_ANONYMOUS, DeliveryGrpc
from cahier_budget.entrypoints.explaining import ExplainingGrpc
from cahier_budget.entrypoints.life_grpc import LifeGrpc
from cahier_chassis.calls import current_claims, current_claims_or_none
from cahier_chassis.idempotency import Record, once
from cahier_chassis.tokens import require_role, require_self_or_admin
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceServicer
from cahier_ledger.store import LedgerReader

ANONYMOUS = frozenset(
    {
        "GetElection",
        "ListElections",
        "ListProjects",
        "GetProject",
        "GetElectionLife",
        "ListProposalProjects",
        "GetResult",
        "ExplainResult",
        "WhatIf",
        "GetDisclosures",
        *BOOKS_ANONYMOUS,
    }
)
UNTRACED = frozenset({"CastBallot", "CastBallots", "GetBallotSequence", "GetOwnShare"})

Answer = TypeVar("Answer", bound=Message)


class BudgetGrpc(LifeGrpc, DeliveryGrpc, ExplainingGrpc, BudgetServiceServicer):
    """The BudgetService of proto/cahier/budget/v1."""

    def __init__(
        self,
        ledger: LedgerReader,
        commands: Commands,
        queries: Queries,
        casting: Casting,
        life: LifeCommands,
        life_queries: LifeQueries,
        explaining: Explaining,
        shares: OwnShares,
        delivering: Delivering,
        books: BookQueries,
        exporting: Exporting,
    ) -> None:
        self._ledger = ledger
        self._commands = commands
        self._queries = queries
        self._casting = casting
        self._life = life
        self._life_queries = life_queries
        self._explaining = explaining
        self._shares = shares
        self._delivering = delivering
        self._books = books
        self._exporting = exporting

    async def CreateElection(
        self, request: pb.CreateElectionRequest, context: Any
    ) -> pb.CreateElectionResponse:
        return await self._once(
            request,
            pb.CreateElectionResponse,
            lambda done: pb.CreateElectionResponse(
                election_id=done.election_id, event_id=done.event_id
            ),
            lambda keep: self._commands.create_election(
                current_claims(), translate.read_election(request), keep
            ),
        )

    async def ChangeRules(
        self, request: pb.ChangeRulesRequest, context: Any
    ) -> pb.ChangeRulesResponse:
        return await self._once(
            request,
            pb.ChangeRulesResponse,
            lambda done: pb.ChangeRulesResponse(event_id=done.event_id),
            lambda keep: self._commands.change_rules(
                current_claims(),
                request.election_id,
                translate.read_rules(request.rules),
                request.reason,
                keep,
            ),
        )

    async def AddProject(
        self, request: pb.AddProjectRequest, context: Any
    ) -> pb.AddProjectResponse:
        return await self._once(
            request,
            pb.AddProjectResponse,
            lambda done: pb.AddProjectResponse(
                project_id=done.project_id, number=done.number, event_id=done.event_id
            ),
            lambda keep: self._commands.add_project(
                current_claims(),
                request.election_id,
                request.proposal_id,
                reference=request.reference,
                source=request.source,
                keep=keep,
            ),
        )

    async def CostProject(
        self, request: pb.CostProjectRequest, context: Any
    ) -> pb.CostProjectResponse:
        return await self._once(
            request,
            pb.CostProjectResponse,
            lambda done: pb.CostProjectResponse(event_id=done.event_id),
            lambda keep: self._commands.cost_project(
                current_claims(),
                request.election_id,
                request.project_id,
                request.cost_cents,
                request.instalments_cents,
                keep,
            ),
        )

    async def JudgeFeasibility(
        self, request: pb.JudgeFeasibilityRequest, context: Any
    ) -> pb.JudgeFeasibilityResponse:
        return await self._once(
            request,
            pb.JudgeFeasibilityResponse,
            lambda done: pb.JudgeFeasibilityResponse(event_id=done.event_id),
            lambda keep: self._commands.judge_feasibility(
                current_claims(),
                request.election_id,
                request.project_id,
                translate.read_feasibility(request.feasibility),
                request.reason,
                keep,
            ),
        )

    async def OpenVoting(
        self, request: pb.OpenVotingRequest, context: Any
    ) -> pb.OpenVotingResponse:
        return await self._once(
            request,
            pb.OpenVotingResponse,
            lambda done: pb.OpenVotingResponse(event_id=done.event_id),
            lambda keep: self._commands.open_voting(current_claims(), request.election_id, keep),
        )

    async def CastBallot(
        self, request: pb.CastBallotRequest, context: Any
    ) -> pb.CastBallotResponse:
        voter = translate.read_voter(current_claims())
        event_id = await self._casting.cast(voter, translate.read_ballot(request.ballot))
        return pb.CastBallotResponse(event_id=event_id)

    async def CastBallots(
        self, request: pb.CastBallotsRequest, context: Any
    ) -> pb.CastBallotsResponse:
        voter = translate.read_voter(current_claims())
        ballots = [translate.read_ballot(message) for message in request.ballots]
        casts = await self._casting.cast_many(voter, ballots)
        return pb.CastBallotsResponse(results=[translate.write_cast(cast) for cast in casts])

    async def GetBallotSequence(
        self, request: pb.GetBallotSequenceRequest, context: Any
    ) -> pb.GetBallotSequenceResponse:
        voter = translate.read_voter(current_claims())
        election_id, credential = request.election_id, request.credential
        sequence = await self._casting.sequence_of(voter, election_id, credential)
        event_id = ballot_id(election_id, credential, sequence) if sequence else ""
        return pb.GetBallotSequenceResponse(sequence=sequence, event_id=event_id)

    async def CloseVoting(
        self, request: pb.CloseVotingRequest, context: Any
    ) -> pb.CloseVotingResponse:
        return await self._once(
            request,
            pb.CloseVotingResponse,
            lambda done: pb.CloseVotingResponse(event_id=done.event_id),
            lambda keep: self._commands.close_voting(
                current_claims(), request.election_id, request.reason, keep
            ),
        )

    async def CountBallots(
        self, request: pb.CountBallotsRequest, context: Any
    ) -> pb.CountBallotsResponse:
        return await self._once(
            request,
            pb.CountBallotsResponse,
            lambda done: pb.CountBallotsResponse(event_id=done.event_id),
            lambda keep: self._commands.count_ballots(
                current_claims(), request.election_id, keep, request.reason
            ),
        )

    async def PublishResult(
        self, request: pb.PublishResultRequest, context: Any
    ) -> pb.PublishResultResponse:
        return await self._once(
            request,
            pb.PublishResultResponse,
            lambda done: pb.PublishResultResponse(event_id=done.event_id),
            lambda keep: self._commands.publish_result(current_claims(), request.election_id, keep),
        )

    async def GetElection(
        self, request: pb.GetElectionRequest, context: Any
    ) -> pb.GetElectionResponse:
        answer = await self._queries.election(request.election_id)
        return pb.GetElectionResponse(election=translate.write_election(answer))

    async def ListElections(
        self, request: pb.ListElectionsRequest, context: Any
    ) -> pb.ListElectionsResponse:
        answers = await self._queries.elections(request.process_id)
        return pb.ListElectionsResponse(elections=map(translate.write_election, answers))

    async def ListProjects(
        self, request: pb.ListProjectsRequest, context: Any
    ) -> pb.ListProjectsResponse:
        projects = await self._queries.projects(request.election_id)
        return pb.ListProjectsResponse(
            projects=[translate.write_project(each, request.election_id) for each in projects]
        )

    async def ListCandidates(
        self, request: pb.ListCandidatesRequest, context: Any
    ) -> pb.ListCandidatesResponse:
        found = await self._queries.candidates(current_claims(), request.election_id)
        return pb.ListCandidatesResponse(candidates=map(translate.write_candidate, found))

    async def GetResult(self, request: pb.GetResultRequest, context: Any) -> pb.GetResultResponse:
        answer = await self._queries.result(current_claims_or_none(), request.election_id)
        return translate.write_result(answer)

    async def GetDisclosures(
        self, request: pb.GetDisclosuresRequest, context: Any
    ) -> pb.GetDisclosuresResponse:
        found = await self._queries.disclosures(request.event_id)
        return pb.GetDisclosuresResponse(
            disclosures=[
                pb.Disclosure(salt=item.salt, name=item.name, value=item.value) for item in found
            ]
        )

    async def ExportSubject(
        self, request: pb.ExportSubjectRequest, context: Any
    ) -> pb.ExportSubjectResponse:
        """Assessments; no ballots, whose pseudonyms identity alone can make."""
        require_self_or_admin(current_claims(), request.subject_id)
        person = str(checks.uuid(request.subject_id, "subject_id"))
        held = await self._exporting.held(person)
        return pb.ExportSubjectResponse(items=map(translate.write_held, held))

    async def _once(
        self,
        request: Message,
        answer_type: type[Answer],
        answer: Callable[[Done], Answer],
        command: Callable[[Keep], Awaitable[Done]],
    ) -> Answer:
        """Runs one of staff's commands, once for each idempotency key.

        The role comes first, so that strangers learn nothing of what else is wrong.
        """
        require_role(current_claims(), "staff")

        async def handle(record: Record) -> Answer:
            return answer(await command(lambda done: record(answer(done))))

        return await once(self._ledger, request, answer_type, handle)
