"""Whether a result can be told: a count stands in one public leaf, whatever the ballots will say.

Judged before voting opens: a count that is too long for its leaf could never be told, and by then
neither rules nor projects can be changed any more.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from cahier_kernel.errors import FailedPrecondition
from cahier_kernel.money import CENTS_MAX
from cahier_record.budget.ballots import POINT_TYPES
from cahier_record.budget.events import BallotsCounted, CountResult, Rules
from cahier_record.budget.tally import Reason

LEAF_BYTES_MAX = 65_535
"""Of any public event, as the ledger has it."""
VOTERS_MAX = 10_000_000
"""More than any city has; what a sum of votes or points may grow to follows from it."""
ENVELOPE_BYTES = 1_000
"""What a leaf says beside its event: ids, times, the digest of a reason."""
_REASON = max(get_args(Reason), key=len)
_ID = "0" * 36


def require_tellable(rules: Rules, numbers: tuple[int, ...]) -> None:
    """Raises FailedPrecondition `too_many_projects_to_count`. numbers: of projects that stand."""
    size = ENVELOPE_BYTES + len(msgspec.json.encode(_longest(rules, numbers)))
    if size > LEAF_BYTES_MAX:
        raise FailedPrecondition(
            "too_many_projects_to_count",
            "so many projects stand that a count under these rules would not fit the public log",
            projects=len(numbers),
        )


def _longest(rules: Rules, numbers: tuple[int, ...]) -> BallotsCounted:
    """The longest count that there can be: a number among the winners is shorter than a reason."""
    projects = len(numbers)
    points = _most_points(rules, projects)
    counted = CountResult(
        rules=rules,
        envelope_cents=CENTS_MAX,
        spent_cents=CENTS_MAX,
        selected=(),
        numbers=numbers,
        votes=(VOTERS_MAX,) * projects,
        reasons=(_REASON,) * projects,
        ballots_counted=VOTERS_MAX,
        ballots_invalid=VOTERS_MAX,
        ballots_annulled=VOTERS_MAX,
        log_size=10**12,
        code_version=_ID,
        scores=(-VOTERS_MAX * points,) * projects if points else (),
    )
    return BallotsCounted(election=_ID, result=counted, supersedes=_ID)


def _most_points(rules: Rules, projects: int) -> int:
    """What one ballot gives one project at most, or takes from it; 0 where ballots do not weigh."""
    if rules.vote_type in POINT_TYPES:
        most = rules.max_points or rules.max_sum_points
        return max(most, -rules.min_points, abs(rules.default_points))
    if rules.vote_type == "ordinal":
        borda = (rules.max_length or projects) * 10**rules.point_decimals
        return max(rules.positions, default=borda)
    return 0
