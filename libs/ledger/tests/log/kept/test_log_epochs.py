"""After a restore a log goes on as a new epoch, which says what was kept and what was lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cahier_ledger.ledger import Ledger
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.epochs import EpochOpener, NothingLost
from cahier_ledger.log.lock import open_locks
from cahier_ledger.log.merkle import leaf_hash, leaf_hashes, root_of
from cahier_ledger.log.note import Vkey, signature_line
from cahier_ledger.log.proof import Receipt, check_receipt
from cahier_ledger.log.receipts import Receipts
from cahier_ledger.log.refusals import (
    LockMissing,
    LockMoved,
    LogRefused,
    RootDiffers,
    StoreBehindLog,
)
from cahier_ledger.model import EPOCH_OPENED, LOG_STREAM

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def restored(kept: Any, tmp_path: Path) -> AsyncIterator[Any]:
    """A log of 300 leaves whose store is a copy of when it had 290. `lost`: the leaves since."""
    await kept.say(290)
    kept.carry()
    backup = sqlite3.connect(tmp_path / "ledger.db")
    backup.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    backup.close()
    shutil.copytree(tmp_path / "tlog", tmp_path / "backup-tlog")
    await kept.say(10)
    kept.carry()
    kept.lost = kept.leaves()[290:]
    kept.signed = kept.locks.current("budget")
    newer, kept.ledger = kept.ledger, Ledger.open(tmp_path / "backup.db")
    yield kept
    await kept.ledger.close()
    kept.ledger = newer


def open_epoch(kept: Any, elsewhere: Any = lambda after: (), number: int = 1) -> Any:
    opener = EpochOpener("budget", kept.origin, kept.ledger, kept.tiles, kept.locks, kept.keys)
    return opener.open(f"epoch-{number}", NOW, "a disk broke", elsewhere)


def in_thread(work: Callable[[], Any]) -> Any:
    import asyncio

    return asyncio.to_thread(work)


def opening(kept: Any) -> dict[str, Any]:
    row = kept.ledger.public_by_id("epoch-1")
    told: dict[str, Any] = json.loads(row.leaf)
    return told


async def test_a_new_epoch_begins_with_what_was_lost(restored: Any) -> None:
    with pytest.raises(StoreBehindLog):
        restored.sequencer().begin()
    opened = await in_thread(lambda: open_epoch(restored))
    assert (opened.epoch, opened.kept, opened.lost) == (2, 290, 10)
    assert opened.is_old_log_whole
    told = opening(restored)
    assert told["t"] == "budget.v1.log.epoch_opened"
    assert told["data"] == {
        "epoch": 2,
        "previous_origin": restored.origin,
        "previous_size": 300,
        "previous_root": b64encode(restored.signed.root).decode(),
        "kept": 290,
        "kept_root": b64encode(restored.root(290)).decode(),
        "lost": [b64encode(leaf_hash(leaf)).decode() for leaf in restored.lost],
    }
    assert restored.ledger.disclosures("epoch-1")[0].value == "a disk broke"
    row = restored.locks.current("budget")
    assert (row.epoch, row.base, row.origin) == (2, 290, f"{restored.origin}/2")
    assert restored.ledger.read_public(290, 1)[0].id == "epoch-1"


async def test_the_log_goes_on_and_both_epochs_are_served(restored: Any) -> None:
    await in_thread(lambda: open_epoch(restored))
    await restored.say(5)
    assert restored.carry() == 6
    served = restored.served()
    new, old = (
        parse_checkpoint(served.get(each).body)[0] for each in ("checkpoint", "1/checkpoint")
    )
    assert (new.size, new.root) == (6, root_of(leaf_hashes(restored.leaves()[290:])))
    assert (old.size, old.root) == (300, restored.signed.root)
    receipts = Receipts(restored.ledger, served)
    key = restored.keys[0].public
    for public_seq, origin in ((290, restored.origin), (292, f"{restored.origin}/2")):
        row = restored.ledger.read_public(public_seq - 1, 1)[0]
        receipt = receipts.receipt_of(row.id)
        assert isinstance(receipt, Receipt)
        check_receipt(str(receipt), row.leaf, [Vkey.of(origin, key)])


async def test_lost_leaves_that_the_bus_still_has_make_the_old_log_whole(
    restored: Any, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "tlog")
    shutil.copytree(tmp_path / "backup-tlog", tmp_path / "tlog")
    opened = await in_thread(lambda: open_epoch(restored, lambda after: restored.lost))
    assert opened.is_old_log_whole
    assert len(opening(restored)["data"]["lost"]) == 10
    served = restored.served()
    assert parse_checkpoint(served.get("1/checkpoint").body)[0].size == 300
    assert served.get("1/tile/entries/001.p/44") is not None


@pytest.mark.parametrize("offered", ["none", "others", "too few"])
async def test_where_nobody_has_them_the_old_log_is_shown_as_far_as_it_is_kept(
    restored: Any, tmp_path: Path, offered: str
) -> None:
    shutil.rmtree(tmp_path / "tlog")
    shutil.copytree(tmp_path / "backup-tlog", tmp_path / "tlog")
    leaves = {"none": [], "others": [b"{}"] * 10, "too few": restored.lost[:9]}[offered]
    opened = await in_thread(lambda: open_epoch(restored, lambda after: leaves))
    assert not opened.is_old_log_whole
    assert opening(restored)["data"]["lost"] == 10
    shown = parse_checkpoint(restored.served().get("1/checkpoint").body)[0]
    assert (shown.size, shown.root) == (290, restored.root(290))
    assert restored.carry() == 1


async def test_a_crash_before_the_lock_row_is_made_good_by_doing_it_again(restored: Any) -> None:
    begin = restored.locks.begin

    def crash(row: Any) -> None:
        raise LockMoved("budget")

    restored.locks.begin = crash
    with pytest.raises(LockMoved):
        await in_thread(lambda: open_epoch(restored))
    restored.locks.begin = begin
    with pytest.raises((StoreBehindLog, RootDiffers)):
        restored.sequencer().begin()
    opened = await in_thread(lambda: open_epoch(restored, number=2))
    assert (opened.epoch, opened.kept, opened.lost) == (2, 290, 10)
    assert restored.ledger.stream_version(LOG_STREAM) == 1
    assert restored.carry() == 1


async def test_epochs_follow_one_another(restored: Any, tmp_path: Path) -> None:
    await in_thread(lambda: open_epoch(restored))
    restored.carry()
    copy = sqlite3.connect(tmp_path / "backup.db")
    copy.execute("VACUUM INTO ?", (str(tmp_path / "second.db"),))
    copy.close()
    await restored.say(4)
    restored.carry()
    newer, restored.ledger = restored.ledger, Ledger.open(tmp_path / "second.db")
    opened = await in_thread(lambda: open_epoch(restored, number=3))
    assert (opened.epoch, opened.origin) == (3, f"{restored.origin}/3")
    assert (opened.kept, opened.lost) == (1, 4)
    assert restored.carry() == 1
    events = restored.ledger.read_stream(LOG_STREAM)
    assert [(each.type, each.data) for each in events] == [
        (EPOCH_OPENED, b'{"epoch":2}'),
        (EPOCH_OPENED, b'{"epoch":3}'),
    ]
    await restored.ledger.close()
    restored.ledger = newer


async def test_a_log_that_lost_nothing_gets_no_epoch(kept: Any) -> None:
    with pytest.raises(NothingLost):
        await in_thread(lambda: open_epoch(kept))
    await kept.say(3)
    kept.carry()
    with pytest.raises(NothingLost):
        await in_thread(lambda: open_epoch(kept))
    assert kept.ledger.public_head() == 3


async def test_a_store_that_was_changed_is_no_older_copy(restored: Any, tmp_path: Path) -> None:
    tampered = sqlite3.connect(tmp_path / "backup.db")
    tampered.execute("UPDATE public SET leaf = CAST('{}' AS BLOB) WHERE public_seq = 7")
    tampered.commit()
    tampered.close()
    with pytest.raises(RootDiffers):
        await in_thread(lambda: open_epoch(restored))
    assert restored.ledger.stream_version(LOG_STREAM) == 0


@pytest.mark.parametrize("unsigned", [0, 7])
async def test_a_lost_lock_row_ends_an_epoch_that_lost_nothing(
    kept: Any, tmp_path: Path, unsigned: int
) -> None:
    await kept.say(20)
    kept.carry()
    await kept.say(unsigned)
    kept.locks.close()
    kept.locks = open_locks(str(tmp_path / "new" / "budget.db"))
    with pytest.raises(LockMissing):
        kept.sequencer().begin()
    opened = await in_thread(lambda: open_epoch(kept))
    assert (opened.kept, opened.lost) == (20 + unsigned, 0)
    assert kept.carry() == 1
    old = parse_checkpoint(kept.served().get("1/checkpoint").body)[0]
    assert (old.size, old.root) == (20 + unsigned, kept.root(20 + unsigned))


async def test_an_ended_log_keeps_what_witnesses_said_of_it(restored: Any, tmp_path: Path) -> None:
    """Also where its files came back from a backup that is older than the cosignature."""
    line = signature_line("w.example", b"1234", bytes(72))
    restored.locks.keep_cosigned(restored.signed, restored.signed.checkpoint + line)
    shutil.rmtree(tmp_path / "tlog")
    shutil.copytree(tmp_path / "backup-tlog", tmp_path / "tlog")
    await in_thread(lambda: open_epoch(restored, lambda after: restored.lost))
    assert restored.served().get("1/checkpoint").body.decode().endswith(line)


async def test_a_cosigned_checkpoint_that_is_served_stays_when_an_epoch_ends(restored: Any) -> None:
    line = signature_line("w.example", b"1234", bytes(72))
    restored.tiles.put({"1/checkpoint": (restored.signed.checkpoint + line).encode()})
    await in_thread(lambda: open_epoch(restored))
    assert restored.served().get("1/checkpoint").body.decode().endswith(line)


async def test_another_history_is_not_signed_where_the_tiles_lack(
    restored: Any, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "tlog")
    shutil.copytree(tmp_path / "backup-tlog", tmp_path / "tlog")
    await restored.say(3)
    tampered = sqlite3.connect(tmp_path / "backup.db")
    tampered.execute("UPDATE public SET leaf = CAST('{}' AS BLOB) WHERE public_seq = 7")
    tampered.commit()
    tampered.close()
    before = restored.served().get("checkpoint").body
    with pytest.raises(RootDiffers):
        await in_thread(lambda: open_epoch(restored))
    assert restored.served().get("checkpoint").body == before


async def test_all_lock_rows_lost_in_a_later_epoch_need_the_lock_back(
    restored: Any, tmp_path: Path
) -> None:
    await in_thread(lambda: open_epoch(restored))
    restored.carry()
    restored.locks.close()
    restored.locks = open_locks(str(tmp_path / "new" / "budget.db"))
    with pytest.raises(LogRefused, match="put the lock's database back"):
        await in_thread(lambda: open_epoch(restored, number=2))
