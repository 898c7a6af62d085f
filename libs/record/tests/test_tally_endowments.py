"""Steps of `add1` that are not played are proven: every endowment between buys the same."""

from __future__ import annotations

from random import Random

from cahier_record.budget.tally import Candidate, Profile, Terms
from cahier_record.budget.tally.equal_shares import market_of
from cahier_record.budget.tally.field import Field
from cahier_record.budget.tally.purchases import Buyers, Pass

STEPS = 60


def passes(seed: int) -> list[tuple[Pass, list[Pass]]]:
    """For each step its pass, and the passes 2, 4, 8 and 16 steps on that were held against it."""
    random = Random(seed)
    ids = [str(number) for number in range(6)]
    voters = random.randint(4, 9)
    election = Profile.of_approvals(
        400,
        [Candidate(id=one, cost=random.randint(20, 200)) for one in ids],
        [tuple(one for one in ids if random.random() < 0.5) for _ in range(voters)],
        decimals=0,
    )
    field = Field(election, "mes", Terms(ties="lexicographic"))
    market = market_of(field)

    def play(step: int, earlier: Pass | None = None) -> Pass:
        return Buyers(market, (400 + step * voters, voters), field.purse()).run(earlier)

    found = []
    for step in range(STEPS):
        here = play(step)
        found.append((here, [play(step + stride, here) for stride in (2, 4, 8, 16)]))
    return found


def test_what_is_settled_is_bought_at_every_endowment_between():
    settled = unsettled = deceptive = 0
    for seed in range(1, 21):
        found = passes(seed)
        for step, (here, further) in enumerate(found):
            for stride, there in zip((2, 4, 8, 16), further, strict=True):
                between = [each.contenders() for each, _ in found[step : step + stride]]
                same = all(each == here.contenders() for each in between)
                if there.settled:
                    settled += 1
                    assert same, (seed, step, stride)
                    assert there.contenders() == here.contenders(), (seed, step, stride)
                else:
                    unsettled += 1
                    deceptive += there.contenders() == here.contenders() and not same
    assert min(settled, unsettled, deceptive) > 0
