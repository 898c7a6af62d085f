"""What happens because a date or an answer came: phases begin, voting opens and closes."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from cahier_budget.application.commands import Commands
from cahier_budget.application.elections import Elections
from cahier_budget.application.life import LifeCommands
from cahier_budget.application.ports import Directory, Due, PendingChange
from cahier_kernel.errors import FailedPrecondition

_log = logging.getLogger(__name__)


class DueTransitions:
    """The timer's action. Repeated or late, it changes nothing more."""

    def __init__(
        self,
        directory: Directory,
        elections: Elections,
        commands: Commands,
        life: LifeCommands,
    ) -> None:
        self._directory = directory
        self._elections = elections
        self._commands = commands
        self._life = life

    async def __call__(self, now: datetime) -> None:
        """Enters phases, then opens and closes what is due, then takes authors' answers in.

        An election that cannot be opened yet stays as it is.
        """
        for election_id in await asyncio.to_thread(self._directory.due_phases, now):
            await asyncio.to_thread(self._elections.change, election_id, self._life.enter_due)
        for due in await asyncio.to_thread(self._directory.due, now):
            await asyncio.to_thread(self._apply, due)
        for pending in await asyncio.to_thread(self._directory.pending_changes):
            await asyncio.to_thread(self._settle, pending)

    def _settle(self, pending: PendingChange) -> None:
        self._elections.change(
            pending.election_id, lambda election: self._life.settle(election, pending.change_id)
        )

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
