"""`cahier-audit verify`: everything that can be checked of a city's logs without believing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cahier_auditor.findings import Finding, Findings
from cahier_auditor.fingerprints import fingerprint
from cahier_auditor.heads import (
    Head,
    Older,
    Trust,
    host_of,
    older_tasks,
    open_older,
    read_head,
    read_policy,
)
from cahier_auditor.identities import doubled
from cahier_auditor.judging import Erasure
from cahier_auditor.openings import Opening, account, check_opening, read_opening
from cahier_auditor.places import LeafReader, LogPlace, Span
from cahier_auditor.policies import check_digests, check_votes, notes_of
from cahier_auditor.progress import Progress
from cahier_auditor.source import SERVICES, Source, texts_path
from cahier_auditor.sums import check_sums
from cahier_auditor.trees import ROOT, Tree, check_tree
from cahier_auditor.workers import Workers
from cahier_ledger.log.note import to_base64
from cahier_ledger.log.policy import Policy
from cahier_record.events import decode_leaf

HISTORY = "the log was not rewritten: its leaves lead to the root that it signed before"
ONE_HOST = "the logs of one city have one host"
ERASED = "erased texts are gone"
NAMES_LEAF = "an erasure names the leaf whose texts went"
LOG_THERE = "each log that the policy names is here"
OWN_TEXTS = "a disclosure belongs to a leaf with digests"


@dataclass(frozen=True)
class VerifiedLog:
    """One log: its signed head, and what its tree came to."""

    head: Head
    tree: Tree
    older: int
    opening: Opening | None


@dataclass
class Verified:
    """What an audit found. notes: what is no fault, but worth knowing, a line each."""

    findings: Findings = field(default_factory=Findings)
    logs: list[VerifiedLog] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(source: Source, own: Policy | None, jobs: int, progress: Progress) -> Verified:
    """Reads every file of the source once or twice; raises CannotAudit where that fails."""
    verified = Verified()
    with Workers(source, jobs) as workers:
        verified.findings.extend(check_sums(source, workers, progress))
        for service in source.services():
            _Service(source, service, own, verified, workers, progress).check()
    verified.notes.extend(_held_to(source, own))
    _check_hosts(verified)
    _check_all_there(source, own, verified)
    verified.findings.extend(check_digests(source))
    progress.clear()
    return verified


def places_of(source: Source, service: str) -> list[LogPlace]:
    """The logs of a service, one an epoch, the present one last; not sized yet."""
    older = source.older_epochs(service)
    if not older:
        return [LogPlace(service, service, f"tlog/{service}")]
    ended = [
        LogPlace(service, f"{service}/{epoch}", f"tlog/{service}/{epoch}", epoch)
        for epoch in range(1, older + 1)
    ]
    return [*ended, LogPlace(service, f"{service}/{older + 1}", f"tlog/{service}", older + 1)]


class _Service:
    """All epochs of one service's log."""

    def __init__(
        self,
        source: Source,
        service: str,
        own: Policy | None,
        verified: Verified,
        workers: Workers,
        progress: Progress,
    ) -> None:
        self._source = source
        self._service = service
        self._trust = Trust(own, _shown_policy(source, service))
        self._verified = verified
        self._findings = verified.findings
        self._workers = workers
        self._progress = progress
        self._logs: list[VerifiedLog] = []

    def check(self) -> None:
        heads = self._read_heads()
        openings = [self._read_opening(head) for head in heads]
        for at, head in enumerate(heads):
            following = openings[at + 1] if at + 1 < len(heads) else None
            self._check_log(head, openings[at], following)
        for at in range(1, len(heads)):
            opening, ended = openings[at], self._logs[at - 1]
            if opening is not None:
                self._check_opening(heads[at].place, opening, ended)
        self._verified.logs.extend(self._logs)
        self._check_votes()
        self._check_across()

    def _read_heads(self) -> list[Head]:
        places = places_of(self._source, self._service)
        heads = (
            read_head(
                self._source, place, self._trust, self._findings, ended=place is not places[-1]
            )
            for place in places
        )
        return [head for head in heads if head is not None]

    def _read_opening(self, head: Head) -> Opening | None:
        """What the first leaf of a later epoch says; None, and a finding, where it is none."""
        if head.place.epoch == 1:
            return None
        opening = read_opening(head.place, LeafReader(self._source, head.place).leaf(0))
        if isinstance(opening, Finding):
            self._findings.add(opening)
            return None
        return opening

    def _check_log(self, head: Head, opening: Opening | None, following: Opening | None) -> None:
        older = self._open_older(head)
        sizes = set(older.roots)
        place = head.place
        if following is not None and 0 <= following.kept <= place.size:
            sizes.add(following.kept)
            place = replace(place, kept=following.kept)
        tree = check_tree(self._source, place, sizes, self._workers, self._progress)
        self._findings.extend(tree.findings)
        self._findings.extend(_check_roots(head, older, tree))
        self._logs.append(VerifiedLog(head, tree, len(older.roots), opening))

    def _check_opening(self, place: LogPlace, opening: Opening, ended: VerifiedLog) -> None:
        roots = ended.tree.roots
        self._findings.extend(check_opening(self._source, place, opening, ended.head, roots))
        self._verified.notes.append(account(place, opening, ended.head))

    def _open_older(self, head: Head) -> Older:
        older = Older()
        paths = self._source.older_checkpoints(head.place.service, head.place.epoch)
        tasks = older_tasks(head, self._trust.policy, paths)
        for opened in self._workers.map(open_older, tasks):
            older.findings.extend(opened.findings)
            older.roots.update(opened.roots)
            self._progress.tell(f"{head.place.label}, older checkpoints", len(older.roots))
        self._findings.extend(older.findings)
        return older

    def _check_votes(self) -> None:
        for log in self._logs:
            ended = log is not self._logs[-1]
            votes = check_votes(self._source, log.head, log.tree.votes, self._trust, ended=ended)
            self._findings.extend(votes.findings)
            self._verified.notes.extend(notes_of(log.head.place, votes))

    def _check_across(self) -> None:
        """What takes all epochs: ids once, erasures, and texts without a leaf."""
        spans = spans_of(self._logs)
        ids = [log.tree.ids for log in self._logs]
        self._findings.extend(doubled(self._source, list(zip(spans, ids, strict=True))))
        leaves = _Leaves(self._source, spans)
        for at, log in enumerate(self._logs):
            for erasure in log.tree.erasures:
                named = leaves.named_by(erasure, at)
                self._findings.extend(self._check_erasure(log.head.place, erasure, named))
        if self._source.can_list:
            self._findings.extend(self._stray_texts())

    def _check_erasure(self, place: LogPlace, erasure: Erasure, named: str) -> Iterator[Finding]:
        path = texts_path(self._service, erasure.leaf_id)
        if path and self._source.read(path) is not None:
            found = f"the texts of {erasure.leaf_id} are still here"
            yield Finding(place.label, erasure.told, ERASED, found, file=path)
        if named != erasure.leaf_id:
            found = f"leaf {erasure.index} is {named or 'not there'}"
            yield Finding(place.label, erasure.told, NAMES_LEAF, found, erasure.leaf_id)

    def _stray_texts(self) -> Iterator[Finding]:
        folder = f"disclosures/{self._service}"
        shown = {one for log in self._logs for one in log.tree.shown}
        for path in self._source.below(folder):
            name = path.removeprefix(f"{folder}/").removesuffix(".json")
            if fingerprint(name) not in shown:
                found = "no leaf of the log has digests for it"
                yield Finding(self._service, None, OWN_TEXTS, found, file=path)


