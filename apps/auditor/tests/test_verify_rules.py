"""Each rule of `cahier-audit verify`: a bundle that breaks just this one is named for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cahier_auditor import identities
from cahier_auditor.findings import CannotAudit
from cahier_auditor.progress import Progress
from cahier_auditor.receipts import check
from cahier_auditor.source import open_source
from cahier_auditor.verify import Verified, verify
from cahier_ledger.leaves import canonical_json, make_leaf
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.entries import read_entries
from cahier_ledger.log.merkle import (
    EMPTY_ROOT,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    root_of,
)
from cahier_ledger.log.note import to_base64
from cahier_ledger.log.policy import Policy, PolicyLog
from cahier_ledger.log.proof import Receipt

AUDIT = Path(sys.executable).parent / "cahier-audit"
Resum = Callable[[Path], None]
Resign = Callable[..., None]


def audited(bundle: Path, own: Policy | None = None) -> Verified:
    return verify(open_source(str(bundle)), own, 1, Progress())


def found(bundle: Path, own: Policy | None = None) -> list[str]:
    return [str(one) for one in audited(bundle, own).findings]


def leaves(bundle: Path, service: str = "budget") -> list[bytes]:
    return list(read_entries(bundle / "tlog" / service))


def test_an_honest_bundle_holds_and_says_who_vouches(bundle: Path) -> None:
    done = subprocess.run([AUDIT, "verify", bundle], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "everything holds\n")
    assert "budget: 21 leaves, root " in done.stdout
    assert "3 older checkpoints, witnessed by neighbour (2026-" in done.stdout
    told = json.loads(
        subprocess.run([AUDIT, "verify", bundle, "--json"], capture_output=True).stdout
    )
    assert told["findings"] == []
    assert [log["size"] for log in told["logs"]] == [21, 2, 1, 4]


def test_a_bundle_that_breaks_exits_1_and_names_the_leaf(bundle: Path, resum: Resum) -> None:
    file = bundle / "tlog/budget/tile/entries/000.p/21"
    file.write_bytes(file.read_bytes().replace(b"feasible", b"feasibly", 1))
    resum(bundle)
    done = subprocess.run([AUDIT, "verify", bundle], capture_output=True, text=True)
    assert done.returncode == 1
    assert "FINDING budget leaf 3: a leaf has the hash that its tile holds; expected" in done.stderr
    assert "FINDING budget tlog/budget/checkpoint: the leaves lead to the checkpoint's root" in (
        done.stderr
    )


def test_a_history_that_forks_is_named(city: Any, bundle: Path, resum: Resum) -> None:
    other = leaf_hashes([*leaves(bundle)[:9], b"another"])
    fork = city.keys.checkpoint(city.keys.origin("budget"), other)
    (bundle / "checkpoints/budget/10").write_text(fork, "utf-8")
    resum(bundle)
    (finding,) = found(bundle)
    assert finding.startswith("budget: the log was not rewritten: its leaves lead to the root")
    assert f"expected {to_base64(root_of(other))}" in finding
    assert "at size 10" in finding


def test_a_log_that_was_rolled_back_is_named(city: Any, bundle: Path, resum: Resum) -> None:
    older = (bundle / "checkpoints/budget/21").read_bytes()
    city.keys.sign(bundle, "budget", leaves(bundle)[:15])
    (bundle / "checkpoints/budget/21").write_bytes(older)
    resum(bundle)
    (finding,) = [one for one in found(bundle) if "never shrinks" in one]
    assert "expected at least the 21 that it once signed, found 15 leaves now" in finding


def test_a_checkpoint_of_another_log_is_named(bundle: Path, resum: Resum) -> None:
    shutil.copy(bundle / "tlog/consultation/checkpoint", bundle / "tlog/budget/checkpoint")
    resum(bundle)
    assert any(
        "budget tlog/budget/checkpoint: a checkpoint's origin is its log's; "
        "expected <host>/tlog/budget, found demo.example/tlog/consultation" in one
        for one in found(bundle)
    )


def test_a_log_of_another_city_is_named(city: Any, bundle: Path, resum: Resum) -> None:
    city.keys.host = "elsewhere.example"
    city.keys.sign(bundle, "consultation", leaves(bundle, "consultation"))
    (bundle / "policy").write_text("quorum none\n")
    resum(bundle)
    (finding,) = found(bundle)
    assert "consultation: the logs of one city have one host; expected demo.example" in finding


def test_a_swapped_key_is_named(city: Any, bundle: Path, resum: Resum) -> None:
    origin = city.keys.origin("budget")
    honest = city.keys.policy(city.logs)
    del city.keys._keys[origin]
    city.keys.sign(bundle, "budget", leaves(bundle))
    resum(bundle)
    assert any("the checkpoint meets the policy" in one for one in found(bundle))
    assert any("the log's key is one that the policy names" in one for one in found(bundle, honest))


def test_a_key_file_that_another_key_was_put_into_is_named(
    city: Any, bundle: Path, resum: Resum
) -> None:
    origin = city.keys.origin("budget")
    key = city.keys._keys.pop(origin)
    (bundle / "tlog/budget/key").write_text(f"{city.keys.vkey(origin)}\n")
    city.keys._keys[origin] = key
    resum(bundle)
    assert any("a checkpoint is signed by its log's key" in one for one in found(bundle))


def test_the_quorum_of_a_policy_is_asked_for(city: Any, bundle: Path, resum: Resum) -> None:
    file = bundle / "tlog/budget/checkpoint"
    text = file.read_text("utf-8")
    file.write_text(text[: text.rindex("— neighbour")], "utf-8")
    resum(bundle)
    (finding,) = found(bundle)
    assert "its quorum of witnesses; expected neighbour, found cosigned by none" in finding


def test_the_auditors_own_policy_stands_above_the_bundles(
    city: Any, bundle: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "policy"
    origin = city.keys.origin("budget")
    alone.write_text(f"log {city.keys.vkey(origin)}\nquorum none\n")
    done = subprocess.run(
        [AUDIT, "verify", bundle, "--policy", alone], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "FINDING budget" not in done.stderr
    assert "FINDING consultation" in done.stderr  # The policy does not know that log.


@pytest.mark.parametrize("has_own_policy", [True, False])
def test_a_log_that_the_policy_names_and_that_is_gone_is_named(
    city: Any, bundle: Path, resum: Resum, has_own_policy: bool
) -> None:
    shutil.rmtree(bundle / "tlog/identity")
    shutil.rmtree(bundle / "checkpoints/identity")
    shutil.rmtree(bundle / "disclosures/identity")
    resum(bundle)
    own = city.keys.policy(city.logs) if has_own_policy else None
    (finding,) = found(bundle, own)
    assert "each log that the policy names is here; expected demo.example/tlog/identity" in finding
    assert "there is no log of identity here" in audited(bundle).notes


def test_a_neighbours_log_in_the_citys_policy_is_not_looked_for(
    city: Any, bundle: Path, resum: Resum
) -> None:
    policy = (bundle / "policy").read_text("utf-8")
    neighbours = f"log {city.keys.vkey('other.example/tlog/budget')}\n"
    (bundle / "policy").write_text(neighbours + policy, "utf-8")
    resum(bundle)
    assert not found(bundle)


def test_a_bundle_without_any_log_cannot_be_audited(bundle: Path, resum: Resum) -> None:
    shutil.rmtree(bundle / "tlog")
    (bundle / "tlog").mkdir()
    resum(bundle)
    with pytest.raises(CannotAudit, match="there is no log below tlog/"):
        audited(bundle)


def test_a_broken_policy_cannot_be_used(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text("quorum nobody\n")
    done = subprocess.run(
        [AUDIT, "verify", bundle, "--policy", tmp_path / "policy"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "nobody is not defined" in done.stderr


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda raw: b" " + raw, "a leaf is RFC 8785 JSON"),
        (lambda raw: raw.replace(b'"v":1', b'"v":1.0'), "a leaf is RFC 8785 JSON"),
        (lambda raw: raw.replace(b'"v":1', b'"v":1,"w":null'), "a leaf is RFC 8785 JSON"),
        (lambda raw: raw.replace(b'"svc":"budget"', b'"svc":"identity"'), "own service's log"),
        (lambda raw: raw.replace(b'"sequence":1', b'"sequence":"one"'), "follows its schema"),
        (lambda raw: raw.replace(b'"credential":"', b'"credential":"x'), "a ballot's id derives"),
        (lambda raw: raw.replace(b'"id":"', b'"id":"0'), "a ballot's id derives"),
        (
            lambda raw: canonical_json({**json.loads(raw), "at": "2026-10-03T12:00:00.000Z"}),
            "a ballot carries no time",
        ),
        (lambda raw: b"{}", "follows its schema"),
        (lambda raw: b"\xff", "follows its schema"),
        (lambda raw: b"[" * 60_000, "follows its schema"),
    ],
)
def test_a_leaf_that_is_none_is_named_even_where_the_city_signed_it(
    bundle: Path, resign: Resign, change: Callable[[bytes], bytes], rule: str
) -> None:
    log = leaves(bundle)
    log[12] = change(log[12])
    resign(bundle, log)
    assert any(one.startswith("budget leaf 12: ") and rule in one for one in found(bundle))


def test_an_event_that_stands_there_twice_is_named(bundle: Path, resign: Resign) -> None:
    log = leaves(bundle)
    resign(bundle, [*log, log[3]])
    (finding,) = found(bundle)
    assert finding.startswith("budget leaf 21: an event is in the log once; ")
    assert finding.endswith("stands at leaf 3 of budget already")


def test_unknown_types_and_fields_are_no_fault(bundle: Path, resign: Resign) -> None:
    log = leaves(bundle)
    ballot = json.loads(log[12])
    ballot["data"]["colour"] = "blue"
    log[12] = canonical_json(ballot)
    log.append(make_leaf("budget", "budget.v1.moon.moon_rose", "m", None, {"n": 2**53 - 1}).leaf)
    resign(bundle, log)
    assert found(bundle) == []


def test_a_text_without_a_leaf_is_named(bundle: Path, resum: Resum) -> None:
    stray = bundle / "disclosures/budget/018f3a00-0000-7000-8000-00000000ffff.json"
    stray.write_text('[["c2FsdA","title","Hello"]]')
    resum(bundle)
    (finding,) = found(bundle)
    assert "a disclosure belongs to a leaf with digests" in finding
    assert stray.name in finding


def test_a_tile_that_no_tree_has_is_named(bundle: Path, resum: Resum) -> None:
    shutil.copy(bundle / "tlog/budget/tile/0/000.p/21", bundle / "tlog/budget/tile/0/000.p/22")
    (bundle / "tlog/budget/tile/0/001").write_bytes(bytes(8192))
    (bundle / "tlog/budget/tile/0/000.p/20").write_bytes(bytes(640))
    resum(bundle)
    told = found(bundle)
    assert sum("a log has no other tiles than those of its tree" in one for one in told) == 2
    assert sum("an older partial tile is the beginning" in one for one in told) == 1


def test_an_older_partial_tile_that_fits_is_no_fault(bundle: Path, resum: Resum) -> None:
    whole = (bundle / "tlog/budget/tile/0/000.p/21").read_bytes()
    (bundle / "tlog/budget/tile/0/000.p/20").write_bytes(whole[:640])
    resum(bundle)
    assert found(bundle) == []


def erase(city: Any, bundle: Path, index: int, leaf_id: str, resign: Resign) -> None:
    told = make_leaf(
        "consultation",
        "consultation.v1.erasure.content_erased",
        "e1",
        None,
        {"index": index, "leaf": leaf_id, "basis": "request"},
    )
    resign(bundle, [*leaves(bundle, "consultation"), told.leaf], "consultation")


def test_texts_that_the_log_calls_erased_must_be_gone(
    city: Any, bundle: Path, resign: Resign, resum: Resum
) -> None:
    proposal = city.logs["consultation"][1]
    file = bundle / f"disclosures/consultation/{proposal.id}.json"
    erase(city, bundle, 1, proposal.id, resign)
    (finding,) = found(bundle)
    assert finding.startswith(f"consultation leaf 2 disclosures/consultation/{proposal.id}.json: ")
    assert "erased texts are gone" in finding
    file.unlink()
    resum(bundle)
    assert found(bundle) == []


def test_an_erased_proposal_reads_so_and_the_log_still_holds(
    city: Any, bundle: Path, resign: Resign, resum: Resum
) -> None:
    proposal = city.logs["consultation"][1]
    (bundle / f"disclosures/consultation/{proposal.id}.json").unlink()
    erase(city, bundle, 1, proposal.id, resign)
    done = subprocess.run([AUDIT, "replay", bundle], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "0 supports, 0 comments: [erased]" in done.stdout
    assert "Ideas" in done.stdout


def test_an_erasure_names_the_leaf_that_it_is_about(
    city: Any, bundle: Path, resign: Resign
) -> None:
    erase(city, bundle, 0, "018f3a00-0000-7000-8000-00000000ffff", resign)
    (finding,) = found(bundle)
    assert "an erasure names the leaf whose texts went" in finding
    assert finding.startswith("consultation leaf 2: ")


class Epochs:
    """budget's log, signed up to the end, went on after `kept` leaves as a second epoch."""

    def __init__(self, city: Any, bundle: Path, resum: Resum, kept: int = 18) -> None:
        self.city, self.bundle, self._resum, self.kept = city, bundle, resum, kept
        self.log = leaves(bundle)
        self.hashes = leaf_hashes(self.log)
        self.again = self.log[kept:]
        self.data: dict[str, Any] = {
            "epoch": 2,
            "previous_origin": city.keys.origin("budget"),
            "previous_size": len(self.log),
            "previous_root": to_base64(root_of(self.hashes)),
            "kept": kept,
            "kept_root": to_base64(root_of(self.hashes[:kept])),
            "lost": [to_base64(leaf_hash(leaf)) for leaf in self.log[kept:]],
        }

    def write(self, *, whole: bool = True, **changed: Any) -> Path:
        """whole: the ended log is still there to its end."""
        home, keys = self.bundle / "tlog/budget", self.city.keys
        ended, older = home / "1", self.bundle / "checkpoints/budget"
        first = make_leaf(
            "budget", "budget.v1.log.epoch_opened", "o2", None, {**self.data, **changed}
        )
        # The lost events happened again, with their own ids.
        keys.sign(self.bundle, "budget", [first.leaf, *self.again], epoch=2)
        moved = self.bundle.parent / "old"
        (moved / "tlog").mkdir(parents=True)
        (moved / "checkpoints").mkdir()
        keys.sign(moved, "budget", self.log if whole else self.log[: self.kept])
        shutil.copytree(moved / "tlog/budget", ended)
        shutil.copytree(moved / "checkpoints/budget", older / "epoch-1")
        policy = keys.policy(self.city.logs)
        logs = (*policy.logs, PolicyLog(keys.vkey(keys.origin("budget", 2))))
        text = str(Policy(logs, policy.witnesses, policy.groups, policy.quorum))
        (self.bundle / "policy").write_text(text)
        self._resum(self.bundle)
        return self.bundle


