"""Bugs that are planted are noticed: by a simulated city, or by the fault matrix."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS, Bug
from tests.simulation.planted import hunt, hunt_in_matrix


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_noticed(bug: Bug) -> None:
    assert hunt_in_matrix(bug) if bug.harmless else hunt(bug).seed is not None
