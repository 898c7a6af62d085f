"""Every malformed file is refused with one line: FILE:LINE: FIELD: RULE."""

from __future__ import annotations

import pytest

from cahier_record.budget.pabulib import PabulibError, read


def refusal(text: str | bytes, **options: bool) -> PabulibError:
    with pytest.raises(PabulibError) as caught:
        read(text, "city.pb", **options)
    error = caught.value
    assert str(error) == f"city.pb:{error.line}: {error.field}: {error.rule}"
    assert len(str(error).splitlines()) == 1
    assert isinstance(error, ValueError)
    return error


def place(text: str | bytes, **options: bool) -> tuple[int, str]:
    error = refusal(text, **options)
    return error.line, error.field


def votes(*rows: str, header: str = "voter_id;vote") -> dict[str, tuple[str, ...]]:
    return {"votes": (header, *rows)}


def projects(*rows: str) -> dict[str, tuple[str, ...]]:
    return {"projects": ("project_id;cost;name", *rows), "votes": ("voter_id;vote", "1;a")}


def test_a_vote_that_names_an_unknown_project_is_refused(pb):
    error = refusal(pb(**votes("1;a", "2;b,zz")))
    assert (error.line, error.field) == (15, "vote")
    assert "'zz'" in error.rule


def test_an_empty_place_in_a_vote_is_an_unknown_project(pb):
    assert place(pb(**votes("1;a,,b"))) == (14, "vote")
    assert place(pb(**votes("1;a,"))) == (14, "vote")


def test_a_project_id_twice_is_refused(pb):
    error = refusal(pb(**projects("a;1;x", "b;2;y", "a;3;z")))
    assert (error.line, error.field) == (11, "project_id")
    assert "'a'" in error.rule


def test_the_same_project_id_but_for_blanks_is_refused(pb):
    assert place(pb(**projects("a;1;x", " a;3;z"))) == (10, "project_id")


def test_a_voter_twice_is_refused(pb):
    error = refusal(pb(**votes("1;a", "2;b", "1;b")))
    assert (error.line, error.field) == (16, "voter_id")
    assert "'1'" in error.rule


@pytest.mark.parametrize("voter", ["", " "])
def test_an_empty_voter_is_refused(pb, voter):
    assert place(pb(**votes(f"{voter};a"))) == (14, "voter_id")


@pytest.mark.parametrize("project_id", ["", " ", "a,b"])
def test_a_project_id_that_no_vote_could_name_is_refused(pb, project_id):
    assert place(pb(**projects(f"{project_id};1;x"))) == (9, "project_id")


@pytest.mark.parametrize(
    ("cost", "rule"),
    [
        ("-1", "negative"),
        ("", "empty"),
        (" ", "empty"),
        ("1,000", "plain decimal"),
        ("1 000", "plain decimal"),
        ("1e3", "plain decimal"),
        ("0x10", "plain decimal"),
        ("12.", "plain decimal"),
        (".5", "plain decimal"),
        ("1_000", "plain decimal"),
        ("nan", "plain decimal"),
        ("1000 EUR", "plain decimal"),
        ("١٢", "plain decimal"),
        ("9" * 31, "plain decimal"),
    ],
)
def test_a_cost_that_is_no_plain_amount_is_refused(pb, cost, rule):
    error = refusal(pb(**projects("a;1;x", f"b;{cost};y")))
    assert (error.line, error.field) == (10, "cost")
    assert rule in error.rule


@pytest.mark.parametrize(
    "key",
    [
        "budget",
        "num_projects",
        "num_votes",
        "min_length",
        "max_length",
        "min_sum_cost",
        "max_sum_cost",
        "min_points",
        "max_points",
        "min_sum_points",
        "max_sum_points",
        "default_score",
        "min_project_cost",
        "max_project_cost",
        "min_project_score_threshold",
    ],
)
def test_a_meta_number_with_a_thousands_separator_is_refused(pb, key):
    line = 4 if key == "budget" else 7
    assert place(pb(**{key: "1,000"})) == (line, key)


@pytest.mark.parametrize("key", ["min_length", "max_length", "num_votes", "num_projects"])
@pytest.mark.parametrize("value", ["1.5", "-1"])
def test_a_count_that_is_not_whole_is_refused(pb, key, value):
    assert place(pb(**{key: value})) == (7, key)


@pytest.mark.parametrize("points", ["1", "1,2,3", ""])
def test_points_fewer_or_more_than_the_projects_are_refused(pb, points):
    text = pb(vote_type="cumulative", **votes(f"1;a,b;{points}", header="voter_id;vote;points"))
    assert place(text) == (14, "points")


def test_points_that_are_no_numbers_are_refused(pb):
    text = pb(vote_type="scoring", **votes("1;a,b;1,x", header="voter_id;vote;points"))
    assert place(text) == (14, "points")


def test_an_election_of_points_without_a_points_column_is_refused(pb):
    assert place(pb(vote_type="cumulative")) == (13, "points")


@pytest.mark.parametrize("column", ["voter_id", "vote"])
def test_votes_without_a_needed_column_are_refused(pb, column):
    header = ";".join("other" if name == column else name for name in ("voter_id", "vote", "age"))
    assert place(pb(**votes("1;a;33", header=header))) == (13, column)


@pytest.mark.parametrize("column", ["project_id", "cost"])
def test_projects_without_a_needed_column_are_refused(pb, column):
    header = "project_id;cost;name".replace(column, "other")
    assert place(pb(projects=(header, "a;1;x"))) == (8, column)


