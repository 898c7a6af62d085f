"""What can be asked: what is held on a resident, credentials for imports, disclosed texts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cahier_identity.application.ports import Secrets
from cahier_identity.application.sessions import election_thing
from cahier_identity.domain.fields import checked_count
from cahier_identity.domain.resident import Resident
from cahier_kernel.errors import Forbidden, NotFound
from cahier_kernel.ids import require_uuid
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.model import Disclosure
from cahier_ledger.store import LedgerReader


@dataclass(frozen=True, slots=True)
class HeldOnResident:
    """What identity tells the resident and staff."""

    resident_id: str
    display_name: str
    roles: tuple[str, ...]
    verified: bool
    district: str


class Queries:
    """Reads aggregates themselves, so that a query sees every command before it."""

    def __init__(self, ledger: LedgerReader, aggregates: Aggregates, secrets: Secrets) -> None:
        self._ledger = ledger
        self._aggregates = aggregates
        self._secrets = secrets

    async def resident(self, resident_id: str) -> HeldOnResident:
        """Raises Invalid `id_malformed` and NotFound `resident_not_found`."""
        wanted = require_uuid(resident_id, "resident_id")
        found = await asyncio.to_thread(self._aggregates.get, Resident, wanted)
        return HeldOnResident(
            str(found.id),
            found.display_name,
            tuple(sorted(found.roles)),
            found.proved,
            found.district,
        )

    async def credentials(self, election_id: str, resident_ids: Sequence[str]) -> list[str]:
        """The residents' pseudonyms in one election, in their order; all or none.

        Raises Invalid, NotFound `resident_not_found` and Forbidden `residence_not_proved`, both
        with the parameter `resident_id`.
        """
        thing = election_thing(require_uuid(election_id, "election_id"))
        checked_count(len(resident_ids), "resident_ids")
        wanted = [require_uuid(each, "resident_ids") for each in resident_ids]
        await asyncio.to_thread(self._require_voters, wanted)
        return [self._secrets.pseudonym(str(each), thing) for each in wanted]

    async def disclosures(self, event_id: str) -> list[Disclosure]:
        """The texts behind a public event's digests; raises NotFound `event_not_found`."""
        if await asyncio.to_thread(self._ledger.public_by_id, event_id) is None:
            raise NotFound("event_not_found", "identity has no such public event", field="event_id")
        return await asyncio.to_thread(self._ledger.disclosures, event_id)

    def _require_voters(self, resident_ids: Sequence[UUID]) -> None:
        for each in resident_ids:
            try:
                resident = self._aggregates.get(Resident, each)
            except NotFound:
                raise NotFound(
                    "resident_not_found",
                    "there is no such resident",
                    field="resident_ids",
                    resident_id=each,
                ) from None
            if not resident.may_vote:
                raise Forbidden(
                    "residence_not_proved",
                    "a credential is for who has proved their residence or was imported",
                    field="resident_ids",
                    resident_id=each,
                )
