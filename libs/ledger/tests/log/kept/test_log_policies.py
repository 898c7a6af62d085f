"""What a log was once held to stays readable by its digest, whichever copy is lost."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cahier_ledger.log.lock import LogLocks
from cahier_ledger.log.note import COSIGNATURE_V1, Vkey
from cahier_ledger.log.policies import keep_policies, policy_digests, policy_text
from cahier_ledger.log.policy import Policy, PolicyWitness
from cahier_ledger.log.served import IMMUTABLE, ServedLog
from cahier_ledger.log.storage import TileStore


def policy(number: int) -> Policy:
    """Asks for a witness whose name is no UTF-8."""
    vkey = Vkey.of(f"witness.example/{number}", bytes([number]) * 32, COSIGNATURE_V1)
    return Policy((), (PolicyWitness(f"w\udcff{number}", vkey),), (), f"w\udcff{number}")


ONE, TWO = policy(1), policy(2)
BOTH = {each.digest(): bytes(each) for each in (ONE, TWO)}


def test_every_policy_is_kept_by_its_digest(tile_store: TileStore, lock_place: LogLocks) -> None:
    assert policy_digests(tile_store) == []
    for present in (ONE, TWO, ONE, None):
        keep_policies("budget", tile_store, lock_place, present)
    assert policy_digests(tile_store) == sorted(BOTH)
    assert lock_place.policies("budget") == BOTH
    assert lock_place.policies("identity") == {}
    for digest, text in BOTH.items():
        assert policy_text(tile_store, digest) == text
        assert hashlib.sha256(text).hexdigest() == digest
        assert Policy.parse(text).digest() == digest


def test_lost_files_come_back_from_beside_the_lock(
    tile_store: TileStore, lock_place: LogLocks
) -> None:
    keep_policies("budget", tile_store, lock_place, ONE)
    tile_store.delete([f"policies/{ONE.digest()}"])
    keep_policies("budget", tile_store, lock_place, TWO)
    assert policy_text(tile_store, ONE.digest()) == bytes(ONE)


def test_a_lost_lock_learns_them_from_the_files(
    tile_store: TileStore, lock_place: LogLocks
) -> None:
    tile_store.put({f"policies/{ONE.digest()}": bytes(ONE)})
    keep_policies("budget", tile_store, lock_place, TWO)
    assert lock_place.policies("budget") == BOTH


def test_a_file_that_is_not_what_it_is_called_is_mended_and_never_learnt(
    tile_store: TileStore, lock_place: LogLocks
) -> None:
    keep_policies("budget", tile_store, lock_place, ONE)
    tile_store.put({f"policies/{each}": b"quorum none\n" for each in BOTH})
    keep_policies("budget", tile_store, lock_place)
    assert policy_text(tile_store, ONE.digest()) == bytes(ONE)
    assert list(lock_place.policies("budget")) == [ONE.digest()]


def test_processes_that_start_at_once_keep_the_same(
    tile_store: TileStore, lock_place: LogLocks
) -> None:
    def keep(present: Policy) -> None:
        keep_policies("budget", tile_store, lock_place, present)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(keep, [ONE, TWO] * 8))
    assert lock_place.policies("budget") == BOTH


async def test_they_are_served_and_may_be_kept_for_a_year(kept: Any) -> None:
    kept.carry()
    keep_policies("budget", kept.tiles, kept.locks, ONE)
    served: ServedLog = kept.served()
    listed, found = served.get("policies"), served.get(f"policies/{ONE.digest()}")
    assert listed is not None
    assert listed.body == f"{ONE.digest()}\n".encode()
    assert found is not None
    assert (found.body, found.cache) == (bytes(ONE), IMMUTABLE)
    assert served.get(f"1/policies/{ONE.digest()}") == found


@pytest.mark.parametrize("name", ["0" * 64, "0" * 63, "A" * 64, "../1/checkpoint", ""])
async def test_what_is_no_digest_of_theirs_is_not_served(kept: Any, name: str) -> None:
    kept.carry()
    assert kept.served().get(f"policies/{name}") is None


async def test_the_present_policy_is_served_byte_for_byte(kept: Any) -> None:
    kept.carry()
    served = ServedLog("budget", kept.tiles, kept.locks, ONE)
    shown = served.get("policy")
    assert shown is not None
    assert hashlib.sha256(shown.body).hexdigest() == ONE.digest()
