"""The front page: what is going on in the city, and what one can do today."""

from __future__ import annotations

import asyncio

from litestar import get

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_portal.parameters import Caller
from cahier_portal.visit import Page, or_none

SHOWN_MAX = 6


@get("/")
async def home(visit: Caller) -> Page:
    """Open processes and budgets first; a part whose service is away says so."""
    processes, elections = await asyncio.gather(
        or_none(visit.consultation(consultation.ListProcessesRequest())),
        or_none(visit.budget(budget.ListElectionsRequest())),
    )
    all_processes = list(processes.processes) if processes else []
    all_elections = list(elections.elections) if elections else []
    return visit.page(
        "home.html",
        open_processes=[p for p in all_processes if p.idea_phase == consultation.IDEA_PHASE_OPEN],
        open_elections=[e for e in all_elections if e.state == budget.ELECTION_STATE_OPEN],
        results=[e for e in all_elections if e.state == budget.ELECTION_STATE_PUBLISHED],
        processes=all_processes[:SHOWN_MAX],
        elections=all_elections[:SHOWN_MAX],
        processes_away=processes is None,
        elections_away=elections is None,
    )