@pytest.fixture
def epochs(city: Any, bundle: Path, resum: Resum) -> Epochs:
    return Epochs(city, bundle, resum)


@pytest.mark.parametrize("whole", [True, False])
def test_an_epoch_that_says_what_was_lost_holds(epochs: Epochs, whole: bool) -> None:
    verified = audited(epochs.write(whole=whole))
    assert [str(one) for one in verified.findings] == []
    (told,) = [note for note in verified.notes if "began anew" in note]
    assert told.startswith("budget/2: began anew after demo.example/tlog/budget at 21 leaves; ")
    where = "they are still in the old log" if whole else "nobody has them any more"
    assert told.endswith(f"18 were kept, 3 were lost: {where}")


def test_a_recount_goes_across_epochs(epochs: Epochs) -> None:
    done = subprocess.run([AUDIT, "recount", epochs.write()], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "everything holds\n")
    assert "first 18 leaves" in done.stdout


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kept": 17}, "number lost"),
        ({"previous_root": to_base64(EMPTY_ROOT)}, "previous root"),
        ({"previous_size": 20}, "previous size"),
        ({"previous_origin": "demo.example/tlog/identity"}, "previous origin"),
        ({"kept_root": to_base64(EMPTY_ROOT)}, "root of what was kept"),
        ({"epoch": 3}, "epoch 3"),
        ({"lost": 2}, "number lost"),
        ({"lost": [to_base64(EMPTY_ROOT)] * 3}, "lost leaf 18"),
        ({"kept": -1, "kept_root": "", "lost": 22}, "kept -1"),
        ({"kept": 22, "kept_root": "", "lost": -1}, "kept 22"),
    ],
)
def test_a_false_account_of_a_loss_is_named(
    epochs: Epochs, changed: dict[str, Any], says: str
) -> None:
    told = found(epochs.write(**changed))
    assert any(one.startswith("budget/2 leaf 0: ") and says in one for one in told)


