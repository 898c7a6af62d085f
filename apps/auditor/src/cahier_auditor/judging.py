"""Judges leaves one by one: what each must be whatever the others say."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET

from cahier_auditor.findings import Finding, Findings
from cahier_auditor.fingerprints import TAIL_BYTES, fingerprint, id_tail
from cahier_auditor.moulds import Mould, has_ballot_id
from cahier_auditor.places import LogPlace
from cahier_auditor.shapes import Shape, ballot_id, shapes, write_again
from cahier_auditor.source import Source, texts_path
from cahier_kernel.clock import from_rfc3339
from cahier_ledger.leaves import (
    INTEGER_MAX,
    SD_ALG,
    canonical_json,
    disclosure_digest,
    parse_disclosure,
)
from cahier_record.budget.events import BallotCast, VotingOpened
from cahier_record.erasure import ContentErased
from cahier_record.events import Leaf, decode_leaf

CANONICAL = "a leaf is RFC 8785 JSON of text, integers and truth values"
SCHEMA = "a leaf follows its schema"
OWN_LOG = "a leaf is in its own service's log"
NO_TIME = "a ballot carries no time"
BALLOT_ID = "a ballot's id derives from election, credential and sequence"
DISCLOSED = "a disclosed text has its digest in the leaf"
OPENS = "only the first leaf of a later epoch opens it"


@dataclass(frozen=True)
class Erasure:
    """The leaf at index `told` says that the texts of leaf `leaf_id` went.

    index: how many public events the service had told before that leaf, in all epochs.
    """

    told: int
    index: int
    leaf_id: str


@dataclass(frozen=True)
class Vote:
    """The leaf at `index` opens a vote under the policy of that digest, or under none ("")."""

    index: int
    policy: str


@dataclass
class Judged:
    """What a run of leaves came to.

    ids: the tail of each leaf's id, in order. with_texts: how many have digests; shown:
    fingerprints of those whose texts are here. erasures: what leaves say of others' texts. votes:
    that were opened.
    """

    findings: Findings = field(default_factory=Findings)
    ids: array[int] = field(default_factory=lambda: array("q"))
    with_texts: int = 0
    shown: array[int] = field(default_factory=lambda: array("q"))
    erasures: list[Erasure] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)


class Judge:
    """Judges the leaves of one log."""

    def __init__(self, source: Source, place: LogPlace) -> None:
        self._source = source
        self._service = place.service
        self._label = place.label
        self._kept = place.kept
        self._epoch = place.epoch
        self._shapes = shapes(place.service)
        self._shape: Shape | None = None
        self._mould: Mould | None = None
        self.judged = Judged()

    def judge(self, first: int, leaves: Sequence[bytes]) -> None:
        """Takes leaves that follow one another, the first at index `first`."""
        ids = self._mould.ids_of(leaves) if self._mould is not None else None
        if ids is not None:
            self.judged.ids.frombytes(b"".join([one[-TAIL_BYTES:] for one in ids]))
            return  # As id_tail does, without a call: these ids have 36 bytes.
        for index, raw in enumerate(leaves, first):
            leaf = self._plainly_right(index, raw)
            if leaf is None:
                self._judge_fully(index, raw)
            else:
                self._note_id(leaf.id)

    def skip(self, first: int, count: int) -> None:
        """Leaves that cannot be read: each something that hardly any id's fingerprint is."""
        self.judged.ids.extend(-2 - index for index in range(first, first + count))

    def _plainly_right(self, index: int, raw: bytes) -> Any:
        """The leaf, judged the cheap way; None where only the long one can tell."""
        shape = self._shape
        if shape is None or not raw.endswith(shape.tail):
            shape = self._shape = self._shape_of(raw)
            if shape is None:
                return None
        try:
            leaf = shape.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if shape.is_ballot:
            if leaf.at is not UNSET or not has_ballot_id(leaf.data, leaf.id):
                return None
            if leaf.data.sequence > INTEGER_MAX or leaf.data.sequence < -INTEGER_MAX:
                return None
        elif leaf.at is UNSET or not _is_instant(leaf.at):
            return None
        if write_again(leaf) != raw:
            return None
        if leaf.sd is not UNSET:
            if leaf.sd_alg != SD_ALG:
                return None
            self._judge_texts(index, leaf.id, leaf.sd)
        elif shape.is_ballot:
            self._mould = Mould.of(raw, leaf.data)
        return leaf

    def _shape_of(self, raw: bytes) -> Shape | None:
        """A tail begins with the quote that ends the id, which is the last `","svc":` there is."""
        at = raw.rfind(b'","svc":"')
        return self._shapes.get(raw[at:]) if at >= 0 else None

    def _judge_fully(self, index: int, raw: bytes) -> None:
        try:
            body = msgspec.json.decode(raw)
            canonical = canonical_json(body) == raw
            why = "it is written otherwise"
        except (ValueError, TypeError, RecursionError) as error:
            body, canonical, why = None, False, str(error)
        if not canonical:
            self._find(index, CANONICAL, why)
        try:
            leaf = decode_leaf(raw)
        except (ValueError, RecursionError) as error:
            self._find(index, SCHEMA, str(error))
            self.skip(index, 1)
            return
        self._judge_leaf(index, leaf, body if isinstance(body, dict) else {})
        self._note_id(leaf.id)

    def _judge_leaf(self, index: int, leaf: Leaf, body: dict[str, Any]) -> None:
        own = f"{self._service}.v1."
        if leaf.service != self._service or not leaf.type.startswith(own):
            self._find(index, OWN_LOG, f"{leaf.service}, {leaf.type}", f"{self._service}, {own}...")
        if isinstance(leaf.event, BallotCast):
            if leaf.at is not None:
                self._find(index, NO_TIME, f"it says {leaf.at}")
            expected = ballot_id(leaf.event)
            if leaf.id != expected:
                self._find(index, BALLOT_ID, leaf.id, expected)
        elif leaf.at is not None and not _is_instant(leaf.at):
            self._find(index, SCHEMA, f"{leaf.at!r} is no RFC 3339 time")
        if leaf.digests:
            if body.get("_sd_alg") != SD_ALG:
                self._find(index, SCHEMA, f"digests by {body.get('_sd_alg')!r}", SD_ALG)
            self._judge_texts(index, leaf.id, leaf.digests)
        if isinstance(leaf.event, ContentErased):
            erasure = Erasure(index, leaf.event.index, leaf.event.leaf)
            self.judged.erasures.append(erasure)
        elif isinstance(leaf.event, VotingOpened):
            self.judged.votes.append(Vote(index, leaf.event.policy))
        if leaf.type == f"{own}log.epoch_opened" and not self._may_open(index):
            self._find(index, OPENS, "it stands elsewhere")

    def _may_open(self, index: int) -> bool:
        return index == 0 and self._epoch > 1

    def _judge_texts(self, index: int, leaf_id: str, digests: Sequence[str]) -> None:
        """None at all is right: texts may have been erased, or lost with the leaf."""
        self.judged.with_texts += 1
        if self._kept is not None and index >= self._kept:
            return
        path = texts_path(self._service, leaf_id)
        raw = self._source.read(path) if path else None
        if raw is None:
            return
        self.judged.shown.append(fingerprint(leaf_id))
        try:
            for listed in json.loads(raw):
                digest = disclosure_digest(parse_disclosure(listed))
                if digest not in digests:
                    self._find(index, DISCLOSED, f"{listed[1]!r} with digest {digest}")
        except (ValueError, TypeError, RecursionError) as error:
            self._find(index, DISCLOSED, f"the disclosure cannot be read: {error}")

    def _note_id(self, leaf_id: str) -> None:
        self.judged.ids.append(id_tail(leaf_id))

    def _find(self, index: int, rule: str, found: str, expected: str = "", file: str = "") -> None:
        self.judged.findings.add(Finding(self._label, index, rule, found, expected, file))


def _is_instant(text: str) -> bool:
    try:
        from_rfc3339(text)
    except ValueError:
        return False
    return True
