"""What changes: registering, proving residence, roles, imports, the census roll.

Every command checks its fields, decides on the domain's aggregates and appends once. `keep` turns
the command's result into the idempotency row that is stored in that same append, or None.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from cahier_identity.application.attempts import Attempts
from cahier_identity.application.ports import CensusRows, Passwords, Secrets
from cahier_identity.application.publishing import Publishing
from cahier_identity.application.stored import CODEC
from cahier_identity.domain.census import (
    ROLL_STREAM,
    RollLoaded,
    RowsListed,
    checked_proof,
    parse_roll,
    roll_events,
    row_doubled,
)
from cahier_identity.domain.fields import (
    REFERENCE_CHARS_MAX,
    SOURCE_CHARS_MAX,
    checked_count,
    checked_display_name,
    checked_email,
    checked_password,
    checked_text,
)
from cahier_identity.domain.resident import (
    AddressHolder,
    CensusRowHolder,
    Resident,
    checked_role,
    imported_id,
)
from cahier_kernel.clock import Clock, to_rfc3339
from cahier_kernel.errors import FailedPrecondition, NotFound
from cahier_kernel.ids import derived_uuid, require_uuid, uuid7
from cahier_ledger.aggregates import Aggregates, retry_on_conflict, stream_name
from cahier_ledger.model import Append, Idempotency, NewEvent, StreamAppend, StreamConflict
from cahier_ledger.store import LedgerStore

ROLL_ATTEMPTS = 3

R = TypeVar("R")
Keep = Callable[[R], Idempotency | None]


@dataclass(frozen=True, slots=True)
class Registered:
    resident_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Proved:
    district: str
    event_id: str


class Commands:
    """Identity's commands. Event loop only; whatever blocks runs in threads."""

    def __init__(
        self,
        ledger: LedgerStore,
        aggregates: Aggregates,
        *,
        clock: Clock,
        secrets: Secrets,
        passwords: Passwords,
        census: CensusRows,
        publishing: Publishing,
        proof_attempts: Attempts,
        trace: Callable[[], bytes],
    ) -> None:
        self._ledger = ledger
        self._aggregates = aggregates
        self._clock = clock
        self._secrets = secrets
        self._passwords = passwords
        self._census = census
        self._publishing = publishing
        self._proof_attempts = proof_attempts
        self._trace = trace

    async def register(
        self, email: str, display_name: str, password: str, keep: Keep[Registered]
    ) -> Registered:
        """Raises Invalid for a bad field and AlreadyExists `email_taken`."""
        address = checked_email(email)
        name = checked_display_name(display_name)
        password_hash = await self._passwords.hash(checked_password(password))
        now = self._clock.now()
        registered = Registered(str(uuid7(now)), str(uuid7(now)))
        resident = Resident.register(
            id=UUID(registered.resident_id),
            event_id=registered.event_id,
            email=address,
            display_name=name,
            password_hash=password_hash,
            now=now,
        )
        holder = AddressHolder.take(
            id=self._secrets.address_id(address), resident_id=resident.id, now=now
        )
        try:
            await self._save(resident, holder, keep=keep(registered))
        except StreamConflict as conflict:
            if conflict.stream != stream_name(holder.id):
                raise
            holder = await asyncio.to_thread(self._aggregates.get, AddressHolder, holder.id)
            holder.pass_on(resident.id, now=now)
            await self._save(resident, holder, keep=keep(registered))
        return registered

    async def prove_residence(
        self,
        resident_id: str,
        document_number: str,
        birth_date: str,
        postcode: str,
        keep: Keep[Proved],
    ) -> Proved:
        """Raises Invalid for a bad field, NotFound `resident_not_found` or
        `census_row_not_found`, AlreadyExists `residence_already_proved` or `census_row_taken`,
        and FailedPrecondition `residence_locked` after too many failures.
        """
        key = self._secrets.census_key(checked_proof(document_number, birth_date, postcode))
        person = _person(resident_id)
        wait_s = math.ceil(self._proof_attempts.begin(person))
        if wait_s:
            raise FailedPrecondition(
                "residence_locked", "too many failed attempts to prove residence", wait_s=wait_s
            )
        await self._census.caught_up(self._ledger.head_seq())
        return await asyncio.to_thread(self._prove, person, key, keep)

    def _prove(self, person: UUID, key: str, keep: Keep[Proved]) -> Proved:
        return retry_on_conflict(lambda: self._prove_once(person, key, keep))

    def _prove_once(self, person: UUID, key: str, keep: Keep[Proved]) -> Proved:
        resident = self._aggregates.get(Resident, person)
        district = self._census.district(key)
        if district is None and not resident.proved:
            raise NotFound("census_row_not_found", "the census roll has no such row")
        now = self._clock.now()
        proved = Proved(district or "", str(uuid7(now)))
        resident.prove_residence(event_id=proved.event_id, district=proved.district, now=now)
        holder = CensusRowHolder.take(id=_row_id(key), resident_id=person, now=now)
        try:
            self._aggregates.save(resident, holder, idempotency=keep(proved))
        except StreamConflict as conflict:
            if conflict.stream != stream_name(holder.id):
                raise
            holder = self._aggregates.get(CensusRowHolder, holder.id)
            holder.pass_on(person, now=now)
            self._aggregates.save(resident, holder, idempotency=keep(proved))
        return proved

    async def grant_role(self, resident_id: str, role: str, by: str, keep: Keep[str]) -> str:
        """The public event's id; raises as Resident.grant_role, NotFound `resident_not_found`."""
        person, role = require_uuid(resident_id, "resident_id"), checked_role(role)

        def decide(resident: Resident, event_id: str) -> None:
            resident.grant_role(role, event_id=event_id, by=by, now=self._clock.now())

        return await self._decide(person, decide, keep)

    async def revoke_role(self, resident_id: str, role: str, by: str, keep: Keep[str]) -> str:
        """The public event's id; raises as Resident.revoke_role, NotFound `resident_not_found`."""
        person, role = require_uuid(resident_id, "resident_id"), checked_role(role)

        def decide(resident: Resident, event_id: str) -> None:
            resident.revoke_role(role, event_id=event_id, by=by, now=self._clock.now())

        return await self._decide(person, decide, keep)

    async def import_residents(
        self, source: str, references: Sequence[str], keep: Keep[list[str]]
    ) -> list[str]:
        """The voters' ids, in the order of the references; those already there stay as they are.

        Raises Invalid for a bad field.
        """
        register = checked_text(source, "source", SOURCE_CHARS_MAX)
        checked_count(len(references), "references")
        known_as = [checked_text(each, "references", REFERENCE_CHARS_MAX) for each in references]
        ids = [imported_id(register, each) for each in known_as]
        wanted = dict(zip(ids, known_as, strict=True))
        answer = [str(each) for each in ids]
        await asyncio.to_thread(
            retry_on_conflict, lambda: self._import(register, wanted, keep(answer))
        )
        return answer

    def _import(self, source: str, wanted: dict[UUID, str], keep: Idempotency | None) -> None:
        now = self._clock.now()
        fresh = [
            Resident.import_voter(
                event_id=str(uuid7(now)), source=source, reference=reference, now=now
            )
            for id, reference in wanted.items()
            if not self._ledger.stream_version(stream_name(id))
        ]
        self._aggregates.save(*fresh, idempotency=keep)

    async def load_census_roll(self, csv: bytes, by: str, keep: Keep[int]) -> int:
        """The number of rows loaded: all of the file's, or none.

        Raises Invalid `census_...` naming the line, as census.parse_roll.
        """
        rows = await asyncio.to_thread(parse_roll, csv)
        keys = await asyncio.to_thread(
            lambda: [self._secrets.census_key(row.proof) for row in rows]
        )
        event_id = str(uuid7(self._clock.now()))
        keyed = zip(keys, (row.district for row in rows), strict=True)
        events = roll_events(keyed, event_id=event_id, by=by)
        lines = {key: row.line for key, row in zip(keys, rows, strict=True)}
        for attempt in range(1, ROLL_ATTEMPTS + 1):
            try:
                await self._append_roll(events, lines, keep(len(rows)))
                break
            except StreamConflict:
                # Another load came between; its rows may be among ours.
                if attempt == ROLL_ATTEMPTS:
                    raise
        return len(rows)

    async def _append_roll(
        self,
        events: Sequence[RowsListed | RollLoaded],
        lines: dict[str, int],
        keep: Idempotency | None,
    ) -> None:
        version = self._ledger.stream_version(ROLL_STREAM)
        await self._census.caught_up(self._ledger.head_seq())
        doubled = await asyncio.to_thread(self._census.known, lines)
        if doubled:
            raise row_doubled(min(lines[key] for key in doubled))
        stored = tuple(map(self._stored, events))
        await self._ledger.append(
            Append((StreamAppend(ROLL_STREAM, version, stored),), idempotency=keep)
        )

    def _stored(self, event: RowsListed | RollLoaded) -> NewEvent:
        now = self._clock.now()
        topic, data = CODEC.encode(event)
        leaf = self._publishing.roll_leaf(event, now) if isinstance(event, RollLoaded) else None
        return NewEvent(topic, data, self._trace(), to_rfc3339(now), leaf)

    async def _decide(
        self, person: UUID, decide: Callable[[Resident, str], None], keep: Keep[str]
    ) -> str:
        event_id = str(uuid7(self._clock.now()))

        def once() -> None:
            resident = self._aggregates.get(Resident, person)
            decide(resident, event_id)
            self._aggregates.save(resident, idempotency=keep(event_id))

        await asyncio.to_thread(retry_on_conflict, once)
        return event_id

    async def _save(
        self, resident: Resident, holder: AddressHolder, *, keep: Idempotency | None
    ) -> None:
        await asyncio.to_thread(self._aggregates.save, resident, holder, idempotency=keep)


def _person(subject: str) -> UUID:
    """The resident that a token speaks for; operators' tokens may speak for none."""
    try:
        return UUID(subject)
    except ValueError:
        raise NotFound("resident_not_found", "the token speaks for no resident") from None


def _row_id(key: str) -> UUID:
    return derived_uuid("census-row", key)
