"""Policies: which logs and witnesses must have signed before one believes (C2SP tlog-policy).

A policy is a text file. Whoever checks a receipt or a bundle holds it against a checkpoint; a log
asks the witnesses that have an address in it for their cosignatures.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint, require_log_signature
from cahier_ledger.log.cosignature import cosigned_at
from cahier_ledger.log.note import COSIGNATURE_V1, ED25519, BadNote, Note, Vkey

NONE = "none"
LINES_MAX = 1_000
_COUNT = re.compile(r"[0-9]|[1-9][0-9]{1,4}")
_BROKEN_BYTE = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


class BadPolicy(ValueError):
    """A policy file breaks a rule; the text names line and rule."""


class NotWitnessed(BadNote):
    """The log signed the checkpoint, but the quorum of witnesses has not cosigned it (yet)."""


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log that is believed, and where it may be read, or ""."""

    vkey: Vkey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness by its name in this policy. url: http(s)://prefix, nats://subject, or ""."""

    name: str
    vkey: Vkey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """Members, of which `threshold` must have witnessed."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """What must have signed a checkpoint. quorum: a witness, a group, or `none`.

    Without logs, only the witnesses' quorum is checked; the caller then knows the log's keys.
    """

    logs: tuple[PolicyLog, ...] = ()
    witnesses: tuple[PolicyWitness, ...] = ()
    groups: tuple[PolicyGroup, ...] = ()
    quorum: str = NONE

    @classmethod
    def parse(cls, text: str | bytes) -> Policy:
        """Reads a policy file; raises BadPolicy, naming the line."""
        reading = _Reading()
        lines = _lines(text)
        for number, line in enumerate(lines, 1):
            try:
                reading.line(line)
            except (BadPolicy, BadNote) as error:
                raise BadPolicy(f"line {number}: {error}") from None
        return reading.policy()

    def __str__(self) -> str:
        """The one canonical text: no comments, one space, logs, witnesses, groups, quorum."""
        rows: list[tuple[str, ...]] = []
        rows += [("log", str(each.vkey), each.url) for each in self.logs]
        rows += [("witness", each.name, str(each.vkey), each.url) for each in self.witnesses]
        rows += [("group", each.name, str(each.threshold), *each.members) for each in self.groups]
        rows.append(("quorum", self.quorum))
        return "".join(" ".join(filter(None, row)) + "\n" for row in rows)

    def __bytes__(self) -> bytes:
        """The canonical text as it is served; names may hold bytes that are no UTF-8."""
        return str(self).encode(errors="surrogateescape")

    def digest(self) -> str:
        """SHA-256 of the canonical text, in hex: what `sha256sum policy` prints as served."""
        return hashlib.sha256(bytes(self)).hexdigest()

    @property
    def log_vkeys(self) -> tuple[Vkey, ...]:
        """The keys of all logs."""
        return tuple(each.vkey for each in self.logs)

    def open(self, text: str | bytes | Note) -> Checkpoint:
        """The checkpoint, if the policy is met.

        Raises NotWitnessed where only cosignatures lack, BadNote for everything else.
        """
        checkpoint, note = parse_checkpoint(text.text() if isinstance(text, Note) else text)
        if self.logs:
            require_log_signature(checkpoint, note, self.log_vkeys)
        if not self._met(set(self.witnessed_by(note))):
            raise NotWitnessed(f"the quorum {self.quorum} has not cosigned {checkpoint.origin}")
        return checkpoint

    def satisfied_by(self, text: str | bytes | Note) -> bool:
        """Whether `open` would answer."""
        try:
            self.open(text)
        except BadNote:
            return False
        return True

    def witnessed_by(self, note: Note) -> dict[str, int]:
        """The names of the witnesses that cosigned, with their times in seconds since 1970.

        Raises BadNote where a cosignature in a witness' name does not verify.
        """
        times = {each.name: cosigned_at(note, each.vkey) for each in self.witnesses}
        return {name: time_s for name, time_s in times.items() if time_s is not None}

    def _met(self, witnessed: set[str]) -> bool:
        for group in self.groups:  # in order: a group names only what stands above it
            if sum(member in witnessed for member in group.members) >= group.threshold:
                witnessed.add(group.name)
        return self.quorum == NONE or self.quorum in witnessed


def parse_logs(text: str | bytes) -> tuple[PolicyLog, ...]:
    """The logs of a file with nothing but a policy's `log` lines; raises BadPolicy, naming one."""
    reading = _Reading()
    for number, words in enumerate(_lines(text), 1):
        try:
            if words and words[0] != "log":
                raise BadPolicy("a line is `log <vkey> [<url>]`")
            reading.line(words)
        except (BadPolicy, BadNote) as error:
            raise BadPolicy(f"line {number}: {error}") from None
    return tuple(reading.logs)


