"""How the rows on announced results are read: their versions, the books, how works go on."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import delivery_pb2 as delivery
from cahier_portal.opendata import budget_sets as sets
from cahier_portal.opendata.source import PAGES_MAX, Rows, Source, all_found, listed_elections, when
from cahier_portal.opendata.tables import Row

ENTRIES_AT_ONCE = 500
_ENDS = ("project_finished", "project_abandoned")
_TEXTS = ("title", "contractor", "payee", "reference", "subject", "reason")


async def _announced(source: Source) -> AsyncIterator[budget.Election]:
    """Elections whose result is announced."""
    for election in await listed_elections(source):
        if election.state == budget.ELECTION_STATE_PUBLISHED:
            yield election


async def _entries(
    source: Source, election_id: str, *, money_only: bool = False
) -> AsyncIterator[delivery.BookEntry]:
    """What was written into an election's books, oldest first."""
    asked = delivery.ListBookEntriesRequest(
        election_id=election_id, limit=ENTRIES_AT_ONCE, money_only=money_only
    )
    for _ in range(PAGES_MAX):
        answer = await source.ask("budget", asked)
        for entry in answer.entries:
            yield entry
        if not answer.more:
            return
        asked.after = answer.entries[-1].number


async def _versions(source: Source) -> AsyncIterator[Row]:
    async for election in _announced(source):
        asked = delivery.ListResultVersionsRequest(election_id=election.election_id)
        versions = (await source.ask("budget", asked)).versions
        announced = [each for each in versions if each.announced_event_id]
        for place, one in enumerate(announced, 1):
            yield (
                election.election_id,
                place,
                one.event_id,
                one.announced_event_id,
                when(one, "counted_at"),
                when(one, "announced_at"),
                one.reason,
                list(one.selected),
                one.spent_cents,
                one.ballots_counted,
                one.ballots_invalid,
                one.ballots_annulled,
                one.rule,
                one.code_version,
                one.log_size,
            )


async def _books(source: Source) -> AsyncIterator[Row]:
    async for election in _announced(source):
        async for one in _entries(source, election.election_id, money_only=True):
            yield (
                election.election_id,
                one.number,
                one.event_id,
                when(one, "at"),
                one.kind,
                one.project_id,
                one.item_id,
                one.tender_id,
                [posting_text(each) for each in one.postings],
                election.currency,
                *(one.texts.get(name, "") for name in _TEXTS),
            )


def posting_text(posting: delivery.BookPosting) -> str:
    """`unallocated:-500`, `reserved:500:3`, `paid:500:3:<id of the payment>`."""
    parts = [posting.account, str(posting.cents)]
    if posting.project:
        parts.append(str(posting.project))
    if posting.item:
        parts.append(posting.item)
    return ":".join(parts)


async def _deliveries(source: Source) -> AsyncIterator[Row]:
    async for election in _announced(source):
        asked = delivery.GetBooksRequest(election_id=election.election_id)
        projects = (await source.ask("budget", asked)).projects
        ends = {
            entry.project_id: entry
            async for entry in _entries(source, election.election_id)
            if entry.kind in _ENDS
        }
        for one in projects:
            end = ends.get(one.project_id, delivery.BookEntry())
            yield (
                one.project_id,
                election.election_id,
                one.number,
                one.state,
                one.cost_cents,
                one.reserved_cents,
                one.committed_cents,
                one.paid_cents,
                when(end, "at"),
                end.texts.get("report", ""),
                end.texts.get("reason", ""),
            )


async def _milestones(source: Source) -> AsyncIterator[Row]:
    async for election in _announced(source):
        election_id = election.election_id

        async def built(project: delivery.ProjectBooks) -> tuple[str, delivery.GetDeliveryResponse]:
            asked = delivery.GetDeliveryRequest(
                election_id=election_id,  # noqa: B023  # it is called before the next turn
                project_id=project.project_id,
            )
            return project.project_id, await source.ask("budget", asked)

        books = await source.ask("budget", delivery.GetBooksRequest(election_id=election_id))
        delays: dict[str, int] = {}
        async for entry in _entries(source, election_id):
            if entry.kind == "milestone_delayed":
                delays[entry.item_id] = delays.get(entry.item_id, 0) + 1
        for project_id, found in await all_found(books.projects, built):
            for one in found.milestones:
                yield (
                    one.milestone_id,
                    project_id,
                    election_id,
                    one.title,
                    one.planned_due,
                    one.due,
                    when(one, "reached_at"),
                    delays.get(one.milestone_id, 0),
                )


async def _delays(source: Source) -> AsyncIterator[Row]:
    async for election in _announced(source):
        async for one in _entries(source, election.election_id):
            if one.kind == "milestone_delayed":
                yield (
                    one.item_id,
                    one.project_id,
                    election.election_id,
                    when(one, "at"),
                    one.due,
                    one.texts.get("reason", ""),
                )


DELIVERY_READERS: dict[str, Rows] = {
    sets.RESULT_VERSIONS.name: _versions,
    sets.BOOKS.name: _books,
    sets.DELIVERIES.name: _deliveries,
    sets.MILESTONES.name: _milestones,
    sets.DELAYS.name: _delays,
}
