"""What becomes public of each private event, and which of its texts are disclosed apart."""

from __future__ import annotations

from functools import singledispatch
from uuid import UUID

from cahier_budget.application.life_publishing import told_of_life
from cahier_budget.application.telling import told_of_books
from cahier_budget.domain.election import Election, event_id
from cahier_kernel.clock import to_rfc3339
from cahier_ledger.aggregates import DomainEvent, Publication
from cahier_record.budget import corrections
from cahier_record.budget import events as public
from cahier_record.events import PublicEvent


def publish(event: DomainEvent, aggregate_id: UUID) -> Publication:
    """The public event of a private one, under an id derived from the aggregate's version."""
    told, texts = told_of_books(event) or _told(event, str(aggregate_id))
    return Publication(
        type=told.TYPE,
        data=told.data(),
        disclosures={name: text for name, text in texts.items() if text},
        id=event_id(aggregate_id, event.originator_version),
    )


Told = tuple[PublicEvent, dict[str, str]]


@singledispatch
def _told(event: object, election: str) -> Told:
    told = told_of_life(event, election)
    if told is not None:
        return told
    raise TypeError(f"no public event for {type(event).__qualname__}")


@_told.register
def _(event: Election.Created, election: str) -> Told:
    told = public.ElectionCreated(
        election=election,
        process=event.process_id,
        envelope_cents=event.envelope_cents,
        currency=event.currency,
        districts=event.districts,
        opens_at=to_rfc3339(event.opens_at),
        closes_at=to_rfc3339(event.closes_at),
        rules=event.rules,
        ballot_extra_bytes=event.ballot_extra_bytes,
    )
    texts = {"title": event.title, "description": event.description, "source": event.source}
    return told, texts


@_told.register
def _(event: Election.RulesChanged, election: str) -> Told:
    return public.RulesChanged(election=election, rules=event.rules), {"reason": event.reason}


@_told.register
def _(event: Election.ProjectAdded, election: str) -> Told:
    told = public.ProjectAdded(
        election=election,
        project=event.project_id,
        number=event.number,
        proposal=event.proposal_id,
        reference=event.reference,
        category=event.category,
        district=event.district,
    )
    return told, {"source": event.source}


@_told.register
def _(event: Election.ProjectCosted, election: str) -> Told:
    told = public.ProjectCosted(
        election=election,
        project=event.project_id,
        cost_cents=event.cost_cents,
        instalments_cents=event.instalments_cents,
    )
    return told, {}


@_told.register
def _(event: Election.FeasibilityJudged, election: str) -> Told:
    told = public.FeasibilityJudged(
        election=election, project=event.project_id, feasibility=event.feasibility
    )
    return told, {"reason": event.reason}


@_told.register
def _(event: Election.VotingOpened, election: str) -> Told:
    told = public.VotingOpened(
        election=election,
        trustee_key=event.trustee_public_key,
        ballot_size_bytes=event.ballot_size_bytes,
        policy=event.policy,
    )
    return told, {}


@_told.register
def _(event: Election.VotingClosed, election: str) -> Told:
    return public.VotingClosed(election=election), {"reason": event.reason}


@_told.register
def _(event: Election.TrusteeKeyPublished, election: str) -> Told:
    return public.TrusteeKeyPublished(election=election, private_key=event.private_key), {}


@_told.register
def _(event: Election.BallotsCounted, election: str) -> Told:
    told = public.BallotsCounted(
        election=election, result=event.result, supersedes=event.supersedes
    )
    return told, {"reason": event.reason}


@_told.register
def _(event: Election.BallotsAnnulled, election: str) -> Told:
    told = corrections.BallotsAnnulled(election=election, credentials=event.credentials)
    return told, {"reason": event.reason}


@_told.register
def _(event: Election.ResultPublished, election: str) -> Told:
    told = public.ResultPublished(election=election, count=event.count, corrects=event.corrects)
    return told, {}