@dataclass
class _Reading:
    """What has been read of a policy file so far."""

    logs: list[PolicyLog] = field(default_factory=list)
    witnesses: list[PolicyWitness] = field(default_factory=list)
    groups: list[PolicyGroup] = field(default_factory=list)
    quorum: str = ""
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)

    def line(self, words: list[str]) -> None:
        readers = {"log": self.log, "witness": self.witness, "group": self.group}
        match words:
            case []:
                return
            case ["quorum", name]:
                self.read_quorum(name)
            case [kind, *rest] if kind in readers:
                readers[kind](rest)
            case _:
                raise BadPolicy("a line is a log, a witness, a group, or the quorum")

    def log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise BadPolicy("a log line is `log <vkey> [<url>]`")
        vkey = Vkey.parse(words[0])
        _check_key(vkey, ED25519, (each.vkey for each in self.logs))
        self.logs.append(PolicyLog(vkey, *words[1:]))

    def witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise BadPolicy("a witness line is `witness <name> <vkey> [<url>]`")
        self.define(words[0])
        vkey = Vkey.parse(words[1])
        _check_key(vkey, COSIGNATURE_V1, (each.vkey for each in self.witnesses))
        self.witnesses.append(PolicyWitness(words[0], vkey, *words[2:]))

    def group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise BadPolicy("a group line is `group <name> <all|any|k> <name>...`")
        name, count, *members = words
        for member in members:
            if member not in self.names:
                raise BadPolicy(f"{member} is not defined above")
            if member in self.members:
                raise BadPolicy(f"{member} is a member already")
            self.members.add(member)
        self.define(name)
        self.groups.append(PolicyGroup(name, _threshold(count, len(members)), tuple(members)))

    def read_quorum(self, name: str) -> None:
        if self.quorum:
            raise BadPolicy("there is one quorum line")
        if name != NONE and name not in self.names:
            raise BadPolicy(f"{name} is not defined above")
        self.quorum = name

    def define(self, name: str) -> None:
        if name == NONE or name in self.names:
            raise BadPolicy(f"the name {name} is taken")
        self.names.add(name)

    def policy(self) -> Policy:
        if not self.quorum:
            raise BadPolicy("there is no quorum line")
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)


def _lines(text: str | bytes) -> list[list[str]]:
    raw = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    if _BROKEN_BYTE.search(raw):
        raise BadPolicy("a policy holds no control characters but tabs and newlines")
    if not raw.endswith(b"\n"):
        raise BadPolicy("the last line does not end in a newline")
    lines = raw.decode(errors="surrogateescape").split("\n")[:-1]
    if len(lines) > LINES_MAX:
        raise BadPolicy(f"a policy has at most {LINES_MAX} lines")
    return [_words(line) for line in lines]


def _words(line: str) -> list[str]:
    words = [word for word in re.split(r"[ \t]+", line) if word]
    return [] if words and words[0].startswith("#") else words


def _check_key(vkey: Vkey, algorithm: int, others: Iterable[Vkey]) -> None:
    if vkey.algorithm != algorithm:
        raise BadPolicy(f"the key {vkey.name} is of type {vkey.algorithm:#04x} here")
    if any(vkey.public == other.public for other in others):
        raise BadPolicy(f"the key of {vkey.name} stands there twice")


def _threshold(count: str, members: int) -> int:
    known = {"all": members, "any": 1}
    if count in known:
        return known[count]
    if not _COUNT.fullmatch(count):
        raise BadPolicy("a group's count is all, any or a number")
    if not 1 <= int(count) <= members:
        raise BadPolicy(f"{count} of {members} members can never be")
    return int(count)
