"""The ballots of a profile as arrays, so that a hundred thousand voters are added up at once.

Only whole numbers stand here: how many voters cast a ballot, and which projects it lists.
"""

from __future__ import annotations

from copy import copy
from itertools import chain

import numpy as np
import numpy.typing as npt

from cahier_record.budget.tally.profile import Profile

Floats = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

VOTERS_MAX = 2**53 - 1
"""Numbers of voters are added up in 64-bit floats, which hold whole numbers exactly up to here."""


class Electorate:
    """Who lists what: a row for each group of equal ballots that list anything.

    Projects go by their place among the candidates. counts: how many voters cast the ballot of a
    row (whole numbers). offsets, listed: row r lists listed[offsets[r]:offsets[r + 1]], each
    project once, in order. supporters: for each project, the rows that list it, ascending;
    weights: the counts of these rows; votes: their sum. voters: all ballots, empty ones too.
    repeats: whether a ballot lists a project twice.
    """

    def __init__(self, profile: Profile) -> None:
        place = {one.id: place for place, one in enumerate(profile.candidates)}
        groups, projects = profile.groups, len(place)
        self.voters = profile.voters
        if self.voters > VOTERS_MAX:
            raise ValueError(f"more than {VOTERS_MAX} voters cannot be counted")
        lengths = np.fromiter((len(group.projects) for group in groups), np.int64, len(groups))
        every = chain.from_iterable(group.projects for group in groups)
        listed = np.fromiter(map(place.__getitem__, every), np.int32, int(lengths.sum()))
        counts = np.fromiter((group.count for group in groups), np.float64, len(groups))
        rows = np.repeat(np.arange(len(groups), dtype=np.int32), lengths)
        rows, self.listed = _once(rows, listed, projects)
        self.repeats = len(self.listed) < len(listed)
        self.counts, rows = _without_gaps(counts, rows)
        self.offsets = np.zeros(len(self.counts) + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=len(self.counts)), out=self.offsets[1:])
        by_project = rows[np.argsort(self.listed, kind="stable")]
        ends = np.cumsum(np.bincount(self.listed, minlength=projects))
        self.supporters: list[Indexes] = np.split(by_project, ends[:-1]) if projects else []
        self.weights: list[Floats] = [self.counts[rows] for rows in self.supporters]
        self.votes = [int(weights.sum()) for weights in self.weights]

    def with_more(self, place: int, count: int) -> Electorate:
        """The electorate with `count` more voters who list just the project at `place`."""
        more = copy(self)
        row = np.array([len(self.counts)], np.int32)
        weight = np.array([count], np.float64)
        more.counts = np.concatenate([self.counts, weight])
        more.offsets = np.append(self.offsets, self.offsets[-1] + 1)
        more.listed = np.append(self.listed, np.int32(place)).astype(np.int32)
        more.supporters, more.weights = list(self.supporters), list(self.weights)
        more.supporters[place] = np.concatenate([self.supporters[place], row])
        more.weights[place] = np.concatenate([self.weights[place], weight])
        more.votes = list(self.votes)
        more.votes[place] += count
        more.voters += count
        return more

    def listings(self, rows: Indexes) -> tuple[Indexes, npt.NDArray[np.int64]]:
        """What the ballots of `rows` list, one after another, and how many each of them lists."""
        starts = self.offsets.take(rows)
        lengths = self.offsets.take(rows + 1) - starts
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        places = np.arange(total) + np.repeat(starts - ends + lengths, lengths)
        return self.listed.take(places), lengths


def inner(one: Floats, other: Floats) -> float:
    """The sum of products, on one core: a threaded one costs more than it gains at these sizes."""
    return float(np.einsum("i,i->", one, other))


def _once(rows: Indexes, listed: Indexes, projects: int) -> tuple[Indexes, Indexes]:
    """The pairs (row, project) in ascending order, each once."""
    keys = rows.astype(np.int64) * projects + listed
    if len(keys) and not bool((keys[1:] > keys[:-1]).all()):
        keys.sort()
        first = np.ones(len(keys), np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=first[1:])
        keys = keys.compress(first)
        return (keys // projects).astype(np.int32), (keys % projects).astype(np.int32)
    return rows, listed


def _without_gaps(counts: Floats, rows: Indexes) -> tuple[Floats, Indexes]:
    """Number the rows that list anything from 0 without gaps."""
    used = np.zeros(len(counts), np.bool_)
    used[rows] = True
    numbers = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return counts[used], numbers[rows].astype(np.int32)
