"""Budget's log folded: every election with its projects and ballots as the log leaves them.

What breaks the log's own rules (a ballot after closing, a sequence that skips) does not count and
is kept as a fault with its leaf index, for auditors to report.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, MutableSequence

import msgspec

from cahier_record.budget import corrections, events
from cahier_record.budget.books import BooksError
from cahier_record.budget.costs import ProjectCosts
from cahier_record.budget.delivery import BooksEvent, DeliveryEvent, FundsReserved
from cahier_record.budget.life import ChangeCompleted, LifeEvent
from cahier_record.budget.life_view import LifeView, fault_of_judgement, fault_of_life
from cahier_record.budget.works import BooksView
from cahier_record.events import Leaf

_ABOUT_LOG = (events.ContentErased, events.ErasureConfirmed, events.EpochOpened)
"""What tells of the log itself, not of an election."""


class ProjectView(msgspec.Struct):
    """A project; `event` is the id of the event whose disclosures say more.

    came_from, became: ids of the projects it was made of, or that stand in its place; its
    feasibility is `superseded` then. change: the merger or split that made it. costs: at every
    stage, from the first estimate to the last payment.
    """

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
    running_cents: int = 0
    came_from: tuple[str, ...] = ()
    became: tuple[str, ...] = ()
    change: str = ""
    instalments_cents: tuple[int, ...] = ()
    costs: ProjectCosts = msgspec.field(default_factory=ProjectCosts)


class BallotView(msgspec.Struct):
    """The ballot that counts of one credential, and the index of its leaf."""

    index: int
    ballot: events.BallotCast


class CountVersion(msgspec.Struct):
    """One of an election's counts. announced: id of the event that did; "" while none has."""

    index: int
    event: str
    counted: events.BallotsCounted
    announced: str = ""


