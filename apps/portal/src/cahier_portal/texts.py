"""Titles and texts of proposals, for pages that show an election's projects.

Budget knows its projects by number, cost and proposal; their words belong to consultation. This
cache keeps them for a minute: short enough that an erased text is soon gone from here too.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.clients import Service

KEPT_S = 60.0
KEPT_MAX = 20_000
PAGES_MAX = 25
PAGE_SIZE = 200
AT_ONCE_MAX = 16
EACH_MAX = 512


class ProposalTexts:
    """Proposals by id, asked for anonymously, kept for KEPT_S seconds."""

    def __init__(self, service: Service, now_s: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self._now_s = now_s
        self._kept: OrderedDict[str, tuple[float, consultation.Proposal]] = OrderedDict()

    async def of(
        self, proposal_ids: Iterable[str], process_id: str = ""
    ) -> dict[str, consultation.Proposal]:
        """The proposals that consultation knows, by id; bodies may be missing.

        process_id: where most of them are from; its accepted proposals are then read by the
        page. Empty while consultation is away: pages then show numbers instead of titles.
        """
        wanted = set(proposal_ids)
        try:
            missing = wanted - set(self._fresh(wanted))
            if process_id and len(missing) > AT_ONCE_MAX:
                await self._read_process(process_id)
                missing = wanted - set(self._fresh(wanted))
            await self._read_each(missing)
        except DomainError as error:
            if error.kind is not Kind.UNAVAILABLE:
                raise
        return self._fresh(wanted)

    def _fresh(self, wanted: set[str]) -> dict[str, consultation.Proposal]:
        oldest_s = self._now_s() - KEPT_S
        held = ((proposal_id, self._kept.get(proposal_id)) for proposal_id in wanted)
        return {
            proposal_id: found[1]
            for proposal_id, found in held
            if found is not None and found[0] >= oldest_s
        }

    async def _read_process(self, process_id: str) -> None:
        token = ""
        for _ in range(PAGES_MAX):
            page = await self._service.ask(
                consultation.ListProposalsRequest(
                    process_id=process_id,
                    state=consultation.PROPOSAL_STATE_ACCEPTED,
                    page_size=PAGE_SIZE,
                    page_token=token,
                )
            )
            for proposal in page.proposals:
                self._keep(proposal)
            token = page.next_page_token
            if not token:
                return

    async def _read_each(self, missing: set[str]) -> None:
        ordered = sorted(missing)[:EACH_MAX]
        for start in range(0, len(ordered), AT_ONCE_MAX):
            batch = ordered[start : start + AT_ONCE_MAX]
            await asyncio.gather(*(self._read_one(proposal_id) for proposal_id in batch))

    async def _read_one(self, proposal_id: str) -> None:
        try:
            answer = await self._service.ask(
                consultation.GetProposalRequest(proposal_id=proposal_id)
            )
        except DomainError as error:
            if error.kind is Kind.UNAVAILABLE:
                raise
            # A title is never worth a page: the project's number stands in for it.
            return
        self._keep(answer.proposal)

    def _keep(self, proposal: consultation.Proposal) -> None:
        self._kept[proposal.proposal_id] = (self._now_s(), proposal)
        self._kept.move_to_end(proposal.proposal_id)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
