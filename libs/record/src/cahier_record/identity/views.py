"""Identity's log folded: how many are registered and verified, and how many hold which role."""

from __future__ import annotations

import msgspec

from cahier_record.events import Leaf
from cahier_record.identity import events


class IdentityView(msgspec.Struct):
    """Counts only: the log holds nothing else about anybody."""

    registered: int = 0
    imported: int = 0
    verified: int = 0
    census_rows: int = 0
    roles: dict[str, set[str]] = {}

    def apply(self, leaf: Leaf) -> None:
        """Takes the next leaf of identity's log into account."""
        match leaf.event:
            case events.ResidentRegistered(imported=imported):
                self.registered += 1
                self.imported += imported
            case events.ResidenceProved():
                self.verified += 1
            case events.CensusRollLoaded(rows=rows):
                self.census_rows += rows
            case events.RoleGranted(resident=resident, role=role):
                self.roles.setdefault(role, set()).add(resident)
            case events.RoleRevoked(resident=resident, role=role):
                self.roles.setdefault(role, set()).discard(resident)
            case _:
                pass
