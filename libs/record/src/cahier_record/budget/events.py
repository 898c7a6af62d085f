"""What budget says in public: elections, their projects, sealed ballots, counts and results.

Money is in cents of the election's currency; instants are RFC 3339 in UTC; keys and sealed bytes
are base64url without padding. Projects are named on ballots by their number in the election.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cahier_record import erasure, log
from cahier_record.events import PublicEvent, public_event

VoteType = Literal["approval", "choose-1", "cumulative", "scoring", "ordinal"]
CountingRule = Literal[
    "greedy",
    "greedy-no-skip",
    "greedy-threshold",
    "equalshares",
    "equalshares/add1",
    "equalshares/add1-comparison",
    "mes",
    "phragmen",
]
Ties = Literal["standard", "lexicographic", "cheapest"]
Utility = Literal["cost", "cardinality"]
Completion = Literal["none", "greedy", "add1", "add1-greedy"]
Stop = Literal["overspend", "exhaustive"]
Feasibility = Literal["undecided", "feasible", "unfeasible"]


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a district's projects may cost together; "" stands for the whole city's."""

    district: str
    amount_cents: int


class Rules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How ballots look and are counted; 0 in a bound means none.

    ties: `standard` is the order of project numbers; `lexicographic` is the order of the
    projects' references as strings; `cheapest` is the lowest cost, then the most votes, then the
    reference (the number where there is none) as a string.
    utility, completion, stop: as the counting rules' terms (tally.Terms) have them; a rule that
    has one completion only is counted by that, and `completion` is "none" then.
    least_turnout: with fewer ballots only fixed projects are funded; least_votes: a project on
    fewer ballots never wins. quotas: a district that none names is bounded by the envelope alone.
    alternatives: of the projects with these numbers at most one is funded. fixed: numbers of
    projects that are funded before the count, out of the envelope. Numbers of projects that do
    not stand mean nothing.

    Points are whole numbers in units of 10^-point_decimals, as are positions and threshold_votes
    where ballots give points. max_points, min_points: of one project that a ballot lists
    (min_points: 0, or less than nothing); max_sum_points, min_sum_points: of a ballot. positions:
    what each place of an ordinal ballot gives, from the first; places beyond give nothing; empty
    for Borda: max_length, or else the number of projects that stand, for the first place, one less
    for each further. default_points: with scoring ballots, from each that does not list a project.
    proportion (p, q): a project must stand on p/q * ballots * cost / envelope ballots at least;
    (0, 1) asks nothing. credits_cents: the envelope by years; what one leaves is added to the
    next, and a project is paid for by its instalments, or all in the first year.
    """

    vote_type: VoteType
    rule: CountingRule
    min_length: int = 0
    max_length: int = 0
    max_sum_cost_cents: int = 0
    threshold_votes: int = 0
    ties: Ties = "standard"
    utility: Utility = "cost"
    completion: Completion = "none"
    stop: Stop = "overspend"
    least_turnout: int = 0
    least_votes: int = 0
    quotas: tuple[Quota, ...] = ()
    alternatives: tuple[tuple[int, ...], ...] = ()
    fixed: tuple[int, ...] = ()
    max_points: int = 0
    min_points: int = 0
    max_sum_points: int = 0
    min_sum_points: int = 0
    point_decimals: int = 0
    positions: tuple[int, ...] = ()
    default_points: int = 0
    proportion: tuple[int, int] = (0, 1)
    credits_cents: tuple[int, ...] = ()


class CountResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A count: a pure function of the log's first `log_size` leaves.

    ballots_annulled: how many credentials were left out, as their ballots had been annulled.

    `numbers`, `votes` and `reasons` go together, by project number, over all projects that stood,
    and so do `scores` where ballots weigh: points in units of 10^-rules.point_decimals.
    """

    rules: Rules
    envelope_cents: int
    spent_cents: int
    selected: tuple[int, ...]
    numbers: tuple[int, ...]
    votes: tuple[int, ...]
    reasons: tuple[str, ...]
    ballots_counted: int
    ballots_invalid: int = 0
    ballots_annulled: int = 0
    log_size: int
    code_version: str
    scores: tuple[int, ...] = ()


@public_event("budget.v1.election.election_created")
class ElectionCreated(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """An election is prepared. Disclosed: title, description, source."""

    election: str
    process: str = ""
    envelope_cents: int
    currency: str
    districts: tuple[str, ...] = ()
    opens_at: str
    closes_at: str
    rules: Rules
    ballot_extra_bytes: int = 0


@public_event("budget.v1.election.rules_changed")
class RulesChanged(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """New rules before voting opened. Disclosed: reason."""

    election: str
    rules: Rules


@public_event("budget.v1.project.project_added")
class ProjectAdded(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """An accepted proposal stands as a project. Disclosed: source."""

    election: str
    project: str
    number: int
    proposal: str
    reference: str = ""
    category: str = ""
    district: str = ""


@public_event("budget.v1.project.project_costed")
class ProjectCosted(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city stated a project's cost, and in which years it is paid, the first one first.

    instalments_cents: they add up to the cost; empty for all in the first year.
    """

    election: str
    project: str
    cost_cents: int
    instalments_cents: tuple[int, ...] = ()


@public_event("budget.v1.project.feasibility_judged")
class FeasibilityJudged(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city judged whether a project can be built. Disclosed: reason."""

    election: str
    project: str
    feasibility: Feasibility


@public_event("budget.v1.election.voting_opened")
class VotingOpened(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Ballots are taken from here on, sealed to `trustee_key`, `ballot_size_bytes` when opened.

    policy: SHA-256, in hex, of the policy that this log was then held to, as it is served: which
    witnesses must cosign. "" where the log signs alone.
    """

    election: str
    trustee_key: str
    ballot_size_bytes: int
    policy: str = ""


@public_event("budget.v1.ballot.ballot_cast")
class BallotCast(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A sealed ballot; of one credential's ballots the highest sequence counts. Carries no time."""

    election: str
    electorate: str
    scheme: str
    credential: str
    sequence: int
    sealed: str
    signature: str = ""


@public_event("budget.v1.election.voting_closed")
class VotingClosed(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """No ballot counts from here on. Disclosed, when closed early: reason."""

    election: str


@public_event("budget.v1.election.trustee_key_published")
class TrusteeKeyPublished(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The private key: from here on anybody opens the ballots."""

    election: str
    private_key: str


@public_event("budget.v1.election.ballots_counted")
class BallotsCounted(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city's own count, to be compared with one's own.

    supersedes: id of the event with the count that this one corrects, which stays what it was.
    Disclosed, where it corrects one: reason.
    """

    election: str
    result: CountResult
    supersedes: str = ""


@public_event("budget.v1.election.result_published")
class ResultPublished(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city announced the count in the event `count`.

    corrects: id of the event that announced the result before this one.
    """

    election: str
    count: str
    corrects: str = ""


@public_event("budget.v1.erasure.content_erased")
class ContentErased(erasure.ContentErased, frozen=True, kw_only=True, omit_defaults=True):
    """The texts behind a leaf of this log were deleted."""


@public_event("budget.v1.erasure.erasure_confirmed")
class ErasureConfirmed(erasure.ErasureConfirmed, frozen=True, kw_only=True, omit_defaults=True):
    """Budget has deleted what it held on a person."""


@public_event("budget.v1.log.epoch_opened")
class EpochOpened(log.EpochOpened, frozen=True, kw_only=True, omit_defaults=True):
    """This log began anew after a restore."""