def test_a_lost_erasure_names_a_lost_leaf(
    city: Any, bundle: Path, resign: Resign, resum: Resum
) -> None:
    """In the next epoch another leaf has its number."""
    data = {"index": 19, "leaf": json.loads(leaves(bundle)[19])["id"], "basis": "request"}
    told = make_leaf("budget", "budget.v1.erasure.content_erased", "e1", None, data)
    resign(bundle, [*leaves(bundle), told.leaf])
    epochs = Epochs(city, bundle, resum)
    epochs.again = epochs.again[:-1]
    assert found(epochs.write()) == []


def test_a_receipt_tells_of_leaves_that_an_epoch_hides(epochs: Epochs, city: Any) -> None:
    """The log had signed 21 leaves; the next epoch says that it ended with 20."""
    root = to_base64(root_of(epochs.hashes[:20]))
    bundle = epochs.write(whole=False, previous_size=20, previous_root=root, lost=2)
    assert found(bundle) == []

    def read(level: int, number: int) -> bytes:
        return root_of(epochs.hashes[number << level : (number + 1) << level])

    for size, says in ((20, ""), (21, "size 21")):
        checkpoint = city.keys.checkpoint(city.keys.origin("budget"), epochs.hashes[:size])
        receipt = Receipt(3, tuple(inclusion_proof(3, size, read)), checkpoint)
        checked = check(str(receipt).encode(), None, open_source(str(bundle)), None)
        assert [says in str(one) for one in checked.findings] == [True] * bool(says)


