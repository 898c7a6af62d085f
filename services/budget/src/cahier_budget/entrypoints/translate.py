"""Between the contract's messages and the application's values; no rules but those of form."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from cahier_budget.application.casting import Cast
from cahier_budget.application.queries import ElectionAnswer, ResultAnswer
from cahier_budget.domain.ballots import Envelope, Voter
from cahier_budget.domain.election import NewElection
from cahier_budget.domain.project import AcceptedProposal, Project
from cahier_budget.domain.rules import check_rules
from cahier_chassis.holdings import HeldItem
from cahier_chassis.tokens import Claims
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_kernel import base64url
from cahier_kernel.clock import from_rfc3339
from cahier_kernel.errors import Invalid
from cahier_record.budget.events import Feasibility, Rules
from cahier_record.budget.rule_fields import fields_of_rules, rules_from_fields
from cahier_record.budget.tally import FUNDED

_FEASIBILITY: dict[pb.Feasibility, Feasibility] = {
    pb.FEASIBILITY_UNDECIDED: "undecided",
    pb.FEASIBILITY_FEASIBLE: "feasible",
    pb.FEASIBILITY_UNFEASIBLE: "unfeasible",
}
_FEASIBILITY_NUMBER: dict[str, pb.Feasibility] = {
    **{word: number for number, word in _FEASIBILITY.items()},
    "superseded": pb.FEASIBILITY_SUPERSEDED,
}
_STATE_NUMBER = {
    "preparing": pb.ELECTION_STATE_PREPARING,
    "open": pb.ELECTION_STATE_OPEN,
    "closed": pb.ELECTION_STATE_CLOSED,
    "counted": pb.ELECTION_STATE_COUNTED,
    "published": pb.ELECTION_STATE_PUBLISHED,
}


def read_instant(message: Timestamp, is_set: bool, field: str) -> datetime:
    """To the millisecond, as it is published. Raises Invalid `instant_invalid`."""
    try:
        found = message.ToDatetime(tzinfo=UTC) if is_set else None
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise Invalid("instant_invalid", "an instant between the years 1 and 9999", field=field)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def read_rules(message: pb.Rules) -> Rules:
    """Raises Invalid `rules_invalid` naming the field."""
    return check_rules(
        rules_from_fields((field.name, value) for field, value in message.ListFields())
    )


def write_rules(rules: Rules) -> pb.Rules:
    return pb.Rules(**fields_of_rules(rules))


def read_election(request: pb.CreateElectionRequest) -> NewElection:
    """Raises Invalid for dates and rules that cannot be read."""
    return NewElection(
        title=request.title,
        description=request.description,
        process_id=request.process_id,
        envelope_cents=request.envelope_cents,
        currency=request.currency,
        districts=tuple(request.districts),
        opens_at=read_instant(request.opens_at, request.HasField("opens_at"), "opens_at"),
        closes_at=read_instant(request.closes_at, request.HasField("closes_at"), "closes_at"),
        rules=read_rules(request.rules),
        ballot_extra_bytes=request.ballot_extra_bytes,
        source=request.source,
    )


def read_feasibility(number: pb.Feasibility) -> Feasibility:
    """Raises Invalid `feasibility_missing` for what is none."""
    found = _FEASIBILITY.get(number)
    if found is None:
        raise Invalid("feasibility_missing", "feasible or unfeasible", field="feasibility")
    return found


def read_ballot(message: pb.BallotEnvelope) -> Envelope:
    return Envelope(
        message.election_id,
        message.electorate,
        message.scheme,
        message.credential,
        message.sequence,
        message.sealed,
        message.signature,
    )


def read_voter(claims: Claims) -> Voter:
    return Voter("importer" in claims.roles, claims.subject, claims.thing, claims.verified)


def write_cast(cast: Cast) -> pb.CastBallotsResult:
    if cast.refusal is None:
        return pb.CastBallotsResult(event_id=cast.event_id)
    refusal = cast.refusal
    return pb.CastBallotsResult(
        error_code=refusal.code, error_field=refusal.field, error_rule=refusal.rule
    )


def write_election(answer: ElectionAnswer) -> pb.Election:
    message = pb.Election(
        election_id=str(answer.id),
        process_id=answer.process_id,
        title=answer.title,
        description=answer.description,
        envelope_cents=answer.envelope_cents,
        currency=answer.currency,
        districts=answer.districts,
        rules=write_rules(answer.rules),
        state=_STATE_NUMBER[answer.state],
        projects=answer.projects,
        ballots=answer.ballots,
        trustee_public_key=base64url.decode(answer.trustee_public_key),
        ballot_size_bytes=answer.ballot_size_bytes,
        trustee_private_key=base64url.decode(answer.trustee_private_key),
        log_policy_digest=answer.log_policy,
    )
    message.opens_at.FromDatetime(answer.opens_at)
    message.closes_at.FromDatetime(answer.closes_at)
    return message


def write_project(project: Project, election_id: str) -> pb.Project:
    return pb.Project(
        project_id=project.id,
        election_id=election_id,
        number=project.number,
        proposal_id=project.proposal_id,
        reference=project.reference,
        category=project.category,
        district=project.district,
        cost_cents=project.cost_cents or 0,
        costed=project.cost_cents is not None,
        feasibility=_FEASIBILITY_NUMBER[project.feasibility],
        unfeasibility_explanation=project.unfeasibility_explanation,
        title=project.title,
        running_cost_cents=project.running_cents,
        instalments_cents=project.instalments_cents,
    )


def write_candidate(proposal: AcceptedProposal) -> pb.Candidate:
    return pb.Candidate(
        proposal_id=proposal.id, category=proposal.category, district=proposal.district
    )


def write_result(answer: ResultAnswer) -> pb.GetResultResponse:
    result = answer.result
    scores = result.scores or (0,) * len(result.numbers)
    outcomes = [
        pb.ProjectOutcome(
            number=number, votes=votes, selected=reason in FUNDED, reason=reason, score=score
        )
        for number, votes, reason, score in zip(
            result.numbers, result.votes, result.reasons, scores, strict=True
        )
    ]
    return pb.GetResultResponse(
        election_id=str(answer.election_id),
        rules=write_rules(result.rules),
        envelope_cents=result.envelope_cents,
        spent_cents=result.spent_cents,
        selected=result.selected,
        outcomes=outcomes,
        ballots_counted=result.ballots_counted,
        ballots_invalid=result.ballots_invalid,
        log_size=result.log_size,
        code_version=result.code_version,
        published=answer.is_published,
    )


def write_held(item: HeldItem) -> pb.HeldItem:
    message = pb.HeldItem(
        kind=item.kind, id=item.id, event_id=item.event_id, values=dict(item.values)
    )
    message.at.FromDatetime(from_rfc3339(item.at))
    return message
