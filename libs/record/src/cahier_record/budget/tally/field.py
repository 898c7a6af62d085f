"""What the rules that spend the voters' own money share: who contends, and how a count is told.

A ballot supports each project that it lists; points and ranks are not weighed by these rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cahier_kernel.errors import Invalid
from cahier_record.budget.tally.electorate import Electorate
from cahier_record.budget.tally.greedy import outcome_of
from cahier_record.budget.tally.limits import Purse
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.result import Outcome, Reason, Result
from cahier_record.budget.tally.standing import Gate, Standing, standings, tie_ranks
from cahier_record.budget.tally.terms import Terms


class Field:
    """The candidates of an election by their places, with those who contend.

    budget: the envelope without what the fixed projects cost. free: contenders that cost nothing
    and are funded at once, in the order of ties; contenders: those that cost something.
    ranks: among equals the lower goes first.
    electorate, standing: what the ballots say, where that is known already.
    Raises Invalid with code `rule_unfit` where a ballot gives a project less than nothing.
    """

    def __init__(
        self,
        profile: Profile,
        rule: str,
        terms: Terms,
        *,
        electorate: Electorate | None = None,
        standing: list[Standing] | None = None,
    ) -> None:
        if any(group.points and min(group.points) < 0 for group in profile.groups):
            why = f"{rule!r} takes what a ballot lists as support, but some points are negative"
            raise Invalid("rule_unfit", why, field="rule", name=rule)
        self.profile, self.rule, self.terms = profile, rule, terms
        self.electorate = electorate or Electorate(profile)
        self.standing = standing or standings(profile, self.electorate)
        self.ranks = tie_ranks(self.standing, terms)
        gate = Gate(profile, terms)
        self.budget = gate.budget
        self.refusals = [gate.refusal(one, one.votes) for one in self.standing]
        self.costs = [one.cost for one in self.standing]
        entered = [place for place, why in enumerate(self.refusals) if why is None]
        self.contenders = [place for place in entered if self.costs[place] > 0]
        self.free: list[int] = []
        purse = self.purse()
        for place in sorted(set(entered) - set(self.contenders), key=self.ranks.__getitem__):
            if purse.refusal(place) is None:
                purse.take(place)
                self.free.append(place)

    def purse(self, envelope: int | None = None, taken: Iterable[int] = ()) -> Purse:
        """A purse out of which the fixed, the free and the `taken` projects are paid already."""
        purse = Purse(self.profile, self.terms, envelope)
        for place in (*self.free, *taken):
            purse.take(place)
        return purse

    def cost(self, places: Iterable[int]) -> int:
        return sum(self.costs[place] for place in places)

    def preferred(self, one: Iterable[int], other: Iterable[int]) -> tuple[int, int]:
        """How many voters get more utility out of one outcome, and how many out of the other."""
        gain = [0] * len(self.costs)
        for sign, places in ((1, one), (-1, other)):
            for place in places:
                gain[place] += sign * (self.costs[place] if self.terms.utility == "cost" else 1)
        totals = [0, 0]
        electorate = self.electorate
        gains = [gain[place] for place in electorate.listed.tolist()]
        ends = electorate.offsets.tolist()
        for row, count in enumerate(electorate.counts.tolist()):
            total = sum(gains[ends[row] : ends[row + 1]])
            if total:
                totals[total < 0] += int(count)
        return totals[0], totals[1]

    def outcomes(
        self, selected: Sequence[int], lost: Callable[[int], Reason], left: dict[int, int]
    ) -> tuple[Outcome, ...]:
        """Every candidate: the fixed, the `selected` in order, the others by descending votes.

        lost: why a contender was not selected. left: the money left when its turn came, for those
        that had a turn.
        """
        why = [reason or lost(place) for place, reason in enumerate(self.refusals)]
        for place in selected:
            why[place] = "selected"
        fixed = [place for place, reason in enumerate(why) if reason == "fixed"]
        others = sorted(
            set(range(len(why))).difference(fixed, selected),
            key=lambda place: (-self.standing[place].votes, self.ranks[place]),
        )
        return tuple(
            outcome_of(self.standing[place], why[place], left.get(place))
            for place in (*fixed, *selected, *others)
        )

    def result(self, outcomes: tuple[Outcome, ...]) -> Result:
        """The count that these outcomes are, without what only one rule has to tell."""
        funded = [one for one in outcomes if one.reason in ("selected", "fixed")]
        return Result(
            rule=self.rule,
            utility=self.terms.utility,
            ties=self.terms.ties,
            threshold=self.terms.threshold,
            budget=self.profile.budget,
            spent=sum(one.cost for one in funded),
            voters=self.profile.voters,
            selected=tuple(one.id for one in funded),
            projects=outcomes,
            decimals=self.profile.decimals,
            score_decimals=self.profile.score_decimals,
        )
