"""What is read can be written and read again, equal: the archive's files and any other election."""

from __future__ import annotations

import string
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cahier_record.budget.pabulib import (
    Ballot,
    Instance,
    PabulibError,
    Project,
    profile_of,
    read,
    write,
)
from cahier_record.budget.pabulib.model import POINT_TYPES, VOTE_TYPES
from cahier_record.budget.pabulib.numbers import format_decimal

# Two of the archive's files mix line ends; what is written has the first line's throughout.
MIXED_LINE_ENDS = {
    "Poland_Poznan_2024_10_-_Swierczewo_Wilda_Zielony_Debiec__large.pb",
    "Poland_Wieliczka_2023_Green_Budget.pb",
}

# The one ballot there that ranks a single project gave it 1 point, not max_length - 1 + 1 = 5.
OTHERWISE_SCORED = {("Switzerland_Zurich_S5R", "score"): {"24"}}


def test_real_elections_are_written_back_byte_for_byte(real_elections):
    for path in real_elections:
        raw = path.read_bytes().decode()
        if path.name in MIXED_LINE_ENDS:
            raw = raw.replace("\r\n", "\n").replace("\n", "\r\n")
        assert write(read(raw, path.name)) == raw, path.name


def test_real_elections_hold_nothing_to_warn_of(real_elections):
    for path in real_elections:
        instance = read(path.read_bytes(), path.name, strict=True)
        assert (instance.warnings, instance.invalid) == ([], []), path.name


def test_real_elections_state_the_votes_and_scores_that_we_count(real_elections):
    for path in real_elections:
        instance = read(path.read_bytes(), path.name)
        profile = profile_of(instance)
        for column, counted in (("votes", profile.votes()), ("score", profile.scores())):
            stated = {p.id: int(p.fields[column]) for p in instance.projects if column in p.fields}
            differing = {one for one, number in stated.items() if counted[one] != number}
            assert differing == OTHERWISE_SCORED.get((path.stem, column), set()), path.name


def test_invalid_ballots_are_written_back_in_their_places(pb):
    rows = ("voter_id;vote", "1;a,b", "2;a", "3;a,b", "4;b", "5;a,b")
    text = pb(max_length="1", votes=rows)
    instance = read(text, "city.pb")
    assert [invalid.index for invalid in instance.invalid] == [0, 2, 4]
    assert write(instance) == text


def test_texts_that_need_quotes_are_quoted(pb):
    rows = ("project_id;cost;name", 'a;1;"one; ""two""\nthree"')
    text = pb(projects=rows, votes=("voter_id;vote", "1;a"))
    assert write(read(text, "city.pb")) == text


def test_a_ballot_whose_cells_do_not_match_the_columns_is_not_written():
    instance = Instance(
        meta={"budget": "1", "vote_type": "approval"},
        project_columns=("project_id", "cost"),
        projects=[Project(id="a", cost=Fraction(1), cost_text="1")],
        vote_columns=("voter_id", "vote", "age"),
        ballots=[Ballot(voter="1", projects=("a",))],
    )
    with pytest.raises(ValueError, match="argument"):
        write(instance)


names = st.text(string.ascii_letters + string.digits + "éß-_.#", min_size=1, max_size=8)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
amounts = st.decimals(0, 10**9, places=2).map(lambda number: Fraction(str(number)))
points = st.decimals(0, 100, places=1).map(lambda number: Fraction(str(number)))
columns = st.lists(names, unique=True, max_size=3)


@st.composite
def elections(draw: st.DrawFn) -> Instance:
    vote_type = draw(st.sampled_from(VOTE_TYPES))
    pointed = vote_type in POINT_TYPES
    reserved = {"project_id", "cost", "voter_id", "vote", "points"}
    project_extra = [c for c in draw(columns) if c not in reserved]
    vote_extra = [c for c in draw(columns) if c not in reserved]
    ids = draw(st.lists(names, unique=True, min_size=1, max_size=6))
    projects = []
    for one in ids:
        cost = draw(amounts)
        fields = {column: draw(texts) for column in project_extra}
        projects.append(Project(id=one, cost=cost, cost_text=format_decimal(cost), fields=fields))
    longest = 1 if vote_type == "choose-1" else None
    ballots = []
    for voter in draw(st.lists(names, unique=True, max_size=6)):
        chosen = draw(st.lists(st.sampled_from(ids), unique=True, max_size=longest or len(ids)))
        given_points = [draw(points) for _ in chosen] if pointed else []
        ballots.append(
            Ballot(
                voter=voter,
                projects=tuple(chosen),
                points=tuple(given_points),
                extra=tuple(draw(texts) for _ in vote_extra),
            )
        )
    meta = {"budget": format_decimal(draw(amounts)), "vote_type": vote_type}
    meta |= {f"x-{key}": draw(texts) for key in draw(columns)}
    return Instance(
        meta=meta,
        project_columns=tuple(draw(st.permutations(["project_id", "cost", *project_extra]))),
        projects=projects,
        vote_columns=tuple(
            draw(st.permutations(["voter_id", "vote", *(["points"] * pointed), *vote_extra]))
        ),
        ballots=ballots,
        newline=draw(st.sampled_from(["\n", "\r\n"])),
    )


@given(elections())
def test_any_election_reads_back_equal(instance):
    text = write(instance)
    assert read(text, "any.pb") == instance
    assert read(b"\xef\xbb\xbf" + text.encode(), "any.pb") == instance


def refusal_of(text: str) -> str:
    try:
        read(text, "any.pb")
    except PabulibError as error:
        return str(error)
    return ""


@given(st.text(max_size=200))
def test_no_text_at_all_crashes_the_reader(text):
    told = refusal_of(text)
    assert told.startswith("any.pb:")
    assert len(told.splitlines()) == 1


@given(elections(), st.data())
def test_no_damaged_election_crashes_the_reader(instance, data):
    text = write(instance)
    at = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(at, min(len(text), at + 5)))
    patch = data.draw(st.text(';,"\n\r -1a\ufeff', max_size=5))
    told = refusal_of(text[:at] + patch + text[end:])
    assert told == "" or told.startswith("any.pb:")
