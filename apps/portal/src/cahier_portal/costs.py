"""What projects cost at each stage, folded from budget's public log with the record's own view.

The log only grows, so each election's view is kept where it stands, and the next question reads
what came since. A log that was put back from a backup and went on otherwise is read anew.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from cahier_kernel.errors import Unavailable
from cahier_portal.publiclog import Entry, PublicLogs
from cahier_record.budget.costs import CostStage, Stated
from cahier_record.budget.views import BudgetView

KEPT_MAX = 50
"""Elections in memory: about a kilobyte a project, no ballots."""
_NOTHING: tuple[CostStage, ...] = ()


@dataclass(frozen=True)
class Costs:
    """A project's costs. running: of its first year of use, where somebody stated it."""

    stages: tuple[CostStage, ...] = _NOTHING
    running: Stated | None = None


@dataclass
class _Folded:
    """An election's log up to the entry `last`."""

    view: BudgetView = field(default_factory=BudgetView)
    last: Entry | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    folding: threading.Lock = field(default_factory=threading.Lock)

    @property
    def after(self) -> int:
        """From where on to read: the last entry comes once more, to be known again."""
        return self.last.recorded.seq - 1 if self.last is not None else 0

    def goes_on(self, entries: list[Entry]) -> bool:
        """Whether what was read begins with what was read last."""
        return self.last is None or (bool(entries) and entries[0].id == self.last.id)

    def take(self, entries: list[Entry]) -> None:
        """Folds what is new among them. Whoever asked may have left: a thread ends its page."""
        with self.folding:
            for entry in entries:
                if self.last is None or entry.recorded.seq > self.last.recorded.seq:
                    self.view.apply(entry.recorded.index, entry.leaf)
                    self.last = entry

    def told(self, election_id: str) -> dict[str, Costs]:
        with self.folding:
            election = self.view.elections.get(election_id)
            projects = election.projects.values() if election is not None else ()
            return {
                each.project: Costs(tuple(each.costs.stages()), each.costs.running)
                for each in projects
            }


class StagedCosts:
    """Costs by election, for one event loop. Nothing personal is kept: roles and amounts alone."""

    def __init__(self, logs: PublicLogs) -> None:
        self._logs = logs
        self._kept: OrderedDict[str, _Folded] = OrderedDict()

    async def of_election(self, election_id: str) -> Mapping[str, Costs]:
        """By project; raises Unavailable while budget's log is away."""
        folded = self._kept.setdefault(election_id, _Folded())
        self._kept.move_to_end(election_id)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        async with folded.asking:
            if not await self._catch_up(election_id, folded):
                folded = self._kept[election_id] = _Folded()
                await self._catch_up(election_id, folded)
            return await asyncio.to_thread(folded.told, election_id)

    async def of_project(self, election_id: str, project_id: str) -> Costs:
        """Nothing for a project that the log does not name; raises as `of_election` does."""
        return (await self.of_election(election_id)).get(project_id, Costs())

    async def _catch_up(self, election_id: str, folded: _Folded) -> bool:
        """Whether the log still holds what was read of it before."""
        if "budget" not in self._logs.services:
            raise Unavailable("log_away", "the site has not been told where budget's log is")
        is_first = True
        async for page in self._logs.pages("budget", election_id, folded.after):
            if is_first and not folded.goes_on(page.entries):
                return False
            is_first = False
            await asyncio.to_thread(folded.take, page.entries)
        return True
