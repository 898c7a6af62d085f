"""A resident: registered by themselves or imported, proved or not, with the roles they hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate

from cahier_kernel.errors import AlreadyExists, FailedPrecondition, Invalid
from cahier_kernel.ids import derived_uuid
from cahier_kernel.texts import ERASED

ROLES = frozenset({"staff", "admin", "importer", "analyst", "supervisor", "decision_maker"})
"""Roles that are given; `resident` is everybody who is signed in."""


class Resident(Aggregate):
    """Known to identity alone: other services meet the id, a pseudonym, or only a token.

    Once erased, names and addresses read ERASED, and nothing happens to this resident any more.

    `event_id` of each event is the id of the public event made from it: the receipt's id.
    """

    TOPIC = "identity.resident"

    class Created(Aggregate.Created):
        """Somebody registered by themselves. (The library wants this name for it.)"""

        TOPIC = "identity.resident.registered"
        SEALED = ("email", "display_name", "password_hash")
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
        PRIVATE = ("reference",)
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

    class Erased(Aggregate.Event):
        """The resident is forgotten. The order, public, stands in a stream of its own."""

        TOPIC = "identity.resident.erased"
        erasure: str

        def apply(self, aggregate: Any) -> None:
            aggregate.erasure = self.erasure

    def __init__(self) -> None:
        self.erasure = ""
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
        return (self.proved or self.imported) and not self.erasure

    def erase(self, erasure: str, *, event_id: Callable[[], str], by: str, now: datetime) -> None:
        """Ends all that the resident may do; the texts are erased with the append.

        event_id: makes ids of the public events that take the roles away.
        """
        self._require_not_erased()
        for role in sorted(self.roles):
            self.revoke_role(role, event_id=event_id(), by=by, now=now)
        self.trigger_event(self.Erased, timestamp=now, erasure=erasure)

    def prove_residence(self, *, event_id: str, district: str, now: datetime) -> None:
        """The census roll names this resident.

        Raises AlreadyExists `residence_already_proved`, FailedPrecondition `person_erased`.
        """
        self._require_not_erased()
        if self.proved:
            raise AlreadyExists("residence_already_proved", "residence is proved once")
        self.trigger_event(
            self.ResidenceProved, timestamp=now, event_id=event_id, district=district
        )

    def grant_role(self, role: str, *, event_id: str, by: str, now: datetime) -> None:
        """Raises Invalid `role_unknown`, FailedPrecondition `role_needs_sign_in` or
        `person_erased`, and AlreadyExists `role_already_held`.
        """
        checked_role(role)
        self._require_not_erased()
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

    def _require_not_erased(self) -> None:
        if self.erasure:
            raise FailedPrecondition("person_erased", "this person has been forgotten")


class AddressHolder(Aggregate):
    """The one resident of an e-mail address: its id derives from the address, so it exists once.

    Who holds it is a private text: once that is erased the address is free again.
    """

    TOPIC = "identity.address"

    class Created(Aggregate.Created):
        TOPIC = "identity.address.taken"
        PRIVATE = ("resident_id",)
        resident_id: str

    class PassedOn(Aggregate.Event):
        TOPIC = "identity.address.passed_on"
        PRIVATE = ("resident_id",)
        resident_id: str

        def apply(self, aggregate: Any) -> None:
            aggregate.resident_id = self.resident_id

    def __init__(self, resident_id: str) -> None:
        self.resident_id = resident_id

    @classmethod
    def take(cls, *, id: UUID, resident_id: UUID, now: datetime) -> AddressHolder:
        return cls._create(cls.Created, id=id, timestamp=now, resident_id=str(resident_id))

    @property
    def is_free(self) -> bool:
        """Whether the resident who held the address is forgotten."""
        return self.resident_id == ERASED

    def pass_on(self, resident_id: UUID, *, now: datetime) -> None:
        """Somebody registers with it again; raises AlreadyExists `email_taken`."""
        if not self.is_free:
            rule = "there is an account with this address"
            raise AlreadyExists("email_taken", rule, field="email")
        self.trigger_event(self.PassedOn, timestamp=now, resident_id=str(resident_id))


class CensusRowHolder(Aggregate):
    """The one resident of a census row: its id derives from the row, so a row proves one person.

    It outlives its person's erasure for as long as the electoral register must; then who holds it
    is erased like any private text, and the row is free again.
    """

    TOPIC = "identity.census_row"

    class Created(Aggregate.Created):
        TOPIC = "identity.census_row.taken"
        PRIVATE = ("resident_id",)
        resident_id: str

    class PassedOn(Aggregate.Event):
        TOPIC = "identity.census_row.passed_on"
        PRIVATE = ("resident_id",)
        resident_id: str

        def apply(self, aggregate: Any) -> None:
            aggregate.resident_id = self.resident_id

    def __init__(self, resident_id: str) -> None:
        self.resident_id = resident_id

    @classmethod
    def take(cls, *, id: UUID, resident_id: UUID, now: datetime) -> CensusRowHolder:
        return cls._create(cls.Created, id=id, timestamp=now, resident_id=str(resident_id))

    def pass_on(self, resident_id: UUID, *, now: datetime) -> None:
        """Somebody proves residence with it again; raises AlreadyExists `census_row_taken`."""
        if self.resident_id != ERASED:
            rule = "this row has proved another resident's residence"
            raise AlreadyExists("census_row_taken", rule)
        self.trigger_event(self.PassedOn, timestamp=now, resident_id=str(resident_id))


def imported_id(source: str, reference: str) -> UUID:
    """The id of an imported voter: repeating an import meets the same residents."""
    return derived_uuid("imported", source, reference)


def checked_role(role: str) -> str:
    """Raises Invalid `role_unknown`."""
    if role not in ROLES:
        raise Invalid(
            "role_unknown",
            "staff, admin, importer, analyst, supervisor or decision_maker",
            field="role",
        )
    return role
