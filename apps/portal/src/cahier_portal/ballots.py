"""Casting: from ticked boxes to a sealed ballot. Choices are never stored, logged or traced here.

The judgement is the record's own, the same that budget applies when it takes the ballot and that
every count applies again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel import base64url
from cahier_kernel.errors import Invalid, Unauthenticated
from cahier_ledger.sealing import ballot_binding, seal
from cahier_portal.clients import Service
from cahier_record.budget.ballots import (
    ELECTORATE,
    SCHEME_CONFIDENTIAL,
    BallotPaper,
    check_paper,
    encode_paper,
)
from cahier_record.budget.events import Rules

CHOICES_MAX = 2_000


@dataclass(frozen=True)
class Standing:
    """What a voter's credential has cast so far: 0 and "" before the first ballot."""

    sequence: int
    event_id: str


OF_PAPERS = ("vote_type", "rule", "min_length", "max_length", "max_sum_cost_cents")
"""What of the rules a paper is held to; the rest is for the count."""


def paper_rules(rules: budget.Rules) -> Rules:
    """The contract's rules as papers are judged by them; raises msgspec.ValidationError."""
    return msgspec.convert({field: getattr(rules, field) for field in OF_PAPERS}, Rules)


def costs_by_number(projects: Sequence[budget.Project]) -> dict[int, int | None]:
    """Cost by number of every project, None where it does not stand."""
    return {
        project.number: project.cost_cents
        if project.feasibility == budget.FEASIBILITY_FEASIBLE
        else None
        for project in projects
    }


def read_choices(ticked: Sequence[str]) -> tuple[int, ...]:
    """Project numbers from a form, ascending, each once; raises Invalid for anything else."""
    if len(ticked) > CHOICES_MAX:
        raise Invalid("ballot_too_many_projects", "too many projects", max=CHOICES_MAX)
    if not all(text.isascii() and text.isdigit() and len(text) <= 6 for text in ticked):
        raise Invalid("ballot_unknown_project", "the election has no such project")
    return tuple(sorted({int(text) for text in ticked}))


def check_choices(
    choices: tuple[int, ...], rules: budget.Rules, projects: Sequence[budget.Project]
) -> None:
    """Raises Invalid with the first rule that the choices break."""
    check_paper(BallotPaper(choices), paper_rules(rules), costs_by_number(projects))


def spent_cents(choices: Sequence[int], projects: Sequence[budget.Project]) -> int:
    """What the chosen projects cost together, in cents."""
    costs = costs_by_number(projects)
    return sum(costs.get(number) or 0 for number in choices)


def credential_of(vote_token: str) -> str:
    """The pseudonym that a vote token speaks for.

    The signature is the services' to check: the token came from identity itself.
    """
    try:
        payload = vote_token.split(".")[1]
        claims = json.loads(base64url.decode(payload))
        return str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise Unauthenticated("token_malformed", "this is not a vote token") from error


async def standing(service: Service, vote_token: str, election_id: str) -> Standing:
    """What the voter has cast so far; raises DomainError."""
    answer = await service.ask(
        budget.GetBallotSequenceRequest(
            election_id=election_id, credential=credential_of(vote_token)
        ),
        token=vote_token,
    )
    return Standing(answer.sequence, answer.event_id)


def sealed_ballot(
    election: budget.Election, credential: str, sequence: int, choices: tuple[int, ...]
) -> budget.BallotEnvelope:
    """The envelope that is stored: choices padded and sealed to the election's trustee key."""
    binding = ballot_binding(
        election.election_id, ELECTORATE, SCHEME_CONFIDENTIAL, credential, sequence
    )
    sealed = seal(
        encode_paper(BallotPaper(choices)),
        base64url.encode(election.trustee_public_key),
        binding=binding,
        padded_size=election.ballot_size_bytes,
    )
    return budget.BallotEnvelope(
        election_id=election.election_id,
        electorate=ELECTORATE,
        scheme=SCHEME_CONFIDENTIAL,
        credential=credential,
        sequence=sequence,
        sealed=sealed,
    )


async def cast(
    service: Service,
    vote_token: str,
    election: budget.Election,
    sequence: int,
    choices: tuple[int, ...],
) -> str:
    """Seals and casts; returns the receipt's id once the ballot is durable.

    Raises DomainError; `ballot_sequence_taken` when another ballot of this voter came first.
    """
    ballot = sealed_ballot(election, credential_of(vote_token), sequence, choices)
    answer = await service.ask(budget.CastBallotRequest(ballot=ballot), token=vote_token)
    return str(answer.event_id)
