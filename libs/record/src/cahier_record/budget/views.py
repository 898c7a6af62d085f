"""Budget's log folded: every election with its projects and ballots as the log leaves them.

What breaks the log's own rules (a ballot after closing, a sequence that skips) does not count and
is kept as a fault with its leaf index, for auditors to report.
"""

from __future__ import annotations

from collections.abc import MutableMapping, MutableSequence

import msgspec

from cahier_record.budget import events
from cahier_record.events import Leaf


class ProjectView(msgspec.Struct):
    """A project; `texts` is the id of the event whose disclosures say more."""

    project: str
    number: int
    proposal: str
    reference: str
    category: str
    district: str
    event: str
    cost_cents: int | None = None
    feasibility: str = "undecided"
    judged_by: str = ""


class BallotView(msgspec.Struct):
    """The ballot that counts of one credential, and the index of its leaf."""

    index: int
    ballot: events.BallotCast


class ElectionView(msgspec.Struct):
    """An election; `state` is preparing, open, closed, counted or published.

    ballots: by credential, those that count; replaced: those that a later one took the place of.
    Whoever folds more ballots than memory holds puts collections of their own in their place.
    """

    created: events.ElectionCreated
    event: str
    rules: events.Rules
    state: str = "preparing"
    projects: dict[str, ProjectView] = msgspec.field(default_factory=dict)
    ballots: MutableMapping[str, BallotView] = msgspec.field(default_factory=dict)
    replaced: MutableSequence[BallotView] = msgspec.field(default_factory=list)
    opened: events.VotingOpened | None = None
    private_key: str = ""
    closed_log_size: int = 0
    count: events.BallotsCounted | None = None
    count_index: int = -1
    count_event: str = ""

    def costs(self) -> dict[int, int | None]:
        """Cost by number of every project; None where it does not stand for election."""
        return {
            project.number: project.cost_cents if project.feasibility == "feasible" else None
            for project in self.projects.values()
        }


class Fault(msgspec.Struct, frozen=True):
    """A leaf that breaks a rule of the log: `rule` says which, in one sentence."""

    index: int
    event: str
    rule: str


class BudgetView(msgspec.Struct):
    """Everything that budget's log says, by election id."""

    elections: dict[str, ElectionView] = msgspec.field(default_factory=dict)
    faults: list[Fault] = msgspec.field(default_factory=list)

    def apply(self, index: int, leaf: Leaf) -> None:
        """Takes the leaf at `index` (from 0) of budget's log into account."""
        event = leaf.event
        if isinstance(event, events.BallotCast):
            self._cast(index, leaf.id, event)
        elif isinstance(event, events.ElectionCreated):
            self.elections[event.election] = ElectionView(event, leaf.id, event.rules)
        elif event is not None:
            election = self.elections.get(getattr(event, "election", ""))
            if election is None:
                self._fault(index, leaf, "it names an election that the log has not created")
            else:
                self._apply_to_election(index, leaf, election)

    def _cast(self, index: int, event_id: str, ballot: events.BallotCast) -> None:
        election = self.elections.get(ballot.election)
        if election is None or election.state != "open":
            self.faults.append(Fault(index, event_id, "a ballot outside the time of voting"))
            return
        held = election.ballots.get(ballot.credential)
        if ballot.sequence != (held.ballot.sequence + 1 if held else 1):
            self.faults.append(Fault(index, event_id, "a ballot out of its credential's sequence"))
            return
        if held:
            election.replaced.append(held)
        election.ballots[ballot.credential] = BallotView(index, ballot)

    def _apply_to_election(self, index: int, leaf: Leaf, election: ElectionView) -> None:
        match leaf.event:
            case events.RulesChanged(rules=rules):
                if self._only_in("preparing", index, leaf, election):
                    election.rules = rules
            case events.ProjectAdded() | events.ProjectCosted() | events.FeasibilityJudged():
                if self._only_in("preparing", index, leaf, election):
                    _apply_to_project(leaf, election)
            case events.VotingOpened() as opened:
                if self._only_in("preparing", index, leaf, election):
                    election.state, election.opened = "open", opened
            case events.VotingClosed():
                if self._only_in("open", index, leaf, election):
                    election.state, election.closed_log_size = "closed", index + 1
            case events.TrusteeKeyPublished(private_key=private_key):
                if self._only_in("closed", index, leaf, election):
                    election.private_key = private_key
            case events.BallotsCounted() as counted:
                if self._only_in("closed", index, leaf, election):
                    election.state, election.count = "counted", counted
                    election.count_index, election.count_event = index, leaf.id
            case events.ResultPublished(count=count):
                if count != election.count_event:
                    self._fault(index, leaf, "it announces a count that the log does not hold")
                elif self._only_in("counted", index, leaf, election):
                    election.state = "published"
            case _:
                pass

    def _only_in(self, state: str, index: int, leaf: Leaf, election: ElectionView) -> bool:
        if election.state == state:
            return True
        self._fault(index, leaf, f"it comes while the election is {election.state}, not {state}")
        return False

    def _fault(self, index: int, leaf: Leaf, rule: str) -> None:
        self.faults.append(Fault(index, leaf.id, rule))


def _apply_to_project(leaf: Leaf, election: ElectionView) -> None:
    match leaf.event:
        case events.ProjectAdded() as added:
            election.projects[added.project] = ProjectView(
                added.project,
                added.number,
                added.proposal,
                added.reference,
                added.category,
                added.district,
                leaf.id,
            )
        case events.ProjectCosted(project=project, cost_cents=cost_cents):
            election.projects[project].cost_cents = cost_cents
        case events.FeasibilityJudged(project=project, feasibility=feasibility):
            election.projects[project].feasibility = feasibility
            election.projects[project].judged_by = leaf.id
        case _:
            pass
