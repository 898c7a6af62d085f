"""A resident: registered by themselves or imported, proved or not, with the roles they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate

from cahier_kernel.errors import AlreadyExists, FailedPrecondition, Invalid
from cahier_kernel.ids import derived_uuid

ROLES = frozenset({"staff", "admin", "importer"})
"""Roles that are given; `resident` is everybody who is signed in."""


class Resident(Aggregate):
    """Known to identity alone: other services meet the id, a pseudonym, or only a token.

    `event_id` of each event is the id of the public event made from it: the receipt's id.
    """

    TOPIC = "identity.resident"

    class Created(Aggregate.Created):
        """Somebody registered by themselves. (The library wants this name for it.)"""

        TOPIC = "identity.resident.registered"
        event_id: str
        email: str
        display_name: str
        password_hash: str

        def apply(self, aggregate: Any) -> None:
            aggregate.email = self.email
            aggregate.display_name = self.display_name
            aggregate.password_hash = self.password_hash

    class Imported(Aggregate.Created):
        TOPIC = "identity.resident.imported"
        event_id: str
        source: str
        reference: str

        def apply(self, aggregate: Any) -> None:
            aggregate.imported = True

    class ResidenceProved(Aggregate.Event):
        TOPIC = "identity.resident.residence_proved"
        event_id: str
        district: str

        def apply(self, aggregate: Any) -> None:
            aggregate.proved = True
            aggregate.district = self.district

    class RoleGranted(Aggregate.Event):
        TOPIC = "identity.resident.role_granted"
        event_id: str
        role: str
        by: str

        def apply(self, aggregate: Any) -> None:
            aggregate.roles = aggregate.roles | {self.role}

    class RoleRevoked(Aggregate.Event):
        TOPIC = "identity.resident.role_revoked"
        event_id: str
        role: str
        by: str

        def apply(self, aggregate: Any) -> None:
            aggregate.roles = aggregate.roles - {self.role}

    def __init__(self) -> None:
        self.email = ""
        self.display_name = ""
        self.password_hash = ""
        self.imported = False
        self.proved = False
        self.district = ""
        self.roles: frozenset[str] = frozenset()

    @classmethod
    def register(
        cls,
        *,
        id: UUID,
        event_id: str,
        email: str,
        display_name: str,
        password_hash: str,
        now: datetime,
    ) -> Resident:
        """Somebody registers; the fields have been checked and the address is normalised."""
        return cls._create(
            cls.Created,
            id=id,
            timestamp=now,
            event_id=event_id,
            email=email,
            display_name=display_name,
            password_hash=password_hash,
        )

    @classmethod
    def import_voter(cls, *, event_id: str, source: str, reference: str, now: datetime) -> Resident:
        """A voter of an imported election: can hold a credential, cannot sign in."""
        return cls._create(
            cls.Imported,
            id=imported_id(source, reference),
            timestamp=now,
            event_id=event_id,
            source=source,
            reference=reference,
        )

    @property
    def may_vote(self) -> bool:
        """Whether a credential may be issued: residence is proved, or the import vouches for it."""
        return self.proved or self.imported

    def prove_residence(self, *, event_id: str, district: str, now: datetime) -> None:
        """The census roll names this resident. Raises AlreadyExists `residence_already_proved`."""
        if self.proved:
            raise AlreadyExists("residence_already_proved", "residence is proved once")
        self.trigger_event(
            self.ResidenceProved, timestamp=now, event_id=event_id, district=district
        )

    def grant_role(self, role: str, *, event_id: str, by: str, now: datetime) -> None:
        """Raises Invalid `role_unknown`, FailedPrecondition `role_needs_sign_in` and AlreadyExists
        `role_already_held`.
        """
        checked_role(role)
        if self.imported:
            raise FailedPrecondition(
                "role_needs_sign_in", "an imported voter cannot sign in and holds no role"
            )
        if role in self.roles:
            raise AlreadyExists("role_already_held", "the resident holds this role", role=role)
        self.trigger_event(self.RoleGranted, timestamp=now, event_id=event_id, role=role, by=by)

    def revoke_role(self, role: str, *, event_id: str, by: str, now: datetime) -> None:
        """Raises Invalid `role_unknown` and FailedPrecondition `role_not_held`."""
        checked_role(role)
        if role not in self.roles:
            raise FailedPrecondition(
                "role_not_held", "the resident does not hold this role", role=role
            )
        self.trigger_event(self.RoleRevoked, timestamp=now, event_id=event_id, role=role, by=by)


class AddressHolder(Aggregate):
    """The one resident of an e-mail address: its id derives from the address, so it exists once."""

    TOPIC = "identity.address"

    class Created(Aggregate.Created):
        TOPIC = "identity.address.taken"
        resident_id: UUID

    def __init__(self, resident_id: UUID) -> None:
        self.resident_id = resident_id

    @classmethod
    def take(cls, *, id: UUID, resident_id: UUID, now: datetime) -> AddressHolder:
        return cls._create(cls.Created, id=id, timestamp=now, resident_id=resident_id)


class CensusRowHolder(Aggregate):
    """The one resident of a census row: its id derives from the row, so a row proves one person."""

    TOPIC = "identity.census_row"

    class Created(Aggregate.Created):
        TOPIC = "identity.census_row.taken"
        resident_id: UUID

    def __init__(self, resident_id: UUID) -> None:
        self.resident_id = resident_id

    @classmethod
    def take(cls, *, id: UUID, resident_id: UUID, now: datetime) -> CensusRowHolder:
        return cls._create(cls.Created, id=id, timestamp=now, resident_id=resident_id)


def imported_id(source: str, reference: str) -> UUID:
    """The id of an imported voter: repeating an import meets the same residents."""
    return derived_uuid("imported", source, reference)


def checked_role(role: str) -> str:
    """Raises Invalid `role_unknown`."""
    if role not in ROLES:
        raise Invalid("role_unknown", "a role is staff, admin or importer", field="role")
    return role
