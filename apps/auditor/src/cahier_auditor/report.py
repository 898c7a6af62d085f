"""What an auditor reads: a replay and a recount, in words or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from cahier_auditor.booked import books_json, books_lines
from cahier_auditor.findings import Finding, one_line
from cahier_auditor.heads import Head
from cahier_auditor.receipts import Checked
from cahier_auditor.recount import Recount
from cahier_auditor.replay import Replay
from cahier_auditor.verify import Verified
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.money import format_cents
from cahier_ledger.log.note import to_base64
from cahier_record.budget.life_view import phase_of
from cahier_record.budget.views import ElectionView
from cahier_record.consultation.views import ProposalView

TEXT_CHARS_MAX = 80
LEAF_CHARS_MAX = 2_000
UNTIMED = " (they carry no time: those before the next timed event)"


def replay_lines(replayed: Replay) -> Iterator[str]:
    """The state of every process, proposal, election and report, a line each."""
    if replayed.until is not None:
        yield f"as of {to_rfc3339(replayed.until)}"
    for log, size in replayed.sizes.items():
        yield f"{log}: {size} events"
    for log, why in replayed.stopped.items():
        yield f"{log}: could not be replayed to its end: {why}"
    people = replayed.identity
    yield f"residents: {people.registered} registered, {people.imported} of them imported"
    yield from _processes(replayed)
    yield from _elections(replayed)
    yield from _reports(replayed)
    if mailings := replayed.notifications.mails:
        yield f"mails: {sum(mailings.values())} handed over about {len(mailings)} events"
    for event_type, times in replayed.unknown.items():
        yield f"not understood by this version: {times} x {event_type}"


def _processes(replayed: Replay) -> Iterator[str]:
    view, texts = replayed.consultation, replayed.texts
    inside: dict[str, list[ProposalView]] = {process: [] for process in view.processes}
    for proposal in view.proposals.values():
        inside.setdefault(proposal.process, []).append(proposal)
    for process, proposals in inside.items():
        title = texts.word("consultation", replayed.processes.get(process, ""), "title")
        phase = view.processes[process].phase if process in view.processes else "unknown"
        accepted = sum(one.state == "accepted" for one in proposals)
        yield (
            f"process {process}: {phase}, "
            f"{len(proposals)} proposals, {accepted} accepted: {one_line(title, TEXT_CHARS_MAX)}"
        )
        for one in proposals:
            title = texts.word("consultation", one.texts, "title")
            withdrawn = ", withdrawn" if one.withdrawn else ""
            yield (
                f"  proposal {one.proposal}: {one.state}{withdrawn}, {len(one.supporters)} "
                f"supports, {one.comments} comments: {one_line(title, TEXT_CHARS_MAX)}"
            )


def _elections(replayed: Replay) -> Iterator[str]:
    for election in replayed.budget.elections.values():
        title = replayed.texts.word("budget", election.event, "title")
        untimed = election.state == "open" and replayed.until is not None
        yield (
            f"election {election.created.election}: {election.state}{_phase(election)}, "
            f"{len(election.projects)} projects, {len(election.ballots)} ballots"
            f"{UNTIMED if untimed else ''}: {one_line(title, TEXT_CHARS_MAX)}"
        )
        yield from _lineage(election)
        yield from books_lines(election)


def _phase(election: ElectionView) -> str:
    phase = phase_of(election)
    return f", phase {phase}" if phase else ""


def _lineage(election: ElectionView) -> Iterator[str]:
    """A line for each merger and split, and for each assessment that decided."""
    for change in election.life.changes.values():
        agreed = sum(consent == "agreed" for consent in change.consents.values())
        yield (
            f"  {change.proposed.kind} of {len(change.proposed.projects)}: {change.state}, "
            f"{agreed} of {len(change.proposed.asked)} authors agreed"
        )


def _reports(replayed: Replay) -> Iterator[str]:
    reports = replayed.reporting.reports
    if not reports:
        return
    closed = sum(one.is_closed for one in reports.values())
    missed = sum(one.promise_missed for one in reports.values())
    yield f"street reports: {len(reports)}, {closed} closed, {missed} promises missed"
    for one in reports.values():
        ended = ", closed" if one.is_closed else ""
        missing = ", promise missed" if one.promise_missed else ""
        text = replayed.texts.word("reporting", one.texts, "description")
        yield (
            f"  report {one.report}: {one.category} for {one.department}, "
            f"{one.state}{ended}{missing}: {one_line(text, TEXT_CHARS_MAX)}"
        )


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


def receipt_lines(checked: Checked) -> Iterator[str]:
    """What the receipt says, then the leaf itself."""
    receipt, checkpoint = checked.receipt, checked.checkpoint
    if not checkpoint.origin:
        return
    yield (
        f"receipt: leaf {receipt.index} of {checkpoint.origin}, among its first "
        f"{checkpoint.size:,} leaves, root {to_base64(checkpoint.root)}"
    )
    if checked.leaf is not None:
        yield one_line(checked.leaf.decode(errors="replace"), LEAF_CHARS_MAX)


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
    rule = f"rule {result.rules.rule} on {result.rules.vote_type} ballots"
    yield f"election {recounted.election}: {result.ballots_counted} ballots counted from the log"
    yield f"{rule}, code {result.code_version}, first {result.log_size} leaves"
    spent, envelope = format_cents(result.spent_cents), format_cents(result.envelope_cents)
    yield f"spent {spent} of {envelope} {currency}"
    yield f"winners ({len(result.selected)}): " + ", ".join(map(str, result.selected))
    if recounted.versions > 1:
        left_out = f"{result.ballots_annulled} voters' ballots annulled"
        yield f"count {recounted.version} of {recounted.versions}, {left_out}"
    if not recounted.announced:
        yield "the city has announced no count yet"


def replay_json(replayed: Replay) -> dict[str, Any]:
    """The same, for programs: the views as the folds leave them, and the texts that are here."""
    return {
        "as_of": None if replayed.until is None else to_rfc3339(replayed.until),
        "sizes": replayed.sizes,
        "stopped": replayed.stopped,
        "unknown": replayed.unknown,
        "identity": msgspec.to_builtins(replayed.identity, order="sorted"),
        "consultation": msgspec.to_builtins(replayed.consultation, order="sorted"),
        "reporting": msgspec.to_builtins(replayed.reporting, order="sorted"),
        "elections": [_election_json(one) for one in replayed.budget.elections.values()],
        "notifications": msgspec.to_builtins(replayed.notifications, order="sorted"),
        "titles": _titles(replayed),
        "findings": [findings_json(one) for one in replayed.findings],
        "findings_count": replayed.findings.count,
    }


def _election_json(election: ElectionView) -> dict[str, Any]:
    return {
        "election": election.created.election,
        "state": election.state,
        "phase": phase_of(election),
        "life": msgspec.to_builtins(election.life),
        "ballots": len(election.ballots),
        "projects": [msgspec.to_builtins(one) for one in election.projects.values()],
        "result": msgspec.to_builtins(election.count.result) if election.count else None,
        **books_json(election),
    }


def _titles(replayed: Replay) -> dict[str, str]:
    """By id of a process, proposal or election."""
    word = replayed.texts.word
    told = {
        process: word("consultation", event, "title")
        for process, event in replayed.processes.items()
    }
    for proposal in replayed.consultation.proposals.values():
        told[proposal.proposal] = word("consultation", proposal.texts, "title")
    for election in replayed.budget.elections.values():
        told[election.created.election] = word("budget", election.event, "title")
    return told
