"""An election and its projects: one aggregate, because its rules span all of them.

preparing -> open -> closed -> counted -> published. Each method decides and raises a DomainError,
or triggers an event; the events alone change the state. Repeating a transition that has already
happened changes nothing: staff and the timer may both be in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate

from cahier_budget.domain import checks
from cahier_budget.domain.corrections import CountVersion
from cahier_budget.domain.joining import own_district, require_new_project, require_room
from cahier_budget.domain.new_election import NewElection as NewElection
from cahier_budget.domain.payments import check_instalments
from cahier_budget.domain.phases import Life
from cahier_budget.domain.project import AcceptedProposal, Project
from cahier_budget.domain.readiness import require_ready
from cahier_budget.domain.rules import check_fit, check_rules
from cahier_kernel.errors import FailedPrecondition, Invalid, NotFound
from cahier_kernel.ids import derived_uuid
from cahier_record.budget.ballots import ballot_size_bytes
from cahier_record.budget.events import CountResult, Feasibility, Rules

PREPARING, OPEN, CLOSED, COUNTED, PUBLISHED = STATES = (
    "preparing",
    "open",
    "closed",
    "counted",
    "published",
)


def event_id(election_id: UUID, version: int) -> str:
    """Id of the public event of an election's version: the leaf's and the receipt's id."""
    return str(derived_uuid("budget.election", str(election_id), str(version)))


