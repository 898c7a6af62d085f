"""Open data: every file is as its dictionary says, safe for spreadsheets, and tells the truth."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_kernel.errors import TooLarge, Unavailable
from cahier_portal.catalogue import LANGUAGE_DEFAULT, LANGUAGES, speaking
from cahier_portal.opendata import tables
from cahier_portal.opendata.meanings import meanings
from cahier_portal.opendata.reading import READERS
from cahier_portal.opendata.sets import BALLOTS, SETS
from cahier_portal.opendata.shelf import OpenFile, Shelf
from cahier_portal.opendata.tables import KINDS, Column, Writer, dictionary, dictionary_csv, safe
from cahier_record.budget.pabulib import Instance, profile_of, read
from cahier_record.budget.tally import Terms, count

COLUMNS = (
    Column("title", "text", "A title."),
    Column("votes", "integer", "A number."),
    Column("won", "boolean", "Whether it won."),
    Column("fixed", "list", "Numbers."),
)


def written(folder: Path, *rows: tables.Row) -> tuple[list[list[str]], list[dict[str, Any]]]:
    with Writer(COLUMNS, folder / "t") as out:
        for row in rows:
            out.write(row)
    text = (folder / "t.csv").read_bytes().decode()
    return list(csv.reader(io.StringIO(text))), json.loads((folder / "t.json").read_bytes())


def test_csv_and_json_hold_the_same_rows(tmp_path: Path) -> None:
    lines, objects = written(tmp_path, ('A; b,\n"c"', 3, True, [1, 2]), ("", None, False, []))
    assert lines[0] == ["title", "votes", "won", "fixed"]
    assert lines[1:] == [['A; b,\n"c"', "3", "true", "1 2"], ["", "", "false", ""]]
    assert objects[0] == {"title": 'A; b,\n"c"', "votes": 3, "won": True, "fixed": [1, 2]}
    assert objects[1]["votes"] is None


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_run_is_led_by_an_apostrophe(tmp_path: Path, text: str) -> None:
    lines, objects = written(tmp_path, (text, -5, False, [text]))
    assert lines[1] == [f"'{text}", "-5", "false", f"'{text}"]
    assert objects[0]["title"] == text
    assert safe("a=1") == "a=1"


def test_a_data_set_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_MAX", 2)
    with pytest.raises(TooLarge, match="open_data_too_large"):
        written(tmp_path, *[("x", 1, True, [])] * 3)


def test_the_dictionary_is_made_from_the_columns_and_leaves_none_out() -> None:
    every = (*SETS, BALLOTS)
    listed = dictionary(every)
    assert [(each["data_set"], each["column"]) for each in listed] == [
        (each.name, column.name) for each in every for column in each.columns
    ]
    assert all(each["kind"] in KINDS and each["meaning"].endswith(".") for each in listed)
    for each in every:
        names = [column.name for column in each.columns]
        assert len(set(names)) == len(names), each.name
    rows = list(csv.DictReader(io.StringIO(dictionary_csv(every))))
    assert rows == listed
    assert set(READERS) == {each.name for each in SETS}


async def test_a_file_is_made_once_for_all_who_wait_and_again_when_it_is_old(
    tmp_path: Path,
) -> None:
    now_s, made = 0.0, 0
    shelf = Shelf(tmp_path / "shelf", lambda: now_s)

    async def make(folder: Path) -> None:
        nonlocal made
        await asyncio.sleep(0.01)
        made += 1
        (folder / "f").write_text(str(made))

    first = await asyncio.gather(*(shelf.get("a", make) for _ in range(5)))
    assert (len(set(first)), made) == (1, 1)
    reading = OpenFile(first[0] / "f")
    now_s = 59.0
    assert await shelf.get("a", make) == first[0]
    now_s = 61.0
    again = await shelf.get("a", make)
    assert (again / "f").read_text() == "2"
    assert not first[0].exists()
    assert [chunk async for chunk in reading.chunks()] == [b"1"]
    await shelf.close()
    assert not (tmp_path / "shelf").exists()


async def test_whoever_leaves_ends_nothing_and_a_failure_is_not_kept(tmp_path: Path) -> None:
    shelf, fails = Shelf(tmp_path / "shelf"), True

    async def make(folder: Path) -> None:
        await asyncio.sleep(0.05)
        if fails:
            raise Unavailable("log_away", "away")

    left = asyncio.create_task(shelf.get("a", make))
    stayed = asyncio.create_task(shelf.get("a", make))
    await asyncio.sleep(0.01)
    left.cancel()
    with pytest.raises(Unavailable):
        await stayed
    assert list((tmp_path / "shelf").iterdir()) == []
    fails = False
    assert (await shelf.get("a", make)).is_dir()
    await shelf.close()


def fetch(town: Any, path: str) -> httpx.Response:
    return httpx.get(f"{town.url}/open-data{path}", trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def closed_id(town: Any, staff: Any, new_election: Any) -> str:
    """An election with three ballots, counted and published."""
    election_id: str = new_election("Budget in the open")
    for choices in (["1", "3"], ["3"], ["2"]):
        person = town.resident()
        person.go(f"/budgets/{election_id}/vote")
        person.send("/vote", ("step", "review"), choice=choices)
        person.send("/vote", ("step", "cast"))
        person.ok()
    answers = [fetch(town, f"/elections/{election_id}.pb")]
    assert answers[0].status_code == 409
    assert answers[0].json()["code"] == "voting_not_closed"
    for step, winners in (("close", ""), ("count", ""), ("publish", "13")):
        staff.go(f"/staff/budgets/{election_id}/steps/{step}")
        fields = {"reason": "for the test"} if step == "close" else {}
        staff.send(f"/steps/{step}", **fields)
        staff.ok()
        # Handed out at each step: the next one's file is not this one.
        assert "".join(selected_of(file_of(town, election_id))) == winners, step
    return election_id


def file_of(town: Any, election_id: str) -> Instance:
    """The election's file, once the public log tells of its state."""

    def file() -> Any:
        answer = fetch(town, f"/elections/{election_id}.pb")
        return answer if answer.status_code == 200 else None

    return read(town.wait("the log has all of it", file).content, "open.pb")


