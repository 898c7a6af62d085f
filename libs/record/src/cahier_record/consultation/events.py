"""What consultation says in public. All free text is disclosed apart, by salted digest.

Persons (`author`, `supporter`) are pseudonyms made for the one proposal: they join with nothing
else. Instants are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Literal

from cahier_record import erasure, log
from cahier_record.events import PublicEvent, public_event

AnswerState = Literal["evaluating", "accepted", "rejected"]


@public_event("consultation.v1.process.process_created")
class ProcessCreated(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A process with an idea phase. Disclosed: title, description."""

    process: str
    opens_at: str
    closes_at: str
    edit_window_seconds: int


@public_event("consultation.v1.process.idea_phase_rescheduled")
class IdeaPhaseRescheduled(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The idea phase has new dates. Disclosed: reason."""

    process: str
    opens_at: str
    closes_at: str


@public_event("consultation.v1.process.idea_phase_opened")
class IdeaPhaseOpened(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The opening date came."""

    process: str


@public_event("consultation.v1.process.idea_phase_closed")
class IdeaPhaseClosed(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The closing date came."""

    process: str


@public_event("consultation.v1.proposal.proposal_submitted")
class ProposalSubmitted(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A resident proposes. Disclosed: title, body, and where it has one, position
    (`lat_e7,lon_e7`).

    lat_e2, lon_e2: the south-western corner, in hundredths of a degree (WGS 84), of the cell of
    0.01 degrees that the position lies in; absent without one.
    """

    process: str
    proposal: str
    author: str
    category: str = ""
    district: str = ""
    lat_e2: int | None = None
    lon_e2: int | None = None


@public_event("consultation.v1.proposal.proposal_edited")
class ProposalEdited(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The author changed the text within the edit window. Disclosed: title, body."""

    proposal: str


@public_event("consultation.v1.proposal.proposal_withdrawn")
class ProposalWithdrawn(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The author withdrew the proposal."""

    proposal: str


@public_event("consultation.v1.proposal.proposal_answered")
class ProposalAnswered(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city answered. Disclosed: text."""

    process: str
    proposal: str
    state: AnswerState


@public_event("consultation.v1.proposal.change_answered")
class ChangeAnswered(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The author agrees, or does not, that the proposal's project be merged or split.

    change: id of what the city proposes, as budget's log names it.
    """

    proposal: str
    change: str
    agrees: bool = False


@public_event("consultation.v1.support.proposal_supported")
class ProposalSupported(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A person supports a proposal."""

    proposal: str
    supporter: str


@public_event("consultation.v1.support.support_withdrawn")
class SupportWithdrawn(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A person supports a proposal no more."""

    proposal: str
    supporter: str


@public_event("consultation.v1.comment.comment_added")
class CommentAdded(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody commented; `parent` is the comment answered, empty at the top. Disclosed: body."""

    proposal: str
    comment: str
    author: str
    parent: str = ""


@public_event("consultation.v1.erasure.content_erased")
class ContentErased(erasure.ContentErased, frozen=True, kw_only=True, omit_defaults=True):
    """The texts behind a leaf of this log were deleted."""


@public_event("consultation.v1.erasure.erasure_confirmed")
class ErasureConfirmed(erasure.ErasureConfirmed, frozen=True, kw_only=True, omit_defaults=True):
    """Consultation has deleted what it held on a person."""


@public_event("consultation.v1.log.epoch_opened")
class EpochOpened(log.EpochOpened, frozen=True, kw_only=True, omit_defaults=True):
    """This log began anew after a restore."""
