"""A file of real service requests through a city: reported, handled, told, replayed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cahier_ledger.log.entries import read_entries

pytestmark = pytest.mark.e2e
AUDIT = str(Path(sys.executable).parent / "cahier-audit")


def leaves(bundle: Path) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in read_entries(bundle / "tlog/reporting")]


def exported(city: Any, cahier: Any, out: Path) -> list[dict[str, Any]]:
    done = cahier("export", "bundle", out, "--data", city.folder.root)
    assert done.returncode == 0, done.stderr
    return leaves(out)


def test_service_requests_walk_through_the_citys_time_once(
    city: Any, cahier: Any, small_csv: Path, tmp_path: Path
) -> None:
    command = ("import", "311", small_csv, "--data", city.folder.root)
    done = cahier(*command, "--begin", "2030-01-01T00:00:00Z", "--days", 7)
    assert done.returncode == 0, done.stderr + city.logs()
    told = exported(city, cahier, tmp_path / "first")
    words = Counter(leaf["t"].rpartition(".")[2] for leaf in told)
    assert done.stdout == (
        f"{words['report_received']} reports, {words['report_closed']} of them closed\n"
    )
    assert words["report_received"] == 40 - done.stderr.count("left out: ")
    # Each at its own time, to a quarter of an hour, and never back in time.
    times = [leaf["at"][:16] for leaf in told]
    assert times == sorted(times)
    assert times[0].startswith("2030-01-01T00:0")
    assert times[-1].startswith("2030-01-05T")
    again = cahier(*command, "--begin", "2030-01-08T00:00:00Z", "--days", 7)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    later = exported(city, cahier, tmp_path / "second")
    received = Counter(leaf["t"].rpartition(".")[2] for leaf in later)["report_received"]
    assert received == words["report_received"]
    audit = subprocess.run([AUDIT, "replay", tmp_path / "second"], capture_output=True, text=True)
    assert audit.returncode == 0, audit.stderr
    assert f"street reports: {received}, {words['report_closed']} closed" in audit.stdout


def test_no_exact_place_stands_in_a_leaf(
    shared_city: Any, cahier: Any, small_csv: Path, tmp_path: Path
) -> None:
    done = cahier("import", "311", small_csv, "--data", shared_city.folder.root)
    assert done.returncode == 0, done.stderr
    told = exported(shared_city, cahier, tmp_path / "bundle")
    data = [leaf["data"] for leaf in told if leaf["t"].endswith("report_received")]
    assert {"lat_e2", "lon_e2"} <= set(data[0])
    assert not {"lat_e7", "lon_e7", "position", "address", "description"} & set(data[0])
    file = next((tmp_path / "bundle/disclosures/reporting").iterdir())
    assert json.loads(file.read_text("utf-8"))[0][1] in ("description", "label", "position", "text")


def test_a_malformed_file_exits_2_with_file_line_field_and_rule(
    shared_city: Any, cahier: Any, small_csv: Path
) -> None:
    text = small_csv.read_text("utf-8")
    small_csv.write_text(text.replace("2018-01-01T05:29:06-06:00", "yesterday", 1), "utf-8")
    done = cahier("import", "311", small_csv, "--data", shared_city.folder.root)
    assert done.returncode == 2
    assert f"{small_csv}:3: requested_datetime: an RFC 3339 time" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    missing = cahier("import", "311", "nowhere.csv", "--data", shared_city.folder.root)
    assert (missing.returncode, len(missing.stderr.splitlines())) == (2, 1)


def test_a_begin_that_is_no_time_or_cannot_be_set_exits_2(
    new_city: Any, cahier: Any, small_csv: Path
) -> None:
    city = new_city()
    city.start()
    command = ("import", "311", small_csv, "--data", city.folder.root, "--begin")
    for begin in ("noon", "2030-01-01T00:00:00", "2030-01-01T00:00:00Z"):
        done = cahier(*command, begin)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    done = cahier("import", "311", small_csv, "--data", city.folder.root)
    assert done.returncode == 0, done.stderr