class _Leaves:
    """A service's leaves by how many public events came before them, in all epochs."""

    def __init__(self, source: Source, spans: list[Span]) -> None:
        self._readers = [(span, LeafReader(source, span.place)) for span in spans]

    def named_by(self, erasure: Erasure, at: int) -> str:
        """The id of the leaf that an erasure in the log at place `at` is about; "" for none."""
        own, reader = self._readers[at]
        index = erasure.index - own.base
        if erasure.told >= own.kept and index >= own.kept:
            return _id_of(reader.leaf(index))  # Both were lost: later epochs count otherwise.
        for span, reader in self._readers:
            if span.base <= erasure.index < span.base + span.kept:
                return _id_of(reader.leaf(erasure.index - span.base))
        return ""


def _id_of(leaf: bytes | None) -> str:
    try:
        return decode_leaf(leaf or b"").id
    except ValueError:
        return ""


def spans_of(logs: list[VerifiedLog]) -> list[Span]:
    """The leaves of a service's logs that count; logs: one an epoch, in order."""
    spans: list[Span] = []
    base = 0
    for at, log in enumerate(logs):
        following = logs[at + 1].opening if at + 1 < len(logs) else None
        size = log.head.place.size
        kept = min(size, following.kept) if following is not None else size
        spans.append(Span(log.head.place, base, kept))
        base += kept
    return spans


