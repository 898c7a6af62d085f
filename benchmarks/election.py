"""An open election in a budget's own store, and sealed ballots for it, made before any clock runs.

The election has the shape of Toulouse 2022: 199 projects, one to three approvals a ballot.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

from cahier_budget.adapters.trustee_keys import TrusteeKeyFiles
from cahier_budget.application.elections import Elections
from cahier_budget.application.publishing import publish
from cahier_budget.domain.ballots import Envelope
from cahier_budget.domain.election import Election, NewElection
from cahier_budget.domain.project import AcceptedProposal
from cahier_chassis.keys import write_key_pair
from cahier_chassis.tokens import TokenIssuer
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_kernel import base64url
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.sealing import Sealer, ballot_binding
from cahier_ledger.stores import Stores
from cahier_record.budget.ballots import (
    ELECTORATE,
    SCHEME_CONFIDENTIAL,
    BallotPaper,
    encode_paper,
)
from cahier_record.budget.events import Rules

CITY = "benchville"
PROJECTS = 199
ENVELOPE_CENTS = 8_000_000_00
TOKEN_TTL_S = 6 * 3_600


@dataclass(frozen=True)
class OpenElection:
    """One election in which one may vote. folder: holds `budget/` and `keys/`."""

    folder: Path
    id: str
    public_key: str
    size_bytes: int
    projects: int = PROJECTS

    @property
    def data_dir(self) -> Path:
        return self.folder / "budget"

    @property
    def token_keys(self) -> Path:
        return self.folder / "keys"

    def copy(self, folder: Path) -> OpenElection:
        """The same election, with the same keys, in a folder of its own."""
        shutil.copytree(self.folder, folder)
        return OpenElection(folder, self.id, self.public_key, self.size_bytes)

    def envelope(self, credential: str, sealed: bytes) -> Envelope:
        """A first ballot as budget takes it."""
        return Envelope(self.id, ELECTORATE, SCHEME_CONFIDENTIAL, credential, 1, sealed)


@dataclass(frozen=True)
class Ballot:
    """A sealed ballot as it travels, with its voter's own token."""

    message: pb.BallotEnvelope
    token: str


def make_election(folder: Path, dsn: str | None = None) -> OpenElection:
    """Opens an election through the service's own commands, in a new folder.

    dsn: of the PostgreSQL that keeps it; without, it is kept in the folder.
    """
    data_dir = folder / "budget"
    data_dir.mkdir(parents=True)
    write_key_pair(folder / "keys", "tokens")
    ledger = Stores("budget", data_dir, dsn).open_ledger()
    try:
        keys = TrusteeKeyFiles(data_dir / "keys")
        elections = Elections(Aggregates(ledger, "budget", publish, lambda: str(uuid4())))
        id = _open(elections, keys)
        with elections.reading(id) as election:
            return OpenElection(
                folder, str(id), election.trustee_public_key, election.ballot_size_bytes
            )
    finally:
        ledger.close_blocking()


def _open(elections: Elections, keys: TrusteeKeyFiles) -> UUID:
    now = datetime.now(UTC)
    random = Random(2022)
    new = NewElection(
        title="Benchville decides",
        description="",
        process_id="",
        envelope_cents=ENVELOPE_CENTS,
        currency="EUR",
        districts=("North", "South"),
        opens_at=now - timedelta(days=1),
        closes_at=now + timedelta(days=7),
        rules=Rules(vote_type="approval", rule="greedy", min_length=1, max_length=3),
        ballot_extra_bytes=0,
        source="",
    )
    election = Election.create(new, id=uuid4(), now=now)
    for _ in range(PROJECTS):
        proposal = AcceptedProposal(str(uuid4()), "", "parks", "North")
        project = election.add_project(
            proposal, project_id=uuid4(), reference="", source="", now=now
        )
        election.cost_project(project.id, random.randint(1_200_00, 200_000_00), now=now)
        election.judge(project.id, "feasible", "", now=now)
    election.open_voting(keys.make(str(election.id)), now=now)
    elections.add(election, None)
    return UUID(str(election.id))


def credential_of(name: str) -> str:
    """Somebody's pseudonym: 43 characters that look random, the same for the same name."""
    return base64url.encode(hashlib.sha256(name.encode()).digest())


def random_choices(random: Random, projects: int = PROJECTS) -> tuple[int, ...]:
    """One to three projects, as in Toulouse; the first ones are the most popular."""
    count = random.choice((1, 2, 3, 3, 3))
    return tuple({min(projects, 1 + int(random.paretovariate(0.4))) for _ in range(count)})


class BallotPress:
    """Seals ballots of ever new voters, with their tokens, before they are needed."""

    def __init__(self, election: OpenElection, issuer: TokenIssuer, name: str = "voter") -> None:
        self._election = election
        self._issuer = issuer
        self._sealer = Sealer(election.public_key)
        self._random = Random(name)
        self._name = name
        self._printed = 0

    def print(self, count: int, *, tokens: bool = True) -> list[Ballot]:
        """`count` ballots; without tokens for those that an importer hands in."""
        return list(self._ballots(count, tokens=tokens))

    def _ballots(self, count: int, *, tokens: bool) -> Iterator[Ballot]:
        election = self._election
        for _ in range(count):
            self._printed += 1
            credential = credential_of(f"{self._name} {self._printed}")
            sealed = self._sealer.seal(
                encode_paper(BallotPaper(random_choices(self._random, election.projects))),
                binding=ballot_binding(election.id, ELECTORATE, SCHEME_CONFIDENTIAL, credential, 1),
                padded_size=election.size_bytes,
            )
            message = pb.BallotEnvelope(
                election_id=election.id,
                electorate=ELECTORATE,
                scheme=SCHEME_CONFIDENTIAL,
                credential=credential,
                sequence=1,
                sealed=sealed,
            )
            yield Ballot(message, self._vote_token(credential) if tokens else "")

    def _vote_token(self, credential: str) -> str:
        return self._issuer.issue(
            credential,
            audience=["budget"],
            ttl_s=TOKEN_TTL_S,
            thing=f"election:{self._election.id}",
            verified=True,
        )


def issuer_of(election: OpenElection) -> TokenIssuer:
    """Signs with the key that the election's services believe."""
    return TokenIssuer((election.token_keys / "tokens.pem").read_bytes(), CITY)


def importer_token(issuer: TokenIssuer, name: str = "importer") -> str:
    """A token of a caller that hands in other people's ballots."""
    return issuer.issue(name, roles=["importer"], audience=["budget"], ttl_s=TOKEN_TTL_S)
