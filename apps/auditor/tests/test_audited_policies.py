"""The policy that a vote was opened under is the one that is shown, or stands beside it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cahier_auditor import policies
from cahier_auditor.progress import Progress
from cahier_auditor.source import open_source
from cahier_auditor.verify import Verified, verify
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.entries import read_entries
from cahier_ledger.log.merkle import leaf_hashes, root_of
from cahier_ledger.log.policy import Policy

AUDIT = Path(sys.executable).parent / "cahier-audit"
OPENED = 10
"""Index of the leaf that opens the vote."""
SHOWN = ("identity", "consultation", "reporting", "budget")
RULE = "a vote is held to the policy that it was opened under"

Resum = Callable[[Path], None]


def audited(bundle: Path, own: Policy | None = None) -> Verified:
    return verify(open_source(str(bundle)), own, 1, Progress())


def found(bundle: Path, own: Policy | None = None) -> list[str]:
    return [str(one) for one in audited(bundle, own).findings]


def notes(bundle: Path) -> list[str]:
    return [note for note in audited(bundle).notes if "votes opened" in note]


@pytest.fixture
def keys(city: Any) -> Any:
    return city.keys


@pytest.fixture
def make(city_under: Any, close: Any, keys: Any, tmp_path: Path) -> Callable[..., Path]:
    """The bundle of a vote opened under a policy, with earlier ones beside the shown one."""

    def made(opened_under: str, *earlier: Policy) -> Path:
        city = city_under(opened_under, keys)
        close(city)
        city.policies.extend(earlier)
        return city.write(tmp_path / f"bundle-{opened_under[:8]}-{len(earlier)}")

    return made


@pytest.fixture
def shown(keys: Any) -> Policy:
    """The policy that these bundles show."""
    policy: Policy = keys.policy(SHOWN)
    return policy


@pytest.fixture
def earlier(keys: Any) -> Policy:
    """One that asked for the same witness, and named no logs."""
    policy: Policy = keys.earlier_policy()
    return policy


def test_a_vote_opened_under_the_shown_policy_holds(make: Any, shown: Policy) -> None:
    bundle = make(shown.digest())
    assert found(bundle) == []
    assert notes(bundle) == []


def test_an_honest_city_whose_policy_grew_still_holds(make: Any, earlier: Policy) -> None:
    bundle = make(earlier.digest(), earlier)
    assert found(bundle) == []
    assert notes(bundle) == [
        f"budget: 1 of its votes opened under an earlier policy, SHA-256 {earlier.digest()}"
    ]


def test_a_vote_opened_before_any_witness_was_asked_for_is_told(make: Any) -> None:
    bundle = make("")
    assert found(bundle) == []
    assert notes(bundle) == ["budget: 1 of its votes opened under no policy: no witness asked for"]


def test_another_policy_than_the_recorded_one_is_named(
    make: Any, shown: Policy, earlier: Policy
) -> None:
    (finding,) = found(make(earlier.digest()))
    assert finding == (
        f"budget leaf {OPENED}: {RULE}; "
        f"expected SHA-256 {earlier.digest()}, found SHA-256 {shown.digest()}"
    )


def test_a_policy_that_is_weakened_for_clients_is_named(
    make: Any, shown: Policy, resum: Resum
) -> None:
    """The vote's opening promised a witness; what is shown to clients asks for none."""
    bundle = make(shown.digest())
    weak = Policy(shown.logs)
    (bundle / "policy").write_text(str(weak), "utf-8")
    resum(bundle)
    (finding,) = found(bundle)
    assert f"expected SHA-256 {shown.digest()}, found SHA-256 {weak.digest()}" in finding


def test_no_policy_at_all_is_named(make: Any, shown: Policy, resum: Resum) -> None:
    bundle = make(shown.digest())
    (bundle / "policy").unlink()
    resum(bundle)
    (finding,) = found(bundle)
    assert finding.startswith(f"budget leaf {OPENED}: {RULE}; ")
    assert finding.endswith("found no policy")


def test_who_kept_the_recorded_policy_needs_no_copy_of_the_city(
    make: Any, shown: Policy, earlier: Policy
) -> None:
    """An auditor who wrote it down at the opening brings it along."""
    bundle = make(shown.digest())
    assert found(bundle, own=shown) == []
    assert len(found(make(earlier.digest()), own=shown)) == 1