def _check_roots(head: Head, older: Older, tree: Tree) -> Iterator[Finding]:
    """Holds every root that the log signed against the one that its leaves lead to."""
    place, signed = head.place, head.checkpoint
    found_root = tree.roots.get(signed.size)
    if found_root != signed.root:
        found, expected = _root_text(found_root), to_base64(signed.root)
        yield Finding(place.label, None, ROOT, found, expected, f"{place.folder}/checkpoint")
    for size, root in sorted(older.roots.items()):
        if tree.roots.get(size) != root:
            found = f"{_root_text(tree.roots.get(size))} at size {size}"
            yield Finding(place.label, None, HISTORY, found, to_base64(root))


def _root_text(root: bytes | None) -> str:
    return "no root, as leaves are missing" if root is None else to_base64(root)


def _shown_policy(source: Source, service: str) -> Policy | None:
    raw = source.policy(service)
    return None if raw is None else read_policy(raw, "policy")


def _held_to(source: Source, own: Policy | None) -> Iterator[str]:
    """Whose policy was used, since whoever forges a log can write its policy, too."""
    if own is not None:
        yield f"held to your own policy, quorum {own.quorum}"
        return
    shown = {service: _shown_policy(source, service) for service in source.services()}
    for policy in dict.fromkeys(shown.values()):
        logs = ", ".join(service for service, each in shown.items() if each == policy)
        if policy is None:
            yield f"{logs}: no policy is here, so no witness was asked for"
        else:
            told = f"quorum {policy.quorum}, SHA-256 {policy.digest()}"
            yield f"{logs}: held to the policy that this source shows ({told}): bring your own"


def _check_hosts(verified: Verified) -> None:
    """One city's logs have one host; a log of another city among them is named."""
    hosts: dict[str, str] = {}
    for log in verified.logs:
        place, origin = log.head.place, log.head.checkpoint.origin
        host = host_of(place, origin)
        if host:
            first = hosts.setdefault("", host)
            if host != first:
                verified.findings.add(Finding(place.label, None, ONE_HOST, host, first))


def _check_all_there(source: Source, own: Policy | None, verified: Verified) -> None:
    """A log that a policy names must be here; one that a city should have is told."""
    origins = {log.head.checkpoint.origin for log in verified.logs}
    for origin in _named(source, own, verified):
        if origin not in origins:
            verified.findings.add(Finding("bundle", None, LOG_THERE, "it is not here", origin))
    for service in sorted({*SERVICES} - {*source.services()}):
        verified.notes.append(f"there is no log of {service} here")


def _named(source: Source, own: Policy | None, verified: Verified) -> list[str]:
    """The origins that the auditor's policy names, or those of this city that the source's does:
    a neighbour may stand in there, too."""
    if own is not None:
        return [entry.vkey.name for entry in own.logs]
    origins = (log.head.checkpoint.origin for log in verified.logs)
    hosts = {origin.partition("/tlog/")[0] for origin in origins}
    shown = {_shown_policy(source, service) for service in source.services()} - {None}
    named = {entry.vkey.name for policy in shown if policy is not None for entry in policy.logs}
    return sorted(name for name in named if name.partition("/tlog/")[0] in hosts)
