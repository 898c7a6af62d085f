"""Whether a lost project had won under equal shares with one thing changed, without a new count.

What `needs` asks hundreds of times of each project is read off recorded passes: one for each
endowment, which all projects share. Only where a raised endowment buys the project, the pass is
played on from there, because it might overspend. What cannot be read off is counted out anew.
"""

from __future__ import annotations

from collections import OrderedDict

from msgspec.structs import replace

from cahier_record.budget.tally.electorate import Electorate
from cahier_record.budget.tally.equal_shares import ADD1, GREEDY, market_of
from cahier_record.budget.tally.field import Field
from cahier_record.budget.tally.greedy import by_votes
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.purchases import Buyers, Ratio
from cahier_record.budget.tally.recorded import BALANCES_MAX, Bid, Recording
from cahier_record.budget.tally.result import Result
from cahier_record.budget.tally.standing import Gate, Standing, tie_key, tie_ranks
from cahier_record.budget.tally.terms import Terms


class _OverEnvelope(Exception):
    """What was bought costs more than the envelope holds."""


class Recast:
    """A count by equal shares, to be asked about one project at a time."""

    def __init__(
        self,
        profile: Profile,
        result: Result,
        terms: Terms,
        standing: list[Standing],
        electorate: Electorate,
    ) -> None:
        self._terms, self._electorate, self._standing = terms, electorate, standing
        self._field = Field(profile, result.rule, terms, electorate=electorate, standing=standing)
        self._market = market_of(self._field)
        self._endowment = result.endowment
        self._is_raised = result.completion in ADD1
        self._key = tie_key(terms.ties)
        self._ties = [self._key(one) for one in standing]
        self._in_turn = sorted(
            (by_votes(standing[place], terms.utility), self._ties[place], place)
            for place in self._field.contenders
        )
        self._recordings: OrderedDict[Ratio, Recording] = OrderedDict()

    @classmethod
    def of(
        cls,
        profile: Profile,
        result: Result,
        terms: Terms,
        standing: list[Standing],
        electorate: Electorate,
    ) -> Recast | None:
        """None for a count that was not by equal shares, or too large to be recorded."""
        if result.endowment is None or result.rule == "phragmen" or not electorate.voters:
            return None
        recast = cls(profile, result, terms, standing, electorate)
        return recast if Recording.fits(recast._market) else None

    def answers(self, more: int) -> bool:
        """Whether so many more voters leave everybody else as they are."""
        terms = self._terms
        turnout = terms.least_turnout <= self._electorate.voters
        return not more or (turnout and not terms.proportion[0])

    def wins(self, shell: Profile, asked: Standing, more: int) -> bool:
        """Whether the project wins as it is asked about; its cost is over zero.

        shell: the candidates with it changed, and all voters.
        """
        if Gate(shell, self._terms).refusal(asked, asked.votes) is not None:
            return False
        recording = self._recording(shell.voters)
        bid = Bid(
            place=asked.place,
            candidate=shell.candidates[asked.place],
            utility=asked.cost if self._terms.utility == "cost" else 1,
            more=more,
            tie=self._key(asked),
        )
        number = recording.bought_at(bid, self._ties)
        if number is not None:
            return not self._is_raised or self._fits(recording, number, shell, asked, more)
        return self._terms.completion in GREEDY and self._completes(recording, shell, asked)

    def _recording(self, voters: int) -> Recording:
        """The pass of these voters; those that are asked about again and again are kept."""
        endowment = (self._field.budget, voters)
        if self._is_raised and self._endowment is not None:
            endowment = self._endowment
        found = self._recordings.pop(endowment, None)
        if found is None:
            found = Recording(self._market, endowment, self._field.purse())
        self._recordings[endowment] = found
        while len(self._recordings) > 1 and self._size() > BALANCES_MAX:
            self._recordings.popitem(last=False)
        return found

    def _size(self) -> int:
        rows = len(self._electorate.counts)
        return sum(len(each.moments) for each in self._recordings.values()) * rows

    def _fits(
        self, recording: Recording, number: int, shell: Profile, asked: Standing, more: int
    ) -> bool:
        """Whether the pass that buys it in that round stays within the envelope to its end."""
        place, moment = asked.place, recording.moments[number]
        standing = list(self._standing)
        standing[place] = asked
        market = self._market
        costs, utilities = list(market.costs), list(market.utilities)
        costs[place] = asked.cost
        utilities[place] = asked.cost if self._terms.utility == "cost" else 1
        contenders = market.contenders
        if place not in contenders:
            contenders = sorted([*contenders, place])
        changed = replace(
            market,
            electorate=self._electorate.with_more(place, more) if more else self._electorate,
            contenders=contenders,
            costs=costs,
            utilities=utilities,
            ranks=tie_ranks(standing, self._terms),
        )
        buyers = Buyers(changed, recording.endowment, moment.purse.copy(shell))
        buyers.go_on(moment.money, place)

        def watch(now: Buyers) -> None:
            if sum(costs[each] for each in now.bought) > self._field.budget:
                raise _OverEnvelope

        try:
            buyers.run(watch=watch)
        except _OverEnvelope:
            return False
        return True

    def _completes(self, recording: Recording, shell: Profile, asked: Standing) -> bool:
        """Whether greedy spending of what is left takes it when its turn comes."""
        bought = recording.done.contenders()
        purse = self._field.purse(shell.budget, bought)
        taken = {*bought, asked.place}
        turn = (by_votes(asked, self._terms.utility), self._key(asked))
        for votes, tie, place in self._in_turn:
            if (votes, tie) > turn:
                break
            if place not in taken and purse.refusal(place) is None:
                purse.take(place)
        return purse.refusal_of(shell.candidates[asked.place]) is None
