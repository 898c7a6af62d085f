"""What the command does around its audits: receipts, progress, memory, many findings."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cahier_auditor.ballots import BallotsOnFile, ReplacedOnFile
from cahier_auditor.findings import KEPT_MAX, Finding, Findings
from cahier_auditor.moulds import Mould, has_ballot_id, uuid_of
from cahier_auditor.progress import Progress
from cahier_auditor.shapes import ballot_id
from cahier_ledger.leaves import canonical_json
from cahier_ledger.log.entries import read_entries
from cahier_ledger.log.merkle import inclusion_proof, leaf_hashes, root_of
from cahier_ledger.log.proof import Receipt
from cahier_record.budget.events import BallotCast
from cahier_record.budget.views import BallotView
from cahier_record.events import decode_leaf

AUDIT = Path(sys.executable).parent / "cahier-audit"


def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AUDIT, *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def receipt(city: Any, bundle: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Files with the receipt of budget's leaf 3, as of 12 leaves, and with the leaf itself."""
    leaves = list(read_entries(bundle / "tlog/budget"))
    hashes = leaf_hashes(leaves[:12])

    def read(level: int, number: int) -> bytes:
        return root_of(hashes[number << level : (number + 1) << level])

    checkpoint = city.keys.checkpoint(city.keys.origin("budget"), hashes)
    text = str(Receipt(3, tuple(inclusion_proof(3, 12, read)), checkpoint))
    (tmp_path / "mine.tlog-proof").write_text(text, "utf-8")
    (tmp_path / "leaf").write_bytes(leaves[3])
    return tmp_path / "mine.tlog-proof", tmp_path / "leaf"


def test_a_receipt_is_checked_against_a_bundle(bundle: Path, receipt: tuple[Path, Path]) -> None:
    done = audit("verify", bundle, "--receipt", receipt[0])
    assert (done.returncode, done.stderr) == (0, "everything holds\n")
    assert "leaf 3 of demo.example/tlog/budget, among its first 12 leaves" in done.stdout
    assert '"feasibility":"feasible"' in done.stdout


def test_a_receipt_is_checked_without_any_source_by_a_policy(
    city: Any, receipt: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "policy").write_text(str(city.keys.policy(city.logs)), "utf-8")
    proof, leaf = receipt
    options = ("--policy", tmp_path / "policy", "--receipt", proof)
    assert audit("verify", *options, "--leaf", leaf).returncode == 0
    leaf.write_bytes(leaf.read_bytes() + b" ")
    assert audit("verify", *options, "--leaf", leaf).returncode == 1
    assert audit("verify", *options).returncode == 2
    assert audit("verify", "--receipt", proof).returncode == 2


def test_a_receipt_of_another_history_is_named(
    city: Any, bundle: Path, resign: Any, receipt: tuple[Path, Path]
) -> None:
    proof, leaf = receipt
    log = list(read_entries(bundle / "tlog/budget"))
    del log[0]
    resign(bundle, log)
    done = audit("verify", bundle, "--receipt", proof, "--leaf", leaf)
    assert done.returncode == 1
    assert "the receipt's checkpoint and the log's are of one history" in done.stderr


def test_a_full_disk_is_no_finding(bundle: Path) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [AUDIT, "replay", bundle], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_audit_that_is_interrupted_is_no_finding() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = f"http://127.0.0.1:{silent.getsockname()[1]}"
        # Whoever starts the tests in the background has them ignore the signal, children too.
        command = ["env", "--default-signal=INT", AUDIT, "verify", source]
        asking = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        silent.accept()
        asking.send_signal(signal.SIGINT)
        _, said = asking.communicate(timeout=60)
    assert (asking.returncode, said) == (2, "cahier-audit: interrupted\n")


def test_a_terminal_sees_progress_and_a_file_does_not() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for out, shows in ((Terminal(), True), (io.StringIO(), False)):
        progress = Progress(out)
        progress.tell("budget", 65_536, 1_000_000)
        progress.clear()
        assert ("budget: 65,536 of 1,000,000" in out.getvalue()) is shows


def test_a_ruined_log_has_a_bounded_number_of_findings(bundle: Path, resign: Any) -> None:
    findings = Findings()
    findings.extend(Finding("budget", index, "rule", "found") for index in range(KEPT_MAX + 5))
    more = Findings()
    more.extend(findings)
    assert (len(more.kept), more.count) == (KEPT_MAX, KEPT_MAX + 5)
    log = list(read_entries(bundle / "tlog/budget"))
    resign(bundle, [b" " + raw for raw in log] * 2)
    done = audit("verify", bundle)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 21
    assert done.stderr.splitlines()[-1].startswith("... and ")


