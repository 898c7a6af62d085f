"""A log goes on from its lock row to the same root, whatever stopped it, or it does not go on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cahier_ledger.log import layout, refusals
from cahier_ledger.log.checkpoint import Checkpoint, open_checkpoint
from cahier_ledger.log.lock import open_locks
from cahier_ledger.log.merkle import EMPTY_ROOT, leaf_hashes
from cahier_ledger.log.note import Vkey
from cahier_ledger.log.policy import Policy
from cahier_ledger.log.publishing import Publisher, partial_paths
from cahier_ledger.log.signing import sign
from cahier_ledger.log.storage import FolderTiles, TileStore
from cahier_ledger.log.tiles import tiles_at
from cahier_ledger.model import StoreUnavailable

STEPS = ("read", "tiles", "sign", "lock", "publish")
SIZES = (0, 1, 2, 255, 256, 257, 700)


def vkeys(kept: Any) -> list[Vkey]:
    return [Vkey.of(kept.origin, key.public) for key in kept.keys]


def published(kept: Any) -> Any:
    return open_checkpoint(kept.tiles.get("1/checkpoint"), vkeys(kept))


async def test_an_empty_log_is_signed_and_served(kept: Any) -> None:
    assert kept.carry() == 0
    assert (published(kept).size, published(kept).root) == (0, EMPTY_ROOT)


async def test_each_leaf_goes_where_its_number_says(kept: Any) -> None:
    said = 0
    for size in SIZES:
        await kept.say(size - said)
        said = size
        assert kept.carry() == size
        assert (published(kept).size, published(kept).root) == (size, kept.root(size))
    hashes = leaf_hashes(kept.leaves())
    for tile in tiles_at(700):
        raw = layout.read_file(kept.tiles, 1, tile.path)
        assert raw is not None
        if tile.level == 0:
            at = tile.number * 256
            assert raw == b"".join(hashes[at : at + tile.width])


async def test_every_published_checkpoint_is_kept(kept: Any) -> None:
    for _ in range(4):
        await kept.say(3)
        kept.carry()
    assert kept.served().history(kept.locks.current("budget")) == [0, 3, 6, 9, 12]


@pytest.mark.parametrize(("step", "done"), list(product(STEPS, (False, True))))
async def test_a_fault_at_any_step_changes_no_root(
    kept: Any, tile_store: TileStore, step: str, done: bool
) -> None:
    kept.tiles = tile_store
    await kept.say(300)
    kept.carry()
    await kept.say(300)
    left = {(step, done): 1}

    def hook(at: str, is_done: bool) -> None:
        if left.pop((at, is_done), 0):
            raise StoreUnavailable("as if the disk were full")

    with pytest.raises(StoreUnavailable):
        kept.carry(hook)
    assert published(kept).root == kept.root(published(kept).size)
    assert kept.carry(hook) == 600
    assert (published(kept).size, published(kept).root) == (600, kept.root(600))


@pytest.mark.parametrize("step", STEPS)
async def test_a_sequencer_goes_on_after_a_fault_without_being_made_anew(
    kept: Any, step: str
) -> None:
    await kept.say(10)
    left = {step}

    def hook(at: str, is_done: bool) -> None:
        if at in left:
            left.remove(at)
            raise OSError(28, "No space left on device")

    sequencer = kept.sequencer(hook)
    sequencer.begin()
    for _ in range(3):
        try:
            while sequencer.take_in():
                pass
            sequencer.seal()
        except OSError:
            continue
    assert (sequencer.row.size, sequencer.row.root) == (10, kept.root(10))


async def test_partial_files_of_long_ago_are_cleared_and_still_served(kept: Any) -> None:
    sequencer, publisher = kept.sequencer(), Publisher(kept.tiles)
    sequencer.begin()
    for _ in range(5):
        await kept.say(1)
        sequencer.take_in()
        row = sequencer.seal()
        publisher.publish(row, row.checkpoint)
    there = {path for path in kept.tiles.list("1") if ".p/" in path}
    wanted = {layout.at(1, path) for size in (4, 5) for path in partial_paths(size)}
    assert there == wanted
    served = kept.served()
    for width in range(1, 6):
        hashes = served.get(f"tile/0/000.p/{width}")
        assert hashes is not None
        assert hashes.body == b"".join(leaf_hashes(kept.leaves()[:width]))
        assert served.get(f"tile/entries/000.p/{width}") is not None


async def test_missing_tiles_are_written_again_from_the_store(kept: Any, tmp_path: Path) -> None:
    await kept.say(600)
    kept.carry()
    for path in list(kept.tiles.list("1/tile")):
        (tmp_path / "tlog" / path).unlink()
    await kept.say(1)
    assert kept.carry() == 601
    for tile in tiles_at(601):
        assert layout.read_file(kept.tiles, 1, tile.path) is not None


async def test_a_store_behind_the_log_is_refused_with_sizes_and_the_way_out(
    kept: Any, sqlite_place: Any, tmp_path: Path
) -> None:
    await kept.say(5)
    copy = tmp_path / "copy.db"
    source = sqlite3.connect(tmp_path / "ledger.db")
    source.execute("VACUUM INTO ?", (str(copy),))
    source.close()
    await kept.say(3)
    kept.carry()
    older = type(kept.ledger).open(copy)
    with pytest.raises(refusals.StoreBehindLog) as refused:
        kept.sequencer(ledger=older).check()
    await older.close()
    for part in ("after 5 public events", "has signed 8", "cahier log epoch budget"):
        assert part in refused.value.rule


async def test_another_history_is_refused(kept: Any, tmp_path: Path) -> None:
    await kept.say(300)
    kept.carry()
    tampered = sqlite3.connect(tmp_path / "ledger.db")
    tampered.execute("UPDATE public SET leaf = CAST('{}' AS BLOB) WHERE public_seq = 7")
    tampered.commit()
    tampered.close()
    with pytest.raises(refusals.RootDiffers):
        kept.sequencer().begin()


async def test_a_log_of_another_name_is_refused(kept: Any) -> None:
    kept.carry()
    kept.origin = "b.example/tlog/budget"
    with pytest.raises(refusals.OriginDiffers, match=r"begun as a\.example"):
        kept.sequencer().check()


async def test_a_lost_lock_row_is_refused(kept: Any, tmp_path: Path) -> None:
    await kept.say(3)
    kept.carry()
    kept.locks.close()
    kept.locks = open_locks(str(tmp_path / "other" / "budget.db"))
    with pytest.raises(refusals.LockMissing, match="up to 3"):
        kept.sequencer().check()


async def test_a_key_that_never_signed_is_refused(
    kept: Any, memory_key: Callable[[int], Any]
) -> None:
    await kept.say(1)
    kept.carry()
    kept.keys = [memory_key(2)]
    with pytest.raises(refusals.KeyDiffers):
        kept.sequencer().check()


async def test_a_key_is_replaced_while_both_sign(
    kept: Any, memory_key: Callable[[int], Any]
) -> None:
    await kept.say(2)
    kept.carry()
    old, new = memory_key(1), memory_key(2)
    kept.keys = [new, old]
    kept.carry()
    served = kept.served()
    assert served.get("key").body.decode() == "".join(f"{each}\n" for each in vkeys(kept))
    for key in (old, new):
        checkpoint = open_checkpoint(
            kept.tiles.get("1/checkpoint"), [Vkey.of(kept.origin, key.public)]
        )
        assert checkpoint.size == 2
    kept.keys = [new]
    kept.carry()
    await kept.say(1)
    assert kept.carry() == 3
    kept.keys = [old]
    with pytest.raises(refusals.KeyDiffers):
        kept.sequencer().check()


async def test_a_retired_key_stays_published_for_what_it_signed(
    kept: Any, memory_key: Callable[[int], Any]
) -> None:
    await kept.say(1)
    kept.carry()
    for keys in ([memory_key(2), memory_key(1)], [memory_key(2)]):
        kept.keys = keys
        await kept.say(1)
        kept.carry()
    served = kept.served()
    listed = [Vkey.parse(line) for line in served.get("key").body.decode().splitlines()]
    assert [each.public for each in listed] == [memory_key(2).public, memory_key(1).public]
    assert open_checkpoint(served.get("checkpoints/1").body, listed).size == 1
    assert open_checkpoint(served.get("checkpoint").body, listed[:1]).size == 3
    policy = Policy.parse(served.get("policy").body)
    assert policy.satisfied_by(served.get("checkpoints/1").body)


async def test_a_lock_row_that_is_older_than_what_was_shown_is_refused(
    kept: Any, tmp_path: Path
) -> None:
    await kept.say(2)
    kept.carry()
    copy = sqlite3.connect(tmp_path / "locks" / "budget.db")
    copy.execute("VACUUM INTO ?", (str(tmp_path / "older.db"),))
    copy.close()
    await kept.say(2)
    kept.carry()
    kept.locks.close()
    kept.locks = open_locks(str(tmp_path / "older.db"))
    with pytest.raises(refusals.LockBehindLog, match="up to 4, its lock row says 2"):
        kept.sequencer().check()


async def test_a_lock_row_of_an_epoch_that_others_followed_is_refused(kept: Any) -> None:
    await kept.say(2)
    kept.carry()
    later = Checkpoint(f"{kept.origin}/2", 1, EMPTY_ROOT)
    kept.tiles.put({"2/checkpoint": sign(later, kept.keys).encode()})
    with pytest.raises(refusals.LockBehindLog):
        kept.sequencer().check()


async def test_of_two_sequencers_one_signs(kept: Any) -> None:
    await kept.say(3)
    one, other = kept.sequencer(), kept.sequencer()
    one.begin()
    other.begin()
    for each in (one, other):
        each.take_in()
    assert one.seal().size == 3
    with pytest.raises(refusals.LockMoved):
        other.seal()
    other.begin()
    assert other.seal() is None
    assert (other.row.size, other.row.root) == (3, kept.root(3))


async def test_an_older_checkpoint_never_replaces_a_newer_one(kept: Any) -> None:
    await kept.say(2)
    kept.carry()
    first = kept.locks.current("budget")
    await kept.say(2)
    kept.carry()
    publisher = Publisher(kept.tiles)
    assert not publisher.publish(first, first.checkpoint)
    assert published(kept).size == 4


async def test_a_tile_folder_of_another_log_is_written_over(kept: Any, tmp_path: Path) -> None:
    """Before the lock row promises them, tiles are nobody's."""
    other = FolderTiles(tmp_path / "tlog")
    other.put({"1/tile/0/000": b"x" * 8192, "1/tile/entries/000": b"stray"})
    await kept.say(256)
    assert kept.carry() == 256
    assert kept.tiles.get("1/tile/0/000") == b"".join(leaf_hashes(kept.leaves()))