class Election(Aggregate):
    """Guarded by its version; holds at most PROJECTS_MAX projects."""

    TOPIC = "budget.election"

    class Created(Aggregate.Created):
        """An election is prepared."""

        TOPIC = "budget.election.created"
        title: str
        description: str
        process_id: str
        envelope_cents: int
        currency: str
        districts: tuple[str, ...]
        opens_at: datetime
        closes_at: datetime
        rules: Rules
        ballot_extra_bytes: int
        source: str

    class RulesChanged(Aggregate.Event):
        """All rules are new."""

        TOPIC = "budget.election.rules_changed"
        rules: Rules
        reason: str

        def apply(self, aggregate: Any) -> None:
            aggregate.rules = self.rules

    class ProjectAdded(Aggregate.Event):
        """An accepted proposal stands as a project."""

        TOPIC = "budget.election.project_added"
        project_id: str
        number: int
        proposal_id: str
        reference: str
        category: str
        district: str
        source: str

        def apply(self, aggregate: Any) -> None:
            aggregate.projects[self.project_id] = Project(
                self.project_id,
                self.number,
                self.proposal_id,
                self.reference,
                self.category,
                self.district,
            )
            aggregate.proposals.add(self.proposal_id)
            aggregate.references.add(self.reference)

    class ProjectCosted(Aggregate.Event):
        """A project's cost is stated."""

        TOPIC = "budget.election.project_costed"
        class_version = 2
        project_id: str
        cost_cents: int
        instalments_cents: tuple[int, ...]

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Years came later."""
            state["instalments_cents"] = []

        def apply(self, aggregate: Any) -> None:
            project = aggregate.projects[self.project_id]
            project.cost_cents = self.cost_cents
            project.instalments_cents = self.instalments_cents

    class FeasibilityJudged(Aggregate.Event):
        """A project can be built, or cannot for a reason."""

        TOPIC = "budget.election.feasibility_judged"
        project_id: str
        feasibility: Feasibility
        reason: str

        def apply(self, aggregate: Any) -> None:
            project = aggregate.projects[self.project_id]
            project.feasibility = self.feasibility
            project.unfeasibility_explanation = self.reason

    class VotingOpened(Aggregate.Event):
        """Ballots are taken, sealed to the trustee's key. policy: of the public log, or ""."""

        TOPIC = "budget.election.voting_opened"
        class_version = 2
        trustee_public_key: str
        ballot_size_bytes: int
        policy: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """The public log came later."""
            state["policy"] = ""

        def apply(self, aggregate: Any) -> None:
            aggregate.trustee_public_key = self.trustee_public_key
            aggregate.ballot_size_bytes = self.ballot_size_bytes
            aggregate.log_policy = self.policy
            aggregate.enter(OPEN, self.originator_version)

    class VotingClosed(Aggregate.Event):
        """No more ballots."""

        TOPIC = "budget.election.voting_closed"
        reason: str

        def apply(self, aggregate: Any) -> None:
            aggregate.enter(CLOSED, self.originator_version)

    class TrusteeKeyPublished(Aggregate.Event):
        """Anybody may open the ballots."""

        TOPIC = "budget.election.trustee_key_published"
        private_key: str

        def apply(self, aggregate: Any) -> None:
            aggregate.trustee_private_key = self.private_key

    class BallotsCounted(Aggregate.Event):
        """A count. supersedes: the event of the one that it corrects, for a reason, or ""."""

        TOPIC = "budget.election.ballots_counted"
        class_version = 2
        result: CountResult
        reason: str
        supersedes: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Corrections came later."""
            state |= {"reason": "", "supersedes": ""}

        def apply(self, aggregate: Any) -> None:
            aggregate.counts.append(
                CountVersion(self.originator_version, self.result, self.reason, self.timestamp)
            )
            aggregate.result = self.result
            state = PUBLISHED if aggregate.has_reached(PUBLISHED) else COUNTED
            aggregate.enter(COUNTED, self.originator_version)
            aggregate.state = state

    class BallotsAnnulled(Aggregate.Event):
        """No ballot of these credentials counts from here on."""

        TOPIC = "budget.election.ballots_annulled"
        credentials: tuple[str, ...]
        reason: str

        def apply(self, aggregate: Any) -> None:
            aggregate.annulled.update(self.credentials)

    class ResultPublished(Aggregate.Event):
        """The count in the public event `count` is the result. corrects: the one before, or ""."""

        TOPIC = "budget.election.result_published"
        class_version = 2
        count: str
        corrects: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Corrections came later."""
            state["corrects"] = ""

        def apply(self, aggregate: Any) -> None:
            aggregate.counts[-1].published_version = self.originator_version
            aggregate.counts[-1].published_at = self.timestamp
            aggregate.enter(PUBLISHED, self.originator_version)

    def __init__(
        self,
        title: str,
        description: str,
        process_id: str,
        envelope_cents: int,
        currency: str,
        districts: tuple[str, ...],
        opens_at: datetime,
        closes_at: datetime,
        rules: Rules,
        ballot_extra_bytes: int,
    ) -> None:
        self.title = title
        self.description = description
        self.process_id = process_id
        self.envelope_cents = envelope_cents
        self.currency = currency
        self.districts = districts
        self.opens_at = opens_at
        self.closes_at = closes_at
        self.rules = rules
        self.ballot_extra_bytes = ballot_extra_bytes
        self.state = PREPARING
        self.entered: dict[str, int] = {}
        self.projects: dict[str, Project] = {}
        self.proposals: set[str] = set()
        self.references: set[str] = set()
        self.trustee_public_key = ""
        self.trustee_private_key = ""
        self.ballot_size_bytes = 0
        self.log_policy = ""
        self.result: CountResult | None = None
        self.counts: list[CountVersion] = []
        self.annulled: set[str] = set()
        self.life = Life()

    def enter(self, state: str, version: int) -> None:
        """For events alone: the election is in `state` since `version`."""
        self.state = state
        self.entered[state] = version

    def has_reached(self, state: str) -> bool:
        """Whether the election is in that state or past it."""
        return state in self.entered

    def event_of(self, state: str) -> str:
        """Id of the public event that brought the election into a state it has reached."""
        return event_id(self.id, self.entered[state])

    def last_event(self) -> str:
        """Id of the public event of the present version."""
        return event_id(self.id, self.version)

    @classmethod
    def create(cls, new: NewElection, *, id: UUID, now: datetime) -> Election:
        """Raises Invalid with the first field that breaks a rule."""
        checks.dates(new.opens_at, new.closes_at)
        return cls._create(
            cls.Created,
            id=id,
            timestamp=now,
            title=checks.line(new.title, "title", longest=checks.TITLE_CHARS_MAX, required=True),
            description=checks.prose(new.description, "description", longest=checks.TEXT_CHARS_MAX),
            process_id=str(checks.uuid(new.process_id, "process_id")) if new.process_id else "",
            envelope_cents=checks.cents(new.envelope_cents, "envelope_cents", least=1),
            currency=checks.currency(new.currency),
            districts=checks.districts(new.districts),
            opens_at=new.opens_at,
            closes_at=new.closes_at,
            rules=check_fit(check_rules(new.rules), new.districts, new.envelope_cents),
            ballot_extra_bytes=checks.extra_bytes(new.ballot_extra_bytes),
            source=checks.json_object(new.source, "source"),
        )

    def change_rules(self, rules: Rules, reason: str, *, now: datetime) -> None:
        """New rules while preparing, with a public reason."""
        self.require_preparing()
        reason = checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX, required=True)
        checked = check_fit(check_rules(rules), self.districts, self.envelope_cents)
        self.trigger_event(self.RulesChanged, timestamp=now, rules=checked, reason=reason)

    def add_project(
        self,
        proposal: AcceptedProposal,
        *,
        project_id: UUID,
        reference: str,
        source: str,
        now: datetime,
    ) -> Project:
        """The new project, numbered next; AlreadyExists for a proposal or reference twice."""
        self.require_preparing()
        self.life.require("add_project")
        reference = checks.line(reference, "reference", longest=checks.REFERENCE_CHARS_MAX)
        source = checks.json_object(source, "source")
        require_new_project(
            proposal,
            reference,
            process_id=self.process_id,
            proposals=self.proposals,
            references=self.references,
        )
        require_room(self.projects)
        self.trigger_event(
            self.ProjectAdded,
            timestamp=now,
            project_id=str(project_id),
            number=len(self.projects) + 1,
            proposal_id=proposal.id,
            reference=reference,
            category=proposal.category,
            district=own_district(proposal.district, self.districts),
            source=source,
        )
        return self.projects[str(project_id)]

    def cost_project(
        self,
        project_id: str,
        cost_cents: int,
        instalments_cents: Sequence[int] = (),
        *,
        now: datetime,
    ) -> None:
        """States a cost, or another one, while preparing; with what is paid of it in each year."""
        self.require_preparing()
        self.life.require("cost")
        project = self.standing_project(project_id)
        checks.cents(cost_cents, "cost_cents", least=0)
        self.trigger_event(
            self.ProjectCosted,
            timestamp=now,
            project_id=project.id,
            cost_cents=cost_cents,
            instalments_cents=check_instalments(instalments_cents, cost_cents),
        )

    def judge(
        self, project_id: str, feasibility: Feasibility, reason: str, *, now: datetime
    ) -> None:
        """Judges, or judges anew, while preparing. Feasible only when costed."""
        self.require_preparing()
        self.life.require_single()
        self.life.require("analyse")
        self.conclude(project_id, feasibility, reason, now=now)

    def conclude(
        self, project_id: str, feasibility: Feasibility, reason: str, *, now: datetime
    ) -> None:
        """As `judge`, of whoever may decide."""
        project = self.standing_project(project_id)
        if feasibility == "undecided":
            raise Invalid("feasibility_missing", "feasible or unfeasible", field="feasibility")
        if feasibility == "feasible" and project.cost_cents is None:
            raise FailedPrecondition(
                "project_not_costed", "state the cost first", field="feasibility"
            )
        reason = checks.prose(
            reason,
            "reason",
            longest=checks.REASON_CHARS_MAX,
            required=feasibility == "unfeasible",
        )
        self.trigger_event(
            self.FeasibilityJudged,
            timestamp=now,
            project_id=project.id,
            feasibility=feasibility,
            reason=reason if feasibility == "unfeasible" else "",
        )

    def require_openable(self, now: datetime) -> None:
        """Raises FailedPrecondition unless voting may open now."""
        self.require_preparing()
        if now < self.opens_at:
            raise FailedPrecondition("voting_not_due", "the opening date has not come")
        if now >= self.closes_at:
            raise FailedPrecondition("voting_period_over", "the closing date has passed")
        require_ready(self.rules, self.projects.values(), self.envelope_cents)

    def open_voting(self, trustee_public_key: str, *, now: datetime, policy: str = "") -> None:
        """Opens voting; ballots are sealed to this key (X25519, base64url).

        policy: digest of what the public log is held to meanwhile, or "".
        """
        self.require_openable(now)
        size = ballot_size_bytes(self.rules, len(self.projects), self.ballot_extra_bytes)
        self.trigger_event(
            self.VotingOpened,
            timestamp=now,
            trustee_public_key=trustee_public_key,
            ballot_size_bytes=size,
            policy=policy,
        )

    def close_voting(self, reason: str, trustee_private_key: str, *, now: datetime) -> None:
        """Closes voting and publishes the key, together; early only with a reason."""
        self._require(OPEN, "voting_not_open", "voting is not open")
        early = now < self.closes_at
        reason = checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX)
        if early and not reason:
            raise FailedPrecondition(
                "closing_date_not_reached",
                "before the closing date only with a reason",
                field="reason",
            )
        self.trigger_event(self.VotingClosed, timestamp=now, reason=reason if early else "")
        self.trigger_event(self.TrusteeKeyPublished, timestamp=now, private_key=trustee_private_key)

    def require_closed(self) -> None:
        """Raises FailedPrecondition unless the ballots may be counted."""
        self._require(CLOSED, "voting_not_closed", "ballots are counted after closing")

    def record_count(self, result: CountResult, *, now: datetime, reason: str = "") -> None:
        """Takes the count of a closed election; with a reason one that corrects the last."""
        if not reason:
            self.require_closed()
        self.trigger_event(
            self.BallotsCounted,
            timestamp=now,
            result=result,
            reason=reason if self.counts else "",
            supersedes=self.event_of(COUNTED) if self.counts else "",
        )

    def publish_result(self, *, now: datetime) -> None:
        """Announces the newest count, unless it is announced."""
        if not self.counts or self.counts[-1].published_version:
            self._require(COUNTED, "ballots_not_counted", "there is no count to announce")
        self.trigger_event(
            self.ResultPublished,
            timestamp=now,
            count=self.event_of(COUNTED),
            corrects=self.event_of(PUBLISHED) if self.has_reached(PUBLISHED) else "",
        )

    @property
    def is_correction_pending(self) -> bool:
        """Whether a newer count than the announced one waits to be announced."""
        return self.has_reached(PUBLISHED) and not self.counts[-1].published_version

    def announced(self) -> CountVersion | None:
        """The count that was announced last."""
        return next((one for one in reversed(self.counts) if one.published_version), None)

    def costs(self) -> dict[int, int | None]:
        """Cost by number of every project; None where it does not stand for election."""
        return {
            project.number: project.cost_cents if project.feasibility == "feasible" else None
            for project in self.projects.values()
        }

    def standing_project(self, project_id: str) -> Project:
        """The project; raises NotFound, FailedPrecondition `project_superseded`."""
        project = self._project(project_id)
        if project.became:
            raise FailedPrecondition(
                "project_superseded", "it was merged with others, or split", field="project_id"
            )
        return project

    def _project(self, project_id: str) -> Project:
        project = self.projects.get(project_id)
        if project is None:
            raise NotFound("project_not_found", "no such project", field="project_id")
        return project

    def require_preparing(self) -> None:
        """Raises FailedPrecondition once voting was opened."""
        self._require(PREPARING, "election_not_preparing", "voting has been opened")

    def _require(self, state: str, code: str, rule: str) -> None:
        if self.state != state:
            raise FailedPrecondition(code, rule, state=self.state)
