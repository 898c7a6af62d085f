"""The texts behind a public event's digests, for who asks; the same answer in every service."""

from __future__ import annotations

import msgspec

from cahier_kernel.errors import NotFound
from cahier_ledger.model import Disclosure
from cahier_ledger.store import LedgerReader

ERASED_CODE = "disclosures_erased"


class _Digests(msgspec.Struct):
    sd: tuple[str, ...] = msgspec.field(name="_sd", default=())


_digests = msgspec.json.Decoder(_Digests).decode


def disclosed(ledger: LedgerReader, event_id: str) -> list[Disclosure]:
    """By name; [] for an event that never had any. Blocks shortly.

    Raises NotFound `event_not_found`, and `disclosures_erased` where a leaf's texts are gone.
    """
    row = ledger.public_by_id(event_id)
    if row is None:
        raise NotFound("event_not_found", "there is no such public event", field="event_id")
    found = ledger.disclosures(event_id)
    if not found and _digests(row.leaf).sd:
        raise NotFound(ERASED_CODE, "the texts of this event were erased", field="event_id")
    return found
