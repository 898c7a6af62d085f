"""What a good file means: sections, exact amounts, ballots that count, and those that do not."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from cahier_record.budget.pabulib import cents, read
from cahier_record.budget.pabulib.numbers import decimals_of, format_decimal, parse_decimal


def votes(*rows: str, header: str = "voter_id;vote") -> dict[str, tuple[str, ...]]:
    return {"votes": (header, *rows)}


def only_invalid(text: str, **options: bool) -> tuple[int, str, str]:
    """Line, field and rule of the one invalid ballot; all others count."""
    instance = read(text, "city.pb", **options)
    (invalid,) = instance.invalid
    assert invalid.ballot not in instance.ballots
    return invalid.line, invalid.field, invalid.rule


def test_a_file_is_read_whole(pb):
    instance = read(pb(unheard_of="kept"), "city.pb")
    assert instance.meta["unheard_of"] == "kept"
    assert instance.budget == 1000
    assert (instance.rule, instance.vote_type) == ("greedy", "approval")
    first = instance.projects[0]
    assert (first.id, first.cost, first.fields) == ("a", 400, {"name": "Arbres"})
    assert [(b.voter, b.projects) for b in instance.ballots] == [
        ("1", ("a", "b")),
        ("2", ("b",)),
        ("3", ("c",)),
    ]
    assert instance.warnings == []
    assert instance.invalid == []


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_bom_and_windows_line_ends_change_nothing(pb, prefix, newline):
    text = pb(votes=("voter_id;vote;town", '1;a;"x;y"'))
    instance = read(prefix + text.replace("\n", newline).encode(), "city.pb")
    assert (instance.newline, instance.warnings) == (newline, [])
    assert next(iter(instance.meta)) == "description"
    assert instance.ballots[0].extra == ("x;y",)


def test_a_voter_called_votes_and_a_project_called_meta_are_no_sections(pb):
    text = pb(
        projects=("project_id;cost", "META;1", "meta;2", "VOTES;3"),
        votes=("voter_id;vote", "votes;meta", "VOTES;META", "PROJECTS;VOTES"),
    )
    instance = read(text, "city.pb")
    assert [project.id for project in instance.projects] == ["META", "meta", "VOTES"]
    assert [ballot.voter for ballot in instance.ballots] == ["votes", "VOTES", "PROJECTS"]


def test_columns_may_stand_in_any_order_and_unknown_ones_are_kept(pb):
    text = pb(
        projects=("name;cost;colour;project_id", "Arbres;4.50;green;a"),
        votes=("age;vote;sex;voter_id", "33;a;F;1"),
    )
    instance = read(text, "city.pb")
    (project,), (ballot,) = instance.projects, instance.ballots
    assert (project.id, project.cost_text) == ("a", "4.50")
    assert project.fields == {"name": "Arbres", "colour": "green"}
    assert instance.extra_vote_columns == ("age", "sex")
    assert (ballot.voter, ballot.extra) == ("1", ("33", "F"))


@pytest.mark.parametrize("decimals", ["446829.4", "446829.40", " 446829.4 ", "0446829.4"])
def test_money_is_exact_and_keeps_its_text(pb, decimals):
    text = pb(
        budget=decimals, projects=("project_id;cost", f"a;{decimals}"), votes=("voter_id;vote",)
    )
    instance = read(text, "city.pb")
    (project,) = instance.projects
    assert instance.budget == project.cost == Fraction(4468294, 10)
    assert project.cost_text == decimals
    assert project.cents() == 44682940


def test_amounts_finer_than_a_cent_are_exact_but_have_no_cents(pb):
    instance = read(
        pb(projects=("project_id;cost", "a;0.001"), votes=("voter_id;vote",)), "city.pb"
    )
    assert instance.projects[0].cost == Fraction(1, 1000)
    with pytest.raises(ValueError, match="finer than a cent"):
        instance.projects[0].cents()


def test_cents_and_decimal_forms_are_exact():
    assert cents(Fraction("0.1") + Fraction("0.2")) == 30
    for text in ("0", "4000", "446829.4", "0.05", "-0.05", "10.001"):
        assert format_decimal(parse_decimal(text)) == text
    assert decimals_of(Fraction(1, 8)) == 3
    with pytest.raises(ValueError, match="no decimal form"):
        decimals_of(Fraction(1, 3))


def test_a_withdrawn_project_is_valid(pb):
    instance = read(
        pb(projects=("project_id;cost", "a;999999999", "b;1"), votes=("voter_id;vote",)), "city.pb"
    )
    assert [project.withdrawn for project in instance.projects] == [True, False]


def test_zero_cost_is_valid(pb):
    instance = read(pb(projects=("project_id;cost", "a;0"), votes=("voter_id;vote", "1;a")), "c")
    assert instance.projects[0].cost == 0


def test_no_projects_and_no_voters_are_valid(pb):
    instance = read(pb(projects=("project_id;cost",), votes=("voter_id;vote",)), "city.pb")
    assert (instance.projects, instance.ballots) == ([], [])


def test_blanks_in_a_list_are_trimmed_with_a_warning(pb):
    instance = read(pb(**votes("1;a, b", "2;a,b")), "city.pb")
    assert [ballot.projects for ballot in instance.ballots] == [("a", "b"), ("a", "b")]
    (warning,) = instance.warnings
    assert warning == "city.pb:14: vote: blanks in the list were trimmed"


def test_blanks_in_points_and_ids_are_trimmed_with_a_warning(pb):
    text = pb(vote_type="scoring", **votes("1;a,b;1, 2", " 2;a;1", header="voter_id;vote;points"))
    instance = read(text, "city.pb")
    assert [ballot.voter for ballot in instance.ballots] == ["1", "2"]
    assert [warning.split(": ")[0] for warning in instance.warnings] == ["city.pb:14", "city.pb:15"]
    padded = pb(projects=("project_id;cost", " a ;1"), **votes("1;a"))
    (warning,) = read(padded, "city.pb").warnings
    assert warning.startswith("city.pb:9: project_id: ")


def test_a_project_twice_in_an_approval_ballot_is_one_approval_and_a_warning(pb):
    instance = read(pb(**votes("1;a,b,a")), "city.pb")
    assert instance.ballots[0].projects == ("a", "b")
    (warning,) = instance.warnings
    assert warning.startswith("city.pb:14: vote: ")
    assert "'a'" in warning
    assert "one approval" in warning


def test_the_literal_reading_keeps_a_repeated_approval(pb):
    instance = read(pb(**votes("1;a,b,a")), "city.pb", literal_repeats=True)
    assert instance.ballots[0].projects == ("a", "b", "a")
    assert "each time" in instance.warnings[0]


def test_a_repeated_approval_has_the_length_that_its_reading_gives_it(pb):
    text = pb(max_length="2", **votes("1;a,b,a"))
    assert read(text, "city.pb").invalid == []
    assert only_invalid(text, literal_repeats=True)[:2] == (15, "vote")


@pytest.mark.parametrize("vote_type", ["ordinal", "cumulative", "scoring"])
def test_a_rank_list_that_repeats_is_an_invalid_ballot(pb, vote_type):
    text = pb(vote_type=vote_type, **votes("1;a,b;2,1", "2;a,a;1,1", header="voter_id;vote;points"))
    line, field, rule = only_invalid(text)
    assert (line, field) == (15, "vote")
    assert "twice" in rule


@pytest.mark.parametrize(
    ("meta", "row", "words"),
    [
        ({"max_length": "1"}, "2;a,b", "over max_length 1"),
        ({"min_length": "1"}, "2;", "under min_length 1"),
        ({"max_sum_cost": "699.99"}, "2;a,b", "over max_sum_cost 699.99"),
        ({"min_sum_cost": "300.5"}, "2;b", "under min_sum_cost 300.5"),
    ],
)
def test_a_ballot_beyond_a_limit_is_left_out_and_named(pb, meta, row, words):
    line, field, rule = only_invalid(pb(**meta, **votes("1;a", row)))
    assert (line, field) == (16, "vote")
    assert words in rule


def test_a_ballot_at_its_limits_counts(pb):
    limits = {"min_length": "2", "max_length": "2", "min_sum_cost": "700", "max_sum_cost": "700"}
    assert read(pb(**limits, **votes("1;a,b")), "city.pb").invalid == []


@pytest.mark.parametrize(
    ("meta", "points", "words"),
    [
        ({"max_sum_points": "5"}, "3,3", "over max_sum_points 5"),
        ({"min_sum_points": "5"}, "2,2", "under min_sum_points 5"),
        ({"max_points": "3"}, "1,4", "over max_points 3"),
        ({"min_points": "1"}, "1,0", "under min_points 1"),
        ({}, "1,-1", "vote_type cumulative"),
    ],
)
def test_points_beyond_a_limit_make_a_ballot_invalid(pb, meta, points, words):
    text = pb(
        vote_type="cumulative", **meta, **votes(f"1;a,b;{points}", header="voter_id;vote;points")
    )
    line, field, rule = only_invalid(text)
    assert (line, field) == (14 + len(meta), "points")
    assert words in rule


def test_scoring_may_give_negative_and_broken_points(pb):
    text = pb(vote_type="scoring", **votes("1;a,b;-1,0.5", header="voter_id;vote;points"))
    assert read(text, "city.pb").ballots[0].points == (Fraction(-1), Fraction(1, 2))


def test_choose_1_allows_one_project_whatever_max_length_says(pb):
    text = pb(vote_type="choose-1", max_length="3", **votes("1;a", "2;a,b"))
    line, _, rule = only_invalid(text)
    assert line == 16
    assert "choose-1" in rule


def test_without_max_sum_cost_a_ballot_may_cost_more_than_the_envelope(pb):
    assert read(pb(budget="1", **votes("1;a,b,c")), "city.pb").invalid == []


def test_an_empty_ballot_counts_unless_min_length_forbids_it(pb):
    assert read(pb(**votes("1;", "2; ")), "city.pb").ballots[1].projects == ()
    assert only_invalid(pb(min_length="1", **votes("1;a", "2;")))[0] == 16
    empty_points = pb(vote_type="scoring", **votes("1;;", header="voter_id;vote;points"))
    assert len(read(empty_points, "city.pb").ballots) == 1


def test_an_unknown_project_is_an_error_even_in_a_ballot_that_is_too_long(pb):
    with pytest.raises(ValueError, match=r"city\.pb:15: vote: names"):
        read(pb(max_length="1", **votes("1;a,zz")), "city.pb")


@pytest.mark.parametrize("key", ["num_projects", "num_votes"])
def test_a_count_that_differs_from_the_rows_is_a_warning_with_both_numbers(pb, key):
    (warning,) = read(pb(**{key: "7"}), "city.pb").warnings
    assert warning == f"city.pb:7: {key}: META says 7, but the section has 3 rows"
    assert read(pb(**{key: "3"}), "city.pb").warnings == []


def test_invalid_ballots_are_rows_for_num_votes(pb):
    text = pb(num_votes="2", max_length="1", **votes("1;a", "2;a,b"))
    assert read(text, "city.pb").warnings == []


def test_empty_meta_values_set_no_limit(pb):
    assert read(pb(min_length="", max_length=" ", max_sum_cost=""), "city.pb").invalid == []


def test_a_hundred_thousand_ballots_are_read_in_two_seconds(pb):
    ids = [f"p{number}" for number in range(130)]
    rows = [
        f"{voter};{','.join(ids[(voter * 7 + step * step * 11) % 130] for step in range(6))};40;F"
        for voter in range(100_000)
    ]
    text = pb(
        projects=("project_id;cost", *(f"{one};10" for one in ids)),
        max_length="10",
        **votes(*rows, header="voter_id;vote;age;sex"),
    )
    began = time.process_time()
    instance = read(text, "city.pb")
    assert len(instance.ballots) == 100_000
    assert time.process_time() - began < 2
