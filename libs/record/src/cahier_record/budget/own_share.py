"""What one ballot helped to pay for: told to whoever holds it, worked out anew each time.

Nothing of it is kept anywhere: it follows from the paper and the count, which are public once
voting is closed, and belongs to a person only in the eyes of the one who knows the credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from msgspec import Struct

from cahier_record.budget.tally import Result, money_left, own_share


class ProjectPaid(Struct, frozen=True, kw_only=True):
    """A funded project that the ballot names. Amounts in cents, rounded, for people to read.

    by_voters: whether the rule itself had its voters pay for it; else the cost is split evenly
    among the ballots that name it.
    """

    number: int
    cost_cents: int
    votes: int
    share_cents: int
    by_voters: bool


class OwnShare(Struct, frozen=True, kw_only=True):
    """What a ballot helped to pay for, in order of selection.

    choices: the numbers that the paper names. held_cents: what every ballot had to begin with, and
    left_cents what this one kept of it, under equal shares; 0 under other rules.
    """

    choices: tuple[int, ...]
    paid: tuple[ProjectPaid, ...]
    total_cents: int
    held_cents: int
    left_cents: int


def own_share_of(result: Result, numbers: Mapping[str, int], choices: Iterable[int]) -> OwnShare:
    """The share of a ballot that names these projects. numbers: of projects, by their id."""
    listed = tuple(choices)
    names = {number: name for name, number in numbers.items()}
    own = [names[number] for number in listed if number in names]
    shares = own_share(result, own)
    outcomes = {one.id: one for one in result.projects}
    bought = {each.id for each in result.rounds}
    return OwnShare(
        choices=listed,
        paid=tuple(
            ProjectPaid(
                number=numbers[one],
                cost_cents=outcomes[one].cost,
                votes=outcomes[one].votes,
                share_cents=round(paid),
                by_voters=one in bought,
            )
            for one, paid in shares.items()
        ),
        total_cents=round(sum(shares.values(), Fraction(0))),
        held_cents=round(Fraction(*result.endowment)) if result.endowment else 0,
        left_cents=round(money_left(result, own)),
    )
