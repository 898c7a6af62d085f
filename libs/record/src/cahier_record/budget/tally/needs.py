"""What a project that lost would have needed: how much cheaper, or on how many more ballots.

Both are found by counting again with only that changed, all else equal; instalments shrink
alike. An additional ballot lists just this project and gives it as many points as any ballot gives
a project. With raised endowments (`add1`) the endowment is kept as the count left it, additional
voters bring one of their own, and an outcome over the envelope is no win: raising everything anew
would answer another question.

The bound that is found is a true one: at the cost (or number) given the project wins, one unit of
money dearer (one ballot fewer) it does not. Where a rule is not monotone, there may be others.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from cahier_record.budget.tally.electorate import Electorate
from cahier_record.budget.tally.equal_shares import ADD1, GREEDY, market_of, spend_greedily
from cahier_record.budget.tally.field import Field
from cahier_record.budget.tally.greedy import count_greedy
from cahier_record.budget.tally.phragmen import Flow
from cahier_record.budget.tally.profile import Group, Profile
from cahier_record.budget.tally.purchases import Buyers
from cahier_record.budget.tally.recasting import Recast
from cahier_record.budget.tally.result import FUNDED, Result
from cahier_record.budget.tally.rules import RULES
from cahier_record.budget.tally.standing import Standing, standings
from cahier_record.budget.tally.terms import Terms

TIMES_AS_MANY_MAX = 16
"""Additional ballots are looked for up to so many times the ballots there are."""


class Needs(Struct, frozen=True, kw_only=True):
    """cost: the highest cost at which the project would have won, in units of 10^-decimals.

    votes: how many more ballots it would have needed. None: no cost, or no number, was enough.
    """

    id: str
    cost: int | None
    votes: int | None


def needs(profile: Profile, result: Result, terms: Terms) -> dict[str, Needs]:
    """What each project that was not funded would have needed, by its id.

    terms: those that the result was counted by. A withdrawn project needs what cannot be had.
    """
    again = _Again(profile, result, terms)
    lost = [one.id for one in result.projects if one.reason not in FUNDED]
    return {one: again.needs(one) for one in lost}


class _Again:
    """Counts again and again with one thing changed."""

    def __init__(self, profile: Profile, result: Result, terms: Terms) -> None:
        self._profile, self._result = profile, result
        self._terms = replace(terms, completion=result.completion, threshold=result.threshold)
        self._electorate = Electorate(profile)
        self._standing = standings(profile, self._electorate)
        self._place = {one.id: one.place for one in self._standing}
        self._recast = Recast.of(profile, result, self._terms, self._standing, self._electorate)
        self._points = max((max(each.points, default=1) for each in profile.groups), default=1)

    def needs(self, name: str) -> Needs:
        place = self._place[name]
        if self._standing[place].withdrawn:
            return Needs(id=name, cost=None, votes=None)
        return Needs(id=name, cost=self._cost(place), votes=self._votes(place))

    def _cost(self, place: int) -> int | None:
        def wins(cost: int) -> bool:
            return self._wins(place, cost, 0)

        if not wins(0):
            return None
        return _last_true(wins, 0, self._standing[place].cost)

    def _votes(self, place: int) -> int | None:
        standing = self._standing[place]
        most = TIMES_AS_MANY_MAX * (self._electorate.voters + 1)
        lost, tried = 0, 1
        while not self._wins(place, standing.cost, tried):
            lost, tried = tried, tried * 2
            if tried > most:
                return None
        return tried - _last_true(
            lambda fewer: self._wins(place, standing.cost, tried - fewer), 0, tried - lost
        )

    def _wins(self, place: int, cost: int, more: int) -> bool:
        standing = list(self._standing)
        standing[place] = replace(
            standing[place],
            cost=cost,
            votes=standing[place].votes + more,
            score=standing[place].score + more * self._points,
        )
        shell = self._shell(place, cost, self._electorate.voters + more)
        if self._recast is not None and cost and self._recast.answers(more):
            return self._recast.wins(shell, standing[place], more)
        if self._result.rule.startswith("greedy"):
            return self._wins_greedily(shell, standing, place)
        electorate = self._electorate.with_more(place, more) if more else self._electorate
        field = Field(
            shell, self._result.rule, self._terms, electorate=electorate, standing=standing
        )
        if self._result.rule == "phragmen":
            flow = Flow(field)
            flow.run()
            return place in field.free or place in flow.bought
        return self._wins_by_shares(field, place)

    def _wins_greedily(self, shell: Profile, standing: list[Standing], place: int) -> bool:
        rule = self._result.rule
        terms = self._terms
        if not RULES[rule].needs_threshold:
            terms = replace(terms, threshold=None)
        again = count_greedy(shell, rule, terms, stops=rule == "greedy-no-skip", standing=standing)
        return standing[place].id in again.selected

    def _wins_by_shares(self, field: Field, place: int) -> bool:
        raised = self._result.completion in ADD1 and self._result.endowment is not None
        start = (field.budget, max(field.electorate.voters, 1))
        endowment = self._result.endowment if raised else start
        done = Buyers(market_of(field), endowment or start, field.purse()).run()
        bought = [*field.free, *done.contenders()]
        if field.cost(bought) > field.budget:
            return False
        if place in bought:
            return True
        if self._result.completion not in GREEDY:
            return False
        turns = spend_greedily(field, bought)
        return any(turn.place == place and turn.reason == "selected" for turn in turns)

    def _shell(self, place: int, cost: int, voters: int) -> Profile:
        """The profile with one cost changed and without what the ballots list."""
        candidates = list(self._profile.candidates)
        one = candidates[place]
        parts = [part * cost // one.cost for part in one.instalments] if one.cost else []
        parts[-1:] = [cost - sum(parts[:-1])] if parts else []
        candidates[place] = replace(one, cost=cost, instalments=tuple(parts))
        return replace(
            self._profile,
            candidates=tuple(candidates),
            groups=(Group(projects=(), count=voters),),
        )


def _last_true(holds: Callable[[int], bool], known: int, beyond: int) -> int:
    """Some number from `known`, where it holds, up to `beyond`, where not, after which it fails."""
    while beyond - known > 1:
        middle = (known + beyond) // 2
        if holds(middle):
            known = middle
        else:
            beyond = middle
    return known