def selected_of(instance: Instance) -> list[str]:
    """The projects that the file says were selected, as it orders them."""
    return [each.id for each in instance.projects if each.fields.get("selected") == "1"]


@pytest.mark.e2e
@pytest.mark.parametrize("each", SETS, ids=lambda each: each.name)
def test_each_data_set_comes_as_its_dictionary_says(town: Any, each: tables.DataSet) -> None:
    as_csv, as_json = fetch(town, f"/{each.name}.csv"), fetch(town, f"/{each.name}.json")
    assert as_csv.headers["content-type"] == "text/csv; header=present; charset=utf-8"
    assert "max-age" in as_csv.headers["cache-control"]
    rows = list(csv.reader(io.StringIO(as_csv.content.decode())))
    names = [column.name for column in each.columns]
    assert rows[0] == names
    assert len(rows) - 1 == len(as_json.json())
    kinds = {"integer": int | None, "boolean": bool, "list": list}
    for row in as_json.json():
        assert list(row) == names
        for column in each.columns:
            assert isinstance(row[column.name], kinds.get(column.kind, str)), column.name


@pytest.mark.e2e
def test_data_sets_say_what_the_pages_say(town: Any, resident: Any) -> None:
    proposals = {each["id"]: each for each in fetch(town, "/proposals.json").json()}
    assert proposals[town.proposals[0]]["title"] == "Trees for Market Square"
    assert proposals[town.proposals[0]]["body"].startswith("Trees for Market Square: because")
    assert proposals[town.proposals[0]]["answer"] == "We will gladly do that."
    place = [proposals[town.proposals[0]][name] for name in ("latitude_e7", "longitude_e7")]
    assert place == [485_734_000, 77_521_000]
    assert proposals[town.proposals[2]]["latitude_e7"] is None
    elections = fetch(town, "/elections.json").json()
    assert town.election_id in {each["id"] for each in elections}
    assert fetch(town, "/report_categories.json").json()[0]["code"] in ("LAMP", "LITTER")


