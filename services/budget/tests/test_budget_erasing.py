"""Budget knows no persons: it confirms an erasure, and every ballot stays counted."""

from __future__ import annotations

from datetime import UTC, datetime

from cahier_budget.application.stored import CODEC
from cahier_chassis.erasing import Erasing, NothingHeld
from cahier_chassis.erasures import ErasureList, Order
from cahier_kernel.clock import ManualClock
from cahier_ledger.ledger import Ledger
from cahier_record.budget import events
from cahier_record.erasure import subject_digest
from cahier_record.events import decode_leaf

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


async def test_an_erasure_is_confirmed_and_deletes_nothing(tmp_path):
    ledger = Ledger.open(tmp_path / "events.db")
    erasures = ErasureList(tmp_path / "erasures" / "list")
    erasing = Erasing("budget", ledger, CODEC, events, NothingHeld(), erasures, ManualClock(NOW))
    order = Order(
        erasure="01a20291-0000-758c-9184-e3aa32402cca", subject=subject_digest("p"), basis="request"
    )
    for _ in range(2):
        await erasing.erase(order)
    (row,) = ledger.read_public()
    confirmed = decode_leaf(row.leaf).event
    assert isinstance(confirmed, events.ErasureConfirmed)
    assert (confirmed.erasure, confirmed.erased, confirmed.kept) == (order.erasure, 0, ())
    assert erasing.unfinished() == []
    await ledger.close()