class ElectionView(msgspec.Struct):
    """An election; `state` is preparing, open, closed, counted or published.

    ballots: by credential, those that count; replaced: those that a later one took the place of.
    Whoever folds more ballots than memory holds puts collections of their own in their place.
    annulled: by credential, the index of the leaf that annulled its ballots. versions: every count,
    oldest first; `count` is the newest, `announced` the event that announced the last result.
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
    annulled: dict[str, int] = msgspec.field(default_factory=dict)
    versions: list[CountVersion] = msgspec.field(default_factory=list)
    announced: str = ""
    books: BooksView | None = None
    life: LifeView = msgspec.field(default_factory=LifeView)

    @property
    def decided_log_size(self) -> int:
        """How many leaves decide a count of these ballots: up to the closing, or an annulment."""
        return max([self.closed_log_size, *(index + 1 for index in self.annulled.values())])

    def own_title_of(self, project: ProjectView) -> tuple[str, str] | None:
        """The event and the name of the disclosure that titles a merged or split project.

        None for a project that bears its proposal's title.
        """
        change = self.life.changes.get(project.change)
        if change is None or project.project not in change.results:
            return None
        return change.event, f"title_{change.results.index(project.project) + 1}"

    def counting(self) -> Iterator[BallotView]:
        """The ballots that count, in their order."""
        for held in self.ballots.values():
            if held.ballot.credential not in self.annulled:
                yield held

    def as_counted(self, version: CountVersion) -> ElectionView:
        """The election as it was when that count was made; shares the ballots."""
        annulled = {
            credential: index
            for credential, index in self.annulled.items()
            if index < version.index
        }
        return msgspec.structs.replace(
            self,
            annulled=annulled,
            count=version.counted,
            count_index=version.index,
            count_event=version.event,
        )

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
        elif event is not None and not isinstance(event, _ABOUT_LOG):
            election = self.elections.get(getattr(event, "election", ""))
            if election is None:
                self._fault(index, leaf, "it names an election that the log has not created")
            else:
                faults = len(self.faults)
                self._apply_to_election(index, leaf, election)
                if len(self.faults) == faults:
                    _tell_costs(leaf, election)

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
            case events.ProjectAdded() | events.ProjectCosted():
                if self._only_in("preparing", index, leaf, election):
                    _apply_to_project(leaf, election)
            case events.FeasibilityJudged() as judged:
                if self._only_in("preparing", index, leaf, election):
                    self._judge(index, leaf, election, judged)
            case LifeEvent():
                self._live(index, leaf, election)
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
                self._count(index, leaf, election, counted)
            case events.ResultPublished() as published:
                self._announce(index, leaf, election, published)
            case corrections.BallotsAnnulled(credentials=credentials):
                if election.closed_log_size:
                    for credential in credentials:
                        election.annulled.setdefault(credential, index)
                else:
                    self._fault(index, leaf, "it annuls ballots before voting was closed")
            case BooksEvent() | DeliveryEvent():
                self._keep_books(index, leaf, election)
            case _:
                pass

    def _count(
        self, index: int, leaf: Leaf, election: ElectionView, counted: events.BallotsCounted
    ) -> None:
        if not election.versions and not self._only_in("closed", index, leaf, election):
            return
        if counted.supersedes != election.count_event:
            self._fault(index, leaf, "it does not say that it corrects the count before it")
            return
        if not election.versions:
            election.state = "counted"
        election.count, election.count_index, election.count_event = counted, index, leaf.id
        election.versions.append(CountVersion(index, leaf.id, counted))

    def _announce(
        self, index: int, leaf: Leaf, election: ElectionView, published: events.ResultPublished
    ) -> None:
        newest = election.versions[-1] if election.versions else None
        if newest is None or published.count != newest.event:
            self._fault(index, leaf, "it announces a count that the log does not hold")
        elif newest.announced or published.corrects != election.announced:
            self._fault(index, leaf, "it does not say which result it corrects")
        else:
            election.state, election.announced = "published", leaf.id
            newest.announced = leaf.id

    def _keep_books(self, index: int, leaf: Leaf, election: ElectionView) -> None:
        if not election.announced:
            self._fault(index, leaf, "it moves money before a result was announced")
            return
        if election.books is None:
            numbers = {one.project: one.number for one in election.projects.values()}
            election.books = BooksView(numbers, election.created.envelope_cents)
        try:
            _check_winners(leaf, election)
            election.books.apply(leaf)
        except BooksError as error:
            self._fault(index, leaf, f"the books do not balance: {error.args[0]}")

    def _judge(
        self, index: int, leaf: Leaf, election: ElectionView, judged: events.FeasibilityJudged
    ) -> None:
        if broken := fault_of_judgement(judged, election):
            self._fault(index, leaf, broken)
        else:
            _apply_to_project(leaf, election)

    def _live(self, index: int, leaf: Leaf, election: ElectionView) -> None:
        if broken := fault_of_life(leaf, election):
            self._fault(index, leaf, broken)
        elif isinstance(leaf.event, ChangeCompleted):
            _add_results(leaf.event, election)

    def _only_in(self, state: str, index: int, leaf: Leaf, election: ElectionView) -> bool:
        if election.state == state:
            return True
        self._fault(index, leaf, f"it comes while the election is {election.state}, not {state}")
        return False

    def _fault(self, index: int, leaf: Leaf, rule: str) -> None:
        self.faults.append(Fault(index, leaf.id, rule))


def _check_winners(leaf: Leaf, election: ElectionView) -> None:
    """Money is set aside for those that the announced result names, whatever was counted since."""
    if isinstance(leaf.event, FundsReserved):
        announced = next(one for one in reversed(election.versions) if one.announced)
        won = set(announced.counted.result.selected)
        if any(each.project not in won for each in leaf.event.postings if each.project):
            raise BooksError("it sets money aside for a project that did not win")


def _add_results(completed: ChangeCompleted, election: ElectionView) -> None:
    """What came out of a merger or a split stands as projects of their own."""
    change = election.life.changes[completed.change]
    for made in completed.results:
        election.projects[made.project] = ProjectView(
            made.project,
            made.number,
            made.proposal,
            "",
            made.category,
            made.district,
            change.event,
            came_from=change.proposed.projects,
            change=completed.change,
        )


def _tell_costs(leaf: Leaf, election: ElectionView) -> None:
    """What holds by the log's rules tells of costs: of one project, or of all that are voted on."""
    if isinstance(leaf.event, events.VotingOpened):
        told = [each for each in election.projects.values() if each.feasibility == "feasible"]
    else:
        named = election.projects.get(getattr(leaf.event, "project", ""))
        told = [named] if named is not None else []
    for project in told:
        project.costs.take(leaf)


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
        case events.ProjectCosted() as costed:
            project = election.projects[costed.project]
            project.cost_cents = costed.cost_cents
            project.instalments_cents = costed.instalments_cents
        case events.FeasibilityJudged(project=project, feasibility=feasibility):
            election.projects[project].feasibility = feasibility
            election.projects[project].judged_by = leaf.id
        case _:
            pass
