"""Checks receipts for those whose browser does not: the same steps as static/tlog.js, in Python.

Nothing that a receipt says is believed. Its checkpoint must be signed by a key that the city
publishes, and its hashes must lead from the entry, as the log serves it, to the signed root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from cahier_kernel.errors import Unavailable
from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint
from cahier_ledger.log.entries import (
    ENTRIES_FOLDER,
    ENTRIES_PER_BUNDLE,
    BrokenBundle,
    bundle_path,
    decode_bundle,
)
from cahier_ledger.log.merkle import BadProof, check_inclusion, leaf_hash
from cahier_ledger.log.note import ED25519, BadNote, Note, Vkey, verified_by
from cahier_ledger.log.policy import BadPolicy, Policy
from cahier_ledger.log.proof import Receipt
from cahier_portal.publiclog import Entry, PublicLogs, Recorded

GOOD, UNWITNESSED, ALTERED = "good", "unwitnessed", "altered"
FOREIGN, UNREADABLE = "foreign", "unreadable"
SHOWN_BEFORE_S = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
"""Later times, in seconds since 1970, are in no calendar, or leave it in some city's zone."""


@dataclass(frozen=True)
class LogKeys:
    """The keys of one epoch of one log. base: how many entries stand in earlier ones."""

    service: str
    epoch: int
    base: int
    origin: str
    vkeys: tuple[Vkey, ...]
    policy: Policy

    @property
    def path(self) -> str:
        """The log's address without the host."""
        return f"/tlog/{self.service}/{self.epoch}"

    @property
    def quorum_json(self) -> str:
        """What the policy asks for, for the check in the browser."""
        groups = [[each.name, each.threshold, each.members] for each in self.policy.groups]
        return msgspec.json.encode({"quorum": self.policy.quorum, "groups": groups}).decode()


@dataclass(frozen=True)
class Cosigned:
    """A witness that vouched for a checkpoint, and when.

    at: None where the time that it wrote is none that can be shown: it may write any number.
    """

    name: str
    at: datetime | None


@dataclass(frozen=True)
class Verdict:
    """What a receipt is worth.

    kind: good; unwitnessed (right, but the quorum of the log's policy lacks); altered (it does not
    hold); foreign (of no log of ours); unreadable.
    """

    kind: str
    checkpoint: Checkpoint | None = None
    index: int = -1
    entry: Entry | None = None
    witnesses: Sequence[Cosigned] = ()


async def read_keys(logs: PublicLogs) -> list[LogKeys]:
    """The keys of all logs and epochs; raises Unavailable while a service is away."""
    found: list[LogKeys] = []
    for service in logs.services:
        found += await keys_of(logs, service)
    return found


async def keys_of(logs: PublicLogs, service: str) -> list[LogKeys]:
    """The keys of one log, an entry for each of its epochs, oldest first; raises Unavailable."""
    found = []
    for each in await logs.epochs(service):
        keys = await logs.file(service, f"{each.epoch}/key") or b""
        policy = await logs.file(service, f"{each.epoch}/policy") or b""
        found.append(
            LogKeys(
                service, each.epoch, each.base, each.origin, read_vkeys(keys), read_policy(policy)
            )
        )
    return found


def read_vkeys(text: bytes) -> tuple[Vkey, ...]:
    """The keys in a file of vkeys, one a line; lines that are none are passed over."""
    found = []
    for line in text.decode("utf-8", "replace").splitlines():
        try:
            found.append(Vkey.parse(line.strip()))
        except BadNote:
            continue
    return tuple(found)


def read_policy(text: bytes) -> Policy:
    """The policy in a file; one that asks for nothing where it cannot be read."""
    try:
        return Policy.parse(text)
    except (BadPolicy, BadNote):
        return Policy()


def witnesses_of(policy: Policy, note: Note) -> list[Cosigned]:
    """Who cosigned; raises BadNote where a cosignature does not verify."""
    times = sorted(policy.witnessed_by(note).items())
    return [Cosigned(name, _shown_time(time_s)) for name, time_s in times]


def _shown_time(time_s: int) -> datetime | None:
    return datetime.fromtimestamp(time_s, UTC) if 0 <= time_s < SHOWN_BEFORE_S else None


def is_witnessed(policy: Policy, note: Note) -> bool:
    """Whether the policy's quorum has cosigned; the log's own signature is checked elsewhere."""
    return replace(policy, logs=()).satisfied_by(note)


async def check(raw: bytes, logs: PublicLogs, known: Sequence[LogKeys]) -> Verdict:
    """What a receipt is worth; raises Unavailable where the log does not answer."""
    try:
        receipt = Receipt.parse(raw)
        checkpoint, note = parse_checkpoint(receipt.checkpoint)
    except BadNote:
        return Verdict(UNREADABLE)
    log = next((each for each in known if each.origin == checkpoint.origin), None)
    if log is None:
        return Verdict(FOREIGN, checkpoint)
    try:
        own = [key for key in log.vkeys if key.name == log.origin and key.algorithm == ED25519]
        if not verified_by(note, own):
            return Verdict(FOREIGN, checkpoint)
        witnesses = witnesses_of(log.policy, note)
        leaf = await _leaf(logs, log, receipt.index, checkpoint.size)
        check_inclusion(
            leaf_hash(leaf), receipt.index, checkpoint.size, receipt.proof, checkpoint.root
        )
    except (BadNote, BadProof, BrokenBundle):
        return Verdict(ALTERED, checkpoint)
    recorded = Recorded(receipt.index, msgspec.Raw(leaf), epoch=log.epoch, service=log.service)
    kind = GOOD if is_witnessed(log.policy, note) else UNWITNESSED
    return Verdict(kind, checkpoint, receipt.index, Entry(recorded), witnesses)


async def _leaf(logs: PublicLogs, log: LogKeys, index: int, size: int) -> bytes:
    """The entry as the log serves it. It needs no trust: the signed root speaks for it."""
    if index >= size:
        raise BadProof("a log has no entry beyond its end")
    number, place = divmod(index, ENTRIES_PER_BUNDLE)
    width = min(ENTRIES_PER_BUNDLE, size - number * ENTRIES_PER_BUNDLE)
    for path in dict.fromkeys((bundle_path(number, width), bundle_path(number))):
        raw = await logs.file(log.service, f"{log.epoch}/{ENTRIES_FOLDER}/{path}")
        if raw is not None:
            leaves = decode_bundle(raw)
            if place < len(leaves):
                return leaves[place]
    raise Unavailable("log_away", "the log does not serve this entry")
