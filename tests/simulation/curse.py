"""Events that a service cannot handle until somebody mends it, as after a faulty release."""

from __future__ import annotations

import random


class CannotHandle(Exception):
    """What the faulty code says to a cursed event, at every try."""


class Curse:
    """Which events are cursed. chance: for each event that is tried while it is above 0.

    struck: those that were tried and failed; they fail until `lift`.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lifted = False
        self.chance = 0.0
        self.struck: set[str] = set()

    def strike(self, event_id: str) -> None:
        """Raises CannotHandle for a cursed event."""
        if self._lifted:
            return
        drawn = random.Random(f"curse {self._seed} {event_id}").random()
        if event_id in self.struck or drawn < self.chance:
            self.struck.add(event_id)
            raise CannotHandle(event_id)

    def lift(self) -> None:
        """The next release has come."""
        self._lifted = True
