"""What money may be spent on besides being enough: quotas, alternatives, the credits of years.

Every rule asks the same purse before it funds a project, so that a limit means the same under all.
A project that is refused once is refused for good: a purse only gets emptier.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import accumulate

from cahier_record.budget.tally.profile import Candidate, Profile
from cahier_record.budget.tally.result import Reason
from cahier_record.budget.tally.terms import Terms


class Purse:
    """What may still be funded. Projects go by their place among the candidates.

    envelope: what may be spent in all; None leaves that to the rule (equal shares, where the
    voters' own money is the bound). Fixed projects are taken when it is made.
    """

    def __init__(self, profile: Profile, terms: Terms, envelope: int | None) -> None:
        self._candidates = profile.candidates
        self._left = envelope
        self._quotas = dict(terms.quotas)
        self._credits = list(accumulate(terms.credits))
        self._alternatives: set[str] = set()
        for place, candidate in enumerate(profile.candidates):
            if candidate.fixed:
                self.take(place)

    @property
    def left(self) -> int | None:
        """What the envelope still holds, where it is bounded."""
        return self._left

    def copy(self, profile: Profile | None = None) -> Purse:
        """A purse that holds the same, and is emptied by itself.

        profile: one with other costs of what it has not been asked to take.
        """
        other = copy(self)
        if profile is not None:
            other._candidates = profile.candidates
        other._quotas, other._credits = dict(self._quotas), list(self._credits)
        other._alternatives = set(self._alternatives)
        return other

    def refusal(self, place: int) -> Reason | None:
        """Why the project may not be funded any more, or None."""
        return self.refusal_of(self._candidates[place])

    def refusal_of(self, one: Candidate) -> Reason | None:
        """As `refusal`, of a candidate that need not be one of the profile's."""
        if one.alternative and one.alternative in self._alternatives:
            return "alternative_taken"
        if one.cost > self._quotas.get(one.district, one.cost):
            return "over_quota"
        if self._credits and any(
            paid > credit for paid, credit in zip(self._paid(one), self._credits, strict=True)
        ):
            return "over_credit"
        if self._left is not None and one.cost > self._left:
            return "does_not_fit"
        return None

    def take(self, place: int) -> None:
        """Fund the project, whether it fits or not."""
        one = self._candidates[place]
        if one.alternative:
            self._alternatives.add(one.alternative)
        if one.district in self._quotas:
            self._quotas[one.district] -= one.cost
        if self._credits:
            paid = self._paid(one)
            self._credits = [a - b for a, b in zip(self._credits, paid, strict=True)]
        if self._left is not None:
            self._left -= one.cost

    def _paid(self, one: Candidate) -> Sequence[int]:
        """What the project has cost by the end of each year."""
        years = len(self._credits)
        parts = [*one.instalments, *[0] * years][:years] if one.instalments else [one.cost]
        paid = list(accumulate(parts))
        return [*paid, *[paid[-1]] * (years - len(paid))]
