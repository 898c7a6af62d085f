"""Trustee keys in a folder that several replicas share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from cahier_budget.adapters.trustee_keys import TrusteeKeyFiles


def test_replicas_that_open_an_election_together_seal_to_one_key(tmp_path):
    """Keys differ each time that they are made: the loser of the race reads the winner's."""
    keys = [TrusteeKeyFiles(tmp_path / "keys") for _ in range(6)]
    gate = threading.Barrier(len(keys))

    def make(each, number):
        gate.wait()
        return each.make(f"election-{number}")

    with ThreadPoolExecutor(len(keys)) as pool:
        for number in range(20):
            made = list(pool.map(make, keys, [number] * len(keys)))
            assert len(set(made)) == 1
            assert keys[0].private_key(f"election-{number}")
