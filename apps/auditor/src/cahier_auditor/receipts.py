"""`verify --receipt`: that one event stands in a log, by the keys that the auditor believes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cahier_auditor.findings import CannotAudit, Finding, Findings
from cahier_auditor.heads import Head, Trust, read_head, read_policy
from cahier_auditor.leaves import sized
from cahier_auditor.openings import read_opening
from cahier_auditor.places import LeafReader, LogPlace
from cahier_auditor.source import Source
from cahier_auditor.verify import places_of
from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint
from cahier_ledger.log.merkle import BadProof, root_at
from cahier_ledger.log.note import BadNote, to_base64
from cahier_ledger.log.policy import Policy
from cahier_ledger.log.proof import Receipt, check_receipt
from cahier_ledger.log.tiles import BrokenTile, TileNodes

HOLDS = "the receipt proves that the leaf stands in a log that it names"
SAME_LOG = "the receipt's checkpoint and the log's are of one history"


@dataclass
class Checked:
    """What a receipt came to. leaf: the bytes that it is about."""

    receipt: Receipt
    checkpoint: Checkpoint
    leaf: bytes | None = None
    findings: Findings = field(default_factory=Findings)


def check(text: bytes, leaf: bytes | None, source: Source | None, own: Policy | None) -> Checked:
    """Checks a tlog-proof against a source, a policy of the auditor's own, or both.

    leaf: its bytes; without them the source's at the receipt's index. Raises CannotAudit where
    nobody's keys are at hand, or no leaf.
    """
    if source is None and (own is None or not own.logs):
        raise CannotAudit("a receipt needs a SOURCE, or a --policy that names its log")
    try:
        receipt = Receipt.parse(text)
        checkpoint, _ = parse_checkpoint(receipt.checkpoint)
    except BadNote as error:
        return _broken(text, str(error))
    checked = Checked(receipt, checkpoint, leaf)
    found = None if source is None else _head(source, checkpoint, own, checked.findings)
    head, trust = found or (None, Trust(own))
    if source is not None and head is not None and leaf is None:
        checked.leaf = LeafReader(source, head.place).leaf(receipt.index)
    if checked.leaf is None:
        if source is None:
            raise CannotAudit("a receipt holds no leaf: hand it in with --leaf")
        checked.findings.add(Finding("receipt", receipt.index, HOLDS, "the log has no such leaf"))
        return checked
    _check_proof(checked, head, trust)
    if source is not None and head is not None:
        _check_history(checked, source, head)
    return checked


def _broken(text: bytes, why: str) -> Checked:
    checked = Checked(Receipt(0, (), ""), Checkpoint("", 0, b""))
    checked.findings.add(Finding("receipt", None, HOLDS, why))
    return checked


def _head(
    source: Source, checkpoint: Checkpoint, own: Policy | None, findings: Findings
) -> tuple[Head, Trust] | None:
    """The log of the source that the receipt is about, and who vouches for it."""
    for service in source.services():
        raw = source.policy(service)
        trust = Trust(own, None if raw is None else read_policy(raw, "policy"))
        places = places_of(source, service)
        for place in places:
            if _origin(source, place) != checkpoint.origin:
                continue
            ended = place is not places[-1]
            head = read_head(source, place, trust, findings, ended=ended)
            return None if head is None else (head, Trust(own) if ended else trust)
    findings.add(Finding("receipt", None, HOLDS, f"{source.place} has no log {checkpoint.origin}"))
    return None


def _origin(source: Source, place: LogPlace) -> str:
    try:
        return parse_checkpoint(source.read(f"{place.folder}/checkpoint") or b"")[0].origin
    except BadNote:
        return ""


def _check_proof(checked: Checked, head: Head | None, trust: Trust) -> None:
    """By the auditor's own policy, else by the log's keys; and the quorum of whichever is there."""
    keys = trust.keys(checked.checkpoint.origin, head.keys if head is not None else ())
    index = checked.receipt.index
    try:
        check_receipt(checked.receipt, checked.leaf or b"", keys)
        if trust.policy is not None:
            trust.policy.open(checked.receipt.checkpoint)
    except (BadNote, BadProof) as error:
        checked.findings.add(Finding("receipt", index, HOLDS, str(error)))


def _check_history(checked: Checked, source: Source, head: Head) -> None:
    """That the receipt's root is the one that the source's tree had at that size."""
    place, size = head.place, checked.checkpoint.size

    def read(level: int, number: int, width: int) -> bytes:
        return source.read(place.tile_path(level, number, width)) or b""

    nodes = TileNodes(read, place.size)
    try:
        _require_root(nodes, place.size, head.checkpoint.root)
        if size > place.size:
            # It is younger than this copy of the log, unless the log has ended.
            checked.findings.extend(_beyond_the_end(checked.checkpoint, source, place))
            return
        root = root_at(size, nodes)
    except (BrokenTile, BadProof) as error:
        checked.findings.add(Finding(place.label, None, SAME_LOG, str(error)))
        return
    if root != checked.checkpoint.root:
        found, expected = to_base64(checked.checkpoint.root), to_base64(root)
        checked.findings.add(Finding("receipt", None, SAME_LOG, found, expected))


def _beyond_the_end(checkpoint: Checkpoint, source: Source, place: LogPlace) -> Iterator[Finding]:
    """Holds a checkpoint that an ended log does not reach against what the next epoch says."""
    following = [one for one in places_of(source, place.service) if one.epoch == place.epoch + 1]
    for each in following:
        log = sized(source, each)
        opening = read_opening(log, LeafReader(source, log).leaf(0))
        if isinstance(opening, Finding):
            yield opening
        elif checkpoint.size > opening.previous_size:
            told = f"the {opening.previous_size} leaves that {each.label} says it ended with"
            yield Finding("receipt", None, SAME_LOG, f"size {checkpoint.size}", told)
        elif checkpoint.size == opening.previous_size:
            root = to_base64(checkpoint.root)
            if root != opening.previous_root:
                yield Finding("receipt", None, SAME_LOG, root, opening.previous_root)


def _require_root(nodes: TileNodes, size: int, root: bytes) -> None:
    found = root_at(size, nodes)
    if found != root:
        raise BadProof(f"the tiles lead to {to_base64(found)}, signed is {to_base64(root)}")
