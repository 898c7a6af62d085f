"""Books and corrections, from outside: where the money is, which cent is missing, each count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cahier_auditor.__main__ import main
from cahier_record.budget import corrections, delivery
from cahier_record.budget import events as budget
from cahier_record.budget.books import move, post

ELECTION = "018f3a00-0000-7000-8000-000000000001"
REST, BENCH = ("unallocated", 0, ""), ("reserved", 1, "")
TENDER, PAID = ("committed", 1, "t"), ("paid", 1, "i")


@pytest.fixture
def building(city: Any, close: Any) -> Any:
    """A city whose result is announced, with a contract on project 1, and 300 paid of 550."""
    close(city)
    told = {"election": ELECTION, "project": "p1"}
    result = city.logs["budget"][-1].id
    city.say(
        delivery.BooksOpened(
            election=ELECTION,
            result=result,
            envelope_cents=1_000,
            postings=move(1_000, ("grant", 0, ""), REST),
        )
    )
    city.say(
        delivery.FundsReserved(election=ELECTION, result=result, postings=move(600, REST, BENCH))
    )
    city.say(
        delivery.TenderAwarded(**told, tender="t", postings=move(550, BENCH, TENDER)), title="Wood"
    )
    city.say(
        delivery.ExpenditureRecorded(
            **told, tender="t", invoice="i", postings=move(300, TENDER, PAID)
        ),
        payee="Carpenter",
    )
    return city


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, [*map(str, arguments), "--jobs", "1"])


def test_a_replay_says_where_the_money_is(building: Any, tmp_path: Path) -> None:
    told = run("replay", building.write(tmp_path / "bundle"))
    assert told.exit_code == 0, told.output
    assert (
        "  books of 10 EUR: 4 unallocated, 0.5 reserved, 2.5 committed, 3 paid, 0 returned"
        in told.output
    )
    assert "    project 1: building, 0.5 reserved, 2.5 committed, 3 paid" in told.output


@pytest.mark.parametrize(
    ("postings", "rule"),
    [
        (post(PAID, 1), "its postings do not sum to zero"),
        (move(251, TENDER, ("paid", 1, "j")), "it leaves -1 cents on the account committed"),
        (move(1, ("reserved", 2, ""), ("paid", 2, "j")), "it moves another project's money"),
        (move(1, TENDER, REST), "it has no business with the account unallocated"),
    ],
)
def test_a_leaf_that_does_not_balance_is_named(
    building: Any, tmp_path: Path, postings: Any, rule: str
) -> None:
    building.say(
        delivery.ExpenditureRecorded(
            election=ELECTION, project="p1", invoice="j", postings=postings
        ),
        payee="Nobody",
    )
    place = len(building.logs["budget"]) - 1
    told = run("replay", building.write(tmp_path / "bundle"))
    assert told.exit_code == 1
    assert f"the books do not balance: {rule}" in told.output
    assert f"{place}" in told.output


def test_each_count_is_recounted_with_what_was_annulled_by_then(
    city: Any, close: Any, tmp_path: Path
) -> None:
    close(city)
    first, announced = (leaf.id for leaf in city.logs["budget"][-2:])
    city.say(
        corrections.BallotsAnnulled(election=ELECTION, credentials=("voter0", "voter4")),
        reason="twice",
    )
    second = city.say(
        budget.BallotsCounted(election=ELECTION, result=city.counted(), supersedes=first)
    )
    city.say(budget.ResultPublished(election=ELECTION, count=second.id, corrects=announced))
    bundle = city.write(tmp_path / "bundle")
    told = run("recount", bundle, "all")
    assert told.exit_code == 0, told.output
    assert "5 ballots counted from the log" in told.output
    assert "3 ballots counted from the log" in told.output
    assert "count 2 of 2, 2 voters' ballots annulled" in told.output
    assert "count 1 of 2, 0 voters' ballots annulled" in told.output


def test_a_count_that_ignores_an_annulment_is_named(city: Any, close: Any, tmp_path: Path) -> None:
    close(city)
    first = city.logs["budget"][-2].id
    honest = city.counted()
    city.say(
        corrections.BallotsAnnulled(election=ELECTION, credentials=("voter0",)), reason="twice"
    )
    city.say(budget.BallotsCounted(election=ELECTION, result=honest, supersedes=first))
    told = run("recount", city.write(tmp_path / "bundle"), "all")
    assert told.exit_code == 1
    assert "the announced ballots_counted is the counted one" in told.output
    assert "the announced ballots_annulled is the counted one" in told.output
