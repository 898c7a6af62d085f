"""Correcting a result: ballots are annulled and counted again, and nothing that was said goes."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime

from cahier_budget.domain import checks
from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_record.budget.ballots import CREDENTIAL_LENGTH
from cahier_record.budget.events import CountResult

ANNULLED_AT_ONCE_MAX = 1_000
"""Credentials of one command: they must fit a leaf of 65,535 bytes."""
COUNTS_MAX = 100
"""Counts of one election: each stays in the log and in memory, with every project's votes."""


@dataclass(slots=True)
class CountVersion:
    """One of an election's counts. version: of the election, at which it was recorded.

    reason: why it corrects the one before, or "". published_version: 0 while it is not announced.
    """

    version: int
    result: CountResult
    reason: str
    counted_at: datetime
    published_version: int = 0
    published_at: datetime | None = None


def check_annulling(
    credentials: Sequence[str], reason: str, annulled: Collection[str], *, is_closed: bool
) -> tuple[tuple[str, ...], str]:
    """What is annulled, each once, and why; those that are annulled already are left out.

    Raises FailedPrecondition `voting_not_closed`, Invalid `too_many_credentials`,
    `credential_malformed`, `credentials_missing`, or for the reason.
    """
    if not is_closed:
        raise FailedPrecondition("voting_not_closed", "ballots are annulled after closing")
    reason = checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX, required=True)
    wanted = tuple(dict.fromkeys(credentials))
    if not wanted:
        raise Invalid("credentials_missing", "name at least one", field="credentials")
    if len(wanted) > ANNULLED_AT_ONCE_MAX:
        raise Invalid(
            "too_many_credentials",
            f"at most {ANNULLED_AT_ONCE_MAX} at once",
            field="credentials",
            max=ANNULLED_AT_ONCE_MAX,
        )
    if any(len(each) != CREDENTIAL_LENGTH for each in wanted):
        raise Invalid(
            "credential_malformed", f"{CREDENTIAL_LENGTH} characters", field="credentials"
        )
    return tuple(each for each in wanted if each not in annulled), reason


def require_recountable(counts: Sized) -> None:
    """Raises FailedPrecondition `too_many_counts`."""
    if len(counts) >= COUNTS_MAX:
        raise FailedPrecondition(
            "too_many_counts", f"an election is counted {COUNTS_MAX} times at most", max=COUNTS_MAX
        )
