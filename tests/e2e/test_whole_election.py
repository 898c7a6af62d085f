"""An election from ideas to an audited result, by the commands that users type."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_cli.bundle import read_log
from cahier_cli.storage import open_stores
from cahier_ledger.log.entries import encode_bundle, read_entries
from cahier_record.budget.events import BallotsCounted
from cahier_record.budget.pabulib import Instance, read
from cahier_record.events import decode_leaf

pytestmark = pytest.mark.e2e
AUDIT = str(Path(sys.executable).parent / "cahier-audit")
CAHIER = str(Path(sys.executable).parent / "cahier")
REAL = Path(__file__).resolve().parents[3] / "shared/data/pabulib"
NEEDS_REAL = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"real elections are not here: {REAL} is missing"
)


def known(instance: Instance) -> dict[str, Any]:
    """What a file knew, in a form that can be compared."""
    return {
        "meta": instance.meta,
        "projects": [
            (p.id, p.cost, {k: v for k, v in p.fields.items() if k != "selected"})
            for p in instance.projects
        ],
        "votes": [(b.voter, b.projects, b.points, b.extra) for b in instance.ballots],
        "vote_columns": instance.vote_columns,
    }


def without_rule(meta: dict[str, str]) -> dict[str, str]:
    """META without the counting rule and what the city adds to say how it counts."""
    return {k: v for k, v in meta.items() if k != "rule" and not k.startswith("cahier_")}


def imported(city: Any, cahier: Any, file: Path, *options: str) -> str:
    done = cahier("import", "pabulib", file, "--data", city.folder.root, *options)
    assert done.returncode == 0, done.stderr + city.logs()
    return str(done.stdout.splitlines()[-1])


def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AUDIT, *map(str, arguments)], capture_output=True, text=True)


def test_the_demo_ends_with_the_audits_word(
    cahier: Any, small_pb: Path, tmp_path: Path, port: int
) -> None:
    data = tmp_path / "demo"
    options = ("--data", data, "--pb", small_pb, "--exit", "--port", port)
    done = cahier("demo", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "audit     everything holds" in done.stdout
    assert "ballots   300 cast" in done.stdout
    assert "streets   349 reports of a day, 230 closed in a week" in done.stdout
    assert "mails     21 to 5 followers, about 11 events" in done.stdout
    assert re.search(r"sign in   resident +resident@demo\.example", done.stdout)
    assert re.search(r"sign in   staff +staff@demo\.example", done.stdout)
    assert audit("recount", data / "bundle").returncode == 0
    again = cahier("demo", *options)
    assert again.returncode == 2
    assert "holds a city already" in again.stderr


def test_an_imported_election_is_written_back_equal(
    shared_city: Any, cahier: Any, small_pb: Path, tmp_path: Path
) -> None:
    election = imported(shared_city, cahier, small_pb)
    out = tmp_path / "out.pb"
    done = cahier("export", "pabulib", election, out, "--data", shared_city.folder.root)
    assert done.returncode == 0, done.stderr
    assert known(read(out.read_bytes(), "out")) == known(read(small_pb.read_bytes(), "in"))


HEAD = ("unit;Town", "num_projects;3", "num_votes;3", "budget;900.5", "rule;greedy")
PROJECTS = ("project_id;cost;name", "oak;400;Oaks", "path;500.5;A path", "pond;300;A pond")
WEIGHED = {
    "cumulative": (
        ("max_points;3", "max_sum_points;5"),
        ("voter_id;age;vote;points", "v1;30;pond,oak;3,2", "v2;;path;1", "v3;8;oak;3"),
        {"oak": 500, "path": 100, "pond": 300},
    ),
    "scoring": (
        ("max_points;4", "default_score;0.5"),
        ("voter_id;vote;points", "v1;pond,oak;-1.5,4", "v2;;", "v3;path;2.25"),
        {"oak": 500, "path": 325, "pond": -50},
    ),
    "ordinal": (
        ("max_length;3", "scoring_fn;5,2"),
        ("voter_id;vote", "v1;pond,oak,path", "v2;oak,pond", "v3;oak"),
        {"oak": 1200, "path": 0, "pond": 700},
    ),
}
"""Of each type: META, VOTES and what every project scores, in hundredths of a point."""


@pytest.mark.parametrize(
    "vote_type",
    [
        "ordinal",
        pytest.param("cumulative", marks=pytest.mark.slow),
        pytest.param("scoring", marks=pytest.mark.slow),
    ],
)
def test_an_election_by_points_or_places_is_counted_by_them_and_written_back_equal(
    shared_city: Any, cahier: Any, tmp_path: Path, vote_type: str
) -> None:
    meta, votes, scores = WEIGHED[vote_type]
    parts = ("META", "key;value", *HEAD, f"vote_type;{vote_type}", *meta)
    file, out = tmp_path / "in.pb", tmp_path / "out.pb"
    file.write_text("\n".join([*parts, "PROJECTS", *PROJECTS, "VOTES", *votes, ""]), "utf-8")
    election = imported(shared_city, cahier, file)
    done = cahier("export", "pabulib", election, out, "--data", shared_city.folder.root)
    assert done.returncode == 0, done.stderr
    assert known(read(out.read_bytes(), "out")) == known(read(file.read_bytes(), "in"))
    with open_stores(shared_city.folder) as stores_of:
        events = [decode_leaf(row.leaf).event for row in read_log(stores_of("budget"))]
    counts = [each for each in events if isinstance(each, BallotsCounted)]
    result = next(each.result for each in counts if each.election == election)
    unit = 10 ** (2 - result.rules.point_decimals)
    assert [score * unit for score in result.scores] == list(scores.values())
    assert result.selected[0] == 1
    bundle = tmp_path / "bundle"
    assert cahier("export", "bundle", bundle, "--data", shared_city.folder.root).returncode == 0
    audited = audit("recount", bundle, election)
    assert audited.returncode == 0, audited.stdout + audited.stderr


@NEEDS_REAL
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Poland_Gdynia_2020_Grabowek__large.pb", ()),
        ("Netherlands_Assen_2024.pb", ("--rule", "greedy")),
        ("Worldwide_Mechanical_Turk_Knapsack_7.pb", ("--rule", "greedy")),
        ("Switzerland_Zurich_D10.pb", ("--rule", "greedy")),
        ("Switzerland_Zurich_S5R.pb", ("--rule", "phragmen")),
    ],
)
def test_a_real_election_is_written_back_equal(
    shared_city: Any, cahier: Any, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    election = imported(shared_city, cahier, REAL / name, *options)
    out = tmp_path / "out.pb"
    assert (
        cahier("export", "pabulib", election, out, "--data", shared_city.folder.root).returncode
        == 0
    )
    written, original = read(out.read_bytes(), "out"), read((REAL / name).read_bytes(), "in")
    if options:
        # Counted by another rule than the file's: what META says of the count is the city's own.
        assert written.rule == options[-1]
        for each in (written, original):
            each.meta = without_rule(each.meta)
    assert known(written) == known(original)
    if not options:
        official = {p.id for p in original.projects if p.fields.get("selected") == "1"}
        ours = {p.id for p in written.projects if p.fields["selected"] == "1"}
        assert ours == official


def test_one_altered_ballot_is_found_in_a_bundle_with_new_sums(
    city: Any, cahier: Any, small_pb: Path, tmp_path: Path
) -> None:
    election = imported(city, cahier, small_pb)
    city.stop()
    bundle = tmp_path / "bundle"
    assert cahier("export", "bundle", bundle, "--data", city.folder.root).returncode == 0
    assert audit("recount", bundle, election).returncode == 0
    log = list(read_entries(bundle / "tlog/budget"))
    index = next(i for i, raw in enumerate(log) if b"ballot_cast" in raw) + 100
    leaf = json.loads(log[index])
    sealed = leaf["data"]["sealed"]
    leaf["data"]["sealed"] = ("A" if sealed[0] != "A" else "B") + sealed[1:]
    log[index] = json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()
    shutil.rmtree(bundle / "tlog/budget/tile/entries")
    for number in range(0, len(log), 256):
        part = log[number : number + 256]
        width = "" if len(part) == 256 else f".p/{len(part)}"
        file = bundle / f"tlog/budget/tile/entries/{number // 256:03d}{width}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode_bundle(part))
    subprocess.run(
        "find . -type f ! -name SHA256SUMS -printf '%P\\0' | sort -z | xargs -0 sha256sum"
        " > SHA256SUMS",
        shell=True,
        cwd=bundle,
        check=True,
    )
    done = audit("recount", bundle, election)
    assert done.returncode == 1
    assert f"FINDING budget leaf {index}:" in done.stderr.splitlines()[0]


def test_a_bundle_is_exported_from_a_running_city(
    shared_city: Any, cahier: Any, tmp_path: Path
) -> None:
    done = cahier("export", "bundle", tmp_path / "b", "--data", shared_city.folder.root)
    assert done.returncode == 0, done.stderr
    for part in ("tlog/budget", "disclosures/consultation", "schema", "SHA256SUMS"):
        assert (tmp_path / "b" / part).exists(), part
    again = cahier("export", "bundle", tmp_path / "b", "--data", shared_city.folder.root)
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_an_unknown_counting_rule_exits_2(cahier: Any, small_pb: Path, tmp_path: Path) -> None:
    text = small_pb.read_text("utf-8")
    small_pb.write_text(re.sub(r"(?m)^rule;.*$", "rule;lottery", text), "utf-8")
    done = cahier("demo", "--data", tmp_path / "demo", "--pb", small_pb, "--exit")
    assert done.returncode == 2
    assert "lottery" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_malformed_file_exits_2_with_file_line_field_and_rule(
    shared_city: Any, cahier: Any, small_pb: Path
) -> None:
    text = small_pb.read_text("utf-8")
    small_pb.write_text(text.replace("\n1;", "\n1;-", 1), "utf-8")
    done = cahier("import", "pabulib", small_pb, "--data", shared_city.folder.root)
    assert done.returncode == 2
    assert re.search(r"small\.pb:\d+: \w+: .+", done.stderr)
    assert len(done.stderr.splitlines()) == 1


def test_an_import_stalls_while_the_broker_is_silent_and_goes_on_after(
    city: Any, small_pb: Path
) -> None:
    """Consultation goes on deciding; budget cannot hear of it, so no project is added."""
    import os
    import time

    def added(kind: bytes, service: str) -> int:
        with open_stores(city.folder) as stores_of:
            return sum(kind in row.leaf for row in read_log(stores_of(service)))

    nats = city.running["pids"]["nats"]
    os.kill(nats, signal.SIGSTOP)
    command = [CAHIER, "import", "pabulib", str(small_pb), "--data", str(city.folder.root)]
    importing = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        city.wait_until(
            "all proposals are accepted",
            lambda: added(b"proposal_answered", "consultation") == 12,
        )
        time.sleep(2)
        assert added(b"project_added", "budget") == 0
        assert importing.poll() is None
    finally:
        os.kill(nats, signal.SIGCONT)
    _, complaint = importing.communicate(timeout=120)
    assert importing.returncode == 0, complaint
    assert added(b"project_added", "budget") == 12
    assert added(b"ballot_cast", "budget") == 300


def test_a_stopped_city_goes_on_where_it_was(city: Any, cahier: Any, small_pb: Path) -> None:
    election = imported(city, cahier, small_pb)
    city.stop()
    city.start()
    answer = httpx.get(f"{city.url}/api/v1/elections/{election}/result", trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.json()["ballots_counted"] == 300
