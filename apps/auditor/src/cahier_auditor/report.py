"""What an auditor reads: a replay and a recount, in words or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from cahier_auditor.findings import Finding
from cahier_auditor.heads import Head
from cahier_auditor.recount import Recount
from cahier_auditor.replay import Replay
from cahier_auditor.verify import Verified
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.money import format_cents
from cahier_ledger.log.note import to_base64


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


def verify_lines(verified: Verified) -> Iterator[str]:
    """A log a line, with who vouches for it; then what is worth knowing."""
    for log in verified.logs:
        head, tree = log.head, log.tree
        yield (
            f"{head.place.label}: {head.checkpoint.size:,} leaves, root "
            f"{to_base64(head.checkpoint.root)}, signed by {_signers(head)}"
        )
        yield (
            f"  {log.older:,} older checkpoints, {_witnesses(head)}, "
            f"{tree.with_texts:,} leaves with texts, {len(tree.shown):,} shown, "
            f"{len(tree.erasures):,} erased"
        )
    for note in verified.notes:
        yield f"NOTE {note}"


def verify_json(verified: Verified) -> dict[str, Any]:
    """The same with the findings, for programs."""
    return {
        "logs": [
            {
                "log": log.head.place.label,
                "origin": log.head.checkpoint.origin,
                "size": log.head.checkpoint.size,
                "root": to_base64(log.head.checkpoint.root),
                "signed_by": [str(vkey) for vkey in log.head.signers],
                "witnesses": log.head.witnesses,
                "older_checkpoints": log.older,
                "leaves_with_texts": log.tree.with_texts,
                "texts_shown": len(log.tree.shown),
                "erasures": len(log.tree.erasures),
            }
            for log in verified.logs
        ],
        "notes": verified.notes,
        "findings": [findings_json(one) for one in verified.findings],
        "findings_count": verified.findings.count,
    }


def findings_json(finding: Finding) -> dict[str, Any]:
    """A finding's parts by name; empty ones left out."""
    parts = msgspec.to_builtins(finding)
    return {name: value for name, value in parts.items() if value not in (None, "")}


def _signers(head: Head) -> str:
    return ", ".join(f"{vkey.name}+{vkey.key_id.hex()}" for vkey in head.signers) or "nobody"


def _witnesses(head: Head) -> str:
    told = (f"{name} ({_instant(time_s)})" for name, time_s in sorted(head.witnesses.items()))
    return "witnessed by " + (", ".join(told) or "nobody")


def _instant(time_s: int) -> str:
    """A witness may write any number; what no calendar has is shown as it is."""
    try:
        return to_rfc3339(datetime.fromtimestamp(time_s, UTC))
    except (OverflowError, ValueError, OSError):
        return f"{time_s} s"


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
