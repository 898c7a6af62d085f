"""What an auditor reads: a replay and a recount, in words or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cahier_auditor.recount import Recount
from cahier_auditor.replay import Replay
from cahier_kernel.money import format_cents


def replay_lines(replayed: Replay) -> Iterator[str]:
    """The state of every process and election, a line each."""
    for log, size in replayed.sizes.items():
        yield f"{log}: {size} events"
    people = replayed.identity
    yield f"residents: {people.registered} registered, {people.imported} of them imported"
    proposals = replayed.consultation.proposals.values()
    for process in replayed.consultation.processes.values():
        inside = [one for one in proposals if one.process == process.process]
        accepted = sum(one.state == "accepted" for one in inside)
        yield (
            f"process {process.process}: {process.phase}, "
            f"{len(inside)} proposals, {accepted} accepted"
        )
    for election in replayed.budget.elections.values():
        yield (
            f"election {election.created.election}: {election.state}, "
            f"{len(election.projects)} projects, {len(election.ballots)} ballots"
        )
    if reports := replayed.reporting.reports.values():
        closed = sum(one.is_closed for one in reports)
        missed = sum(one.promise_missed for one in reports)
        yield f"street reports: {len(reports)}, {closed} closed, {missed} promises missed"
    if mailings := replayed.notifications.mails:
        yield f"mails: {sum(mailings.values())} handed over about {len(mailings)} events"
    for event_type, times in replayed.unknown.items():
        yield f"not understood by this version: {times} x {event_type}"


def recount_lines(recounted: Recount, currency: str) -> Iterator[str]:
    """The count in four lines."""
    result = recounted.result
    yield f"election {recounted.election}: {result.ballots_counted} ballots counted from the log"
    yield f"rule {result.rules.rule}, code {result.code_version}, first {result.log_size} leaves"
    spent, envelope = format_cents(result.spent_cents), format_cents(result.envelope_cents)
    yield f"spent {spent} of {envelope} {currency}"
    yield f"winners ({len(result.selected)}): " + ", ".join(map(str, result.selected))
    if not recounted.announced:
        yield "the city has announced no count yet"


def replay_json(replayed: Replay) -> dict[str, Any]:
    """The same, for programs: the views as the folds leave them."""
    return {
        "sizes": replayed.sizes,
        "unknown": replayed.unknown,
        "identity": msgspec.to_builtins(replayed.identity, order="sorted"),
        "consultation": msgspec.to_builtins(replayed.consultation, order="sorted"),
        "reporting": msgspec.to_builtins(replayed.reporting, order="sorted"),
        "elections": [
            {
                "election": election.created.election,
                "state": election.state,
                "ballots": len(election.ballots),
                "projects": [msgspec.to_builtins(p) for p in election.projects.values()],
                "result": msgspec.to_builtins(election.count.result) if election.count else None,
            }
            for election in replayed.budget.elections.values()
        ],
        "notifications": msgspec.to_builtins(replayed.notifications, order="sorted"),
    }
