"""What staff say of a new election: as it arrives, nothing checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cahier_record.budget.events import Rules


@dataclass(frozen=True, slots=True)
class NewElection:
    """What staff say of a new election, not yet checked."""

    title: str
    description: str
    process_id: str
    envelope_cents: int
    currency: str
    districts: Sequence[str]
    opens_at: datetime
    closes_at: datetime
    rules: Rules
    ballot_extra_bytes: int
    source: str
