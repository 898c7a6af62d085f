"""When an imported election happens: its phases on the city's clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

IDEAS_BEFORE_VOTING = timedelta(days=120)
IDEAS_LAST = timedelta(days=60)
LIVE_LAST = timedelta(days=1)
_DATE = re.compile(r"(?:(\d{1,2})\.)?(?:(\d{1,2})\.)?(\d{4})")


@dataclass(frozen=True)
class Calendar:
    """Phases of one election. walks: whether the city's clock is set to each in turn."""

    ideas_open: datetime
    ideas_close: datetime
    voting_opens: datetime
    voting_closes: datetime
    walks: bool

    @classmethod
    def of_file(cls, date_begin: str, date_end: str, fallback: datetime) -> Calendar:
        """The dates that the file's META names (`03.10.2022`, `10.2022` or `2022`), else around
        `fallback`; voting closes at the end of its last day."""
        opens = _parse(date_begin, last=False) or fallback
        closes = _parse(date_end, last=True) or opens + timedelta(days=28)
        if closes <= opens:
            closes = opens + timedelta(days=1)
        ideas_open = opens - IDEAS_BEFORE_VOTING
        return cls(ideas_open, ideas_open + IDEAS_LAST, opens, closes, walks=True)

    @classmethod
    def live(cls, now: datetime) -> Calendar:
        """Now: for a city whose clock cannot be set. Voting is then closed by hand."""
        return cls(now, now + LIVE_LAST, now, now + LIVE_LAST, walks=False)


def _parse(text: str, *, last: bool) -> datetime | None:
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    first, second, year = match.groups()
    day, month = (first, second) if second else (None, first)
    try:
        begin = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    except ValueError:
        return None
    if not last:
        return begin
    if day:
        return begin + timedelta(days=1)
    if month:
        return (begin + timedelta(days=32)).replace(day=1)
    return begin.replace(year=begin.year + 1)
