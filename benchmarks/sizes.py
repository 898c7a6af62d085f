"""How much of everything: for the README's figures, for a quick look, for a test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """rounds: after one that warms up. *_ballots, pages, calls: in each round of a variant."""

    rounds: int
    plain_ballots: int
    unary_ballots: int
    batched_ballots: int
    raw_ballots: int
    stored: tuple[int, ...]
    replayed: int
    mails: int
    pages: int
    calls: int


FULL = Sizes(5, 1_000, 4_000, 10_000, 20_000, (0, 100_000, 1_000_000), 1_000_000, 4_000, 300, 3_000)
QUICK = Sizes(3, 400, 1_500, 5_000, 10_000, (0, 20_000), 50_000, 1_000, 100, 1_000)
TINY = Sizes(1, 60, 120, 200, 500, (0, 500), 500, 40, 10, 50)