@pytest.mark.e2e
def test_a_closed_election_is_a_pabulib_file_that_counts_to_the_same_winners(
    town: Any, closed_id: str
) -> None:
    instance = file_of(town, closed_id)
    result = count(profile_of(instance), instance.rule, Terms())
    api = f"{town.url}/api/v1/elections/{closed_id}/result"
    selected = [str(number) for number in httpx.get(api, trust_env=False).json()["selected"]]
    assert list(result.selected) == selected
    assert selected_of(instance) == sorted(selected)
    assert [p.fields["name"] for p in instance.projects][:1] == ["Trees for Market Square"]
    ballots = fetch(town, f"/elections/{closed_id}-ballots.json").json()
    assert sorted(each["projects"] for each in ballots) == [["1", "3"], ["2"], ["3"]]
    lines = fetch(town, f"/elections/{closed_id}-ballots.csv").text.splitlines()
    assert lines[0] == "ballot,projects,points"
    assert len(lines) == 4
    assert closed_id in fetch(town, "/index.json").json()["elections"]


@pytest.mark.e2e
@pytest.mark.parametrize(
    "path",
    ["/nothing.csv", "/proposals.xml", "/proposals", "/elections/nothing.pb",
     "/elections/01a203f2-4b1f-7885-82b2-60be11eb05f3.pb", "/..%2fkeys.csv"],
)  # fmt: skip
def test_what_there_is_not_is_a_problem_and_no_page(town: Any, path: str) -> None:
    answer = fetch(town, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_meaning_is_said_in_every_language_and_none_is_left_over() -> None:
    said = {*KINDS.values()}
    for each in (*SETS, BALLOTS):
        said |= {each.meaning, *(column.meaning for column in each.columns)}
    for chosen in LANGUAGES:
        if chosen == LANGUAGE_DEFAULT:
            continue
        assert set(meanings(chosen)) == said
        assert all(text.endswith(".") for text in meanings(chosen).values())


def test_the_dictionary_reads_in_the_readers_language_under_the_same_names() -> None:
    english = dictionary(SETS)
    with speaking("fr"):
        french = dictionary(SETS)
    names = ("data_set", "column", "kind")
    assert [[each[name] for name in names] for each in french] == [
        [each[name] for name in names] for each in english
    ]
    meaning = {(each["data_set"], each["column"]): each["meaning"] for each in french}
    assert meaning["projects", "category"] == "Sa catégorie\u202f; peut être vide."


@pytest.mark.e2e
def test_the_dictionary_follows_who_asks(town: Any) -> None:
    for asked, words in (("en", "Its title."), ("fr", "Son titre.")):
        for form in ("csv", "json"):
            answer = httpx.get(
                f"{town.url}/open-data/dictionary.{form}",
                headers={"accept-language": asked},
                trust_env=False,
            )
            assert words in answer.text
            assert answer.headers["content-language"] == asked
            assert "accept-language" in answer.headers["vary"].lower()


@pytest.mark.e2e
def test_the_page_names_every_file_in_both_languages(
    town: Any, stranger: Any, closed_id: str
) -> None:
    page = stranger.go("/open-data/").text
    for each in SETS:
        assert f'href="/open-data/{each.name}.csv"' in page
    assert f'href="/open-data/elections/{closed_id}.pb"' in page
    assert "Data dictionary" in page
    french = stranger.go("/open-data/?lang=fr").text
    assert "Dictionnaire des données" in french
    assert "Son titre." in french
    assert "Its title." not in french
