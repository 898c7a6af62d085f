"""Replays a city's logs: every leaf that counts, folded into the views of its service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cahier_auditor.ballots import BallotsOnFile, ReplacedOnFile
from cahier_auditor.findings import CannotAudit, Finding, Findings
from cahier_auditor.leaves import history
from cahier_auditor.places import LeafReader, Span
from cahier_auditor.progress import Progress
from cahier_auditor.source import Source
from cahier_auditor.texts import Texts
from cahier_auditor.verify import Verified, spans_of
from cahier_kernel.clock import from_rfc3339
from cahier_record.budget.events import BallotCast, ElectionCreated
from cahier_record.budget.views import BallotView, BudgetView
from cahier_record.consultation.events import ProcessCreated
from cahier_record.consultation.views import ConsultationView
from cahier_record.erasure import ContentErased
from cahier_record.events import Leaf, decode_leaf
from cahier_record.identity.views import IdentityView
from cahier_record.notifications.views import NotificationsView
from cahier_record.reporting.views import ReportingView

KNOWN = "an event is about things that the log has created"
RULES = "the log keeps its rules"
ABOUT_LOGS = ("erasure", "log")
"""Aggregates whose events tell of a log itself, not of the city."""
TOLD_EVERY = 10_000


@dataclass
class Replay:
    """A city's logs as they leave the city. sizes: leaves taken into account, by service.

    until: the moment of which this is the state, or None for the end. processes: by process, the
    event whose texts describe it. stopped: why a log could not be replayed to its end.
    """

    texts: Texts
    until: datetime | None = None
    identity: IdentityView = field(default_factory=IdentityView)
    consultation: ConsultationView = field(default_factory=ConsultationView)
    reporting: ReportingView = field(default_factory=ReportingView)
    budget: BudgetView = field(default_factory=BudgetView)
    notifications: NotificationsView = field(default_factory=NotificationsView)
    processes: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)


def replay(
    source: Source, verified: Verified, progress: Progress, until: datetime | None = None
) -> Replay:
    """Folds all logs, each up to the first leaf that is later than `until`.

    Leaves that verification has found broken end their log; the finding stands there. Ballots
    carry no time: those before the next timed leaf count as cast.
    """
    result = Replay(Texts(source), until)
    result.findings.extend(verified.findings)
    for service, spans in spans_by_service(verified).items():
        folded = _Fold(source, service, spans, result, progress)
        try:
            folded.run()
        except CannotAudit as error:
            if not verified.findings:
                raise
            result.stopped[service] = str(error)
    progress.clear()
    return result


def spans_by_service(verified: Verified) -> dict[str, list[Span]]:
    """The leaves that count of each service, oldest epoch first."""
    services = dict.fromkeys(log.head.place.service for log in verified.logs)
    return {
        service: spans_of([log for log in verified.logs if log.head.place.service == service])
        for service in services
    }


def place_of(spans: list[Span], public_index: int) -> tuple[str, int]:
    """The log and the index in it of a leaf that so many public events came before."""
    span = next(span for span in reversed(spans) if span.base <= public_index)
    return span.place.label, public_index - span.base


def read_ballots(source: Source, spans: list[Span], wanted: Iterable[int]) -> Iterator[BallotView]:
    """Ballots by index; neighbours share the bundle that is read for them."""
    readers = [(span, LeafReader(source, span.place)) for span in spans]
    for index in wanted:
        span, reader = next(one for one in reversed(readers) if one[0].base <= index)
        event = decode_leaf(reader.leaf(index - span.base) or b"").event
        if isinstance(event, BallotCast):
            yield BallotView(index, event)


class _Fold:
    """Takes one service's leaves into account."""

    def __init__(
        self,
        source: Source,
        service: str,
        spans: list[Span],
        result: Replay,
        progress: Progress,
    ) -> None:
        self._source = source
        self._service = service
        self._spans = spans
        self._result = result
        self._progress = progress

    def run(self) -> None:
        result, service = self._result, self._service
        total = sum(span.kept for span in self._spans)
        result.sizes[service] = 0
        for index, span, raw in history(self._source, self._spans):
            try:
                leaf = decode_leaf(raw)
                if self._is_later(leaf):
                    return
            except ValueError:
                continue  # Verification has named it.
            result.sizes[service] = index + 1
            self._take(index, span, leaf)
            if index % TOLD_EVERY == 0:
                self._progress.tell(f"{service}, replayed", index, total)

    def _is_later(self, leaf: Leaf) -> bool:
        until = self._result.until
        return until is not None and leaf.at is not None and from_rfc3339(leaf.at) > until

    def _take(self, index: int, span: Span, leaf: Leaf) -> None:
        try:
            self._apply(index, leaf)
        except KeyError as missing:
            found = f"it names {missing.args[0]}, which is not there"
            finding = Finding(span.place.label, index - span.base, KNOWN, found)
            self._result.findings.add(finding)

    def _apply(self, index: int, leaf: Leaf) -> None:
        result, event = self._result, leaf.event
        match self._service:
            case _ if event is None:
                result.unknown[leaf.type] = result.unknown.get(leaf.type, 0) + 1
            case _ if isinstance(event, ContentErased):
                result.texts.erased.add((self._service, event.leaf))
            case _ if leaf.type.split(".")[2] in ABOUT_LOGS:
                pass
            case "budget":
                result.budget.apply(index, leaf)
                self._note_faults()
                if isinstance(event, ElectionCreated):
                    self._keep_ballots_on_file(event.election)
            case "consultation":
                result.consultation.apply(leaf)
                if isinstance(event, ProcessCreated):
                    result.processes[event.process] = leaf.id
            case "identity":
                result.identity.apply(leaf)
            case "reporting":
                result.reporting.apply(leaf)
            case "notifications":
                result.notifications.apply(leaf)

    def _note_faults(self) -> None:
        """Takes over what the view holds against the log, so that a ruined one fits memory."""
        for fault in self._result.budget.faults:
            label, index = place_of(self._spans, fault.index)
            self._result.findings.add(Finding(label, index, RULES, fault.rule))
        self._result.budget.faults.clear()

    def _keep_ballots_on_file(self, election: str) -> None:
        def read(wanted: Iterable[int]) -> Iterator[BallotView]:
            return read_ballots(self._source, self._spans, wanted)

        view = self._result.budget.elections[election]
        view.ballots, view.replaced = BallotsOnFile(read), ReplacedOnFile(read)
