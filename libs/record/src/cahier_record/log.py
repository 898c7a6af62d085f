"""What every service's public log says of itself: that it began anew, and what was lost by it.

Events may be lost when a store is put back from a backup. The log that was signed cannot go on
then: it ends, and a new epoch names its end in the first leaf.
"""

from __future__ import annotations

from cahier_record.events import PublicEvent


class EpochOpened(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The first leaf of a later epoch of a service's log.

    epoch: its number, from 2. previous_origin, previous_size, previous_root: of the last
    checkpoint that was signed in the one before (root in base64). kept: how many of its leaves
    still count; kept_root: of those, in base64. lost: hashes of the leaves behind them, in base64
    and in order, or how many there were. Why it came to that is a text of its own, `reason`.
    """

    epoch: int
    previous_origin: str
    previous_size: int
    previous_root: str
    kept: int
    kept_root: str = ""
    lost: tuple[str, ...] | int = ()
