"""`cahier tally` answers with the winners and the reasons, or with one line and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cahier_cli.tally import tally

REAL_ELECTIONS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "pabulib"

ELECTION = """META
key;value
budget;100.5
vote_type;approval
rule;{rule}
currency;EUR
min_project_score_threshold;2
PROJECTS
project_id;cost;name
b;60;Bancs
a;60;Arbres
c;40.5;"Cour; \x07rouge"
d;30;Digue
e;10;Eau
VOTES
voter_id;vote
1;a,b,c,d
2;a,b,c,d
3;a,b
4;c
5;d
"""


@pytest.fixture
def election(tmp_path: Path) -> Path:
    path = tmp_path / "city.pb"
    path.write_text(ELECTION.format(rule="greedy"))
    return path


def run(*args: object) -> Result:
    return CliRunner().invoke(tally, [str(arg) for arg in args])


def answer(*args: object) -> dict:
    result = run(*args, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


def refusal(*args: object) -> str:
    """The one line on stderr; nothing stands on stdout."""
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def test_the_files_own_rule_counts_and_its_order_breaks_ties(election):
    told = answer(election)
    assert told["selected"] == ["b", "c"]
    assert (told["rule"], told["utility"], told["completion"]) == ("greedy", "cost", "none")
    assert (told["ties"], told["tie_order"]) == ("standard", "presented")
    assert (told["budget"], told["spent"], told["currency"]) == ("100.5", "100.5", "EUR")
    assert (told["voters"], told["invalid_ballots"], told["warnings"]) == (5, [], [])


def test_every_project_has_its_reason(election):
    projects = answer(election)["projects"]
    assert projects[0] == {
        "id": "b",
        "cost": "60",
        "votes": 3,
        "score": "3",
        "reason": "selected",
        "left": "100.5",
    }
    assert {one["id"]: (one["reason"], one.get("left")) for one in projects} == {
        "b": ("selected", "100.5"),
        "a": ("does_not_fit", "40.5"),
        "c": ("selected", "40.5"),
        "d": ("does_not_fit", "0"),
        "e": ("no_votes", None),
    }


def test_a_chosen_rule_breaks_ties_by_cost_then_votes_then_id(election):
    told = answer(election, "--rule", "greedy")
    assert told["selected"] == ["d", "c"]
    assert told["tie_order"] == "cheapest"


def test_lexicographic_ties_go_by_id(election):
    told = answer(election, "--ties", "lexicographic")
    assert (told["selected"], told["ties"]) == (["a", "c"], "lexicographic")


def test_cardinality_goes_by_score_per_cost(election):
    told = answer(election, "--rule", "greedy", "--utility", "cardinality")
    assert (told["selected"], told["utility"]) == (["d", "c"], "cardinality")


@pytest.mark.parametrize(
    ("rule", "selected"), [("greedy-no-skip", ["b"]), ("greedy-threshold", ["b", "c"])]
)
def test_the_other_greedy_rules_of_a_file_are_served(tmp_path, rule, selected):
    path = tmp_path / "city.pb"
    path.write_text(ELECTION.format(rule=rule))
    told = answer(path)
    assert (told["rule"], told["selected"]) == (rule, selected)
    assert told.get("threshold") == ("2" if rule == "greedy-threshold" else None)


@pytest.mark.parametrize(
    ("vote_type", "votes", "winner"),
    [
        ("ordinal", "voter_id;vote\n1;d,a\n2;d\n", "d"),
        ("cumulative", "voter_id;vote;points\n1;d,a;1,3\n2;d;1\n", "a"),
        ("scoring", "voter_id;vote;points\n1;d,a;0.5,3\n2;d;1\n", "a"),
        ("choose-1", "voter_id;vote\n1;d\n", "d"),
    ],
)
def test_greedy_counts_every_vote_type_by_its_score(tmp_path, vote_type, votes, winner):
    path = tmp_path / "city.pb"
    head, _ = ELECTION.format(rule="greedy").split("VOTES\n")
    path.write_text(head.replace("approval", vote_type) + "VOTES\n" + votes)
    assert answer(path, "--rule", "greedy")["selected"][0] == winner


def test_without_json_a_table_is_printed_for_people(election):
    result = run(election)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "city.pb: greedy by score, ties in the file's order"
    assert lines[2].split() == ["project", "cost", "score", "outcome", "name"]
    assert lines[3].split() == ["b", "60", "3", "selected", "Bancs"]
    assert lines[-1] == "2 of 5 projects selected by 5 ballots; 100.5 of 100.5 EUR spent"
    assert "\x07" not in result.stdout


@pytest.mark.parametrize("completion", ["none", "greedy", "add1", "add1-greedy"])
@pytest.mark.parametrize("utility", ["cost", "cardinality"])
def test_mes_is_counted_with_each_completion_and_utility(election, completion, utility):
    told = answer(election, "--rule", "mes", "--completion", completion, "--utility", utility)
    assert (told["rule"], told["completion"], told["utility"]) == ("mes", completion, utility)
    assert told["tie_order"] == "cheapest"
    assert sum(Decimal(one["cost"]) for one in told["projects"] if one["reason"] == "selected") == (
        Decimal(told["spent"])
    )
    assert Decimal(told["spent"]) <= Decimal(told["budget"])
    assert told.get("stop") == ("overspend" if "add1" in completion else None)


def test_mes_completes_by_add1_then_greedy_by_default(election):
    assert answer(election, "--rule", "mes") == answer(
        election, "--rule", "mes", "--completion", "add1-greedy", "--stop", "overspend"
    )


def test_mes_tells_its_rounds_and_what_each_voter_held(election):
    told = answer(election, "--rule", "mes", "--completion", "none")
    assert told["endowment"] == "20.1"
    assert told["rounds"] == [
        {"id": "d", "price": "10", "paying_it": 3, "supporters": 3},
    ]
    raised = answer(election, "--rule", "mes", "--completion", "add1")
    assert (raised["raises"], raised["endowment"]) == (15, "35.1")
    assert raised["rounds"][1] == {
        "id": "c",
        "price": "13.5",
        "paying_it": 3,
        "supporters": 3,
    }


def test_phragmen_is_counted_and_has_no_completion(election):
    told = answer(election, "--rule", "phragmen")
    assert (told["rule"], told["completion"], told["tie_order"]) == ("phragmen", "none", "cheapest")
    assert told["selected"] == ["d", "c"]
    assert "--completion none" in refusal(election, "--rule", "phragmen", "--completion", "add1")
    assert "--stop" in refusal(election, "--rule", "phragmen", "--stop", "exhaustive")


@pytest.mark.parametrize(
    ("rule", "completion"),
    [
        ("equalshares", "none"),
        ("equalshares/add1", "add1"),
        ("equalshares/add1-comparison", "add1"),
    ],
)
def test_equal_shares_named_by_the_file_are_counted_as_the_name_says(tmp_path, rule, completion):
    path = tmp_path / "city.pb"
    path.write_text(ELECTION.format(rule=rule))
    told = answer(path)
    assert (told["rule"], told["completion"], told["tie_order"]) == (rule, completion, "cheapest")
    other = "greedy" if completion != "greedy" else "none"
    assert f"--completion {completion}" in refusal(path, "--completion", other)
    assert ("preferred" in told) == rule.endswith("comparison")


def test_stop_is_refused_where_nothing_is_raised(election):
    line = refusal(election, "--rule", "mes", "--completion", "none", "--stop", "exhaustive")
    assert "--stop" in line


@pytest.mark.parametrize("rule", ["file", "greedy", "mes", "phragmen"])
def test_every_default_may_be_named(election, rule):
    defaults = ("--utility", "cost", "--stop", "overspend", "--ties", "standard")
    assert answer(election, "--rule", rule, *defaults) == answer(election, "--rule", rule)


def test_a_rule_that_does_not_fit_the_ballots_is_refused(tmp_path):
    path = tmp_path / "city.pb"
    head, _ = ELECTION.format(rule="greedy").split("VOTES\n")
    votes = "voter_id;vote;points\n1;d,a;1,-3\n"
    path.write_text(head.replace("approval", "scoring") + "VOTES\n" + votes)
    assert "negative" in refusal(path, "--rule", "mes")
    assert "negative" in refusal(path, "--rule", "phragmen", "--json")
    assert answer(path, "--rule", "greedy")["selected"] == ["d"]


@pytest.mark.parametrize("rule", ["greedy-custom", "unknown", ""])
def test_an_unknown_file_rule_is_refused_by_name(tmp_path, rule):
    path = tmp_path / "city.pb"
    path.write_text(ELECTION.format(rule=rule))
    line = refusal(path, "--json")
    assert line.startswith(f"{path}: rule: ")
    assert repr(rule) in line


def test_an_unknown_rule_option_is_refused(election):
    assert "'borda'" in refusal(election, "--rule", "borda")


def test_what_only_equal_shares_knows_is_refused_for_greedy(election):
    assert "--completion" in refusal(election, "--completion", "add1")
    assert "--stop" in refusal(election, "--stop", "exhaustive")
    assert answer(election, "--completion", "none")["completion"] == "none"


def test_a_threshold_rule_without_a_threshold_is_refused(tmp_path):
    path = tmp_path / "city.pb"
    text = ELECTION.format(rule="greedy-threshold")
    path.write_text(text.replace("min_project_score_threshold;2\n", ""))
    assert "least score" in refusal(path)


def test_a_bad_file_is_refused_with_file_line_field_and_rule(election):
    election.write_text(ELECTION.format(rule="greedy").replace("4;c", "4;zz"))
    assert refusal(election, "--json") == (
        f"{election}:20: vote: names the project 'zz', which PROJECTS does not hold"
    )


@pytest.mark.parametrize(
    ("sound", "broken", "place"),
    [
        ("4;c", "4;zz", "20: vote: "),
        ("a;60;Arbres", "b;60;Arbres", "11: project_id: "),
        ("5;d", "4;d", "21: voter_id: "),
        ("a;60;", "a;-60;", "11: cost: "),
        ("a;60;", "a;;", "11: cost: "),
        ("a;60;", "a;1,000;", "11: cost: "),
        ("VOTES\n", "", "15: row: "),
        ("PROJECTS\n", "VOTES\n", "8: PROJECTS: "),
        ("Arbres", "Arbres; fleurs", "11: row: "),
        ("budget;100.5\n", "", "1: budget: "),
    ],
)
@pytest.mark.parametrize("rule", ["greedy", "mes", "phragmen"])
def test_a_malformed_file_is_refused_with_one_line_under_every_rule(
    election, sound, broken, place, rule
):
    election.write_text(ELECTION.format(rule="greedy").replace(sound, broken, 1))
    assert refusal(election, "--rule", rule, "--json").startswith(f"{election}:{place}")


@pytest.mark.parametrize("points", ["1,2", "1"])
def test_points_fewer_or_more_than_the_projects_are_refused(election, points):
    head, _ = ELECTION.format(rule="greedy").replace("approval", "cumulative").split("VOTES\n")
    rows = f"voter_id;vote;points\n1;a,b,c;{points}\n"
    election.write_text(head + "VOTES\n" + rows)
    assert refusal(election).startswith(f"{election}:17: points: ")


def test_ordinal_ballots_are_counted_by_the_positions_given(tmp_path):
    path = tmp_path / "city.pb"
    head, _ = ELECTION.format(rule="greedy").split("VOTES\n")
    path.write_text(head.replace("approval", "ordinal") + "VOTES\nvoter_id;vote\n1;a,d\n2;e,d\n")
    scores = {one["id"]: one["score"] for one in answer(path)["projects"]}
    assert (scores["a"], scores["d"], scores["e"]) == ("5", "8", "5")
    told = answer(path, "--positions", "3,1.5")
    scores = {one["id"]: one["score"] for one in told["projects"]}
    assert (scores["a"], scores["d"], scores["e"]) == ("3", "3", "3")
    assert refusal(path, "--positions", "3,x").startswith(f"{path}: positions: ")
    path.write_text(ELECTION.format(rule="greedy"))
    assert "no ranks" in refusal(path, "--positions", "3,2,1")


def test_explain_adds_reasons_needs_and_other_rules(election):
    told = answer(election, "--rule", "mes", "--completion", "none", "--explain")
    explained = {one["id"]: one for one in told["explanations"]}
    assert explained["d"]["effective_votes"] == "3"
    assert explained["c"] == {
        "id": "c",
        "reason": "supporters_short",
        "votes": 3,
        "round": 2,
        "effective_votes": "3",
        "supporters_money": "40.3",
        "would_win_at_cost": "40.3",
        "would_win_with_more_votes": 1,
    }
    assert len(told["alternatives"]) == 5
    assert told["alternatives"][0]["rule"] == "greedy"
    assert told["satisfaction_by_district"] == {}
    assert told["satisfaction"] == {
        "voters": 5,
        "share_with_one": "0.6",
        "average_cost": "18",
        "average_projects": "0.6",
    }


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path):
    assert refusal(tmp_path / "none.pb").startswith(f"{tmp_path / 'none.pb'}: file: ")
    assert refusal(tmp_path).startswith(f"{tmp_path}: file: ")


def test_invalid_ballots_are_left_out_and_told_and_refused_when_strict(election):
    text = ELECTION.format(rule="greedy")
    election.write_text(text.replace("min_project_score_threshold;2", "max_length;2"))
    told = answer(election)
    assert told["voters"] == 3
    assert [(one["line"], one["voter_id"]) for one in told["invalid_ballots"]] == [
        (17, "1"),
        (18, "2"),
    ]
    table = run(election)
    assert table.exit_code == 0
    assert table.stderr.count("warning: left out: line ") == 2
    assert refusal(election, "--strict").startswith(f"{election}:17: vote: ")


def test_warnings_are_told_up_to_a_bound(election):
    rows = "".join(f"x{number};a, b\n" for number in range(50))
    election.write_text(ELECTION.format(rule="greedy") + rows)
    assert len(answer(election)["warnings"]) == 50
    lines = run(election).stderr.splitlines()
    assert (len(lines), lines[-1]) == (11, "warning: and 40 more")


def test_the_command_runs_as_a_process_of_its_own(election):
    command = [sys.executable, "-c", "from cahier_cli.tally import tally; tally()"]
    done = subprocess.run([*command, str(election), "--json"], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["selected"] == ["b", "c"]
    refused = subprocess.run([*command, "none.pb"], capture_output=True, timeout=60)
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr == b"none.pb: file: No such file or directory\n"


def test_warszawa_2017_comes_out_as_announced():
    path = REAL_ELECTIONS / "Poland_Warszawa_2017_Praga-Poludnie.pb"
    if not path.exists():
        pytest.skip(f"the real elections are missing: no {path}")
    told = answer(path)
    assert (told["budget"], told["spent"], len(told["selected"])) == ("446829.4", "436250", 11)