def test_an_earlier_policy_that_is_another_is_named_twice(
    make: Any, earlier: Policy, resum: Resum
) -> None:
    """As a file that is not what it is called, and as the policy that is missing."""
    bundle = make(earlier.digest(), earlier)
    file = bundle / "policies" / earlier.digest()
    file.write_bytes(file.read_bytes().replace(b"quorum neighbour", b"quorum none"))
    resum(bundle)
    told = found(bundle)
    assert any("an earlier policy stands under its digest; expected" in one for one in told)
    assert any(f"budget leaf {OPENED}: {RULE}" in one for one in told)
    assert len(told) == 2


@pytest.mark.parametrize("recorded", ["../policy", "0" * 63, "A" * 64, "x" * 5_000])
def test_a_leaf_that_records_no_digest_is_named(make: Any, recorded: str) -> None:
    (finding,) = found(make(recorded))
    assert f"budget leaf {OPENED}: {RULE}; expected SHA-256 {recorded[:20]}" in finding


def test_what_is_no_policy_is_named(make: Any, shown: Policy, resum: Resum) -> None:
    bundle = make(shown.digest())
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (bundle / "policies").mkdir()
    (bundle / "policies" / digest).write_bytes(b"")
    resum(bundle)
    (finding,) = found(bundle)
    assert finding.endswith("an earlier policy stands under its digest; it is no policy")


def unwitnessed(keys: Any, bundle: Path, size: int) -> str:
    """The log's own signature, which no witness saw."""
    leaves = list(read_entries(bundle / "tlog/budget"))[:size]
    origin = keys.origin("budget")
    checkpoint = Checkpoint(origin, size, root_of(leaf_hashes(leaves)))
    return sign_checkpoint(checkpoint, [(keys.vkey(origin), keys.key(origin).sign)])


def unwitness(keys: Any, bundle: Path) -> None:
    """Takes the witness from all checkpoints and from what clients are asked to check."""
    for file in (bundle / "checkpoints/budget").iterdir():
        file.write_text(unwitnessed(keys, bundle, int(file.name)), "utf-8")
    (bundle / "tlog/budget/checkpoint").write_text(unwitnessed(keys, bundle, 21), "utf-8")
    (bundle / "policy").write_text(str(Policy(keys.policy(SHOWN).logs)), "utf-8")


def test_a_vote_that_no_promised_witness_saw_is_named(
    make: Any, keys: Any, earlier: Policy, resum: Resum
) -> None:
    """The policy that promised the witness is still shown, as one that has passed."""
    bundle = make(earlier.digest(), earlier)
    unwitness(keys, bundle)
    resum(bundle)
    (finding,) = found(bundle)
    assert finding == (
        f"budget leaf {OPENED}: a vote's opening was cosigned as the policy asks that it was "
        "opened under; expected neighbour, found no checkpoint from there on has that quorum"
    )


def test_one_cosigned_checkpoint_from_the_opening_on_is_enough(
    make: Any, keys: Any, earlier: Policy, resum: Resum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one of less leaves is none: it does not reach the opening."""
    bundle = make(earlier.digest(), earlier)
    leaves = leaf_hashes(list(read_entries(bundle / "tlog/budget")))
    unwitness(keys, bundle)
    at = bundle / "checkpoints/budget"
    (at / str(OPENED)).write_text(keys.checkpoint(keys.origin("budget"), leaves[:OPENED]), "utf-8")
    resum(bundle)
    assert len(found(bundle)) == 1
    for size in range(OPENED + 1, 20):
        (at / str(size)).write_text(unwitnessed(keys, bundle, size), "utf-8")
    cosigned = keys.checkpoint(keys.origin("budget"), leaves[:20])
    (at / "20").write_text(cosigned, "utf-8")
    resum(bundle)
    assert found(bundle) == []
    monkeypatch.setattr(policies, "CHECKPOINTS_ASKED_MAX", 9)
    assert len(found(bundle)) == 1


def test_every_command_says_it(make: Any, earlier: Policy) -> None:
    bundle = make(earlier.digest())
    for command in ("verify", "replay", "recount"):
        done = subprocess.run([AUDIT, command, bundle], capture_output=True, text=True)
        assert done.returncode == 1
        assert f"FINDING budget leaf {OPENED}: {RULE}" in done.stderr
