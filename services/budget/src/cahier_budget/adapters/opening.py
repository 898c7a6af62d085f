"""Opens many sealed ballots at once in helper processes, or here when there is none.

A helper that dies takes nothing with it: what it was asked is opened here, and the next task
starts another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cahier_budget.adapters.helper import Helper
from cahier_budget.adapters.opening_worker import (
    FRAME_BYTES_MAX,
    Task,
    decode_opened,
    encode,
    open_all,
)
from cahier_chassis.logs import get_logger

_LOG = get_logger(__name__)
_MODULE = "cahier_budget.adapters.opening_worker"


class OpeningProcesses:
    """ports.Opening; belongs to one event loop. Starts its helpers at the first task."""

    def __init__(self, processes: int) -> None:
        """processes: helpers; 0 opens everything in this process."""
        self._helpers = [Helper(_MODULE, FRAME_BYTES_MAX) for _ in range(processes)]

    async def open_many(
        self, private_key: str, sealed: Sequence[bytes], bindings: Sequence[bytes]
    ) -> list[bytes | None]:
        """As the port says."""
        task = Task(private_key, list(sealed), list(bindings))
        if self._helpers:
            helper = min(self._helpers, key=Helper.waiting)
            try:
                return decode_opened(await helper.ask(encode(task))).plaintexts
            except (OSError, EOFError, asyncio.IncompleteReadError) as error:
                _LOG.warning("opening_helper_failed", reason=type(error).__name__)
        return open_all(task).plaintexts

    async def close(self) -> None:
        """Ends the helpers."""
        for helper in self._helpers:
            await helper.close()