def test_a_column_twice_is_refused(pb):
    assert place(pb(projects=("project_id;cost;cost", "a;1;2"))) == (8, "cost")


def test_an_unquoted_semicolon_makes_a_row_too_long(pb):
    error = refusal(pb(**projects("a;1;x", "b;2;Bancs; tables")))
    assert (error.line, error.field) == (10, "row")
    assert "3 fields" in error.rule
    assert "has 4" in error.rule
    assert "quoted" in error.rule


def test_a_row_too_short_is_refused(pb):
    assert place(pb(**projects("a;1"))) == (9, "row")
    assert place(pb(**votes("1;a", "2"))) == (15, "row")


def test_a_ballot_row_too_long_is_refused(pb):
    assert place(pb(**votes("1;a", "2;b;c"))) == (15, "row")


def test_a_row_too_long_that_begins_with_a_section_word_is_no_section(pb):
    assert place(pb(**votes("1;a", "VOTES;b;c"))) == (15, "row")
    assert place(pb(**projects("a;1;x", "VOTES;2;y;z"))) == (10, "row")


def test_even_a_file_name_with_a_line_break_gives_one_line():
    with pytest.raises(PabulibError) as caught:
        read("", "a\nb.pb")
    assert str(caught.value) == "a b.pb:1: META: the section is missing"


def test_a_meta_row_with_more_than_a_key_and_a_value_is_refused(pb):
    assert place(pb(comment="one;two")) == (7, "row")


def test_a_meta_key_twice_is_refused(pb):
    assert place(pb().replace("rule;greedy", "budget;2000")) == (6, "budget")


@pytest.mark.parametrize("key", ["budget", "vote_type"])
def test_meta_without_what_a_count_needs_is_refused(pb, key):
    assert place(pb(drop=key)) == (1, key)
    assert refusal(pb(**{key: ""})).field == key


def test_a_negative_budget_is_refused(pb):
    assert place(pb(budget="-5")) == (4, "budget")


def test_an_unknown_vote_type_is_refused(pb):
    error = refusal(pb(vote_type="quadratic"))
    assert (error.line, error.field) == (5, "vote_type")
    assert "'quadratic'" in error.rule


def test_meta_needs_its_header(pb):
    assert place(pb().replace("key;value\n", "")) == (2, "META")


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_file_misses_meta(text):
    assert refusal(text).field == "META"


def test_a_missing_section_is_named_where_it_should_begin(pb):
    lines = pb().splitlines()
    assert place("\n".join(lines[6:])) == (1, "META")
    assert place("\n".join(lines[:6] + lines[11:])) == (7, "PROJECTS")
    assert place("\n".join(lines[:11])) == (11, "VOTES")


def test_sections_out_of_order_are_refused(pb):
    lines = pb().splitlines()
    swapped = lines[:6] + lines[11:] + lines[6:11]
    assert place("\n".join(swapped)) == (7, "PROJECTS")
    assert place("\n".join(lines[6:11] + lines[:6] + lines[11:])) == (1, "META")


def test_a_section_after_votes_is_refused(pb):
    assert place(pb() + "META\nkey;value\n") == (17, "section")


def test_a_section_without_a_header_is_refused(pb):
    lines = pb().splitlines()
    assert place("\n".join([*lines[:7], *lines[11:]])) == (7, "PROJECTS")
    assert place("\n".join(lines[:12])) == (12, "VOTES")


def test_a_quote_that_is_never_closed_is_refused_where_its_row_begins(pb):
    error = refusal(pb(**projects("a;1;x", 'b;2;"Bancs')))
    assert (error.line, error.field) == (10, "row")


def test_bytes_that_are_not_utf8_are_refused_with_their_line(pb):
    raw = pb(**projects("a;1;x", "b;2;Forêt")).encode("latin-1")
    assert place(raw) == (10, "encoding")


def test_lines_are_counted_past_quoted_line_breaks_and_blank_lines(pb):
    rows = projects('a;1;"one\ntwo\nthree"', "", "b;-2;y")
    assert place(pb(**rows)) == (13, "cost")


def test_lines_are_counted_alike_with_windows_line_ends(pb):
    text = pb(**votes("1;a", "2;zz")).replace("\n", "\r\n")
    assert place(text) == (15, "vote")


def test_a_value_with_a_line_break_is_quoted_on_one_line(pb):
    error = refusal(pb(**projects('"a\nb";x;y')))
    assert error.field == "cost"
    error = refusal(pb(**votes('1;"a\n\u2028zz"')))
    assert error.field == "vote"


def test_a_long_value_is_shortened(pb):
    assert len(str(refusal(pb(**votes("1;" + "z" * 5000))))) < 200


def test_strict_refuses_an_invalid_ballot(pb):
    error = refusal(pb(max_length="1", **votes("1;a", "2;a,b")), strict=True)
    assert (error.line, error.field) == (16, "vote")
    assert "max_length" in error.rule


@pytest.mark.parametrize(("key", "counted"), [("num_projects", "3"), ("num_votes", "3")])
def test_strict_refuses_a_count_that_differs_from_the_rows(pb, key, counted):
    error = refusal(pb(**{key: "7"}), strict=True)
    assert (error.line, error.field) == (7, key)
    assert "7" in error.rule
    assert counted in error.rule
