"""Counts an election from the public log alone, as any auditor does, with the same code."""

from __future__ import annotations

from uuid import UUID

import msgspec

from cahier_kernel import base64url
from cahier_kernel.errors import NotFound
from cahier_ledger.sealing import Opener, ballot_binding
from cahier_ledger.store import LedgerReader
from cahier_record.budget.count import (
    Countable,
    OpenBallot,
    count_election,
    count_profile,
    open_ballots,
)
from cahier_record.budget.events import BallotCast, CountResult, Rules
from cahier_record.budget.tally import Result
from cahier_record.budget.views import BudgetView, ElectionView
from cahier_record.events import decode_leaf

READ_LEAVES = 2_000


def count_from_log(ledger: LedgerReader, election_id: UUID, private_key: str) -> CountResult:
    """The result of a closed election; blocking, about 0.1 ms a ballot.

    Raises NotFound, and FailedPrecondition while voting is not closed.
    """
    return count_election(fold_election(ledger, str(election_id)), ballot_opener(private_key))


class HeldCount(msgspec.Struct, frozen=True):
    """A count with what explains it and what opens a single ballot of it.

    encoded: the Countable, for a helper process. numbers: of projects, by their id in the result.
    costs: as check_paper takes them. annulled: credentials whose ballots do not count.
    """

    encoded: bytes
    result: Result
    numbers: dict[str, int]
    rules: Rules
    costs: dict[int, int | None]
    private_key: str
    annulled: frozenset[str]


def held_count_from_log(ledger: LedgerReader, election_id: UUID) -> HeldCount:
    """A closed election's count; blocking, about 0.1 ms a ballot. Raises as count_from_log."""
    election = as_announced(fold_election(ledger, str(election_id)))
    opened = open_ballots(election, ballot_opener(election.private_key))
    counted = count_profile(election, opened)
    return HeldCount(
        encoded=msgspec.msgpack.encode(
            Countable(counted.profile, election.rules.rule, counted.terms, counted.numbers)
        ),
        result=counted.result,
        numbers=counted.numbers,
        rules=election.rules,
        costs=election.costs(),
        private_key=election.private_key,
        annulled=frozenset(election.annulled),
    )


def as_announced(election: ElectionView) -> ElectionView:
    """The election as the count that was announced last had it: later annulments do not count."""
    for version in reversed(election.versions):
        if version.announced:
            return election.as_counted(version)
    return election


def fold_election(ledger: LedgerReader, election_id: str) -> ElectionView:
    """One election as its leaves leave it. Raises NotFound `election_not_found`."""
    view, position = BudgetView(), 0
    while rows := ledger.read_public(position, READ_LEAVES):
        for row in rows:
            leaf = decode_leaf(row.leaf)
            if getattr(leaf.event, "election", "") == election_id:
                view.apply(row.public_seq - 1, leaf)
        position = rows[-1].public_seq
    if election_id not in view.elections:
        raise NotFound("election_not_found", "the log has no such election", field="election_id")
    return view.elections[election_id]


def ballot_opener(private_key: str) -> OpenBallot:
    """Opens public ballots with the published private key; raises ValueError (SealError)."""
    opener = Opener(private_key)

    def open_ballot(ballot: BallotCast) -> bytes:
        sealed = base64url.decode(ballot.sealed)
        binding = ballot_binding(
            ballot.election,
            ballot.electorate,
            ballot.scheme,
            ballot.credential,
            ballot.sequence,
        )
        return opener.open(sealed, binding)

    return open_ballot
