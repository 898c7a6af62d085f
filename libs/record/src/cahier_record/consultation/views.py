"""Consultation's log folded: every process and proposal as the log leaves them."""

from __future__ import annotations

import msgspec

from cahier_record.consultation import events
from cahier_record.events import Leaf


class ProcessView(msgspec.Struct):
    """A process; `phase` is planned, open or closed."""

    process: str
    opens_at: str
    closes_at: str
    phase: str = "planned"


class ProposalView(msgspec.Struct):
    """A proposal; `texts` is the id of the event whose disclosures hold its present text.

    changes: whether its author agreed, by the merger or split that budget proposed.
    """

    process: str
    proposal: str
    category: str
    district: str
    texts: str
    state: str = "not_answered"
    answer: str = ""
    withdrawn: bool = False
    supporters: set[str] = msgspec.field(default_factory=set)
    comments: int = 0
    changes: dict[str, bool] = msgspec.field(default_factory=dict)


class ConsultationView(msgspec.Struct):
    """Everything that consultation's log says, by id.

    erased: events whose texts were deleted; they read `cahier_kernel.texts.ERASED`.
    """

    processes: dict[str, ProcessView] = msgspec.field(default_factory=dict)
    proposals: dict[str, ProposalView] = msgspec.field(default_factory=dict)
    erased: set[str] = msgspec.field(default_factory=set)

    def apply(self, leaf: Leaf) -> None:
        """Takes the next leaf of consultation's log into account."""
        match leaf.event:
            case (
                events.ProcessCreated()
                | events.IdeaPhaseRescheduled()
                | events.IdeaPhaseOpened()
                | events.IdeaPhaseClosed()
            ) as event:
                self._apply_process(event)
            case events.ProposalSubmitted() as event:
                self.proposals[event.proposal] = ProposalView(
                    event.process, event.proposal, event.category, event.district, leaf.id
                )
            case events.ProposalEdited(proposal=proposal):
                self.proposals[proposal].texts = leaf.id
            case events.ProposalWithdrawn(proposal=proposal):
                self.proposals[proposal].withdrawn = True
            case events.ProposalAnswered(proposal=proposal, state=state):
                self.proposals[proposal].state = state
                self.proposals[proposal].answer = leaf.id
            case events.ChangeAnswered(proposal=proposal, change=change, agrees=agrees):
                self.proposals[proposal].changes[change] = agrees
            case events.ProposalSupported(proposal=proposal, supporter=supporter):
                self.proposals[proposal].supporters.add(supporter)
            case events.SupportWithdrawn(proposal=proposal, supporter=supporter):
                self.proposals[proposal].supporters.discard(supporter)
            case events.CommentAdded(proposal=proposal):
                self.proposals[proposal].comments += 1
            case events.ContentErased(leaf=erased):
                self.erased.add(erased)
            case _:
                pass

    def _apply_process(
        self,
        event: events.ProcessCreated
        | events.IdeaPhaseRescheduled
        | events.IdeaPhaseOpened
        | events.IdeaPhaseClosed,
    ) -> None:
        match event:
            case events.ProcessCreated():
                self.processes[event.process] = ProcessView(
                    event.process, event.opens_at, event.closes_at
                )
            case events.IdeaPhaseRescheduled():
                process = self.processes[event.process]
                process.opens_at, process.closes_at = event.opens_at, event.closes_at
            case events.IdeaPhaseOpened():
                self.processes[event.process].phase = "open"
            case events.IdeaPhaseClosed():
                self.processes[event.process].phase = "closed"
