"""What a log has signed: its keys, its checkpoint, the older ones, and who vouches for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cahier_auditor.findings import CannotAudit, Finding, Findings
from cahier_auditor.places import LogPlace
from cahier_auditor.source import Source
from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint, require_log_signature
from cahier_ledger.log.note import BadNote, Note, Vkey
from cahier_ledger.log.policy import BadPolicy, NotWitnessed, Policy, PolicyLog

HAS_CHECKPOINT = "a log has a signed checkpoint"
HAS_KEY = "a log has its keys, one vkey a line"
SIGNED = "a checkpoint is signed by its log's key"
KNOWN_KEY = "the log's key is one that the policy names"
MET = "the checkpoint meets the policy: its log's key, its quorum of witnesses"
ORIGIN = "a checkpoint's origin is its log's"
OLDER_NAME = "an older checkpoint stands under its size"
SHRINKS = "a log never shrinks"
GROUP = 200
"""Older checkpoints a task: an eighth of a second of signatures."""


@dataclass(frozen=True)
class Trust:
    """Whom the auditor believes. own: the auditor's policy, which stands above the bundle's."""

    own: Policy | None = None
    shown: Policy | None = None

    @property
    def policy(self) -> Policy | None:
        """The one in force."""
        return self.own or self.shown

    @property
    def names_logs(self) -> bool:
        """Whether the auditor came with keys of their own."""
        return self.own is not None and bool(self.own.logs)

    def keys(self, origin: str, shown: Sequence[Vkey]) -> list[Vkey]:
        """The keys that may sign for this origin: the auditor's own if there are some."""
        known = self.own.log_vkeys if self.own is not None and self.own.logs else shown
        return [vkey for vkey in known if vkey.name == origin]

    def of_older_epoch(self, shown: Sequence[Vkey]) -> Trust:
        """For an epoch that has ended: its own name for a key that is known, no quorum."""
        if self.own is None or not self.own.logs:
            return Trust()
        known = {vkey.public for vkey in self.own.log_vkeys}
        logs = tuple(PolicyLog(vkey) for vkey in shown if vkey.public in known)
        return Trust(Policy(logs or self.own.logs))


@dataclass(frozen=True)
class Head:
    """A log's present checkpoint, as far as it holds.

    keys: that may sign for it. signers: those that did. witnesses: by name in the policy, when
    they cosigned, in seconds since 1970.
    """

    place: LogPlace
    checkpoint: Checkpoint
    keys: tuple[Vkey, ...]
    signers: tuple[Vkey, ...]
    witnesses: dict[str, int]


@dataclass
class Older:
    """Roots by size that the log has signed before."""

    findings: Findings = field(default_factory=Findings)
    roots: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class OlderTask:
    """Older checkpoints to open: their paths, the keys that may have signed them, and whose
    cosignatures are known."""

    place: LogPlace
    origin: str
    keys: tuple[Vkey, ...]
    policy: Policy | None
    paths: tuple[str, ...]


def read_policy(raw: bytes, name: str) -> Policy:
    """Raises CannotAudit for a text that is no policy."""
    try:
        return Policy.parse(raw)
    except BadPolicy as error:
        raise CannotAudit(f"{name}: {error}") from None


def read_head(
    source: Source, place: LogPlace, trust: Trust, findings: Findings, *, ended: bool = False
) -> Head | None:
    """The checkpoint with what speaks for it; None where it cannot be read at all.

    ended: a later epoch has taken this one's place.
    """
    path = f"{place.folder}/checkpoint"
    raw = source.read(path)
    if raw is None:
        findings.add(Finding(place.label, None, HAS_CHECKPOINT, "it is missing", file=path))
        return None
    try:
        checkpoint, note = parse_checkpoint(raw)
    except BadNote as error:
        findings.add(Finding(place.label, None, HAS_CHECKPOINT, str(error), file=path))
        return None
    shown = _read_keys(source, place, findings)
    if ended:
        trust = trust.of_older_epoch(shown)
    keys = trust.keys(checkpoint.origin, shown)
    _check_origin(place, checkpoint, path, findings)
    _check_known(place, trust, shown, keys, findings)
    signers = _signers(place, checkpoint, note, keys, path, findings)
    witnesses = _check_quorum(place, trust, note, path, findings)
    sized = place.sized(checkpoint.size)
    return Head(sized, checkpoint, tuple(keys), tuple(signers), witnesses)