def test_whose_policy_was_used_is_said(city: Any, bundle: Path, resum: Resum) -> None:
    digest = city.keys.policy(city.logs).digest()
    assert any(
        f"held to the policy that this source shows (quorum neighbour, SHA-256 {digest})" in one
        for one in audited(bundle).notes
    )
    own = Policy((), city.keys.policy(()).witnesses, (), "neighbour")
    assert "held to your own policy, quorum neighbour" in audited(bundle, own).notes
    (bundle / "policy").unlink()
    resum(bundle)
    assert any("no policy is here" in one for one in audited(bundle).notes)


def test_too_many_ids_that_end_alike_are_named(
    bundle: Path, resign: Resign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identities, "SUSPECTS_MAX", 0)
    log = leaves(bundle, "consultation")
    resign(bundle, [*log, log[-1]], "consultation")
    assert any("too many ids end alike" in one for one in found(bundle))


def test_a_second_epoch_without_the_first_is_named(epochs: Epochs, resum: Resum) -> None:
    bundle = epochs.write()
    shutil.rmtree(bundle / "tlog/budget/1")
    resum(bundle)
    assert any("a checkpoint's origin is its log's" in one for one in found(bundle))


def test_an_opening_in_the_midst_of_a_log_is_named(
    epochs: Epochs, bundle: Path, resign: Resign
) -> None:
    leaf = make_leaf("budget", "budget.v1.log.epoch_opened", "o2", None, epochs.data)
    resign(bundle, [*leaves(bundle), leaf.leaf])
    assert any(
        one.startswith("budget leaf 21: only the first leaf of a later epoch")
        for one in found(bundle)
    )


def test_an_empty_log_holds(city: Any, bundle: Path, resum: Resum) -> None:
    origin = city.keys.origin("notifications")
    home = bundle / "tlog/notifications"
    home.mkdir()
    signers = [(city.keys.vkey(origin), city.keys.key(origin).sign)]
    (home / "checkpoint").write_text(sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), signers))
    (home / "key").write_text(f"{city.keys.vkey(origin)}\n")
    (bundle / "policy").write_text("quorum none\n")
    resum(bundle)
    assert found(bundle) == []
    (home / "checkpoint").write_text(sign_checkpoint(Checkpoint(origin, 0, bytes(32)), signers))
    resum(bundle)
    assert any("the leaves lead to the checkpoint's root" in one for one in found(bundle))
