from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cahier_auditor.audit import audit_election
from cahier_auditor.findings import CannotAudit
from cahier_ledger.log.entries import read_entries

AUDIT = Path(sys.executable).parent / "cahier-audit"
ELECTION = "018f3a00-0000-7000-8000-000000000001"
FIRST_BALLOT = 11
COUNT = 19
Resum = Callable[[Path], None]
Resign = Callable[..., None]


def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AUDIT, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def leaves(bundle: Path, service: str = "budget") -> list[bytes]:
    return list(read_entries(bundle / "tlog" / service))


def edit(raw: bytes, **fields: object) -> bytes:
    leaf = json.loads(raw)
    leaf["data"].update(fields)
    return json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()


def test_an_honest_bundle_holds(bundle: Path) -> None:
    done = audit("recount", bundle, ELECTION)
    assert (done.returncode, done.stderr) == (0, "everything holds\n")
    assert "5 ballots counted" in done.stdout
    assert "winners (2): 1, 3" in done.stdout


def test_a_replay_tells_the_state_of_everything(bundle: Path) -> None:
    done = audit("replay", bundle)
    assert done.returncode == 0
    assert f"election {ELECTION}: published, 3 projects, 5 ballots" in done.stdout
    assert "1 registered, 1 of them imported" in done.stdout
    assert "street reports: 1, 1 closed, 1 promises missed" in done.stdout
    state = json.loads(audit("replay", bundle, "--json").stdout)
    assert state["reporting"]["categories"]["light"]["department"] == "traffic"
    assert state["elections"][0]["result"]["selected"] == [1, 3]


def test_one_altered_ballot_is_named_by_its_index(bundle: Path, resign: Resign) -> None:
    log = leaves(bundle)
    sealed = json.loads(log[FIRST_BALLOT + 2])["data"]["sealed"]
    flipped = ("B" if sealed[80] == "A" else "A").join((sealed[:80], sealed[81:]))
    log[FIRST_BALLOT + 2] = edit(log[FIRST_BALLOT + 2], sealed=flipped)
    resign(bundle, log)
    done = audit("recount", bundle, ELECTION)
    assert done.returncode == 1
    first = done.stderr.splitlines()[0]
    assert first.startswith(f"FINDING budget leaf {FIRST_BALLOT + 2}: a ballot in the log opens")


def test_a_ballot_moved_to_another_credential_does_not_open(bundle: Path, resign: Resign) -> None:
    log = leaves(bundle)
    log[FIRST_BALLOT] = edit(log[FIRST_BALLOT], credential="somebody else")
    resign(bundle, log)
    done = audit("recount", bundle)
    assert done.returncode == 1
    assert f"budget leaf {FIRST_BALLOT}: a ballot's id derives from" in done.stderr
    assert f"budget leaf {FIRST_BALLOT}: a ballot in the log opens" in done.stderr


def test_a_ballot_sealed_anew_shows_in_the_count(city: Any, close: Any, tmp_path: Path) -> None:
    close(city)
    replaced = city.sealed("voter0", (2,))
    from cahier_ledger.leaves import make_leaf

    old = city.logs["budget"][FIRST_BALLOT]
    city.logs["budget"][FIRST_BALLOT] = make_leaf("budget", old.type, old.id, None, replaced.data())
    done = audit("recount", city.write(tmp_path / "b"), ELECTION)
    assert done.returncode == 1
    assert f"budget leaf {COUNT}: the announced votes is the counted one" in done.stderr


def test_a_dropped_ballot_shows_in_the_count(bundle: Path, resign: Resign) -> None:
    log = leaves(bundle)
    del log[FIRST_BALLOT]
    resign(bundle, log)
    done = audit("recount", bundle)
    assert done.returncode == 1
    assert "the announced ballots_counted is the counted one" in done.stderr


def test_an_invented_result_is_named(bundle: Path, resign: Resign) -> None:
    log = leaves(bundle)
    counted = json.loads(log[COUNT])["data"]
    counted["result"]["selected"] = [2, 3]
    log[COUNT] = edit(log[COUNT], result=counted["result"])
    resign(bundle, log)
    done = audit("recount", bundle, ELECTION)
    assert done.returncode == 1
    assert f"FINDING budget leaf {COUNT}: the announced selected" in done.stderr


def test_a_count_by_other_code_holds_where_it_comes_to_the_same(
    bundle: Path, resign: Resign
) -> None:
    log = leaves(bundle)
    counted = json.loads(log[COUNT])["data"]
    counted["result"]["code_version"] = "greedy/0"
    log[COUNT] = edit(log[COUNT], result=counted["result"])
    resign(bundle, log)
    assert audit("recount", bundle, ELECTION).returncode == 0
    counted["result"]["spent_cents"] += 1
    log[COUNT] = edit(log[COUNT], result=counted["result"])
    resign(bundle, log)
    done = audit("recount", bundle, ELECTION)
    assert done.returncode == 2
    assert "the city counted by greedy/0" in done.stderr


