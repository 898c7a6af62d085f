"""The rules for texts, labels and instants: how long they may be, and when things may happen."""

from __future__ import annotations

from datetime import UTC, datetime

from cahier_kernel.errors import Invalid
from cahier_kernel.texts import require_line, require_text

__all__ = ["require_instant", "require_line", "require_text"]

TITLE_CHARS_MAX = 150
TEXT_CHARS_MAX = 20_000
COMMENT_CHARS_MAX = 5_000
REASON_CHARS_MAX = 2_000
CATEGORY_CHARS_MAX = 80
DISTRICT_CHARS_MAX = 120
EDIT_WINDOW_S_MAX = 604_800

INSTANT_MIN = datetime(2000, 1, 1, tzinfo=UTC)
INSTANT_MAX = datetime(2200, 1, 1, tzinfo=UTC)


def require_instant(instant: datetime, field: str) -> datetime:
    """The instant in whole milliseconds; raises Invalid `instant_out_of_range`."""
    if not INSTANT_MIN <= instant < INSTANT_MAX:
        raise Invalid("instant_out_of_range", "dates lie in the years 2000 to 2199", field=field)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
