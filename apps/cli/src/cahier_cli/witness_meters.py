"""What a witness measures: requests by outcome, and how far and how lately it cosigned each log.

What it cosigned is read from the state that its processes share, now and then and never while
somebody asks for the figures.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from functools import partial

from cahier_chassis import metrics
from cahier_kernel.clock import Clock
from cahier_ledger.log.witness import Witness
from cahier_ledger.log.witness_state import Seen, StateUnavailable

READ_AGAIN_S = 2.0
OUTCOMES = {
    200: "cosigned",
    400: "malformed",
    403: "bad_signature",
    404: "unknown_log",
    408: "too_slow",
    409: "conflict",
    422: "bad_proof",
    503: "unavailable",
}
"""By the status of the answer, on either way in."""


class WitnessMeters:
    """The figures of one witness' process."""

    def __init__(self, witness: Witness, clock: Clock) -> None:
        """Shows the logs that the witness knows, before any has come, too."""
        self._witness = witness
        self._clock = clock
        self._seen: dict[str, Seen] = {}
        for outcome in OUTCOMES.values():
            metrics.WITNESS_REQUESTS.labels(outcome)
        for origin in witness.origins:
            metrics.WITNESS_LOG_SIZE.labels(origin).set_function(partial(self._size, origin))
            metrics.WITNESS_LOG_AGE.labels(origin).set_function(partial(self._age_s, origin))
            metrics.WITNESS_LOG_FORKED.labels(origin).set_function(partial(self._forked, origin))

    def count(self, status: int) -> None:
        """An answer was given."""
        metrics.WITNESS_REQUESTS.labels(OUTCOMES.get(status, "unavailable")).inc()

    async def follow(self) -> None:
        """Reads what was cosigned, again and again, until cancelled."""
        while True:
            with suppress(StateUnavailable):  # The figures stay as they are; answers say 503.
                self._seen = await asyncio.to_thread(self._witness.seen)
            await asyncio.sleep(READ_AGAIN_S)

    def _size(self, origin: str) -> float:
        last = self._seen.get(origin)
        return 0 if last is None else last.size

    def _age_s(self, origin: str) -> float:
        last = self._seen.get(origin)
        return math.nan if last is None else self._clock.now().timestamp() - last.time_s

    def _forked(self, origin: str) -> float:
        return float(origin in self._witness.forked)
