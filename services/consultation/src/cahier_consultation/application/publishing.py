"""Which private events become public, as which events of the record, and which texts go apart.

A person's id never leaves here; free text leaves as a disclosure only. The id of a public event
is derived from its place in its stream, so that an answer can be given, and kept for a repeated
request, in the transaction that stores the event.
"""

from __future__ import annotations

from uuid import UUID

from cahier_consultation.application.stored import AggregateEvent, VoiceEvent
from cahier_consultation.domain.process import Process
from cahier_consultation.domain.proposal import Proposal
from cahier_consultation.domain.voices import CommentAdded, Supported, SupportWithdrawn
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.ids import derived_uuid
from cahier_ledger.aggregates import Publication
from cahier_record.consultation import events as public
from cahier_record.events import PublicEvent
from cahier_record.places import Position

SERVICE = "consultation"


def event_id(key: UUID, version: int) -> str:
    """The id of the public event at `version` of the stream that belongs to `key`."""
    return str(derived_uuid("consultation.event", str(key), str(version)))


def publish(event: AggregateEvent, aggregate_id: UUID) -> Publication:
    """What the public learns of an aggregate's event; raises TypeError for an unknown one."""
    told, texts = _told(event, str(aggregate_id))
    return Publication(
        told.TYPE, told.data(), texts, event_id(aggregate_id, event.originator_version)
    )


def publish_voice(event: VoiceEvent) -> tuple[PublicEvent, dict[str, str]]:
    """What the public learns of a support or a comment, and its texts."""
    match event:
        case Supported():
            return public.ProposalSupported(proposal=event.proposal, supporter=event.supporter), {}
        case SupportWithdrawn():
            return public.SupportWithdrawn(proposal=event.proposal, supporter=event.supporter), {}
        case CommentAdded():
            told = public.CommentAdded(
                proposal=event.proposal,
                comment=event.comment,
                author=event.pseudonym,
                parent=event.parent,
            )
            return told, {"body": event.body}


def _told(event: AggregateEvent, key: str) -> tuple[PublicEvent, dict[str, str]]:
    match event:
        case Process.Created():
            created = public.ProcessCreated(
                process=key,
                opens_at=to_rfc3339(event.opens_at),
                closes_at=to_rfc3339(event.closes_at),
                edit_window_seconds=event.edit_window_seconds,
            )
            return created, {"title": event.title, "description": event.description}
        case Process.IdeaPhaseRescheduled():
            moved = public.IdeaPhaseRescheduled(
                process=key,
                opens_at=to_rfc3339(event.opens_at),
                closes_at=to_rfc3339(event.closes_at),
            )
            return moved, {"reason": event.reason}
        case Process.IdeaPhaseOpened():
            return public.IdeaPhaseOpened(process=key), {}
        case Process.IdeaPhaseClosed():
            return public.IdeaPhaseClosed(process=key), {}
        case _:
            return _told_of_proposal(event, key)


def _told_of_proposal(event: AggregateEvent, key: str) -> tuple[PublicEvent, dict[str, str]]:
    match event:
        case Proposal.Created():
            return _told_of_submission(event, key)
        case Proposal.Edited():
            texts = {"title": event.title, "body": event.body}
            return public.ProposalEdited(proposal=key), texts
        case Proposal.Withdrawn():
            return public.ProposalWithdrawn(proposal=key), {}
        case Proposal.Answered():
            answered = public.ProposalAnswered(
                process=str(event.process_id), proposal=key, state=event.state
            )
            return answered, {"text": event.text}
        case Proposal.ChangeAnswered():
            said = public.ChangeAnswered(proposal=key, change=event.change, agrees=event.agrees)
            return said, {}
        case _:
            raise TypeError(f"{type(event).__qualname__} has no public form")


def _told_of_submission(event: Proposal.Created, key: str) -> tuple[PublicEvent, dict[str, str]]:
    texts = {"title": event.title, "body": event.body}
    position = Position.of_text(event.position)
    lat_e2, lon_e2 = (None, None) if position is None else position.cell
    if position is not None:
        texts["position"] = event.position
    submitted = public.ProposalSubmitted(
        process=str(event.process_id),
        proposal=key,
        author=event.pseudonym,
        category=event.category,
        district=event.district,
        lat_e2=lat_e2,
        lon_e2=lon_e2,
    )
    return submitted, texts