def test_strangers_words_leave_a_terminal_alone(bundle: Path, resign: Any) -> None:
    log = list(read_entries(bundle / "tlog/budget"))
    loud = {"v": 1, "svc": "budget", "t": "\x1b[2Jmoon\n", "id": "m", "data": {}}
    resign(bundle, [*log, canonical_json(loud)])
    for command in ("verify", "replay"):
        done = audit(command, bundle)
        assert done.returncode == 1
        assert "\x1b" not in done.stdout + done.stderr
        assert "moon" in done.stderr


def test_the_state_of_everything_is_told_as_of_a_moment(bundle: Path) -> None:
    done = audit("replay", bundle, "--at", "2026-10-03T12:00:00Z")
    assert done.returncode == 0
    for line in (
        "as of 2026-10-03T12:00:00.000Z",
        "proposal 018f3a00-0000-7000-8000-000000000003: not_answered, 0 supports, 0 comments: Be",
        "report 018f3a00-0000-7000-8000-000000000004: light for traffic, fixed, closed, promise m",
    ):
        assert line in done.stdout
    told = json.loads(audit("replay", bundle, "--at", "2026-10-03T11:00:00Z", "--json").stdout)
    assert told["as_of"] == "2026-10-03T11:00:00.000Z"
    assert set(told["sizes"].values()) == {0}


def ballot(credential: str, sequence: int = 1) -> BallotCast:
    return BallotCast(
        election="e",
        electorate="all",
        scheme="c",
        credential=credential,
        sequence=sequence,
        sealed="AAAA",
    )


def leaf_of(cast: BallotCast) -> bytes:
    head = {"v": 1, "svc": "budget", "t": cast.TYPE, "id": ballot_id(cast)}
    return canonical_json({**head, "data": cast.data()})


@pytest.mark.parametrize("credential", ["abc", "", "é", "a" * 200, "a-_"])
@pytest.mark.parametrize("sequence", [1, 2, 2**53 - 1])
def test_the_fast_ballot_id_is_the_derived_one(credential: str, sequence: int) -> None:
    cast = ballot(credential, sequence)
    assert has_ballot_id(cast, ballot_id(cast))
    assert not has_ballot_id(cast, ballot_id(ballot(credential + "x", sequence)))
    assert uuid_of("f" * 64) == "ffffffff-ffff-8fff-bfff-ffffffffffff"


def test_a_mould_takes_ballots_that_differ_in_their_values_alone() -> None:
    one, two = ballot("abcd"), ballot("efgh")
    mould = Mould.of(leaf_of(one), one)
    assert mould is not None
    assert mould.ids_of([leaf_of(one), leaf_of(two)]) == [
        ballot_id(one).encode(),
        ballot_id(two).encode(),
    ]
    for spoilt in (
        leaf_of(two).replace(b"efgh", b'ef"h'),
        leaf_of(two).replace(b"efgh", b"ef\\h"),
        leaf_of(two).replace(b"efgh", b"ef\x00h"),
        leaf_of(two).replace(b'"scheme":"c"', b'"scheme":"d"'),
        leaf_of(two).replace(b'"v":1', b'"v":2'),
        leaf_of(two) + b" ",
        leaf_of(two).replace(ballot_id(two).encode(), ballot_id(one).encode()),
        leaf_of(two).replace(b"AAAA", b'AA"A'),
    ):
        assert mould.ids_of([leaf_of(one), spoilt]) is None


def test_no_mould_is_made_of_values_that_are_not_base64url() -> None:
    odd = ballot('"sealed":"x')
    assert Mould.of(leaf_of(odd), odd) is None


def test_ballots_on_file_count_as_a_dictionary_of_them_does() -> None:
    stored = {
        index: decode_leaf(leaf_of(ballot(f"c{index % 4}", 1 + index // 4))).event
        for index in range(10)
    }

    def read(wanted: Any) -> Any:
        return (BallotView(index, stored[index]) for index in wanted)  # type: ignore[arg-type]

    held, replaced = BallotsOnFile(read), ReplacedOnFile(read)
    for index, cast in stored.items():
        assert isinstance(cast, BallotCast)
        before = held.get(cast.credential)
        assert (before.ballot.sequence if before else 0) == cast.sequence - 1
        if before:
            replaced.append(before)
        held[cast.credential] = BallotView(index, cast)
    assert len(held) == 4
    assert [one.index for one in held.values()] == [6, 7, 8, 9]
    assert [one.index for one in replaced] == [0, 1, 2, 3, 4, 5]
    assert set(held) == {"c0", "c1", "c2", "c3"}
