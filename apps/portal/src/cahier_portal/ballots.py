"""Casting: from a paper to a sealed ballot. Choices are never stored, logged or traced here.

The judgement is the record's own, the same that budget applies when it takes the ballot and that
every count applies again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel import base64url
from cahier_kernel.errors import Unauthenticated
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
from cahier_record.budget.rule_fields import rules_from_fields


@dataclass(frozen=True)
class Standing:
    """What a voter's credential has cast so far: 0 and "" before the first ballot."""

    sequence: int
    event_id: str


def rules_of(rules: budget.Rules) -> Rules:
    """The contract's rules as the record has them, by which papers are judged."""
    return rules_from_fields((field.name, value) for field, value in rules.ListFields())


def costs_by_number(projects: Sequence[budget.Project]) -> dict[int, int | None]:
    """Cost by number of every project, None where it does not stand."""
    return {
        project.number: project.cost_cents
        if project.feasibility == budget.FEASIBILITY_FEASIBLE
        else None
        for project in projects
    }


def check(paper: BallotPaper, rules: budget.Rules, projects: Sequence[budget.Project]) -> None:
    """Raises Invalid with the first rule that the paper breaks."""
    check_paper(paper, rules_of(rules), costs_by_number(projects))


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
    election: budget.Election, credential: str, sequence: int, paper: BallotPaper
) -> budget.BallotEnvelope:
    """The envelope that is stored: the paper padded and sealed to the election's trustee key."""
    binding = ballot_binding(
        election.election_id, ELECTORATE, SCHEME_CONFIDENTIAL, credential, sequence
    )
    sealed = seal(
        encode_paper(paper),
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
    paper: BallotPaper,
) -> str:
    """Seals and casts; returns the receipt's id once the ballot is durable.

    Raises DomainError; `ballot_sequence_taken` when another ballot of this voter came first.
    """
    ballot = sealed_ballot(election, credential_of(vote_token), sequence, paper)
    answer = await service.ask(budget.CastBallotRequest(ballot=ballot), token=vote_token)
    return str(answer.event_id)
