"""Results that were announced stay what they were, byte by byte, as long as the version stands."""

from __future__ import annotations

import hashlib
from random import Random

import msgspec
import pytest

from cahier_record.budget.count import CODE_VERSION, code_version
from cahier_record.budget.tally import Candidate, Group, Profile, Terms, count

DIGESTS = {
    "greedy": "9b0568331227b439d363afaa85779b1fc331a3e5030b88fb9a4d0cd4001ecd41",
    "greedy-no-skip": "0f010ee2d13a345bc82e0d1d58022399857e22dbe24c085981f9e866b62ed677",
    "greedy-threshold": "7da15066304dc3fcbade6321f83a9c9420bc87e7cd778014fdb44e00188278e4",
}


def digest(rule: str) -> str:
    """Of the results of a hundred elections out of a seed, as JSON."""
    random, sum_of = Random(7), hashlib.sha256()
    for number in range(100):
        ids = [str(each) for each in range(random.randint(1, 9))]
        groups = [
            Group(
                projects=(chosen := tuple(random.sample(ids, random.randint(0, len(ids))))),
                points=tuple(random.randint(-1, 4) for _ in chosen) if number % 3 == 0 else (),
                count=random.randint(1, 4),
            )
            for _ in range(random.randint(0, 12))
        ]
        profile = Profile(
            budget=random.randint(0, 300),
            candidates=tuple(
                Candidate(id=one, cost=random.randint(0, 120), withdrawn=random.random() < 0.1)
                for one in ids
            ),
            groups=tuple(groups),
        )
        how = Terms(
            utility=random.choice(["cost", "cardinality"]),
            ties=random.choice(["presented", "cheapest", "lexicographic"]),
            threshold=random.randint(0, 9),
        )
        sum_of.update(msgspec.json.encode(count(profile, rule, how)))
    return sum_of.hexdigest()


@pytest.mark.parametrize("rule", DIGESTS)
def test_a_greedy_result_is_what_it_was(rule: str):
    assert digest(rule) == DIGESTS[rule]
    assert code_version(rule) == CODE_VERSION == "greedy/1"


def test_each_rule_says_by_which_code_it_counts():
    assert code_version("mes") == code_version("equalshares/add1") == "shares/1"
    assert code_version("phragmen") == "phragmen/1"