def test_another_key_than_the_one_sealed_to_is_named(city: Any, close: Any, tmp_path: Path) -> None:
    from cahier_ledger.sealing import new_trustee_key

    honest, city.private_key = city.private_key, new_trustee_key()[0]
    close(city)
    assert honest != city.private_key
    done = audit("recount", city.write(tmp_path / "b"), ELECTION)
    assert done.returncode == 1
    assert "the published private key belongs to the key" in done.stderr


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda b: (b / "stray").write_text("x"), "bundle stray: SHA256SUMS names every file"),
        (lambda b: next((b / "disclosures/budget").iterdir()).unlink(), "is missing"),
        (lambda b: (b / "policy").write_bytes(b"quorum none\n"), "each file has its digest"),
    ],
)
def test_files_that_do_not_fit_their_sums_are_findings(
    bundle: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(bundle)
    done = audit("replay", bundle)
    assert done.returncode == 1
    assert says in done.stderr


def test_a_changed_text_is_a_finding_and_an_erased_one_is_not(bundle: Path, resum: Resum) -> None:
    file = next((bundle / "disclosures/consultation").iterdir())
    file.write_text(file.read_text("utf-8").replace("benches", "tanks").replace("Ideas", "Lies"))
    resum(bundle)
    assert "a disclosed text has its digest in the leaf" in audit("replay", bundle).stderr
    file.unlink()
    resum(bundle)
    assert audit("replay", bundle).returncode == 0


def test_an_event_about_nothing_is_a_finding(bundle: Path, resign: Resign) -> None:
    log = leaves(bundle, "consultation")
    withdrawn = json.loads(log[1])
    withdrawn.update(
        t="consultation.v1.proposal.proposal_withdrawn", id="w", data={"proposal": "x"}
    )
    log.append(json.dumps(withdrawn, sort_keys=True, separators=(",", ":")).encode())
    resign(bundle, log, "consultation")
    done = audit("replay", bundle)
    assert done.returncode == 1
    assert "consultation leaf 2: an event is about things that the log has created" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify", "/nowhere"), "not a bundle"),
        (("replay", "http://127.0.0.1:1"), "Connection refused"),
        (("replay", "ftp://127.0.0.1"), "not a portal's address"),
        (("verify", "http://127.0.0.1:99999"), "not a portal's address"),
        (("verify", "http://[::1"), "not a portal's address"),
        (("replay", "/nowhere"), "not a bundle"),
        (("recount", "SOURCE", "unknown"), "the log holds no election unknown"),
    ],
)
def test_what_cannot_run_exits_2_with_one_line(
    bundle: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = audit(*(str(bundle) if one == "SOURCE" else one for one in arguments))
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_open_election_has_nothing_to_recount(city: Any, tmp_path: Path) -> None:
    done = audit("recount", city.write(tmp_path / "b"), ELECTION)
    assert done.returncode == 2
    assert "is not closed" in done.stderr


def test_a_replay_stops_at_a_time(bundle: Path) -> None:
    before = audit("replay", bundle, "--at", "2026-10-03T11:59:59Z")
    assert "budget: 0 events" in before.stdout
    after = audit("replay", bundle, "--at", "2026-10-03T12:00:00Z")
    assert "budget: 21 events" in after.stdout
    assert audit("replay", bundle, "--at", "noon").returncode == 2


def test_diff_names_the_first_leaf_that_differs(
    bundle: Path, resign: Resign, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(bundle, other)
    assert audit("diff", bundle, other).returncode == 0
    log = leaves(other)
    log[5] = edit(log[5], cost_cents=7)
    resign(other, log)
    done = audit("diff", bundle, other)
    assert done.returncode == 1
    assert "budget leaf 5" in done.stderr


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_flipped_byte_of_a_ballot_passes(bundle: Path, resign: Resign, data: Any) -> None:
    """In process, for speed; the city itself signs the changed log."""
    log = leaves(bundle)
    index = data.draw(st.integers(FIRST_BALLOT, FIRST_BALLOT + 5))
    at = data.draw(st.integers(0, len(log[index]) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != log[index][at]))
    spoiled = list(log)
    spoiled[index] = log[index][:at] + bytes([value]) + log[index][at + 1 :]
    resign(bundle, spoiled)
    try:
        assert audit_election(str(bundle), "all")
    except CannotAudit:
        pass
    finally:
        resign(bundle, log)
