"""The policy that a vote was opened under: what the log says of it, held against what is shown.

Which witnesses must cosign is what keeps a city from showing two histories. Whoever could name
others afterwards, or show each visitor another policy, would have got around them; so the leaf that
opens a vote commits to the policy, and it must be here, whatever policy came later.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cahier_auditor.findings import Finding
from cahier_auditor.heads import Head, Trust
from cahier_auditor.judging import Vote
from cahier_auditor.places import LogPlace
from cahier_auditor.source import Source
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.note import BadNote
from cahier_ledger.log.policy import NONE, BadPolicy, Policy

RECORDED = "a vote is held to the policy that it was opened under"
COSIGNED = "a vote's opening was cosigned as the policy asks that it was opened under"
UNDER_DIGEST = "an earlier policy stands under its digest"
NOTHING_ASKED = "no policy: no witness asked for"
FOLDER = "policies"
CHECKPOINTS_ASKED_MAX = 100
"""Checkpoints behind an opening that are searched for the quorum: the first should have it."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass
class Votes:
    """What the openings of votes in one log came to. earlier: by policy, how many it opened."""

    findings: list[Finding] = field(default_factory=list)
    earlier: Counter[str] = field(default_factory=Counter)


def check_votes(
    source: Source, head: Head, votes: Iterable[Vote], trust: Trust, *, ended: bool
) -> Votes:
    """Holds what openings say against the policies that are here, or in the auditor's own hands.

    ended: a later epoch has taken this one's place; its checkpoints are not asked for a quorum.
    """
    checking = _Checking(source, head.place, trust)
    result = Votes()
    for vote in votes:
        if checking.is_earlier(vote):
            result.earlier[vote.policy] += 1
        if not vote.policy:
            continue
        policy = checking.policy(vote.policy)
        if policy is None:
            result.findings.append(checking.missing(vote))
        elif not ended and not checking.was_cosigned(vote, policy):
            result.findings.append(checking.not_cosigned(vote, policy))
    return result


def notes_of(place: LogPlace, votes: Votes) -> Iterator[str]:
    """A line for each policy that votes were opened under and that is not the present one."""
    for digest, count in votes.earlier.items():
        told = f"an earlier policy, SHA-256 {digest}" if digest else NOTHING_ASKED
        yield f"{place.label}: {count} of its votes opened under {told}"


def check_digests(source: Source) -> Iterator[Finding]:
    """Whether each earlier policy that is listed has the digest that names it."""
    for path in source.below(FOLDER):
        name = path.removeprefix(f"{FOLDER}/")
        raw = source.read(path) or b""
        digest = hashlib.sha256(raw).hexdigest()
        if digest != name:
            yield Finding("bundle", None, UNDER_DIGEST, digest, name, path)
        elif _parsed(raw) is None:
            yield Finding("bundle", None, UNDER_DIGEST, "it is no policy", file=path)


class _Checking:
    """The policies that are known of one log, and its checkpoints by size."""

    def __init__(self, source: Source, place: LogPlace, trust: Trust) -> None:
        self._source = source
        self._place = place
        self._shown = "" if trust.shown is None else trust.shown.digest()
        self._asks = trust.shown is not None and trust.shown.quorum != NONE
        here = (each for each in (trust.shown, trust.own) if each is not None)
        self._known: dict[str, Policy | None] = {each.digest(): each for each in here}
        self._paths: list[str] | None = None

    def is_earlier(self, vote: Vote) -> bool:
        """Whether the vote was opened under another policy than the one that is shown now."""
        if not vote.policy:
            return self._asks
        return vote.policy != self._shown and self.policy(vote.policy) is not None

    def policy(self, digest: str) -> Policy | None:
        """The policy of that digest, if it is here."""
        if digest not in self._known:
            self._known[digest] = self._read(digest)
        return self._known[digest]

    def missing(self, vote: Vote) -> Finding:
        """That the recorded policy is nowhere; names what is shown in its stead."""
        found = f"SHA-256 {self._shown}" if self._shown else "no policy"
        return Finding(self._place.label, vote.index, RECORDED, found, f"SHA-256 {vote.policy}")

    def not_cosigned(self, vote: Vote, policy: Policy) -> Finding:
        """That nobody has seen the opening whom the policy asks for."""
        found = "no checkpoint from there on has that quorum"
        return Finding(self._place.label, vote.index, COSIGNED, found, policy.quorum)

    def was_cosigned(self, vote: Vote, policy: Policy) -> bool:
        """Whether a checkpoint that reaches the opening has the policy's quorum."""
        if policy.quorum == NONE:
            return True
        # Who signs for the log itself is checked elsewhere, and its keys may have changed since.
        witnesses = Policy((), policy.witnesses, policy.groups, policy.quorum)
        return any(_meets(raw, vote.index, witnesses) for raw in self._behind(vote.index))

    def _behind(self, index: int) -> Iterator[bytes]:
        """The first checkpoints of more than `index` leaves, and the present one."""
        if self._paths is None:
            place = self._place
            self._paths = self._source.older_checkpoints(place.service, place.epoch)
        first = bisect_right(self._paths, index, key=_size)
        for path in self._paths[first : first + CHECKPOINTS_ASKED_MAX]:
            yield self._source.read(path) or b""
        yield self._source.read(f"{self._place.folder}/checkpoint") or b""

    def _read(self, digest: str) -> Policy | None:
        if _DIGEST.fullmatch(digest) is None:
            return None
        raw = self._source.earlier_policy(self._place.service, digest)
        if raw is None or hashlib.sha256(raw).hexdigest() != digest:
            return None
        return _parsed(raw)


def _meets(raw: bytes, index: int, witnesses: Policy) -> bool:
    try:
        checkpoint, note = parse_checkpoint(raw)
    except BadNote:
        return False
    return checkpoint.size > index and witnesses.satisfied_by(note)


def _parsed(raw: bytes) -> Policy | None:
    try:
        return Policy.parse(raw)
    except BadPolicy:
        return None


def _size(path: str) -> int:
    name = path.rpartition("/")[2]
    return int(name) if name.isascii() and name.isdigit() else -1
