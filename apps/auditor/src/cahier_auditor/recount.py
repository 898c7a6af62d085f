"""Recounts an election from its ballots alone and holds the announced result against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from cahier_auditor.findings import CannotAudit, Finding
from cahier_auditor.replay import Replay
from cahier_kernel import base64url
from cahier_kernel.errors import FailedPrecondition
from cahier_ledger.sealing import Opener, SealError, ballot_binding, public_key_of
from cahier_record.budget.count import (
    InvalidBallot,
    OpenBallot,
    count_opened,
    judge_ballots,
    open_ballots,
)
from cahier_record.budget.events import BallotCast, CountResult
from cahier_record.budget.views import ElectionView


@dataclass(frozen=True)
class Recount:
    """Our own count, whether the city announced one, and what does not hold.

    version: which of the city's counts it is held against, from 1; of `versions` of them.
    """

    election: str
    result: CountResult
    announced: bool
    findings: tuple[Finding, ...]
    version: int = 1
    versions: int = 1


def opener(private_key: str) -> OpenBallot:
    """Opens ballots with a published trustee key (base64url); raises SealError for a bad key."""
    key = Opener(private_key)

    def open_ballot(ballot: BallotCast) -> bytes:
        binding = ballot_binding(
            ballot.election, ballot.electorate, ballot.scheme, ballot.credential, ballot.sequence
        )
        return key.open(base64url.decode(ballot.sealed), binding)

    return open_ballot


def choose_elections(replayed: Replay, wanted: str) -> list[ElectionView]:
    """The election with this id, or all closed ones for `all`; raises CannotAudit for none."""
    elections = replayed.budget.elections
    if wanted == "all":
        chosen = [election for election in elections.values() if election.closed_log_size]
        if not chosen:
            raise CannotAudit("the log holds no election whose voting is closed")
        return chosen
    if wanted not in elections:
        known = ", ".join(elections) or "none"
        raise CannotAudit(f"the log holds no election {wanted} (it holds: {known})")
    if not elections[wanted].closed_log_size:
        raise CannotAudit(f"voting in election {wanted} is not closed: there is nothing to count")
    return [elections[wanted]]


def recount_versions(election: ElectionView) -> Iterator[Recount]:
    """Counts as the city did, once for each count that it told, with what was annulled by then.

    Before there is one, once. Raises as `recount`.
    """
    total = len(election.versions)
    for number, version in enumerate(election.versions, 1):
        yield replace(recount(election.as_counted(version)), version=number, versions=total)
    if not total:
        yield recount(election)


def recount(election: ElectionView) -> Recount:
    """Opens every ballot with the published key and counts; raises CannotAudit without a key."""
    if not election.private_key or election.opened is None:
        raise CannotAudit(f"the log holds no trustee key of election {election.created.election}")
    findings = list(_check_key(election))
    try:
        unseal = opener(election.private_key)
    except SealError as error:
        raise CannotAudit(f"the published trustee key is none: {error}") from None
    opened = open_ballots(election, unseal)
    replaced = judge_ballots(election, election.replaced, unseal)
    spoilt = [*opened.invalid, *(one for one in replaced if isinstance(one, InvalidBallot))]
    findings += [
        Finding("budget", one.index, "a ballot in the log opens and keeps the rules", one.rule)
        for one in sorted(spoilt, key=lambda one: one.index)
    ]
    try:
        ours = count_opened(election, opened)
    except FailedPrecondition as error:
        raise CannotAudit(f"the rules in the log count no ballots: {error.rule}") from None
    findings += _compare(election, ours)
    return Recount(election.created.election, ours, election.count is not None, tuple(findings))


def _check_key(election: ElectionView) -> Iterator[Finding]:
    try:
        public_key = public_key_of(election.private_key)
    except SealError:
        public_key = "no key"
    if election.opened is not None and public_key != election.opened.trustee_key:
        yield Finding(
            "budget",
            None,
            "the published private key belongs to the key that ballots were sealed to",
            f"its public key is {public_key}, not {election.opened.trustee_key}",
        )


def _compare(election: ElectionView, ours: CountResult) -> Iterator[Finding]:
    if election.count is None:
        return
    theirs = election.count.result
    differing = [
        name
        for name in ours.__struct_fields__
        if name != "code_version" and getattr(theirs, name) != getattr(ours, name)
    ]
    if differing and theirs.code_version != ours.code_version:
        raise CannotAudit(
            f"the city counted by {theirs.code_version}, this auditor by {ours.code_version}, "
            f"and they differ in {', '.join(differing)}: take the auditor of the city's version"
        )
    for name in differing:
        announced, counted = _short(getattr(theirs, name)), _short(getattr(ours, name))
        rule = f"the announced {name} is the counted one"
        found = f"announced {announced}, counted {counted}"
        yield Finding("budget", election.count_index, rule, found)


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else text[:200] + "..."
