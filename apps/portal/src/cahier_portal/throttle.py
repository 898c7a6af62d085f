"""Slows down whoever tries passwords: a bound on tries from one address in one minute."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

WINDOW_S = 60.0
ADDRESSES_MAX = 10_000


class Throttle:
    """Counts tries by address in fixed windows; forgets the oldest address when it is full.

    Time is the machine's monotonic clock: jumps of the city's clock open no window.
    """

    def __init__(self, tries_max: int, now_s: Callable[[], float] = time.monotonic) -> None:
        self._tries_max = tries_max
        self._now_s = now_s
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def admits(self, address: str) -> bool:
        """Counts one try and says whether it is within the bound."""
        now_s = self._now_s()
        began_s, tries = self._windows.get(address, (now_s, 0))
        if now_s - began_s >= WINDOW_S:
            began_s, tries = now_s, 0
        self._windows[address] = (began_s, tries + 1)
        self._windows.move_to_end(address)
        if len(self._windows) > ADDRESSES_MAX:
            self._windows.popitem(last=False)
        return tries < self._tries_max
