"""What identity says in public: that somebody registered, proved residence or holds a role.

`resident` is a pseudonym made for identity's log alone: it joins with no other log.
"""

from __future__ import annotations

from cahier_record import erasure, log
from cahier_record.events import PublicEvent, public_event


@public_event("identity.v1.resident.resident_registered")
class ResidentRegistered(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody registered, by themselves or by an import."""

    resident: str
    imported: bool = False


@public_event("identity.v1.resident.residence_proved")
class ResidenceProved(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A resident was found on the census roll."""

    resident: str
    district: str = ""


@public_event("identity.v1.resident.role_granted")
class RoleGranted(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A resident was given a role: staff, admin or importer."""

    resident: str
    role: str


@public_event("identity.v1.resident.role_revoked")
class RoleRevoked(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A role was taken from a resident."""

    resident: str
    role: str


@public_event("identity.v1.census_roll.census_roll_loaded")
class CensusRollLoaded(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Rows were added to the census roll; `districts` and `counts` go together."""

    rows: int
    districts: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()


@public_event("identity.v1.erasure.erasure_ordered")
class ErasureOrdered(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A person is to be forgotten, by every service. subject_digest: erasure.subject_digest."""

    erasure: str
    subject_digest: str
    basis: str


@public_event("identity.v1.erasure.erasure_confirmed")
class ErasureConfirmed(erasure.ErasureConfirmed, frozen=True, kw_only=True, omit_defaults=True):
    """Identity has deleted what it held on a person."""


@public_event("identity.v1.log.epoch_opened")
class EpochOpened(log.EpochOpened, frozen=True, kw_only=True, omit_defaults=True):
    """This log began anew after a restore."""
