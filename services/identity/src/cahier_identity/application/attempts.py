"""Slows guessing down: after some failures in a while, a key is refused without a look."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

FAILURES_MAX = 10
WINDOW_S = 15 * 60
KEYS_MAX = 100_000


class Attempts:
    """Counts failures for each key in memory: a restart forgets them, a flood forgets the oldest.

    An attempt counts as a failure from its beginning, so that many at once count too. Event loop
    only.
    """

    def __init__(
        self,
        *,
        failures_max: int = FAILURES_MAX,
        window_s: float = WINDOW_S,
        keys_max: int = KEYS_MAX,
        now_s: Callable[[], float] | None = None,
    ) -> None:
        self._failures_max = failures_max
        self._window_s = window_s
        self._keys_max = keys_max
        self._now_s = now_s or time.monotonic
        self._failures: OrderedDict[Hashable, list[float]] = OrderedDict()

    def begin(self, key: Hashable) -> float:
        """Counts an attempt. Returns 0, or the seconds to wait when there were too many."""
        now_s = self._now_s()
        since_s = now_s - self._window_s
        recent = [at_s for at_s in self._failures.pop(key, ()) if at_s > since_s]
        self._failures[key] = recent
        if len(recent) >= self._failures_max:
            return recent[0] - since_s
        recent.append(now_s)
        if len(self._failures) > self._keys_max:
            self._failures.popitem(last=False)
        return 0.0

    def succeeded(self, key: Hashable) -> None:
        """Forgets the failures of a key."""
        self._failures.pop(key, None)