def open_older(source: Source, task: OlderTask) -> Older:
    """Opens older checkpoints: signature, origin, and the size in their name."""
    older = Older()
    for path, raw in zip(task.paths, source.read_all(task.paths), strict=True):
        try:
            checkpoint, note = parse_checkpoint(raw or b"")
            require_log_signature(checkpoint, note, task.keys)
            if task.policy is not None:
                task.policy.witnessed_by(note)  # A quorum may have come later; a lie may not.
        except BadNote as error:
            older.findings.add(Finding(task.place.label, None, SIGNED, str(error), file=path))
            continue
        if checkpoint.origin != task.origin:
            found = Finding(task.place.label, None, ORIGIN, checkpoint.origin, task.origin, path)
            older.findings.add(found)
        elif str(checkpoint.size) != path.rpartition("/")[2]:
            size = f"size {checkpoint.size}"
            older.findings.add(Finding(task.place.label, None, OLDER_NAME, size, file=path))
        elif checkpoint.size > task.place.size:
            found = Finding(
                *(task.place.label, None, SHRINKS, f"{task.place.size} leaves now"),
                *(f"at least the {checkpoint.size} that it once signed", path),
            )
            older.findings.add(found)
        else:
            older.roots[checkpoint.size] = checkpoint.root
    return older


def older_tasks(head: Head, policy: Policy | None, paths: Iterable[str]) -> Iterable[OlderTask]:
    """The older checkpoints in groups."""
    log = (head.place, head.checkpoint.origin, head.keys, policy)
    group: list[str] = []
    for path in paths:
        group.append(path)
        if len(group) == GROUP:
            yield OlderTask(*log, tuple(group))
            group = []
    if group:
        yield OlderTask(*log, tuple(group))


def host_of(place: LogPlace, origin: str) -> str:
    """The city's public host in a log's origin, or "" where the origin is not this log's."""
    epoch = f"/{place.epoch}" if place.epoch > 1 else ""
    match = re.fullmatch(rf"(.+)/tlog/{re.escape(place.service)}{re.escape(epoch)}", origin)
    return match[1] if match else ""


def _read_keys(source: Source, place: LogPlace, findings: Findings) -> list[Vkey]:
    path = f"{place.folder}/key"
    raw = source.read(path)
    if raw is None:
        findings.add(Finding(place.label, None, HAS_KEY, "it is missing", file=path))
        return []
    try:
        *lines, end = raw.decode().split("\n")
        keys = [Vkey.parse(line) for line in lines]
        if end:
            raise BadNote("the last line does not end in a newline")
    except (BadNote, UnicodeDecodeError) as error:
        findings.add(Finding(place.label, None, HAS_KEY, str(error), file=path))
        return []
    if not keys:
        findings.add(Finding(place.label, None, HAS_KEY, "it is empty", file=path))
    return keys


def _check_origin(place: LogPlace, checkpoint: Checkpoint, path: str, findings: Findings) -> None:
    if not host_of(place, checkpoint.origin):
        epoch = f"/{place.epoch}" if place.epoch > 1 else ""
        expected = f"<host>/tlog/{place.service}{epoch}"
        findings.add(Finding(place.label, None, ORIGIN, checkpoint.origin, expected, path))


def _check_known(
    place: LogPlace, trust: Trust, shown: list[Vkey], keys: list[Vkey], findings: Findings
) -> None:
    """With an auditor's policy that names logs: that this log shows a key of it."""
    if trust.names_logs and shown and not set(shown) & set(keys):
        expected = ", ".join(map(str, keys)) or "a log line for it in the policy"
        found = Finding(
            *(place.label, None, KNOWN_KEY, ", ".join(map(str, shown))),
            *(expected, f"{place.folder}/key"),
        )
        findings.add(found)


def _signers(
    place: LogPlace,
    checkpoint: Checkpoint,
    note: Note,
    keys: list[Vkey],
    path: str,
    findings: Findings,
) -> list[Vkey]:
    try:
        return require_log_signature(checkpoint, note, keys)
    except BadNote as error:
        findings.add(Finding(place.label, None, SIGNED, str(error), file=path))
        return []


def _check_quorum(
    place: LogPlace, trust: Trust, note: Note, path: str, findings: Findings
) -> dict[str, int]:
    """The witnesses by the policy in force."""
    policy = trust.policy
    if policy is None:
        return {}
    try:
        witnesses = policy.witnessed_by(note)
        policy.open(note)
    except NotWitnessed:
        named = ", ".join(sorted(witnesses)) or "none"
        found = Finding(place.label, None, MET, f"cosigned by {named}", policy.quorum, path)
        findings.add(found)
    except BadNote as error:
        findings.add(Finding(place.label, None, MET, str(error), file=path))
        return {}
    return witnesses
