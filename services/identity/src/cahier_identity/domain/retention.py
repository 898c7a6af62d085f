"""What outlives an erasure for a while: the law's reason, and the end of it."""

from __future__ import annotations

import msgspec

CENSUS_ROW = "census_row"
ELECTORAL_REGISTER = "electoral_register"


class RetentionOver(msgspec.Struct, frozen=True, kw_only=True):
    """What was kept of a forgotten person is deleted, too. what: as in the confirmation."""

    subject: str
    what: str
