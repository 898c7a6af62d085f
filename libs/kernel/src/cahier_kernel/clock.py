"""Time is handed in. Domains get instants; only a Clock asks the machine for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Answers the current instant, timezone-aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is set: for tests and simulations."""

    def __init__(self, now: datetime) -> None:
        self._now = require_utc(now)

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        self._now = require_utc(now)


class FileClock:
    """The machine's clock shifted by what a file says, so that all processes of a city agree.

    The file holds the shift in whole seconds. `set` writes it atomically; every reader sees the
    new time at its next `now`: the instant set or up to a second later, never earlier, so that
    what is due then is due. Without the file there is no shift. For development only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = -1
        self._shift_s = 0

    def now(self) -> datetime:
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return datetime.now(UTC)
        if stamp != self._stamp:
            self._shift_s = int(self._path.read_text("ascii"))
            self._stamp = stamp
        return datetime.now(UTC) + timedelta(seconds=self._shift_s)

    def set(self, now: datetime) -> None:
        shift_s = -((datetime.now(UTC) - require_utc(now)) // timedelta(seconds=1))  # rounded up
        fresh = self._path.with_suffix(".new")
        fresh.write_text(str(shift_s), "ascii")
        fresh.replace(self._path)


def require_utc(instant: datetime) -> datetime:
    """The same instant in UTC; raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError(f"naive datetime: {instant!r}")
    return instant.astimezone(UTC)


def to_rfc3339(instant: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, e.g. `2026-11-22T08:48:00.000Z`: sorts as it reads."""
    return require_utc(instant).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{instant.microsecond // 1000:03d}Z"
    )


def from_rfc3339(text: str) -> datetime:
    """Reads RFC 3339; raises ValueError for other text or a missing offset."""
    return require_utc(datetime.fromisoformat(text))
