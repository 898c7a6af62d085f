"""What happens because a date came: voting opens when it is due and can, and closes."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from cahier_budget.application.commands import Commands
from cahier_budget.application.elections import Elections
from cahier_budget.application.ports import Directory, Due
from cahier_kernel.errors import FailedPrecondition

_log = logging.getLogger(__name__)


class DueTransitions:
    """The timer's action. Repeated or late, it changes nothing more."""

    def __init__(self, directory: Directory, elections: Elections, commands: Commands) -> None:
        self._directory = directory
        self._elections = elections
        self._commands = commands

    async def __call__(self, now: datetime) -> None:
        """Opens and closes what is due; an election that cannot be opened yet stays as it is."""
        for due in await asyncio.to_thread(self._directory.due, now):
            await asyncio.to_thread(self._apply, due)

    def _apply(self, due: Due) -> None:
        try:
            if due.opens:
                self._elections.change(due.election_id, self._commands.decide_opening)
            else:
                self._elections.change(
                    due.election_id, lambda election: self._commands.decide_closing(election, "")
                )
        except FailedPrecondition as refusal:
            _log.debug("election %s: %s", due.election_id, refusal.code)
