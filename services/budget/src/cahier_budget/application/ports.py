"""What the application needs from outside, and what it may rely on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from cahier_budget.domain.project import AcceptedProposal
from cahier_record.budget.explanation import Explanation
from cahier_record.budget.what_if import Change, OtherOutcome


class TrusteeKeys(Protocol):
    """Keeps each election's trustee key pair. Blocking; thread-safe.

    Keys are X25519, 32 bytes, base64url without padding.
    """

    def make(self, election_id: str) -> str:
        """The public key; the pair is durable when this returns.

        Called again it returns the same key: an opening that failed half-way loses nothing.
        """

    def private_key(self, election_id: str) -> str:
        """The private key; raises Unavailable `trustee_key_missing`."""


class Photos(Protocol):
    """Keeps the bytes of pictures, apart from the events. Blocking; thread-safe."""

    def keep(self, election_id: str, photo_id: str, data: bytes) -> None:
        """The bytes are durable when this returns; kept again, nothing changes."""

    def read(self, election_id: str, photo_id: str, sha256: str) -> bytes | None:
        """The bytes; None where they are gone, or are not those with this digest."""

    def delete(self, election_id: str, photo_id: str) -> None:
        """They are gone when this returns, whether whole, half written, or not there before."""

    def kept(self, election_id: str) -> list[str]:
        """Ids of the election's pictures whose bytes are here, half written ones among them."""

    def elections(self) -> list[str]:
        """UUIDs of the elections of which pictures are kept."""


class Opening(Protocol):
    """Opens many sealed ballots of one election, perhaps on another core."""

    async def open_many(
        self, private_key: str, sealed: Sequence[bytes], bindings: Sequence[bytes]
    ) -> list[bytes | None]:
        """Plaintexts in order; None where a seal does not open. Keeps nothing."""


class Reckoning(Protocol):
    """Explains counts and counts again, off the event loop and each within a bound of time.

    key: names the count; counted: the encoded count, should it not be known there yet.
    """

    async def explain(self, key: str, counted: bytes) -> Explanation:
        """Raises FailedPrecondition `reckoning_too_long`; Unavailable `reckoning_busy`, _lost."""

    async def what_if(self, key: str, counted: bytes, change: Change) -> OtherOutcome:
        """Raises as `explain` and as the record's what_if do."""


class Explanations(Protocol):
    """Keeps what was explained across starts. Disposable; blocking; thread-safe; never raises.

    key: names the count, another one for each.
    """

    def find(self, key: str) -> Explanation | None:
        """None for what was not kept by this version's code, and for what cannot be read."""

    def keep(self, key: str, explanation: Explanation) -> None:
        """Kept, as far as there is room."""


class Proposals(Protocol):
    """Accepted proposals as far as consultation's public log has arrived. Blocking."""

    def accepted(self, proposal_id: str) -> AcceptedProposal | None:
        """The proposal if it is known as accepted and not withdrawn."""

    def list_accepted(self, process_id: str, limit: int) -> list[AcceptedProposal]:
        """Accepted proposals in the order of acceptance; of all processes when that is empty."""

    def consents(self, change_id: str) -> list[Consent]:
        """What authors said of a merger or split, in the order of consultation's log."""

    def without_author(self, proposal_ids: Sequence[str]) -> set[str]:
        """Those of them that were withdrawn, or whose author is forgotten."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a proposal's author said of a merger or split. event_id: of consultation's log."""

    proposal_id: str
    agrees: bool
    event_id: str


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A merger or split that is not decided."""

    election_id: UUID
    change_id: str


@dataclass(frozen=True, slots=True)
class Due:
    """An election whose date has come. opens: to open (else: to close)."""

    election_id: UUID
    opens: bool


class Directory(Protocol):
    """Which elections there are, from a projection of the service's own events. Blocking."""

    def newest(self, process_id: str, limit: int) -> list[UUID]:
        """Ids, newest first; of all processes when process_id is empty."""

    def elections_with(self, proposal_id: str) -> list[UUID]:
        """The elections in which the proposal is a project, at most 100."""

    def due_phases(self, now: datetime) -> list[UUID]:
        """Elections before voting of which a phase is due, at most 1,000."""

    def pending_changes(self) -> list[PendingChange]:
        """Mergers and splits that wait for their authors, at most 1,000."""

    def has_assessments(self) -> bool:
        """Whether anybody has assessed a project yet."""

    def assessed(self) -> list[UUID]:
        """Elections whose projects somebody has assessed, at most 10,000."""

    def election_of(self, project_id: str) -> UUID | None:
        """The election that a project belongs to; None for no project."""

    def due(self, now: datetime) -> list[Due]:
        """Elections to open or to close now, at most 1,000."""

    def ballots(self, election_ids: Sequence[UUID]) -> dict[UUID, int]:
        """How many credentials have voted, by election; those without are left out."""


class Freshness(Protocol):
    """Lets a query wait until the directory has seen every command answered before it."""

    async def catch_up(self) -> None:
        """Returns when the directory holds what is stored now, or after a bounded time."""
