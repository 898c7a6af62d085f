"""Receipts prove what the published checkpoint reaches, and say when it does not reach yet."""

from __future__ import annotations

from typing import Any

import pytest

from cahier_ledger.log.note import Vkey
from cahier_ledger.log.proof import Receipt, check_receipt
from cahier_ledger.log.receipts import Pending, Receipts
from cahier_ledger.log.served import leaves_below


def receipts(kept: Any) -> Receipts:
    return Receipts(kept.ledger, kept.served())


async def test_every_published_event_has_a_receipt_that_checks(kept: Any) -> None:
    await kept.say(700)
    kept.carry()
    vkeys = [Vkey.of(kept.origin, kept.keys[0].public)]
    made = receipts(kept)
    for index in (0, 1, 254, 255, 256, 511, 512, 698, 699):
        receipt = made.receipt_of(f"leaf-{index + 1}")
        assert isinstance(receipt, Receipt)
        assert receipt.index == index
        checkpoint = check_receipt(str(receipt), kept.leaves()[index], vkeys)
        assert checkpoint.size == 700


async def test_an_event_without_its_checkpoint_waits(kept: Any) -> None:
    await kept.say(1)
    assert receipts(kept).receipt_of("leaf-1") == Pending(0)
    kept.carry()
    await kept.say(2)
    assert receipts(kept).receipt_of("leaf-3") == Pending(2)


async def test_an_event_that_nobody_stored_has_no_receipt(kept: Any) -> None:
    kept.carry()
    assert receipts(kept).receipt_of("leaf-1") is None


async def test_a_receipt_taken_again_later_proves_the_same_leaf(kept: Any) -> None:
    await kept.say(3)
    kept.carry()
    early = receipts(kept).receipt_of("leaf-2")
    await kept.say(300)
    kept.carry()
    late = receipts(kept).receipt_of("leaf-2")
    vkeys = [Vkey.of(kept.origin, kept.keys[0].public)]
    for receipt, size in ((early, 3), (late, 303)):
        assert isinstance(receipt, Receipt)
        assert check_receipt(str(receipt), kept.leaves()[1], vkeys).size == size


async def test_only_what_is_signed_is_served(kept: Any) -> None:
    await kept.say(100)
    kept.carry()
    await kept.say(400)
    sequencer = kept.sequencer()
    sequencer.begin()
    sequencer.take_in()
    served = kept.served()
    assert kept.tiles.get("1/tile/0/000") is not None
    assert served.get("tile/0/000") is None
    assert served.get("tile/0/000.p/100") is not None
    assert served.get("tile/0/000.p/101") is None


@pytest.mark.parametrize(
    ("path", "leaves"),
    [
        ("tile/0/000", 256),
        ("tile/0/001.p/3", 259),
        ("tile/entries/001.p/3", 259),
        ("tile/1/000.p/2", 512),
        ("tile/entries/x001/000", 256_256),
    ],
)
def test_a_tile_tells_how_long_its_log_must_be(path: str, leaves: int) -> None:
    assert leaves_below(path) == leaves


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "checkpoint/", "../keys", "1/../checkpoint", "tile", "tile/0", "tile/0/0"),
        *("tile/0/000.p/", "tile/0/000.p/00", "tile/0/000.p/256", "tile/0/000.p/999"),
        *("tile/64/000", "tile/-1/000", "tile/0/x00/000", "tile/0/000/000", "tile/x/000"),
        *("checkpoints/", "checkpoints/01", "checkpoints/1e3", "checkpoints/../checkpoint"),
        *("0/checkpoint", "2/checkpoint", "1/1/checkpoint", "01/checkpoint", "checkpoint\n"),
    ],
)
async def test_no_other_path_is_served(kept: Any, path: str) -> None:
    await kept.say(300)
    kept.carry()
    assert kept.served().get(path) is None


async def test_each_epoch_is_served_under_its_number(kept: Any) -> None:
    await kept.say(2)
    kept.carry()
    served = kept.served()
    assert served.get("1/checkpoint") == served.get("checkpoint")
    assert b'"base": 0' in served.get("epochs").body
    assert served.get("policy").body == b"log " + served.get("key").body + b"quorum none\n"
    assert served.get("checkpoints").body == b"0\n2\n"
    assert served.get("checkpoints/2").body == served.get("checkpoint").body
