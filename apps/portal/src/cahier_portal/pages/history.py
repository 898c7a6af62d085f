"""The history of a proposal, an election or a report: its events in plain words, and how its page
stood at any moment of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from litestar import get
from litestar.params import FromQuery

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.clock import from_rfc3339
from cahier_kernel.errors import NotFound
from cahier_portal import standing
from cahier_portal.catalogue import t
from cahier_portal.disclosed import Disclosed
from cahier_portal.forms import FormError
from cahier_portal.parameters import Caller, PathId, PathText, QueryText
from cahier_portal.publiclog import LEAVES_MAX, Entry, Past
from cahier_portal.retelling import Setting, sentence, setting_of
from cahier_portal.visit import Answer, Visit, or_none

MOMENTS_MAX = 200
ENTRIES_SHOWN = 100
GROUP_FROM = 4
PROJECTS_FOLLOWED = 20
_VOICES = frozenset({"proposal_supported", "support_withdrawn"})


@dataclass(frozen=True)
class Told:
    """An entry with its sentence."""

    entry: Entry
    sentence: str

    @property
    def at(self) -> datetime:
        return from_rfc3339(self.entry.at)


@dataclass(frozen=True)
class Group:
    """Entries told as one: a single one, or a run of supports."""

    told: list[Told]

    @property
    def is_run(self) -> bool:
        """Whether it is told as a number."""
        return len(self.told) > 1


@dataclass(frozen=True)
class _Read:
    """All that the logs say of a thing, before a moment is chosen."""

    entries: list[Entry]
    stand: Callable[[list[Entry]], Awaitable[Any]]
    currency: str = ""
    cut: bool = False
    part_away: bool = False


@get("/history/{kind:str}/{thing_id:uuid}")
async def history_page(
    visit: Caller,
    kind: PathText,
    thing_id: PathId,
    at: QueryText = "",
    moment: FromQuery[int | None] = None,
    before: FromQuery[int | None] = None,
) -> Answer:
    """at: RFC 3339; the page as it stood then. moment: the same, as a place on the slider."""
    reader = _READERS.get(kind)
    if reader is None:
        raise NotFound("history_not_found", "histories are of proposals, elections and reports")
    read = await reader(visit, str(thing_id))
    if not read.entries:
        raise NotFound("history_not_found", "the public log does not name it")
    moments = await asyncio.to_thread(_moments, read.entries)
    path = f"/history/{kind}/{thing_id}"
    if moment is not None:
        chosen = moments[max(0, min(moment, len(moments) - 1))]
        return visit.redirect(f"{path}?at={chosen}")
    until, errors = _read_moment(at)
    past, setting = await asyncio.to_thread(_past, read, until)
    end = len(past) if before is None else max(1, min(before, len(past)))
    shown = past[max(0, end - ENTRIES_SHOWN) : end]
    return visit.page(
        "history.html",
        422 if errors else 200,
        kind=kind,
        thing_id=str(thing_id),
        back=_BACK[kind].format(thing_id),
        stood=await read.stand(past) if past else None,
        at=until,
        stood_at=_stood_at(until, moments[-1] if read.cut else ""),
        moments=[from_rfc3339(each) for each in moments],
        place=_place(moments, until),
        groups=grouped([Told(entry, sentence(entry, setting)) for entry in shown]),
        total=len(past),
        earlier=end - len(shown),
        path_at=f"at={at}&" if until is not None else "",
        cut=read.cut,
        part_away=read.part_away,
        later=len(read.entries) - len(past),
        errors=errors,
    )


def _moments(entries: list[Entry]) -> list[str]:
    return sampled(sorted({entry.at for entry in entries}), MOMENTS_MAX)


def _past(read: _Read, until: datetime | None) -> tuple[list[Entry], Setting]:
    """The entries up to a moment, and what all of them tell of amounts and numbers."""
    past = [entry for entry in read.entries if until is None or from_rfc3339(entry.at) <= until]
    return past, setting_of(read.entries, read.currency)


def _stood_at(until: datetime | None, cut_at: str) -> datetime | None:
    """The moment that the page shows; None for today. cut_at: of the last entry that was read."""
    if not cut_at:
        return until
    last = from_rfc3339(cut_at)
    return last if until is None else min(until, last)


def _read_moment(at: str) -> tuple[datetime | None, list[FormError]]:
    if not at:
        return None, []
    try:
        # A plus sign in an address is a blank; an offset is written with one.
        return from_rfc3339(at.replace(" ", "+")), []
    except ValueError:
        return None, [FormError("", t("error.not_an_instant"))]


def _place(moments: list[str], until: datetime | None) -> int:
    passed = [each for each in moments if until is None or from_rfc3339(each) <= until]
    return max(0, len(passed) - 1)


def sampled(moments: list[str], most: int) -> list[str]:
    """At most so many of them, evenly over their number, the first and the last among them."""
    last = len(moments) - 1
    if last < most:
        return moments
    return [moments[place * last // (most - 1)] for place in range(most)]


def grouped(told: list[Told]) -> list[Group]:
    """Runs of supports as one each, where they are long; everything else alone."""
    groups: list[Group] = []
    for is_voice, run in groupby(told, key=lambda each: each.entry.kind in _VOICES):
        members = list(run)
        if is_voice and len(members) >= GROUP_FROM:
            groups.append(Group(members))
        else:
            groups += [Group([each]) for each in members]
    return groups


async def _proposal(visit: Visit, proposal_id: str) -> _Read:
    logs, disclosed = visit.portal.logs, Disclosed(visit.portal.services)
    said = await logs.past("consultation", proposal_id)
    projects = await or_none(_projects_of(visit, proposal_id))
    entries, is_cut = await _in_order([*said.entries, *(projects[0] if projects else [])])

    async def stand(past: list[Entry]) -> standing.StoodProposal | None:
        return await standing.proposal_at(past, proposal_id, disclosed)

    currency = projects[1] if projects else ""
    cut = said.cut or is_cut
    return _Read(entries, stand, currency, cut, part_away=projects is None)


async def _projects_of(visit: Visit, proposal_id: str) -> tuple[list[Entry], str]:
    """What budget says of the projects that a proposal became, and the currency of their costs."""
    logs = visit.portal.logs
    added = (await logs.past("budget", proposal_id)).entries
    entries, currency = list(added), ""
    for entry in added[:PROJECTS_FOLLOWED]:
        if entry.kind == "project_added":
            entries += (await logs.past("budget", str(entry.data["project"]))).entries
            currency = currency or await _currency(visit, str(entry.data["election"]))
    return entries, currency


async def _currency(visit: Visit, election_id: str) -> str:
    answer = await visit.budget(budget.GetElectionRequest(election_id=election_id))
    return str(answer.election.currency)


async def _election(visit: Visit, election_id: str) -> _Read:
    past = await visit.portal.logs.past("budget", election_id)
    disclosed = Disclosed(visit.portal.services)

    async def stand(entries: list[Entry]) -> standing.StoodElection | None:
        added = [each for each in entries if each.kind == "project_added"]
        words = await visit.portal.texts.of(
            (str(each.data["proposal"]) for each in added), _process(past)
        )
        titles = {each: proposal.title for each, proposal in words.items() if proposal.title}
        ballots = _ballots(past, entries)
        return await standing.election_at(entries, election_id, ballots, disclosed, titles)

    ordered, is_cut = await _in_order(past.entries)
    return _Read(ordered, stand, _currency_of(past), past.cut or is_cut)


def _ballots(past: Past, entries: list[Entry]) -> int:
    """How many ballots the log held before whatever came next."""
    if len(entries) < len(past.entries):
        return past.entries[len(entries)].recorded.ballots
    return past.ballots


def _process(past: Past) -> str:
    return str(past.entries[0].data.get("process", "")) if past.entries else ""


def _currency_of(past: Past) -> str:
    return str(past.entries[0].data.get("currency", "")) if past.entries else ""


async def _report(visit: Visit, report_id: str) -> _Read:
    logs, disclosed = visit.portal.logs, Disclosed(visit.portal.services)
    past = await logs.past("reporting", report_id)
    received = next((each for each in past.entries if each.kind == "report_received"), None)
    category = str(received.data["category"]) if received is not None else ""
    defined = (await logs.past("reporting", category)).entries if category else []

    async def stand(entries: list[Entry]) -> standing.StoodReport | None:
        last = entries[-1].recorded.seq
        known = [each for each in defined if each.recorded.seq <= last]
        return await standing.report_at(known, entries, report_id, disclosed)

    ordered, is_cut = await _in_order(past.entries)
    return _Read(ordered, stand, "", past.cut or is_cut)


async def _in_order(entries: list[Entry]) -> tuple[list[Entry], bool]:
    """The first LEAVES_MAX of them, and whether there are more: several logs tell of one thing."""
    ordered = await asyncio.to_thread(_merged, entries)
    return ordered[:LEAVES_MAX], len(ordered) > LEAVES_MAX


def _merged(entries: list[Entry]) -> list[Entry]:
    by_id = {entry.id: entry for entry in entries if entry.at}
    return sorted(by_id.values(), key=lambda entry: entry.order)


_READERS: dict[str, Callable[[Visit, str], Awaitable[_Read]]] = {
    "proposal": _proposal,
    "election": _election,
    "report": _report,
}
_BACK = {"proposal": "/proposals/{}", "election": "/budgets/{}", "report": "/reports/{}"}
