"""Replays a bundle: every leaf read, judged by itself, and folded into the views of its log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

import cahier_record.budget
import cahier_record.consultation
import cahier_record.identity
import cahier_record.notifications
import cahier_record.reporting
from cahier_auditor.bundle import Bundle
from cahier_auditor.findings import Finding
from cahier_kernel.clock import from_rfc3339
from cahier_kernel.ids import derived_uuid
from cahier_ledger.leaves import canonical_json
from cahier_record.budget.events import BallotCast
from cahier_record.budget.views import BudgetView
from cahier_record.consultation.views import ConsultationView
from cahier_record.events import Leaf, decode_leaf
from cahier_record.identity.views import IdentityView
from cahier_record.notifications.views import NotificationsView
from cahier_record.reporting.views import ReportingView

REGISTERED = (
    cahier_record.budget,
    cahier_record.consultation,
    cahier_record.identity,
    cahier_record.notifications,
    cahier_record.reporting,
)
"""Importing these gives each event type its meaning."""


@dataclass
class Replay:
    """A bundle's logs as they leave the city. sizes: leaves read of each log."""

    identity: IdentityView = field(default_factory=IdentityView)
    consultation: ConsultationView = field(default_factory=ConsultationView)
    reporting: ReportingView = field(default_factory=ReportingView)
    budget: BudgetView = field(default_factory=BudgetView)
    notifications: NotificationsView = field(default_factory=NotificationsView)
    sizes: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def replay(bundle: Bundle, until: datetime | None = None) -> Replay:
    """Folds all logs, each up to the first leaf that is later than `until`.

    Raises CannotAudit where a log's files cannot be read.
    """
    result = Replay()
    result.findings.extend(bundle.check_sums())
    for service in bundle.services():
        result.sizes[service] = 0
        for index, leaf in _judged(bundle, service, result):
            if until is not None and leaf.at is not None and from_rfc3339(leaf.at) > until:
                break
            result.sizes[service] = index + 1
            try:
                _apply(result, index, leaf)
            except KeyError as missing:
                rule = "an event is about things that the log has created"
                found = f"it names {missing.args[0]}, which is not there"
                result.findings.append(Finding(service, index, rule, found))
    for fault in result.budget.faults:
        result.findings.append(
            Finding("budget", fault.index, "the log keeps its rules", fault.rule)
        )
    return result


def _judged(bundle: Bundle, service: str, result: Replay) -> Iterator[tuple[int, Leaf]]:
    seen: set[str] = set()
    for index, raw in enumerate(bundle.leaves(service)):
        try:
            leaf = decode_leaf(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            result.findings.append(Finding(service, index, "a leaf follows its schema", str(error)))
            continue
        for rule, found in _faults(bundle, service, leaf, raw, seen):
            result.findings.append(Finding(service, index, rule, found))
        seen.add(leaf.id)
        yield index, leaf


def _faults(
    bundle: Bundle, service: str, leaf: Leaf, raw: bytes, seen: set[str]
) -> Iterator[tuple[str, str]]:
    if leaf.service != service or not leaf.type.startswith(f"{service}.v1."):
        yield "a leaf is in its own service's log", f"it says {leaf.service}, {leaf.type}"
    if leaf.id in seen:
        yield "an event is in the log once", f"{leaf.id} is there twice"
    if canonical_json(msgspec.json.decode(raw)) != raw:
        yield "a leaf is RFC 8785 JSON", "it is written otherwise"
    if wrong := bundle.disclosed(service, leaf.id, leaf.digests):
        yield "a disclosed text has its digest in the leaf", wrong
    if isinstance(leaf.event, BallotCast):
        if leaf.at is not None:
            yield "a ballot carries no time", f"it says {leaf.at}"
        if leaf.id != ballot_id(leaf.event):
            yield "a ballot's id derives from election, credential and sequence", f"it is {leaf.id}"


def ballot_id(ballot: BallotCast) -> str:
    """The id that a ballot's leaf must have."""
    return str(derived_uuid("ballot", ballot.election, ballot.credential, str(ballot.sequence)))


def _apply(result: Replay, index: int, leaf: Leaf) -> None:
    if leaf.event is None:
        result.unknown[leaf.type] = result.unknown.get(leaf.type, 0) + 1
    elif leaf.service == "budget":
        result.budget.apply(index, leaf)
    elif leaf.service == "consultation":
        result.consultation.apply(leaf)
    elif leaf.service == "identity":
        result.identity.apply(leaf)
    elif leaf.service == "reporting":
        result.reporting.apply(leaf)
    elif leaf.service == "notifications":
        result.notifications.apply(leaf)
