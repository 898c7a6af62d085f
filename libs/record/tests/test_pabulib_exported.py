"""What exported files say: projects' own titles where they were merged, and the rules in force."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from cahier_record.budget.events import ElectionCreated, Rules
from cahier_record.budget.life import ChangeProposed
from cahier_record.budget.life_view import ChangeView, LifeView
from cahier_record.budget.pabulib import exported
from cahier_record.budget.views import ElectionView, ProjectView

RULES = Rules(vote_type="approval", rule="greedy")
CREATED = ElectionCreated(
    election="e",
    envelope_cents=100_00,
    currency="EUR",
    opens_at="2026-01-01T00:00:00Z",
    closes_at="2026-02-01T00:00:00Z",
    rules=RULES,
)


class Kept:
    """Texts as somebody keeps them."""

    def source(self, event_id: str) -> dict[str, Any]:
        return {}

    def text(self, event_id: str, name: str) -> str:
        texts = {("proposed", "title_1"): "North lane", ("proposed", "title_2"): "South lane"}
        return texts.get((event_id, name), "")

    def title(self, proposal_id: str) -> str:
        return f"Title of {proposal_id}"


def project(id: str, number: int, change: str = "") -> ProjectView:
    return ProjectView(id, number, "p", "", "", "", f"added {id}", 50_00, "feasible", change=change)


def test_a_project_that_came_out_of_a_change_bears_its_own_title() -> None:
    proposed = ChangeProposed(election="e", change="c", kind="split", projects=("a",), results=2)
    change = ChangeView("proposed", proposed, state="completed", results=("b", "d"))
    projects = {
        "a": project("a", 1),
        "b": project("b", 2, "c"),
        "d": project("d", 3, "c"),
        "lost": project("lost", 4, "nobody's"),
    }
    view = ElectionView(CREATED, "created", RULES, projects=projects)
    view.life = LifeView(changes={"c": change})
    found = exported(view, Kept(), lambda ballot: b"")
    assert [each.fields["name"] for each in found.projects] == [
        "Title of p",
        "North lane",
        "South lane",
        "Title of p",
    ]


def test_who_does_not_stand_is_not_listed_and_rules_name_the_others_by_their_place() -> None:
    projects = {
        "a": replace(project("a", 1), feasibility="unfeasible"),
        "b": replace(project("b", 2), feasibility="superseded"),
        **{each: project(each, number) for number, each in enumerate("cde", 3)},
    }
    rules = replace(RULES, fixed=(4,), alternatives=((1, 3), (3, 5)))
    view = ElectionView(CREATED, "created", rules, projects=projects)
    found = exported(view, Kept(), lambda ballot: b"")
    assert [each.id for each in found.projects] == ["3", "4", "5"]
    assert found.meta["num_projects"] == "3"
    assert found.meta["cahier_fixed"] == "2"
    assert found.meta["cahier_alternatives"] == "1,3"
    own = exported(view, Imported("greedy"), lambda ballot: b"").meta
    assert (own["num_projects"], own["unit"]) == ("3", "Here")


class Imported(Kept):
    """Texts of an election that came out of a file whose META names a rule."""

    def __init__(self, rule: str) -> None:
        self._meta = {"description": "A vote", "rule": rule, "unit": "Here"}

    def source(self, event_id: str) -> dict[str, Any]:
        return {"meta": self._meta} if event_id == "created" else {}


def test_a_file_that_was_imported_under_another_rule_is_exported_with_that_one() -> None:
    view = ElectionView(CREATED, "created", RULES)
    told = exported(view, Imported("unknown"), lambda ballot: b"").meta
    assert told["rule"] == "greedy"
    assert told["unit"] == "Here"


def test_a_file_that_was_imported_under_its_own_rule_keeps_its_words() -> None:
    view = ElectionView(CREATED, "created", RULES)
    own = Imported(" greedy")
    assert exported(view, own, lambda ballot: b"").meta == own.source("created")["meta"]
